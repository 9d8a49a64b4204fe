//! `std::net`, one thread a connection.

use super::{Endpoint, Error, LAST_WORDS_OCTETS, READ_OCTETS, now};
use crate::security::SecurityReport;
use crate::session::{ClientConfig, Closed, Event, Mode, ServerConfig, Session, Target};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_stream::{Element, StreamError, StreamHeader};
use xmpp_tls_core::{Engine, Output, deadline};

/// A transport that blocks, but not for ever.
pub trait Transport: Read + Write {
    /// How long one read or write may block; `None`: as long as it takes.
    ///
    /// # Errors
    ///
    /// The system refuses.
    fn set_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;

    /// Ends our direction; the peer's can still be read.
    ///
    /// # Errors
    ///
    /// The system refuses.
    fn shutdown(&mut self) -> io::Result<()>;
}

impl Transport for TcpStream {
    fn set_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(timeout)?;
        self.set_write_timeout(timeout)
    }

    fn shutdown(&mut self) -> io::Result<()> {
        TcpStream::shutdown(self, Shutdown::Write)
    }
}

/// An XMPP stream on a blocking transport, from the moment it is open. Dropping it looks to the peer like a
/// connection cut off: [`close`](Self::close) it.
pub struct BlockingStream<S> {
    session: Session,
    header: StreamHeader,
    report: Arc<SecurityReport>,
    closed: Option<Closed>,
    transport: Buffered<S>,
}

struct Buffered<S> {
    socket: S,
    buffer: Box<[u8]>,
    /// What the socket was last told.
    timeout: Option<Option<Duration>>,
    /// Writing failed. What the peer said before is still read: it may say why.
    broken: Option<Arc<io::Error>>,
    hung_up: bool,
}

impl<S> std::fmt::Debug for BlockingStream<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockingStream")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// Connects to a domain: its own addresses, the registered port.
///
/// # Errors
///
/// No address answers, or the stream cannot be secured. Nothing is retried in clear.
pub fn connect(config: Arc<ClientConfig>, target: impl Into<Target>) -> Result<BlockingStream<TcpStream>, Error> {
    let target = target.into();
    connect_to(&Endpoint::default_for(&target), config, target)
}

/// Connects to a domain at another host or port. The certificate must still be for the domain.
///
/// ```no_run
/// # fn example(config: std::sync::Arc<xmpp_tls::session::ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::{Domain, io};
///
/// let endpoint = io::Endpoint::new("xmpp.example.org", 5222);
/// let stream = io::blocking::connect_to(&endpoint, config, "example.org".parse::<Domain>()?)?;
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// As for [`connect`].
pub fn connect_to(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    target: impl Into<Target>,
) -> Result<BlockingStream<TcpStream>, Error> {
    let target = target.into();
    let unreachable = |error| Error::unreachable(endpoint, error);
    let socket = dial(endpoint, config.policy_for(&target).timeouts.connect).map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    let session = Session::client(config, target, now())?;
    BlockingStream::establish(session, socket)
}

/// Secures and opens the stream of a client that connected to us.
///
/// # Errors
///
/// The stream cannot be secured.
pub fn accept(socket: TcpStream, config: Arc<ServerConfig>, mode: Mode) -> Result<BlockingStream<TcpStream>, Error> {
    let session = Session::server(config, mode, now())?;
    socket
        .set_nodelay(true)
        .map_err(|error| Error::transport(&session, error))?;
    BlockingStream::establish(session, socket)
}

