use std::fmt;

/// A defined stream-error condition (RFC 6120 section 4.9.3).
///
/// ```
/// use xmpp_tls_core::StreamCondition;
///
/// assert_eq!(StreamCondition::HOST_UNKNOWN.name(), "host-unknown");
/// assert_eq!(StreamCondition::from_name("host-unknown"), Some(StreamCondition::HOST_UNKNOWN));
/// // RFC 3920 called it differently; old peers still do.
/// assert_eq!(StreamCondition::from_name("xml-not-well-formed"), Some(StreamCondition::NOT_WELL_FORMED));
/// // Section 4.9.2: a condition nobody defined is treated as `undefined-condition`.
/// assert_eq!(StreamCondition::from_name("coffee-cold"), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamCondition(&'static str);

macro_rules! conditions {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        impl StreamCondition {
            $($(#[$doc])* pub const $constant: StreamCondition = StreamCondition($name);)*

            /// The 25 conditions of RFC 6120 section 4.9.3, in its order.
            pub const ALL: &'static [StreamCondition] = &[$(StreamCondition::$constant),*];
        }
    };
}

conditions! {
    /// XML that cannot be processed (4.9.3.1); a more specific condition is better.
    BAD_FORMAT = "bad-format";
    /// A namespace prefix that is not supported, or missing where one is needed (4.9.3.2).
    BAD_NAMESPACE_PREFIX = "bad-namespace-prefix";
    /// A new stream displaces this one (4.9.3.3).
    CONFLICT = "conflict";
    /// The peer stopped answering (4.9.3.4).
    CONNECTION_TIMEOUT = "connection-timeout";
    /// `to` names a domain that is no longer served (4.9.3.5).
    HOST_GONE = "host-gone";
    /// `to` names a domain that is not served (4.9.3.6).
    HOST_UNKNOWN = "host-unknown";
    /// A stanza between servers lacks `to` or `from` (4.9.3.7).
    IMPROPER_ADDRESSING = "improper-addressing";
    /// The server is at fault (4.9.3.8).
    INTERNAL_SERVER_ERROR = "internal-server-error";
    /// `from` does not match an authenticated address (4.9.3.9).
    INVALID_FROM = "invalid-from";
    /// Wrong stream namespace or unsupported content namespace (4.9.3.10).
    INVALID_NAMESPACE = "invalid-namespace";
    /// Schema validation failed (4.9.3.11).
    INVALID_XML = "invalid-xml";
    /// Data before authentication, or an action that is not allowed (4.9.3.12).
    NOT_AUTHORIZED = "not-authorized";
    /// XML or its namespaces are not well-formed (4.9.3.13).
    NOT_WELL_FORMED = "not-well-formed";
    /// A local policy was violated (4.9.3.14).
    POLICY_VIOLATION = "policy-violation";
    /// A remote entity needed for authentication cannot be reached (4.9.3.15).
    REMOTE_CONNECTION_FAILED = "remote-connection-failed";
    /// Security-critical features changed; the whole security context is void (4.9.3.16).
    RESET = "reset";
    /// The server lacks resources (4.9.3.17).
    RESOURCE_CONSTRAINT = "resource-constraint";
    /// A comment, processing instruction, DTD or entity reference (4.9.3.18).
    RESTRICTED_XML = "restricted-xml";
    /// The service moved; never changes whom we expect to meet there (4.9.3.19).
    SEE_OTHER_HOST = "see-other-host";
    /// The server is going down (4.9.3.20).
    SYSTEM_SHUTDOWN = "system-shutdown";
    /// None of the others; only with an application-specific element (4.9.3.21).
    UNDEFINED_CONDITION = "undefined-condition";
    /// Not UTF-8, or malformed UTF-8 (4.9.3.22).
    UNSUPPORTED_ENCODING = "unsupported-encoding";
    /// A mandatory feature is not supported by the initiating entity (4.9.3.23).
    UNSUPPORTED_FEATURE = "unsupported-feature";
    /// A first-level element that is not a stanza (4.9.3.24).
    UNSUPPORTED_STANZA_TYPE = "unsupported-stanza-type";
    /// The `version` cannot be supported (4.9.3.25).
    UNSUPPORTED_VERSION = "unsupported-version";
}

impl StreamCondition {
    /// The element's local name in [`ns::STREAM_ERRORS`](crate::ns::STREAM_ERRORS).
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The condition with this local name; `None` where RFC 6120 defines none. The name that
    /// RFC 3920 used for `not-well-formed` is known too.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "xml-not-well-formed" {
            return Some(Self::NOT_WELL_FORMED);
        }
        Self::ALL.iter().copied().find(|condition| condition.0 == name)
    }
}

impl fmt::Debug for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamCondition({})", self.0)
    }
}

impl fmt::Display for StreamCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_25_conditions_of_rfc_6120_section_4_9_3_are_known_by_name() {
        assert_eq!(StreamCondition::ALL.len(), 25);
        for &condition in StreamCondition::ALL {
            assert_eq!(StreamCondition::from_name(condition.name()), Some(condition));
        }
    }

    #[test]
    fn serr_06_an_undefined_name_is_no_condition() {
        assert_eq!(StreamCondition::from_name("foo"), None);
        assert_eq!(StreamCondition::from_name("Host-Unknown"), None);
    }
}
