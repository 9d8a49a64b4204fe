use crate::name::ON_XMPP_ADDR;
use webpki::{ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext};

pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
pub(crate) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0];

/// What the peer's certificate must be good for. A certificate without extendedKeyUsage is good for
/// anything (RFC 5280 section 4.2.1.12), one with anyExtendedKeyUsage too. The same is asked of every
/// intermediate certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// We are the TLS client and the peer is a server: serverAuth.
    Server,
    /// The peer is a client that logs in with a certificate: clientAuth, or id-on-xmppAddr, which
    /// RFC 6120 section 13.7.1.4 allows here too.
    ClientToServer,
    /// The peer is a server that opened the connection, so it is the TLS client: serverAuth, because
    /// the certificate says who the server is, whoever dialled. Public CAs stopped issuing clientAuth
    /// for servers in 2026, and a certificate for clients alone never authenticates a server.
    PeerServer,
}

impl Purpose {
    /// What the extension must list, in words.
    pub(crate) fn needed(self) -> &'static str {
        match self {
            Purpose::Server | Purpose::PeerServer => "serverAuth",
            Purpose::ClientToServer => "clientAuth",
        }
    }

    fn accepted(self) -> &'static [&'static [u8]] {
        match self {
            Purpose::Server | Purpose::PeerServer => &[SERVER_AUTH, ANY_EXTENDED_KEY_USAGE],
            Purpose::ClientToServer => &[CLIENT_AUTH, ANY_EXTENDED_KEY_USAGE, ON_XMPP_ADDR],
        }
    }

    /// Whether a certificate that lists these purposes will do; an empty list is not the same as no list.
    pub(crate) fn accepts(self, listed: &[&[u8]]) -> bool {
        listed.iter().any(|purpose| self.accepted().contains(purpose))
    }
}

/// The same rule, as webpki asks for it.
impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, listed: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut absent = true;
        let mut accepted = false;
        for purpose in listed {
            let purpose = purpose?;
            absent = false;
            accepted |= self.accepted().iter().any(|id| KeyPurposeId::new(id) == purpose);
        }
        if absent || accepted {
            return Ok(());
        }
        // What the certificate does list is read again for the error message.
        let context = RequiredEkuNotFoundContext {
            required: KeyUsage::server_auth(),
            present: Vec::new(),
        };
        Err(webpki::Error::RequiredEkuNotFoundContext(context))
    }
}
