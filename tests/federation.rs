//! Servers that federate, in memory: by which proof a pair is authenticated, and what happens where one fails.

mod common;

use common::network::{Network, message, pair};
use xmpp_tls::policy::{Policy, ServerAuthentication};
use xmpp_tls::session::Mode;
use xmpp_tls::{ErrorKind, StreamCondition};
use xmpp_tls_testkit::{Eku, LeafSpec};

fn certificates_only() -> Policy {
    let mut policy = Policy::default();
    policy.servers = ServerAuthentication::Certificate;
    policy
}

#[test]
fn exts_01_good_certificates_log_in_by_external_and_nobody_is_called_back() {
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let mut network = Network::new();
        network.mode = mode;
        network.good("a.example");
        network.good("b.example");
        let link = network.open("a.example", "b.example");
        let sent = message("a.example", "b.example");
        network.links[link].out.send(&sent).unwrap();
        network.settle();
        let link = &network.links[link];
        assert_eq!(
            link.out_log,
            [
                "secured, authenticated true",
                "accepted a.example to b.example, by SASL EXTERNAL"
            ]
        );
        assert_eq!(
            link.inc_log,
            [
                "secured, authenticated true".to_owned(),
                "authenticated a.example to b.example, by SASL EXTERNAL".to_owned(),
                format!("stanza {}", sent.as_str()),
            ]
        );
        assert_eq!(network.verifications(), 0);
        let report = link.inc.report().unwrap();
        assert_eq!(report.remote_domain(), Some(&"a.example".parse().unwrap()));
        assert_eq!(report.local_domain(), Some(&"b.example".parse().unwrap()));
        assert!(
            report.to_string().starts_with("a.example to b.example (s2s)\n"),
            "{report}"
        );
        let json = serde_json::to_value(&**report).unwrap();
        assert_eq!(
            (&json["initiating_domain"], &json["domain"]),
            (&"a.example".into(), &"b.example".into())
        );
    }
}

#[test]
fn db_80_db_86_a_bad_certificate_is_left_to_dialback_over_tls() {
    let mut network = Network::new();
    network.self_signed("a.example");
    network.good("b.example");
    let link = network.open("a.example", "b.example");
    network.links[link]
        .out
        .send(&message("a.example", "b.example"))
        .unwrap();
    network.settle();
    let link = &network.links[link];
    assert_eq!(
        link.out_log,
        [
            "secured, authenticated true",
            "accepted a.example to b.example, by dialback"
        ]
    );
    assert!(
        link.inc_log.contains(&"verify a.example to b.example".to_owned()),
        "{:?}",
        link.inc_log
    );
    assert_eq!(
        link.inc_log.last().unwrap().split(' ').next(),
        Some("stanza"),
        "{:?}",
        link.inc_log
    );
    let report = link.inc.report().unwrap().to_string();
    assert!(report.contains("is allowed, for the peer to prove itself"), "{report}");
    assert_eq!(network.verifications(), 1);
}

/// XEP-0344 section 2.6: the server at the addresses of the domain shows the same certificate, which names it.
#[test]
fn db_84_the_same_certificate_there_saves_the_question() {
    let mut network = Network::new();
    network.self_signed("a.example");
    network.good("b.example");
    // The first claim waits for the stream to its domain, the second meets an open one.
    for _ in 0..2 {
        let link = network.open("a.example", "b.example");
        let log = &network.links[link].inc_log;
        let authenticated = "authenticated a.example to b.example, by dialback, by the same certificate";
        assert!(log.iter().any(|line| line == authenticated), "{log:?}");
    }
    assert_eq!(network.verifications(), 1);
}

