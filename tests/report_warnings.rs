//! What reports warn of, and when: each warning has a connection that has it, and one that is nearly the same and has not.

mod common;

use common::fake_tls::{FakeConnector, SERVER_HELLO};
use common::network::Network;
use common::reports;
use common::{DOMAIN, World, domain};
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::danger::{PlaintextAccepted, UnverifiedPeerAccepted};
use xmpp_tls::identity::UsageException;
use xmpp_tls::ledger::{Change, Key, Leaf, Ledger, MemoryStore, Sighting, Voucher};
use xmpp_tls::pki_types::{CertificateDer, UnixTime};
use xmpp_tls::policy::{AuthenticationPolicy, EncryptionPolicy, Policy};
use xmpp_tls::security::{ClientCertificate, Handshake, SecurityReport, Summary, View, Warning};
use xmpp_tls::session::{ClientConfig, Mode, Session, Target};
use xmpp_tls::{Engine as _, Output, Side, StreamKind};
use xmpp_tls_testkit::ca::{TEST_TIME, test_time};
use xmpp_tls_testkit::{Eku, LeafSpec};

const DAY: u64 = 86_400;

fn day(day: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(TEST_TIME + day * DAY))
}

/// What a client under a policy that takes anything says of a server, given what the server says and shows.
fn report(chain: Vec<CertificateDer<'static>>, mode: fn(Target) -> Target, said: &[&[u8]]) -> Arc<SecurityReport> {
    let world = World::new();
    let mut policy = Policy::default();
    policy.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
    let connector = FakeConnector { peer_chain: chain };
    let config = ClientConfig::new(connector, world.client_config().verifier).with_policy(policy);
    let mut client = Session::client(Arc::new(config), mode(Target::new(domain(DOMAIN))), world.now()).unwrap();
    for said in said {
        client.handle_input(world.clock.now(), said).unwrap();
        while !matches!(client.poll_output().unwrap(), Output::WantsInput(_)) {}
    }
    client.report().unwrap().clone()
}

fn shown(certificate: &[u8]) -> Vec<Warning> {
    report(vec![certificate.to_vec().into()], Target::direct_tls, &[SERVER_HELLO]).warnings()
}

#[test]
fn rpt_18_weak_keys_and_signatures_are_warned_of() {
    let weak_key = shown(include_bytes!("../crates/identity/tests/fixtures/rsa1024.der"));
    assert!(
        weak_key.contains(&Warning::WeakKey) && !weak_key.contains(&Warning::WeakSignature),
        "{weak_key:?}"
    );
    let weak_signature = shown(include_bytes!("../crates/identity/tests/fixtures/sha1.der"));
    assert!(weak_signature.contains(&Warning::WeakSignature), "{weak_signature:?}");
    let strong = shown(include_bytes!("../crates/identity/tests/fixtures/rsa2048.der"));
    assert_eq!(strong, [Warning::NotAuthenticated]);
}

const HEADER: &str = "<stream:stream from='example.org' id='1' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn rpt_05_rpt_30_what_was_offered_in_clear_is_told_and_warned_of() {
    let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    let required = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
    let plain =
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN&#xA;&#x202E;</mechanism></mechanisms>";
    for (features, offered, is_required, mechanisms) in [
        (required.to_owned(), true, true, 0),
        (starttls.to_owned(), true, false, 0),
        (format!("{starttls}{plain}"), true, false, 1),
        (plain.to_owned(), false, false, 1),
        (String::new(), false, false, 0),
    ] {
        let clear = format!("{HEADER}<stream:features>{features}</stream:features>");
        let good = World::new().good_certificate().chain;
        let report = report(
            good,
            |target| target,
            &[clear.as_bytes(), PROCEED.as_bytes(), SERVER_HELLO],
        );
        let offer = report.clear_offer().unwrap();
        assert_eq!(
            offer.starttls.map(|starttls| starttls.required),
            offered.then_some(is_required),
            "{features}"
        );
        assert_eq!(offer.mechanisms.len(), mechanisms);
        let warnings = report.warnings();
        assert_eq!(warnings.contains(&Warning::StarttlsNotOffered), !offered, "{features}");
        assert_eq!(
            warnings.contains(&Warning::MechanismsInClear),
            mechanisms > 0,
            "{features}"
        );
        let harmless = |text: &str| text.is_ascii() && !text.contains(char::is_control);
        assert!(offer.mechanisms.iter().all(|name| harmless(name)), "{offer:?}");
    }
}

