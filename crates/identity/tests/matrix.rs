//! Every way in which a certificate can be bad, to a client and to a server, for both kinds of streams,
//! over real handshakes: the exact status, message and alert (rows 18 to 26 of what went wrong in others).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose as Eku,
    GeneralSubtree, IsCa, KeyIdMethod, KeyPair, NameConstraints, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::AlertDescription as Alert;
use std::sync::Arc;
use support::tls::*;
use support::*;
use xmpp_identity::rustls::{ClientVerifier, ServerVerifier, Unproved};
use xmpp_identity::{IdentityVerifier, PeerServerUsage, Purpose, Revocation, Verdict, trust_anchor};
use xmpp_tls_core::StreamKind;

const DOMAIN: &str = "a.example";

/// A bad certificate, with its key, and what is said about it.
struct Case {
    what: &'static str,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    verifier: IdentityVerifier,
    /// Whether the chain is trusted, and whether the name matches: the two facts.
    facts: (bool, bool),
    /// What the operator reads, `%` standing for the purpose.
    says: &'static str,
    /// What the peer of a strict verifier hears.
    alert: Alert,
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

struct World {
    root: Ca,
    kind: StreamKind,
    purpose: Purpose,
}

impl World {
    fn new(kind: StreamKind, purpose: Purpose) -> World {
        World {
            root: Ca::root("Root"),
            kind,
            purpose,
        }
    }

    /// Every kind of name that would do for the domain.
    fn names(&self, domain: &str) -> Vec<Vec<u8>> {
        let srv_name = format!("{}.{domain}", self.kind.srv_service());
        vec![dns(domain), srv(&srv_name), xmpp_addr(domain)]
    }

    fn good(&self) -> CertificateParams {
        leaf_params("leaf", &self.names(DOMAIN))
    }

    fn cases(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let key = KeyPair::generate().unwrap();
        let mut add = |what, chain: Vec<_>, facts, says, alert| {
            cases.push(Case {
                what,
                chain,
                key: private(&key),
                verifier: self.root.verifier(),
                facts,
                says,
                alert,
            });
        };
        let own = |params: CertificateParams| params.self_signed(&key).unwrap().der().clone();
        let by_root = |params: CertificateParams| self.root.leaf_for(params, &key);

        let says = "a.example is not authenticated: the certificate of CN=leaf is self-signed and not among the trust \
                    anchors; besides, the certificate is for b.example, ";
        let stranger = leaf_params("leaf", &self.names("b.example"));
        add(
            "self-signed",
            vec![own(stranger.clone())],
            (false, false),
            says,
            Alert::UnknownCA,
        );
        let says = "a.example is not authenticated: the certificate of CN=leaf is self-signed and not among the trust \
                    anchors. Ask the operator of a.example for a certificate of a trusted CA, or pin this one here";
        add(
            "self-signed, right name",
            vec![own(self.good())],
            (false, true),
            says,
            Alert::UnknownCA,
        );
        let mut params = self.good();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        add(
            "self-signed CA, right name",
            vec![own(params.clone())],
            (false, true),
            says,
            Alert::UnknownCA,
        );

        let says = "certificate is for b.example, ";
        add(
            "wrong name",
            vec![by_root(stranger.clone())],
            (true, false),
            says,
            Alert::BadCertificate,
        );

        let mut expired = self.good();
        expired.not_after = date_time_ymd(2026, 12, 31);
        let says = "a.example is not authenticated: the certificate of CN=leaf expired on 2026-12-31 00:00:00 UTC. The \
                    operator of a.example must renew it; if the date looks right, check the clock here";
        add(
            "expired",
            vec![by_root(expired)],
            (false, true),
            says,
            Alert::CertificateExpired,
        );
        let mut early = self.good();
        early.not_before = date_time_ymd(2027, 1, 2);
        let says = "a.example is not authenticated: the certificate of CN=leaf is not valid before 2027-01-02 00:00:00 \
                    UTC. Check the clocks on both sides";
        add(
            "not yet valid",
            vec![by_root(early)],
            (false, true),
            says,
            Alert::CertificateExpired,
        );

        let says = "a.example is not authenticated: no trust anchor for issuer CN=Somebody Else, or an intermediate \
                    certificate is missing. Ask the operator of a.example to send the complete chain; if it is a \
                    private CA, add its root certificate here";
        let other = Ca::root("Somebody Else");
        let chain = vec![other.leaf_for(self.good(), &key), other.der.clone()];
        add("unknown CA", chain, (false, true), says, Alert::UnknownCA);

        let says = "a.example is not authenticated: an issuer in the chain is not a CA. Ask the operator of a.example \
                    for a new certificate";
        let false_ca = self.root.sub(leaf_params("Leaf", &[dns("evil.example")]));
        let chain = vec![false_ca.leaf_for(self.good(), &key), false_ca.der.clone()];
        add("leaf as CA", chain, (false, true), says, Alert::CertificateUnknown);
        let says = "a.example is not authenticated: the certificate of CN=leaf is a CA certificate and cannot identify \
                    a peer. Ask the operator of a.example for a new certificate";
        add(
            "CA as leaf",
            vec![by_root(params)],
            (false, true),
            says,
            Alert::CertificateUnknown,
        );

        let says = "a.example is not authenticated: the certificate of CN=leaf may be used for emailProtection only, \
                    not for %. Ask the operator of a.example for a certificate that allows %";
        let mut params = self.good();
        params.extended_key_usages = vec![Eku::EmailProtection];
        add(
            "wrong EKU",
            vec![by_root(params)],
            (false, true),
            says,
            Alert::UnsupportedCertificate,
        );
        let says = "a.example is not authenticated: the keyUsage of the certificate of CN=leaf lacks digitalSignature. \
                    Ask the operator of a.example for a new certificate";
        let mut params = self.good();
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyEncipherment];
        add(
            "wrong key usage",
            vec![by_root(params)],
            (false, true),
            says,
            Alert::UnsupportedCertificate,
        );

