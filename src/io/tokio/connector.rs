use super::{TokioStream, TokioTimer, dial, discover};
use crate::history::Attempt;
use crate::io::futures::XmppStream;
use crate::io::{Endpoint, Error, Memory, Resolver, now};
use crate::session::{ClientConfig, Session, Target};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout_at;
use tokio_util::compat::TokioAsyncReadCompatExt;
use xmpp_tls_core::deadline;

/// Connects to domains: where the DNS says if it has a [`Resolver`], and with a [`Memory`] of what was there before.
/// [`connect`](super::connect), [`connect_to`](super::connect_to) and [`connect_by`](super::connect_by) are the same
/// without one.
///
/// ```no_run
/// # async fn example(config: std::sync::Arc<xmpp_tls::session::ClientConfig>, resolver: std::sync::Arc<dyn xmpp_tls::io::Resolver>)
/// #     -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use xmpp_tls::io::{Memory, tokio::Connector};
/// use xmpp_tls::ledger::{Ledger, MemoryStore};
/// use xmpp_tls::Domain;
///
/// let ledger = Arc::new(Ledger::new(MemoryStore::default()));
/// let connector = Connector::new(config)
///     .with_resolver(resolver)
///     .with_memory(Memory::default().with_ledger(ledger));
/// let stream = connector.connect("example.org".parse::<Domain>()?).await?;
/// if let Some(said) = stream.decision() {
///     println!("{said}"); // before anybody logs in
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Connector {
    config: Arc<ClientConfig>,
    resolver: Option<Arc<dyn Resolver>>,
    memory: Memory,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector")
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Without a resolver a domain is looked for at its own addresses and the registered port.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Connector {
            config,
            resolver: None,
            memory: Memory::default(),
        }
    }

    /// Where domains are is asked of this.
    #[must_use]
    pub fn with_resolver(mut self, resolver: Arc<dyn Resolver>) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// What is remembered.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = memory;
        self
    }

    /// Connects to a domain; see [`connect_by`](super::connect_by).
    ///
    /// # Errors
    ///
    /// As for [`connect_by`](super::connect_by), and [`Error::Ledger`] where the ledger refuses.
    pub async fn connect(&self, target: impl Into<Target>) -> Result<TokioStream, Error> {
        let target = target.into();
        match &self.resolver {
            Some(resolver) => discover::connect(&**resolver, &self.config, &target, &self.memory).await,
            None => self.connect_to(&Endpoint::default_for(&target), target).await,
        }
    }

    /// Connects to a domain at another host or port, which the resolver looks up if there is one; see
    /// [`connect_to`](super::connect_to).
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    pub async fn connect_to(&self, endpoint: &Endpoint, target: impl Into<Target>) -> Result<TokioStream, Error> {
        let target = target.into();
        let running = Attempt::begin(&target, Some(endpoint), now());
        let made = self.reach_and_secure(endpoint, target).await;
        self.memory.record(|| match &made {
            Ok(stream) => running.succeeded(stream.report(), now().instant),
            Err(error) => running.failed(error, now().instant),
        });
        made
    }

    async fn reach_and_secure(&self, endpoint: &Endpoint, target: Target) -> Result<TokioStream, Error> {
        let budget = self.config.policy_for(&target).timeouts.connect;
        let socket = match &self.resolver {
            Some(resolver) => discover::reach(&**resolver, endpoint, budget).await?,
            None => reach(endpoint, budget).await?,
        };
        secure(endpoint, socket, self.config.clone(), target, &self.memory).await
    }
}

/// By the system's own lookup.
async fn reach(endpoint: &Endpoint, budget: Duration) -> Result<TcpStream, Error> {
    let unreachable = |error| Error::unreachable(endpoint, error);
    let until = deadline(now().instant, budget).into();
    let found = timeout_at(until, lookup_host((endpoint.host.as_str(), endpoint.port)))
        .await
        .map_err(io::Error::from)
        .and_then(|found| found)
        .map_err(unreachable)?;
    dial::dial(found, until, TcpStream::connect).await.map_err(unreachable)
}

pub(super) async fn secure(
    endpoint: &Endpoint,
    socket: TcpStream,
    config: Arc<ClientConfig>,
    target: Target,
    memory: &Memory,
) -> Result<TokioStream, Error> {
    socket
        .set_nodelay(true)
        .map_err(|error| Error::unreachable(endpoint, error))?;
    let session = Session::client(config, target, now())?;
    XmppStream::establish_with(session, socket.compat(), TokioTimer, memory).await
}
