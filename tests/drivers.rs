//! The drivers over real sockets on loopback, and over transports that fail.

mod common;

use async_trait::async_trait;
use common::tcp::{endpoint, real_time, serve_one};
use common::{DOMAIN, World, domain, element, login_features};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio_util::compat::TokioAsyncReadCompatExt;
use xmpp_tls::io::blocking::{self, BlockingStream, Transport};
use xmpp_tls::io::futures::{Timer, XmppStream};
use xmpp_tls::io::tokio::TokioTimer;
use xmpp_tls::io::{Error, tokio as driver};
use xmpp_tls::session::{ClientConfig, Closed, Event, Mode, Target};
use xmpp_tls::{ErrorKind, Now, Phase};

fn target(mode: Mode) -> Target {
    match mode {
        Mode::StartTls => Target::new(domain(DOMAIN)),
        Mode::DirectTls => Target::new(domain(DOMAIN)).direct_tls(),
        _ => panic!("a mode the tests do not know"),
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
        assert!(stream.report().endpoint().is_none(), "nobody asked the DNS");
        assert!(matches!(stream.next_event().await.unwrap(), Some(Event::Features(_))));
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
    assert!(heard.to_string().contains("bad_certificate"), "{heard}");
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

    fn shutdown(&mut self) -> io::Result<()> {
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

/// Two streams that are open to each other over a pipe of this size.
async fn open_pair(
    world: &World,
    room: usize,
) -> [XmppStream<tokio_util::compat::Compat<tokio::io::DuplexStream>, Still>; 2] {
    let (ours, theirs) = tokio::io::duplex(room);
    let client = world.client(world.client_config(), Mode::DirectTls);
    let server = world.server(world.server_config(&world.good_certificate()), Mode::DirectTls);
    let (client, server) = tokio::join!(
        XmppStream::establish(client, ours.compat(), Still(world.now())),
        XmppStream::establish(server, theirs.compat(), Still(world.now())),
    );
    [client.unwrap(), server.unwrap()]
}

/// A clock that stands still: nothing times out.
#[derive(Debug, Clone, Copy)]
struct Still(Now);

#[async_trait]
impl Timer for Still {
    fn now(&self) -> Now {
        self.0
    }

    async fn sleep_until(&self, _: Instant) {
        std::future::pending().await
    }
}

fn message(number: usize) -> xmpp_tls::stream::Element {
    common::element(&format!(
        "<message id='{number}'><body>{}</body></message>",
        "x".repeat(6000)
    ))
}

/// A cancelled `send` loses nothing: everything comes out whole, in order, once the peer reads.
#[tokio::test]
async fn a_cancelled_send_goes_out_with_the_next_call() {
    let world = World::new();
    let [mut client, mut server] = open_pair(&world, 1000).await;
    for number in 0..3 {
        // The pipe is full: none of these can finish.
        assert!(futures::FutureExt::now_or_never(client.send(&message(number))).is_none());
    }
    let reading = async {
        let mut ids = Vec::new();
        while ids.len() < 4 {
            if let Some(Event::Element(element)) = server.next_event().await.unwrap() {
                ids.push(element.attribute("id").unwrap().into_owned());
            }
        }
        ids
    };
    let message = message(3);
    let (sent, ids) = tokio::join!(client.send(&message), reading);
    sent.unwrap();
    assert_eq!(ids, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_closed_stream_stays_closed_and_says_so() {
    let world = World::new();
    let [client, mut server] = open_pair(&world, 64 * 1024).await;
    let (closed, end) = tokio::join!(client.close(), server.next_event());
    assert_eq!(closed.unwrap(), Closed::Properly);
    assert!(end.unwrap().is_none());
    assert!(server.closed().is_some());
    assert!(
        server.next_event().await.unwrap().is_none(),
        "and again, without waiting"
    );
    server.close().await.unwrap();
}

#[tokio::test]
async fn a_restart_that_the_peer_answers_by_closing_is_an_error() {
    let world = World::new();
    let [mut client, server] = open_pair(&world, 64 * 1024).await;
    let (restarted, closed) = tokio::join!(client.restart(), server.close());
    assert!(
        matches!(restarted, Err(Error::Closed(_)) | Err(Error::Session(_))),
        "{restarted:?}"
    );
    let _ = closed;
}

#[test]
fn blocking_streams_stay_closed_too() {
    let world = real_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    let config = world.server_config(&world.good_certificate());
    let server = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        blocking::accept(socket, Arc::new(config), Mode::StartTls)?.close()
    });
    let mut stream = blocking::connect_to(&endpoint, Arc::new(world.client_config()), target(Mode::StartTls)).unwrap();
    assert_eq!(stream.header().from.as_deref(), Some(DOMAIN));
    assert!(stream.get_ref().peer_addr().is_ok());
    assert!(stream.next_event().unwrap().is_none());
    assert!(stream.next_event().unwrap().is_none(), "and again, without waiting");
    stream.close().unwrap();
    server.join().unwrap().unwrap();
}

/// The last words arrive although the peer was still sending: the socket is not closed over unread input.
#[test]
fn an_oversized_element_is_told_to_a_peer_that_keeps_sending() {
    let world = real_time();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    let server = serve_one(listener, world.server_config(&world.good_certificate()), Mode::StartTls);
    let mut stream = blocking::connect_to(&endpoint, Arc::new(world.client_config()), target(Mode::StartTls)).unwrap();
    let huge = common::element(&format!("<message><body>{}</body></message>", "x".repeat(300_000)));
    let _ = stream.send(&huge);
    let error = loop {
        match stream.next_event() {
            Ok(Some(_)) => {}
            other => break other.unwrap_err(),
        }
    };
    assert!(error.to_string().contains("policy-violation"), "{error}");
    assert!(server.join().unwrap().is_err());
}

#[test]
fn what_a_server_holds_can_move_between_threads() {
    fn send<T: Send>() {}
    fn send_value<T: Send>(_: T) {}
    send::<xmpp_tls::session::Session>();
    send::<driver::TokioStream>();
    let world = World::new();
    send_value(driver::connect(Arc::new(world.client_config()), target(Mode::StartTls)));
}

/// A transport that never closes, as one may whose end depends on the peer.
struct NeverCloses<S>(S);

impl<S: futures::io::AsyncRead + Unpin> futures::io::AsyncRead for NeverCloses<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: futures::io::AsyncWrite + Unpin> futures::io::AsyncWrite for NeverCloses<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

/// Failure 40 of others: every wait has an end, also of a peer that stops reading and of a transport that
/// does not close.
#[tokio::test]
async fn writing_and_closing_have_an_end() {
    let world = World::new();
    let mut config = world.client_config();
    config.policy.timeouts.close = Duration::from_millis(200);
    config.policy.timeouts.write = Duration::from_millis(50);
    for closes in [true, false] {
        let (here, there) = tokio::io::duplex(4096);
        let server = world.server(world.server_config(&world.good_certificate()), Mode::DirectTls);
        let peer = tokio::spawn(async move {
            let mut stream = XmppStream::establish(server, there.compat(), TokioTimer).await.unwrap();
            stream.send(&login_features()).await.unwrap();
            match closes {
                true => std::future::pending::<()>().await,
                false => while let Ok(Some(_)) = stream.next_event().await {},
            }
        });
        let client = world.client(config.clone(), Mode::DirectTls);
        let mut stream = XmppStream::establish(client, NeverCloses(here.compat()), TokioTimer)
            .await
            .unwrap();
        stream.next_event().await.unwrap();
        if closes {
            let large = element(&format!("<message><body>{}</body></message>", "x".repeat(9000)));
            let error = stream.send(&large).await.unwrap_err();
            assert!(
                error.to_string().contains("the connection failed: timed out"),
                "{error}"
            );
        } else {
            stream.close().await.unwrap();
        }
        peer.abort();
    }
}
