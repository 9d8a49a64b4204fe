//! The table: what is wrong with a certificate, and exactly what is to be said about it.

use crate::support::*;
use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension,
    ExtendedKeyUsagePurpose as Eku, GeneralSubtree, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::AlertDescription as Alert;
use xmpp_identity::{IdentityVerifier, Purpose, Revocation, trust_anchor};
use xmpp_tls_core::StreamKind;

pub(crate) const DOMAIN: &str = "a.example";

pub(crate) struct Row {
    pub(crate) what: &'static str,
    /// The two facts: the `ChainError`, or `Trusted`, and the `IdentityStatus`.
    pub(crate) chain: &'static str,
    pub(crate) identity: &'static str,
    /// What rustls makes of it where the verifier is strict, and what the peer hears then.
    pub(crate) error: &'static str,
    pub(crate) alert: Alert,
    /// What the operator reads, without a first part that most have in common. `%` stands for the
    /// purpose, `$` for the service.
    pub(crate) says: &'static str,
}

const fn row(
    what: &'static str,
    status: (&'static str, &'static str),
    tls: (&'static str, Alert),
    says: &'static str,
) -> Row {
    Row {
        what,
        chain: status.0,
        identity: status.1,
        error: tls.0,
        alert: tls.1,
        says,
    }
}

const UNKNOWN_CA: (&str, Alert) = ("UnknownIssuer", Alert::UnknownCA);
const BAD_NAME: (&str, Alert) = ("NotValidForName", Alert::BadCertificate);
const OTHER: (&str, Alert) = ("Other", Alert::CertificateUnknown);
const PURPOSE: (&str, Alert) = ("InvalidPurpose", Alert::UnsupportedCertificate);

pub(crate) const ROWS: &[Row] = &[
    row(
        "self-signed",
        ("SelfSigned", "Mismatch"),
        UNKNOWN_CA,
        "the certificate of CN=leaf is self-signed and not among the trust anchors; besides, the certificate is for \
         b.example, $.b.example; needed a.example, as DNS-ID, SRV-ID or XmppAddr. Ask the operator of a.example for a \
         certificate of a trusted CA, or pin this one here",
    ),
    row(
        "self-signed, right name",
        ("SelfSigned", "Matched"),
        UNKNOWN_CA,
        "the certificate of CN=leaf is self-signed and not among the trust anchors. Ask the operator of a.example for a \
         certificate of a trusted CA, or pin this one here",
    ),
    row(
        "self-signed CA, right name",
        ("SelfSigned", "Matched"),
        UNKNOWN_CA,
        "the certificate of CN=leaf is self-signed and not among the trust anchors. Ask the operator of a.example for a \
         certificate of a trusted CA, or pin this one here",
    ),
    row(
        "wrong name",
        ("Trusted", "Mismatch"),
        BAD_NAME,
        "certificate is for b.example, $.b.example; needed a.example, as DNS-ID, SRV-ID or XmppAddr. Ask the operator \
         of a.example to add it: host names found through SRV or CNAME records do not count",
    ),
    row(
        "expired",
        ("Expired", "Matched"),
        ("Expired", Alert::CertificateExpired),
        "the certificate of CN=leaf expired on 2026-12-31 00:00:00 UTC. The operator of a.example must renew it; if the \
         date looks right, check the clock here",
    ),
    row(
        "not yet valid",
        ("NotYetValid", "Matched"),
        ("NotValidYet", Alert::CertificateExpired),
        "the certificate of CN=leaf is not valid before 2027-01-02 00:00:00 UTC. Check the clocks on both sides",
    ),
    row(
        "unknown CA",
        ("UnknownIssuer", "Matched"),
        UNKNOWN_CA,
        "no trust anchor for issuer CN=Somebody Else, or an intermediate certificate is missing. Ask the operator of \
         a.example to send the complete chain; if it is a private CA, add its root certificate here",
    ),
    row(
        "forged CA",
        ("BadSignature", "Matched"),
        ("BadSignature", Alert::DecryptError),
        "the signature on the certificate of CN=leaf was not made by its issuer CN=Root. Ask the operator of a.example \
         for a new certificate",
    ),
    row(
        "leaf as CA",
        ("EndEntityAsCa", "Matched"),
        OTHER,
        "an issuer in the chain is not a CA. Ask the operator of a.example for a new certificate",
    ),
    row(
        "CA as leaf",
        ("CaAsEndEntity", "Matched"),
        OTHER,
        "the certificate of CN=leaf is a CA certificate and cannot identify a peer. Ask the operator of a.example for a \
         new certificate",
    ),
    row(
        "wrong EKU",
        ("WrongPurpose", "Matched"),
        PURPOSE,
        "the certificate of CN=leaf may be used for emailProtection only, not for %. Ask the operator of a.example for \
         a certificate that allows %",
    ),
    row(
        "wrong EKU of the issuer",
        ("WrongPurpose", "Matched"),
        PURPOSE,
        "the certificate of CN=Mail CA may be used for emailProtection only, not for %. Ask the operator of a.example \
         for a certificate that allows %",
    ),
    row(
        "wrong key usage",
        ("WrongKeyUsage", "Matched"),
        PURPOSE,
        "the keyUsage of the certificate of CN=leaf lacks digitalSignature. Ask the operator of a.example for a new \
         certificate",
    ),
    row(
        "weak key",
        ("WeakKey", "Matched"),
        OTHER,
        "the key of CN=Small Root is too weak: RSA 1024. Ask the operator of a.example for a new certificate",
    ),
    row(
        "revoked",
        ("Revoked", "Matched"),
        ("Revoked", Alert::CertificateRevoked),
        "the certificate of CN=leaf is revoked. Ask the operator of a.example for a new certificate",
    ),
    row(
        "constrained CA, host name",
        ("NameConstraint", "Matched"),
        OTHER,
        "a name in the certificate of CN=leaf is outside the name constraints of an issuer. Ask the operator of \
         a.example for a new certificate",
    ),
    row(
        "constrained CA, other names",
        ("Trusted", "Mismatch"),
        BAD_NAME,
        "certificate names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr; ignored: SRVName $.a.example \
         (outside the name constraints of its issuer), XmppAddr a.example (outside the name constraints of its issuer). \
         Ask the operator of a.example to add it: host names found through SRV or CNAME records do not count",
    ),
    row(
        "CN only",
        ("Trusted", "Mismatch"),
        BAD_NAME,
        "certificate names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr. Ask the operator of a.example to \
         add it: host names found through SRV or CNAME records do not count",
    ),
    row(
        "NUL",
        ("Trusted", "Mismatch"),
        BAD_NAME,
        "certificate names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr; ignored: dNSName \
         a.example\\0.evil (not a valid name: contains NUL or another control character), XmppAddr \
         0x06082b06010505070805a00c0c0a612e6578616d706c6500 (not a valid name: contains NUL or another control \
         character). Ask the operator of a.example to add it: host names found through SRV or CNAME records do not count",
    ),
    row(
        "wildcards",
        ("Trusted", "Mismatch"),
        BAD_NAME,
        "certificate is for *.a.example, *.example; needed a.example, as DNS-ID, SRV-ID or XmppAddr; ignored: dNSName * \
         (not a valid name: a wildcard must be the complete left-most label, once), dNSName a.* (not a valid name: a \
         wildcard must be the complete left-most label, once). Ask the operator of a.example to add it: host names \
         found through SRV or CNAME records do not count",
    ),
    row(
        "unknown critical extension",
        ("Malformed", "Matched"),
        OTHER,
        "a certificate in the chain is malformed or uses an unsupported feature: UnsupportedCriticalExtension. Ask the \
         operator of a.example for a new certificate",
    ),
    row(
        "version 1",
        ("SelfSigned", "Mismatch"),
        UNKNOWN_CA,
        "the certificate of CN=im.example.com is self-signed and not among the trust anchors; besides, the certificate \
         names nobody; needed a.example, as DNS-ID, SRV-ID or XmppAddr. Ask the operator of a.example for a certificate \
         of a trusted CA, or pin this one here",
    ),
];

/// What somebody shows, and who is to judge it.
pub(crate) struct Shows {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) verifier: IdentityVerifier,
}

