//! Alerts, by the names under which people search for them.

use std::fmt;

/// What a peer ended TLS with (RFC 8446 section 6): the number, shown by its name.
///
/// ```
/// use xmpp_tls::tls::Alert;
///
/// assert_eq!(Alert(48).to_string(), "unknown_ca");
/// assert_eq!(Alert(200).to_string(), "200");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(
    /// As registered for AlertDescription.
    pub u8,
);

impl Alert {
    /// The name that RFC 8446 or an older RFC gives it; `None` for a number that is not registered.
    pub fn name(self) -> Option<&'static str> {
        NAMES
            .iter()
            .find(|(number, _)| *number == self.0)
            .map(|(_, name)| *name)
    }

    /// What an operator may do about it, to be put behind the name.
    pub(super) fn hint(self) -> &'static str {
        match self.name() {
            Some("protocol_version") => ": it speaks no version that we offer, perhaps only some older than TLS 1.2",
            Some("handshake_failure") => {
                ": it finds no cipher suite, group or version in common, or wants a certificate of ours"
            }
            Some("no_application_protocol") => {
                ": this port is not for this kind of stream; servers and clients have ports of their own"
            }
            Some("unrecognized_name") => ": it has no certificate for the domain",
            Some(
                "no_certificate"
                | "bad_certificate"
                | "unsupported_certificate"
                | "certificate_revoked"
                | "certificate_expired"
                | "certificate_unknown"
                | "unknown_ca",
            ) => ": it does not accept the certificate that we showed",
            Some("access_denied") => ": the certificate that we showed is valid, and not accepted here",
            Some("certificate_required") => ": it wants a certificate of ours",
            _ => "",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// The TLS Alerts registry, without what only DTLS has.
const NAMES: [(u8, &str); 35] = [
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_stands_behind_a_registered_name() {
        let hinted = NAMES.iter().filter(|(number, _)| !Alert(*number).hint().is_empty());
        assert_eq!(hinted.count(), 13);
        assert_eq!(Alert(112).hint(), ": it has no certificate for the domain");
        assert_eq!((Alert(5).to_string().as_str(), Alert(5).hint()), ("5", ""));
    }

    #[test]
    fn the_table_is_in_order() {
        assert!(NAMES.is_sorted_by(|(before, _), (after, _)| before < after));
    }
}
