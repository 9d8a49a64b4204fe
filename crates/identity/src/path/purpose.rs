use crate::names::name::ON_XMPP_ADDR;
use webpki::{ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext};

pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];
pub(crate) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0];

/// What the peer's certificate must be good for. A certificate without extendedKeyUsage is good for
/// anything (RFC 5280 section 4.2.1.12), one with anyExtendedKeyUsage too. The same is asked of every
/// intermediate certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Purpose {
    /// We are the TLS client and the peer is a server: serverAuth.
    Server,
    /// The peer is a client that logs in with a certificate: clientAuth, or id-on-xmppAddr, which
    /// RFC 6120 section 13.7.1.4 allows here too.
    ClientToServer,
    /// The peer is a server that opened the connection, so it is the TLS client: what
    /// [`PeerServerUsage`] says, by default serverAuth.
    PeerServer,
}

/// Which extendedKeyUsage authenticates a server that dialled us, and so is the TLS client.
///
/// RFC 5280 would have clientAuth. Public CAs stopped issuing that for servers in 2026, so a peer with
/// a certificate from one of them has serverAuth alone; and whoever gets a certificate for clients
/// alone was often not checked to own the domain as servers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum PeerServerUsage {
    /// serverAuth: the certificate says who the server is, whoever dialled.
    #[default]
    ServerAuth,
    /// serverAuth or clientAuth.
    Either,
    /// clientAuth, as RFC 5280 has it. Refuses what public CAs issue.
    ClientAuth,
    /// Whatever the extension lists.
    Ignore,
}

/// A concession that was made to a certificate of a server that dialled us
/// ([`Purpose::PeerServer`]); a strict reader of RFC 5280 section 4.2.1.12 would have refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum UsageException {
    /// It lists serverAuth and not clientAuth.
    ServerAuthOnly,
    /// It lists clientAuth and not serverAuth: it was not issued for a server at all.
    ClientAuthOnly,
    /// It lists neither, and the extension is ignored by [`PeerServerUsage::Ignore`].
    Neither,
}

impl std::fmt::Display for UsageException {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            UsageException::ServerAuthOnly => "allows serverAuth only, accepted from a server that dialled",
            UsageException::ClientAuthOnly => "allows clientAuth only, accepted for a server by policy",
            UsageException::Neither => "allows neither serverAuth nor clientAuth, accepted by policy",
        })
    }
}

/// A purpose together with the policy about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) purpose: Purpose,
    pub(crate) peer_server: PeerServerUsage,
}

impl Usage {
    /// What the extension must list, in words.
    pub(crate) fn needed(self) -> &'static str {
        match (self.purpose, self.peer_server) {
            (Purpose::Server, _) | (Purpose::PeerServer, PeerServerUsage::ServerAuth) => "serverAuth",
            (Purpose::ClientToServer, _) | (Purpose::PeerServer, PeerServerUsage::ClientAuth) => "clientAuth",
            (Purpose::PeerServer, PeerServerUsage::Either) => "serverAuth or clientAuth",
            (Purpose::PeerServer, PeerServerUsage::Ignore) => "anything",
        }
    }

    /// `None`: whatever is listed will do.
    fn accepted(self) -> Option<&'static [&'static [u8]]> {
        match (self.purpose, self.peer_server) {
            (Purpose::Server, _) | (Purpose::PeerServer, PeerServerUsage::ServerAuth) => {
                Some(&[SERVER_AUTH, ANY_EXTENDED_KEY_USAGE])
            }
            (Purpose::ClientToServer, _) => Some(&[CLIENT_AUTH, ANY_EXTENDED_KEY_USAGE, ON_XMPP_ADDR]),
            (Purpose::PeerServer, PeerServerUsage::ClientAuth) => Some(&[CLIENT_AUTH, ANY_EXTENDED_KEY_USAGE]),
            (Purpose::PeerServer, PeerServerUsage::Either) => Some(&[SERVER_AUTH, CLIENT_AUTH, ANY_EXTENDED_KEY_USAGE]),
            (Purpose::PeerServer, PeerServerUsage::Ignore) => None,
        }
    }

    /// Whether a certificate that lists these purposes will do; an empty list is not the same as no list.
    pub(crate) fn accepts(self, listed: &[&[u8]]) -> bool {
        match self.accepted() {
            Some(accepted) => listed.iter().any(|purpose| accepted.contains(purpose)),
            None => true,
        }
    }

    /// What was conceded in accepting these purposes.
    pub(crate) fn exception(self, listed: &[&[u8]]) -> Option<UsageException> {
        if self.purpose != Purpose::PeerServer {
            return None;
        }
        let has = |id: &[u8]| listed.contains(&id);
        match (has(SERVER_AUTH), has(CLIENT_AUTH), has(ANY_EXTENDED_KEY_USAGE)) {
            (_, _, true) | (true, true, _) => None,
            (true, false, false) => Some(UsageException::ServerAuthOnly),
            (false, true, false) => Some(UsageException::ClientAuthOnly),
            (false, false, false) => Some(UsageException::Neither),
        }
    }
}

/// The same rule, as webpki asks for it.
impl ExtendedKeyUsageValidator for Usage {
    fn validate(&self, listed: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut absent = true;
        let Some(accepted) = self.accepted() else {
            return Ok(());
        };
        let mut found = false;
        for purpose in listed {
            let purpose = purpose?;
            absent = false;
            found |= accepted.iter().any(|id| KeyPurposeId::new(id) == purpose);
        }
        if absent || found {
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
