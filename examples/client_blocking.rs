//! The same without a runtime: one thread, `std::net`.
//!
//! `cargo run --example client_blocking --features ring -- example.org`

use std::sync::Arc;
use xmpp_tls::session::{ClientConfig, Event};
use xmpp_tls::{io, roots};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = std::env::args().nth(1).ok_or("usage: client_blocking DOMAIN")?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = Arc::new(ClientConfig::rustls(provider, roots::native()?));
    let mut stream = io::blocking::connect(config, domain.parse::<xmpp_tls::Domain>()?)?;
    println!("{}", stream.report());

    if let Some(Event::Features(features)) = stream.next_event()? {
        println!(
            "log in with one of: {}",
            features.mechanisms().collect::<Vec<_>>().join(", ")
        );
    }
    stream.close()?;
    Ok(())
}
