//! A server that federates with peers in the same process, and its administrative page: peers with good certificates
//! and with one of their own making, one whose certificate changed, some that cannot be reached or refuse, and a
//! client. Names and errors of some of them are made to look like markup.
//!
//! `cargo run -p xmpp-tls-admin --example demo [PORT]` prints where the page is and the token. It ends with its
//! standard input.

mod peers;
mod watch;

use peers::{Failure, Peers};
use std::io::Read as _;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use watch::Watch;
use xmpp_tls::history::History;
use xmpp_tls::ledger::{Ledger, MemoryStore};
use xmpp_tls::policy::Rehearsal;
use xmpp_tls::registry::Registry;
use xmpp_tls_admin::{Admin, Token};

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
    let port = std::env::args().nth(1).map_or(Ok(0), |text| text.parse())?;
    let watch = Watch {
        registry: Registry::default(),
        history: Arc::new(Mutex::new(History::default())),
        ledger: Ledger::new(MemoryStore::default()),
        rehearsal: Arc::new(Mutex::new(Rehearsal::default())),
    };
    let mut secret = [0; 16];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut secret).map_err(|_| "no randomness")?;
    let token: String = secret.iter().map(|octet| format!("{octet:02x}")).collect();
    let page = Admin::new(watch.registry.clone())
        .with_history(watch.history.clone())
        .with_ledger(watch.ledger.clone())
        .with_rehearsal(watch.rehearsal.clone())
        .with_token(Token::new(&token)?)
        .bind(port)
        .await?;
    let address = page.local_addr()?;
    tokio::spawn(page.run());

    let peers = Peers::start(&watch).await?;
    let (end, mut ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    });
    tokio::select! {
        told = watch.follow(peers, move || println!("http://{address}/\ntoken {token}")) => told,
        _ = &mut ended => Ok(()),
    }
}
