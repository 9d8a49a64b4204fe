//! SASL EXTERNAL with certificates: the tables in tests/vectors/identity/external.toml.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::CertificateDer;
use rcgen::{GeneralSubtree, KeyPair, NameConstraints};
use serde::Deserialize;
use support::*;
use xmpp_identity::external::{Account, ClientLogin, Failure, InitialResponse, Mapping, ServerLogin};
use xmpp_identity::{PresentedIds, Purpose};
use xmpp_tls_core::{Domain, StreamKind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    user: Vec<User>,
    server: Vec<Server>,
    response: Vec<Response>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: String,
    what: String,
    clause: String,
    xmpp_addr: Vec<String>,
    chain: Option<String>,
    known: Option<String>,
    described: Option<String>,
    authzid: Option<String>,
    from: Option<String>,
    offered: bool,
    account: Option<String>,
    failure: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    id: String,
    what: String,
    clause: String,
    names: Vec<String>,
    chain: Option<String>,
    from: Option<String>,
    authzid: Option<String>,
    offered: bool,
    domain: Option<String>,
    failure: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    id: String,
    text: String,
    authzid: Option<String>,
    #[serde(default)]
    absent: bool,
    failure: Option<String>,
}

fn table() -> Table {
    let path = format!(
        "{}/../../tests/vectors/identity/external.toml",
        env!("CARGO_MANIFEST_DIR")
    );
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A chain of this kind and a verifier that judges it so.
fn chain(kind: Option<&str>, names: &[Vec<u8>]) -> (xmpp_identity::IdentityVerifier, Vec<CertificateDer<'static>>) {
    let root = Ca::root("Root");
    match kind.unwrap_or("trusted") {
        "trusted" => (root.verifier(), vec![root.leaf(names)]),
        "untrusted" => (root.verifier(), vec![Ca::root("Somebody").leaf(names)]),
        "none" => (root.verifier(), vec![]),
        "self-signed" => {
            let key = KeyPair::generate().unwrap();
            let own = leaf_params("leaf", names).self_signed(&key).unwrap().der().clone();
            (root.verifier(), vec![own])
        }
        "constrained" => {
            let mut params = ca_params("Constrained");
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("example.net".into())],
                excluded_subtrees: vec![],
            });
            let root = Ca::root_with(params);
            // Without a host name: path building would refuse one outside.
            let names: Vec<_> = names.iter().filter(|name| name[0] != 0x82).cloned().collect();
            (root.verifier(), vec![root.leaf(&names)])
        }
        other => panic!("{other}"),
    }
}

/// EXTC-01 to EXTC-08: users.
#[test]
fn extc_users() {
    let domain: Domain = "example.org".parse().unwrap();
    for row in table().user {
        let context = format!("{} ({}; {})", row.id, row.what, row.clause);
        let mut names: Vec<Vec<u8>> = row.xmpp_addr.iter().map(|jid| xmpp_addr(jid)).collect();
        names.push(dns("example.org"));
        let (verifier, chain) = chain(row.chain.as_deref(), &names);
        let status = verifier.verify_chain(&chain, Purpose::ClientToServer, now());
        let presented = chain.first().map_or_else(PresentedIds::default, |leaf| {
            PresentedIds::from_certificate(leaf).unwrap()
        });
        let account = |jid: String| -> Account { jid.parse().unwrap() };
        let mapping = match (row.known, row.described) {
            (Some(jid), _) => Mapping::Known(account(jid)),
            (None, Some(jid)) => Mapping::Described(account(jid)),
            (None, None) => Mapping::None,
        };
        let login = ClientLogin {
            domain: &domain,
            status: &status,
            presented: &presented,
            mapping,
        };
        assert_eq!(login.offers_external(), row.offered, "{context}");
        let outcome = login.decide(row.authzid.as_deref(), row.from.map(account).as_ref());
        let expected = row.account.ok_or(row.failure);
        assert_eq!(
            outcome
                .map(|account| account.to_string())
                .map_err(|failure| Some(failure.condition().to_owned())),
            expected,
            "{context}"
        );
    }
}

/// EXTS-01 to EXTS-07, EXTS-11, CERT-08: servers.
#[test]
fn exts_servers() {
    for row in table().server {
        let context = format!("{} ({}; {})", row.id, row.what, row.clause);
        let names: Vec<Vec<u8>> = row.names.iter().map(|name| dns(name)).collect();
        let (verifier, chain) = chain(row.chain.as_deref(), &names);
        let verdict = |domain: &Domain| {
            let references = references(domain.as_str(), StreamKind::ServerToServer);
            verifier.verify(&chain, &references, Purpose::PeerServer, now())
        };
        let from: Option<Domain> = row.from.map(|from| from.parse().unwrap());
        let login = ServerLogin { from: from.as_ref() };
        let offered = from.as_ref().is_some_and(|from| login.offers_external(&verdict(from)));
        assert_eq!(offered, row.offered, "{context}");
        let outcome = login.decide(row.authzid.as_deref(), verdict);
        let expected = row.domain.ok_or(row.failure);
        assert_eq!(
            outcome
                .map(|domain| domain.to_string())
                .map_err(|refusal| Some(refusal.failure.condition().to_owned())),
            expected,
            "{context}"
        );
    }
}

/// EXTC-08, EXTC-09, EXTC-10: what stands in the element, and the way back.
#[test]
fn extc_10_responses() {
    for row in table().response {
        match (InitialResponse::decode(&row.text), row.failure) {
            (Err(failure), Some(expected)) => assert_eq!(failure.condition(), expected, "{}", row.id),
            (Ok(response), None) => {
                assert_eq!(response == InitialResponse::Absent, row.absent, "{}", row.id);
                assert_eq!(response.authzid().unwrap_or_default(), row.authzid.unwrap_or_default());
                if !row.absent {
                    assert_eq!(InitialResponse::encode(response.authzid()), row.text);
                }
            }
            (outcome, expected) => panic!("{}: {outcome:?}, expected {expected:?}", row.id),
        }
    }
    let long = InitialResponse::encode(Some(&"a".repeat(3072)));
    assert_eq!(InitialResponse::decode(&long), Err(Failure::MalformedRequest));
    let long = InitialResponse::encode(Some(&"a".repeat(3071)));
    assert!(InitialResponse::decode(&long).is_ok());
}

/// EXTS-09: EXTERNAL says nothing about the receiver, so it is used only to one that has proved itself;
/// and a verdict about another domain than the header's proves nothing about that one.
#[test]
fn exts_09_only_to_a_receiver_that_has_proved_itself() {
    let root = Ca::root("Root");
    let leaf = [root.leaf(&[dns("a.example")])];
    assert!(ServerLogin::may_use_external(&verify(
        &root.verifier(),
        &leaf,
        "a.example"
    )));
    assert!(!ServerLogin::may_use_external(&verify(
        &root.verifier(),
        &leaf,
        "b.example"
    )));
    let b: Domain = "b.example".parse().unwrap();
    let login = ServerLogin { from: Some(&b) };
    let about_a = verify(&root.verifier(), &leaf, "a.example");
    assert!(!login.offers_external(&about_a));
    let refusal = login.decide(None, |_| about_a).unwrap_err();
    assert_eq!(refusal.failure, Failure::NotAuthorized);
    let refusal = login
        .decide(None, |domain| verify(&root.verifier(), &leaf, domain.as_str()))
        .unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("certificate is for a.example; needed b.example"),
        "{refusal}"
    );
}
