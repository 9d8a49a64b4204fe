//! tokio's sockets and timer.

use super::futures::{Timer, XmppStream};
use super::{Endpoint, Error};
use crate::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use crate::time::Now;
use async_trait::async_trait;
use std::io;
use std::sync::Arc;
use std::time::Instant;
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

    async fn sleep_until(&self, deadline: Instant) {
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
/// # Errors
///
/// As for [`connect`].
pub async fn connect_to(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    target: impl Into<Target>,
) -> Result<TokioStream, Error> {
    let connecting = TcpStream::connect((endpoint.host.as_str(), endpoint.port));
    let socket = tokio::time::timeout(config.policy.timeouts.connect, connecting)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(|error| Error::unreachable(endpoint, error))?;
    socket.set_nodelay(true)?;
    let session = Session::client(config, target, super::now())?;
    XmppStream::establish(session, socket.compat(), TokioTimer).await
}

/// Secures and opens the stream of a client that connected to us.
///
/// # Errors
///
/// The stream cannot be secured.
pub async fn accept(socket: TcpStream, config: Arc<ServerConfig>, mode: Mode) -> Result<TokioStream, Error> {
    socket.set_nodelay(true)?;
    let session = Session::server(config, mode, super::now())?;
    XmppStream::establish(session, socket.compat(), TokioTimer).await
}
