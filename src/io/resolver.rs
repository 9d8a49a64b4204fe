use crate::discovery::{Answer, LookupError, SrvRecord};
use async_trait::async_trait;
use std::net::IpAddr;

/// Looks names up in the DNS. With the feature `hickory` there is one, `io::hickory::Hickory`.
///
/// Names end in a dot: they are complete, and no search list applies.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The SRV records of a name. A name that does not exist has none.
    ///
    /// # Errors
    ///
    /// Nobody answers, or DNSSEC says that the answer is false.
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError>;

    /// The addresses of a host. A host that does not exist has none.
    ///
    /// # Errors
    ///
    /// As for [`srv`](Self::srv).
    async fn addresses(&self, host: &str) -> Result<Answer<IpAddr>, LookupError>;
}
