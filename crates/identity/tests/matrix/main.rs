//! Every way in which a certificate can be bad, to a client and to a server, for both kinds of streams,
//! over real handshakes in both versions of TLS: the exact status, message, error of rustls and alert
//! (rows 18 to 26 of what went wrong in others).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod cases;
#[path = "../support/mod.rs"]
mod support;

use cases::*;
use rcgen::{ExtendedKeyUsagePurpose as Eku, KeyPair};
use rustls::AlertDescription as Alert;
use std::sync::Arc;
use support::tls::*;
use support::*;
use xmpp_identity::rustls::{ClientVerifier, ServerVerifier, Unproved};
use xmpp_identity::{ChainStatus, IdentityError, PeerServerUsage, Purpose, Verdict};
use xmpp_tls_core::StreamKind;

type Versions = &'static [&'static rustls::SupportedProtocolVersion];

/// The name of a variant, which `Debug` begins with.
fn variant(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn chain_variant(status: &ChainStatus) -> String {
    match status {
        ChainStatus::Untrusted(error) => variant(error),
        other => variant(other),
    }
}

/// One row for one end, with everything that it is to say.
struct Case {
    row: &'static Row,
    says: String,
    context: String,
}

impl Case {
    fn new(row: &'static Row, world: &World, needed: &str, versions: Versions) -> Case {
        let says = row.says.replace('%', needed).replace('$', world.kind.srv_service());
        let begins = if row.identity == "Mismatch" && row.chain == "Trusted" {
            ""
        } else {
            "a.example is not authenticated: "
        };
        Case {
            row,
            says: format!("{begins}{says}"),
            context: format!("{} {:?} {:?} {versions:?}", row.what, world.kind, world.purpose),
        }
    }

    fn recorded(&self, verdict: &Verdict) {
        let context = &self.context;
        assert_eq!(chain_variant(&verdict.chain), self.row.chain, "{context}: {verdict:?}");
        assert_eq!(variant(&verdict.identity), self.row.identity, "{context}: {verdict:?}");
        self.says(&verdict.check().unwrap_err());
    }

    fn says(&self, error: &IdentityError) {
        assert_eq!(error.to_string(), self.says, "{}", self.context);
    }

    /// The handshake failed, here for this reason and there by this alert.
    fn refused(&self, open: bool, here: Option<&rustls::Error>, there: Option<&rustls::Error>) {
        let context = &self.context;
        assert!(!open, "{context}");
        match here {
            Some(rustls::Error::InvalidCertificate(error)) => assert_eq!(variant(error), self.row.error, "{context}"),
            other => panic!("{context}: {other:?}"),
        }
        assert_eq!(heard(there), Some(self.row.alert), "{context}");
    }
}

fn heard(error: Option<&rustls::Error>) -> Option<Alert> {
    match error {
        Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
        _ => None,
    }
}

/// We are the client: a client of the domain, or a server that dials it.
#[test]
fn we_are_the_client() {
    for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
        let world = World::new(kind, Purpose::Server);
        let run = |shows: &Shows, strict: bool, versions| {
            let (verifier, references) = (shows.verifier.clone(), references(DOMAIN, kind));
            let verifier = Arc::new(match strict {
                true => ServerVerifier::strict(verifier, references, &provider()),
                false => ServerVerifier::recording(verifier, references, &provider()),
            });
            let shown = Shown::new(shows.chain.clone(), shows.key.clone_key());
            let client = client_config(&verifier, None, versions, now());
            let server = server_config(None, shown, versions, now());
            (Ends::new(client.into(), server.into(), DOMAIN).run(), verifier)
        };
        for versions in [TLS12, TLS13] {
            for row in ROWS {
                let case = Case::new(row, &world, "serverAuth", versions);
                let shows = world.bad(row.what);
                let (ends, verifier) = run(&shows, false, versions);
                assert!(ends.is_open(), "{}: {:?}", case.context, ends.client_error);
                case.recorded(&verifier.verdict(&ends.client).unwrap());
                assert_eq!(verifier.rejection(), None);

                let (ends, verifier) = run(&shows, true, versions);
                case.refused(ends.is_open(), ends.client_error.as_ref(), ends.server_error.as_ref());
                case.says(&verifier.rejection().unwrap());
                assert_eq!(verifier.verdict(&ends.client), Err(Unproved::Handshaking));
            }
            for strict in [false, true] {
                let (ends, verifier) = run(&world.good(), strict, versions);
                assert!(ends.is_open() && verifier.verdict(&ends.client).unwrap().is_authenticated());
            }
        }
    }
}

