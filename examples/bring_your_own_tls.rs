//! STARTTLS with a TLS library that xmpp-tls does not know: embedded-tls, a client in pure Rust.
//!
//! `cargo run --example bring_your_own_tls` negotiates with a server of this library on loopback. The
//! crates `xmpp-starttls` and `xmpp-identity` bring no TLS: the first says when to begin, the second
//! whether the certificate is good, and what the handshake established goes back as `TlsFacts`.

#[path = "support/embedded.rs"]
mod embedded;
#[path = "support/peer.rs"]
mod peer;

use bytes::{Buf, BytesMut};
use embedded::{Checker, Provider};
use embedded_io_adapters::std::FromStd;
use embedded_tls::blocking::{Aes128GcmSha256, TlsCipherSuite, TlsConfig, TlsConnection, TlsContext};
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;
use xmpp_identity::ReferenceIds;
use xmpp_starttls::{CipherSuite, Initiator, InitiatorEvent, TlsFacts, TlsVersion, UpgradeToken};
use xmpp_stream::{Limits, StreamEvent, StreamHeader};
use xmpp_tls::{Domain, Engine, Output, StreamKind};

fn main() -> Result<(), Box<dyn Error>> {
    let domain: Domain = "example.org".parse()?;
    let (address, verifier) = peer::serve(&domain)?;
    let mut socket = TcpStream::connect(address)?;

    // 1. The clear part.
    let token = starttls(&mut socket, domain.clone())?;
    println!("STARTTLS negotiated with {domain}, offered: {}", token.offered());

    // 2. TLS, with a certificate check that knows XMPP.
    let checker = Checker::new(verifier, ReferenceIds::new(&domain, StreamKind::ClientToServer));
    let mut provider = Provider(checker);
    let config = TlsConfig::new().with_server_name(domain.to_ascii());
    let (mut incoming, mut outgoing) = ([0; 16_640], [0; 16_640]);
    let mut tls = TlsConnection::<_, Aes128GcmSha256>::new(FromStd::new(socket), &mut incoming, &mut outgoing);
    tls.open(TlsContext::new(&config, &mut provider))?;
    let verdict = provider.0.verdict().ok_or("the server showed no certificate")?;
    println!("certificate: {}", verdict.check()?);

    // 3. The token is spent with the facts of the handshake; only then is there a codec for what follows.
    let facts = TlsFacts::new(TlsVersion::TLS_1_3, CipherSuite(Aes128GcmSha256::CODE_POINT))?;
    let secured = token.secured(facts);
    println!(
        "secured: {}, {}",
        secured.facts().version(),
        secured.facts().cipher_suite()
    );
    let (mut decoder, mut encoder) = secured.into_codec(Limits::before_authentication());

    // 4. The stream begins anew, inside TLS.
    let mut text = BytesMut::new();
    encoder.open(&StreamHeader::new().with_to(domain.as_str()), &mut text);
    while !text.is_empty() {
        text.advance(tls.write(&text)?);
    }
    tls.flush()?;
    let mut buffer = [0; 4096];
    loop {
        match decoder.next_event()? {
            Some(StreamEvent::Open(header)) => println!("opened by {:?}", header.from.as_deref()),
            Some(StreamEvent::Element(features)) => break println!("{}", std::str::from_utf8(features.as_bytes())?),
            Some(other) => return Err(format!("{other:?} instead of features").into()),
            None => {
                let octets = tls.read(&mut buffer)?;
                if octets == 0 {
                    return Err("the connection ended before the features".into());
                }
                decoder.push(buffer.get(..octets).unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// Drives the negotiation until TLS must begin.
fn starttls(socket: &mut TcpStream, domain: Domain) -> Result<UpgradeToken, Box<dyn Error>> {
    let mut initiator = Initiator::client(domain, Instant::now());
    let mut buffer = [0; 4096];
    loop {
        match initiator.poll_output()? {
            Output::Transmit(bytes) => socket.write_all(&bytes)?,
            Output::Event(InitiatorEvent::Upgrade(token)) => return Ok(token),
            Output::Event(_) => {} // the peer's header and features: unauthenticated, and forgotten
            Output::WantsInput(deadline) => {
                socket.set_read_timeout(deadline.map(|at| at.saturating_duration_since(Instant::now())))?;
                match socket.read(&mut buffer)? {
                    0 => initiator.handle_eof(Instant::now())?,
                    octets => initiator.handle_input(Instant::now(), buffer.get(..octets).unwrap_or_default())?,
                }
            }
        }
    }
}
