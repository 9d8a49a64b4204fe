use super::Policy;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use xmpp_tls_core::{Domain, DomainError, Side, StreamKind};

/// Which connections an override is for. What is not narrowed down matches everything.
///
/// ```
/// use xmpp_tls::policy::Scope;
/// use xmpp_tls::{Side, StreamKind};
///
/// let partners = Scope::all().kind(StreamKind::ServerToServer).peer("*.example.org".parse()?);
/// let what_we_dial = Scope::all().side(Side::Initiating);
/// # Ok::<(), xmpp_tls::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    kind: Option<StreamKind>,
    side: Option<Side>,
    peer: Option<Peer>,
}

impl Scope {
    /// Every connection.
    pub fn all() -> Self {
        Scope::default()
    }

    /// Streams of this kind only.
    pub fn kind(mut self, kind: StreamKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Connections on which we are this side only: initiating is outbound, receiving is inbound.
    pub fn side(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// These peers only. A client has no domain before it logs in, so that this never matches one.
    pub fn peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    fn matches(&self, kind: StreamKind, side: Side, peer: Option<&Domain>) -> bool {
        self.kind.is_none_or(|wanted| wanted == kind)
            && self.side.is_none_or(|wanted| wanted == side)
            && self
                .peer
                .as_ref()
                .is_none_or(|wanted| peer.is_some_and(|peer| wanted.matches(peer)))
    }

    fn weight(&self) -> (usize, usize) {
        let peer = match &self.peer {
            Some(Peer::Exactly(_)) => usize::MAX,
            Some(Peer::Below(suffix)) => suffix.to_ascii().len(),
            None => 0,
        };
        (
            peer,
            usize::from(self.kind.is_some()) + usize::from(self.side.is_some()),
        )
    }
}

/// A peer's domain, or everything below one. Written `example.org` and `*.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// This domain.
    Exactly(Domain),
    /// Every domain below this one, at any depth, and not this one itself.
    Below(Domain),
}

impl Peer {
    fn matches(&self, domain: &Domain) -> bool {
        match self {
            Peer::Exactly(wanted) => domain == wanted,
            Peer::Below(suffix) => domain
                .to_ascii()
                .strip_suffix(suffix.to_ascii())
                .is_some_and(|rest| rest.ends_with('.')),
        }
    }
}

impl FromStr for Peer {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        match text.strip_prefix("*.") {
            Some(suffix) => suffix.parse().map(Peer::Below),
            None => text.parse().map(Peer::Exactly),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Exactly(domain) => write!(f, "{domain}"),
            Peer::Below(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

/// Policies for connections that differ from the rest.
///
/// The narrowest one applies: first by peer (a domain before the longest suffix before none), then by how
/// many of kind and side are given; among equals the one added last. An override is a whole policy: nothing
/// of a wider one shows through.
///
/// ```
/// use xmpp_tls::policy::{Overrides, Policy, Scope};
/// use xmpp_tls::{Side, StreamKind};
///
/// let overrides = Overrides::new()
///     .with(Scope::all().kind(StreamKind::ServerToServer), Policy::default())
///     .with(Scope::all().peer("bank.example".parse()?), Policy::modern());
/// let bank = "bank.example".parse()?;
/// let policy = overrides.find(StreamKind::ServerToServer, Side::Initiating, Some(&bank));
/// assert_eq!(policy.map(|policy| &**policy), Some(&Policy::modern()));
/// # Ok::<(), xmpp_tls::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    entries: Vec<(Scope, Arc<Policy>)>,
}

impl Overrides {
    /// None.
    pub fn new() -> Self {
        Overrides::default()
    }

    /// Adds one.
    pub fn with(mut self, scope: Scope, policy: Policy) -> Self {
        self.entries.push((scope, Arc::new(policy)));
        self
    }

    /// The one that applies to a connection, if any does.
    pub fn find(&self, kind: StreamKind, side: Side, peer: Option<&Domain>) -> Option<&Arc<Policy>> {
        self.entries
            .iter()
            .filter(|(scope, _)| scope.matches(kind, side, peer))
            .max_by_key(|(scope, _)| scope.weight())
            .map(|(_, policy)| policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy that can be told from the others.
    fn marked(seconds: u64) -> Policy {
        let mut policy = Policy::default();
        policy.timeouts.close = std::time::Duration::from_secs(seconds);
        policy
    }

    fn found(overrides: &Overrides, kind: StreamKind, side: Side, peer: Option<&str>) -> Option<u64> {
        let peer: Option<Domain> = peer.map(|peer| peer.parse().unwrap());
        let policy = overrides.find(kind, side, peer.as_ref())?;
        Some(policy.timeouts.close.as_secs())
    }

    #[test]
    fn the_narrowest_override_applies() {
        use Side::{Initiating, Receiving};
        use StreamKind::{ClientToServer, ServerToServer};
        let peer = |text: &str| Scope::all().peer(text.parse().unwrap());
        let overrides = Overrides::new()
            .with(peer("a.example"), marked(1))
            .with(peer("*.example"), marked(2))
            .with(peer("*.b.example"), marked(3))
            .with(Scope::all().kind(ServerToServer).side(Receiving), marked(4))
            .with(Scope::all().kind(ServerToServer), marked(5))
            .with(peer("*.example").kind(ServerToServer), marked(6))
            .with(peer("a.example").side(Receiving), marked(7))
            .with(peer("a.example").side(Receiving), marked(8));
        for (kind, side, peer, expected) in [
            (ClientToServer, Initiating, Some("a.example"), Some(1)),
            (ClientToServer, Receiving, Some("a.example"), Some(8)),
            (ClientToServer, Initiating, Some("c.example"), Some(2)),
            (ServerToServer, Initiating, Some("c.example"), Some(6)),
            (ServerToServer, Initiating, Some("x.b.example"), Some(3)),
            (ServerToServer, Initiating, Some("b.example"), Some(6)),
            (ServerToServer, Receiving, Some("other.test"), Some(4)),
            (ServerToServer, Initiating, Some("other.test"), Some(5)),
            (ServerToServer, Receiving, None, Some(4)),
            (ClientToServer, Receiving, None, None),
            (ClientToServer, Initiating, Some("example"), None),
            (ClientToServer, Initiating, Some("notexample"), None),
        ] {
            assert_eq!(
                found(&overrides, kind, side, peer),
                expected,
                "{kind} {side:?} {peer:?}"
            );
        }
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in ["example.org", "*.example.org"] {
            assert_eq!(text.parse::<Peer>().unwrap().to_string(), text);
        }
        for wrong in ["", "*", "*.", "a.*.example", "*example.org"] {
            assert!(wrong.parse::<Peer>().is_err(), "{wrong:?}");
        }
    }
}
