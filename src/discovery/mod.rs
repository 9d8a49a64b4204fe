//! Where a domain's service is: SRV records (RFC 6120 section 3.2, RFC 2782), for STARTTLS and direct TLS
//! together (XEP-0368), and when to come back after a failure.
//!
//! Nothing here does I/O: answers come in, an ordered list of [`Candidate`]s comes out. The drivers of
//! [`io`](crate::io) look up, dial and go on to the next one.
//!
//! DNS decides where to connect and never whom to believe: the certificate must be good for the domain,
//! whatever host an answer names (RFC 6120 section 13.7.2.1).

mod answer;
mod endpoint;
mod order;
mod plan;
mod reconnect;

pub use answer::{Answer, DnsSecurity, LookupError, SrvRecord};
pub use endpoint::Endpoint;
pub use plan::{Candidate, DiscoveryError, plan, service_name};
pub use reconnect::Reconnect;
