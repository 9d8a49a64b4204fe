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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::danger;
    use crate::policy::{AuthenticationPolicy, EncryptionPolicy, ForwardSecrecy, MinimumVersion, ServerAuthentication};
    use std::collections::BTreeSet;

    fn allowing() -> Policy {
        Policy {
            resumption: Resumption::Allowed,
            ..Policy::default()
        }
    }

    fn scope(policy: &Policy) -> ResumptionScope {
        let stream = (StreamKind::ClientToServer, Side::Initiating);
        ResumptionScope::new(policy, stream, false, None, None).unwrap()
    }

    #[test]
    fn tlsp_36_every_kind_side_and_start_has_a_scope_of_its_own() {
        let mut scopes = BTreeSet::new();
        let domains = [None, Some("a.example"), Some("b.example")].map(|name| name.map(|name| name.parse().unwrap()));
        for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
            for side in [Side::Initiating, Side::Receiving] {
                for direct in [false, true] {
                    for domain in &domains {
                        for local in [None, Some("a.example".to_owned()), Some("c.example".to_owned())] {
                            scopes.insert(ResumptionScope::new(
                                &allowing(),
                                (kind, side),
                                direct,
                                domain.as_ref(),
                                local,
                            ));
                        }
                    }
                }
            }
        }
        assert_eq!(scopes.len(), 2 * 2 * 2 * 3 * 3);
    }

    #[test]
    fn tlsp_36_every_setting_about_tls_or_authentication_makes_another_scope() {
        let changes: [fn(&mut Policy); 12] = [
            |policy| {
                policy.encryption = EncryptionPolicy::Opportunistic(
                    danger::PlaintextAccepted::anybody_may_read_and_change_the_stream(),
                );
            },
            |policy| {
                policy.authentication =
                    AuthenticationPolicy::Recorded(danger::UnverifiedPeerAccepted::anybody_may_be_the_peer());
            },
            |policy| policy.servers = ServerAuthentication::Certificate,
            |policy| policy.minimum_version = MinimumVersion::Tls13,
            |policy| policy.forward_secrecy = ForwardSecrecy::Preferred,
            |policy| policy.resumption_lifetime = Duration::from_secs(60),
            |policy| policy.keys.rsa_bits = 3072,
            |policy| policy.keys.curve_bits = 384,
            |policy| policy.keys.hash_bits = 384,
            |policy| policy.whitespace_behind_starttls = true,
            |policy| policy.timeouts.tls = Duration::from_secs(1),
            |policy| policy.limits_after_authentication.depth = 7,
        ];
        let mut changed = BTreeSet::new();
        for change in changes {
            let mut policy = allowing();
            change(&mut policy);
            let [difference] = &policy.differences(&allowing())[..] else {
                panic!("one setting at a time")
            };
            let besides = ["whitespace-", "timeouts.", "limits-"];
            let concerns = !besides.iter().any(|prefix| difference.key.starts_with(prefix));
            assert_eq!(scope(&policy) != scope(&allowing()), concerns, "{difference}");
            changed.extend(concerns.then_some(difference.key));
        }
        // A setting that is added later has to be tried here, or be of those that do not matter.
        let all = allowing().settings().len();
        assert_eq!(
            all - changed.len(),
            1 + 1 + 8 + 2 * 7,
            "resumption itself, white space, times, limits"
        );
    }
}
