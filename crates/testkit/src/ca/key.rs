use pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rcgen::{KeyPair, SignatureAlgorithm};

/// The kind of key of a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA on P-256, with SHA-256.
    #[default]
    P256,
    /// ECDSA on P-384, with SHA-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits and SHA-256. Always the same key: it comes from a file, because the crypto
    /// library used here cannot make RSA keys.
    Rsa2048,
}

const RSA_2048: &str = include_str!("../../fixtures/rsa2048.pem");

impl KeyKind {
    fn algorithm(self) -> &'static SignatureAlgorithm {
        match self {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        }
    }

    /// A new key (for RSA: the only one).
    pub(super) fn generate(self) -> KeyPair {
        match self {
            KeyKind::Rsa2048 => KeyPair::from_pkcs8_pem_and_sign_algo(RSA_2048, self.algorithm()),
            _ => KeyPair::generate_for(self.algorithm()),
        }
        .expect("a test key")
    }

    /// The key pair of a key that was made here before.
    pub(super) fn load(self, key: &PrivateKeyDer<'_>) -> KeyPair {
        let pkcs8 = PrivatePkcs8KeyDer::from(key.secret_der());
        KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, self.algorithm()).expect("a key made here")
    }
}
