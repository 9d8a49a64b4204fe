use crate::ns;
use std::fmt;

/// Which of the two kinds of XMPP stream: client-to-server (c2s) or server-to-server (s2s).
///
/// The kind comes from configuration (which port was connected), never from what a peer writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// A client talks to its server.
    ClientToServer,
    /// Two servers talk to each other.
    ServerToServer,
}

impl StreamKind {
    /// The content namespace (RFC 6120 section 4.8.2): `jabber:client` or `jabber:server`.
    pub const fn content_namespace(self) -> &'static str {
        match self {
            StreamKind::ClientToServer => ns::CLIENT,
            StreamKind::ServerToServer => ns::SERVER,
        }
    }

    /// The ALPN protocol identifier for direct TLS (XEP-0368): `xmpp-client` or `xmpp-server`.
    pub const fn alpn(self) -> &'static [u8] {
        match self {
            StreamKind::ClientToServer => b"xmpp-client",
            StreamKind::ServerToServer => b"xmpp-server",
        }
    }

    /// The service label of an SRV-ID (RFC 4985, RFC 6120 section 13.7.1.2): `_xmpp-client` or
    /// `_xmpp-server`, the same for STARTTLS and direct TLS.
    pub const fn srv_service(self) -> &'static str {
        match self {
            StreamKind::ClientToServer => "_xmpp-client",
            StreamKind::ServerToServer => "_xmpp-server",
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StreamKind::ClientToServer => "c2s",
            StreamKind::ServerToServer => "s2s",
        })
    }
}

/// Which end of a stream: the entity that opened the connection, or the one that accepted it
/// (RFC 6120 section 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Opened the connection: a client, or the server that dialled.
    Initiating,
    /// Accepted the connection.
    Receiving,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Initiating => "initiating entity",
            Side::Receiving => "receiving entity",
        })
    }
}
