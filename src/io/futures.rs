//! Any runtime, over [`AsyncRead`] and [`AsyncWrite`].

use super::{Error, LAST_WORDS_OCTETS, Memory, READ_OCTETS};
use crate::ledger::Decision;
use crate::security::{SecurityReport, View};
use crate::session::{Closed, Event, Session};
use crate::time::Now;
use async_trait::async_trait;
use bytes::{Buf, Bytes};
use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_stream::{Element, StreamError, StreamHeader};
use xmpp_tls_core::{Engine, Output, deadline};

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
/// Dropping it looks to the peer like a connection cut off: [`close`](Self::close) it. Every method can be
/// cancelled: what it had to write is kept, and written by the next call.
pub struct XmppStream<S, T> {
    session: Session,
    header: StreamHeader,
    report: Arc<SecurityReport>,
    decision: Option<Decision>,
    closed: Option<Closed>,
    transport: Transport<S>,
    timer: T,
}

/// The transport, with what is on its way out.
struct Transport<S> {
    socket: S,
    pending: Bytes,
    /// Something was written and not flushed.
    unflushed: bool,
    buffer: Box<[u8]>,
    /// Writing failed. What the peer said before is still read: it may say why.
    broken: Option<Arc<io::Error>>,
    hung_up: bool,
}

impl<S, T> std::fmt::Debug for XmppStream<S, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("XmppStream")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin, T: Timer> XmppStream<S, T> {
    /// Drives `session` over `socket` until the stream is open.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being secured and opened.
    pub async fn establish(session: Session, socket: S, timer: T) -> Result<Self, Error> {
        Self::establish_with(session, socket, timer, &Memory::default()).await
    }

    /// The same, and asks `memory` as soon as TLS is up whether this is as it was before; see
    /// [`decision`](Self::decision).
    ///
    /// # Errors
    ///
    /// As for [`establish`](Self::establish), and [`Error::Ledger`] where the ledger refuses.
    pub async fn establish_with(mut session: Session, socket: S, timer: T, memory: &Memory) -> Result<Self, Error> {
        let mut transport = Transport {
            socket,
            pending: Bytes::new(),
            unflushed: false,
            buffer: vec![0; READ_OCTETS].into_boxed_slice(),
            broken: None,
            hung_up: false,
        };
        let mut decision = None;
        loop {
            match transport.next_event(&mut session, &timer).await? {
                Event::Secured(report) | Event::Plaintext(report) => {
                    let decided = memory.decide(&report, timer.now().wall).await;
                    decision = decided.map_err(|refusal| Error::Ledger(Box::new(refusal)))?;
                }
                Event::Opened(header) => {
                    if let Some(report) = session.report().cloned() {
                        return Ok(XmppStream {
                            session,
                            header,
                            report,
                            decision,
                            closed: None,
                            transport,
                            timer,
                        });
                    }
                }
                Event::Closed(how) => return Err(Error::Closed(how)),
                _ => {}
            }
        }
    }

    /// What protects this stream.
    pub fn report(&self) -> &SecurityReport {
        &self.report
    }

    /// What the ledger says to what the peer showed, compared with what it showed before; `None` without a ledger.
    pub fn decision(&self) -> Option<&Decision> {
        self.decision.as_ref()
    }

