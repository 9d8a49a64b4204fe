//! The start of a document: the XML declaration, white space, the header.

use super::chars::is_space;
use super::namespaces::NsRef;
use super::{Flow, Scanner, State, Step, Token, declaration};
use crate::error::{Error, HeaderError, Restricted, XmlError, quote};
use std::sync::Arc;

impl Scanner {
    pub(super) fn start(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'<') => self.step(State::StartMarkup),
            Some(_) => {
                self.state = State::Prolog;
                Ok(Flow::On)
            }
        }
    }

    pub(super) fn start_markup(&mut self, bytes: &[u8]) -> Step {
        match self.peek(bytes) {
            None => Ok(Flow::Starved),
            Some(b'?') => self.step(State::Declaration),
            Some(_) => {
                self.state = State::Markup;
                Ok(Flow::On)
            }
        }
    }

    pub(super) fn declaration(&mut self, bytes: &[u8]) -> Step {
        const OPENING: &[u8] = b"<?xml";
        while let Some(&expected) = OPENING.get(self.position) {
            match self.peek(bytes) {
                None => return Ok(Flow::Starved),
                Some(byte) if byte == expected => self.position += 1,
                Some(_) => return self.restricted(Restricted::ProcessingInstruction),
            }
        }
        if self.position == OPENING.len() {
            match self.peek(bytes) {
                None => return Ok(Flow::Starved),
                Some(byte) if is_space(byte) || byte == b'?' => self.position += 1,
                Some(_) => return self.restricted(Restricted::ProcessingInstruction),
            }
        }
        let unread = bytes.get(self.position..).unwrap_or_default();
        match memchr::memchr2(b'<', b'>', unread) {
            None => {
                self.position = bytes.len();
                Ok(Flow::Starved)
            }
            Some(at) => {
                self.position += at;
                let content = bytes.get(OPENING.len()..self.position).unwrap_or_default();
                let Some(content) = content.strip_suffix(b"?").filter(|_| self.peek(bytes) == Some(b'>')) else {
                    return self.error(XmlError::Declaration {
                        reason: "it does not end with ?>",
                    });
                };
                declaration::check(content)?;
                self.declared = true;
                self.step(State::Prolog)
            }
        }
    }

    pub(super) fn prolog(&mut self, bytes: &[u8]) -> Step {
        while let Some(byte) = self.peek(bytes) {
            match byte {
                b'<' => return self.step(State::Markup),
                _ if is_space(byte) => self.position += 1,
                _ => {
                    return self.error(XmlError::TextBeforeHeader {
                        found: self.character(bytes),
                    });
                }
            }
        }
        Ok(Flow::Starved)
    }

    /// The header is complete: is it one, and what does it declare?
    pub(super) fn header(&mut self, bytes: &[u8], namespace: NsRef, empty: bool) -> Step {
        let name = self.tag.local(bytes);
        let namespace = namespace.bytes(bytes, &self.scope);
        if name != b"stream" || namespace != xmpp_tls_core::ns::STREAM.as_bytes() {
            let (name, namespace) = (quote(name), quote(namespace));
            return Err(Error::Header(HeaderError::NotAStream { name, namespace }));
        }
        let prefix = self.tag.prefix(bytes);
        if self.strict_prefixes && !matches!(prefix, b"" | b"stream") {
            return Err(Error::Header(HeaderError::Prefix { prefix: quote(prefix) }));
        }
        self.root = Some(std::str::from_utf8(self.tag.whole(bytes)).unwrap_or_default().into());
        let lang = self.attributes.iter().find(|a| a.name.whole(bytes) == b"xml:lang");
        let lang = lang.map(|attribute| attribute.text(bytes).into());
        self.scope = Arc::new(self.namespaces.to_scope(bytes, lang));
        self.namespaces.clear();
        self.state = if empty { State::Closed } else { State::Content };
        Ok(Flow::Done(Token::Header { empty }))
    }
}
