//! Resumed TLS sessions: only where both policies allow it, and never across anything that decided about the
//! first one. Each boundary is tried: whatever differs must end in a full handshake.

mod common;

use common::{DOMAIN, World, domain, element};
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::danger::UnverifiedPeerAccepted;
use xmpp_tls::identity::{Pin, Pins};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::policy::{AuthenticationPolicy, MinimumVersion, Policy, Resumption};
use xmpp_tls::session::{ClientConfig, Event, ServerConfig, Session, Target};
use xmpp_tls::stream::StreamError;
use xmpp_tls::tls::rustls::{Certificates, RustlsAcceptor};
use xmpp_tls::{ErrorKind, Now, StreamCondition};
use xmpp_tls_testkit::{LeafSpec, Pair};

fn allowing() -> Policy {
    let mut policy = Policy::default();
    policy.resumption = Resumption::Allowed;
    policy
}

/// Both sides of one deployment, which all connections of a test share.
struct Deployment {
    world: World,
    client: ClientConfig,
    server: ServerConfig,
    acceptor: RustlsAcceptor,
    now: Now,
}

impl Deployment {
    fn new() -> Self {
        let world = World::new();
        let acceptor = RustlsAcceptor::new(world.provider.clone());
        let issued = world.ca.issue(LeafSpec::for_domain(DOMAIN).dns("b.example"));
        let chain = || issued.chain.clone();
        let both = Certificates::new(world.provider.clone())
            .with(domain(DOMAIN), chain(), issued.key())
            .and_then(|set| set.with(domain("b.example"), chain(), issued.key()))
            .unwrap();
        acceptor.reload(both);
        Deployment {
            client: world.client_config().with_policy(allowing()),
            server: ServerConfig::new(acceptor.clone()).with_policy(allowing()),
            now: world.now(),
            acceptor,
            world,
        }
    }

    fn connect(&self, target: Target) -> Pair<Session, Session> {
        let mode = target.mode();
        let client = Session::client(Arc::new(self.client.clone()), target, self.now).unwrap();
        let server = Session::server(Arc::new(self.server.clone()), mode, self.now).unwrap();
        let mut pair = Pair::new(client, server, self.world.clock);
        pair.b.react(common::offer_login);
        pair.drive();
        pair
    }

    /// Whether a connection was resumed; both sides agree about it, and it ends here.
    fn resumed(&self, target: Target) -> bool {
        let pair = self.connect(target);
        pair.assert_no_error();
        let [ours, theirs] = [&pair.a, &pair.b].map(|end| end.engine.report().unwrap().tls().unwrap().resumed);
        assert_eq!(ours, theirs);
        ours
    }

    fn to_domain(&self) -> bool {
        self.resumed(Target::new(domain(DOMAIN)))
    }
}

#[test]
fn tlsp_36_a_resumed_session_has_the_verdict_and_the_certificate_of_the_first() {
    let deployment = Deployment::new();
    for target in [Target::new(domain(DOMAIN)), Target::new(domain(DOMAIN)).direct_tls()] {
        let first = deployment.connect(target.clone());
        first.assert_no_error();
        let full = first.a.engine.report().unwrap().clone();
        assert!(!full.tls().unwrap().resumed);
        drop(first);
        let second = deployment.connect(target);
        second.assert_no_error();
        assert!(
            matches!(second.a.events.first(), Some(Event::Secured(_))),
            "{:?}",
            second.a.events
        );
        let report = second.a.engine.report().unwrap();
        assert!(report.tls().unwrap().resumed && report.is_authenticated(), "{report}");
        assert!(report.to_string().contains("resumed       yes"), "{report}");
        assert_eq!(report.authentication(), full.authentication());
        assert_eq!(report.tls().unwrap().peer_chain, full.tls().unwrap().peer_chain);
        assert!(report.tls().unwrap().forward_secret && report.tls().unwrap().key_exchange.is_some());
        assert_ne!(report.channel_bindings().first(), full.channel_bindings().first());
        assert_eq!(
            report.channel_bindings(),
            second.b.engine.report().unwrap().channel_bindings()
        );
    }
}

