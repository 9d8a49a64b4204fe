//! What is shown to people: one line with everything in it, and nothing of a certificate that could play
//! tricks with a terminal or a log.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use pki_types::CertificateDer;
use std::error::Error;
use support::*;
use xmpp_identity::external::{Account, ServerLogin};
use xmpp_identity::{CertificateFacts, Domain, Pin, Pins, PresentedIds, trust_anchor};

/// An end of line, a terminal's escape, a NUL, an override of direction, a mark of it, a space of no width.
const TRICKS: &str = "x\n\r\u{1b}[31m\u{9b}\0\u{202e}\u{2066}\u{200f}\u{200b}\u{feff}\u{2028}";

fn assert_safe(text: &str) {
    let invisible = |c: char| c.is_control() || TRICKS.chars().skip(1).any(|trick| trick == c && !c.is_ascii());
    assert!(!text.is_empty() && !text.chars().any(invisible), "{text:?}");
    assert!(text.len() < 6000, "{}", text.len());
}

/// The text alone tells everything: no source repeats a part of it, and none holds more.
fn assert_whole(error: &dyn Error) {
    assert_safe(&error.to_string());
    assert!(error.source().is_none(), "{error}");
}

#[test]
fn nothing_of_a_certificate_is_shown_raw() {
    let root = Ca::root(&format!("Root {TRICKS}"));
    let hostile = format!("{TRICKS}.example");
    let names = [
        dns(&hostile),
        srv(&format!("_xmpp-client.{hostile}")),
        srv(&format!("_{hostile}.a.example")),
        xmpp_addr(&hostile),
        xmpp_addr("\u{202e}moc.elpmaxe"),
        xmpp_addr("juliet\u{2066}@a.example"),
        tlv(0x81, hostile.as_bytes()),
        tlv(0x86, hostile.as_bytes()),
        tlv(0xa0, hostile.as_bytes()),
        tlv(0x87, hostile.as_bytes()),
    ];
    let leaf = root.leaf_with(leaf_params(TRICKS, &names));
    let presented = PresentedIds::from_certificate(&leaf).unwrap();
    assert_eq!((presented.iter().count(), presented.ignored().len()), (2, 8));
    presented.iter().for_each(|id| assert_safe(&id.to_string()));
    presented.ignored().iter().for_each(|id| assert_safe(&id.to_string()));

    let facts = CertificateFacts::from_der(&leaf).unwrap();
    for text in [&facts.subject, &facts.issuer].into_iter().chain(&facts.xmpp_addr) {
        assert_safe(text);
    }
    facts.ignored.iter().for_each(|id| assert_safe(&id.to_string()));

    let pins = Pins::new().pin("a.example".parse().unwrap(), [Pin::Key([7; 32])]);
    let chain = [leaf];
    for verifier in [
        root.verifier(),
        root.verifier().with_source(pins),
        Ca::root("Other").verifier(),
        verifier([trust_anchor(&chain[0]).unwrap()]),
    ] {
        let verdict = verify(&verifier, &chain, "a.example");
        assert_safe(&verdict.to_string());
        assert_safe(&verdict.chain.to_string());
        assert_safe(&verdict.identity.to_string());
        verdict.trust.iter().for_each(|step| assert_safe(&step.to_string()));
        assert_whole(&verdict.check().unwrap_err());
    }
}

#[test]
fn an_error_is_told_in_one_line() {
    let root = Ca::root("Root");
    let unreadable = CertificateDer::from(vec![0x30, 0]);
    let damaged = root.leaf(&[vec![0x82, 0x7f, b'x']]);
    let verdict = verify(&root.verifier(), std::slice::from_ref(&damaged), "a.example");
    let error = verdict.check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.example is not authenticated: its certificate cannot be read: the certificate's subjectAltName is not a list \
         of names (RFC 5280 section 4.2.1.6)"
    );
    assert_whole(&error);
    let verdict = verify(&Ca::root("Other").verifier(), &[damaged], "a.example");
    let text = verdict.check().unwrap_err().to_string();
    assert!(
        text.contains("missing; besides, the certificate cannot be read: the certificate's subjectAltName"),
        "{text}"
    );
    for chain in [vec![unreadable.clone()], vec![], vec![fixture("v1")]] {
        assert_whole(&verify(&root.verifier(), &chain, "a.example").check().unwrap_err());
    }
    assert_whole(&Pin::key_of(&unreadable).unwrap_err());
    assert_whole(&trust_anchor(&unreadable).unwrap_err());
    assert_whole(&"juliet".parse::<Account>().unwrap_err());
    let from: Domain = "a.example".parse().unwrap();
    let login = ServerLogin { from: Some(&from) };
    assert_whole(&login.decide(None, |_| verdict.clone()).unwrap_err());
}
