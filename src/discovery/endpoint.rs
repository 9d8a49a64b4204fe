use crate::session::{Mode, Target};
use std::fmt;
use xmpp_tls_core::StreamKind;

/// A host and a port to connect to, where the target's own do not serve (RFC 6120 section 3.2.3). It
/// never changes whom the certificate must name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// A name or an address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// This host and this port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Endpoint {
            host: host.into(),
            port,
        }
    }

    /// The domain itself at the port registered for the kind of stream: 5222 and 5269 for STARTTLS
    /// (RFC 6120 section 14.7), 5223 and 5270 by custom for direct TLS.
    pub fn default_for(target: &Target) -> Self {
        let host = match target.domain().ip() {
            Some(ip) => ip.to_string(),
            None => target.domain().to_ascii().to_owned(),
        };
        let port = match (target.kind(), target.mode()) {
            (StreamKind::ClientToServer, Mode::StartTls) => 5222,
            (StreamKind::ClientToServer, Mode::DirectTls) => 5223,
            (StreamKind::ServerToServer, Mode::StartTls) => 5269,
            (StreamKind::ServerToServer, Mode::DirectTls) => 5270,
        };
        Endpoint { host, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}
