//! Character data, CDATA sections and references.

use super::chars::{self, HIGH, NAME, START, class, is_space};
use super::find::find3;
use super::{Flow, Scanner, State, Step, Token};
use crate::error::{Error, Restricted, XmlError, quote};
use crate::limits::LimitKind;

impl Scanner {
    /// Between tokens: text in an element, white space between first-level elements.
    #[inline]
    pub(super) fn content(&mut self, bytes: &[u8]) -> Step {
        if self.open.is_empty() {
            return self.between_elements(bytes);
        }
        loop {
            let Some(at) = find3(bytes, self.position, *b"<&>") else {
                self.position = bytes.len();
                return Ok(Flow::Starved);
            };
            self.position = at;
            match self.peek(bytes) {
                Some(b'<') => return self.step(State::Markup),
                Some(b'&') => {
                    if let Some(behind) = self.plain_reference(bytes, at) {
                        self.position = behind;
                        continue;
                    }
                    self.resume = State::Content;
                    self.reference_start = self.position;
                    return self.step(State::Reference);
                }
                // XML-22: `>` may stand in text, but not behind `]]`. These two cannot belong to
                // anything but this text: every other token ends in another character.
                _ => {
                    if bytes.get(..self.position).is_some_and(|before| before.ends_with(b"]]")) {
                        return self.error(XmlError::CdataEnd);
                    }
                    self.position += 1;
                }
            }
        }
    }

    fn between_elements(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'<') => self.step(State::Markup),
            Some(byte) if is_space(byte) => {
                self.position += 1;
                Ok(Flow::Done(Token::Whitespace))
            }
            Some(_) => self.error(XmlError::TextBetweenElements {
                found: self.character(bytes),
            }),
        }
    }

    pub(super) fn cdata_start(&mut self, bytes: &[u8]) -> Step {
        const OPENING: &[u8] = b"<![CDATA[";
        while let Some(&expected) = OPENING.get(self.position - self.tag_start) {
            match self.peek(bytes) {
                None => return Ok(Flow::Starved),
                Some(byte) if byte == expected => self.position += 1,
                Some(_) => return self.unexpected(bytes, "CDATA["),
            }
        }
        self.state = State::Cdata;
        Ok(Flow::On)
    }

    pub(super) fn cdata(&mut self, bytes: &[u8]) -> Step {
        loop {
            let unread = bytes.get(self.position..).unwrap_or_default();
            let Some(at) = memchr::memchr(b'>', unread) else {
                self.position = bytes.len();
                return Ok(Flow::Starved);
            };
            self.position += at + 1;
            // The section starts behind a `[`, so these cannot be the two in front of it.
            if bytes.get(..self.position).is_some_and(|read| read.ends_with(b"]]>")) {
                self.state = State::Content;
                return Ok(Flow::On);
            }
        }
    }

    // References: `position` is behind the `&`.

    pub(super) fn reference(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'#') => {
                self.code = 0;
                self.step(State::ReferenceHash)
            }
            Some(byte) if class(byte) & (START | HIGH) != 0 => {
                self.state = State::ReferenceName;
                Ok(Flow::On)
            }
            Some(_) => self.bad_reference(bytes),
        }
    }

    pub(super) fn reference_name(&mut self, bytes: &[u8]) -> Step {
        while let Some(byte) = self.peek(bytes) {
            if class(byte) & (NAME | HIGH) != 0 {
                self.position += 1;
                continue;
            }
            self.name_limit()?;
            if byte != b';' {
                return self.bad_reference(bytes);
            }
            let name = bytes.get(self.reference_start + 1..self.position).unwrap_or_default();
            if !matches!(name, b"lt" | b"gt" | b"amp" | b"apos" | b"quot") {
                let offset = self.offset(self.reference_start);
                return Err(Error::Restricted {
                    kind: Restricted::Entity { name: quote(name) },
                    offset,
                });
            }
            return self.step(self.resume);
        }
        self.name_limit()?;
        Ok(Flow::Starved)
    }

    fn name_limit(&self) -> Result<(), Error> {
        let max = self.limits.name_bytes;
        if self.position - self.reference_start - 1 > max {
            return Self::exceeds(LimitKind::NameBytes, max);
        }
        Ok(())
    }

    pub(super) fn reference_hash(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'x') => self.step(State::ReferenceHex),
            Some(_) => {
                self.state = State::ReferenceDecimal;
                Ok(Flow::On)
            }
        }
    }

    /// A reference without any digit is one to U+0000, which is refused too.
    pub(super) fn reference_digits(&mut self, bytes: &[u8], radix: u32) -> Step {
        while let Some(byte) = self.peek(bytes) {
            if let Some(digit) = char::from(byte).to_digit(radix) {
                self.code = self.code.saturating_mul(radix).saturating_add(digit);
                self.position += 1;
                continue;
            }
            if byte != b';' || !chars::is_char(self.code) {
                return self.bad_reference(bytes);
            }
            return self.step(self.resume);
        }
        Ok(Flow::Starved)
    }

    #[cold]
    fn bad_reference(&self, bytes: &[u8]) -> Step {
        let found = quote(bytes.get(self.reference_start..=self.position).unwrap_or_default());
        let offset = self.offset(self.reference_start);
        Err(Error::Xml {
            kind: XmlError::BadReference { found },
            offset,
        })
    }
}