#[test]
fn nothing_is_resumed_unless_both_sides_allow_it() {
    for (client, server) in [(false, false), (true, false), (false, true)] {
        let mut deployment = Deployment::new();
        let policy = |allowed| if allowed { allowing() } else { Policy::default() };
        deployment.client.policy = policy(client);
        deployment.server.policy = policy(server);
        assert!(!deployment.to_domain());
        assert!(!deployment.to_domain(), "client {client}, server {server}");
    }
    let deployment = Deployment::new();
    assert!(!deployment.to_domain());
    assert!(deployment.to_domain(), "and where both do, it is");
}

/// Each session is good for one resumption, which makes the next one.
#[test]
fn a_ticket_is_used_once() {
    let deployment = Deployment::new();
    assert!(!deployment.to_domain());
    let second = deployment.connect(Target::new(domain(DOMAIN)));
    let third = deployment.connect(Target::new(domain(DOMAIN)));
    let resumed = |pair: &Pair<Session, Session>| pair.a.engine.report().unwrap().tls().unwrap().resumed;
    assert!(resumed(&second));
    assert!(!resumed(&third), "the only ticket was spent");
    drop((second, third));
    assert!(deployment.to_domain());
}

/// Kept for one of these, it is good for none of the others.
#[test]
fn tlsp_36_no_session_crosses_domain_kind_start_or_who_we_are() {
    let other_names =
        ["juliet@example.org", "romeo@example.org"].map(|account| Target::new(domain(DOMAIN)).with_account(account));
    let targets: Vec<Target> = [
        Target::new(domain(DOMAIN)),
        Target::new(domain("b.example")),
        Target::new(domain(DOMAIN)).direct_tls(),
    ]
    .into_iter()
    .chain(other_names)
    .collect();
    let deployment = Deployment::new();
    for target in &targets {
        assert!(!deployment.resumed(target.clone()), "{target:?}");
    }
    for target in &targets {
        assert!(deployment.resumed(target.clone()), "{target:?}");
    }
}

