//! The one thing that changes something: an operator accepts a certificate.

use crate::Admin;
use crate::request::Request;
use hyper::StatusCode;
use xmpp_tls::io;
use xmpp_tls::ledger::Key;

/// Why it was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    NoToken,
    WrongToken,
    NoKey,
    NoName,
    NotSeen,
    Failed,
}

impl Denied {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Denied::NoToken | Denied::WrongToken => StatusCode::FORBIDDEN,
            Denied::NoKey | Denied::NoName => StatusCode::BAD_REQUEST,
            Denied::NotSeen => StatusCode::NOT_FOUND,
            Denied::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Denied::NoToken => "no token was set for this server, so nobody can acknowledge here",
            Denied::WrongToken => "that is not the token: nothing was changed",
            Denied::NoKey => "spki_sha256 is to be 64 hexadecimal digits, in a form: nothing was changed",
            Denied::NoName => "your name is missing (by, in a form): nothing was changed",
            Denied::NotSeen => "no certificate with that key was seen: nothing was changed",
            Denied::Failed => "the ledger could not be written: nothing was changed",
        }
    }
}

/// The token is looked at before everything else: who has none learns nothing.
pub(crate) fn acknowledge(admin: &Admin, request: &Request, key: &Key) -> Result<(), Denied> {
    let token = admin.token.as_ref().ok_or(Denied::NoToken)?;
    if !request.token().is_some_and(|given| token.is(given)) {
        return Err(Denied::WrongToken);
    }
    let spki = request.form("spki_sha256").and_then(spki_of).ok_or(Denied::NoKey)?;
    let by = request.form("by").map(str::trim).filter(|by| !by.is_empty());
    let by = by.ok_or(Denied::NoName)?;
    let ledger = admin.ledger.as_ref().ok_or(Denied::NotSeen)?;
    match ledger.acknowledge(key, &spki, by, io::now().wall) {
        Ok(true) => {
            admin.registry.acknowledged(key, &spki);
            Ok(())
        }
        Ok(false) => Err(Denied::NotSeen),
        Err(_) => Err(Denied::Failed),
    }
}

/// As every warning prints it, or the digits alone.
fn spki_of(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    from_hex(text.strip_prefix("sha256:").unwrap_or(text))?.try_into().ok()
}

/// A ledger's key as it is in an address.
pub(crate) fn key_to_hex(key: &Key) -> String {
    key.to_bytes().iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The key of an address; `None` for everything else.
pub(crate) fn key_of_hex(text: &str) -> Option<Key> {
    Key::from_bytes(&from_hex(text)?)
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.bytes().map(|digit| char::from(digit).to_digit(16));
    let digits: Vec<u8> = digits
        .map(|digit| digit.and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmpp_tls::{Side, StreamKind};

    #[test]
    fn a_key_comes_back_from_an_address_and_nothing_else_does() {
        let remote = "bücher.example".parse().unwrap();
        let key = Key::new(StreamKind::ServerToServer, Side::Initiating, None, remote);
        assert_eq!(key_of_hex(&key_to_hex(&key)), Some(key));
        for bad in ["", "0", "zz", "6100", "%00", "ä1"] {
            assert_eq!(key_of_hex(bad), None, "{bad}");
        }
    }
}
