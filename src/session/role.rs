//! What differs between the initiating and the receiving side of a session.

use crate::discovery::Candidate;
use crate::error::{ErrorKind, HeaderProblem};
use crate::policy::{Floor, Policy};
use crate::session::config::{ClientConfig, ServerConfig};
use crate::session::{Event, Target};
use crate::tls::{ClientHandshake, PeerCheck, ResumptionScope, ServerHandshake, TlsEngine, TlsError, TlsSession};
use pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use xmpp_identity::{Purpose, ReferenceIds, Verdict};
use xmpp_stream::{Element, Features, StreamHeader};
use xmpp_tls_core::{Domain, Side, StreamId, StreamKind, ns};

#[derive(Debug)]
pub(crate) enum Role {
    Client {
        config: Arc<ClientConfig>,
        /// What must hold instead of the config's policy.
        policy: Option<Arc<Policy>>,
        target: Target,
        /// Who the server said it is, inside TLS. It cannot change afterwards.
        server: Option<String>,
    },
    Server {
        config: Arc<ServerConfig>,
        /// What must hold instead of the config's policy.
        policy: Option<Arc<Policy>>,
        kind: StreamKind,
        /// The domain of ours that the peer asked for, as far as is known. It cannot change afterwards.
        domain: Option<Domain>,
        /// `domain` was asked for in clear: it chose the certificate, and counts for nothing else.
        in_clear: bool,
        /// The domain that another server said inside TLS to be. It cannot change afterwards.
        peer: Option<Domain>,
        /// The id of our last header.
        id: Option<StreamId>,
    },
}

impl Role {
    pub(crate) fn policy(&self) -> &Policy {
        match self {
            Role::Client { config, policy, .. } => policy.as_deref().unwrap_or(&config.policy),
            Role::Server { config, policy, .. } => policy.as_deref().unwrap_or(&config.policy),
        }
    }

    pub(crate) fn kind(&self) -> StreamKind {
        match self {
            Role::Client { target, .. } => target.kind(),
            Role::Server { kind, .. } => *kind,
        }
    }

    pub(crate) fn side(&self) -> Side {
        match self {
            Role::Client { .. } => Side::Initiating,
            Role::Server { .. } => Side::Receiving,
        }
    }

    /// The domain that the receiving side serves.
    pub(crate) fn domain(&self) -> Option<&Domain> {
        match self {
            Role::Client { target, .. } => Some(&target.domain),
            Role::Server { domain, .. } => domain.as_ref(),
        }
    }

    /// The domain that the initiating side serves, if it is a server.
    pub(crate) fn initiating_domain(&self) -> Option<&Domain> {
        match self {
            Role::Client { target, .. } => target.local_domain.as_ref(),
            Role::Server { peer, .. } => peer.as_ref(),
        }
    }

    /// Where the DNS says that the peer is.
    pub(crate) fn endpoint(&self) -> Option<&Candidate> {
        match self {
            Role::Client { target, .. } => target.endpoint.as_ref(),
            Role::Server { .. } => None,
        }
    }

    /// Whether the peer says who it is only with its header inside TLS.
    pub(super) fn is_unnamed(&self) -> bool {
        matches!(
            self,
            Role::Server {
                kind: StreamKind::ServerToServer,
                ..
            }
        )
    }

    /// The id that we gave the stream.
    pub(super) fn stream_id(&self) -> Option<&StreamId> {
        match self {
            Role::Client { .. } => None,
            Role::Server { id, .. } => id.as_ref(),
        }
    }

