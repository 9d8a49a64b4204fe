//! Start tags, end tags and attributes.

use super::chars::{HIGH, START, class, is_space};
use super::find::find3;
use super::name::NameScan;
use super::namespaces::NsRef;
use super::{Flow, Head, Open, Scanner, State, Step, Token};
use crate::error::{Error, HeaderError, XmlError, quote};
use crate::escape;
use crate::limits::LimitKind;
use std::borrow::Cow;
use xmpp_tls_core::ns;

/// Where a qualified name is. Positions fit into 32 bits because items are limited to 4 GiB.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Name {
    start: u32,
    /// Behind the colon, or the same as `start`.
    local: u32,
    end: u32,
}

impl Name {
    pub(crate) fn new(start: usize, local: usize, end: usize) -> Self {
        Name {
            start: start as u32,
            local: local as u32,
            end: end as u32,
        }
    }

    pub(crate) fn whole<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(crate) fn local<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.local as usize..self.end as usize).unwrap_or_default()
    }

    pub(crate) fn prefix<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes
            .get(self.start as usize..(self.local as usize).saturating_sub(1))
            .unwrap_or_default()
    }

    pub(crate) fn local_range(&self) -> (u32, u32) {
        (self.local, self.end)
    }

    /// Without the colon; empty if there is none.
    pub(crate) fn prefix_range(&self) -> (u32, u32) {
        (self.start, self.local.saturating_sub(1).max(self.start))
    }

    pub(crate) fn has_prefix(&self) -> bool {
        self.start != self.local
    }

    pub(crate) fn start(&self) -> usize {
        self.start as usize
    }

    pub(crate) fn end(&self) -> usize {
        self.end as usize
    }
}

/// An attribute of the start tag at hand.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: Name,
    /// What is between the quotes.
    pub(crate) value: (u32, u32),
    pub(crate) declares: bool,
}

impl Attribute {
    pub(crate) fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes
            .get(self.value.0 as usize..self.value.1 as usize)
            .unwrap_or_default()
    }

    /// The value as the application sees it.
    pub(crate) fn text<'a>(&self, bytes: &'a [u8]) -> Cow<'a, str> {
        escape::attribute(std::str::from_utf8(self.value(bytes)).unwrap_or_default())
    }

    /// The prefix that a namespace declaration binds; empty for `xmlns`.
    pub(crate) fn declared_prefix(&self) -> (u32, u32) {
        if self.name.has_prefix() {
            (self.name.local, self.name.end)
        } else {
            (self.name.end, self.name.end)
        }
    }
}

/// One of 64 bits for a name: if two names have different ones, they differ.
#[inline(always)]
pub(crate) fn hash_bit(name: &[u8]) -> u64 {
    match name {
        [first, .., last] => 1 << ((usize::from(*first) + 5 * usize::from(*last) + 9 * name.len()) % 64),
        _ => 1 << (name.first().copied().unwrap_or(0) % 64),
    }
}

fn is_content(namespace: &[u8]) -> bool {
    namespace == ns::CLIENT.as_bytes() || namespace == ns::SERVER.as_bytes()
}

impl Scanner {
    #[inline]
    pub(super) fn start_name(&mut self, bytes: &[u8]) -> Step {
        let scan = self.name.scan(bytes, &mut self.position, self.base, &self.limits);
        let Some(name) = scan? else { return Ok(Flow::Starved) };
        self.tag = name;
        self.state = State::TagGap;
        Ok(Flow::On)
    }

