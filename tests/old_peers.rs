//! Peers that speak nothing as new as TLS 1.2: rustls refuses them, and says what the matter is.

mod common;

use common::World;
use xmpp_tls::session::{Mode, Session};
use xmpp_tls::starttls::TlsVersion;
use xmpp_tls::{Engine, Output};

/// A ClientHello as software before TLS 1.2 sends it.
fn client_hello(version: TlsVersion) -> Vec<u8> {
    let version = version.0.to_be_bytes();
    let mut body = version.to_vec();
    body.extend([7; 32]);
    body.push(0); // no session
    body.extend([0, 4, 0xc0, 0x13, 0x00, 0x2f]); // ECDHE_RSA and RSA, with AES_128_CBC_SHA
    body.extend([1, 0]); // no compression
    handshake(1, &body)
}

fn server_hello(version: TlsVersion) -> Vec<u8> {
    let mut body = version.0.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.extend([0, 0xc0, 0x13, 0]);
    handshake(2, &body)
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let mut record = vec![22, 3, 1];
    record.extend((length + 4).to_be_bytes());
    record.extend([kind, 0]);
    record.extend(length.to_be_bytes());
    record.extend(body);
    record
}

/// What the session says when this comes, and the last thing it writes.
fn answer(session: &mut Session, world: &World, data: &[u8]) -> (String, Vec<u8>) {
    let mut written = Vec::new();
    let mut input = Some(data);
    loop {
        match session.poll_output() {
            Ok(Output::Transmit(bytes)) => written = bytes.to_vec(),
            Ok(Output::Event(event)) => panic!("{event:?}"),
            Ok(Output::WantsInput(_)) => {
                let data = input.take().expect("an old peer is refused at once");
                session.handle_input(world.clock.now(), data).unwrap();
            }
            Err(error) => return (error.to_string(), written),
        }
    }
}

const PROTOCOL_VERSION: u8 = 70;

/// TLSP-02, TLSP-03, TLSP-04.
#[test]
fn an_old_client_is_refused_by_name_and_with_the_right_alert() {
    for version in [TlsVersion::SSL_3_0, TlsVersion::TLS_1_0, TlsVersion::TLS_1_1] {
        let world = World::new();
        let mut server = world.server(world.server_config(&world.good_certificate()), Mode::DirectTls);
        let (error, written) = answer(&mut server, &world, &client_hello(version));
        assert!(error.contains(&format!("at most {version}")), "{error}");
        assert!(error.contains("TLS 1.2 and later"), "{error}");
        assert_eq!(written.first(), Some(&21), "an alert");
        assert_eq!(written.last(), Some(&PROTOCOL_VERSION), "{written:x?}");
    }
}

#[test]
fn an_old_server_is_refused_by_name() {
    for version in [TlsVersion::SSL_3_0, TlsVersion::TLS_1_0, TlsVersion::TLS_1_1] {
        let world = World::new();
        let mut client = world.client(world.client_config(), Mode::DirectTls);
        let (error, _) = answer(&mut client, &world, &server_hello(version));
        assert!(error.contains(&format!("at most {version}")), "{error}");
    }
}

#[test]
fn a_server_that_answers_with_an_alert_is_explained() {
    let world = World::new();
    let mut client = world.client(world.client_config(), Mode::DirectTls);
    let (error, _) = answer(&mut client, &world, &[21, 3, 1, 0, 2, 2, PROTOCOL_VERSION]);
    assert!(
        error.contains("protocol_version") && error.contains("older than TLS 1.2"),
        "{error}"
    );
}

/// TLSP-01: both forms of an SSL 2.0 hello, also the one that asks for something newer.
#[test]
fn tlsp_01_a_hello_of_ssl_2_gets_no_answer() {
    for hello in [
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10".as_slice(),
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
    ] {
        let world = World::new();
        let mut server = world.server(world.server_config(&world.good_certificate()), Mode::DirectTls);
        let (error, written) = answer(&mut server, &world, hello);
        assert!(error.contains("SSL 2.0"), "{error}");
        assert!(written.is_empty(), "{written:x?}");
    }
}