    /// The verdict on the peer's certificate as the one of `domain`, where the peer is a server.
    pub(super) fn verdict_on(
        &self,
        chain: &[CertificateDer<'_>],
        keys: Floor,
        domain: &Domain,
        now: UnixTime,
    ) -> Option<Verdict> {
        let (verifier, purpose) = match self {
            Role::Client { config, .. } => (config.verifier.clone(), Purpose::Server),
            Role::Server { config, .. } => (config.verifier.clone()?, Purpose::PeerServer),
        };
        let references = ReferenceIds::new(domain, self.kind());
        let verifier = verifier.with_floor(keys);
        (self.kind() == StreamKind::ServerToServer).then(|| verifier.verify(chain, &references, purpose, now))
    }

    /// The header that begins a stream inside TLS, if we are the side that speaks first.
    pub(super) fn initial_header(&self, protection: Protection) -> Option<StreamHeader> {
        match self {
            Role::Client { config, target, .. } => {
                let mut header = StreamHeader::new();
                header.to = Some((&target.domain).into());
                // RFC 6120 section 4.7.1: nobody's address in clear.
                let account = target.account.as_ref().filter(|_| protection == Protection::Tls);
                header.from = target.local_domain.as_ref().map(Into::into).or(account.map(Into::into));
                header.lang = Some((&config.language).into());
                Some(self.declare(header))
            }
            Role::Server { .. } => None,
        }
    }

    /// Servers declare the prefix of dialback, which some know by nothing else (XEP-0220 section 2.4).
    fn declare(&self, header: StreamHeader) -> StreamHeader {
        match self.policy().may_use_dialback(self.kind()) {
            true => header.with_declaration("db", ns::DIALBACK),
            false => header,
        }
    }

    /// The header to send when the stream fails before we sent one (RFC 6120 section 4.9.1.2).
    pub(super) fn apology(&self, protection: Protection) -> StreamHeader {
        self.initial_header(protection)
            .unwrap_or_else(|| StreamHeader::new().with_from(self.domain().map(Domain::to_string).unwrap_or_default()))
    }

    /// The domain of ours that a header in clear asks for; it chooses the certificate.
    pub(super) fn choose_domain(&mut self, header: &StreamHeader) -> Option<&Domain> {
        let Role::Server {
            config,
            domain,
            in_clear,
            ..
        } = self
        else {
            return None;
        };
        *in_clear = true;
        *domain = match &header.to {
            Some(to) => to.parse().ok().filter(|to| config.acceptor.serves(to)),
            None => config.acceptor.sole_domain(),
        };
        domain.as_ref()
    }

    /// Which domain of ours TLS was for: the one whose certificate was shown, if the engine tells, else the one
    /// that the server name means. A header that asks for another is refused afterwards.
    pub(super) fn learn_domain(&mut self, session: &TlsSession) {
        let Role::Server {
            config,
            domain,
            in_clear,
            ..
        } = self
        else {
            return;
        };
        let named = session.server_name.as_ref().and_then(|name| name.parse().ok());
        match (&session.local_domain, &domain) {
            (Some(shown), _) => {
                *in_clear &= named.as_ref() != Some(shown);
                *domain = Some(shown.clone());
            }
            (None, Some(_)) => {}
            (None, None) => {
                *domain = match &session.server_name {
                    Some(_) => named.filter(|name| config.acceptor.serves(name)),
                    None => config.acceptor.sole_domain(),
                };
            }
        }
    }

    /// A TLS engine, and what to ask about the peer's certificate, settled before it shows one.
    pub(super) fn start_tls(
        &self,
        direct: bool,
        now: UnixTime,
    ) -> Result<(Box<dyn TlsEngine>, Option<PeerCheck>), TlsError> {
        let policy = self.policy();
        let resumption =
            |domain, local| ResumptionScope::new(policy, (self.kind(), self.side()), direct, domain, local);
        match self {
            Role::Client { config, target, .. } => {
                let local = target.local_domain.as_ref().map(Domain::to_string);
                let scope = resumption(Some(&target.domain), local.or_else(|| target.account.clone()));
                let references = ReferenceIds::new(&target.domain, target.kind());
                let verifier = config.verifier.clone().with_floor(policy.keys);
                let enforce = policy.enforces_certificate(target.kind());
                let check = PeerCheck::under(verifier, references, now, enforce, scope);
                let tls = config.connector.connect(ClientHandshake {
                    domain: target.domain.clone(),
                    local_domain: target.local_domain.clone(),
                    alpn: direct.then(|| target.kind()),
                    minimum_version: policy.minimum_version,
                    forward_secrecy: policy.forward_secrecy,
                    check: check.clone(),
                })?;
                Ok((tls, Some(check)))
            }
            Role::Server { config, domain, .. } => {
                let clients = self.kind() == StreamKind::ClientToServer;
                let tls = config.acceptor.accept(ServerHandshake {
                    domain: domain.clone(),
                    kind: self.kind(),
                    ask_certificate: !clients,
                    minimum_version: policy.minimum_version,
                    forward_secrecy: policy.forward_secrecy,
                    // The scope does not know whom a server showed a certificate of.
                    resumption: resumption(None, None).filter(|_| clients),
                    now,
                })?;
                Ok((tls, None))
            }
        }
    }

    /// The stream goes on in clear: what its header says is all there is.
    pub(super) fn believe(&mut self, header: &StreamHeader) -> Result<(), ErrorKind> {
        match self {
            Role::Server {
                kind: StreamKind::ServerToServer,
                peer,
                ..
            } => learn_peer(peer, header),
            Role::Client { .. } | Role::Server { .. } => Ok(()),
        }
    }

    /// Checks a header that came inside TLS; on the receiving side makes ours.
    pub(super) fn answer_header(&mut self, header: &StreamHeader) -> Result<Option<StreamHeader>, ErrorKind> {
        let kind = self.kind();
        header.check_content_namespace(kind)?;
        let (config, domain, in_clear, peer, id, policy) = match self {
            Role::Client { server, .. } => return same_server(server, header).map(|()| None),
            Role::Server {
                config,
                domain,
                in_clear,
                peer,
                id,
                policy,
                ..
            } => (config, domain, in_clear, peer, id, policy),
        };
        let asked = match &header.to {
            Some(to) => {
                let unknown = || ErrorKind::Header(HeaderProblem::UnknownDomain { to: excerpt(to) });
                to.parse()
                    .ok()
                    .filter(|to| config.acceptor.serves(to))
                    .ok_or_else(unknown)?
            }
            // RFC 6120 section 5.4.3.3: what was said in clear is forgotten.
            None => {
                let learned = domain.clone().filter(|_| !*in_clear);
                let sole = || config.acceptor.sole_domain();
                learned
                    .or_else(sole)
                    .ok_or(ErrorKind::Header(HeaderProblem::NoDomain))?
            }
        };
        if let Some(before) = domain.as_ref().filter(|before| **before != asked) {
            return Err(changed("to", before.as_str(), asked.as_str()));
        }
        if kind == StreamKind::ServerToServer {
            learn_peer(peer, header)?;
            let exception = config.overrides.find(kind, Side::Receiving, peer.as_ref());
            *policy = exception.cloned();
        }
        let mut random = [0; 16];
        config.acceptor.fill_random(&mut random)?;
        let fresh = StreamId::from_random(random);
        let response = header.response(kind, Some(&asked), &fresh, &config.languages);
        *domain = Some(asked);
        *in_clear = false;
        *id = Some(fresh);
        Ok(Some(self.declare(response)))
    }

    pub(super) fn event(&self, element: Element) -> Event {
        match (self, Features::from_element(&element)) {
            (Role::Client { .. }, Some(features)) => Event::Features(features),
            (Role::Client { .. } | Role::Server { .. }, _) => Event::Element(element),
        }
    }
}

/// Whether anybody on the path can read what we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    Tls,
    None,
}

