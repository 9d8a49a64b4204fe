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
//! Who makes the connections is the application, or `io::tokio::Federation`.

mod config;
mod core;
mod event;
mod external;
mod incoming;
mod outgoing;
#[cfg(feature = "tokio")]
mod verification;
mod worth;

pub use config::FederationConfig;
pub use event::{AuthenticatedPair, Event, Refusal, Rejection};
pub use incoming::Incoming;
pub use outgoing::Outgoing;
#[cfg(feature = "tokio")]
pub(crate) use verification::failure;
pub use xmpp_dialback::{
    DialbackSecret, DialbackSecrets, Method, Pair, StreamNumber, Verdict, VerificationFailure, VerifyTask,
};
