//! Chains of leaf, issuer and root, all with P-256.

use pki_types::CertificateDer;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

pub const DOMAIN: &str = "im.example.com";

pub struct Chain {
    /// Leaf and issuer.
    pub presented: Vec<CertificateDer<'static>>,
    pub root: CertificateDer<'static>,
}

impl Chain {
    /// The domain is the last of so many names.
    pub fn new(names: usize) -> Chain {
        let mut names = others(names - 1);
        names.push(DOMAIN.to_owned());
        Chain::with(names)
    }

    pub fn without_the_domain(names: usize) -> Chain {
        Chain::with(others(names))
    }

    fn with(names: Vec<String>) -> Chain {
        let key = || KeyPair::generate().expect("a key");
        let ca = |cn: &str| {
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, cn);
            params
        };
        let (root_key, sub_key) = (key(), key());
        let root = ca("Root").self_signed(&root_key).expect("a certificate").der().clone();
        let root_issuer = Issuer::new(ca("Root"), root_key);
        let sub = ca("Issuer").signed_by(&sub_key, &root_issuer).expect("a certificate").der().clone();
        let sub_issuer = Issuer::new(ca("Issuer"), sub_key);
        let leaf = CertificateParams::new(names).expect("names");
        let leaf = leaf.signed_by(&key(), &sub_issuer).expect("a certificate").der().clone();
        Chain { presented: vec![leaf, sub], root }
    }
}

fn others(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("host{n:02}.example.com")).collect()
}
