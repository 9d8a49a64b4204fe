use super::limits;
use std::fmt;
use xmpp_identity::{CertificateFacts, TrustEffect, TrustStep};

/// What is remembered of a leaf certificate. The default is one of which nothing is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Leaf {
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// SHA-256 of its SubjectPublicKeyInfo: the key, whatever certificate it is in.
    pub spki_sha256: [u8; 32],
    /// The issuer's name.
    pub issuer: String,
    /// The organization in that name. CAs sign with several keys in turn, and this is what stays.
    pub issuer_organization: Option<String>,
    /// Which key of the issuer signed it: the authorityKeyIdentifier in hexadecimal.
    pub issuer_key: Option<String>,
    /// The names it is for, sorted: `dns:example.org`, `srv:_xmpp-client.example.org`, `xmpp:example.org`,
    /// `ip:192.0.2.1`. At most [`Leaf::MAX_NAMES`], and [`Leaf::MAX_NAMES_OCTETS`] together.
    pub names: Vec<String>,
    /// How many more names it has.
    pub more_names: u32,
    /// First second of its validity, since 1970.
    pub not_before: i64,
    /// Last second of its validity, since 1970.
    pub not_after: i64,
    /// `ECDSA P-256`, `RSA 2048`.
    pub key_type: String,
    /// Size of the key in bits; 0 if unknown.
    pub key_bits: u32,
}

impl Leaf {
    /// Names that are kept of one certificate.
    pub const MAX_NAMES: usize = 32;
    /// Octets of them together.
    pub const MAX_NAMES_OCTETS: usize = 1024;
    /// Octets of the issuer's name and of every other text.
    pub const MAX_TEXT_OCTETS: usize = 256;

    /// From the facts of a certificate. What is longer than the limits is cut.
    pub fn new(facts: &CertificateFacts) -> Self {
        let tagged = |tag: &'static str, names: &[String]| -> Vec<String> {
            names.iter().map(|name| format!("{tag}:{name}")).collect()
        };
        let mut names = tagged("dns", &facts.dns);
        names.extend(tagged("srv", &facts.srv));
        names.extend(tagged("xmpp", &facts.xmpp_addr));
        names.extend(facts.ip.iter().map(|address| format!("ip:{address}")));
        Leaf {
            sha256: facts.sha256,
            spki_sha256: facts.spki_sha256,
            issuer: facts.issuer.clone(),
            issuer_organization: facts.issuer_organization.clone(),
            issuer_key: facts.issuer_key.clone(),
            more_names: 0,
            names,
            not_before: facts.not_before,
            not_after: facts.not_after,
            key_type: facts.key_type.clone(),
            key_bits: u32::try_from(facts.key_bits).unwrap_or(u32::MAX),
        }
        .bounded()
    }

    /// With every limit kept.
    pub(super) fn bounded(mut self) -> Self {
        self.issuer = limits::cut(self.issuer);
        self.issuer_organization = self.issuer_organization.map(limits::cut);
        self.issuer_key = self.issuer_key.map(limits::cut);
        self.key_type = limits::cut(self.key_type);
        self.names.sort_unstable();
        self.names.dedup();
        let total = self.names.len();
        let mut octets = 0usize;
        self.names.truncate(Self::MAX_NAMES);
        self.names.retain(|name| {
            octets = octets.saturating_add(name.len());
            octets <= Self::MAX_NAMES_OCTETS
        });
        let cut = u32::try_from(total - self.names.len()).unwrap_or(u32::MAX);
        self.more_names = self.more_names.saturating_add(cut);
        self
    }

    /// [`spki_sha256`](Self::spki_sha256) in hexadecimal, as a pin is written.
    pub fn spki_sha256_hex(&self) -> String {
        limits::hex(&self.spki_sha256)
    }

    pub(super) fn same_names(&self, other: &Leaf) -> bool {
        self.names == other.names && self.more_names == other.more_names
    }

    /// Whether the time has come at which certificates of this lifetime are renewed: with a third of it left, of
    /// short-lived ones (10 days) a half, and never more than 30 days. One day is added for schedules.
    pub(super) fn is_due(&self, now: i64) -> bool {
        const DAY: i64 = 86_400;
        let lifetime = self.not_after.saturating_sub(self.not_before).max(0);
        let share = if lifetime <= 10 * DAY { 2 } else { 3 };
        let window = (lifetime / share).min(30 * DAY).saturating_add(DAY);
        self.not_after.saturating_sub(now) <= window
    }
}

/// `key sha256:8b5a… (ECDSA P-256) by CN=R11, O=Example CA`.
impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.spki_sha256_hex();
        write!(f, "key sha256:{key} ({}) by {}", self.key_type, self.issuer)
    }
}

/// Who said that a certificate is the domain's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Voucher {
    /// Nobody: the certificate is not good for the domain.
    Nobody,
    /// A path to the trust anchors that every domain is checked against, as a rule the public CAs.
    Anchors,
    /// A file under the domain's own web address (RFC 7711).
    Posh,
    /// Another source of trust of the application.
    Source,
    /// A path to trust anchors that the administrator gave for this domain alone.
    DomainAnchors,
    /// TLSA records (RFC 6698, RFC 7673).
    Dane,
    /// A pin that the administrator set.
    Pin,
}

impl Voucher {
    /// All of them, the weakest first.
    pub const ALL: &'static [Voucher] = &[
        Voucher::Nobody,
        Voucher::Anchors,
        Voucher::Posh,
        Voucher::Source,
        Voucher::DomainAnchors,
        Voucher::Dane,
        Voucher::Pin,
    ];

    /// A name that does not change.
    pub fn code(self) -> &'static str {
        match self {
            Voucher::Nobody => "nobody",
            Voucher::Anchors => "anchors",
            Voucher::Posh => "posh",
            Voucher::Source => "source",
            Voucher::DomainAnchors => "domain-anchors",
            Voucher::Dane => "dane",
            Voucher::Pin => "pin",
        }
    }

    /// How hard it is for somebody on the path to have it: what is equal can take each other's place. POSH rests
    /// on a CA's certificate, of the web server.
    pub(super) fn strength(self) -> u8 {
        match self {
            Voucher::Nobody => 0,
            Voucher::Anchors | Voucher::Posh | Voucher::Source => 1,
            Voucher::DomainAnchors | Voucher::Dane => 2,
            Voucher::Pin => 3,
        }
    }

    /// The strongest of those that spoke for a certificate that was found good.
    pub(super) fn of(steps: &[TrustStep]) -> Self {
        let spoke = steps
            .iter()
            .filter(|step| matches!(step.effect, TrustEffect::Decided | TrustEffect::Also));
        spoke
            .map(|step| match step.source.as_str() {
                "trust anchors" => Voucher::Anchors,
                "anchors of the domain" => Voucher::DomainAnchors,
                "pins" => Voucher::Pin,
                source if source.eq_ignore_ascii_case("DANE") => Voucher::Dane,
                source if source.eq_ignore_ascii_case("POSH") => Voucher::Posh,
                _ => Voucher::Source,
            })
            .max_by_key(|voucher| voucher.strength())
            .unwrap_or(Voucher::Anchors)
    }
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Voucher::Nobody => "nobody",
            Voucher::Anchors => "the trust anchors",
            Voucher::Posh => "POSH",
            Voucher::Source => "a source of trust",
            Voucher::DomainAnchors => "the domain's own trust anchors",
            Voucher::Dane => "DANE",
            Voucher::Pin => "a pin",
        })
    }
}
