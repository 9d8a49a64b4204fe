use std::fmt;

/// What DNSSEC says about an answer (RFC 4035 section 4.3). A bogus one is no answer but
/// [`LookupError::Bogus`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
///
/// ```
/// use xmpp_tls::discovery::{Answer, DnsSecurity, SrvRecord};
///
/// // What a resolver says that does not validate.
/// let answer = Answer::new(vec![SrvRecord::new(10, 0, 5222, "xmpp.example.org.")], DnsSecurity::Insecure);
/// assert_eq!(answer.records[0].port, 5222);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<T> {
    /// In no particular order.
    pub records: Vec<T>,
    /// Of all of them together, or of the proof that there are none.
    pub security: DnsSecurity,
}

impl<T> Answer<T> {
    /// These records, of which this is known.
    pub fn new(records: Vec<T>, security: DnsSecurity) -> Self {
        Answer { records, security }
    }
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
    /// A record with the fields in the order in which zone files have them.
    pub fn new(priority: u16, weight: u16, port: u16, target: impl Into<String>) -> Self {
        SrvRecord {
            priority,
            weight,
            port,
            target: target.into(),
        }
    }

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