    /// The report to be shown, with what the ledger says.
    pub fn view(&self) -> View<'_> {
        let view = self.report.view();
        match self.decision().and_then(Decision::assessment) {
            Some(found) => view.with_change(found),
            None => view,
        }
    }

    /// The peer's stream header, the last one after a [`restart`](Self::restart).
    pub fn header(&self) -> &StreamHeader {
        &self.header
    }

    /// When the peer's last octets were read; see [`Session::last_heard`].
    pub fn last_heard(&self) -> Instant {
        self.session.last_heard()
    }

    /// How the stream was closed, once it was.
    pub fn closed(&self) -> Option<Closed> {
        self.closed
    }

    /// The transport, for example to ask for the peer's address.
    pub fn get_ref(&self) -> &S {
        &self.transport.socket
    }

    /// The next thing the peer did: its features first. `None` once the stream is closed.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn next_event(&mut self) -> Result<Option<Event>, Error> {
        if self.closed.is_some() {
            return Ok(None);
        }
        match self.transport.next_event(&mut self.session, &self.timer).await? {
            Event::Closed(how) => {
                self.closed = Some(how);
                Ok(None)
            }
            Event::Opened(header) => {
                self.header = header.clone();
                Ok(Some(Event::Opened(header)))
            }
            event => Ok(Some(event)),
        }
    }

    /// Sends an element. If this is cancelled the element is on its way all the same, and goes out with
    /// the next call: it must not be sent again.
    ///
    /// Nothing is read meanwhile. Two peers that both send more than the network takes, and read only
    /// afterwards, wait for each other for ever: read in between.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn send(&mut self, element: &Element) -> Result<(), Error> {
        self.session.send(element)?;
        self.transport.write_all_of(&mut self.session, &self.timer).await
    }

    /// Sends one space, which keeps the connection alive (RFC 6120 section 4.6.1).
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn send_keepalive(&mut self) -> Result<(), Error> {
        self.session.send_keepalive()?;
        self.transport.write_all_of(&mut self.session, &self.timer).await
    }

    /// Begins the stream anew after SASL succeeded; see [`Session::restart`]. Returns when the peer's
    /// new header is there. If this is cancelled, [`next_event`](Self::next_event) goes on with it and
    /// reports [`Event::Opened`].
    ///
    /// # Errors
    ///
    /// The session or the transport failed, or the peer closed the stream instead.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.session.restart(self.timer.now().instant)?;
        loop {
            match (self.next_event().await?, self.closed) {
                (Some(Event::Opened(_)), _) => return Ok(()),
                (None, Some(how)) => return Err(Error::Closed(how)),
                _ => {}
            }
        }
    }

    /// Tells that authentication succeeded without a restart; see [`Session::authentication_complete`].
    ///
    /// # Errors
    ///
    /// The session failed, or the stream was closed.
    pub fn authentication_complete(&mut self) -> Result<(), Error> {
        Ok(self.session.authentication_complete()?)
    }

    /// Closes the stream; what the peer still says is dropped.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn close(mut self) -> Result<Closed, Error> {
        if self.closed.is_none() {
            self.session.close(self.timer.now().instant)?;
        }
        self.finish().await
    }

    /// Closes the stream with an error that tells the peer why; see [`Session::close_with`].
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub async fn close_with(mut self, error: &StreamError) -> Result<Closed, Error> {
        if self.closed.is_none() {
            self.session.close_with(error, self.timer.now().instant)?;
        }
        self.finish().await
    }

    async fn finish(mut self) -> Result<Closed, Error> {
        loop {
            if let Some(how) = self.closed {
                return Ok(how);
            }
            self.next_event().await?;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    async fn next_event(&mut self, session: &mut Session, timer: &impl Timer) -> Result<Event, Error> {
        loop {
            self.write_pending(session, timer).await?;
            match session.poll_output() {
                Ok(Output::Transmit(bytes)) => self.pending = bytes,
                Ok(Output::Event(event @ Event::Closed(_))) => {
                    // Both sides have said goodbye; a failure to close changes nothing.
                    let until = Some(deadline(timer.now().instant, session.patience()));
                    let _ = before(until, timer, self.socket.close()).await;
                    return Ok(event);
                }
                Ok(Output::Event(event)) => return Ok(event),
                Ok(Output::WantsInput(until)) => self.read(session, timer, until).await?,
                Err(error) => {
                    let patience = session.patience();
                    self.hang_up(patience, timer).await;
                    return Err(error.into());
                }
            }
        }
    }

    /// Writes what the session has to say, and stops before reading.
    async fn write_all_of(&mut self, session: &mut Session, timer: &impl Timer) -> Result<(), Error> {
        loop {
            self.write_pending(session, timer).await?;
            match session.poll_transmit() {
                Some(bytes) => self.pending = bytes,
                None => break,
            }
        }
        match &self.broken {
            Some(error) => Err(Error::transport(session, error.clone())),
            None => Ok(()),
        }
    }

    /// Writes and flushes `pending`. Whatever is left when this is cancelled stays in `self`.
    async fn write_pending(&mut self, session: &mut Session, timer: &impl Timer) -> Result<(), Error> {
        while self.broken.is_none() && (self.unflushed || !self.pending.is_empty()) {
            let until = Some(session.write_deadline(timer.now().instant));
            let wrote = if self.pending.is_empty() {
                before(until, timer, self.socket.flush())
                    .await
                    .map(|flushed| flushed.map(|()| None))
            } else {
                before(until, timer, self.socket.write(&self.pending))
                    .await
                    .map(|wrote| wrote.map(Some))
            };
            match wrote {
                Some(Ok(None)) => self.unflushed = false,
                Some(Ok(Some(0))) => self.broken = Some(Arc::new(io::ErrorKind::WriteZero.into())),
                Some(Ok(Some(octets))) => {
                    self.pending.advance(octets);
                    self.unflushed = true;
                }
                Some(Err(error)) => self.broken = Some(Arc::new(error)),
                None => {
                    session.handle_timeout(timer.now().instant)?;
                    self.broken = Some(Arc::new(io::ErrorKind::TimedOut.into()));
                }
            }
        }
        self.pending.clear();
        Ok(())
    }

    async fn read(&mut self, session: &mut Session, timer: &impl Timer, until: Option<Instant>) -> Result<(), Error> {
        let Some(read) = before(until, timer, self.socket.read(&mut self.buffer)).await else {
            return Ok(session.handle_timeout(timer.now().instant)?);
        };
        let now = timer.now().instant;
        match (read, self.broken.take()) {
            (Ok(octets), broken) if octets > 0 => {
                self.broken = broken;
                session.handle_input(now, self.buffer.get(..octets).unwrap_or_default())?;
            }
            (Ok(_) | Err(_), Some(error)) => return Err(Error::transport(session, error)),
            (Ok(_), None) => session.handle_eof(now)?,
            (Err(error), None) => return Err(Error::transport(session, error)),
        }
        Ok(())
    }

    /// Lets the peer read our last words: closing a socket with unread input would destroy them.
    async fn hang_up(&mut self, patience: Duration, timer: &impl Timer) {
        if std::mem::replace(&mut self.hung_up, true) || self.broken.is_some() {
            return;
        }
        let until = Some(deadline(timer.now().instant, patience));
        let mut left = LAST_WORDS_OCTETS;
        let _ = before(until, timer, self.socket.close()).await;
        while let Some(Ok(octets)) = before(until, timer, self.socket.read(&mut self.buffer)).await {
            left = left.saturating_sub(octets);
            if octets == 0 || left == 0 {
                return;
            }
        }
    }
}

/// The outcome of `work`, or `None` when the deadline passes first.
async fn before<F: Future>(until: Option<Instant>, timer: &impl Timer, work: F) -> Option<F::Output> {
    let Some(until) = until else { return Some(work.await) };
    match select(pin!(work), timer.sleep_until(until)).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}
