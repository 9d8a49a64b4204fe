//! What the rustls verifiers promise beside the verdict: possession first, odd certificates, resumption.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rcgen::KeyPair;
use rustls::{AlertDescription as Alert, CertificateError, ClientConfig, Error, HandshakeKind, ServerConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::tls::*;
use support::*;
use xmpp_identity::rustls::{AskingVerifier, ClientVerifier, ServerVerifier, Unproved};
use xmpp_identity::{
    ChainError, ChainStatus, IdKinds, IdentityError, IdentityVerifier, Pin, Pins, Purpose, ReferenceIds,
};
use xmpp_tls_core::StreamKind;

const DOMAIN: &str = "a.example";

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

fn expected(domain: &str) -> ReferenceIds {
    references(domain, StreamKind::ServerToServer)
}

fn recording(verifier: &IdentityVerifier, domain: &str) -> Arc<ServerVerifier> {
    Arc::new(ServerVerifier::recording(
        verifier.clone(),
        expected(domain),
        &provider(),
    ))
}

struct World {
    root: Ca,
    verifier: IdentityVerifier,
    shown: Arc<Shown>,
}

fn world() -> World {
    let root = Ca::root("Root");
    let key = KeyPair::generate().unwrap();
    let leaf = root.leaf_for(leaf_params("leaf", &[dns(DOMAIN)]), &key);
    World {
        verifier: root.verifier(),
        root,
        shown: Shown::new(vec![leaf], private(&key)),
    }
}

/// Row 51: a certificate without its key. The chain was good, and yet there is no verdict.
#[test]
fn row_51_a_verdict_counts_only_once_possession_is_proved() {
    let world = world();
    let theirs = world.shown.0.cert.clone();
    let without_key = Shown::new(theirs, private(&KeyPair::generate().unwrap()));
    for versions in [TLS12, TLS13] {
        let ours = recording(&world.verifier, DOMAIN);
        let client = client_config(&ours, None, versions, now());
        let server = server_config(None, without_key.clone(), versions, now());
        let ends = Ends::new(client.into(), server.into(), DOMAIN).run();
        assert_eq!(
            ends.client_error,
            Some(Error::InvalidCertificate(CertificateError::BadSignature))
        );
        assert_eq!(ours.verdict(&ends.client), Err(Unproved::Handshaking));

        let ours = Arc::new(ClientVerifier::recording(
            world.verifier.clone(),
            Purpose::PeerServer,
            &provider(),
        ));
        let client = client_config(
            &recording(&world.verifier, DOMAIN),
            Some(without_key.clone()),
            versions,
            now(),
        );
        let server = server_config(Some(&ours), world.shown.clone(), versions, now());
        let ends = Ends::new(client.into(), server.into(), DOMAIN).run();
        assert_eq!(
            ends.server_error,
            Some(Error::InvalidCertificate(CertificateError::BadSignature))
        );
        let verdict = ours.verdict(&ends.server, &expected(DOMAIN), now());
        assert_eq!(verdict.map(|_| ()), Err(Unproved::Handshaking));
        assert_eq!(ours.chain_status(&ends.server, now()), Err(Unproved::Handshaking));
    }
}

/// Whatever a function says about the chain, the key is proved; and what it refuses is refused.
#[test]
fn row_51_possession_is_proved_where_somebody_else_judges() {
    let world = world();
    let theirs = world.shown.0.cert.clone();
    let without_key = Shown::new(theirs, private(&KeyPair::generate().unwrap()));
    let odd = Shown::new(vec![fixture("v1")], fixture_key());
    for versions in [TLS12, TLS13] {
        let run = |shown: &Arc<Shown>, answer: Result<(), IdentityError>| {
            let asked = Arc::new(AtomicUsize::new(0));
            let count = asked.clone();
            let asking = AskingVerifier::new(&provider(), move |chain: &[CertificateDer<'_>]| {
                count.fetch_add(chain.len(), Ordering::Relaxed);
                answer.clone()
            });
            let client = ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(versions)
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(asking))
                .with_no_client_auth();
            let server = server_config(None, shown.clone(), versions, now());
            let ends = Ends::new(client.into(), server.into(), DOMAIN).run();
            assert_eq!(asked.load(Ordering::Relaxed), 1);
            ends
        };
        assert!(run(&world.shown, Ok(())).is_open());
        assert!(run(&odd, Ok(())).is_open());
        assert_eq!(
            run(&without_key, Ok(())).client_error,
            Some(Error::InvalidCertificate(CertificateError::BadSignature))
        );
        let refused = verify(&world.verifier, world.shown.0.cert.as_slice(), "b.example");
        let ends = run(&world.shown, refused.check().map(drop));
        assert_eq!(
            ends.client_error,
            Some(Error::InvalidCertificate(CertificateError::NotValidForName))
        );
        assert_eq!(ends.server_error, Some(Error::AlertReceived(Alert::BadCertificate)));
    }
}

