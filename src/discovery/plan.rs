//! From answers to endpoints in order.

use super::{Answer, DnsSecurity, Endpoint, LookupError, SrvRecord, order};
use crate::session::{Mode, Target};
use std::collections::BTreeMap;
use xmpp_tls_core::{Domain, StreamKind};

/// How many candidates there are at most: nobody has more servers, and a stranger's zone may list any number.
const MOST: usize = 32;

/// One way to reach a domain's service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// Where to connect.
    pub endpoint: Endpoint,
    /// How TLS begins there.
    pub mode: Mode,
    /// Whether DNSSEC vouches for the record that named it. It never changes whom the certificate must name.
    pub security: DnsSecurity,
}

/// Why there is nowhere to connect to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The domain says that it has no such service (RFC 2782: the target `.`).
    #[error("{domain} does not offer {kind} streams: its SRV record says so")]
    NotOffered {
        /// Which domain.
        domain: Domain,
        /// Which kind.
        kind: StreamKind,
    },
    /// An answer cannot be used.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

/// The name to ask for SRV records, absolute, for one way of TLS (RFC 6120 section 3.2.1, XEP-0368 section 3).
/// `None` where the domain is an address, which has no records.
///
/// ```
/// use xmpp_tls::discovery::service_name;
/// use xmpp_tls::session::{Mode, Target};
///
/// let client = Target::new("bücher.example".parse()?);
/// let name = service_name(&client, Mode::DirectTls);
/// assert_eq!(name.as_deref(), Some("_xmpps-client._tcp.xn--bcher-kva.example."));
/// # Ok::<(), xmpp_tls::DomainError>(())
/// ```
pub fn service_name(target: &Target, mode: Mode) -> Option<String> {
    let service = match (mode, target.kind()) {
        (Mode::StartTls, StreamKind::ClientToServer) => "_xmpp-client",
        (Mode::StartTls, StreamKind::ServerToServer) => "_xmpp-server",
        (Mode::DirectTls, StreamKind::ClientToServer) => "_xmpps-client",
        (Mode::DirectTls, StreamKind::ServerToServer) => "_xmpps-server",
    };
    let domain = target.domain();
    domain
        .ip()
        .is_none()
        .then(|| format!("{service}._tcp.{}.", domain.to_ascii()))
}

/// Where to connect, in order, given what was found under the two [`service_name`]s.
///
/// Records of both are one list (XEP-0368 section 3): by priority, direct TLS before STARTTLS where that is
/// equal (RFC 9325 section 3.2), then by weight. Where there are none at all the domain itself is tried at the
/// registered port (RFC 6120 section 3.2.2), and so it is if nobody answers: whoever suppresses answers decides
/// where we connect and nothing else. Where there are records, nothing but they are tried. One whose target is `.` is
/// such a record: it rules out its way of TLS, and the domain itself, also where the other way has no records (XEP-0368
/// section 5). For a target that
/// asks for direct TLS, STARTTLS is no way to reach it. `random` gives any number; of more than 32 records the first in
/// this order are used.
///
/// # Errors
///
/// [`DiscoveryError::NotOffered`] if the records rule out every way, [`LookupError::NoAnswer`] if they rule out one and
/// nobody answered about the other, and [`LookupError::Bogus`].
pub fn plan(
    target: &Target,
    starttls: Result<Answer<SrvRecord>, LookupError>,
    direct_tls: Result<Answer<SrvRecord>, LookupError>,
    random: &mut dyn FnMut() -> u64,
) -> Result<Vec<Candidate>, DiscoveryError> {
    // Ordered by the keys: direct TLS has rank 0.
    let mut by_priority: BTreeMap<(u16, u8), (Mode, DnsSecurity, Vec<SrvRecord>)> = BTreeMap::new();
    let mut refused = false;
    let mut unproved = DnsSecurity::Secure;
    let mut unanswered = None;
    for (mode, rank, found) in [(Mode::DirectTls, 0, direct_tls), (Mode::StartTls, 1, starttls)] {
        if mode == Mode::StartTls && target.mode() == Mode::DirectTls {
            continue;
        }
        let answer = match found {
            Ok(answer) => answer,
            Err(error @ LookupError::NoAnswer { .. }) => {
                unproved = DnsSecurity::Insecure;
                unanswered = Some(error);
                continue;
            }
            Err(bogus @ LookupError::Bogus { .. }) => return Err(bogus.into()),
        };
        if answer.security == DnsSecurity::Insecure {
            unproved = DnsSecurity::Insecure;
        }
        for record in answer.records {
            if record.is_refusal() {
                refused = true;
                continue;
            }
            let (_, _, equals) =
                by_priority
                    .entry((record.priority, rank))
                    .or_insert((mode, answer.security, Vec::new()));
            equals.push(record);
        }
    }
    if by_priority.is_empty() {
        return match (refused, unanswered) {
            (true, None) => Err(DiscoveryError::NotOffered {
                domain: target.domain().clone(),
                kind: target.kind(),
            }),
            (true, Some(error)) => Err(error.into()),
            (false, _) => Ok(vec![Candidate {
                endpoint: Endpoint::default_for(target),
                mode: target.mode(),
                security: unproved,
            }]),
        };
    }
    let candidates = by_priority.into_values().flat_map(|(mode, security, equals)| {
        order::by_weight(equals, MOST, random)
            .into_iter()
            .map(move |record| Candidate {
                endpoint: Endpoint::new(record.target.trim_end_matches('.'), record.port),
                mode,
                security,
            })
    });
    Ok(candidates.take(MOST).collect())
}
