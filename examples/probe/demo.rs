//! The library at work, with nothing but loopback.

use std::error::Error;
use std::sync::Arc;
use tokio::net::TcpListener;
use xmpp_tls::io::{self, Endpoint};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::stream::Features;
use xmpp_tls::tls::rustls::{CryptoProvider, RustlsAcceptor};
use xmpp_tls::{Domain, roots};
use xmpp_tls_testkit::{LeafSpec, TestCa};

pub(crate) async fn run() -> Result<(), Box<dyn Error>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ca = TestCa::valid_now("Demonstration CA");
    let endpoint = serve(provider.clone(), &ca).await?;
    let client = Arc::new(ClientConfig::rustls(
        provider,
        roots::from_pem(ca.anchor_pem().as_bytes())?,
    ));

    println!("A server for example.org listens on {endpoint}.\n\n1. A client connects to example.org:\n");
    let stream = io::tokio::connect_to(&endpoint, client.clone(), "example.org".parse::<Domain>()?).await?;
    print!("{}", stream.report());
    stream.close().await?;

    println!("\n2. It shows the same certificate to a client that wants example.net:\n");
    match io::tokio::connect_to(&endpoint, client, "example.net".parse::<Domain>()?).await {
        Ok(_) => Err("a certificate for example.org was accepted for example.net".into()),
        Err(error) => {
            println!("  refused: {error}");
            Ok(())
        }
    }
}

/// A server that has one certificate, for example.org, and shows it for example.net too.
async fn serve(provider: Arc<CryptoProvider>, ca: &TestCa) -> Result<Endpoint, Box<dyn Error>> {
    let issued = ca.issue(LeafSpec::for_domain("example.org"));
    let acceptor = RustlsAcceptor::new(provider)
        .with_certificate("example.org".parse()?, issued.chain.clone(), issued.key())?
        .with_certificate("example.net".parse()?, issued.chain.clone(), issued.key())?;
    let config = Arc::new(ServerConfig::new(acceptor));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(greet(socket, config.clone()));
        }
    });
    Ok(Endpoint::new(address.ip().to_string(), address.port()))
}

/// Secures one connection, offers nothing, and waits for the client to leave.
async fn greet(socket: tokio::net::TcpStream, config: Arc<ServerConfig>) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut stream = io::tokio::accept(socket, config, Mode::StartTls).await?;
    stream.send(Features::builder().build()?.as_element()).await?;
    while stream.next_event().await?.is_some() {}
    Ok(())
}