/// Before the handshake is over there is no verdict, after it there is.
#[test]
fn nothing_is_said_before_the_end() {
    let world = world();
    let ours = recording(&world.verifier, DOMAIN);
    let client = client_config(&ours, None, TLS13, now());
    let server = server_config(None, world.shown.clone(), TLS13, now());
    let ends = Ends::new(client.into(), server.into(), DOMAIN);
    assert_eq!(ours.verdict(&ends.client), Err(Unproved::Handshaking));
    let ends = ends.run();
    assert!(ours.verdict(&ends.client).unwrap().is_authenticated());
    // The verdict is about the connections of this verifier.
    let other = recording(&world.verifier, DOMAIN);
    assert_eq!(other.verdict(&ends.client), Err(Unproved::NotSeen));
}

/// Possession of every kind of key is checked in both versions, by the bare key.
#[test]
fn every_kind_of_key_proves_possession() {
    let root = Ca::root("Root");
    for algorithm in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ED25519,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let leaf = root.leaf_for(leaf_params("leaf", &[dns(DOMAIN)]), &key);
        let shown = Shown::new(vec![leaf], private(&key));
        for versions in [TLS12, TLS13] {
            let ours = recording(&root.verifier(), DOMAIN);
            let client = client_config(&ours, None, versions, now());
            let server = server_config(None, shown.clone(), versions, now());
            let ends = Ends::new(client.into(), server.into(), DOMAIN).run();
            assert!(
                ours.verdict(&ends.client).unwrap().is_authenticated(),
                "{algorithm:?} {versions:?}"
            );
        }
    }
}

/// What rustls' parser refuses ends in a verdict, and pinned it is good.
#[test]
fn odd_certificates_end_in_a_verdict_and_not_in_a_dead_handshake() {
    let stranger = Ca::root("Root");
    for odd in ["v1", "critical_extension"] {
        let leaf: CertificateDer<'static> = fixture(odd);
        let shown = Shown::new(vec![leaf.clone()], fixture_key());
        let pins = Pins::new().pin("im.example.com".parse().unwrap(), [Pin::key_of(&leaf).unwrap()]);
        for versions in [TLS12, TLS13] {
            for (verifier, good) in [
                (stranger.verifier(), false),
                (stranger.verifier().with_source(pins.clone()), true),
            ] {
                let ours = recording(&verifier, "im.example.com");
                let client = client_config(&ours, Some(shown.clone()), versions, now());
                let asks = ClientVerifier::recording(verifier, Purpose::PeerServer, &provider());
                let asks = Arc::new(asks);
                let server = server_config(Some(&asks), shown.clone(), versions, now());
                let ends = Ends::new(client.into(), server.into(), "im.example.com").run();
                assert!(ends.is_open(), "{odd}: {:?} {:?}", ends.client_error, ends.server_error);
                let verdict = ours.verdict(&ends.client).unwrap();
                assert_eq!(verdict.is_authenticated(), good, "{odd}: {verdict}");
                if !good {
                    let self_signed = matches!(&verdict.chain, ChainStatus::Untrusted(ChainError::SelfSigned { .. }));
                    assert_eq!(self_signed, odd == "v1", "{verdict}");
                }
                let verdict = asks.verdict(&ends.server, &expected("im.example.com"), now()).unwrap();
                assert_eq!(verdict.is_authenticated(), good, "{odd}: {verdict}");
            }
        }
    }
}

