//! Certificates, good and bad, over real handshakes: verdict, message, and what the server is told.

mod common;

use common::{DOMAIN, World, domain};
use std::net::IpAddr;
use std::sync::Arc;
use xmpp_tls::policy::{AuthenticationPolicy as Demand, Policy};
use xmpp_tls::security::Authentication;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig, Session, Target};
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Domain, Phase, danger};
use xmpp_tls_testkit::{CaSpec, Eku, Issued, LeafSpec, Pair, TestCa};

struct Bad {
    name: &'static str,
    issued: Issued,
    /// Words that the client's error must have.
    says: &'static [&'static str],
    /// The alert that the server gets.
    alert: &'static str,
}

fn bad_certificates(ca: &TestCa) -> Vec<Bad> {
    let named = || LeafSpec::for_domain(DOMAIN);
    let bad = |name, issued, says, alert| Bad {
        name,
        issued,
        says,
        alert,
    };
    let other = TestCa::new("A CA that nobody trusts");
    let constrained = ca.intermediate(CaSpec::new("constrained").permit_dns("corp.example"));
    vec![
        bad(
            "self-signed",
            ca.issue(named().self_signed()),
            &["self-signed"],
            "unknown_ca",
        ),
        bad("unknown CA", other.issue(named()), &["no trust anchor"], "unknown_ca"),
        bad(
            "expired",
            ca.issue(named().expired()),
            &["expired on"],
            "certificate_expired",
        ),
        bad(
            "not yet valid",
            ca.issue(named().not_yet_valid()),
            &["not valid before"],
            "certificate_expired",
        ),
        bad(
            "wrong name",
            ca.issue(LeafSpec::for_domain("example.net")),
            &["example.net", "needed example.org"],
            "bad_certificate",
        ),
        bad(
            "subdomain",
            ca.issue(LeafSpec::new().dns("xmpp.example.org")),
            &["xmpp.example.org"],
            "bad_certificate",
        ),
        bad(
            "wildcard",
            ca.issue(LeafSpec::new().dns("*.example.org")),
            &["*.example.org"],
            "bad_certificate",
        ),
        bad(
            "CN only",
            ca.issue(LeafSpec::new().cn(DOMAIN)),
            &["needed example.org"],
            "bad_certificate",
        ),
        bad(
            "NUL",
            ca.issue(LeafSpec::new().dns(b"example.org\0.evil.example")),
            &["needed example.org"],
            "bad_certificate",
        ),
        bad(
            "SRV-ID of the other service",
            ca.issue(LeafSpec::new().srv("_xmpp-server", DOMAIN)),
            &["_xmpp-server.example.org"],
            "bad_certificate",
        ),
        bad(
            "XmppAddr of a user",
            ca.issue(LeafSpec::new().xmpp_addr("juliet@example.org")),
            &["needed example.org"],
            "bad_certificate",
        ),
        bad(
            "client purpose",
            ca.issue(named().eku(Eku::Client)),
            &["clientAuth", "serverAuth"],
            "unsupported_certificate",
        ),
        bad(
            "CA as leaf",
            ca.issue(named().ca_true()),
            &["CA certificate"],
            "certificate_unknown",
        ),
        bad(
            "constrained CA",
            constrained.issue(named()),
            &["name constraints"],
            "certificate_unknown",
        ),
        bad(
            "constrained CA, XmppAddr",
            constrained.issue(LeafSpec::new().xmpp_addr(DOMAIN)),
            &["needed example.org"],
            "bad_certificate",
        ),
        bad(
            "missing intermediate",
            ca.intermediate(CaSpec::new("intermediate"))
                .issue(named())
                .without_intermediates(),
            &["intermediate certificate is missing"],
            "unknown_ca",
        ),
        bad(
            "other purpose",
            ca.issue(named().eku(Eku::Other)),
            &["emailProtection", "serverAuth"],
            "unsupported_certificate",
        ),
        bad(
            "self-signed CA",
            ca.issue(named().self_signed().ca_true()),
            &["self-signed"],
            "unknown_ca",
        ),
        bad(
            "leaf as CA",
            ca.intermediate(CaSpec::new("no CA").not_a_ca()).issue(named()),
            &["not a CA"],
            "certificate_unknown",
        ),
    ]
}

/// Failures 18, 19, 21, 22, 23, 24, 25, 49 of others, on the initiating side.
#[test]
fn a_bad_certificate_ends_the_handshake_with_an_alert_and_an_error_to_act_on() {
    let world = World::new();
    for mode in [Mode::StartTls, Mode::DirectTls] {
        for case in bad_certificates(&world.ca) {
            let mut pair = world.pair(world.client_config(), world.server_config(&case.issued), mode);
            pair.drive();
            let error = pair
                .a
                .error
                .as_ref()
                .unwrap_or_else(|| panic!("{} was accepted", case.name));
            assert_eq!(error.phase(), Phase::Tls, "{}", case.name);
            let identity = error.identity().unwrap_or_else(|| panic!("{}: {error}", case.name));
            for words in case.says {
                assert!(identity.to_string().contains(words), "{}: {identity}", case.name);
            }
            assert!(pair.a.events.is_empty(), "{}: {:?}", case.name, pair.a.events);
            assert!(pair.a.engine.report().is_none());
            assert_eq!(error.stream_condition(), None, "a TLS failure never becomes XML");
            let server = pair.b.error.as_ref().unwrap().to_string();
            assert!(server.contains(case.alert), "{}: the server heard: {server}", case.name);
        }
    }
}

