use crate::Error;
use crate::session::config::{Mode, ServerConfig};
use crate::session::negotiation::Negotiation;
use crate::session::{Role, Session, State};
use crate::time::Now;
use crate::tls::TlsError;
use crate::{ErrorKind, Phase};
use std::sync::Arc;
use xmpp_tls_core::{Side, StreamId, StreamKind};

impl Session {
    /// The receiving side of a client's connection.
    ///
    /// After [`Event::Opened`](crate::session::Event::Opened) the application sends its features with
    /// [`send`](Session::send), and goes on with SASL. Where the policy lets a stream go on in clear the
    /// features are [`plaintext_features`](ServerConfig::plaintext_features), and sent already.
    ///
    /// # Errors
    ///
    /// The TLS library cannot do what the policy asks, or has no randomness, or the policy contradicts itself
    /// ([`Policy::conflict`](crate::policy::Policy::conflict)).
    pub fn server(config: Arc<ServerConfig>, mode: Mode, now: Now) -> Result<Self, Error> {
        Self::receiving(config, StreamKind::ClientToServer, mode, now)
    }

    /// The receiving side of another server's connection.
    ///
    /// The peer is asked for a certificate, and who it is becomes known with its stream header inside TLS. So
    /// [`Event::Secured`](crate::session::Event::Secured) comes only then, with the verdict on the certificate for
    /// the domain that the header claims, and right before [`Event::Opened`](crate::session::Event::Opened). A
    /// peer whose certificate is not good is refused, or left to dialback, as
    /// [`ServerAuthentication`](crate::policy::ServerAuthentication) says. A policy for that domain
    /// ([`Overrides`](crate::policy::Overrides)) applies from the header on; until then it is the one for every server.
    ///
    /// This is TLS and the verdict, and no more: [`federation`](crate::federation) joins SASL EXTERNAL and dialback
    /// to it.
    ///
    /// # Errors
    ///
    /// As [`server`](Self::server), and if the config has no
    /// [`verifier`](crate::session::ServerConfig::verifier).
    pub fn peer_server(config: Arc<ServerConfig>, mode: Mode, now: Now) -> Result<Self, Error> {
        if config.verifier.is_none() {
            return Err(misconfigured(TlsError::Misconfigured(
                "streams from other servers need a verifier of their certificates: ServerConfig::with_verifier"
                    .to_owned(),
            )));
        }
        Self::receiving(config, StreamKind::ServerToServer, mode, now)
    }

    fn receiving(config: Arc<ServerConfig>, kind: StreamKind, mode: Mode, now: Now) -> Result<Self, Error> {
        let exception = config.overrides.find(kind, Side::Receiving, None);
        let policy = exception.map_or(&config.policy, |policy| policy);
        if let Some(text) = policy.conflict() {
            return Err(Error::new(None, Phase::Tls, ErrorKind::ApiMisuse(text)));
        }
        config
            .acceptor
            .supports(policy.minimum_version)
            .map_err(misconfigured)?;
        let mut random = [0; 16];
        config.acceptor.fill_random(&mut random).map_err(misconfigured)?;
        let id = StreamId::from_random(random);
        let state = match mode {
            Mode::StartTls => State::Negotiating(Box::new(Negotiation::respond(
                &config,
                policy,
                kind,
                id.clone(),
                now.instant,
            ))),
            Mode::DirectTls => State::Starting,
        };
        let role = Role::Server {
            policy: exception.cloned(),
            config,
            kind,
            domain: None,
            in_clear: false,
            peer: None,
            id: Some(id),
        };
        let mut session = Session::new(role, now, state);
        if mode == Mode::DirectTls {
            session.start_direct_tls()?;
        }
        Ok(session)
    }
}

fn misconfigured(source: TlsError) -> Error {
    Error::new(None, Phase::Tls, ErrorKind::Tls(source))
}
