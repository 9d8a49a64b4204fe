//! A small server that federates: it answers pings, echoes messages, and prints which server is authenticated by
//! what. Without arguments, two of them meet in one process.
//!
//! `cargo run --example federate -- --help` tells its arguments.

mod answers;
mod arguments;
mod demo;

use arguments::Arguments;
use std::io::BufRead;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, Receiver};
use xmpp_tls::federation::{DialbackSecret, FederationConfig};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::io::hickory::Hickory;
use xmpp_tls::io::tokio::{Federation, Notice};
use xmpp_tls::io::{self, Resolver};
use xmpp_tls::pki_types::TrustAnchor;
use xmpp_tls::policy::Policy;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::tls::rustls::{CryptoProvider, RustlsAcceptor, RustlsConnector, signature_algorithms};
use xmpp_tls::{Domain, roots};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Arguments::parse() {
        Ok(Some(arguments)) if arguments.domains.is_empty() => demo::run().await,
        Ok(Some(arguments)) => run(arguments).await,
        Ok(None) => Ok(()),
        Err(error) => {
            eprintln!("federate: {error}\nTry federate --help.");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// All that federation takes: certificates shown in both directions, anchors for judging others', and a secret.
pub(crate) fn configure(
    provider: Arc<CryptoProvider>,
    acceptor: RustlsAcceptor,
    anchors: Vec<TrustAnchor<'static>>,
    policy: Policy,
) -> Result<FederationConfig, Failure> {
    let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
    let connector = RustlsConnector::new(provider.clone()).with_certificates_of(&acceptor);
    let client = ClientConfig::new(connector, verifier.clone()).with_policy(policy.clone());
    let server = ServerConfig::new(acceptor).with_verifier(verifier).with_policy(policy);
    // A cluster would read one secret on every node instead.
    let mut secret = [0; 32];
    provider.secure_random.fill(&mut secret).map_err(|_| "no randomness")?;
    Ok(FederationConfig::new(
        Arc::new(client),
        Arc::new(server),
        DialbackSecret::new(&secret)?.into(),
    ))
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut acceptor = RustlsAcceptor::new(provider.clone());
    for (domain, chain, key) in &arguments.domains {
        acceptor = acceptor.with_pem(domain.clone(), chain, key)?;
    }
    for (domain, problem) in acceptor.problems(io::now().wall) {
        eprintln!("warning: {domain}: {problem}");
    }
    let anchors = match &arguments.ca {
        Some(pem) => roots::from_pem(pem)?,
        None => roots::native()?,
    };
    let mut config = configure(provider, acceptor, anchors, arguments.policy)?;
    if arguments.bidi {
        config = config.with_bidi();
    }
    let resolver: Arc<dyn Resolver> = match arguments.dns {
        Some(name_server) => Arc::new(Hickory::at(name_server)?),
        None => Arc::new(Hickory::system()?),
    };
    let (federation, notices) = Federation::new(config, resolver);
    for (address, mode) in arguments.listeners {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("{address}: {error}"))?;
        println!("listening on {}", listener.local_addr()?);
        tokio::spawn(federation.clone().serve(listener, mode));
    }
    serve(&federation, notices, &arguments.domains[0].0, lines()).await
}

/// Prints what happens, and answers; obeys `orders` until they end with `quit`.
async fn serve(
    federation: &Federation,
    mut notices: Receiver<Notice>,
    own: &Domain,
    mut orders: Receiver<String>,
) -> Result<(), Failure> {
    loop {
        tokio::select! {
            Some(notice) = notices.recv() => answers::react(federation, &notice),
            Some(order) = orders.recv() => match order.split_once(' ').unwrap_or((&order, "")) {
                ("ping", domain) => answers::send(federation, answers::ping(own, domain)),
                ("message", rest) => {
                    let (to, text) = rest.split_once(' ').unwrap_or((rest, ""));
                    answers::send(federation, answers::message(own, to, text));
                }
                ("links", _) => answers::print_links(federation),
                ("quit", _) => {
                    federation.close();
                    let mut closed = pin!(federation.closed());
                    loop {
                        tokio::select! {
                            biased;
                            Some(notice) = notices.recv() => println!("{notice}"),
                            () = &mut closed => return Ok(()),
                        }
                    }
                }
                ("", _) => {}
                (other, _) => println!("{other:?} is no order: ping DOMAIN, message ADDRESS TEXT, links, quit"),
            },
            else => return Ok(()),
        }
    }
}

/// The lines of standard input.
fn lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
        // The end of input is no order: a server in the background has none, and goes on.
    });
    receiver
}

/// For the listeners of the arguments.
pub(crate) fn mode(direct: bool) -> Mode {
    match direct {
        true => Mode::DirectTls,
        false => Mode::StartTls,
    }
}
