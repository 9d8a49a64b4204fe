use std::fmt;

/// What DNSSEC says about an answer (RFC 4035 section 4.3). A bogus one is no answer but
/// [`LookupError::Bogus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DnsSecurity {
    /// Signed from the root down, and verified here.
    Secure,
    /// Not signed, or not verified: anybody on the path may have written it.
    Insecure,
}

impl fmt::Display for DnsSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DnsSecurity::Secure => "secure",
            DnsSecurity::Insecure => "insecure",
        })
    }
}

/// The records found under a name; none if there are none, or if the name does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// In no particular order.
    pub records: Vec<T>,
    /// Of all of them together, or of the proof that there are none.
    pub security: DnsSecurity,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// Lower is tried first.
    pub priority: u16,
    /// Among equals, how often it comes first.
    pub weight: u16,
    /// The TCP port.
    pub port: u16,
    /// The host, as A-labels; `.` says that the service is not offered.
    pub target: String,
}

impl SrvRecord {
    /// Whether it says that there is no such service.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(&*self.target, "." | "")
    }
}

/// Why there is no answer, not even that there are no records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The answer is not what its zone has signed (RFC 4035 section 4.3): somebody on the path changed it, or
    /// the zone is broken. Nothing of it is used.
    #[error("the DNS answer about {name} fails DNSSEC: it was changed on its way, or the zone is broken")]
    Bogus {
        /// What was asked for.
        name: String,
    },
    /// No server answered.
    #[error("no DNS answer about {name}: {reason}")]
    NoAnswer {
        /// What was asked for.
        name: String,
        /// What the resolver says.
        reason: String,
    },
}