#[test]
fn a_policy_of_certificates_refuses_who_has_none_that_is_good_in_both_directions() {
    let mut network = Network::new();
    network.self_signed("a.example");
    let certificate = network.ca.issue(LeafSpec::for_domain("b.example"));
    network.server("b.example", certificate, |spec| spec.policy = certificates_only());
    let link = network.open("a.example", "b.example");
    let link = &network.links[link];
    let error = link.inc_error.as_ref().unwrap();
    assert!(matches!(error.kind(), ErrorKind::Identity(_)), "{error}");
    assert_eq!(error.stream_condition(), Some(StreamCondition::NOT_AUTHORIZED));
    assert!(link.inc_log.is_empty(), "{:?}", link.inc_log);
    assert!(
        link.out_error.as_ref().unwrap().to_string().contains("not-authorized"),
        "{:?}",
        link.out_error
    );
    let link = network.open("b.example", "a.example");
    assert!(network.links[link].out_error.as_ref().unwrap().identity().is_some());
}

#[test]
fn exts_07_a_refused_certificate_is_followed_by_dialback_on_the_same_stream() {
    let mut network = Network::new();
    // Good for nothing but a client, so that the receiving server refuses it (EKU-09).
    let certificate = network.ca.issue(LeafSpec::for_domain("a.example").eku(Eku::Client));
    network.server("a.example", certificate, |_| {});
    network.good("b.example");
    let link = network.open("a.example", "b.example");
    let link = &network.links[link];
    assert_eq!(link.out_log[1], "accepted a.example to b.example, by dialback");
    assert!(!link.inc.report().unwrap().is_authenticated());
}

/// A server that is not ours says whatever it likes, once it is logged in as `a.example`.
#[test]
fn db_38_a_stanza_of_a_pair_that_nobody_proved_ends_the_stream() {
    for (xml, condition) in [
        (
            "<message from='x@other.example' to='y@b.example'/>",
            StreamCondition::INVALID_FROM,
        ),
        (
            "<message from='x@a.example' to='y@other.example'/>",
            StreamCondition::HOST_UNKNOWN,
        ),
        ("<message from='x@a.example'/>", StreamCondition::IMPROPER_ADDRESSING),
        ("<bogus xmlns='urn:example'/>", StreamCondition::UNSUPPORTED_STANZA_TYPE),
    ] {
        let mut network = Network::new();
        network.good("a.example");
        network.good("b.example");
        let mut rogue = network.rogue("a.example", "b.example");
        rogue.log_in();
        assert_eq!(
            rogue.log.last().unwrap(),
            "authenticated a.example to b.example, by SASL EXTERNAL"
        );
        rogue.say(xml);
        let error = rogue.error.as_ref().unwrap();
        assert_eq!(error.stream_condition(), Some(condition), "{error}");
        assert!(!rogue.log.iter().any(|line| line.starts_with("stanza")));
        assert!(
            rogue.heard.last().unwrap().contains(condition.name()),
            "{:?}",
            rogue.heard
        );
    }
}

#[test]
fn db_25_a_stanza_before_anything_is_proved_ends_the_stream() {
    let mut network = Network::new();
    network.good("a.example");
    network.good("b.example");
    let mut rogue = network.rogue("a.example", "b.example");
    rogue.say("<message from='x@a.example' to='y@b.example'/>");
    let error = rogue.error.as_ref().unwrap();
    assert_eq!(error.stream_condition(), Some(StreamCondition::INVALID_FROM), "{error}");
}

/// XEP-0344 section 2.4, EXTS-11: a certificate for two domains proves the second when it is claimed, and not before.
#[test]
fn exts_11_a_second_domain_of_the_certificate_is_claimed_for_itself() {
    let mut network = Network::new();
    let certificate = network.ca.issue(LeafSpec::for_domain("a.example").dns("muc.a.example"));
    network.server("a.example", certificate, |spec| spec.domains.push("muc.a.example"));
    network.good("b.example");
    let link = network.open("a.example", "b.example");
    let second = pair("muc.a.example", "b.example");
    assert!(!network.links[link].out.may_send(&second));
    let now = network.clock.now();
    network.links[link].out.claim(second, now).unwrap();
    network.settle();
    network.links[link]
        .out
        .send(&message("muc.a.example", "b.example"))
        .unwrap();
    network.settle();
    let link = &network.links[link];
    assert!(
        link.inc_log
            .contains(&"authenticated muc.a.example to b.example, by certificate, without a callback".to_owned()),
        "{:?}",
        link.inc_log
    );
    assert!(link.inc_log.last().unwrap().starts_with("stanza"));
    assert_eq!(link.inc.authenticated().count(), 2);
    assert_eq!(network.verifications(), 0);
}

