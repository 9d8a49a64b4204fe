//! Qualified names (Namespaces in XML 1.0 section 4), read in any number of pieces.

use super::chars::{self, HIGH, NAME, START, class};
use super::tag::Name;
use crate::error::{Error, NamespaceError, XmlError, quote};
use crate::limits::{LimitKind, Limits};

/// A name that is being read.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct NameScan {
    start: usize,
    /// Where the local part starts: behind the colon, if there was one.
    local: usize,
}

/// The code point at `position`, and how many bytes it has; `None` if the slice ends within it,
/// which only a limit can cause.
pub(crate) fn decode(bytes: &[u8], position: usize) -> Option<(char, usize)> {
    let width = chars::width(*bytes.get(position)?);
    let encoded = bytes.get(position..position + width)?;
    let c = std::str::from_utf8(encoded).ok()?.chars().next()?;
    Some((c, width))
}

impl NameScan {
    pub(crate) fn at(position: usize) -> Self {
        NameScan {
            start: position,
            local: position,
        }
    }

    /// Reads on at `position`. `Some(name)` if the name ends there, `None` if more bytes are needed.
    pub(crate) fn scan(
        &mut self,
        bytes: &[u8],
        position: &mut usize,
        base: u64,
        limits: &Limits,
    ) -> Result<Option<Name>, Error> {
        let result = self.run(bytes, position, base);
        // Before anything that was found behind the limit: see the module documentation.
        if *position - self.start > limits.name_bytes {
            return Err(Error::Limit {
                limit: LimitKind::NameBytes,
                max: limits.name_bytes,
            });
        }
        Ok(result?.then(|| Name::new(self.start, self.local, *position)))
    }

    fn run(&mut self, bytes: &[u8], position: &mut usize, base: u64) -> Result<bool, Error> {
        while let Some(&byte) = bytes.get(*position) {
            let class = class(byte);
            let first = *position == self.local;
            if class & START != 0 || (class & NAME != 0 && !first) {
                *position += 1;
            } else if class & HIGH != 0 {
                let Some((c, width)) = decode(bytes, *position) else {
                    *position = bytes.len();
                    return Ok(false);
                };
                if !(if first {
                    chars::is_name_start(c)
                } else {
                    chars::is_name_char(c)
                }) {
                    return if first { self.bad(c, *position, base) } else { Ok(true) };
                }
                *position += width;
            } else if byte == b':' {
                if first || self.local != self.start {
                    return Err(self.colon(bytes, *position + 1, base));
                }
                *position += 1;
                self.local = *position;
            } else if first {
                if self.local != self.start {
                    return Err(self.colon(bytes, *position, base));
                }
                return self.bad(char::from(byte), *position, base);
            } else {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[cold]
    fn bad(&self, found: char, position: usize, base: u64) -> Result<bool, Error> {
        let kind = XmlError::Unexpected {
            found,
            expected: "a name",
        };
        Err(Error::Xml {
            kind,
            offset: base + position as u64,
        })
    }

    #[cold]
    fn colon(&self, bytes: &[u8], end: usize, base: u64) -> Error {
        let name = quote(bytes.get(self.start..end).unwrap_or_default());
        Error::Namespace {
            kind: NamespaceError::Colon { name },
            offset: base + self.start as u64,
        }
    }
}
