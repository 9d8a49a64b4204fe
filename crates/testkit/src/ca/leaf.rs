use super::{KeyKind, san};
use pki_types::PrivateKeyDer;
use rcgen::ExtendedKeyUsagePurpose as Purpose;
use std::net::IpAddr;

/// The extendedKeyUsage of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eku {
    /// serverAuth only.
    Server,
    /// clientAuth only.
    Client,
    /// serverAuth and clientAuth.
    Both,
    /// No such extension: every use is allowed.
    None,
    /// emailProtection: no use in TLS.
    Other,
    /// anyExtendedKeyUsage.
    Any,
}

impl Eku {
    pub(super) fn purposes(self) -> Vec<Purpose> {
        match self {
            Eku::Server => vec![Purpose::ServerAuth],
            Eku::Client => vec![Purpose::ClientAuth],
            Eku::Both => vec![Purpose::ServerAuth, Purpose::ClientAuth],
            Eku::None => vec![],
            Eku::Other => vec![Purpose::EmailProtection],
            Eku::Any => vec![Purpose::Any],
        }
    }
}

/// What an end-entity certificate shall say. Names appear in the order in which they are added.
///
/// Unless told otherwise: no names, no CN, serverAuth and clientAuth, ECDSA P-256, valid for 90 days
/// around the CA's time.
///
/// ```
/// use xmpp_tls_testkit::{Eku, LeafSpec, TestCa};
///
/// let ca = TestCa::new("root");
/// let issued = ca.issue(
///     LeafSpec::new()
///         .dns("example.org")
///         .srv("_xmpp-server", "example.org")
///         .xmpp_addr("example.org")
///         .eku(Eku::Server),
/// );
/// assert_eq!(issued.chain.len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct LeafSpec {
    pub(super) names: Vec<u8>,
    pub(super) san_der: Option<Vec<u8>>,
    pub(super) cn: Option<String>,
    pub(super) eku: Option<Eku>,
    pub(super) validity: Option<Validity>,
    pub(super) self_signed: bool,
    pub(super) ca_true: bool,
    pub(super) key: KeyKind,
    pub(super) key_of: Option<PrivateKeyDer<'static>>,
    pub(super) serial: Option<u64>,
    pub(super) extensions: Vec<(Vec<u64>, bool, Vec<u8>)>,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy)]
pub(super) enum Validity {
    /// Unix seconds.
    Fixed { not_before: u64, not_after: u64 },
    /// Ended a day before the CA's time.
    Expired,
    /// Starts a day after the CA's time.
    NotYet,
}

const DAY: u64 = 86_400;

impl Validity {
    pub(super) fn window(this: Option<Self>, now: u64) -> (u64, u64) {
        match this {
            None => (now - 30 * DAY, now + 60 * DAY),
            Some(Validity::Fixed { not_before, not_after }) => (not_before, not_after),
            Some(Validity::Expired) => (now - 91 * DAY, now - DAY),
            Some(Validity::NotYet) => (now + DAY, now + 91 * DAY),
        }
    }
}

impl LeafSpec {
    /// A certificate without names.
    pub fn new() -> Self {
        LeafSpec::default()
    }

    /// A certificate as a public CA would issue it to an XMPP server: one dNSName.
    pub fn for_domain(domain: &str) -> Self {
        LeafSpec::new().dns(domain)
    }

    /// Adds a dNSName, as it is: not checked, NUL bytes and wildcards included.
    pub fn dns(self, name: impl AsRef<[u8]>) -> Self {
        self.raw_name(san::dns(name.as_ref()))
    }

    /// Adds an SRVName, such as `_xmpp-server` and `example.org`, as IA5String.
    pub fn srv(self, service: &str, domain: &str) -> Self {
        self.raw_name(san::srv(service, domain))
    }

    /// Adds an XmppAddr (UTF8String).
    pub fn xmpp_addr(self, jid: &str) -> Self {
        self.raw_name(san::xmpp_addr(jid))
    }

    /// Adds an iPAddress.
    pub fn ip(self, address: IpAddr) -> Self {
        self.raw_name(san::ip(address))
    }

    /// Adds one GeneralName given as DER; the functions of [`san`] make them.
    pub fn raw_name(mut self, general_name: Vec<u8>) -> Self {
        self.names.extend(general_name);
        self
    }

    /// Replaces the whole value of the subjectAltName extension, names added so far included.
    pub fn raw_san(mut self, der: Vec<u8>) -> Self {
        self.san_der = Some(der);
        self
    }

    /// Sets the common name. Without it the subject holds an organisation only.
    pub fn cn(mut self, cn: &str) -> Self {
        self.cn = Some(cn.to_owned());
        self
    }

    /// Sets the extended key usage.
    pub fn eku(mut self, eku: Eku) -> Self {
        self.eku = Some(eku);
        self
    }

    /// Sets notBefore and notAfter in Unix seconds.
    pub fn validity(mut self, not_before: u64, not_after: u64) -> Self {
        self.validity = Some(Validity::Fixed { not_before, not_after });
        self
    }

    /// Ended a day before the CA's time.
    pub fn expired(mut self) -> Self {
        self.validity = Some(Validity::Expired);
        self
    }

    /// Starts a day after the CA's time.
    pub fn not_yet_valid(mut self) -> Self {
        self.validity = Some(Validity::NotYet);
        self
    }

    /// Signed by its own key instead of the CA's; the chain holds nothing else.
    pub fn self_signed(mut self) -> Self {
        self.self_signed = true;
        self
    }

    /// Says CA:TRUE, as `openssl req -x509` does unless told otherwise.
    pub fn ca_true(mut self) -> Self {
        self.ca_true = true;
        self
    }

    /// Sets the kind of key.
    pub fn key(mut self, kind: KeyKind) -> Self {
        self.key = kind;
        self
    }

    /// Uses the key of an earlier certificate: a renewal that keeps its key.
    pub fn same_key_as(mut self, issued: &super::Issued) -> Self {
        self.key = issued.kind;
        self.key_of = Some(issued.key.clone_key());
        self
    }

    /// Sets the serial number. Otherwise a CA counts.
    pub fn serial(mut self, serial: u64) -> Self {
        self.serial = Some(serial);
        self
    }

    /// Adds any other extension: its OID, whether it is critical, and its value as DER.
    pub fn extension(mut self, oid: &[u64], critical: bool, der: Vec<u8>) -> Self {
        self.extensions.push((oid.to_vec(), critical, der));
        self
    }
}
