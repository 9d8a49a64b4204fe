//! The same without a runtime: one thread, `std::net`; and a host, a port and a private CA of its own.
//!
//! `cargo run --example client_blocking -- example.org`, or, for a server on this machine,
//! `cargo run --example client_blocking -- example.org 127.0.0.1 5222 ca.pem`

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use xmpp_tls::io::{Endpoint, blocking};
use xmpp_tls::session::{ClientConfig, Event, Target};
use xmpp_tls::tls::rustls::ring;
use xmpp_tls::{Domain, roots};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (domain, elsewhere) = match arguments {
        [domain] if !domain.starts_with('-') => (domain, None),
        [domain, host, port, ca] => {
            let ca = std::fs::read(ca).map_err(|error| format!("{ca}: {error}"))?;
            (domain, Some((Endpoint::new(host, port.parse()?), ca)))
        }
        _ => return Err("usage: client_blocking DOMAIN [HOST PORT CA.pem]".into()),
    };
    let target = Target::new(domain.parse::<Domain>()?);
    // Wherever the connection is made to, the certificate must be for the domain.
    let (endpoint, anchors) = match elsewhere {
        Some((endpoint, ca)) => (endpoint, roots::from_pem(&ca)?),
        None => (Endpoint::default_for(&target), roots::native()?),
    };

    let config = Arc::new(ClientConfig::rustls(Arc::new(ring::default_provider()), anchors));
    let mut stream = blocking::connect_to(&endpoint, config, target)?;
    println!("{}", stream.report());

    while let Some(event) = stream.next_event()? {
        if let Event::Features(features) = event {
            let offers: Vec<_> = features.mechanisms().collect();
            println!("log in with one of {offers:?}");
            break;
        }
    }
    stream.close()?;
    Ok(())
}
