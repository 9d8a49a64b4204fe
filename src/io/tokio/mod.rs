//! tokio's sockets and timer.

mod connector;
mod dial;
mod discover;
mod federation;
mod offloaded;

pub use connector::Connector;
pub use discover::{connect_by, discover};
pub use federation::{Federation, LinkInfo, LinkPurpose, Notice, SendError, Undeliverable, Unsendable};
pub use offloaded::OffloadedLedger;

use super::futures::{Timer, XmppStream};
use super::{Endpoint, Error};
use crate::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use crate::time::Now;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

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

/// Connects to a domain: its own addresses, the registered port. [`connect_by`] asks for SRV records.
///
/// # Errors
///
/// No address answers, or the stream cannot be secured. Nothing is retried in clear.
pub async fn connect(config: Arc<ClientConfig>, target: impl Into<Target>) -> Result<TokioStream, Error> {
    Connector::new(config).connect(target).await
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
    Connector::new(config).connect_to(endpoint, target).await
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