/// We are the server: of clients that log in with certificates, and of servers that dial us.
#[test]
fn we_are_the_server() {
    for (kind, purpose, needed) in [
        (StreamKind::ClientToServer, Purpose::ClientToServer, "clientAuth"),
        (StreamKind::ServerToServer, Purpose::PeerServer, "serverAuth"),
    ] {
        let world = World::new(kind, purpose);
        let references = references(DOMAIN, kind);
        let us = world.good();
        let run = |shows: &Shows, verifier: ClientVerifier, versions| {
            let shown = Shown::new(shows.chain.clone(), shows.key.clone_key());
            let ours = Shown::new(us.chain.clone(), us.key.clone_key());
            let theirs = ServerVerifier::strict(us.verifier.clone(), references.clone(), &provider());
            let verifier = Arc::new(verifier);
            let client = client_config(&Arc::new(theirs), Some(shown), versions, now());
            let server = server_config(Some(&verifier), ours, versions, now());
            (Ends::new(client.into(), server.into(), DOMAIN).run(), verifier)
        };
        let recording = |shows: &Shows| ClientVerifier::recording(shows.verifier.clone(), purpose, &provider());
        let strict = |shows: &Shows| {
            ClientVerifier::strict_for(shows.verifier.clone(), references.clone(), purpose, &provider())
        };
        // Who it is is not known yet: only the chain can fail the handshake.
        let strict_chain = |shows: &Shows| ClientVerifier::strict(shows.verifier.clone(), purpose, &provider());
        for versions in [TLS12, TLS13] {
            for row in ROWS {
                let case = Case::new(row, &world, needed, versions);
                let shows = world.bad(row.what);
                let (ends, verifier) = run(&shows, recording(&shows), versions);
                assert!(
                    ends.is_open(),
                    "{}: {:?} {:?}",
                    case.context,
                    ends.client_error,
                    ends.server_error
                );
                case.recorded(&verifier.verdict(&ends.server, &references, now()).unwrap());
                let status = verifier.chain_status(&ends.server, now()).unwrap();
                assert_eq!(chain_variant(&status), row.chain, "{}", case.context);

                let (ends, _) = run(&shows, strict(&shows), versions);
                case.refused(ends.is_open(), ends.server_error.as_ref(), ends.client_error.as_ref());

                let (ends, _) = run(&shows, strict_chain(&shows), versions);
                if row.chain == "Trusted" {
                    assert!(ends.is_open(), "{}", case.context);
                } else {
                    case.refused(ends.is_open(), ends.server_error.as_ref(), ends.client_error.as_ref());
                }
            }
            let good = world.good();
            for verifier in [recording(&good), strict(&good), strict_chain(&good)] {
                let (ends, verifier) = run(&good, verifier, versions);
                assert!(ends.is_open());
                let verdict = verifier.verdict(&ends.server, &references, now()).unwrap();
                assert!(verdict.is_authenticated());
            }
        }
    }
}

/// EKU-12: a server that asks and gets no certificate goes on, and has a verdict about that too.
#[test]
fn eku_12_no_certificate_is_a_verdict() {
    let world = World::new(StreamKind::ServerToServer, Purpose::PeerServer);
    let us = world.good();
    let references = references(DOMAIN, world.kind);
    let ours = Shown::new(us.chain.clone(), us.key.clone_key());
    let run = |verifier: &Arc<ClientVerifier>| {
        let theirs = ServerVerifier::strict(us.verifier.clone(), references.clone(), &provider());
        let client = client_config(&Arc::new(theirs), None, TLS13, now());
        let server = server_config(Some(verifier), ours.clone(), TLS13, now());
        Ends::new(client.into(), server.into(), DOMAIN).run()
    };
    let recording = Arc::new(ClientVerifier::recording(
        us.verifier.clone(),
        world.purpose,
        &provider(),
    ));
    let ends = run(&recording);
    assert!(ends.is_open());
    let verdict = recording.verdict(&ends.server, &references, now()).unwrap();
    assert!(verdict.check().unwrap_err().is_no_certificate());
    let strict = ClientVerifier::strict(us.verifier.clone(), world.purpose, &provider());
    let ends = run(&Arc::new(strict));
    assert_eq!(heard(ends.client_error.as_ref()), Some(Alert::CertificateRequired));
}

/// EKU-10, EKU-11 (row 26): what public CAs issue is good for a server that dials, and the verdict tells.
#[test]
fn eku_10_a_server_certificate_is_good_for_dialling() {
    let world = World::new(StreamKind::ServerToServer, Purpose::PeerServer);
    let us = world.good();
    let references = references(DOMAIN, world.kind);
    let key = KeyPair::generate().unwrap();
    for (listed, default, either) in [(Eku::ServerAuth, true, true), (Eku::ClientAuth, false, true)] {
        let mut params = world.leaf();
        params.extended_key_usages = vec![listed.clone()];
        let shown = Shown::new(vec![world.root.leaf_for(params, &key)], private(&key));
        for (mode, expected) in [
            (PeerServerUsage::ServerAuth, default),
            (PeerServerUsage::Either, either),
        ] {
            let verifier = us.verifier.clone().with_peer_server_usage(mode);
            let recording = Arc::new(ClientVerifier::recording(verifier, world.purpose, &provider()));
            let theirs = ServerVerifier::strict(us.verifier.clone(), references.clone(), &provider());
            let client = client_config(&Arc::new(theirs), Some(shown.clone()), TLS13, now());
            let ours = Shown::new(us.chain.clone(), us.key.clone_key());
            let server = server_config(Some(&recording), ours, TLS13, now());
            let ends = Ends::new(client.into(), server.into(), DOMAIN).run();
            assert!(ends.is_open());
            let verdict = recording.verdict(&ends.server, &references, now()).unwrap();
            assert_eq!(verdict.is_authenticated(), expected, "{listed:?} {mode:?}");
            assert_eq!(verdict.exception().is_some(), expected);
        }
    }
}
