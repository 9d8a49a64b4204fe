//! SASL EXTERNAL with TLS certificates (XEP-0178, RFC 6120 sections 6.3.4, 6.3.8 and 13.7.2.2): who may
//! log in as whom, as functions of what is known and nothing else.
//!
//! A server asks [`ClientLogin`] about users and [`ServerLogin`] about other servers: whether to offer
//! EXTERNAL at all, and what comes of an `<auth/>`. What that element says is read by
//! [`InitialResponse`], which also writes it for the other side.
//!
//! ```
//! use xmpp_identity::external::{ClientLogin, InitialResponse, Mapping};
//! # use xmpp_identity::{ChainStatus, PresentedIds};
//! # fn example(status: &ChainStatus, presented: &PresentedIds) -> Result<(), Box<dyn std::error::Error>> {
//! let domain = "example.org".parse()?;
//! let login = ClientLogin { domain: &domain, status, presented, mapping: Mapping::None };
//! if login.offers_external() {
//!     // <auth mechanism='EXTERNAL'>anVsaWV0QGV4YW1wbGUub3Jn</auth>
//!     let response = InitialResponse::decode("anVsaWV0QGV4YW1wbGUub3Jn")?;
//!     let account = login.decide(response.authzid(), None)?; // juliet@example.org
//! }
//! # Ok(()) }
//! ```

mod account;
mod client;
mod response;
mod server;

pub use account::{Account, AccountError};
pub use client::{ClientLogin, Mapping};
pub use response::InitialResponse;
pub use server::{ServerLogin, ServerRefusal};

/// Why EXTERNAL fails, as the SASL error conditions of RFC 6120 section 6.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Failure {
    /// The certificate proves nothing that would do.
    #[error("the certificate does not authorise anybody here")]
    NotAuthorized,
    /// It does not prove what is asked for, or what is asked for is not said and not clear.
    #[error("the certificate does not authorise acting as that identity, or several and none was named")]
    InvalidAuthzid,
    /// The response is not base64 as RFC 4648 section 4 writes it.
    #[error("the response is not strict base64")]
    IncorrectEncoding,
    /// The response is base64 of something that cannot be an identity.
    #[error("the response is no identity")]
    MalformedRequest,
}

impl Failure {
    /// The element in `<failure/>`: `not-authorized`.
    pub fn condition(self) -> &'static str {
        match self {
            Failure::NotAuthorized => "not-authorized",
            Failure::InvalidAuthzid => "invalid-authzid",
            Failure::IncorrectEncoding => "incorrect-encoding",
            Failure::MalformedRequest => "malformed-request",
        }
    }
}
