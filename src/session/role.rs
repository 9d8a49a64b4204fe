//! What differs between the initiating and the receiving side of a session.

use crate::error::{ErrorKind, HeaderProblem};
use crate::policy::{Authentication, Policy};
use crate::session::config::{ClientConfig, ServerConfig};
use crate::session::{Event, Target};
use crate::tls::{ClientHandshake, PeerCheck, ServerHandshake, TlsEngine, TlsError, TlsSession};
use pki_types::UnixTime;
use std::sync::Arc;
use xmpp_identity::ReferenceIds;
use xmpp_stream::{Element, Features, StreamHeader};
use xmpp_tls_core::{Domain, Side, StreamId, StreamKind};

#[derive(Debug)]
pub(crate) enum Role {
    Client {
        config: Arc<ClientConfig>,
        target: Target,
    },
    Server {
        config: Arc<ServerConfig>,
        /// The domain of ours that the peer asked for, once known. It cannot change afterwards.
        domain: Option<Domain>,
    },
}

impl Role {
    pub(crate) fn policy(&self) -> &Policy {
        match self {
            Role::Client { config, .. } => &config.policy,
            Role::Server { config, .. } => &config.policy,
        }
    }

    pub(crate) fn kind(&self) -> StreamKind {
        match self {
            Role::Client { target, .. } => target.kind(),
            Role::Server { .. } => StreamKind::ClientToServer,
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

    /// The header that begins a stream inside TLS, if we are the side that speaks first.
    pub(super) fn initial_header(&self) -> Option<StreamHeader> {
        match self {
            Role::Client { config, target } => {
                let mut header = StreamHeader::new();
                header.to = Some(target.domain.to_string());
                header.from = target
                    .local_domain
                    .as_ref()
                    .map(Domain::to_string)
                    .or_else(|| target.account.clone());
                header.lang = Some(config.language.clone());
                Some(header)
            }
            Role::Server { .. } => None,
        }
    }

    /// The header to send when the stream fails before we sent one (RFC 6120 section 4.9.1.2).
    pub(super) fn apology(&self) -> StreamHeader {
        self.initial_header()
            .unwrap_or_else(|| StreamHeader::new().with_from(self.domain().map(Domain::to_string).unwrap_or_default()))
    }

    /// The domain of ours that a header asks for; remembered.
    pub(super) fn choose_domain(&mut self, header: &StreamHeader) -> Option<&Domain> {
        let Role::Server { config, domain } = self else {
            return None;
        };
        *domain = match &header.to {
            Some(to) => to.parse().ok().filter(|to| config.acceptor.serves(to)),
            None => config.acceptor.sole_domain().cloned(),
        };
        domain.as_ref()
    }

    /// Direct TLS: the server name says which domain of ours is meant, before any header.
    pub(super) fn learn_domain(&mut self, session: &TlsSession) {
        if let Role::Server {
            config,
            domain: domain @ None,
        } = self
        {
            *domain = match &session.server_name {
                Some(name) => name.parse().ok().filter(|name| config.acceptor.serves(name)),
                None => config.acceptor.sole_domain().cloned(),
            };
        }
    }

    /// What to ask about the peer's certificate. It is settled before the peer shows one.
    pub(super) fn peer_check(&self, now: UnixTime) -> Option<PeerCheck> {
        match self {
            Role::Client { config, target } => Some(PeerCheck {
                verifier: config.verifier.clone(),
                references: ReferenceIds::new(&target.domain, target.kind()),
                now,
                enforce: config.policy.authentication == Authentication::Required,
            }),
            Role::Server { .. } => None,
        }
    }

    pub(super) fn start_tls(
        &self,
        direct: bool,
        check: Option<PeerCheck>,
        now: UnixTime,
    ) -> Result<Box<dyn TlsEngine>, TlsError> {
        match self {
            Role::Client { config, target } => config.connector.connect(ClientHandshake {
                domain: target.domain.clone(),
                alpn: direct.then(|| target.kind()),
                minimum_version: config.policy.minimum_version,
                check: check.ok_or_else(|| TlsError::Misconfigured("a client checks its server".to_owned()))?,
            }),
            Role::Server { config, domain } => config.acceptor.accept(ServerHandshake {
                domain: domain.clone(),
                kind: self.kind(),
                minimum_version: config.policy.minimum_version,
                now,
            }),
        }
    }

    /// Checks a header that came inside TLS; on the receiving side makes ours.
    pub(super) fn answer_header(&mut self, header: &StreamHeader) -> Result<Option<StreamHeader>, ErrorKind> {
        let kind = self.kind();
        header.check_content_namespace(kind)?;
        let Role::Server { config, domain } = self else {
            return Ok(None);
        };
        let asked = match &header.to {
            Some(to) => {
                let unknown = || {
                    ErrorKind::Header(HeaderProblem::UnknownDomain {
                        to: to.chars().take(64).collect(),
                    })
                };
                let parsed: Domain = to.parse().map_err(|_| unknown())?;
                if !config.acceptor.serves(&parsed) {
                    return Err(unknown());
                }
                parsed
            }
            None => domain
                .clone()
                .or_else(|| config.acceptor.sole_domain().cloned())
                .ok_or(ErrorKind::Header(HeaderProblem::NoDomain))?,
        };
        if let Some(before) = domain.as_ref().filter(|before| **before != asked) {
            return Err(ErrorKind::Header(HeaderProblem::Changed {
                attribute: "to",
                before: before.to_string(),
                now: asked.to_string(),
            }));
        }
        let mut random = [0; 16];
        config.acceptor.fill_random(&mut random)?;
        let id = StreamId::from_random(random);
        let response = header.response(kind, Some(&asked), &id, &config.languages);
        *domain = Some(asked);
        Ok(Some(response))
    }

    pub(super) fn event(&self, element: Element) -> Event {
        match (self, Features::from_element(&element)) {
            (Role::Client { .. }, Some(features)) => Event::Features(features),
            (Role::Client { .. } | Role::Server { .. }, _) => Event::Element(element),
        }
    }
}
