use super::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The longest authorization identity: a JID (RFC 7622 section 3.1).
const MAX_AUTHZID: usize = 3071;

/// What stands in `<auth mechanism='EXTERNAL'>…</auth>` or in the `<response/>` to an empty challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum InitialResponse {
    /// Nothing: the server has to send an empty `<challenge/>` first (RFC 6120 section 6.4.2). In a
    /// `<response/>` it is the same as [`Empty`](InitialResponse::Empty).
    Absent,
    /// `=`, the empty string: the peer wants to be whom the certificate says (RFC 6120 section 6.3.8).
    Empty,
    /// The identity the peer wants to act as.
    Authzid(String),
}

impl InitialResponse {
    /// Reads the text of the element.
    ///
    /// # Errors
    /// [`Failure::IncorrectEncoding`] if it is not strict base64, [`Failure::MalformedRequest`] if what
    /// it encodes is no text that could be a JID.
    pub fn decode(text: &str) -> Result<Self, Failure> {
        match text {
            "" => return Ok(InitialResponse::Absent),
            "=" => return Ok(InitialResponse::Empty),
            _ => {}
        }
        // The longest identity takes 4096 characters; more is not looked at.
        if text.len() > MAX_AUTHZID.div_ceil(3) * 4 {
            return Err(Failure::MalformedRequest);
        }
        let octets = STANDARD.decode(text).map_err(|_| Failure::IncorrectEncoding)?;
        let authzid = String::from_utf8(octets).map_err(|_| Failure::MalformedRequest)?;
        if authzid.len() > MAX_AUTHZID || authzid.chars().any(char::is_control) {
            return Err(Failure::MalformedRequest);
        }
        Ok(InitialResponse::Authzid(authzid))
    }

    /// What to write: an identity to act as, or none. Servers should name their domain, for old
    /// receivers (XEP-0178 section 3); users name a bare JID, and only if the certificate has several or
    /// they want to act as somebody else (RFC 6120 section 6.3.8).
    pub fn encode(authzid: Option<&str>) -> String {
        match authzid {
            None | Some("") => "=".to_owned(),
            Some(authzid) => STANDARD.encode(authzid),
        }
    }

    /// The identity asked for, if any.
    pub fn authzid(&self) -> Option<&str> {
        match self {
            InitialResponse::Absent | InitialResponse::Empty => None,
            InitialResponse::Authzid(authzid) => Some(authzid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extc_10_base64_is_strict() {
        for bad in [
            "=AAA", "BBBB=CCC", "YQ=", "YQ", "YR==", "YWJ=", "YWI=\n", " YWI=", "YW\nI=", "YQ==YQ==", "====", "A===",
            "YWI-", "YWI_", "YWIé", "Y=Q=",
        ] {
            assert_eq!(InitialResponse::decode(bad), Err(Failure::IncorrectEncoding), "{bad:?}");
        }
        assert_eq!(
            InitialResponse::decode("YQ=="),
            Ok(InitialResponse::Authzid("a".to_owned()))
        );
    }
}
