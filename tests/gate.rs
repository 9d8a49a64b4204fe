//! What a TLS library reports decides whether a stream counts as secured: facts that a policy rules out
//! end the session, whoever negotiated them, and nothing of the stream is reported.

mod common;

use common::altered::{run, run_under};
use common::{DOMAIN, World, domain};
use std::sync::Arc;
use xmpp_tls::ErrorKind;
use xmpp_tls::danger::{OldVersion, OldVersionsAccepted, UnverifiedPeerAccepted};
use xmpp_tls::policy::{
    AuthenticationPolicy, ForwardSecrecy, MinimumVersion, Outcome, Policy, PolicyViolation, PolicyWarning, Resumption,
    Rule,
};
use xmpp_tls::security::Warning;
use xmpp_tls::session::{Event, Mode, Session, Target};
use xmpp_tls::starttls::{CipherSuite, TlsFacts, TlsVersion};
use xmpp_tls::tls::TlsSession;

#[test]
fn a_good_handshake_passes() {
    let (events, error) = run(|_| {});
    assert_eq!(error, None);
    assert!(
        matches!(events.as_slice(), [Event::Secured(_), Event::Opened(_)]),
        "{events:?}"
    );
    // D368-14: a server may leave ALPN unanswered, and may choose what was offered.
    assert_eq!(run(|session| session.alpn = Some(b"xmpp-client".to_vec())).1, None);
}

#[test]
fn d368_14_an_alpn_protocol_that_was_not_offered_is_refused() {
    for alter in [
        (|session| session.alpn = Some(b"h2".to_vec())) as fn(&mut TlsSession),
        |session| session.alpn = Some(b"xmpp-server".to_vec()),
        |session| session.alpn = Some(Vec::new()),
    ] {
        let (events, error) = run(alter);
        assert!(
            matches!(error, Some(ErrorKind::Policy(PolicyViolation::Alpn { .. }))),
            "{error:?}"
        );
        assert!(events.is_empty(), "{events:?}");
    }
}

