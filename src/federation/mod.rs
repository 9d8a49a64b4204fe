//! Streams between servers: who is at the other end, for which pairs of domains, and by what.
//!
//! A stream between servers carries stanzas of (from, to) pairs of domains, and each pair is authenticated for itself:
//! the first by SASL EXTERNAL with the certificate (XEP-0178), or where that does not work and the policy allows it by
//! dialback over TLS (XEP-0220); further ones by dialback, without a callback where the certificate proves them too
//! (XEP-0344). [`Outgoing`] and [`Incoming`] are one stream each, from the first octet to the last, without I/O: a
//! [`Session`](crate::session::Session) with all of that joined to it.
//!
//! ```text
//!   Outgoing (initiating)                       Incoming (receiving)
//!     Secured        <------ TLS ------>          Secured: verdict on the certificate, once `from` is known
//!     EXTERNAL, if offered and the peer proved itself
//!                    ---- <auth/> ----->          good: Authenticated
//!     Accepted       <--- <success/> ---          bad: <failure/>, and dialback may follow
//!     else dialback
//!                    ---- db:result --->          certificate proves it: Authenticated
//!                                                 else Verify(task): for an Outgoing to the claimed domain
//!                                                        Outgoing::verify(task) ... Verdict
//!     Accepted       <--- db:result ----          Incoming::conclude(verdict): Authenticated
//!     send(stanza)   ------------------>          Stanza, if its pair is authenticated; else the stream ends
//! ```
//!
//! What is proved to whom: the receiving server learns who the *initiating* one is. The initiating server knows the
//! receiving one by its certificate alone, and where that is not good sends to whoever answers at the addresses of the
//! domain; a policy of [`ServerAuthentication::Certificate`](crate::policy::ServerAuthentication::Certificate) rules
//! that out.
//!
//! Who makes the connections is the application, or `io::tokio::Federation`. One that moves the octets by itself:
//!
//! ```
//! use std::io::{ErrorKind, Read, Write};
//! use std::net::TcpStream;
//! use std::time::Instant;
//! use xmpp_tls::federation::{Event, Incoming};
//! use xmpp_tls::{Engine, Output};
//!
//! fn serve(mut link: Incoming, mut socket: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
//!     let mut buffer = [0; 16 * 1024];
//!     loop {
//!         match link.poll_output()? {
//!             Output::Transmit(bytes) => socket.write_all(&bytes)?,
//!             Output::Event(Event::Stanza(stanza)) => println!("{}", stanza.as_str()), // its pair is authenticated
//!             Output::Event(Event::Verify(task)) => {
//!                 // Give it to an `Outgoing::for_verification` to `task.domain()`, whose `Event::Verdict` goes to
//!                 // `link.conclude`; here nobody is asked.
//!                 let verdict = task.fail(xmpp_tls::federation::VerificationFailure::NoConnection);
//!                 link.conclude(verdict, Instant::now())?;
//!             }
//!             Output::Event(Event::Closed(_)) => return Ok(()),
//!             Output::Event(event) => println!("{event:?}"),
//!             Output::WantsInput(until) => {
//!                 let wait = until.map(|until| until.saturating_duration_since(Instant::now()));
//!                 socket.set_read_timeout(wait.map(|wait| wait.max(std::time::Duration::from_millis(1))))?;
//!                 match socket.read(&mut buffer) {
//!                     Ok(0) => link.handle_eof(Instant::now())?,
//!                     Ok(octets) => link.handle_input(Instant::now(), &buffer[..octets])?,
//!                     Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
//!                         link.handle_timeout(Instant::now())?;
//!                     }
//!                     Err(error) => return Err(error.into()),
//!                 }
//!             }
//!         }
//!     }
//! }
//! ```

mod config;
mod core;
mod event;
mod external;
mod incoming;
mod outgoing;
mod verification;
mod worth;

pub use config::FederationConfig;
pub use event::{AuthenticatedPair, Event, Refusal, Rejection};
pub use incoming::Incoming;
pub use outgoing::Outgoing;
pub use xmpp_dialback::{
    Authoritative, DialbackSecret, DialbackSecrets, Limits, Method, NotAsked, Pair, StreamNumber, Verdict,
    VerificationFailure, VerifyTask,
};
