//! A certificate authority for tests. rcgen cannot write an SRVName (it knows otherName as UTF8String
//! only), so names are put in as the raw contents of the extension; that makes hostile names easy too.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests; they may panic"
)]

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, DnType, IsCa, Issuer, KeyPair, SigningKey};
use std::time::Duration;
use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds, Verdict, trust_anchor};
use xmpp_tls_core::StreamKind;

pub mod tls;

/// 2027-01-01 00:00:00 UTC: within the validity of everything that is not made to be outside it.
pub const NOW: u64 = 1_798_761_600;

pub fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(NOW))
}

pub struct Ca {
    pub der: CertificateDer<'static>,
    pub issuer: Issuer<'static, KeyPair>,
}

pub fn ca_params(cn: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, cn);
    params
}

impl Ca {
    pub fn root(cn: &str) -> Ca {
        Ca::root_with(ca_params(cn))
    }

    pub fn root_with(params: CertificateParams) -> Ca {
        let key = KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().clone();
        Ca {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    pub fn sub(&self, params: CertificateParams) -> Ca {
        let key = KeyPair::generate().unwrap();
        let der = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Ca {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    /// A leaf with these names.
    pub fn leaf(&self, names: &[Vec<u8>]) -> CertificateDer<'static> {
        self.leaf_with(leaf_params("leaf", names))
    }

    pub fn leaf_with(&self, params: CertificateParams) -> CertificateDer<'static> {
        self.leaf_for(params, &KeyPair::generate().unwrap())
    }

    pub fn leaf_for(&self, params: CertificateParams, key: &impl SigningKey) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    pub fn anchor(&self) -> TrustAnchor<'static> {
        trust_anchor(&self.der).unwrap()
    }

    pub fn verifier(&self) -> IdentityVerifier {
        verifier([self.anchor()])
    }
}

pub fn verifier(anchors: impl IntoIterator<Item = TrustAnchor<'static>>) -> IdentityVerifier {
    IdentityVerifier::new(anchors, webpki::ALL_VERIFICATION_ALGS)
}

pub fn leaf_params(cn: &str, names: &[Vec<u8>]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::ExplicitNoCa;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, cn);
    if !names.is_empty() {
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], general_names(names));
        params.custom_extensions.push(extension);
    }
    params
}

pub fn references(domain: &str, kind: StreamKind) -> ReferenceIds {
    ReferenceIds::new(&domain.parse().unwrap(), kind)
}

/// What a client says about the server of a domain.
pub fn verify(verifier: &IdentityVerifier, chain: &[CertificateDer<'_>], domain: &str) -> Verdict {
    verifier.verify(
        chain,
        &references(domain, StreamKind::ClientToServer),
        Purpose::Server,
        now(),
    )
}

pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match contents.len() {
        n @ 0..=0x7f => out.push(n as u8),
        n @ 0x80..=0xff => out.extend([0x81, n as u8]),
        n => out.extend([0x82, (n >> 8) as u8, n as u8]),
    }
    out.extend(contents);
    out
}

pub fn general_names(names: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &names.concat())
}

pub fn dns(name: &str) -> Vec<u8> {
    tlv(0x82, name.as_bytes())
}

fn other_name(last_arc: u8, string_tag: u8, text: &str) -> Vec<u8> {
    let id = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 8, last_arc]);
    tlv(0xa0, &[id, tlv(0xa0, &tlv(string_tag, text.as_bytes()))].concat())
}

pub fn srv(name: &str) -> Vec<u8> {
    other_name(7, 0x16, name)
}

pub fn xmpp_addr(jid: &str) -> Vec<u8> {
    other_name(5, 0x0c, jid)
}

pub fn fixture(name: &str) -> CertificateDer<'static> {
    let path = format!("{}/tests/fixtures/{name}.der", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .into()
}

/// The key of most fixtures, P-256; worth nothing.
pub fn fixture_key() -> pki_types::PrivateKeyDer<'static> {
    let path = format!("{}/tests/fixtures/good.key.der", env!("CARGO_MANIFEST_DIR"));
    pki_types::PrivatePkcs8KeyDer::from(std::fs::read(path).unwrap()).into()
}

pub fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