#[test]
fn a_policy_that_only_records_shows_the_finding_and_never_says_authenticated() {
    let world = World::new();
    for case in bad_certificates(&world.ca) {
        let mut config: ClientConfig = world.client_config();
        config.policy.authentication = Demand::Recorded(danger::UnverifiedPeerAccepted::anybody_may_be_the_peer());
        let mut pair = world.pair(config, world.server_config(&case.issued), Mode::StartTls);
        pair.drive();
        pair.assert_no_error();
        let report = pair.a.engine.report().unwrap();
        assert!(
            report.is_encrypted() && !report.is_authenticated(),
            "{}: {report}",
            case.name
        );
        let Authentication::Rejected { error, .. } = report.authentication() else {
            panic!("{report}")
        };
        for words in case.says {
            assert!(error.to_string().contains(words), "{}: {error}", case.name);
            assert!(report.to_string().contains(words), "{}: {report}", case.name);
        }
    }
}

#[test]
fn every_kind_of_identifier_is_accepted_and_reported() {
    let world = World::new();
    for (spec, expected) in [
        (LeafSpec::new().dns(DOMAIN), "DNS-ID example.org"),
        (LeafSpec::new().dns("EXAMPLE.org"), "DNS-ID EXAMPLE.org"),
        (
            LeafSpec::new().srv("_xmpp-client", DOMAIN),
            "SRV-ID _xmpp-client.example.org",
        ),
        (LeafSpec::new().xmpp_addr(DOMAIN), "XmppAddr example.org"),
        (LeafSpec::new().dns("*.org").dns(DOMAIN), "DNS-ID example.org"),
    ] {
        let mut pair = world.pair(
            world.client_config(),
            world.server_config(&world.ca.issue(spec)),
            Mode::StartTls,
        );
        pair.drive();
        pair.assert_no_error();
        let report = pair.a.engine.report().unwrap();
        let Authentication::Certificate { matched, .. } = report.authentication() else {
            panic!("{report}")
        };
        assert_eq!(matched.presented.to_string(), expected);
    }
}

#[test]
fn id_10_an_ip_literal_needs_an_ip_id() {
    let world = World::new();
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    for (spec, good) in [
        (LeafSpec::new().ip(address), true),
        (LeafSpec::new().dns("192.0.2.1"), false),
    ] {
        let issued = world.ca.issue(spec);
        let acceptor = RustlsAcceptor::new(world.provider.clone())
            .with_certificate(domain("192.0.2.1"), issued.chain.clone(), issued.key())
            .unwrap();
        let client = Session::client(
            Arc::new(world.client_config()),
            Target::new(domain("192.0.2.1")),
            world.now(),
        )
        .unwrap();
        let server = world.server(ServerConfig::new(acceptor), Mode::StartTls);
        let mut pair = Pair::new(client, server, world.clock);
        pair.drive();
        assert_eq!(pair.a.error.is_none(), good, "{:?}", pair.a.error);
    }
}

/// Failure 51: a certificate without its key proves nothing, whatever the verdict on it was.
#[test]
fn a_certificate_without_its_key_never_authenticates() {
    let world = World::new();
    let (shown, held) = (world.good_certificate(), world.good_certificate());
    // Only an attacker would pair these two; our own configuration refuses to.
    let refused =
        RustlsAcceptor::new(world.provider.clone()).with_certificate(domain(DOMAIN), shown.chain.clone(), held.key());
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("certificate or key for example.org")
    );
}

#[test]
fn the_policy_is_strict_by_default() {
    let policy = Policy::default();
    assert_eq!(policy.authentication, Demand::Required);
    assert_eq!(policy.encryption, xmpp_tls::policy::EncryptionPolicy::Required);
    assert_eq!(
        policy.minimum_version.version(),
        xmpp_tls::starttls::TlsVersion::TLS_1_2
    );
}

#[test]
fn res_11_the_name_of_the_host_connected_to_is_no_identity() {
    // A certificate for the SRV target, which is all that insecure DNS could make us believe.
    let world = World::new();
    let issued = world.ca.issue(LeafSpec::for_domain("xmpp.hosting.example"));
    let mut pair = world.pair(world.client_config(), world.server_config(&issued), Mode::DirectTls);
    pair.drive();
    let text = pair.a.error.as_ref().unwrap().to_string();
    assert!(
        text.contains("xmpp.hosting.example") && text.contains("needed example.org"),
        "{text}"
    );
    assert_eq!(
        pair.a.error.as_ref().unwrap().domain(),
        Some(&"example.org".parse::<Domain>().unwrap())
    );
}

/// A TLS library that does not ask during the handshake is no way around the certificate.
#[test]
fn the_session_judges_the_certificate_where_the_tls_library_did_not() {
    use common::fake_tls::{FakeConnector, SERVER_HELLO};
    use xmpp_tls::{Engine, ErrorKind, Output};
    let world = World::new();
    let expired = world.ca.issue(LeafSpec::for_domain(DOMAIN).expired());
    for chain in [Vec::new(), expired.chain.clone()] {
        let mut config = world.client_config();
        config.connector = Arc::new(FakeConnector { peer_chain: chain });
        let mut session =
            Session::client(Arc::new(config), Target::new(domain(DOMAIN)).direct_tls(), world.now()).unwrap();
        session.handle_input(world.clock.now(), SERVER_HELLO).unwrap();
        let error = loop {
            match session.poll_output() {
                Ok(Output::Transmit(_)) => {}
                Ok(output) => panic!("{output:?}"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind(), ErrorKind::Identity(_)), "{error}");
        assert!(session.report().is_none());
    }
}
