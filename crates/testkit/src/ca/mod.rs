//! A certification authority for tests.
//!
//! Everything is made at run time, so no test depends on files that expire. Time is fixed: unless
//! told otherwise certificates are made around [`TEST_TIME`], and a verifier under test is given
//! that time as its own. [`TestCa::valid_now`] is for tests that must run against the real clock.

mod key;
mod leaf;
pub mod san;

pub use key::KeyKind;
pub use leaf::{Eku, LeafSpec};

use leaf::Validity;
use pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SerialNumber,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time at which tests take place, in Unix seconds: 2026-01-01 00:00:00 UTC.
pub const TEST_TIME: u64 = 1_767_225_600;

/// [`TEST_TIME`] as certificate verifiers want it.
pub fn test_time() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(TEST_TIME))
}

/// In the subject of every certificate, unless told otherwise.
const ORGANIZATION: &str = "xmpp-tls test";

const YEAR: u64 = 365 * 86_400;

/// A test CA: a root, or an intermediate under one.
///
/// ```
/// use xmpp_tls_testkit::{CaSpec, LeafSpec, TestCa};
///
/// let root = TestCa::new("root");
/// let good = root.issue(LeafSpec::for_domain("example.org"));
/// let expired = root.issue(LeafSpec::for_domain("example.org").expired());
///
/// let intermediate = root.intermediate(CaSpec::new("intermediate").path_len(0).permit_dns("example.org"));
/// let issued = intermediate.issue(LeafSpec::for_domain("im.example.org"));
/// assert_eq!(issued.chain.len(), 2);                      // leaf, intermediate: what a server sends
/// assert_eq!(intermediate.anchor(), root.certificate());  // what a client trusts
/// # let _ = (good, expired);
/// ```
#[derive(Debug)]
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    /// This certificate and those above it, without the root.
    chain: Vec<CertificateDer<'static>>,
    anchor: CertificateDer<'static>,
    now: u64,
    serial: AtomicU64,
}

/// What a CA certificate shall say.
#[derive(Debug)]
pub struct CaSpec {
    name: String,
    organization: String,
    key: KeyKind,
    eku: Eku,
    path_len: Option<u8>,
    permitted: Vec<GeneralSubtree>,
    excluded: Vec<GeneralSubtree>,
    validity: Option<Validity>,
    is_ca: bool,
}

impl CaSpec {
    /// A CA with this common name, ECDSA P-256, no constraints, valid for twenty years around the
    /// test time.
    pub fn new(name: &str) -> Self {
        CaSpec {
            name: name.to_owned(),
            organization: ORGANIZATION.to_owned(),
            key: KeyKind::P256,
            eku: Eku::None,
            path_len: None,
            permitted: Vec::new(),
            excluded: Vec::new(),
            validity: None,
            is_ca: true,
        }
    }

    /// Sets the organization that runs it. Otherwise all CAs are of one.
    pub fn organization(mut self, organization: &str) -> Self {
        self.organization = organization.to_owned();
        self
    }

    /// Sets the kind of key.
    pub fn key(mut self, kind: KeyKind) -> Self {
        self.key = kind;
        self
    }

    /// Sets an extended key usage; CAs have none unless told.
    pub fn eku(mut self, eku: Eku) -> Self {
        self.eku = eku;
        self
    }

    /// Sets pathLenConstraint.
    pub fn path_len(mut self, length: u8) -> Self {
        self.path_len = Some(length);
        self
    }

    /// Name constraints: adds a permitted dNSName subtree.
    pub fn permit_dns(mut self, subtree: &str) -> Self {
        self.permitted.push(GeneralSubtree::DnsName(subtree.to_owned()));
        self
    }

    /// Name constraints: adds an excluded dNSName subtree.
    pub fn exclude_dns(mut self, subtree: &str) -> Self {
        self.excluded.push(GeneralSubtree::DnsName(subtree.to_owned()));
        self
    }

    /// Sets notBefore and notAfter in Unix seconds.
    pub fn validity(mut self, not_before: u64, not_after: u64) -> Self {
        self.validity = Some(Validity::Fixed { not_before, not_after });
        self
    }

    /// Leaves basicConstraints out: a certificate that must not issue others, but does.
    pub fn not_a_ca(mut self) -> Self {
        self.is_ca = false;
        self
    }

    fn params(&self, now: u64) -> CertificateParams {
        let mut params = CertificateParams::default();
        let window = match self.validity {
            None => (now - 10 * YEAR, now + 10 * YEAR),
            validity => Validity::window(validity, now),
        };
        set_validity(&mut params, window);
        params.distinguished_name = subject(&self.organization, Some(&self.name));
        params.extended_key_usages = self.eku.purposes();
        if self.is_ca {
            params.is_ca = IsCa::Ca(
                self.path_len
                    .map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained),
            );
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        }
        if !(self.permitted.is_empty() && self.excluded.is_empty()) {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: self.permitted.clone(),
                excluded_subtrees: self.excluded.clone(),
            });
        }
        params
    }
}

impl TestCa {
    /// A root at [`TEST_TIME`].
    pub fn new(name: &str) -> Self {
        TestCa::root(CaSpec::new(name), TEST_TIME)
    }

