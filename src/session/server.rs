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
        let exception = config.overrides.find(StreamKind::ClientToServer, Side::Receiving, None);
        let policy = exception.map_or(&config.policy, |policy| policy);
        if let Some(text) = policy.conflict() {
            return Err(Error::new(None, Phase::Tls, ErrorKind::ApiMisuse(text)));
        }
        config
            .acceptor
            .supports(policy.minimum_version)
            .map_err(misconfigured)?;
        let state = match mode {
            Mode::StartTls => {
                let mut random = [0; 16];
                config.acceptor.fill_random(&mut random).map_err(misconfigured)?;
                let id = StreamId::from_random(random);
                State::Negotiating(Box::new(Negotiation::respond(&config, policy, id, now.instant)))
            }
            Mode::DirectTls => State::Starting,
        };
        let role = Role::Server {
            policy: exception.cloned(),
            config,
            domain: None,
            in_clear: false,
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
