//! Any runtime, over [`AsyncRead`] and [`AsyncWrite`].

use super::{Error, READ_OCTETS};
use crate::security::SecurityReport;
use crate::session::{Closed, Event, Session};
use crate::time::Now;
use async_trait::async_trait;
use bytes::{Buf, Bytes};
use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;
use xmpp_stream::Element;
use xmpp_tls_core::{Engine, Output};

/// The clock of a runtime.
#[async_trait]
pub trait Timer: Send + Sync {
    /// What time it is.
    fn now(&self) -> Now;

    /// Returns at `deadline` or later.
    async fn sleep_until(&self, deadline: Instant);
}

/// An XMPP stream on a transport, from the moment it is open.
///
/// Every method can be cancelled: what was not yet written is written by the next call.
#[derive(Debug)]
pub struct XmppStream<S, T> {
    session: Session,
    report: Arc<SecurityReport>,
    transport: Transport<S>,
    timer: T,
}

/// The transport, with what is on its way out.
#[derive(Debug)]
struct Transport<S> {
    socket: S,
    pending: Bytes,
    buffer: Box<[u8]>,
    /// Writing failed. What the peer said before is still read: it may say why.
    broken: Option<Arc<io::Error>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> XmppStream<S, T> {
    /// Drives `session` over `transport` until the stream is open.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being secured and opened.
    pub async fn establish(session: Session, transport: S, timer: T) -> Result<Self, Error> {
        let mut session = session;
        let mut transport = Transport {
            socket: transport,
            pending: Bytes::new(),
            buffer: vec![0; READ_OCTETS].into_boxed_slice(),
            broken: None,
        };
        loop {
            if let Event::Opened(_) = transport.next_event(&mut session, &timer).await?
                && let Some(report) = session.report().cloned()
            {
                return Ok(XmppStream {
                    session,
                    report,
                    transport,
                    timer,
                });
            }
        }
    }

    /// What protects this stream.
    pub fn report(&self) -> &SecurityReport {
        &self.report
    }

    /// The next thing the peer did: its features first. `None` after [`Event::Closed`].
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        match self.transport.next_event(&mut self.session, &self.timer).await? {
            Event::Closed(_) => Ok(None),
            event => Ok(Some(event)),
        }
    }

    /// Sends an element.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn send(&mut self, element: &Element) -> Result<(), Error> {
        self.session.send(element)?;
        self.transport.write_all_of(&mut self.session, &self.timer).await
    }

    /// Begins the stream anew after SASL succeeded; see [`Session::restart`]. Ends when the peer's new
    /// header is there.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.session.restart()?;
        while !matches!(
            self.transport.next_event(&mut self.session, &self.timer).await?,
            Event::Opened(_) | Event::Closed(_)
        ) {}
        Ok(())
    }

    /// Closes the stream; what the peer still says is dropped.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn close(mut self) -> Result<Closed, Error> {
        self.session.close()?;
        loop {
            if let Event::Closed(how) = self.transport.next_event(&mut self.session, &self.timer).await? {
                return Ok(how);
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    async fn next_event(&mut self, session: &mut Session, timer: &impl Timer) -> Result<Event, Error> {
        loop {
            self.write_pending(session, timer).await?;
            match session.poll_output()? {
                Output::Transmit(bytes) => self.pending = bytes,
                Output::Event(event) => return Ok(event),
                Output::WantsInput(deadline) => self.read(session, timer, deadline).await?,
            }
        }
    }

    /// Writes what the session has to say, and stops before reading.
    async fn write_all_of(&mut self, session: &mut Session, timer: &impl Timer) -> Result<(), Error> {
        while let Some(bytes) = session.take_transmit() {
            self.write_pending(session, timer).await?;
            self.pending = bytes;
        }
        self.write_pending(session, timer).await?;
        match &self.broken {
            Some(error) => Err(Error::Transport(error.clone())),
            None => Ok(()),
        }
    }

    async fn write_pending(&mut self, session: &mut Session, timer: &impl Timer) -> Result<(), Error> {
        while !self.pending.is_empty() && self.broken.is_none() {
            let write = pin!(self.socket.write(&self.pending));
            let wrote = match session.deadline() {
                None => write.await,
                Some(deadline) => match select(write, timer.sleep_until(deadline)).await {
                    Either::Left((wrote, _)) => wrote,
                    Either::Right(_) => {
                        session.handle_timeout(timer.now().instant)?;
                        Err(io::ErrorKind::TimedOut.into())
                    }
                },
            };
            match wrote {
                Ok(0) => self.broken = Some(Arc::new(io::ErrorKind::WriteZero.into())),
                Ok(octets) => self.pending.advance(octets),
                Err(error) => self.broken = Some(Arc::new(error)),
            }
            if self.pending.is_empty()
                && let Err(error) = self.socket.flush().await
            {
                self.broken = Some(Arc::new(error));
            }
        }
        self.pending.clear();
        Ok(())
    }

    async fn read(
        &mut self,
        session: &mut Session,
        timer: &impl Timer,
        deadline: Option<Instant>,
    ) -> Result<(), Error> {
        let read = pin!(self.socket.read(&mut self.buffer));
        let read = match deadline {
            None => read.await,
            Some(deadline) => match select(read, timer.sleep_until(deadline)).await {
                Either::Left((read, _)) => read,
                Either::Right(_) => return Ok(session.handle_timeout(timer.now().instant)?),
            },
        };
        let now = timer.now().instant;
        match (read, self.broken.take()) {
            (Ok(octets), broken) if octets > 0 => {
                self.broken = broken;
                session.handle_input(now, self.buffer.get(..octets).unwrap_or_default())?;
            }
            (Ok(_) | Err(_), Some(error)) => return Err(Error::Transport(error)),
            (Ok(_), None) => session.handle_eof(now)?,
            (Err(error), None) => return Err(error.into()),
        }
        Ok(())
    }
}
