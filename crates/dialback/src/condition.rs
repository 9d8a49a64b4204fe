use std::borrow::Cow;
use std::fmt;

/// A dialback error condition (XEP-0220 section 2.5). The table there is not complete, and any stanza
/// error condition of RFC 6120 may come.
///
/// ```
/// use xmpp_dialback::DialbackCondition;
///
/// let known = DialbackCondition::from_name("item-not-found");
/// assert_eq!(known, DialbackCondition::ITEM_NOT_FOUND);
/// assert_eq!(DialbackCondition::from_name("gone").name(), "gone");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DialbackCondition(Cow<'static, str>);

macro_rules! conditions {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        impl DialbackCondition {
            $($(#[$doc])* pub const $constant: DialbackCondition = DialbackCondition(Cow::Borrowed($name));)*

            /// The conditions of XEP-0220 section 2.5, and `undefined-condition`.
            pub const ALL: &'static [DialbackCondition] = &[$(DialbackCondition::$constant),*];
        }
    };
}

conditions! {
    /// The domain in `to` is not served here.
    ITEM_NOT_FOUND = "item-not-found";
    /// No connection to the authoritative server could be made.
    REMOTE_CONNECTION_FAILED = "remote-connection-failed";
    /// The authoritative server does not serve the domain, or answered with an error.
    REMOTE_SERVER_NOT_FOUND = "remote-server-not-found";
    /// The authoritative server did not answer in time, or closed the stream.
    REMOTE_SERVER_TIMEOUT = "remote-server-timeout";
    /// TLS is required before dialback.
    POLICY_VIOLATION = "policy-violation";
    /// A certificate that proves the domain is required.
    NOT_AUTHORIZED = "not-authorized";
    /// The authoritative server said that the key is invalid.
    FORBIDDEN = "forbidden";
    /// The asserted identity could not be established.
    NOT_ACCEPTABLE = "not-acceptable";
    /// Too many pairs on one stream; another connection may do better.
    RESOURCE_CONSTRAINT = "resource-constraint";
    /// None that was named.
    UNDEFINED_CONDITION = "undefined-condition";
}

impl DialbackCondition {
    /// The longest name that is kept. The longest of RFC 6120 has 24 octets.
    const MAX_OCTETS: usize = 64;

    /// The condition with this name, known or not. A name longer than any that is kept counts as
    /// `undefined-condition`.
    ///
    /// ```
    /// use xmpp_dialback::DialbackCondition;
    ///
    /// assert_eq!(DialbackCondition::from_name(&"x".repeat(65)), DialbackCondition::UNDEFINED_CONDITION);
    /// ```
    pub fn from_name(name: &str) -> Self {
        if let Some(known) = Self::ALL.iter().find(|condition| condition.0 == name) {
            return known.clone();
        }
        match name.len() <= Self::MAX_OCTETS {
            true => DialbackCondition(Cow::Owned(name.to_owned())),
            false => Self::UNDEFINED_CONDITION,
        }
    }

    /// The element's local name in the namespace of stanza errors (RFC 6120 section 8.3.3).
    ///
    /// ```
    /// use xmpp_dialback::DialbackCondition;
    ///
    /// assert_eq!(DialbackCondition::FORBIDDEN.name(), "forbidden");
    /// ```
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DialbackCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialbackCondition({:?})", self.0)
    }
}

impl fmt::Display for DialbackCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name of the peer's own is escaped.
        write!(f, "{}", self.0.escape_debug())
    }
}
