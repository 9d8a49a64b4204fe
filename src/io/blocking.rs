//! `std::net`, one thread a connection.

use super::{Endpoint, Error, READ_OCTETS, now};
use crate::security::SecurityReport;
use crate::session::{ClientConfig, Closed, Event, Mode, ServerConfig, Session, Target};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xmpp_stream::Element;
use xmpp_tls_core::{Engine, Output};

/// A transport that blocks, but not for ever.
pub trait Transport: Read + Write {
    /// How long a read and a write may block; `None`: as long as it takes.
    ///
    /// # Errors
    ///
    /// The system refuses.
    fn set_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()>;
}

impl Transport for TcpStream {
    fn set_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.set_read_timeout(timeout)?;
        self.set_write_timeout(timeout)
    }
}

/// An XMPP stream on a blocking transport, from the moment it is open.
#[derive(Debug)]
pub struct BlockingStream<S> {
    session: Session,
    report: Arc<SecurityReport>,
    transport: Buffered<S>,
}

#[derive(Debug)]
struct Buffered<S> {
    socket: S,
    buffer: Box<[u8]>,
    /// Writing failed. What the peer said before is still read: it may say why.
    broken: Option<Arc<io::Error>>,
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
/// # Errors
///
/// As for [`connect`].
pub fn connect_to(
    endpoint: &Endpoint,
    config: Arc<ClientConfig>,
    target: impl Into<Target>,
) -> Result<BlockingStream<TcpStream>, Error> {
    let socket = dial(endpoint, config.policy.timeouts.connect).map_err(|error| Error::unreachable(endpoint, error))?;
    socket.set_nodelay(true)?;
    let session = Session::client(config, target, now())?;
    BlockingStream::establish(session, socket)
}

/// Secures and opens the stream of a client that connected to us.
///
/// # Errors
///
/// The stream cannot be secured.
pub fn accept(socket: TcpStream, config: Arc<ServerConfig>, mode: Mode) -> Result<BlockingStream<TcpStream>, Error> {
    socket.set_nodelay(true)?;
    let session = Session::server(config, mode, now())?;
    BlockingStream::establish(session, socket)
}

/// Tries every address of the host within one budget.
fn dial(endpoint: &Endpoint, budget: Duration) -> io::Result<TcpStream> {
    let deadline = Instant::now() + budget;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (endpoint.host.as_str(), endpoint.port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl<S: Transport> BlockingStream<S> {
    /// Drives `session` over `transport` until the stream is open.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being secured and opened.
    pub fn establish(mut session: Session, transport: S) -> Result<Self, Error> {
        let buffer = vec![0; READ_OCTETS].into_boxed_slice();
        let mut transport = Buffered {
            socket: transport,
            buffer,
            broken: None,
        };
        loop {
            if let Event::Opened(_) = transport.next_event(&mut session)?
                && let Some(report) = session.report().cloned()
            {
                return Ok(BlockingStream {
                    session,
                    report,
                    transport,
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
    pub fn next_event(&mut self) -> Result<Option<Event>, Error> {
        match self.transport.next_event(&mut self.session)? {
            Event::Closed(_) => Ok(None),
            event => Ok(Some(event)),
        }
    }

    /// Sends an element.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub fn send(&mut self, element: &Element) -> Result<(), Error> {
        self.session.send(element)?;
        while let Some(bytes) = self.session.take_transmit() {
            self.transport.write(&self.session, &bytes)?;
        }
        match &self.transport.broken {
            Some(error) => Err(Error::Transport(error.clone())),
            None => Ok(()),
        }
    }

    /// Begins the stream anew after SASL succeeded; see [`Session::restart`]. Ends when the peer's new
    /// header is there.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.session.restart()?;
        while !matches!(
            self.transport.next_event(&mut self.session)?,
            Event::Opened(_) | Event::Closed(_)
        ) {}
        Ok(())
    }

    /// Closes the stream; what the peer still says is dropped.
    ///
    /// # Errors
    ///
    /// The session or the transport failed.
    pub fn close(mut self) -> Result<Closed, Error> {
        self.session.close()?;
        loop {
            if let Event::Closed(how) = self.transport.next_event(&mut self.session)? {
                return Ok(how);
            }
        }
    }
}

impl<S: Transport> Buffered<S> {
    fn next_event(&mut self, session: &mut Session) -> Result<Event, Error> {
        loop {
            match session.poll_output()? {
                Output::Transmit(bytes) => self.write(session, &bytes)?,
                Output::Event(event) => return Ok(event),
                Output::WantsInput(deadline) => self.read(session, deadline)?,
            }
        }
    }

    fn write(&mut self, session: &Session, bytes: &[u8]) -> Result<(), Error> {
        if self.broken.is_none() {
            self.socket.set_timeout(patience(session.deadline()))?;
            self.broken = self
                .socket
                .write_all(bytes)
                .and_then(|()| self.socket.flush())
                .err()
                .map(Arc::new);
        }
        Ok(())
    }

    fn read(&mut self, session: &mut Session, deadline: Option<Instant>) -> Result<(), Error> {
        self.socket.set_timeout(patience(deadline))?;
        let read = self.socket.read(&mut self.buffer);
        let now = Instant::now();
        match (read, self.broken.take()) {
            (Ok(octets), broken) if octets > 0 => {
                self.broken = broken;
                session.handle_input(now, self.buffer.get(..octets).unwrap_or_default())?;
            }
            (Err(error), broken)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) =>
            {
                self.broken = broken;
                session.handle_timeout(now)?;
            }
            (Ok(_) | Err(_), Some(error)) => return Err(Error::Transport(error)),
            (Ok(_), None) => session.handle_eof(now)?,
            (Err(error), None) => return Err(error.into()),
        }
        Ok(())
    }
}

/// From now to the deadline; zero would mean for ever to the system.
fn patience(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| {
        deadline
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1))
    })
}