/// A pin that does not match: the strict flavour ends the handshake with an alert of its own.
#[test]
fn a_wrong_pin_ends_the_handshake() {
    let world = world();
    let pins = Pins::new().pin(DOMAIN.parse().unwrap(), [Pin::Key([7; 32])]);
    let verifier = world.verifier.with_source(pins);
    let ours = Arc::new(ServerVerifier::strict(verifier, expected(DOMAIN), &provider()));
    let client = client_config(&ours, None, TLS13, now());
    let server = server_config(None, world.shown.clone(), TLS13, now());
    let ends = Ends::new(client.into(), server.into(), DOMAIN).run();
    assert_eq!(ends.server_error, Some(Error::AlertReceived(Alert::AccessDenied)));
    assert!(ours.rejection().unwrap().is_refused());
}

/// A verifier is for one domain, so that a configuration cannot be used for another by accident.
#[test]
fn a_verifier_is_for_one_domain() {
    let world = world();
    let ours = Arc::new(ServerVerifier::recording(
        world.verifier.clone(),
        expected(DOMAIN),
        &provider(),
    ));
    let client = client_config(&ours, None, TLS13, now());
    let server = server_config(None, world.shown.clone(), TLS13, now());
    let ends = Ends::new(client.into(), server.into(), "b.example").run();
    assert!(matches!(&ends.client_error, Some(Error::General(text)) if text.contains("b.example")));
    // Case is no difference, and addresses are names too.
    let client = client_config(&ours, None, TLS13, now());
    let server = server_config(None, world.shown.clone(), TLS13, now());
    assert!(Ends::new(client.into(), server.into(), "A.Example").run().is_open());
    let key = KeyPair::generate().unwrap();
    let leaf = world
        .root
        .leaf_for(leaf_params("leaf", &[tlv(0x87, &[192, 0, 2, 1])]), &key);
    let ours = recording(&world.verifier, "192.0.2.1");
    let client = client_config(&ours, None, TLS13, now());
    let server = server_config(None, Shown::new(vec![leaf], private(&key)), TLS13, now());
    let ends = Ends::new(client.into(), server.into(), "192.0.2.1").run();
    assert!(ours.verdict(&ends.client).unwrap().is_authenticated());
}

fn twice(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, second: &Arc<ServerConfig>) -> (Ends, Ends) {
    let connect = |server: &Arc<ServerConfig>| {
        let mut ends = Ends::new(client.clone(), server.clone(), DOMAIN).run();
        assert!(ends.is_open(), "{:?} {:?}", ends.client_error, ends.server_error);
        // Tickets come behind the handshake.
        ends.server.send_close_notify();
        ends.run()
    };
    (connect(server), connect(second))
}

/// Rows 43 and 52: nothing is resumed unless asked for, though the server would.
#[test]
fn row_52_resumption_is_off_by_default() {
    let world = world();
    for versions in [TLS12, TLS13] {
        let ours = recording(&world.verifier, DOMAIN);
        let client = Arc::new(client_config(&ours, None, versions, now()));
        let server = Arc::new(server_config(None, world.shown.clone(), versions, now()));
        let (_, second) = twice(&client, &server, &server);
        assert_eq!(second.client.handshake_kind(), Some(HandshakeKind::Full));

        // On a server that verifies, its configuration is what prevents it.
        let willing = Arc::new(recording_with_sessions(&world.verifier));
        let asks = Arc::new(ClientVerifier::recording(
            world.verifier.clone(),
            Purpose::PeerServer,
            &provider(),
        ));
        let client = Arc::new(client_config(&willing, Some(world.shown.clone()), versions, now()));
        let server = Arc::new(server_config(Some(&asks), world.shown.clone(), versions, now()));
        let (_, second) = twice(&client, &server, &server);
        assert_eq!(
            second.server.handshake_kind(),
            Some(HandshakeKind::Full),
            "{versions:?}"
        );

        // Should somebody forget to prepare it, there is no verdict.
        let careless = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_client_cert_verifier(asks.clone())
            .with_cert_resolver(world.shown.clone());
        let careless = Arc::new(careless);
        let (first, second) = twice(&client, &careless, &careless);
        assert!(
            asks.verdict(&first.server, &expected(DOMAIN), now())
                .unwrap()
                .is_authenticated()
        );
        assert_eq!(second.server.handshake_kind(), Some(HandshakeKind::Resumed));
        let verdict = asks.verdict(&second.server, &expected(DOMAIN), now());
        assert_eq!(verdict.map(|_| ()), Err(Unproved::Resumed));
    }
}

fn recording_with_sessions(verifier: &IdentityVerifier) -> ServerVerifier {
    ServerVerifier::recording(verifier.clone(), expected(DOMAIN), &provider()).with_resumption(8)
}

