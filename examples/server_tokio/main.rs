//! A server for clients: streams secured and verified by the library, everything behind it in `login.rs`
//! and `stanzas.rs`. It answers pings and brings messages from one of its users to another.
//!
//! `cargo run --example server_tokio -- --help` tells its arguments.

mod arguments;
mod login;
mod stanzas;

use arguments::{Arguments, HELP};
use stanzas::Users;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use xmpp_tls::io;
use xmpp_tls::session::{Mode, ServerConfig};
use xmpp_tls::tls::rustls::RustlsAcceptor;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

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
    let Some(arguments) = Arguments::parse()? else {
        println!("{HELP}");
        return Ok(());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let Arguments { chain, key, .. } = &arguments;
    let acceptor = RustlsAcceptor::new(provider).with_pem(arguments.domain.clone(), chain, key)?;
    for (domain, problem) in acceptor.problems(io::now().wall) {
        eprintln!("warning: {domain}: {problem}");
    }
    let mut config = ServerConfig::new(acceptor).with_policy(arguments.policy);
    // Some clients end every element with a line break.
    config.policy.whitespace_behind_starttls = true;
    let config = Arc::new(config);
    let users = Arc::new(Users::new(arguments.domain.clone(), &arguments.users)?);

    let mut tasks = Vec::new();
    for (address, mode) in arguments.listeners {
        let listener = TcpListener::bind(&address)
            .await
            .map_err(|error| format!("{address}: {error}"))?;
        let address = listener.local_addr()?;
        let how = match mode {
            Mode::StartTls => "STARTTLS",
            Mode::DirectTls => "direct TLS",
            _ => "another way",
        };
        println!("{} listens on {address} by {how}", arguments.domain);
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