    #[inline]
    pub(super) fn tag_gap(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'>') => self.finish_start_tag(bytes, false),
            Some(b'/') => self.step(State::Slash),
            Some(byte) if is_space(byte) => self.step(State::TagSpace),
            Some(_) => self.unexpected(bytes, "white space, '/' or '>'"),
        }
    }

    #[inline]
    pub(super) fn tag_space(&mut self, bytes: &[u8]) -> Step {
        while let Some(byte) = self.peek(bytes) {
            match byte {
                b'>' => return self.finish_start_tag(bytes, false),
                b'/' => return self.step(State::Slash),
                _ if is_space(byte) => self.position += 1,
                _ if class(byte) & (START | HIGH) != 0 => {
                    if self.attributes.len() >= self.limits.attributes {
                        return Self::exceeds(LimitKind::Attributes, self.limits.attributes);
                    }
                    self.name = NameScan::at(self.position);
                    self.state = State::AttributeName;
                    return Ok(Flow::On);
                }
                _ => return self.unexpected(bytes, "an attribute, '/' or '>'"),
            }
        }
        Ok(Flow::Starved)
    }

    #[inline]
    pub(super) fn attribute_name(&mut self, bytes: &[u8]) -> Step {
        let scan = self.name.scan(bytes, &mut self.position, self.base, &self.limits);
        let Some(name) = scan? else { return Ok(Flow::Starved) };
        self.take_attribute(bytes, name, (0, 0));
        self.state = State::Equals;
        Ok(Flow::On)
    }

    #[inline]
    pub(super) fn equals(&mut self, bytes: &[u8]) -> Step {
        while let Some(byte) = self.peek(bytes) {
            match byte {
                b'=' => return self.step(State::Quote),
                _ if is_space(byte) => self.position += 1,
                _ => return self.unexpected(bytes, "'=' behind the name of an attribute"),
            }
        }
        Ok(Flow::Starved)
    }

    #[inline]
    pub(super) fn opening_quote(&mut self, bytes: &[u8]) -> Step {
        while let Some(byte) = self.peek(bytes) {
            match byte {
                b'\'' | b'"' => {
                    self.quote = byte;
                    self.value_start = self.position + 1;
                    return self.step(State::Value);
                }
                _ if is_space(byte) => self.position += 1,
                _ => return self.unexpected(bytes, "a quote around an attribute value"),
            }
        }
        Ok(Flow::Starved)
    }

    #[inline]
    pub(super) fn value(&mut self, bytes: &[u8]) -> Step {
        self.position = find3(bytes, self.position, [self.quote, b'<', b'&']).unwrap_or(bytes.len());
        if self.position - self.value_start > self.limits.attribute_value_bytes {
            return Self::exceeds(LimitKind::AttributeValueBytes, self.limits.attribute_value_bytes);
        }
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'&') => {
                self.resume = State::Value;
                self.reference_start = self.position;
                self.step(State::Reference)
            }
            Some(b'<') => self.unexpected(bytes, "an attribute value, where it is written &lt;"),
            Some(_) => {
                if let Some(attribute) = self.attributes.last_mut() {
                    attribute.value = (self.value_start as u32, self.position as u32);
                }
                self.step(State::TagGap)
            }
        }
    }

    #[inline]
    pub(super) fn slash(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'>') => self.finish_start_tag(bytes, true),
            Some(_) => self.unexpected(bytes, "'>' behind '/'"),
        }
    }

    /// At the `>` of a start tag: what can only be judged as a whole.
    pub(super) fn finish_start_tag(&mut self, bytes: &[u8], empty: bool) -> Step {
        self.position += 1;
        if self.alike {
            self.refuse_duplicates(bytes)?;
        }
        let outside = self.namespaces.len() as u32;
        if self.declarations > 0 {
            self.declare_namespaces(bytes)?;
        }
        let first = self.open.is_empty();
        let mut namespace = NsRef::None;
        // Inner elements without prefix are in some namespace or none, which does not matter here.
        if first || self.tag.has_prefix() {
            namespace = self.resolve(self.tag, bytes)?;
        }
        if self.prefixed > 0 {
            self.resolve_attributes(bytes)?;
        }
        if self.root.is_none() {
            return self.header(bytes, namespace, empty);
        }
        if first {
            self.first_level(bytes, namespace)?;
        } else if let Some(head) = &mut self.head {
            head.elements = head.elements.saturating_add(1);
            head.prefixed_content |= self.tag.has_prefix() && is_content(namespace.bytes(bytes, &self.scope));
        }
        if !empty {
            self.open.push(Open {
                name: (self.tag.start, self.tag.end),
                declarations: outside,
            });
        } else {
            self.namespaces.truncate(outside as usize);
            if first {
                return self.finish_element();
            }
        }
        self.state = State::Content;
        Ok(Flow::On)
    }

    fn first_level(&mut self, bytes: &[u8], namespace: NsRef) -> Result<(), Error> {
        let prefixed_content = self.tag.has_prefix() && is_content(namespace.bytes(bytes, &self.scope));
        if self.strict_prefixes && prefixed_content {
            return Err(Error::Header(HeaderError::Prefix {
                prefix: quote(self.tag.prefix(bytes)),
            }));
        }
        let declares_default = self.attributes.iter().any(|a| a.declares && !a.name.has_prefix());
        self.head = Some(Head {
            name: self.tag,
            elements: 1,
            prefixed_content,
            namespace,
            content: self.position as u32,
            declares_default,
            inherited: 0,
        });
        Ok(())
    }

    fn finish_element(&mut self) -> Step {
        if let Some(head) = &mut self.head {
            head.inherited = self.namespaces.inherited;
        }
        self.state = State::Content;
        Ok(Flow::Done(Token::Element))
    }

    // End tags.

    #[inline]
    pub(super) fn end_name(&mut self, bytes: &[u8]) -> Step {
        let scan = self.name.scan(bytes, &mut self.position, self.base, &self.limits);
        let Some(name) = scan? else { return Ok(Flow::Starved) };
        let found = name.whole(bytes);
        let expected = match (self.open.last(), &self.root) {
            (Some(open), _) => bytes
                .get(open.name.0 as usize..open.name.1 as usize)
                .unwrap_or_default(),
            (None, Some(root)) => root.as_bytes(),
            (None, None) => b"",
        };
        if found != expected {
            let kind = XmlError::MismatchedTag {
                expected: quote(expected),
                found: quote(found),
            };
            return Err(Error::Xml {
                kind,
                offset: self.offset(self.tag_start),
            });
        }
        self.state = State::EndSpace;
        Ok(Flow::On)
    }

    #[inline]
    pub(super) fn end_space(&mut self, bytes: &[u8]) -> Step {
        while let Some(byte) = self.peek(bytes) {
            match byte {
                b'>' => return self.close_tag(),
                _ if is_space(byte) => self.position += 1,
                _ => return self.unexpected(bytes, "'>'"),
            }
        }
        Ok(Flow::Starved)
    }

    pub(super) fn close_tag(&mut self) -> Step {
        self.position += 1;
        let Some(open) = self.open.pop() else {
            self.state = State::Closed;
            return Ok(Flow::Done(Token::Close));
        };
        self.namespaces.truncate(open.declarations as usize);
        if self.open.is_empty() {
            return self.finish_element();
        }
        self.state = State::Content;
        Ok(Flow::On)
    }
}