        let mut constrained = ca_params("Constrained");
        constrained.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName("corp.example".into())],
            excluded_subtrees: vec![],
        });
        let constrained = self.root.sub(constrained);
        let says = "a.example is not authenticated: a name in the certificate of CN=leaf is outside the name \
                    constraints of an issuer. Ask the operator of a.example for a new certificate";
        let chain = vec![constrained.leaf_for(self.good(), &key), constrained.der.clone()];
        add(
            "constrained CA, host name",
            chain,
            (false, true),
            says,
            Alert::CertificateUnknown,
        );
        let says = "certificate names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr; ignored: SRVName ";
        let params = leaf_params("leaf", &self.names(DOMAIN)[1..]);
        let chain = vec![constrained.leaf_for(params, &key), constrained.der.clone()];
        add(
            "constrained CA, other names",
            chain,
            (true, false),
            says,
            Alert::BadCertificate,
        );

        let nobody = "certificate names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr. Ask the operator of \
                      a.example to add it: host names found through SRV or CNAME records do not count";
        let cn_only = by_root(leaf_params(DOMAIN, &[]));
        add("CN only", vec![cn_only], (true, false), nobody, Alert::BadCertificate);
        let params = leaf_params("leaf", &[dns("a.example\0.evil"), xmpp_addr("a.example\0")]);
        let says = "certificate names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr; ignored: dNSName \
                    a.example\\0.evil (not a valid name: contains NUL or another control character), XmppAddr ";
        add("NUL", vec![by_root(params)], (true, false), says, Alert::BadCertificate);
        let names = [
            "*.a.example",
            "*.example",
            "*",
            "a.*",
            "*.*",
            "a*.example",
            "*a.example",
            "xn--*.example",
        ];
        let names: Vec<Vec<u8>> = names.iter().map(|name| dns(name)).collect();
        let says = "certificate is for *.a.example, *.example; needed a.example, as DNS-ID, SRV-ID or XmppAddr; \
                    ignored: dNSName * (not a valid name: a wildcard must be the complete left-most label, once)";
        add(
            "wildcards",
            vec![by_root(leaf_params("leaf", &names))],
            (true, false),
            says,
            Alert::BadCertificate,
        );

        let says = "a.example is not authenticated: the key of CN=Small Root is too weak: RSA 1024. Ask the operator of \
                    a.example for a new certificate";
        add(
            "weak key",
            vec![fixture("small_leaf")],
            (false, true),
            says,
            Alert::CertificateUnknown,
        );
        let mut params = self.good();
        params.serial_number = Some(SerialNumber::from(4711));
        let revoked = by_root(params);
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 12, 1),
            next_update: date_time_ymd(2027, 2, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(4711),
                revocation_time: date_time_ymd(2026, 12, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.root.issuer).unwrap();
        let says = "a.example is not authenticated: the certificate of CN=leaf is revoked. Ask the operator of \
                    a.example for a new certificate";
        add("revoked", vec![revoked], (false, true), says, Alert::CertificateRevoked);
        let revocation = Revocation::soft([list.der()]).unwrap();
        let last = cases.last_mut().unwrap();
        last.verifier = self.root.verifier().with_revocation(revocation);
        let weak = cases.iter_mut().find(|case| case.what == "weak key").unwrap();
        weak.key = fixture_key();
        weak.verifier = verifier([trust_anchor(&fixture("small_root")).unwrap()]);

        cases
    }

    /// One that nothing is wrong with, to see that the others fail for their own reasons.
    fn good_case(&self) -> Case {
        let key = KeyPair::generate().unwrap();
        Case {
            what: "good",
            chain: vec![self.root.leaf_for(self.good(), &key)],
            key: private(&key),
            verifier: self.root.verifier(),
            facts: (true, true),
            says: "",
            alert: Alert::CloseNotify,
        }
    }
}