/// Tries every address of the host. Each gets its share of what is left of the budget, so that one that
/// swallows packets does not keep us from the next. Looking the host up is the system's and not in it.
fn dial(endpoint: &Endpoint, budget: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = (endpoint.host.as_str(), endpoint.port).to_socket_addrs()?.collect();
    let until = deadline(Instant::now(), budget);
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for (tried, address) in addresses.iter().enumerate() {
        let share = share(until, addresses.len() - tried);
        match TcpStream::connect_timeout(address, share) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl<S: Transport> BlockingStream<S> {
    /// Drives `session` over `socket` until the stream is open.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being secured and opened.
    pub fn establish(mut session: Session, socket: S) -> Result<Self, Error> {
        let buffer = vec![0; READ_OCTETS].into_boxed_slice();
        let mut transport = Buffered {
            socket,
            buffer,
            timeout: None,
            broken: None,
            hung_up: false,
        };
        loop {
            match transport.next_event(&mut session)? {
                Event::Opened(header) => {
                    if let Some(report) = session.report().cloned() {
                        return Ok(BlockingStream {
                            session,
                            header,
                            report,
                            closed: None,
                            transport,
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
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        if self.closed.is_some() {
            return Ok(None);
        }
        match self.transport.next_event(&mut self.session)? {
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

    /// Sends an element. Nothing is read meanwhile: two peers that both send more than the network
    /// takes, and read only afterwards, wait for each other for ever.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub fn send(&mut self, element: &Element) -> Result<(), Error> {
        self.session.send(element)?;
        self.transport.write_all_of(&mut self.session)
    }

    /// Sends one space, which keeps the connection alive (RFC 6120 section 4.6.1).
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub fn send_keepalive(&mut self) -> Result<(), Error> {
        self.session.send_keepalive()?;
        self.transport.write_all_of(&mut self.session)
    }

    /// Begins the stream anew after SASL succeeded; see [`Session::restart`]. Returns when the peer's
    /// new header is there.
    ///
    /// # Errors
    ///
    /// The session or the transport failed, or the peer closed the stream instead.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.session.restart(Instant::now())?;
        loop {
            match (self.next_event()?, self.closed) {
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
    pub fn close(mut self) -> Result<Closed, Error> {
        if self.closed.is_none() {
            self.session.close(Instant::now())?;
        }
        self.finish()
    }

    /// Closes the stream with an error that tells the peer why; see [`Session::close_with`].
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub fn close_with(mut self, error: &StreamError) -> Result<Closed, Error> {
        if self.closed.is_none() {
            self.session.close_with(error, Instant::now())?;
        }
        self.finish()
    }

    fn finish(mut self) -> Result<Closed, Error> {
        loop {
            if let Some(how) = self.closed {
                return Ok(how);
            }
            self.next_event()?;
        }
    }
}

impl<S: Transport> Buffered<S> {
    fn next_event(&mut self, session: &mut Session) -> Result<Event, Error> {
        loop {
            match session.poll_output() {
                Ok(Output::Transmit(bytes)) => self.write(session, &bytes)?,
                Ok(Output::Event(event @ Event::Closed(_))) => {
                    // Both sides have said goodbye; a failure to close changes nothing.
                    let _ = self.socket.shutdown();
                    return Ok(event);
                }
                Ok(Output::Event(event)) => return Ok(event),
                Ok(Output::WantsInput(until)) => self.read(session, until)?,
                Err(error) => {
                    self.hang_up(session);
                    return Err(error.into());
                }
            }
        }
    }

    /// Writes what the session has to say, and stops before reading.
    fn write_all_of(&mut self, session: &mut Session) -> Result<(), Error> {
        while let Some(bytes) = session.poll_transmit() {
            self.write(session, &bytes)?;
        }
        match &self.broken {
            Some(error) => Err(Error::transport(session, error.clone())),
            None => Ok(()),
        }
    }

    fn write(&mut self, session: &mut Session, mut bytes: &[u8]) -> Result<(), Error> {
        while self.broken.is_none() && !bytes.is_empty() {
            // The system's timeout is for one call; the deadline is for all of them.
            let until = Some(session.write_deadline(Instant::now()));
            let wrote = self.set_timeout(until).and_then(|()| self.socket.write(bytes));
            match wrote {
                Ok(0) => self.broken = Some(Arc::new(io::ErrorKind::WriteZero.into())),
                Ok(octets) => bytes = bytes.get(octets..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    session.handle_timeout(Instant::now())?;
                    self.broken = Some(Arc::new(error));
                }
            }
        }
        if self.broken.is_none() {
            self.broken = self.socket.flush().err().map(Arc::new);
        }
        Ok(())
    }

    fn read(&mut self, session: &mut Session, until: Option<Instant>) -> Result<(), Error> {
        let read = self
            .set_timeout(until)
            .and_then(|()| self.socket.read(&mut self.buffer));
        let now = Instant::now();
        match (read, self.broken.take()) {
            (Ok(octets), broken) if octets > 0 => {
                self.broken = broken;
                session.handle_input(now, self.buffer.get(..octets).unwrap_or_default())?;
            }
            (Err(error), broken) if later(&error) => {
                self.broken = broken;
                session.handle_timeout(now)?;
            }
            (Ok(_) | Err(_), Some(error)) => return Err(Error::transport(session, error)),
            (Ok(_), None) => session.handle_eof(now)?,
            (Err(error), None) => return Err(Error::transport(session, error)),
        }
        Ok(())
    }

    /// Lets the peer read our last words: closing a socket with unread input would destroy them.
    fn hang_up(&mut self, session: &Session) {
        if std::mem::replace(&mut self.hung_up, true) || self.broken.is_some() || self.socket.shutdown().is_err() {
            return;
        }
        let until = deadline(Instant::now(), session.patience());
        let mut left = LAST_WORDS_OCTETS;
        while left > 0 && Instant::now() < until {
            match self
                .set_timeout(Some(until))
                .and_then(|()| self.socket.read(&mut self.buffer))
            {
                Ok(octets) if octets > 0 => left = left.saturating_sub(octets),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// From now to the deadline; zero would mean for ever to the system.
    fn set_timeout(&mut self, until: Option<Instant>) -> io::Result<()> {
        let timeout = until.map(|until| share(until, 1));
        // Without a deadline nothing changes from call to call.
        if self.timeout != Some(timeout) {
            self.socket.set_timeout(timeout)?;
            self.timeout = Some(timeout);
        }
        Ok(())
    }
}

/// The system gave up waiting, or was interrupted: the session knows whether that is too late.
fn later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}

/// The share of one in `parts` of the time until a deadline, never zero.
fn share(until: Instant, parts: usize) -> Duration {
    let left = until.saturating_duration_since(Instant::now());
    (left / u32::try_from(parts).unwrap_or(u32::MAX).max(1)).max(Duration::from_millis(1))
}
