//! An administrative web page for servers on `xmpp-tls`: which connections there are, what protects each and who is at
//! the other end, what changed about its certificate, which attempts failed, and whom a stricter policy would refuse.
//!
//! ```no_run
//! use std::sync::{Arc, Mutex};
//! use xmpp_tls::history::History;
//! use xmpp_tls::ledger::{Ledger, MemoryStore};
//! use xmpp_tls::registry::Registry;
//! use xmpp_tls_admin::{Admin, Token};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // What the server has anyway, and tells what happens:
//! let (registry, ledger) = (Registry::default(), Ledger::new(MemoryStore::default()));
//! let history = Arc::new(Mutex::new(History::default()));
//!
//! let server = Admin::new(registry)
//!     .with_history(history)
//!     .with_ledger(ledger)
//!     .with_token(Token::new(&std::fs::read_to_string("admin.token")?)?)
//!     .bind(5281)
//!     .await?;
//! println!("http://{}/", server.local_addr()?);
//! tokio::spawn(server.run());
//! # Ok(()) }
//! ```
//!
//! # What there is
//!
//! | path | what |
//! |---|---|
//! | `/` | the open connections; `?refresh=10` loads it anew every 10 seconds |
//! | `/sessions/NUMBER` | all that is known of one |
//! | `/history` | attempts that failed; `?domain=` of one domain, `?all=1` with those that did not |
//! | `/ledger` | certificates that wait for an operator; `?all=1` everything |
//! | `/ledger/KEY` | what one domain showed, and the form that acknowledges it |
//! | `/rehearsal` | whom a policy that is tried out would refuse |
//! | `/metrics` | [`Registry::prometheus`](xmpp_tls::registry::Registry::prometheus) |
//! | `/api/sessions`, `/api/sessions/NUMBER`, `/api/history`, `/api/ledger`, `/api/ledger/KEY`, `/api/rehearsal` | the same as JSON |
//! | `POST /ledger/KEY/acknowledge` | `spki_sha256` and `by` as a form, with the [`Token`]; below `/api` it answers with JSON |
//!
//! Connections and the ledger are cut into pages by `?after=`; in JSON `next` is what to put there, or null. The history
//! and the rehearsal come as JSON whole, as much as is kept of them. `waiting` in `/api/ledger` has the KEY and the
//! `spki_sha256` of each certificate that can be acknowledged.
//!
//! # Who may do what
//!
//! It listens on loopback unless [`Admin::bind_exposed`] is called. Whoever can connect may read, which on a machine
//! with several users are all of them. What changes something takes the [`Token`], from the form or from
//! `Authorization: Bearer`, and never from a cookie or an address, so that no page of somebody else's can make a browser
//! do it; what a browser says to come from such a page is refused in any case. Requests for another host than those that
//! are named are refused, which stops pages that have their own name resolve to loopback. There is no TLS: what is to be reached from elsewhere goes through a proxy or `ssh -L`.
//!
//! Texts of peers are in domains, certificates and error messages. Every one of them goes through one function that
//! escapes it, no page has a script, and the headers forbid any.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod acknowledge;
mod guard;
mod html;
mod json;
mod moment;
mod pages;
mod request;
mod server;
mod token;

pub use server::Server;
pub use token::{Token, TokenError};

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use xmpp_tls::history::History;
use xmpp_tls::ledger::Ledger;
use xmpp_tls::policy::Rehearsal;
use xmpp_tls::registry::Registry;

/// What the pages show, and who may change something.
#[derive(Debug, Clone)]
pub struct Admin {
    registry: Registry,
    history: Option<Arc<Mutex<History>>>,
    ledger: Option<Ledger>,
    rehearsal: Option<Arc<Mutex<Rehearsal>>>,
    token: Option<Token>,
    hosts: Vec<String>,
}

impl Admin {
    /// Of these sessions, and nothing else.
    pub fn new(registry: Registry) -> Self {
        Admin {
            registry,
            history: None,
            ledger: None,
            rehearsal: None,
            token: None,
            hosts: ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).into(),
        }
    }

    /// With the attempts to connect. It is locked while a page is made of it.
    #[must_use]
    pub fn with_history(mut self, history: Arc<Mutex<History>>) -> Self {
        self.history = Some(history);
        self
    }

    /// With what domains showed.
    #[must_use]
    pub fn with_ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// With whom a policy that is tried out would refuse. It is locked while a page is made of it.
    #[must_use]
    pub fn with_rehearsal(mut self, rehearsal: Arc<Mutex<Rehearsal>>) -> Self {
        self.rehearsal = Some(rehearsal);
        self
    }

    /// Who has this may acknowledge certificates. Without it nobody may.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    /// Also answers to requests for this host: the name of a proxy in front, for example. Without the port, and an
    /// IPv6 address in brackets.
    #[must_use]
    pub fn with_host(mut self, host: &str) -> Self {
        self.hosts.push(host.to_ascii_lowercase());
        self
    }

    /// Listens on 127.0.0.1, at this port; 0 takes any that is free.
    ///
    /// # Errors
    /// The port is not to be had.
    pub async fn bind(self, port: u16) -> io::Result<Server> {
        self.bind_exposed(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
    }

    /// Listens on any address. Beyond loopback everybody who can connect reads which domains are in touch with this
    /// server, and everybody on the path reads the [`Token`] too, as there is no TLS. [`with_host`](Self::with_host)
    /// names what it is called there.
    ///
    /// # Errors
    /// The address is not to be had.
    pub async fn bind_exposed(self, address: SocketAddr) -> io::Result<Server> {
        let listener = TcpListener::bind(address).await?;
        Ok(Server::new(self, listener))
    }

    fn history(&self) -> Option<MutexGuard<'_, History>> {
        self.history.as_deref().map(lock)
    }

    fn rehearsal(&self) -> Option<MutexGuard<'_, Rehearsal>> {
        self.rehearsal.as_deref().map(lock)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // It is only read here: what is half done was so for everybody.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