#[test]
fn tlsp_a_version_below_the_minimum_is_refused_whatever_the_library_thinks() {
    let (events, error) =
        run(|session| session.facts = TlsFacts::new(TlsVersion::TLS_1_1, CipherSuite(0xc013)).unwrap());
    let expected = PolicyViolation::Version {
        negotiated: TlsVersion::TLS_1_1,
        minimum: TlsVersion::TLS_1_2,
    };
    assert_eq!(error, Some(ErrorKind::Policy(expected)));
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn a_resumed_session_shows_no_certificate_and_is_refused() {
    let (events, error) = run(|session| session.resumed = true);
    assert_eq!(error, Some(ErrorKind::Policy(PolicyViolation::Resumed)));
    assert!(events.is_empty(), "{events:?}");
}

/// Whoever allows resumption trusts what was kept here, and not what a library says.
#[test]
fn a_resumed_session_without_a_verdict_is_refused_whatever_the_policy() {
    let mut required = Policy::default();
    required.resumption = Resumption::Allowed;
    let mut recorded = required.clone();
    recorded.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
    for policy in [required, recorded] {
        let (events, error, _) = run_under(policy, |session| session.resumed = true);
        assert_eq!(error, Some(ErrorKind::Policy(PolicyViolation::ResumedUnknown)));
        assert!(events.is_empty(), "{events:?}");
    }
}

/// TLSP-14: by the key exchange, which a suite's name need not tell.
#[test]
fn tlsp_14_a_session_without_forward_secrecy_is_refused_where_it_is_required() {
    fn psk(session: &mut TlsSession) {
        session.forward_secret = false;
        session.key_exchange = Some("PSK".to_owned());
    }
    let (events, error) = run(psk);
    let expected = PolicyViolation::ForwardSecrecy {
        key_exchange: Some("PSK".to_owned()),
    };
    assert_eq!(error, Some(ErrorKind::Policy(expected)));
    assert!(events.is_empty(), "{events:?}");

    let mut policy = Policy::default();
    policy.forward_secrecy = ForwardSecrecy::Preferred;
    let (events, error, _) = run_under(policy, psk);
    assert_eq!(error, None);
    assert!(matches!(events.first(), Some(Event::Secured(report)) if !report.tls().unwrap().forward_secret));
}

/// What a stricter policy would say of a connection can be asked without refusing it.
#[test]
fn a_policy_explains_every_rule() {
    let (events, _) = run(|session| {
        session.facts = TlsFacts::new(TlsVersion::TLS_1_2, CipherSuite(0xc02f)).unwrap();
    });
    let Some(Event::Secured(report)) = events.first() else {
        panic!("{events:?}")
    };
    let enforced = Policy::default().evaluate(report);
    assert!(enforced.is_satisfied(), "{enforced}");
    let rehearsed = Policy::modern().evaluate(report);
    let outcome = |rule| {
        &rehearsed
            .findings()
            .iter()
            .find(|finding| finding.rule == rule)
            .unwrap()
            .outcome
    };
    assert_eq!(
        *outcome(Rule::Version),
        Outcome::Violated(PolicyViolation::Version {
            negotiated: TlsVersion::TLS_1_2,
            minimum: TlsVersion::TLS_1_3,
        })
    );
    for met in [
        Rule::Encryption,
        Rule::ForwardSecrecy,
        Rule::KeyStrength,
        Rule::Resumption,
        Rule::Authentication,
    ] {
        assert_eq!(*outcome(met), Outcome::Met, "{met:?}");
    }
    assert_eq!(*outcome(Rule::Alpn), Outcome::NotDemanded);
    assert_eq!(
        rehearsed.to_string(),
        "encryption      met\n\
         version         VIOLATED: TLS 1.2 was negotiated, at least TLS 1.3 is required\n\
         forward-secrecy met\n\
         key-strength    met\n\
         resumption      met\n\
         alpn            not demanded\n\
         authentication  met\n"
    );
}

/// An engine that speaks old versions is used on purpose only, and the report says so for ever.
#[test]
fn an_old_version_takes_danger_and_is_warned_of() {
    fn old(session: &mut TlsSession) {
        session.facts = TlsFacts::new(TlsVersion::TLS_1_0, CipherSuite(0xc013)).unwrap();
    }
    let accepting = |lowest| {
        let mut policy = Policy::default();
        policy.minimum_version = MinimumVersion::Old(OldVersionsAccepted::known_attacks_apply_down_to(lowest));
        policy
    };
    let (_, error, _) = run_under(accepting(OldVersion::Tls11), old);
    assert!(
        matches!(error, Some(ErrorKind::Policy(PolicyViolation::Version { .. }))),
        "{error:?}"
    );
    let policy = accepting(OldVersion::Tls10);
    assert_eq!(policy.warnings(), [PolicyWarning::OldVersions(OldVersion::Tls10)]);
    assert_eq!(Policy::default().warnings(), []);
    let (events, error, _) = run_under(policy, old);
    assert_eq!(error, None);
    let Some(Event::Secured(report)) = events.first() else {
        panic!("{events:?}")
    };
    assert_eq!(report.warnings(), [Warning::OldVersion(TlsVersion::TLS_1_0)]);
    assert!(report.to_string().contains("TLS 1.0 has known attacks"), "{report}");
}

/// SEED-03: rustls says at once that it cannot, in either role, and nothing is written.
#[test]
fn seed_03_rustls_refuses_a_policy_that_names_an_old_version() {
    let world = World::new();
    let mut policy = Policy::default();
    policy.minimum_version = MinimumVersion::Old(OldVersionsAccepted::known_attacks_apply_down_to(OldVersion::Tls11));
    let client = Arc::new(world.client_config().with_policy(policy.clone()));
    let server = Arc::new(world.server_config(&world.good_certificate()).with_policy(policy));
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let target = Target::new(domain(DOMAIN));
        let errors = [
            Session::client(client.clone(), target, world.now()).unwrap_err(),
            Session::server(server.clone(), mode, world.now()).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains("rustls does not speak TLS 1.1"), "{error}");
            assert!(error.to_string().contains("xmpp-tls-legacy"), "{error}");
        }
    }
}

#[test]
fn d_21_a_library_that_checks_nothing_authenticates_nobody() {
    let (events, error) = run(|session| {
        session.peer_chain.clear();
    });
    assert!(matches!(error, Some(ErrorKind::Identity(_))), "{error:?}");
    assert!(events.is_empty(), "{events:?}");
}
