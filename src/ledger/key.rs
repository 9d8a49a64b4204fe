use std::fmt;
use xmpp_tls_core::{Domain, Side, StreamKind};

/// Whose certificates one [`Record`](super::Record) is about: those that a domain shows on one kind of stream,
/// in one direction, to one of our domains.
///
/// They are kept apart because they differ for good reasons: a domain may have one certificate for clients and
/// another for servers, and a server that dials may show yet another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    kind: StreamKind,
    side: Side,
    local: Option<Domain>,
    remote: Domain,
}

impl Key {
    /// What `remote` shows on streams of this kind. `side` is ours: initiating is outbound, receiving inbound.
    /// `local` is the domain of ours that is speaking; a client has none.
    pub fn new(kind: StreamKind, side: Side, local: Option<Domain>, remote: Domain) -> Self {
        Key {
            kind,
            side,
            local,
            remote,
        }
    }

    /// Which kind of stream.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }

    /// Our side of it.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Our own domain.
    pub fn local(&self) -> Option<&Domain> {
        self.local.as_ref()
    }

    /// Whose certificates they are.
    pub fn remote(&self) -> &Domain {
        &self.remote
    }

    /// The key as octets, for stores: different keys are different octets, and those of one remote domain stand
    /// together. No domain has a NUL in it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let local = self.local.as_ref().map_or("", Domain::as_str);
        let mut bytes = Vec::with_capacity(self.remote.as_str().len() + local.len() + 3);
        bytes.extend_from_slice(self.remote.as_str().as_bytes());
        bytes.push(0);
        bytes.push(match self.kind {
            StreamKind::ClientToServer => b'c',
            StreamKind::ServerToServer => b's',
        });
        bytes.push(match self.side {
            Side::Initiating => b'o',
            Side::Receiving => b'i',
        });
        bytes.extend_from_slice(local.as_bytes());
        bytes
    }

    /// The key that [`to_bytes`](Self::to_bytes) wrote; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (remote, rest) = std::str::from_utf8(bytes).ok()?.split_once('\0')?;
        let kind = match rest.as_bytes().first()? {
            b'c' => StreamKind::ClientToServer,
            b's' => StreamKind::ServerToServer,
            _ => return None,
        };
        let side = match rest.as_bytes().get(1)? {
            b'o' => Side::Initiating,
            b'i' => Side::Receiving,
            _ => return None,
        };
        let local = match rest.get(2..)? {
            "" => None,
            local => Some(local.parse().ok()?),
        };
        let key = Key::new(kind, side, local, remote.parse().ok()?);
        // A domain has one form only: another spelling would be a second record of the same domain.
        (key.to_bytes() == bytes).then_some(key)
    }
}

/// `example.org (client to server, outbound)`, and where we are a domain ourselves `, from our.example`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.side {
            Side::Initiating => "outbound",
            Side::Receiving => "inbound",
        };
        write!(f, "{} ({}, {direction}", self.remote, self.kind)?;
        if let Some(local) = &self.local {
            write!(f, ", our {local}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_octets_and_nothing_else_does() {
        let domain = |text: &str| -> Domain { text.parse().unwrap() };
        for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
            for side in [Side::Initiating, Side::Receiving] {
                for local in [None, Some(domain("our.example"))] {
                    let key = Key::new(kind, side, local, domain("bücher.example"));
                    assert_eq!(Key::from_bytes(&key.to_bytes()), Some(key));
                }
            }
        }
        let bad: [&[u8]; 9] = [
            b"",
            b"a.example",
            b"a.example\0",
            b"a.example\0c",
            b"a.example\0xo",
            b"a.example\0cx",
            b"A.example\0co",
            b"a.example\0co\xff",
            b"a b\0co",
        ];
        for bytes in bad {
            assert_eq!(Key::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