#[test]
fn rpt_16_certificates_that_end_soon_are_warned_of_by_the_time_that_is_given() {
    let case = reports::good();
    let view = || case.report.view();
    // It ends 60 days after the test time.
    let warned = |view: View<'_>| view.warnings();
    assert_eq!(warned(view()), [], "no time, no age");
    assert_eq!(warned(view().at(day(46))), []);
    assert_eq!(warned(view().at(day(47))), [Warning::ExpiresSoon { days: 13 }]);
    assert_eq!(warned(view().at(day(60))), [Warning::ExpiresSoon { days: 0 }]);
    assert_eq!(warned(view().at(day(61))), [Warning::NotValidNow]);
    let before = UnixTime::since_unix_epoch(Duration::from_secs(TEST_TIME - 31 * DAY));
    assert_eq!(warned(view().at(before)), [Warning::NotValidNow]);
    let month = Duration::from_secs(30 * DAY);
    assert_eq!(
        warned(view().at(day(31)).expiring_within(month)),
        [Warning::ExpiresSoon { days: 29 }]
    );
    assert_eq!(warned(view().at(day(59)).expiring_within(Duration::ZERO)), []);
}

#[test]
fn rpt_21_a_server_that_dials_with_serverauth_alone_is_taken_and_told_of() {
    for (eku, expected) in [
        (Eku::Server, Some(UsageException::ServerAuthOnly)),
        (Eku::Both, None),
        (Eku::None, None),
    ] {
        let mut network = Network::new();
        let issued = network.ca.issue(LeafSpec::for_domain("a.example").eku(eku));
        network.server("a.example", issued, |_| {});
        network.good("b.example");
        let link = network.open("a.example", "b.example");
        let link = &network.links[link];
        let (dialled, answered) = (link.out.report().unwrap(), link.inc.report().unwrap());
        assert!(answered.is_authenticated());
        assert_eq!(
            dialled.warnings(),
            [],
            "the same certificate is as it should be where it answers"
        );
        assert_eq!(
            answered.warnings(),
            Vec::from_iter(expected.map(Warning::UsageException))
        );
        assert_eq!(answered.tls().unwrap().client_certificate, ClientCertificate::Shown);
        assert_eq!(dialled.tls().unwrap().client_certificate, ClientCertificate::Shown);
        // RPT-06: each direction, by what.
        for tried in [link.out.tried(), link.inc.tried()] {
            let tried: Vec<String> = tried.iter().map(ToString::to_string).collect();
            assert_eq!(tried, ["a.example to b.example: yes, by SASL EXTERNAL"]);
        }
    }
}

#[test]
fn rpt_06_what_did_not_work_between_servers_is_told_with_the_reason() {
    let mut network = Network::new();
    network.self_signed("a.example");
    network.good("b.example");
    let link = network.open("a.example", "b.example");
    let link = &network.links[link];
    let tried: Vec<String> = link.out.tried().iter().map(ToString::to_string).collect();
    assert_eq!(
        tried,
        [
            "a.example to b.example: not by SASL EXTERNAL: the peer does not offer it",
            "a.example to b.example: yes, by dialback"
        ]
    );
    let report = link.inc.report().unwrap();
    assert_eq!(report.summary(), Summary::EncryptedDialback);
    assert_eq!(report.warnings(), [Warning::NotAuthenticated]);
    let proved = report.view().with_tried(link.inc.tried());
    assert_eq!(proved.warnings(), [Warning::DialbackAlone]);
    // What we proved to the peer says nothing of who the peer is.
    let mut network = Network::new();
    network.good("a.example");
    network.self_signed("b.example");
    let link = network.open("a.example", "b.example");
    let out = &network.links[link].out;
    let proofs = out.tried().iter().filter(|tried| tried.succeeded());
    assert_eq!(
        proofs.map(|tried| tried.method.code()).collect::<Vec<_>>(),
        ["dialback"]
    );
    let ours = out.report().unwrap().view().with_tried(out.tried());
    assert_eq!(ours.warnings(), [Warning::NotAuthenticated]);
}

