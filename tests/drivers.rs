//! The drivers over real sockets on loopback, and over transports that fail.

mod common;

use async_trait::async_trait;
use common::{DOMAIN, World, domain, login_features};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio_util::compat::TokioAsyncReadCompatExt;
use xmpp_tls::io::blocking::{self, BlockingStream, Transport};
use xmpp_tls::io::futures::{Timer, XmppStream};
use xmpp_tls::io::{Endpoint, Error, tokio as driver};
use xmpp_tls::session::{ClientConfig, Closed, Event, Mode, ServerConfig, Target};
use xmpp_tls::{ErrorKind, Now, Phase};

/// A world whose certificates are valid by the system's clock.
fn real_time() -> World {
    let mut world = World::new();
    world.ca = xmpp_tls_testkit::TestCa::valid_now("Test CA");
    world
}

fn endpoint(listener: &TcpListener) -> Endpoint {
    let address = listener.local_addr().unwrap();
    Endpoint {
        host: address.ip().to_string(),
        port: address.port(),
    }
}

/// One client served on a thread: secured, offered a login, and closed when it closes.
fn serve_one(listener: TcpListener, config: ServerConfig, mode: Mode) -> std::thread::JoinHandle<Result<(), Error>> {
    std::thread::spawn(move || {
        let (socket, _) = listener.accept()?;
        let mut stream = blocking::accept(socket, Arc::new(config), mode)?;
        stream.send(&login_features())?;
        while stream.next_event()?.is_some() {}
        Ok(())
    })
}

fn target(mode: Mode) -> Target {
    match mode {
        Mode::StartTls => Target::new(domain(DOMAIN)),
        Mode::DirectTls => Target::new(domain(DOMAIN)).direct_tls(),
    }
}

#[test]
fn blocking_client_and_server_over_tcp() {
    let world = real_time();
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = endpoint(&listener);
        let server = serve_one(listener, world.server_config(&world.good_certificate()), mode);
        let mut stream = blocking::connect_to(&endpoint, Arc::new(world.client_config()), target(mode)).unwrap();
        assert!(stream.report().is_authenticated());
        let Some(Event::Features(features)) = stream.next_event().unwrap() else {
            panic!("no features")
        };
        assert!(features.mechanisms().eq(["PLAIN"]));
        assert_eq!(stream.close().unwrap(), Closed::Properly);
        server.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn tokio_client_over_tcp() {
    let world = real_time();
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = endpoint(&listener);
        let server = serve_one(listener, world.server_config(&world.good_certificate()), mode);
        let mut stream = driver::connect_to(&endpoint, Arc::new(world.client_config()), target(mode))
            .await
            .unwrap();
        assert!(stream.report().is_authenticated());
        assert!(matches!(stream.next().await.unwrap(), Some(Event::Features(_))));
        assert_eq!(stream.close().await.unwrap(), Closed::Properly);
        server.join().unwrap().unwrap();
    }
}

#[test]
fn an_endpoint_that_nobody_listens_on_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    drop(listener);
    let error = blocking::connect_to(&endpoint, Arc::new(real_time().client_config()), target(Mode::StartTls));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains(&endpoint.to_string()), "{error}");
}

/// Failure 47 of others: the session's error arrives, not what the socket said afterwards.
#[test]
fn the_reason_of_the_session_wins_over_the_end_of_the_socket() {
    let world = real_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    let issued = world.ca.issue(xmpp_tls_testkit::LeafSpec::for_domain("example.net"));
    let server = serve_one(listener, world.server_config(&issued), Mode::StartTls);
    let error = blocking::connect_to(&endpoint, Arc::new(world.client_config()), target(Mode::StartTls)).unwrap_err();
    let Error::Session(error) = error else {
        panic!("{error}")
    };
    assert!(
        error.identity().is_some_and(|identity| identity.is_name_mismatch()),
        "{error}"
    );
    let Err(Error::Session(heard)) = server.join().unwrap() else {
        panic!("the server was content")
    };
    assert!(heard.to_string().contains("BadCertificate"), "{heard}");
}

/// A clock that jumps to whatever is waited for: no test sleeps.
#[derive(Debug)]
struct Jumping(Mutex<Now>);

#[async_trait]
impl Timer for Jumping {
    fn now(&self) -> Now {
        *self.0.lock().unwrap()
    }

    async fn sleep_until(&self, deadline: Instant) {
        self.0.lock().unwrap().instant = deadline;
    }
}

#[tokio::test]
async fn silence_ends_in_an_error_that_names_the_phase() {
    let world = World::new();
    let (ours, _theirs) = tokio::io::duplex(4096);
    let session = world.client(world.client_config(), Mode::StartTls);
    let timer = Jumping(Mutex::new(world.now()));
    let error = XmppStream::establish(session, ours.compat(), timer).await.unwrap_err();
    let Error::Session(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.phase(), Phase::Starttls);
    assert!(
        error
            .to_string()
            .contains("timed out while waiting for the stream header"),
        "{error}"
    );
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_left_too() {
    let world = World::new();
    // One octet of room: the header cannot be written.
    let (ours, _theirs) = tokio::io::duplex(1);
    let session = world.client(world.client_config(), Mode::StartTls);
    let timer = Jumping(Mutex::new(world.now()));
    let error = XmppStream::establish(session, ours.compat(), timer).await.unwrap_err();
    assert!(error.to_string().contains("timed out"), "{error}");
}

/// A transport on which everything takes too long.
#[derive(Debug, Default)]
struct Stalled {
    timeouts: Vec<Option<Duration>>,
}

impl Read for Stalled {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Stalled {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Transport for Stalled {
    fn set_timeout(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        assert!(
            timeout.is_some_and(|timeout| !timeout.is_zero()),
            "nothing waits for ever before the stream is open"
        );
        self.timeouts.push(timeout);
        Ok(())
    }
}

#[test]
fn blocking_reads_are_bounded_by_the_session() {
    let world = real_time();
    let mut config: ClientConfig = world.client_config();
    config.policy.timeouts.starttls = Duration::ZERO;
    let session =
        xmpp_tls::session::Session::client(Arc::new(config), target(Mode::StartTls), xmpp_tls::io::now()).unwrap();
    let error = BlockingStream::establish(session, Stalled::default()).unwrap_err();
    let Error::Session(error) = error else {
        panic!("{error}")
    };
    assert!(matches!(error.kind(), ErrorKind::Starttls(_)), "{error}");
}

#[test]
fn a_socket_that_is_not_xmpp_at_all_gets_an_error_about_xml() {
    let world = real_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    let server = std::thread::spawn(move || {
        let (mut socket, _): (TcpStream, _) = listener.accept().unwrap();
        socket.write_all(b"220 mail.example.org ESMTP\r\n").unwrap();
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest);
        rest
    });
    let error = blocking::connect_to(&endpoint, Arc::new(world.client_config()), target(Mode::StartTls)).unwrap_err();
    assert!(
        matches!(&error, Error::Session(error) if error.phase() == Phase::Starttls),
        "{error}"
    );
    let told = String::from_utf8(server.join().unwrap()).unwrap();
    assert!(told.contains("<stream:error>"), "{told}");
}
