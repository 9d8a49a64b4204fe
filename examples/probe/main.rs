//! What protects the connection to an XMPP server? Nothing is sent but the negotiation.
//!
//! Without arguments it shows the library at work: an in-process server on loopback, a verified
//! connection with its report, and the refusal of a certificate for another name. `--help` tells the rest.

mod arguments;
mod demo;
mod outcome;

use arguments::{Arguments, HELP, Request};
use outcome::Outcome;
use serde_json::json;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use xmpp_tls::discovery::{DiscoveryError, LookupError, service_name};
use xmpp_tls::io::Resolver;
use xmpp_tls::io::hickory::Hickory;
use xmpp_tls::io::tokio::TokioStream;
use xmpp_tls::policy::{AuthenticationPolicy as Demand, Policy};
use xmpp_tls::security::SecurityReport;
use xmpp_tls::session::{ClientConfig, Event, Target};
use xmpp_tls::{danger, io, roots};

/// How long a name server may think.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match Arguments::parse() {
        Ok(Request::Probe(arguments)) => probe(&arguments).await.into(),
        Ok(Request::Demonstrate) => match demo::run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the demonstration failed: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(Request::Help) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("probe: {error}\nTry probe --help.");
            Outcome::Usage.into()
        }
    }
}

async fn probe(arguments: &Arguments) -> Outcome {
    let anchors = match &arguments.ca {
        Some(pem) => roots::from_pem(pem),
        None => roots::native(),
    };
    let anchors = match anchors {
        Ok(anchors) => anchors,
        Err(error) => {
            eprintln!("probe: {error}");
            return Outcome::Usage;
        }
    };
    // A probe wants to see bad certificates too. It never logs in, so nobody can take anything from it.
    let mut policy = Policy::default();
    policy.authentication = Demand::Recorded(danger::UnverifiedPeerAccepted::anybody_may_be_the_peer());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = Arc::new(ClientConfig::rustls(provider, anchors).with_policy(policy));

    let mut stream = match connect(arguments, config).await {
        Ok(stream) => stream,
        Err(error) => return failed(&error, arguments),
    };
    show(stream.report(), arguments.json);
    match stream.next_event().await {
        Ok(Some(Event::Features(features))) if !arguments.json => {
            let offers: Vec<_> = features.mechanisms().collect();
            println!("  {:16}{}", "SASL offers", offers.join(", "));
        }
        Ok(_) => {}
        Err(error) => eprintln!("{error}"),
    }
    let outcome = Outcome::of_report(stream.report());
    // What is to be known is known; how the peer says goodbye changes nothing.
    let _ = stream.close().await;
    outcome
}

async fn connect(arguments: &Arguments, config: Arc<ClientConfig>) -> Result<TokioStream, io::Error> {
    let target = arguments.target.clone();
    if let Some(endpoint) = &arguments.endpoint {
        return io::tokio::connect_to(endpoint, config, target).await;
    }
    let resolver = match (arguments.dns, &arguments.dnssec) {
        (Some(name_server), Some(anchors)) => Hickory::validating_at(name_server, anchors.clone()),
        (Some(name_server), None) => Hickory::at(name_server),
        (None, _) => Hickory::system(),
    };
    let resolver = resolver.map_err(DiscoveryError::from)?;
    if let Some(name_server) = arguments.dns {
        answers(&resolver, name_server, &target).await?;
    }
    if !arguments.json {
        let budget = config.policy.timeouts.connect;
        for found in io::tokio::discover(&resolver, &target, budget).await? {
            println!("{} by {} DNS", found.endpoint, found.security);
        }
    }
    io::tokio::connect_by(&resolver, config, target).await
}

/// A name server that says nothing would be asked again and again, and at last the domain itself be tried.
async fn answers(resolver: &Hickory, name_server: SocketAddr, target: &Target) -> Result<(), DiscoveryError> {
    let Some(name) = service_name(target, target.mode()) else {
        return Ok(());
    };
    let reason = match timeout(PATIENCE, resolver.srv(&name)).await {
        Ok(Err(LookupError::NoAnswer { reason, .. })) => reason,
        Ok(answer) => return answer.map(drop).map_err(DiscoveryError::from),
        Err(_) => format!("nothing came in {} seconds", PATIENCE.as_secs()),
    };
    let reason = format!(
        "the name server {name_server} (--dns) does not answer: {reason}. Check its address and port, that it runs, and \
         that UDP and TCP get there"
    );
    Err(LookupError::NoAnswer { name, reason }.into())
}

fn show(report: &SecurityReport, json: bool) {
    match json.then(|| serde_json::to_string_pretty(report)) {
        Some(Ok(text)) => println!("{text}"),
        Some(Err(error)) => eprintln!("probe: {error}"),
        None => print!("{report}"),
    }
}

fn failed(error: &io::Error, arguments: &Arguments) -> Outcome {
    if arguments.json {
        let domain = arguments.target.domain().as_str();
        let failure =
            json!({ "domain": domain, "encrypted": false, "authenticated": false, "error": error.to_string() });
        println!("{failure:#}");
    }
    eprintln!("{error}");
    if let Some(hint) = outcome::hint(error, arguments.target.kind()) {
        eprintln!("{hint}");
    }
    Outcome::of_error(error)
}
