//! What protects the connection to an XMPP server? Nothing is sent but the negotiation.
//!
//! Without arguments it shows the library at work: an in-process server on loopback, a verified
//! connection with its report, and the refusal of a certificate for another name.
//!
//! ```text
//! probe [DOMAIN [--direct-tls] [--s2s] [--connect HOST:PORT] [--ca FILE] [--json]]
//!
//!   --direct-tls         TLS from the first octet instead of STARTTLS
//!   --s2s                the server-to-server port instead of the client one
//!   --connect HOST:PORT  connect there; the certificate must still be for DOMAIN
//!   --ca FILE            trust the PEM certificates in FILE instead of the system's
//!   --json               print the report as JSON
//! ```
//!
//! Exit status: 0 secure (encrypted and authenticated), 3 encrypted but not authenticated,
//! 4 not encrypted, 5 unreachable or not speaking XMPP, 2 wrong arguments.

mod arguments;
mod demo;

use arguments::Arguments;
use std::process::ExitCode;
use std::sync::Arc;
use xmpp_tls::policy::{AuthenticationPolicy as Demand, Policy};
use xmpp_tls::security::{Authentication, SecurityReport};
use xmpp_tls::session::{ClientConfig, Event};
use xmpp_tls::{ErrorKind, Phase, danger, io, roots};

const NOT_AUTHENTICATED: u8 = 3;
const NOT_ENCRYPTED: u8 = 4;
const UNREACHABLE: u8 = 5;
const USAGE: u8 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::parse() {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            return match demo::run().await {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("the demonstration failed: {error}");
                    ExitCode::FAILURE
                }
            };
        }
        Err(error) => {
            eprintln!("probe: {error}\n\n{}", arguments::USAGE);
            return ExitCode::from(USAGE);
        }
    };
    match probe(&arguments).await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(exit_code(&error))
        }
    }
}

async fn probe(arguments: &Arguments) -> Result<u8, io::Error> {
    // A probe wants to see bad certificates too. It never logs in, so nobody can take anything from it.
    let mut policy = Policy::default();
    policy.authentication = Demand::Recorded(danger::UnverifiedPeerAccepted::anybody_may_be_the_peer());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let anchors = match &arguments.ca {
        Some(pem) => roots::from_pem(pem),
        None => roots::native(),
    };
    let anchors = match anchors {
        Ok(anchors) => anchors,
        Err(error) => {
            eprintln!("probe: {error}");
            return Ok(USAGE);
        }
    };
    let config = Arc::new(ClientConfig::rustls(provider, anchors).with_policy(policy));

    let mut stream = io::tokio::connect_to(&arguments.endpoint, config, arguments.target.clone()).await?;
    show(stream.report(), arguments.json);
    if let Some(Event::Features(features)) = stream.next_event().await?
        && !arguments.json
    {
        println!(
            "  {:16}{}",
            "SASL offers",
            features.mechanisms().collect::<Vec<_>>().join(", ")
        );
    }
    let code = match stream.report().authentication() {
        _ if !stream.report().is_encrypted() => NOT_ENCRYPTED,
        Authentication::Certificate { .. } => 0,
        Authentication::Rejected { error, .. } => {
            eprintln!("{error}");
            NOT_AUTHENTICATED
        }
        _ => NOT_AUTHENTICATED,
    };
    // What is to be known is known; how the peer says goodbye changes nothing.
    let _ = stream.close().await;
    Ok(code)
}

fn show(report: &SecurityReport, json: bool) {
    match json.then(|| serde_json::to_string_pretty(report)) {
        Some(Ok(text)) => println!("{text}"),
        Some(Err(error)) => eprintln!("probe: {error}"),
        None => print!("{report}"),
    }
}

/// Where the session stood when it failed tells what the user lacks.
fn exit_code(error: &io::Error) -> u8 {
    match error {
        io::Error::Session(error) => match (error.phase(), error.kind()) {
            (_, ErrorKind::Identity(_)) => NOT_AUTHENTICATED,
            (Phase::Starttls | Phase::Tls, _) => NOT_ENCRYPTED,
            _ => UNREACHABLE,
        },
        _ => UNREACHABLE,
    }
}
