use crate::error::{IdError, MessageError};
use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// A dialback key as XEP-0185 makes it: 64 lowercase hexadecimal digits.
///
/// It is for the other server's eyes: there is no `PartialEq`, and nothing of it in `Debug`.
///
/// ```
/// use xmpp_dialback::DialbackSecret;
///
/// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
/// let key = secret.key(&"b.example".parse()?, &"a.example".parse()?, "id")?;
/// assert_eq!(format!("{key:?}"), "DialbackKey");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail,E0369
/// use xmpp_dialback::DialbackKey;
///
/// fn same(one: DialbackKey, other: DialbackKey) -> bool {
///     one == other // in a time that tells how much of it is the same
/// }
/// ```
#[derive(Clone)]
pub struct DialbackKey([u8; 64]);

impl DialbackKey {
    pub(crate) fn from_hex(digits: [u8; 64]) -> Self {
        DialbackKey(digits)
    }

    /// What is sent.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let secret = DialbackSecret::dangerous_of_any_length(b"d14lb4ck43v3r");
    /// let key = secret.key(&"capulet.example".parse()?, &"montague.example".parse()?, "417GAF25")?;
    /// assert_eq!(key.as_str(), "225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether this key was presented, in a time that depends only on the length of what was.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// let secret = DialbackSecret::generate(|octets| octets.fill(7 /* from a CSPRNG, really */));
    /// let key = secret.key(&"b.example".parse()?, &"a.example".parse()?, "id")?;
    /// assert!(key.matches(&PresentedKey::new(&format!("\n  {}\n", key.as_str()))?));
    /// assert!(!key.matches(&PresentedKey::new(&key.as_str().to_uppercase())?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn matches(&self, presented: &PresentedKey) -> bool {
        self.equals(presented).into()
    }

    /// Slices of different lengths are unequal without a look at them; lengths are no secret.
    pub(crate) fn equals(&self, presented: &PresentedKey) -> Choice {
        self.0.ct_eq(presented.0.as_bytes())
    }
}

/// Nothing of the key.
impl fmt::Debug for DialbackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DialbackKey")
    }
}

/// A key as some server sent it, which may be of any form: only the authoritative server knows what it
/// looks like (XEP-0220 section 2.1.1). White space around it is dropped, as the examples of the XEP
/// have it.
///
/// ```
/// use xmpp_dialback::PresentedKey;
///
/// let key = PresentedKey::new("\n  1bac3ef56fed987cfe098c9785c654a5476ed765 ")?;
/// assert_eq!(key.as_str(), "1bac3ef56fed987cfe098c9785c654a5476ed765");
/// assert!(PresentedKey::new(" ").is_err());
/// # Ok::<(), xmpp_dialback::MessageError>(())
/// ```
///
/// ```compile_fail,E0369
/// use xmpp_dialback::PresentedKey;
///
/// fn same(one: PresentedKey, other: PresentedKey) -> bool {
///     one == other
/// }
/// ```
#[derive(Clone)]
pub struct PresentedKey(Box<str>);

impl PresentedKey {
    /// The longest one in octets. Keys in use have 40 or 64.
    pub const MAX_OCTETS: usize = 1024;

    /// A key from the text that it was sent as.
    ///
    /// # Errors
    ///
    /// [`MessageError::NoKey`] and [`MessageError::KeyTooLong`].
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// assert!(matches!(PresentedKey::new(&"0".repeat(1025)), Err(MessageError::KeyTooLong { octets: 1025 })));
    /// ```
    pub fn new(text: &str) -> Result<Self, MessageError> {
        let key = text.trim();
        match key.len() {
            0 => Err(MessageError::NoKey),
            octets if octets > Self::MAX_OCTETS => Err(MessageError::KeyTooLong { octets }),
            _ => Ok(PresentedKey(key.into())),
        }
    }

    /// What is handed on to the authoritative server.
    ///
    /// ```
    /// use xmpp_dialback::*;
    ///
    /// assert_eq!(PresentedKey::new("c0ffee")?.as_str(), "c0ffee");
    /// # Ok::<(), MessageError>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<DialbackKey> for PresentedKey {
    fn from(key: DialbackKey) -> Self {
        PresentedKey(key.as_str().into())
    }
}

/// Its length, and nothing of it.
impl fmt::Debug for PresentedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedKey").field("octets", &self.0.len()).finish()
    }
}

/// The longest stream `id` in octets that is kept. RFC 6120 sets no bound; its example has 28.
pub(crate) const MAX_ID_OCTETS: usize = 1023;

/// Whether a key can be made for a stream with this `id`.
pub(crate) fn check_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > MAX_ID_OCTETS {
        return Err(IdError::TooLong { octets: id.len() });
    }
    // Ids are ASCII as a rule, and this question is quicker to ask of octets, of all of them at once.
    let plain = id.bytes().fold(true, |plain, octet| plain & octet.is_ascii_graphic());
    match plain || !id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        true => Ok(()),
        false => Err(IdError::Space),
    }
}

/// Without a table, whose cache lines would tell which digits were looked up.
pub(crate) fn hex(octets: &[u8; 32]) -> [u8; 64] {
    let digit = |value: u8| value + b'0' + u8::from(value > 9) * (b'a' - b'0' - 10);
    let mut text = [0; 64];
    for (pair, octet) in text.as_chunks_mut::<2>().0.iter_mut().zip(octets) {
        *pair = [digit(octet >> 4), digit(octet & 0xf)];
    }
    text
}
