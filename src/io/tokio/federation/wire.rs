//! One stream on one socket.

use super::link::Link;
use super::mailbox::{Mailbox, Order};
use crate::federation::Event;
use crate::io::{Error, LAST_WORDS_OCTETS, READ_OCTETS};
use bytes::{Buf, BytesMut};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};
use xmpp_stream::Element;
use xmpp_tls_core::{Output, deadline};

/// So much waits to be written before we stop to listen: what a peer asks makes us answer.
const FULL: usize = 256 * 1024;

pub(super) struct Wire {
    socket: TcpStream,
    /// On its way out. Meanwhile the peer is listened to: it may wait for the same.
    pending: BytesMut,
    /// Until when the system has to take more of it.
    write_by: Option<Instant>,
    /// Writing failed. What the peer said before is still read: it may say why.
    broken: Option<io::Error>,
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
        Ok(Wire {
            socket,
            pending: BytesMut::new(),
            write_by: None,
            broken: None,
        })
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
            let until = match self.pending.len() < FULL {
                true => match link.poll_output()? {
                    Output::Transmit(bytes) => {
                        self.pending.extend_from_slice(&bytes);
                        self.write(link);
                        continue;
                    }
                    Output::Event(event) => return Ok(Turn::Event(event)),
                    Output::WantsInput(until) => until,
                },
                false => link.session().deadline(),
            };
            if let Some(turn) = self.wait(link, mailbox, until, idle).await? {
                return Ok(turn);
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
        let (writes, full) = (!self.pending.is_empty(), self.pending.len() >= FULL);
        tokio::select! {
            ready = self.socket.writable(), if writes => {
                ready.map_err(|error| broken(link, error))?;
                self.write(link);
                Ok(None)
            }
            ready = self.socket.readable(), if !full => {
                ready.map_err(|error| broken(link, error))?;
                self.read(link)?;
                Ok(None)
            }
            // What cannot be written yet waits where there is a bound.
            turn = mailbox.next(!writes) => Ok(Some(turn)),
            () = at(until.filter(|_| !full)) => {
                link.handle_timeout(Instant::now())?;
                Ok(None)
            }
            // While nothing is taken from the link, its own deadlines are for writing too.
            () = at(self.write_by.into_iter().chain(until.filter(|_| full)).min()) => {
                let error = self.broken.take().unwrap_or_else(|| io::ErrorKind::TimedOut.into());
                Err(broken(link, error))
            }
            () = at(idle.filter(|_| until.is_none() && !writes)) => Ok(Some(Turn::Idle)),
        }
    }

    /// Writes what the system takes now.
    fn write<L: Link>(&mut self, link: &L) {
        while self.broken.is_none() && !self.pending.is_empty() {
            match self.socket.try_write(&self.pending) {
                Ok(0) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Ok(octets) => {
                    self.pending.advance(octets);
                    self.write_by = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let until = link.session().write_deadline(Instant::now());
                    self.write_by.get_or_insert(until);
                    return;
                }
                Err(error) => self.broken = Some(error),
            }
        }
        // Most streams are silent most of the time.
        self.pending = BytesMut::new();
        let last = || deadline(Instant::now(), link.session().patience());
        self.write_by = self.broken.is_some().then(last);
    }

    /// Reads what is there. The buffer is not kept.
    fn read<L: Link>(&mut self, link: &mut L) -> Result<(), Error> {
        let mut buffer = [0; READ_OCTETS];
        let read = self.socket.try_read(&mut buffer);
        let now = Instant::now();
        match (read, self.broken.take()) {
            (Err(error), earlier) if error.kind() == io::ErrorKind::WouldBlock => self.broken = earlier,
            (Ok(octets), earlier) if octets > 0 => {
                self.broken = earlier;
                link.handle_input(now, buffer.get(..octets).unwrap_or_default())?;
            }
            (_, Some(error)) | (Err(error), None) => return Err(broken(link, error)),
            (Ok(_), None) => link.handle_eof(now)?,
        }
        Ok(())
    }

    /// Lets the peer read our last words: closing a socket with unread input would destroy them.
    pub(super) async fn hang_up(&mut self, patience: Duration) {
        let goodbye = async {
            self.socket.write_all_buf(&mut self.pending).await?;
            self.socket.shutdown().await?;
            let mut left = LAST_WORDS_OCTETS;
            let mut buffer = vec![0; READ_OCTETS];
            while left > 0 {
                match self.socket.read(&mut buffer).await? {
                    0 => break,
                    octets => left = left.saturating_sub(octets),
                }
            }
            io::Result::Ok(())
        };
        // The stream is over either way.
        drop(timeout(patience, goodbye).await);
    }
}

fn broken<L: Link>(link: &L, error: io::Error) -> Error {
    Error::transport(link.session(), error)
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
