//! Short cuts through what streams are mostly made of: tags that have arrived as a whole, names in
//! ASCII, values and texts whose only references are to the five predefined entities.
//!
//! A short cut decides nothing of its own. Whatever is not plain (the end of the input at hand
//! included), and whatever would be an error, it leaves untouched for the states of the machine,
//! which judge it from the same position. So results do not depend on which way was taken, and no
//! token is looked at by a short cut more than once.

use super::chars::{START, class};
use super::find::{find3, name_end};
use super::tag::{Attribute, Name, hash_bit};
use super::{Flow, Scanner, State, Step};

impl Scanner {
    /// At the first character of a start tag's name: as much of the tag as is plain.
    #[inline]
    pub(super) fn plain_start_tag(&mut self, bytes: &[u8]) -> Step {
        let Some(name) = plain_name(bytes, self.position, self.limits.name_bytes) else {
            return self.on(State::StartName);
        };
        self.tag = name;
        self.position = name.end();
        self.plain_attributes(bytes)
    }

    /// Behind the name or an attribute of a start tag.
    #[inline]
    fn plain_attributes(&mut self, bytes: &[u8]) -> Step {
        let mut at = self.position;
        loop {
            match bytes.get(at..) {
                Some([b'>', ..]) => {
                    self.position = at;
                    return self.finish_start_tag(bytes, false);
                }
                Some([b'/', b'>', ..]) => {
                    self.position = at + 1;
                    return self.finish_start_tag(bytes, true);
                }
                Some([b' ', ..]) if self.attributes.len() < self.limits.attributes => {
                    match self.plain_attribute(bytes, at + 1) {
                        Some(behind) => at = behind,
                        None => break,
                    }
                }
                _ => break,
            }
        }
        self.position = at;
        self.on(State::TagGap)
    }

    /// One attribute; returns what is behind it.
    #[inline(always)]
    fn plain_attribute(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        let name = plain_name(bytes, start, self.limits.name_bytes)?;
        let &[b'=', quote @ (b'\'' | b'"'), ..] = bytes.get(name.end()..)? else {
            return None;
        };
        let value = name.end() + 2;
        let mut end = find3(bytes, value, [quote, b'<', b'&'])?;
        while bytes.get(end) == Some(&b'&') {
            end = find3(bytes, self.plain_reference(bytes, end)?, [quote, b'<', b'&'])?;
        }
        if bytes.get(end) != Some(&quote) || end - value > self.limits.attribute_value_bytes {
            return None;
        }
        self.take_attribute(bytes, name, (value as u32, end as u32));
        Some(end + 1)
    }

    /// An attribute whose name is complete; the value may follow.
    #[inline(always)]
    pub(super) fn take_attribute(&mut self, bytes: &[u8], name: Name, value: (u32, u32)) {
        let whole = name.whole(bytes);
        let declares = if name.has_prefix() {
            let declares = whole.starts_with(b"xmlns:");
            self.prefixed += usize::from(!declares);
            declares
        } else {
            whole == b"xmlns"
        };
        self.declarations += usize::from(declares);
        // Names that share a bit may be the same; that is looked at when the tag is complete.
        let bit = hash_bit(whole);
        self.alike |= self.seen & bit != 0;
        self.seen |= bit;
        self.attributes.push(Attribute { name, value, declares });
    }

    /// A reference at `start` to one of the five predefined entities; returns what is behind it.
    #[inline]
    pub(super) fn plain_reference(&self, bytes: &[u8], start: usize) -> Option<usize> {
        let length = match bytes.get(start..)? {
            [b'&', b'l' | b'g', b't', b';', ..] => 4,
            [b'&', b'a', b'm', b'p', b';', ..] => 5,
            [b'&', b'a', b'p', b'o', b's', b';', ..] | [b'&', b'q', b'u', b'o', b't', b';', ..] => 6,
            _ => return None,
        };
        // The names have four characters at most.
        (self.limits.name_bytes >= 4).then_some(start + length)
    }

    /// Behind `</`: the end tag of the innermost element, written without white space.
    #[inline]
    pub(super) fn plain_end_tag(&mut self, bytes: &[u8]) -> Option<Step> {
        let open = self.open.last()?;
        let name = bytes.get(open.name.0 as usize..open.name.1 as usize)?;
        let rest = bytes.get(self.position..)?;
        let (b'>', found) = (rest.get(name.len())?, rest.get(..name.len())?) else {
            return None;
        };
        if found != name || name.len() > self.limits.name_bytes {
            return None;
        }
        self.position += name.len();
        Some(self.close_tag())
    }

    #[inline(always)]
    fn on(&mut self, state: State) -> Step {
        if state == State::StartName {
            self.name = super::name::NameScan::at(self.position);
        }
        self.state = state;
        Ok(Flow::On)
    }
}

/// A name in ASCII that ends before the input does.
#[inline(always)]
fn plain_name(bytes: &[u8], start: usize, most: usize) -> Option<Name> {
    let starts = |at: usize| bytes.get(at).is_some_and(|&byte| class(byte) & START != 0);
    if !starts(start) {
        return None;
    }
    let mut local = start;
    let mut end = name_end(bytes, start)?;
    if bytes.get(end) == Some(&b':') {
        local = end + 1;
        if !starts(local) {
            return None;
        }
        end = name_end(bytes, local)?;
    }
    match bytes.get(end) {
        Some(b'=' | b' ' | b'>' | b'/') if end - start <= most => Some(Name::new(start, local, end)),
        _ => None,
    }
}
