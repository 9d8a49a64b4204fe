//! tokio's sockets and timer.

use super::futures::{Timer, XmppStream};
use super::{Endpoint, Error};
use crate::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use crate::time::Now;
use async_trait::async_trait;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use xmpp_tls_core::deadline;

/// An open stream on a tokio socket.
pub type TokioStream = XmppStream<Compat<TcpStream>, TokioTimer>;

/// tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct TokioTimer;

#[async_trait]
impl Timer for TokioTimer {
    fn now(&self) -> Now {
        super::now()
    }

    async fn sleep_until(&self, deadline: std::time::Instant) {
        tokio::time::sleep_until(deadline.into()).await;
    }
}

/// Connects to a domain: its own addresses, the registered port.
///
/// # Errors
///
/// No address answers, or the stream cannot be secured. Nothing is retried in clear.
pub async fn connect(config: Arc<ClientConfig>, target: impl Into<Target>) -> Result<TokioStream, Error> {
    let target = target.into();
    let endpoint = Endpoint::default_for(&target);
    connect_to(&endpoint, config, target).await
}

/// Connects to a domain at another host or port. The certificate must still be for the domain.
///
/// ```no_run
/// # async fn example(config: std::sync::Arc<xmpp_tls::session::ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::{Domain, io};
///
/// let endpoint = io::Endpoint::new("xmpp.example.org", 5222);
/// let stream = io::tokio::connect_to(&endpoint, config, "example.org".parse::<Domain>()?).await?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As for [`connect`].
pub async fn connect_to(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    target: impl Into<Target>,
) -> Result<TokioStream, Error> {
    let target = target.into();
    let unreachable = |error| Error::unreachable(endpoint, error);
    let socket = dial(endpoint, config.policy_for(&target).timeouts.connect)
        .await
        .map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    let session = Session::client(config, target, super::now())?;
    XmppStream::establish(session, socket.compat(), TokioTimer).await
}

/// Secures and opens the stream of a client that connected to us.
///
/// # Errors
///
/// The stream cannot be secured.
pub async fn accept(socket: TcpStream, config: Arc<ServerConfig>, mode: Mode) -> Result<TokioStream, Error> {
    let session = Session::server(config, mode, super::now())?;
    socket
        .set_nodelay(true)
        .map_err(|error| Error::transport(&session, error))?;
    XmppStream::establish(session, socket.compat(), TokioTimer).await
}

/// Looks the host up and tries every address. Each gets its share of what is left of the budget, so that
/// one that swallows packets does not keep us from the next.
async fn dial(endpoint: &Endpoint, budget: Duration) -> io::Result<TcpStream> {
    let until = deadline(super::now().instant, budget).into();
    let found = lookup_host((endpoint.host.as_str(), endpoint.port));
    let addresses: Vec<_> = timeout_at(until, found).await.map_err(io::Error::from)??.collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(error)) => last = error,
            Err(late) => last = late.into(),
        }
    }
    Err(last)
}