#[test]
fn rpt_31_what_the_ledger_is_alarmed_by_is_a_warning_and_what_it_is_calm_about_is_not() {
    let case = reports::good();
    let ledger = Ledger::new(MemoryStore::default());
    let sighting = Sighting::of(&case.report).unwrap();
    for expected in [Change::FirstSeen, Change::Unchanged] {
        let calm = ledger.observe(&sighting, test_time()).unwrap();
        assert_eq!(calm.changes.gravest(), Some(expected));
        let view = case.report.view().with_change(&calm);
        assert_eq!(view.warnings(), []);
        let shown = serde_json::to_value(&view).unwrap();
        assert_eq!(shown["change"]["changes"], serde_json::json!([expected.code()]));
    }
    let mut renewed = sighting.leaf().unwrap().clone();
    renewed.sha256 = [1; 32];
    let renewed = Sighting::from_parts(sighting.key().clone(), true, Some(renewed), Voucher::Anchors).unwrap();
    let calm = ledger.observe(&renewed, test_time()).unwrap();
    assert_eq!(calm.changes.gravest(), Some(Change::Renewed));
    assert_eq!(case.report.view().with_change(&calm).warnings(), []);
    // The same domain without TLS.
    let key = Key::new(StreamKind::ClientToServer, Side::Initiating, None, domain(DOMAIN));
    let clear = Sighting::from_parts(key.clone(), false, None, Voucher::Nobody).unwrap();
    let lost = ledger.observe(&clear, test_time()).unwrap();
    let warnings = case.report.view().with_change(&lost).warnings();
    assert_eq!(warnings, [Warning::WeakerThanBefore(Change::EncryptionLost)]);
    // Another key before its time: one warning, of the gravest.
    let mut other = Leaf::default();
    other.not_after = i64::try_from(TEST_TIME + 80 * DAY).unwrap();
    let other = Sighting::from_parts(key, true, Some(other), Voucher::Anchors).unwrap();
    let changed = ledger.observe(&other, test_time()).unwrap();
    let warnings = case.report.view().with_change(&changed).warnings();
    assert_eq!(warnings, [Warning::CertificateChanged(Change::IssuerAndKeyChanged)]);
}

#[test]
fn rpt_02_both_sides_know_the_stream_by_one_id_and_it_is_that_of_the_stream_inside_tls() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    let [ours, theirs] = [&pair.a, &pair.b].map(|end| end.engine.report().unwrap().stream_id().unwrap().to_owned());
    assert_eq!(ours, theirs);
    let clear = String::from_utf8_lossy(&pair.b.wrote).into_owned();
    assert!(
        clear.contains(" id=") && !clear.contains(&ours),
        "the id in clear is another"
    );
    let in_clear = reports::all()
        .into_iter()
        .find(|case| case.name == "plaintext")
        .unwrap();
    assert_eq!(in_clear.report.stream_id(), None);
}

#[test]
fn rpt_11_rpt_12_rpt_13_names_handshakes_and_signatures_are_told() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::DirectTls);
    pair.drive();
    for (end, scheme) in [(&pair.a, Some("ecdsa_secp256r1_sha256")), (&pair.b, None)] {
        let tls = end.engine.report().unwrap().tls().unwrap();
        assert_eq!(tls.server_name.as_deref(), Some(DOMAIN));
        assert_eq!(tls.handshake(), Handshake::Full);
        assert_eq!(tls.signature_scheme.as_deref(), scheme);
    }
    assert_eq!(
        pair.b.engine.report().unwrap().tls().unwrap().client_certificate,
        ClientCertificate::NotAsked
    );
    let resumed = reports::all().into_iter().find(|case| case.name == "resumed").unwrap();
    let tls = resumed.report.tls().unwrap();
    assert_eq!((tls.handshake(), &tls.signature_scheme), (Handshake::Resumed, &None));
}

/// A server that does not like the client's first key share asks for another one.
#[test]
fn rpt_12_another_round_trip_is_told() {
    let world = World::new();
    let mut only = (*world.provider).clone();
    only.kx_groups
        .retain(|group| group.name() == rustls::NamedGroup::secp384r1);
    let acceptor = xmpp_tls::tls::rustls::RustlsAcceptor::new(Arc::new(only));
    let issued = world.good_certificate();
    let acceptor = acceptor
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    let server = xmpp_tls::session::ServerConfig::new(acceptor);
    let mut pair = world.pair(world.client_config(), server, Mode::StartTls);
    pair.drive();
    for end in [&pair.a, &pair.b] {
        assert_eq!(
            end.engine.report().unwrap().tls().unwrap().handshake(),
            Handshake::Retried
        );
    }
}

/// In clear there is nothing but that to be said, whoever takes part.
#[test]
fn rpt_07_plaintext_is_no_more_than_that() {
    let mut policy = Policy::default();
    policy.encryption = EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
    let world = World::new();
    let config = Arc::new(world.client_config().with_policy(policy));
    let mut client = Session::client(config, Target::new(domain(DOMAIN)), world.now()).unwrap();
    let said = format!("{HEADER}<stream:features/>");
    client.handle_input(world.clock.now(), said.as_bytes()).unwrap();
    while !matches!(client.poll_output().unwrap(), Output::WantsInput(_)) {}
    let report = client.report().unwrap();
    assert_eq!(report.summary(), Summary::Plaintext);
    assert_eq!(report.warnings(), [Warning::NotEncrypted, Warning::StarttlsNotOffered]);
}
