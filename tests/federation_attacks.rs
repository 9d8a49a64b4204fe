//! What a server tries that owns domains, certificates and streams, and wants more than it can prove.

mod common;

use common::network::{Network, OFFER, pair};
use xmpp_tls::policy::{Overrides, Policy, Scope, ServerAuthentication};
use xmpp_tls::{ErrorKind, StreamCondition};
use xmpp_tls_testkit::LeafSpec;

const DIALBACK: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <dialback xmlns='urn:xmpp:features:dialback'/></stream:features>";

fn claim(from: &str, to: &str) -> String {
    format!("<db:result xmlns:db='jabber:server:dialback' from='{from}' to='{to}'>c0ffee</db:result>")
}

/// More than the default: a certificate, and keys that nobody here has.
fn strict() -> Overrides {
    let mut policy = Policy::default();
    policy.servers = ServerAuthentication::Certificate;
    policy.keys.curve_bits = 384;
    Overrides::new().with(Scope::all().peer("strict.example".parse().unwrap()), policy)
}

/// Or else a peer could begin the stream anew in our eyes, and with it every bound and every proof.
#[test]
fn features_come_once() {
    for offer in [OFFER, DIALBACK] {
        let mut network = Network::new();
        for domain in ["a.example", "b.example"] {
            let certificate = network.ca.issue(LeafSpec::for_domain(domain));
            network.server(domain, certificate, |spec| spec.bidi = true);
        }
        let mut rogue = network.rogue_server_that_offers(offer, "a.example", "b.example");
        assert!(rogue.out.may_send(&pair("a.example", "b.example")));
        rogue.say(offer);
        let error = rogue.error.as_ref().unwrap();
        assert!(matches!(error.kind(), ErrorKind::Unexpected { .. }), "{error}");
    }
}

#[test]
fn a_peer_that_claims_in_vain_too_often_is_refused() {
    for to in ["b.example", "elsewhere.example"] {
        let mut network = Network::new();
        network.self_signed("a.example");
        let certificate = network.ca.issue(LeafSpec::for_domain("b.example"));
        network.server("b.example", certificate, |spec| spec.server_overrides = strict());
        let mut rogue = network.rogue("a.example", "b.example");
        for _ in 0..32 {
            rogue.say(&claim("strict.example", to));
            assert!(rogue.error.is_none(), "{:?}", rogue.error);
        }
        rogue.say(&claim("strict.example", to));
        let last = rogue.heard.last().unwrap();
        assert!(last.contains(StreamCondition::POLICY_VIOLATION.name()), "{to}: {last}");
        assert!(
            !rogue.log.iter().any(|line| line.starts_with("verify")),
            "{:?}",
            rogue.log
        );
    }
}

#[test]
fn the_keys_that_one_domain_demands_are_demanded_on_a_stream_for_another() {
    for from in ["strict.example", "other.example"] {
        let mut network = Network::new();
        network.good("strict.example");
        network.good("other.example");
        let certificate = network.ca.issue(LeafSpec::for_domain("b.example"));
        network.server("b.example", certificate, |spec| spec.server_overrides = strict());
        let mut rogue = network.rogue_as("strict.example", from, "b.example");
        if rogue.error.is_none() {
            rogue.say(&claim("strict.example", "b.example"));
        }
        assert!(
            !rogue.log.iter().any(|line| line.starts_with("authenticated")),
            "{from}: {:?}",
            rogue.log
        );
    }
}

#[test]
fn what_a_further_target_demands_is_demanded_on_a_stream_to_another() {
    let mut network = Network::new();
    let certificate = network
        .ca
        .issue(LeafSpec::for_domain("lax.example").dns("strict.example"));
    network.server("lax.example", certificate, |spec| spec.domains.push("strict.example"));
    let certificate = network.ca.issue(LeafSpec::for_domain("us.example"));
    network.server("us.example", certificate, |spec| spec.client_overrides = strict());
    let link = network.open("us.example", "lax.example");
    let now = network.clock.now();
    let further = pair("us.example", "strict.example");
    let refused = network.links[link].out.claim(further.clone(), now).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Policy(_)), "{refused}");
    network.settle();
    assert!(!network.links[link].out.may_send(&further));
}

/// What is asked for before the stream is ready waits, but not without end, and not if it can never be asked there.
#[test]
fn claims_that_wait_for_a_stream_are_bounded() {
    let mut network = Network::new();
    network.self_signed("a.example");
    network.good("b.example");
    network.good("c.example");
    let mut waiting = network.unopened("b.example", "a.example");
    let now = network.clock.now();
    let task = |network: &Network| {
        let mut rogue = network.rogue("a.example", "b.example");
        rogue.say(&claim("a.example", "b.example"));
        rogue.claims.pop().unwrap()
    };
    for _ in 0..128 {
        waiting.verify(task(&network), None, now).unwrap();
    }
    let refused = waiting.verify(task(&network), None, now).unwrap_err();
    assert!(refused.to_string().contains("128"), "{refused}");
    let mut elsewhere = network.unopened("b.example", "c.example");
    let refused = elsewhere.verify(task(&network), None, now).unwrap_err();
    assert!(refused.to_string().contains("a.example"), "{refused}");
}

/// One read can hold thousands of them.
#[test]
fn what_comes_behind_our_closing_tag_is_dropped_however_much_it_is() {
    let mut network = Network::new();
    network.good("a.example");
    network.good("b.example");
    let mut rogue = network.rogue("a.example", "b.example");
    rogue.close();
    rogue.say_often("<iq/>", 100_000);
    assert!(rogue.error.is_none(), "{:?}", rogue.error);
}

/// What we send to a server satisfies our policy for sending to it, whoever opened the stream (XEP-0288).
#[test]
fn what_we_demand_of_a_server_that_we_send_to_is_demanded_on_its_stream_too() {
    for is_strict in [true, false] {
        let mut network = Network::new();
        let certificate = network.ca.issue(LeafSpec::for_domain("strict.example"));
        network.server("strict.example", certificate, |spec| spec.bidi = true);
        let certificate = network.ca.issue(LeafSpec::for_domain("us.example"));
        network.server("us.example", certificate, |spec| {
            spec.bidi = true;
            if is_strict {
                spec.client_overrides = strict();
            }
        });
        let link = network.open("strict.example", "us.example");
        let link = &network.links[link];
        assert!(link.inc.is_bidi());
        let may_send = link.inc.may_send(&pair("us.example", "strict.example"));
        assert_eq!(may_send, !is_strict, "{:?}", link.inc_log);
    }
}
