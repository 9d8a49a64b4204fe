//! A client that opens a verified stream and says what protects it.
//!
//! `cargo run --example client_tokio --features tokio,ring -- example.org`

use std::sync::Arc;
use xmpp_tls::session::{ClientConfig, Event};
use xmpp_tls::{io, roots};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = std::env::args().nth(1).ok_or("usage: client_tokio DOMAIN")?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = Arc::new(ClientConfig::rustls(provider, roots::native()?));
    let mut stream = io::tokio::connect(config, domain.parse::<xmpp_tls::Domain>()?).await?;
    println!("{}", stream.report());

    if let Some(Event::Features(features)) = stream.next_event().await? {
        println!(
            "log in with one of: {}",
            features.mechanisms().collect::<Vec<_>>().join(", ")
        );
    }
    stream.close().await?;
    Ok(())
}
