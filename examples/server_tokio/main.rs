//! A server for clients: streams secured and verified by the library, everything behind it in `login.rs`
//! and `stanzas.rs`. It answers pings and brings messages from one of its users to another.
//!
//! `server_tokio --domain a.test --cert CHAIN.pem --key KEY.pem --user alice:secret
//!     [--listen 127.0.0.1:5222] [--direct-tls 127.0.0.1:5223]`

mod login;
mod stanzas;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer};
use stanzas::Users;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use xmpp_tls::Domain;
use xmpp_tls::io;
use xmpp_tls::session::{Mode, ServerConfig};
use xmpp_tls::tls::rustls::RustlsAcceptor;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Arguments {
    domain: Domain,
    certificate: PathBuf,
    key: PathBuf,
    listeners: Vec<(String, Mode)>,
    users: Vec<String>,
}

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

async fn run() -> Result<(), Failure> {
    let arguments = arguments()?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_file_iter(&arguments.certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&arguments.key)?;
    let acceptor = RustlsAcceptor::new(provider).with_certificate(arguments.domain.clone(), chain, key)?;
    let mut config = ServerConfig::new(acceptor);
    // Some clients end every element with a line break.
    config.policy.whitespace_behind_starttls = true;
    let config = Arc::new(config);
    let users = Arc::new(Users::new(arguments.domain.clone(), &arguments.users)?);

    let mut tasks = Vec::new();
    for (address, mode) in arguments.listeners {
        let listener = TcpListener::bind(&address).await?;
        println!("{} listens on {address} ({mode:?})", arguments.domain);
        tasks.push(tokio::spawn(listen(listener, mode, config.clone(), users.clone())));
    }
    for task in tasks {
        task.await?;
    }
    Ok(())
}

async fn listen(listener: TcpListener, mode: Mode, config: Arc<ServerConfig>, users: Arc<Users>) {
    loop {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, mostly: others will be closed.
                println!("cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (config, users) = (config.clone(), users.clone());
        tokio::spawn(async move {
            match serve(socket, config, mode, users).await {
                Ok(()) => println!("{peer}: closed"),
                Err(error) => println!("{peer}: {error}"),
            }
        });
    }
}

async fn serve(socket: TcpStream, config: Arc<ServerConfig>, mode: Mode, users: Arc<Users>) -> Result<(), Failure> {
    let mut stream = io::tokio::accept(socket, config, mode).await?;
    println!("{}", stream.report());
    match login::log_in(&mut stream, &users).await? {
        Some(user) => stanzas::exchange(stream, &user, &users).await,
        None => Ok(()),
    }
}

fn arguments() -> Result<Arguments, Failure> {
    use lexopt::prelude::*;
    let mut parser = lexopt::Parser::from_env();
    let (mut domain, mut certificate, mut key) = (None, None, None);
    let (mut listeners, mut users) = (Vec::new(), Vec::new());
    while let Some(argument) = parser.next()? {
        match argument {
            Long("domain") => domain = Some(parser.value()?.string()?.parse()?),
            Long("cert") => certificate = Some(parser.value()?.into()),
            Long("key") => key = Some(parser.value()?.into()),
            Long("listen") => listeners.push((parser.value()?.string()?, Mode::StartTls)),
            Long("direct-tls") => listeners.push((parser.value()?.string()?, Mode::DirectTls)),
            Long("user") => users.push(parser.value()?.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    if listeners.is_empty() {
        listeners.push(("127.0.0.1:5222".to_owned(), Mode::StartTls));
    }
    match (domain, certificate, key) {
        (Some(domain), Some(certificate), Some(key)) => Ok(Arguments {
            domain,
            certificate,
            key,
            listeners,
            users,
        }),
        _ => Err("usage: server_tokio --domain DOMAIN --cert FILE --key FILE [--user NAME:PASSWORD] ...".into()),
    }
}