#[test]
fn bidi_06_the_receiving_server_may_answer_on_the_same_stream() {
    for self_signed in [false, true] {
        let mut network = Network::new();
        let spec = |domain: &str| match self_signed {
            true => LeafSpec::for_domain(domain).self_signed(),
            false => LeafSpec::for_domain(domain),
        };
        for domain in ["a.example", "b.example"] {
            let certificate = network.ca.issue(spec(domain));
            network.server(domain, certificate, |spec| spec.bidi = true);
        }
        let link = network.open("a.example", "b.example");
        assert!(network.links[link].out.is_bidi() && network.links[link].inc.is_bidi());
        let back = pair("b.example", "a.example");
        assert!(network.links[link].inc.may_send(&back));
        assert!(!network.links[link].inc.may_send(&pair("b.example", "c.example")));
        network.links[link]
            .inc
            .send(&message("b.example", "a.example"))
            .unwrap();
        network.settle();
        assert!(
            network.links[link].out_log.last().unwrap().starts_with("stanza"),
            "{:?}",
            network.links[link].out_log
        );
    }
}

#[test]
fn without_bidi_nothing_comes_back_on_a_stream_that_we_opened() {
    let mut network = Network::new();
    network.good("a.example");
    network.good("b.example");
    let link = network.open("a.example", "b.example");
    let refused = network.links[link]
        .inc
        .send(&message("b.example", "a.example"))
        .unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::NotAuthenticated(_)), "{refused}");
}

#[test]
fn a_claim_that_the_authoritative_server_denies_is_refused() {
    let mut network = Network::new();
    network.good("honest.example");
    network.self_signed("rogue.example");
    network.good("b.example");
    // The rogue says in its header who it is not, and has no key of it.
    let mut rogue = network.rogue_as("rogue.example", "honest.example", "b.example");
    rogue.say("<db:result xmlns:db='jabber:server:dialback' from='honest.example' to='b.example'>c0ffee</db:result>");
    let task = rogue.claims.pop().unwrap();
    let verdict = network.verify_for("b.example", task);
    rogue.conclude(verdict);
    assert!(
        rogue.heard.iter().any(|heard| heard.contains("type='invalid'")),
        "{:?}",
        rogue.heard
    );
    assert!(
        !rogue.log.iter().any(|line| line.starts_with("authenticated")),
        "{:?}",
        rogue.log
    );
}

/// What SASL proved on a stream that we opened is who *we* are: nobody may speak for us there.
#[test]
fn the_peer_cannot_speak_in_our_name_on_a_stream_that_we_opened() {
    for bidi in [false, true] {
        for from in ["a.example", "c.example"] {
            let mut network = Network::new();
            for domain in ["a.example", "b.example"] {
                let certificate = network.ca.issue(LeafSpec::for_domain(domain));
                network.server(domain, certificate, |spec| spec.bidi = bidi);
            }
            let mut rogue = network.rogue_server("a.example", "b.example");
            let to = if from == "a.example" { "b.example" } else { "a.example" };
            rogue.say(message(from, to).as_str());
            let error = rogue.error.as_ref().unwrap();
            assert!(matches!(error.kind(), ErrorKind::NotAuthenticated(_)), "{error}");
            assert!(
                !rogue.log.iter().any(|line| line.starts_with("stanza")),
                "{:?}",
                rogue.log
            );
        }
    }
}
