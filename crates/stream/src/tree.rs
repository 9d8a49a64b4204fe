//! Walking through an element that the scanner has validated: no errors here, only positions.

use crate::escape;
use crate::scanner::chars::is_space;
use crate::scanner::find::{find1, name_end};
use crate::scanner::namespaces::{Namespaces, NsRef, Scope};
use crate::scanner::tag::{Attribute, Name};
use memchr::{memchr, memmem};
use std::borrow::Cow;

/// One element of a tree; the tree is a list in document order.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Name,
    pub(crate) namespace: NsRef,
    /// Where its `<` is.
    pub(crate) start: u32,
    /// Behind the `>` of its start tag.
    pub(crate) content: u32,
    /// In front of its end tag.
    pub(crate) content_end: u32,
    /// Behind it.
    pub(crate) end: u32,
    /// The node behind its last descendant. (While the tree is built: its parent.)
    pub(crate) next: u32,
}

/// The attributes of a start tag, namespace declarations included.
#[derive(Clone)]
pub(crate) struct Attributes<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Attributes<'a> {
    /// `position` is behind the element's name.
    pub(crate) fn new(bytes: &'a [u8], position: usize) -> Self {
        Attributes { bytes, position }
    }

    fn skip_space(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.position)?;
            if !is_space(byte) {
                return Some(byte);
            }
            self.position += 1;
        }
    }

    /// Once there are no more: where the tag ends, and whether it is an empty one.
    pub(crate) fn end(mut self) -> (usize, bool) {
        while self.next().is_some() {}
        let empty = self.bytes.get(self.position) == Some(&b'/');
        (self.position + 1 + usize::from(empty), empty)
    }
}

impl Iterator for Attributes<'_> {
    type Item = Attribute;

    #[inline]
    fn next(&mut self) -> Option<Attribute> {
        if matches!(self.skip_space()?, b'/' | b'>') {
            return None;
        }
        let start = self.position;
        let name = qualified_name(self.bytes, start);
        let value = match self.bytes.get(name.end()..)? {
            [b'=', b'\'' | b'"', ..] => name.end() + 2,
            _ => {
                self.position = name.end();
                self.skip_space()?;
                self.position += 1;
                self.skip_space()?;
                self.position + 1
            }
        };
        let end = find1(self.bytes, value, *self.bytes.get(value - 1)?)?;
        self.position = end + 1;
        let declares = match name.has_prefix() {
            true => name.whole(self.bytes).starts_with(b"xmlns:"),
            false => name.whole(self.bytes) == b"xmlns",
        };
        Some(Attribute {
            name,
            value: (value as u32, end as u32),
            declares,
        })
    }
}

/// The name at `start`, which ends at white space, `/`, `>` or `=`.
#[inline]
pub(crate) fn qualified_name(bytes: &[u8], start: usize) -> Name {
    let mut local = start;
    let mut from = start;
    loop {
        let end = name_end(bytes, from).unwrap_or(bytes.len());
        match bytes.get(end) {
            Some(b':') => {
                from = end + 1;
                local = from;
            }
            Some(0x80..) => from = end + 1,
            _ => return Name::new(start, local, end),
        }
    }
}

/// The whole tree under the element that `bytes` is, which is of so many elements.
pub(crate) fn build(bytes: &[u8], scope: &Scope, elements: u32) -> Box<[Node]> {
    let mut nodes: Vec<Node> = Vec::with_capacity(elements as usize);
    let mut namespaces = Namespaces::default();
    let mut depth = 0;
    let mut parent = u32::MAX;
    let mut position = 0;
    while let Some(at) = bytes.get(position..).and_then(|rest| memchr(b'<', rest)) {
        let start = position + at;
        match bytes.get(start + 1) {
            Some(b'/') => {
                let Some(length) = bytes.get(start..).and_then(|rest| memchr(b'>', rest)) else {
                    break;
                };
                position = start + length + 1;
                let count = nodes.len() as u32;
                let closed = parent;
                let Some(node) = nodes.get_mut(closed as usize) else {
                    break;
                };
                parent = std::mem::replace(&mut node.next, count);
                node.content_end = start as u32;
                node.end = position as u32;
                depth -= 1;
                namespaces.leave(depth);
                if parent == u32::MAX {
                    break;
                }
            }
            Some(b'!') => position = cdata_end(bytes, start),
            Some(_) => {
                let name = qualified_name(bytes, start + 1);
                let index = nodes.len() as u32;
                let mut attributes = Attributes::new(bytes, name.end());
                for attribute in attributes.by_ref().filter(|attribute| attribute.declares) {
                    namespaces.redeclare(&attribute, bytes, depth);
                }
                let namespace = namespaces.find(name.prefix(bytes), bytes, scope).unwrap_or(NsRef::None);
                let (end, empty) = attributes.end();
                position = end;
                let (start, end) = (start as u32, end as u32);
                let next = if empty { index + 1 } else { parent };
                nodes.push(Node {
                    name,
                    namespace,
                    start,
                    content: end,
                    content_end: end,
                    end,
                    next,
                });
                if empty {
                    namespaces.leave(depth);
                    if parent == u32::MAX {
                        break;
                    }
                } else {
                    depth += 1;
                    parent = index;
                }
            }
            None => break,
        }
    }
    // There are exactly as many as there is room for.
    nodes.into_boxed_slice()
}

const CDATA_END: &[u8] = b"]]>";

pub(crate) fn cdata_end(bytes: &[u8], start: usize) -> usize {
    let length = bytes.get(start..).and_then(|rest| memmem::find(rest, CDATA_END));
    length.map_or(bytes.len(), |length| start + length + CDATA_END.len())
}

/// What is in a CDATA section that is given whole.
pub(crate) fn cdata_content(section: &str) -> Option<&str> {
    section.strip_prefix("<![CDATA[")?.strip_suffix("]]>")
}

/// Adds what a stretch of character data without elements stands for.
pub(crate) fn add_text<'a>(raw: &'a str, to: &mut Cow<'a, str>) {
    let mut rest = raw;
    while !rest.is_empty() {
        let (end, cdata) = match memchr(b'<', rest.as_bytes()) {
            Some(0) => (cdata_end(rest.as_bytes(), 0), true),
            found => (found.unwrap_or(rest.len()), false),
        };
        let Some((piece, behind)) = rest.split_at_checked(end) else {
            return;
        };
        rest = behind;
        let piece = if cdata {
            escape::cdata(cdata_content(piece).unwrap_or_default())
        } else {
            escape::text(piece)
        };
        if to.is_empty() {
            *to = piece;
        } else {
            to.to_mut().push_str(&piece);
        }
    }
}