pub(crate) fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivatePkcs8KeyDer::from(key.serialize_der()).into()
}

pub(crate) struct World {
    pub(crate) root: Ca,
    pub(crate) kind: StreamKind,
    pub(crate) purpose: Purpose,
}

impl World {
    pub(crate) fn new(kind: StreamKind, purpose: Purpose) -> World {
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

    /// A leaf with nothing wrong in it.
    pub(crate) fn leaf(&self) -> CertificateParams {
        leaf_params("leaf", &self.names(DOMAIN))
    }

    /// With nothing wrong at all, to see that the others fail for their own reasons.
    pub(crate) fn good(&self) -> Shows {
        let key = KeyPair::generate().unwrap();
        Shows {
            chain: vec![self.root.leaf_for(self.leaf(), &key)],
            key: private(&key),
            verifier: self.root.verifier(),
        }
    }

    /// What a row is about.
    pub(crate) fn bad(&self, what: &str) -> Shows {
        let key = KeyPair::generate().unwrap();
        let mut shows = self.good();
        shows.key = private(&key);
        let own = |params: CertificateParams| vec![params.self_signed(&key).unwrap().der().clone()];
        let by_root = |params: CertificateParams| vec![self.root.leaf_for(params, &key)];
        let by = |ca: Ca, params: CertificateParams| vec![ca.leaf_for(params, &key), ca.der.clone()];
        let changed = |change: &dyn Fn(&mut CertificateParams)| {
            let mut params = self.leaf();
            change(&mut params);
            params
        };
        let as_ca = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let constrained = || {
            let mut params = ca_params("Constrained");
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("corp.example".into())],
                excluded_subtrees: vec![],
            });
            self.root.sub(params)
        };
        shows.chain = match what {
            "self-signed" => own(leaf_params("leaf", &self.names("b.example"))),
            "self-signed, right name" => own(self.leaf()),
            "self-signed CA, right name" => own(changed(&as_ca)),
            "wrong name" => by_root(leaf_params("leaf", &self.names("b.example"))),
            "expired" => by_root(changed(&|leaf| leaf.not_after = date_time_ymd(2026, 12, 31))),
            "not yet valid" => by_root(changed(&|leaf| leaf.not_before = date_time_ymd(2027, 1, 2))),
            "unknown CA" => by(Ca::root("Somebody Else"), self.leaf()),
            "forged CA" => by(Ca::root("Root"), self.leaf()),
            "leaf as CA" => by(self.root.sub(leaf_params("Leaf", &[dns("evil.example")])), self.leaf()),
            "CA as leaf" => by_root(changed(&as_ca)),
            "wrong EKU" => by_root(changed(&|leaf| leaf.extended_key_usages = vec![Eku::EmailProtection])),
            "wrong EKU of the issuer" => {
                let mut params = ca_params("Mail CA");
                params.extended_key_usages = vec![Eku::EmailProtection];
                by(self.root.sub(params), self.leaf())
            }
            "wrong key usage" => by_root(changed(&|leaf| {
                leaf.key_usages = vec![KeyUsagePurpose::KeyEncipherment]
            })),
            "weak key" => {
                shows.key = fixture_key();
                shows.verifier = verifier([trust_anchor(&fixture("small_root")).unwrap()]);
                vec![fixture("small_leaf")]
            }
            "revoked" => {
                shows.verifier = self.root.verifier().with_revocation(self.revocation(4711));
                by_root(changed(&|leaf| leaf.serial_number = Some(SerialNumber::from(4711))))
            }
            "constrained CA, host name" => by(constrained(), self.leaf()),
            "constrained CA, other names" => by(constrained(), leaf_params("leaf", &self.names(DOMAIN)[1..])),
            "CN only" => by_root(leaf_params(DOMAIN, &[])),
            "NUL" => by_root(leaf_params(
                "leaf",
                &[dns("a.example\0.evil"), xmpp_addr("a.example\0")],
            )),
            "wildcards" => by_root(leaf_params("leaf", &["*.a.example", "*.example", "*", "a.*"].map(dns))),
            "unknown critical extension" => by_root(changed(&|leaf| {
                let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
                extension.set_criticality(true);
                leaf.custom_extensions.push(extension);
            })),
            "version 1" => {
                shows.key = fixture_key();
                vec![fixture("v1")]
            }
            other => panic!("nobody makes {other}"),
        };
        shows
    }

    fn revocation(&self, serial: u64) -> Revocation {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 12, 1),
            next_update: date_time_ymd(2027, 2, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: date_time_ymd(2026, 12, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.root.issuer).unwrap();
        Revocation::soft([list.der()]).unwrap()
    }
}
