//! One user, one purpose, one source of trust taken for another.

mod support;

use support::*;
use xmpp_identity::external::{Account, ClientLogin, Mapping};
use xmpp_identity::{Pin, Pins, PresentedIds, Purpose};

/// A CA that issues addresses octet by octet has two users there.
#[test]
fn a_character_that_folds_into_another_makes_no_user() {
    let ca = Ca::root("Root");
    for (lookalike, victim) in [
        ("\u{212A}ate", "kate"),
        ("\u{212B}sa", "\u{e5}sa"),
        ("\u{2126}mega", "\u{3c9}mega"),
    ] {
        let leaf = ca.leaf(&[xmpp_addr(&format!("{lookalike}@example.org"))]);
        let status = ca
            .verifier()
            .verify_chain(std::slice::from_ref(&leaf), Purpose::ClientToServer, now());
        let presented = PresentedIds::from_certificate(&leaf).unwrap();
        let domain = "example.org".parse().unwrap();
        let login = ClientLogin {
            domain: &domain,
            status: &status,
            presented: &presented,
            mapping: Mapping::None,
        };
        assert!(!login.offers_external(), "{lookalike}");
        assert!(login.decide(Some(&format!("{victim}@example.org")), None).is_err());
    }
    // What is one user however it is written stays one.
    let plain: Account = "Kate@example.org".parse().unwrap();
    assert_eq!(plain, "kate@example.org".parse().unwrap());
    assert!("\u{e5}sa@example.org".parse::<Account>().is_ok());
}

#[test]
fn what_shows_nothing_is_in_no_account() {
    for c in "\u{3164}\u{115f}\u{1160}\u{ffa0}\u{2800}\u{fe0f}\u{34f}\u{180b}\u{17b4}\u{e0100}\u{200b}".chars() {
        let account = format!("admin{c}@example.org").parse::<Account>();
        assert!(account.is_err(), "{:x}", u32::from(c));
    }
}

/// A listener for both kinds of peers must not let a server's certificate log a user in.
#[test]
fn a_chain_found_good_for_a_server_logs_no_user_in() {
    let ca = Ca::root("Root");
    let mut params = leaf_params("leaf", &[xmpp_addr("kate@example.org")]);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = ca.leaf_with(params);
    let presented = PresentedIds::from_certificate(&leaf).unwrap();
    let domain = "example.org".parse().unwrap();
    let account: Account = "kate@example.org".parse().unwrap();
    let status = ca
        .verifier()
        .verify_chain(std::slice::from_ref(&leaf), Purpose::PeerServer, now());
    assert!(status.is_trusted(), "{status}");
    for mapping in [Mapping::None, Mapping::Described(account)] {
        let login = ClientLogin {
            domain: &domain,
            status: &status,
            presented: &presented,
            mapping,
        };
        assert!(!login.offers_external());
    }
}

#[test]
fn pins_besides_hold_whatever_the_order_of_sources() {
    let ca = Ca::root("Root");
    let leaf = ca.leaf(&[dns("example.org")]);
    let domain = || "example.org".parse().unwrap();
    let stand_in = Pins::new().pin(domain(), [Pin::key_of(&leaf).unwrap()]);
    let besides = Pins::besides_pkix().pin(domain(), [Pin::Key([7; 32])]);
    let before = ca.verifier().with_source(besides.clone()).with_source(stand_in.clone());
    let behind = ca.verifier().with_source(stand_in.clone()).with_source(besides);
    for verifier in [before, behind] {
        let verdict = verify(&verifier, std::slice::from_ref(&leaf), "example.org");
        assert!(!verdict.is_authenticated(), "{verdict:?}");
    }
    let met = Pins::besides_pkix().pin(domain(), [Pin::key_of(&leaf).unwrap()]);
    let verifier = ca.verifier().with_source(stand_in).with_source(met);
    assert!(verify(&verifier, &[leaf], "example.org").is_authenticated());
}