/// A server may call itself by another of its names (RFC 6120 section 4.7.1), but not by one after
/// another.
fn same_server(known: &mut Option<String>, header: &StreamHeader) -> Result<(), ErrorKind> {
    match (known.as_deref(), header.from.as_deref()) {
        (Some(before), Some(now)) if before != now => Err(changed("from", before, now)),
        (None, Some(now)) => {
            *known = Some(now.to_owned());
            Ok(())
        }
        (_, _) => Ok(()),
    }
}

/// Another server says which domain it serves; old ones may not.
fn learn_peer(peer: &mut Option<Domain>, header: &StreamHeader) -> Result<(), ErrorKind> {
    let Some(from) = &header.from else { return Ok(()) };
    let claimed: Domain = from
        .parse()
        .map_err(|_| ErrorKind::Header(HeaderProblem::NoServer { from: excerpt(from) }))?;
    match peer {
        Some(before) if *before != claimed => Err(changed("from", before.as_str(), claimed.as_str())),
        Some(_) => Ok(()),
        None => {
            *peer = Some(claimed);
            Ok(())
        }
    }
}

fn changed(attribute: &'static str, before: &str, now: &str) -> ErrorKind {
    ErrorKind::Header(HeaderProblem::Changed {
        attribute,
        before: excerpt(before),
        now: excerpt(now),
    })
}

/// Enough for a line of a log, whatever the peer wrote.
fn excerpt(text: &str) -> String {
    text.chars().take(64).collect()
}