/// The client's side of the boundary: it does not even offer the session.
#[test]
fn tlsp_36_no_session_crosses_policies_of_the_client() {
    type Change = (&'static str, fn(&mut Policy));
    let stricter: [Change; 2] = [
        ("minimum version", |policy| {
            policy.minimum_version = MinimumVersion::Tls13
        }),
        ("authentication", |policy| {
            policy.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
        }),
    ];
    for (what, change) in stricter {
        let mut deployment = Deployment::new();
        assert!(!deployment.to_domain());
        change(&mut deployment.client.policy);
        assert!(!deployment.to_domain(), "{what}");
        assert!(deployment.to_domain(), "{what}: its own session is resumed");
    }
    // What has nothing to do with TLS does not matter.
    let mut deployment = Deployment::new();
    assert!(!deployment.to_domain());
    deployment.client.policy.timeouts.close = Duration::from_secs(1);
    assert!(deployment.to_domain());
}

#[test]
fn tlsp_36_no_session_crosses_policies_of_the_server() {
    let mut deployment = Deployment::new();
    assert!(!deployment.to_domain());
    deployment.server.policy.minimum_version = MinimumVersion::Tls13;
    assert!(!deployment.to_domain());
    assert!(deployment.to_domain());
}

#[test]
fn tlsp_36_no_session_crosses_anchors_or_pins() {
    let mut deployment = Deployment::new();
    assert!(!deployment.to_domain());
    // The same anchors in another verifier are other anchors, as far as can be told.
    let before = deployment.client.verifier.clone();
    deployment.client.verifier = deployment.world.client_config().verifier;
    assert!(!deployment.to_domain());
    let pinned = before.with_source(Pins::new().pin(domain(DOMAIN), [Pin::Key([0; 32])]));
    deployment.client.verifier = pinned;
    let refused = deployment.connect(Target::new(domain(DOMAIN)));
    let error = refused.a.error.as_ref().unwrap();
    assert!(error.identity().is_some(), "{error}");
}

/// The certificate of the earlier session is judged at the time of the later one.
#[test]
fn a_session_does_not_outlive_its_certificate() {
    let mut deployment = Deployment::new();
    let begin = deployment.now.wall.as_secs();
    let hour = 3600;
    let brief = LeafSpec::for_domain(DOMAIN).validity(begin - hour, begin + hour);
    let issued = deployment.world.ca.issue(brief);
    let set = Certificates::new(deployment.world.provider.clone());
    deployment
        .acceptor
        .reload(set.with(domain(DOMAIN), issued.chain.clone(), issued.key()).unwrap());
    assert!(!deployment.to_domain());
    deployment.now.wall = UnixTime::since_unix_epoch(Duration::from_secs(begin + 2 * hour));
    let refused = deployment.connect(Target::new(domain(DOMAIN)));
    let error = refused.a.error.as_ref().unwrap();
    assert!(
        error.identity().is_some() && error.to_string().contains("expired"),
        "{error}"
    );
}

/// Whatever a client remembers.
#[test]
fn a_server_forgets_after_a_day() {
    let mut deployment = Deployment::new();
    let begin = deployment.now.wall.as_secs();
    for (after, resumed) in [(0, false), (86_399, true), (86_399 + 86_400, false)] {
        deployment.now.wall = UnixTime::since_unix_epoch(Duration::from_secs(begin + after));
        assert_eq!(deployment.to_domain(), resumed, "{after}");
    }
}

/// Whether each of these connections is resumed; times in hours from the first, with the lifetimes of client and
/// server in days.
#[track_caller]
fn chain((client, server): (u64, u64), connections: &[(u64, bool)]) {
    let mut deployment = Deployment::new();
    let begin = deployment.now.wall.as_secs();
    // Longer than the chain is to be.
    let long = LeafSpec::for_domain(DOMAIN).validity(begin - 3600, begin + 365 * 86_400);
    let issued = deployment.world.ca.issue(long);
    let set = Certificates::new(deployment.world.provider.clone());
    deployment
        .acceptor
        .reload(set.with(domain(DOMAIN), issued.chain.clone(), issued.key()).unwrap());
    deployment.client.policy.resumption_lifetime = Duration::from_secs(client * 86_400);
    deployment.server.policy.resumption_lifetime = Duration::from_secs(server * 86_400);
    for (hour, resumed) in connections {
        deployment.now.wall = UnixTime::since_unix_epoch(Duration::from_secs(begin + hour * 3600));
        assert_eq!(deployment.to_domain(), *resumed, "hour {hour}");
    }
}

/// RFC 8446 section 4.6.1: each ticket is younger than a day all the time, the handshake behind it is not.
#[test]
fn a_chain_of_resumptions_ends_a_lifetime_after_the_full_handshake() {
    let connections = [
        (0, false),
        (12, true),
        (23, true),
        (24, false),
        (35, true),
        (47, true),
        (48, false),
    ];
    // Either side ends it by itself.
    for lifetimes in [(1, 1), (1, 7), (7, 1)] {
        chain(lifetimes, &connections);
    }
    assert_eq!(Policy::default().resumption_lifetime, Duration::from_secs(86_400));
    chain((0, 1), &[(0, false), (0, false)]);
    chain((1, 0), &[(0, false), (0, false)]);
}

#[test]
fn no_chain_of_resumptions_is_longer_than_a_week_whatever_is_set() {
    let hours = (1..8).map(|half_day| (half_day * 23, true));
    let connections: Vec<_> = std::iter::once((0, false)).chain(hours).chain([(168, false)]).collect();
    chain((365, 365), &connections);
    chain((7, 365), &connections);
    chain((365, 7), &connections);
}

/// A peer chooses how much it shows.
#[test]
fn nothing_is_kept_of_a_peer_that_shows_a_huge_chain() {
    for (copies, kept) in [(1, true), (60, false)] {
        let mut deployment = Deployment::new();
        let limits = &mut xmpp_tls::identity::Limits::default();
        limits.certificates = 100;
        deployment.client.verifier = deployment.client.verifier.clone().with_limits(*limits);
        let issued = deployment.world.good_certificate();
        let mut chain = issued.chain.clone();
        chain.extend(std::iter::repeat_n(deployment.world.ca.anchor().clone(), copies));
        let set = Certificates::new(deployment.world.provider.clone());
        let octets: usize = chain.iter().map(|der| der.len()).sum();
        assert_eq!(octets <= 16 * 1024, kept, "{octets}");
        deployment
            .acceptor
            .reload(set.with(domain(DOMAIN), chain, issued.key()).unwrap());
        assert!(!deployment.to_domain());
        assert_eq!(deployment.to_domain(), kept, "{octets} octets");
    }
}

#[test]
fn a_certificate_that_was_replaced_ends_its_sessions() {
    let deployment = Deployment::new();
    assert!(!deployment.to_domain());
    let issued = deployment.world.good_certificate();
    let set = Certificates::new(deployment.world.provider.clone());
    deployment
        .acceptor
        .reload(set.with(domain(DOMAIN), issued.chain.clone(), issued.key()).unwrap());
    let pair = deployment.connect(Target::new(domain(DOMAIN)));
    pair.assert_no_error();
    let tls = pair.a.engine.report().unwrap().tls().unwrap();
    assert!(!tls.resumed);
    assert_eq!(tls.peer_chain.first(), issued.chain.first());
}

/// RFC 6120 section 4.9.3.16: the security context ends with the stream, for who says so and for who hears it.
#[test]
fn never_after_reset_or_any_other_error() {
    for condition in [StreamCondition::RESET, StreamCondition::NOT_AUTHORIZED] {
        for heard in [true, false] {
            let deployment = Deployment::new();
            let mut pair = deployment.connect(Target::new(domain(DOMAIN)));
            if !heard {
                pair.b_to_a.hold();
            }
            let error = StreamError::new(condition);
            pair.b.engine.close_with(&error, deployment.world.clock.now()).unwrap();
            pair.drive();
            assert_eq!(pair.a.error.is_some(), heard, "{condition}");
            drop(pair);
            assert!(!deployment.to_domain(), "{condition}, heard {heard}");
        }
    }
    // A connection that was lost may be taken up again: that is what it is for.
    let deployment = Deployment::new();
    let mut lost = deployment.connect(Target::new(domain(DOMAIN)));
    lost.b_to_a.close();
    lost.drive();
    assert!(matches!(
        lost.a.error.as_ref().unwrap().kind(),
        ErrorKind::Truncated { .. }
    ));
    drop(lost);
    assert!(deployment.to_domain());
}

/// What the server refuses it forgets too: a client that keeps its ticket all the same gains nothing.
#[test]
fn a_server_forgets_what_ended_in_an_error() {
    let deployment = Deployment::new();
    let mut pair = deployment.connect(Target::new(domain(DOMAIN)));
    pair.b_to_a.hold();
    pair.a
        .engine
        .send(&element("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"))
        .unwrap();
    pair.drive();
    assert_eq!(*pair.b.error.as_ref().unwrap().kind(), ErrorKind::StarttlsNotOffered);
    drop(pair);
    assert!(!deployment.to_domain());
}

/// TLS 1.2 would go on with the keys of the earlier session.
#[test]
fn tls_1_2_is_never_resumed() {
    let mut deployment = Deployment::new();
    let mut old = rustls::crypto::ring::default_provider();
    old.cipher_suites.retain(|suite| suite.tls13().is_none());
    let issued = deployment.world.good_certificate();
    let acceptor = RustlsAcceptor::new(Arc::new(old))
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    deployment.server = ServerConfig::new(acceptor).with_policy(allowing());
    assert!(!deployment.to_domain());
    assert!(!deployment.to_domain());
}