/// Row 43: where it is on, the verdict is that of the handshake that showed the certificate, and only
/// the same verifier, that is domain, policy and pins, can resume.
#[test]
fn row_43_a_resumed_session_keeps_its_verdict_and_its_verifier() {
    let world = world();
    for versions in [TLS12, TLS13] {
        let ours = Arc::new(recording_with_sessions(&world.verifier));
        let client = Arc::new(client_config(&ours, None, versions, now()));
        let server = Arc::new(server_config(None, world.shown.clone(), versions, now()));
        let (first, second) = twice(&client, &server, &server);
        assert_eq!(
            second.client.handshake_kind(),
            Some(HandshakeKind::Resumed),
            "{versions:?}"
        );
        let original = ours.verdict(&first.client).unwrap();
        assert!(original.is_authenticated());
        assert_eq!(ours.verdict(&second.client), Ok(original));

        // The same configuration, its sessions included, with anything that a verdict depends on changed:
        // a full handshake, and a verdict of its own.
        let pins = Pins::new().pin(DOMAIN.parse().unwrap(), [Pin::Key([7; 32])]);
        let plain = world.verifier.clone();
        let others = [
            ("pins", plain.clone().with_source(pins), expected(DOMAIN)),
            ("anchors", Ca::root("Other").verifier(), expected(DOMAIN)),
            (
                "policy",
                plain.clone(),
                expected(DOMAIN).with_accepted(IdKinds::SRV | IdKinds::XMPP_ADDR),
            ),
            ("domain", plain, expected("b.example")),
        ];
        for (changed, verifier, references) in others {
            let name = references.domain().to_string();
            let other = Arc::new(ServerVerifier::recording(verifier, references, &provider()).with_resumption(8));
            let mut config = ClientConfig::clone(&client);
            config.dangerous().set_certificate_verifier(other.clone());
            let ends = Ends::new(config.into(), server.clone(), &name).run();
            assert_eq!(ends.client.handshake_kind(), Some(HandshakeKind::Full), "{changed}");
            let error = other.verdict(&ends.client).unwrap().check().unwrap_err();
            assert_eq!(error.is_refused(), changed == "pins", "{error}");
            assert_eq!(error.is_untrusted(), changed == "anchors", "{error}");
            assert_eq!(
                error.is_name_mismatch(),
                matches!(changed, "policy" | "domain"),
                "{error}"
            );
        }

        // A server judges a resumed session by its rules of now.
        let asks = ClientVerifier::recording(world.verifier.clone(), Purpose::PeerServer, &provider());
        let asks = Arc::new(asks.with_resumption());
        let client = Arc::new(client_config(&ours, Some(world.shown.clone()), versions, now()));
        let server = Arc::new(server_config(Some(&asks), world.shown.clone(), versions, now()));
        let (_, second) = twice(&client, &server, &server);
        assert_eq!(second.server.handshake_kind(), Some(HandshakeKind::Resumed));
        assert!(
            asks.verdict(&second.server, &expected(DOMAIN), now())
                .unwrap()
                .is_authenticated()
        );
        let after_expiry = pki_types::UnixTime::since_unix_epoch(std::time::Duration::from_secs(NOW * 100));
        let verdict = asks.verdict(&second.server, &expected(DOMAIN), after_expiry).unwrap();
        assert!(verdict.check().unwrap_err().is_expired());
    }
}

/// A verifier that serves many connections forgets old chains, and then says so.
#[test]
fn few_chains_are_remembered() {
    let world = world();
    let ours = recording(&world.verifier, DOMAIN);
    let connect = |shown: Arc<Shown>| {
        let client = client_config(&ours, None, TLS13, now());
        let server = server_config(None, shown, TLS13, now());
        Ends::new(client.into(), server.into(), DOMAIN).run()
    };
    let first = connect(world.shown.clone());
    assert!(ours.verdict(&first.client).is_ok());
    for _ in 0..8 {
        let key = KeyPair::generate().unwrap();
        let leaf = world.root.leaf_for(leaf_params("leaf", &[dns(DOMAIN)]), &key);
        let ends = connect(Shown::new(vec![leaf], private(&key)));
        assert!(ours.verdict(&ends.client).is_ok());
    }
    assert_eq!(ours.verdict(&first.client), Err(Unproved::NotSeen));
}
