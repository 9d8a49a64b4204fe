//! A server of this library for one connection, with a certificate of a CA made for the occasion.

use std::error::Error;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use xmpp_identity::IdentityVerifier;
use xmpp_tls::session::{Mode, ServerConfig};
use xmpp_tls::stream::Features;
use xmpp_tls::tls::rustls::{RustlsAcceptor, signature_algorithms};
use xmpp_tls::{Domain, io, roots};
use xmpp_tls_testkit::{LeafSpec, TestCa};

/// Where it listens, and who trusts its CA.
pub(crate) fn serve(domain: &Domain) -> Result<(SocketAddr, IdentityVerifier), Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ca = TestCa::valid_now("Demonstration CA");
    let issued = ca.issue(LeafSpec::for_domain(domain.to_ascii()));
    let verifier = IdentityVerifier::new(
        roots::from_pem(ca.anchor_pem().as_bytes())?,
        signature_algorithms(&provider),
    );
    let acceptor =
        RustlsAcceptor::new(provider).with_certificate(domain.clone(), issued.chain.clone(), issued.key())?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || -> Result<(), Box<dyn Error + Send + Sync>> {
        let (socket, _) = listener.accept()?;
        let mut stream = io::blocking::accept(socket, Arc::new(ServerConfig::new(acceptor)), Mode::StartTls)?;
        stream.send(Features::builder().build()?.as_element())?;
        while stream.next_event()?.is_some() {}
        Ok(())
    });
    Ok((address, verifier))
}
