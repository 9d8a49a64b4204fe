use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use xmpp_tls_core::Domain;

/// A string of a stream header. Up to 38 bytes, which most domains, languages and stream ids are, it
/// costs no allocation; longer ones are shared by their clones.
///
/// ```
/// use xmpp_stream::{SmallStr, StreamHeader};
///
/// let mut header = StreamHeader::new();
/// header.to = Some(SmallStr::from("example.org"));
/// assert_eq!(header.to.as_deref(), Some("example.org"));
/// ```
#[derive(Clone)]
pub struct SmallStr(Repr);

#[derive(Clone)]
enum Repr {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Arc<str>),
}

/// What makes the whole 40 bytes.
const SHORT: usize = 38;

impl SmallStr {
    /// As text.
    ///
    /// ```
    /// # use xmpp_stream::*;
    /// # use xmpp_tls_core::{ns, StreamKind::ClientToServer};
    /// assert_eq!(SmallStr::from("example.org").as_str(), "example.org");
    /// ```
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // They were text when they were put there.
            Repr::Short { length, bytes } => bytes
                .get(..usize::from(*length))
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .unwrap_or_default(),
            Repr::Long(text) => text,
        }
    }

    /// What something is displayed as.
    pub(crate) fn display(shown: impl fmt::Display) -> Self {
        let mut text = SmallStr::default();
        // Only a `Display` that fails by itself could make this fail.
        let _ = fmt::Write::write_fmt(&mut text, format_args!("{shown}"));
        text
    }
}

impl fmt::Write for SmallStr {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if let Repr::Short { length, bytes } = &mut self.0 {
            let start = usize::from(*length);
            if let Some(free) = bytes.get_mut(start..start + more.len()) {
                free.copy_from_slice(more.as_bytes());
                *length += more.len() as u8;
                return Ok(());
            }
        }
        *self = SmallStr(Repr::Long([self.as_str(), more].concat().into()));
        Ok(())
    }
}

impl Default for SmallStr {
    fn default() -> Self {
        SmallStr(Repr::Short {
            length: 0,
            bytes: [0; SHORT],
        })
    }
}

impl From<&str> for SmallStr {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..text.len()) {
            Some(free) => {
                free.copy_from_slice(text.as_bytes());
                SmallStr(Repr::Short {
                    length: text.len() as u8,
                    bytes,
                })
            }
            None => SmallStr(Repr::Long(text.into())),
        }
    }
}

impl From<String> for SmallStr {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for SmallStr {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Cow<'_, str>> for SmallStr {
    fn from(text: Cow<'_, str>) -> Self {
        text.as_ref().into()
    }
}

impl From<&Domain> for SmallStr {
    fn from(domain: &Domain) -> Self {
        domain.as_str().into()
    }
}

impl From<SmallStr> for String {
    fn from(text: SmallStr) -> Self {
        text.as_str().to_owned()
    }
}

impl Deref for SmallStr {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for SmallStr {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for SmallStr {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SmallStr {}

impl PartialEq<str> for SmallStr {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for SmallStr {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for SmallStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for SmallStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for SmallStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    #[test]
    fn short_or_long_it_is_the_same_text() {
        for length in 0..100 {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let small = SmallStr::from(text.as_str());
            assert_eq!((small.as_str(), small.len()), (text.as_str(), length));
            assert_eq!(small, SmallStr::display(&text));
            let mut pieces = SmallStr::default();
            for c in text.chars() {
                pieces.write_char(c).unwrap();
            }
            assert_eq!(pieces, small);
        }
        assert_eq!(size_of::<SmallStr>(), 40);
    }
}
