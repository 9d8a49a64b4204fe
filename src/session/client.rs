use crate::discovery::Candidate;
use crate::session::config::{ClientConfig, Mode};
use crate::session::negotiation::Negotiation;
use crate::session::{Role, Session, State};
use crate::time::Now;
use crate::{Error, ErrorKind, Phase};
use std::sync::Arc;
use xmpp_tls_core::{Domain, Side, StreamKind};

/// Which stream to open.
///
/// ```
/// use xmpp_tls::session::Target;
///
/// let client = Target::new("example.org".parse()?);
/// let direct = Target::new("example.org".parse()?).direct_tls();
/// let server = Target::new("example.org".parse()?).from_server("example.net".parse()?);
/// # Ok::<(), xmpp_tls::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) domain: Domain,
    pub(crate) local_domain: Option<Domain>,
    pub(crate) account: Option<String>,
    pub(crate) mode: Mode,
    pub(crate) endpoint: Option<Candidate>,
}

impl Target {
    /// A client-to-server stream to `domain`, by STARTTLS. The domain is what the certificate has to
    /// be good for, whatever host the connection is made to (RFC 6120 section 13.7.2.1).
    pub fn new(domain: Domain) -> Self {
        Target {
            domain,
            local_domain: None,
            account: None,
            mode: Mode::StartTls,
            endpoint: None,
        }
    }

    /// TLS from the first octet (XEP-0368).
    pub fn direct_tls(mut self) -> Self {
        self.mode = Mode::DirectTls;
        self
    }

    /// Reached at `endpoint`, in its way of TLS, as [`plan`](crate::discovery::plan) found it. The report of the
    /// connection tells it; it changes nothing about whom the certificate must name.
    pub fn at(mut self, endpoint: Candidate) -> Self {
        self.mode = endpoint.mode;
        self.endpoint = Some(endpoint);
        self
    }

    /// A server-to-server stream, from the server for `local`. The certificate of the receiving server
    /// is verified; where it is not good the policy says whether dialback may still come
    /// ([`ServerAuthentication`](crate::policy::ServerAuthentication)). How we authenticate to it is the application's.
    pub fn from_server(mut self, local: Domain) -> Self {
        self.local_domain = Some(local);
        self
    }

    /// The bare address to claim in the header inside TLS (RFC 6120 section 4.7.1). It is never
    /// written in clear.
    pub fn with_account(mut self, address: impl Into<String>) -> Self {
        self.account = Some(address.into());
        self
    }

    /// The domain wanted.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// How TLS begins.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which kind of stream.
    pub fn kind(&self) -> StreamKind {
        match self.local_domain {
            Some(_) => StreamKind::ServerToServer,
            None => StreamKind::ClientToServer,
        }
    }
}

impl From<Domain> for Target {
    fn from(domain: Domain) -> Self {
        Target::new(domain)
    }
}

impl Session {
    /// The initiating side of a connection: a client, or a server that connects to another
    /// ([`Target::from_server`]).
    ///
    /// # Errors
    ///
    /// The TLS library cannot do what the policy asks, or the policy contradicts itself
    /// ([`Policy::conflict`](crate::policy::Policy::conflict)).
    pub fn client(config: Arc<ClientConfig>, target: impl Into<Target>, now: Now) -> Result<Self, Error> {
        let target = target.into();
        let exception = config
            .overrides
            .find(target.kind(), Side::Initiating, Some(&target.domain));
        let policy = exception.map_or(&config.policy, |policy| policy);
        let refused = |kind| Error::new(Some(target.domain.clone()), Phase::Tls, kind);
        if let Some(text) = policy.conflict() {
            return Err(refused(ErrorKind::ApiMisuse(text)));
        }
        config
            .connector
            .supports(policy.minimum_version)
            .map_err(|error| refused(error.into()))?;
        let mode = target.mode;
        let state = match mode {
            Mode::StartTls => {
                State::Negotiating(Box::new(Negotiation::initiate(&config, policy, &target, now.instant)))
            }
            Mode::DirectTls => State::Starting,
        };
        let role = Role::Client {
            policy: exception.cloned(),
            config,
            target,
            server: None,
        };
        let mut session = Session::new(role, now, state);
        if mode == Mode::DirectTls {
            session.start_direct_tls()?;
        }
        Ok(session)
    }

    pub(super) fn start_direct_tls(&mut self) -> Result<(), Error> {
        self.start_tls(None)
            .map_err(|kind| Error::new(self.role.domain().cloned(), Phase::Tls, kind))
    }
}