    /// A root at the real time, whose certificates real programs accept today.
    pub fn valid_now(name: &str) -> Self {
        #[allow(clippy::disallowed_methods, reason = "asked for by name")]
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("a clock after 1970");
        TestCa::root(CaSpec::new(name), now.as_secs())
    }

    /// A root at any time, in Unix seconds.
    pub fn root(spec: CaSpec, now: u64) -> Self {
        let key = spec.key.generate();
        let params = spec.params(now);
        let certificate = params.self_signed(&key).expect("a root certificate").der().clone();
        TestCa {
            issuer: Issuer::new(params, key),
            anchor: certificate.clone(),
            certificate,
            chain: Vec::new(),
            now,
            serial: AtomicU64::new(1),
        }
    }

    /// A CA under this one. What it issues comes with its certificate in the chain.
    pub fn intermediate(&self, spec: CaSpec) -> TestCa {
        let key = spec.key.generate();
        let mut params = spec.params(self.now);
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(self.next_serial());
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("an intermediate certificate")
            .der()
            .clone();
        let mut chain = vec![certificate.clone()];
        chain.extend(self.chain.iter().cloned());
        TestCa {
            issuer: Issuer::new(params, key),
            certificate,
            chain,
            anchor: self.anchor.clone(),
            now: self.now,
            serial: AtomicU64::new(1),
        }
    }

    /// Issues a certificate.
    pub fn issue(&self, spec: LeafSpec) -> Issued {
        let key = match &spec.key_of {
            Some(earlier) => spec.key.load(earlier),
            None => spec.key.generate(),
        };
        let mut params = leaf_params(&spec, self.now);
        params.serial_number = Some(spec.serial.map_or_else(|| self.next_serial(), SerialNumber::from));
        let (leaf, above) = if spec.self_signed {
            (params.self_signed(&key), &[][..])
        } else {
            params.use_authority_key_identifier_extension = true;
            (params.signed_by(&key, &self.issuer), &self.chain[..])
        };
        let mut chain = vec![leaf.expect("a leaf certificate").der().clone()];
        chain.extend(above.iter().cloned());
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Issued {
            chain,
            key,
            kind: spec.key,
        }
    }

    /// The certificate of this CA.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The certificate of the root above this CA, or its own: what a verifier trusts.
    pub fn anchor(&self) -> &CertificateDer<'static> {
        &self.anchor
    }

    /// The anchor as PEM.
    pub fn anchor_pem(&self) -> String {
        pem("CERTIFICATE", &self.anchor)
    }

    /// The time around which this CA issues, in Unix seconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    fn next_serial(&self) -> SerialNumber {
        SerialNumber::from(self.serial.fetch_add(1, Ordering::Relaxed))
    }
}

/// A certificate with its chain and its private key.
#[derive(Debug)]
pub struct Issued {
    /// What the peer sends: the leaf, then the intermediates. The root is not in it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key, PKCS #8.
    pub key: PrivateKeyDer<'static>,
    kind: KeyKind,
}

impl Clone for Issued {
    fn clone(&self) -> Self {
        Issued {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            kind: self.kind,
        }
    }
}

impl Issued {
    /// The end-entity certificate.
    pub fn leaf(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    /// A copy of the private key.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    /// The chain as PEM, leaf first.
    pub fn chain_pem(&self) -> String {
        self.chain
            .iter()
            .map(|certificate| pem("CERTIFICATE", certificate))
            .collect()
    }

    /// The private key as PEM.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }

    /// Without the intermediates: a server that forgets to send them.
    pub fn without_intermediates(mut self) -> Self {
        self.chain.truncate(1);
        self
    }

    /// With one bit of the leaf's signature turned.
    pub fn with_broken_signature(mut self) -> Self {
        let mut der = self.chain[0].to_vec();
        *der.last_mut().expect("a certificate") ^= 1;
        self.chain[0] = der.into();
        self
    }
}

fn leaf_params(spec: &LeafSpec, now: u64) -> CertificateParams {
    let mut params = CertificateParams::default();
    set_validity(&mut params, Validity::window(spec.validity, now));
    params.distinguished_name = subject(ORGANIZATION, spec.cn.as_deref());
    params.extended_key_usages = spec.eku.unwrap_or(Eku::Both).purposes();
    params.is_ca = if spec.ca_true {
        IsCa::Ca(BasicConstraints::Unconstrained)
    } else {
        IsCa::ExplicitNoCa
    };
    let san = spec
        .san_der
        .clone()
        .or_else(|| (!spec.names.is_empty()).then(|| san::tlv(0x30, &spec.names)));
    if let Some(der) = san {
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(&[2, 5, 29, 17], der));
    }
    for (oid, critical, der) in &spec.extensions {
        let mut extension = CustomExtension::from_oid_content(oid, der.clone());
        extension.set_criticality(*critical);
        params.custom_extensions.push(extension);
    }
    params
}

fn subject(organization: &str, cn: Option<&str>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, organization);
    if let Some(cn) = cn {
        name.push(DnType::CommonName, cn);
    }
    name
}

fn set_validity(params: &mut CertificateParams, (not_before, not_after): (u64, u64)) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(not_before);
    params.not_after = epoch + Duration::from_secs(not_after);
}

fn pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}
