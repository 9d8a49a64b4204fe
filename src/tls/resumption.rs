use crate::policy::{Policy, Resumption};
use pki_types::UnixTime;
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls_core::{Domain, Side, StreamKind};

/// Everything that a TLS session is bound to besides the certificates: a session that was made in one scope
/// must not be offered or accepted in another.
///
/// Engines compare scopes and look into none. A handshake without one must be a full one, and nothing may be
/// kept of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResumptionScope {
    bound_to: Arc<[String]>,
    lifetime: Duration,
}

impl ResumptionScope {
    /// `domain` is the one wanted, if we initiate; what the receiving side serves is told apart by the
    /// certificate it shows. `local` is who we say we are.
    pub(crate) fn new(
        policy: &Policy,
        (kind, side): (StreamKind, Side),
        direct: bool,
        domain: Option<&Domain>,
        local: Option<String>,
    ) -> Option<Self> {
        match policy.resumption {
            Resumption::Off => return None,
            Resumption::Allowed => {}
        }
        let connection = [
            kind.to_string(),
            format!("{side:?}"),
            if direct { "direct TLS" } else { "STARTTLS" }.to_owned(),
            domain.map(Domain::to_string).unwrap_or_default(),
            local.unwrap_or_default(),
        ];
        Some(ResumptionScope {
            bound_to: connection.into_iter().chain(policy.fingerprint()).collect(),
            lifetime: policy.resumption_lifetime.min(Resumption::LONGEST),
        })
    }

    /// When a session whose full handshake was at the time `full` may not be resumed any more. Each resumption makes a
    /// new session, whose full handshake is still that one: on the receiving side an engine carries its time along
    /// ([`PeerCheck`](crate::tls::PeerCheck) does on the other).
    pub fn until(&self, full: UnixTime) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(full.as_secs()).saturating_add(self.lifetime))
    }
}