fn check(case: &Case, verdict: &Verdict, context: &str, needed: &str) {
    assert_eq!(
        (verdict.chain.is_trusted(), verdict.identity.matched().is_some()),
        case.facts,
        "{context}: {verdict:?}"
    );
    let expected = case.says.replace('%', needed);
    match verdict.check() {
        Ok(_) => assert_eq!(case.what, "good", "{context}"),
        Err(error) => {
            let error = error.to_string();
            assert!(
                !expected.is_empty() && error.starts_with(&expected),
                "{context}:\n{error}\n{expected}"
            );
        }
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
        for (case, versions) in all(&world) {
            let context = format!("{} {kind:?} {versions:?}", case.what);
            let shown = Shown::new(case.chain.clone(), case.key.clone_key());
            let make = |strict: bool| {
                let (verifier, references) = (case.verifier.clone(), references(DOMAIN, kind));
                let verifier = match strict {
                    true => ServerVerifier::strict(verifier, references, &provider()),
                    false => ServerVerifier::recording(verifier, references, &provider()),
                };
                Arc::new(verifier)
            };
            let run = |verifier: &Arc<ServerVerifier>| {
                let client = client_config(verifier, None, versions, now());
                let server = server_config(None, shown.clone(), versions, now());
                Ends::new(client.into(), server.into(), DOMAIN).run()
            };
            let recording = make(false);
            let ends = run(&recording);
            assert!(ends.is_open(), "{context}: {:?}", ends.client_error);
            check(&case, &recording.verdict(&ends.client).unwrap(), &context, "serverAuth");
            assert_eq!(recording.rejection(), None);

            let strict = make(true);
            let ends = run(&strict);
            if case.what == "good" {
                assert!(ends.is_open() && strict.verdict(&ends.client).unwrap().is_authenticated());
            } else {
                assert!(!ends.is_open(), "{context}");
                assert_eq!(heard(ends.server_error.as_ref()), Some(case.alert), "{context}");
                let rejection = strict.rejection().unwrap().to_string();
                let expected = case.says.replace('%', "serverAuth");
                assert!(rejection.starts_with(&expected), "{context}: {rejection}");
                assert_eq!(strict.verdict(&ends.client), Err(Unproved::Handshaking), "{context}");
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
        let us = World::new(kind, Purpose::Server).good_case();
        for (case, versions) in all(&world) {
            let context = format!("{} {kind:?} {versions:?}", case.what);
            let shown = Shown::new(case.chain.clone(), case.key.clone_key());
            let ours = Shown::new(us.chain.clone(), us.key.clone_key());
            let run = |verifier: &Arc<ClientVerifier>| {
                let theirs = ServerVerifier::strict(us.verifier.clone(), references.clone(), &provider());
                let client = client_config(&Arc::new(theirs), Some(shown.clone()), versions, now());
                let server = server_config(Some(verifier), ours.clone(), versions, now());
                Ends::new(client.into(), server.into(), DOMAIN).run()
            };
            let recording = Arc::new(ClientVerifier::recording(
                case.verifier.clone(),
                world.purpose,
                &provider(),
            ));
            let ends = run(&recording);
            assert!(
                ends.is_open(),
                "{context}: {:?} {:?}",
                ends.client_error,
                ends.server_error
            );
            let verdict = recording.verdict(&ends.server, &references, now()).unwrap();
            check(&case, &verdict, &context, needed);
            let status = recording.chain_status(&ends.server, now()).unwrap();
            assert_eq!(status.is_trusted(), case.facts.0, "{context}");

            let (verifier, references) = (case.verifier.clone(), references.clone());
            let strict = ClientVerifier::strict_for(verifier, references, world.purpose, &provider());
            let ends = run(&Arc::new(strict));
            assert_eq!(ends.is_open(), case.what == "good", "{context}");
            if case.what != "good" {
                assert_eq!(heard(ends.client_error.as_ref()), Some(case.alert), "{context}");
            }
            // Who it is is not known yet: only the chain can fail the handshake.
            let strict = ClientVerifier::strict(case.verifier.clone(), world.purpose, &provider());
            assert_eq!(run(&Arc::new(strict)).is_open(), case.facts.0, "{context}");
        }
    }
}

fn all(world: &World) -> Vec<(Case, &'static [&'static rustls::SupportedProtocolVersion])> {
    let mut cases: Vec<_> = world.cases().into_iter().map(|case| (case, TLS13)).collect();
    assert!(cases.len() >= 18);
    // The older version goes another way to the alert; what it says is the same.
    cases.extend(world.cases().into_iter().map(|case| (case, TLS12)));
    cases.push((world.good_case(), TLS13));
    cases.push((world.good_case(), TLS12));
    cases
}

/// EKU-12: a server that asks and gets no certificate goes on, and has a verdict about that too.
#[test]
fn eku_12_no_certificate_is_a_verdict() {
    let world = World::new(StreamKind::ServerToServer, Purpose::PeerServer);
    let us = world.good_case();
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
    let us = world.good_case();
    let references = references(DOMAIN, world.kind);
    let key = KeyPair::generate().unwrap();
    for (listed, default, either) in [(Eku::ServerAuth, true, true), (Eku::ClientAuth, false, true)] {
        let mut params = world.good();
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
