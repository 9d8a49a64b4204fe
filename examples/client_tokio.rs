//! A client that opens a verified stream and says what protects it.
//!
//! `cargo run --example client_tokio -- example.org`; its manifest is in the README.

use std::process::ExitCode;
use std::sync::Arc;
use xmpp_tls::session::{ClientConfig, Event};
use xmpp_tls::tls::rustls::ring;
use xmpp_tls::{Domain, io, roots};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let domain = std::env::args().nth(1).filter(|argument| !argument.starts_with('-'));
    let domain: Domain = domain.ok_or("usage: client_tokio DOMAIN")?.parse()?;

    let provider = Arc::new(ring::default_provider());
    let config = Arc::new(ClientConfig::rustls(provider, roots::native()?));
    let mut stream = io::tokio::connect(config, domain).await?;
    println!("{}", stream.report());

    while let Some(event) = stream.next_event().await? {
        if let Event::Features(features) = event {
            let offers: Vec<_> = features.mechanisms().collect();
            println!("log in with one of {offers:?}");
            break;
        }
    }
    stream.close().await?;
    Ok(())
}
