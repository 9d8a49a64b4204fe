//! One stream on one socket.

use super::link::{Link, Mailbox, Order};
use crate::federation::Event;
use crate::io::{Error, LAST_WORDS_OCTETS, READ_OCTETS};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use xmpp_stream::Element;
use xmpp_tls_core::Output;

/// How long the system may take to accept what we write, and the peer to read our last words.
const PATIENCE: Duration = Duration::from_secs(10);
const WRITE: Duration = Duration::from_secs(60);

pub(super) struct Wire {
    socket: TcpStream,
    buffer: Box<[u8]>,
}

/// What there is to react to.
pub(super) enum Turn {
    Event(Event),
    Order(Order),
    Stanza(Element),
    /// Nothing was said for too long.
    Idle,
}

impl Wire {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        let buffer = vec![0; READ_OCTETS].into_boxed_slice();
        Ok(Wire { socket, buffer })
    }

    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.socket.peer_addr().ok()
    }

    /// Moves octets until something happens.
    pub(super) async fn turn<L: Link>(
        &mut self,
        link: &mut L,
        mailbox: &mut Mailbox,
        idle: Option<Instant>,
    ) -> Result<Turn, Error> {
        loop {
            match link.poll_output() {
                Ok(Output::Transmit(bytes)) => {
                    let written = timeout(WRITE, self.socket.write_all(&bytes)).await;
                    if let Err(error) = written.map_err(io::Error::from).and_then(|written| written) {
                        return Err(broken(link, error));
                    }
                }
                Ok(Output::Event(event)) => return Ok(Turn::Event(event)),
                Ok(Output::WantsInput(until)) => {
                    if let Some(turn) = self.wait(link, mailbox, until, idle).await? {
                        return Ok(turn);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn wait<L: Link>(
        &mut self,
        link: &mut L,
        mailbox: &mut Mailbox,
        until: Option<Instant>,
        idle: Option<Instant>,
    ) -> Result<Option<Turn>, Error> {
        tokio::select! {
            read = self.socket.read(&mut self.buffer) => {
                let now = Instant::now();
                match read {
                    Ok(0) => link.handle_eof(now)?,
                    Ok(octets) => link.handle_input(now, self.buffer.get(..octets).unwrap_or_default())?,
                    Err(error) => return Err(broken(link, error)),
                }
                Ok(None)
            }
            turn = mailbox.next() => Ok(Some(turn)),
            () = at(until) => {
                link.handle_timeout(Instant::now())?;
                Ok(None)
            }
            () = at(idle.filter(|_| until.is_none())) => Ok(Some(Turn::Idle)),
        }
    }

    /// Lets the peer read our last words: closing a socket with unread input would destroy them.
    pub(super) async fn hang_up(&mut self) {
        let goodbye = async {
            self.socket.shutdown().await?;
            let mut left = LAST_WORDS_OCTETS;
            while left > 0 {
                match self.socket.read(&mut self.buffer).await? {
                    0 => break,
                    octets => left = left.saturating_sub(octets),
                }
            }
            io::Result::Ok(())
        };
        // The stream is over either way.
        drop(timeout(PATIENCE, goodbye).await);
    }
}

fn broken<L: Link>(link: &L, error: io::Error) -> Error {
    let report = link.report();
    Error::Transport {
        domain: report.and_then(|report| report.remote_domain().cloned()),
        phase: match report {
            Some(_) => crate::Phase::Open,
            None => crate::Phase::Tls,
        },
        error: Arc::new(error),
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
