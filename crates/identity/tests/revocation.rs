//! Revocation lists, as the caller has them (RFC 6120 section 13.7.2).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

mod support;

use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use support::*;
use xmpp_identity::{CertificateError, ChainError, ChainStatus, Revocation, RevocationStatus, Verdict};

/// A list of this CA, good until a day of 2027.
fn list(ca: &Ca, revoked: &[u64], until_day: u8) -> Vec<u8> {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2026, 12, 1),
        next_update: date_time_ymd(2027, 1, until_day),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked
            .iter()
            .map(|&serial| RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2026, 12, 1),
                reason_code: None,
                invalidity_date: None,
            })
            .collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(&ca.issuer).unwrap().der().to_vec()
}

fn ca(cn: &str) -> rcgen::CertificateParams {
    let mut params = ca_params(cn);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn status(verdict: &Verdict) -> Result<RevocationStatus, String> {
    match &verdict.chain {
        ChainStatus::Trusted { revocation, .. } => Ok(*revocation),
        ChainStatus::Untrusted(error) => Err(error.to_string()),
        other => panic!("{other:?}"),
    }
}

/// CERT-07: off, soft and hard, against lists that are missing, clean, stale, and that name a certificate.
#[test]
fn cert_07_off_soft_and_hard() {
    let root = Ca::root_with(ca("Root"));
    let mut params = ca("Issuer");
    params.serial_number = Some(SerialNumber::from(77));
    let sub = root.sub(params);
    let mut params = leaf_params("leaf", &[dns("a.example")]);
    params.serial_number = Some(SerialNumber::from(4711));
    let chain = [sub.leaf_with(params), sub.der.clone()];
    let (clean_root, clean_sub) = (list(&root, &[], 31), list(&sub, &[1, 2], 31));
    let revoked = |who: &str| Err(format!("the certificate of CN={who} is revoked"));
    let missing = |who: &str| Err(format!("no revocation list of CN={who} is at hand"));
    let stale = Err("a revocation list for the chain is out of date since 2027-01-01 00:00:00 UTC".to_owned());
    // (lists, soft, hard)
    let table = [
        (vec![], Ok(RevocationStatus::Unknown), missing("Issuer")),
        (
            vec![clean_root.clone(), clean_sub.clone()],
            Ok(RevocationStatus::Good),
            Ok(RevocationStatus::Good),
        ),
        (
            vec![clean_root.clone()],
            Ok(RevocationStatus::Unknown),
            missing("Issuer"),
        ),
        (vec![clean_sub.clone()], Ok(RevocationStatus::Unknown), missing("Root")),
        (
            vec![clean_root.clone(), list(&sub, &[], 1)],
            Ok(RevocationStatus::Unknown),
            stale.clone(),
        ),
        (
            vec![clean_root.clone(), list(&sub, &[4711], 31)],
            revoked("leaf"),
            revoked("leaf"),
        ),
        (vec![list(&sub, &[4711], 31)], revoked("leaf"), missing("Root")),
        (
            vec![list(&root, &[77], 31), clean_sub],
            revoked("Issuer"),
            revoked("Issuer"),
        ),
        // A list that is out of date still tells what was revoked before.
        (vec![clean_root, list(&sub, &[4711], 1)], revoked("leaf"), stale),
    ];
    for (number, (lists, soft, hard)) in table.into_iter().enumerate() {
        let with = |revocation: Revocation| {
            status(&verify(
                &root.verifier().with_revocation(revocation),
                &chain,
                "a.example",
            ))
        };
        assert_eq!(
            with(Revocation::default()),
            Ok(RevocationStatus::NotChecked),
            "{number}"
        );
        assert_eq!(with(Revocation::soft(&lists).unwrap()), soft, "soft {number}");
        assert_eq!(with(Revocation::hard(&lists).unwrap()), hard, "hard {number}");
    }
    let revocation = Revocation::soft([list(&sub, &[4711], 31)]).unwrap();
    let error = verify(&root.verifier().with_revocation(revocation), &chain, "a.example")
        .check()
        .unwrap_err();
    assert!(error.is_revoked() && !error.is_untrusted());
}

/// A list that somebody else signed is no list.
#[test]
fn a_forged_list_is_refused() {
    let root = Ca::root_with(ca("Root"));
    let forger = Ca::root_with(ca("Root"));
    let revocation = Revocation::soft([list(&forger, &[], 31)]).unwrap();
    let verdict = verify(
        &root.verifier().with_revocation(revocation),
        &[root.leaf(&[dns("a.example")])],
        "a.example",
    );
    assert!(
        matches!(&verdict.chain, ChainStatus::Untrusted(ChainError::Malformed { .. })),
        "{verdict}"
    );
    assert!(matches!(
        Revocation::hard([b"no list"]),
        Err(CertificateError::BadRevocationList(_))
    ));
}
