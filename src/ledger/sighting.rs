use super::{Key, Leaf, Voucher};
use crate::security::SecurityReport;
use xmpp_dialback::Pair;
use xmpp_identity::{CertificateFacts, Verdict};
use xmpp_tls_core::{Domain, Side};

/// One look at what a domain shows.
///
/// Made of a [`SecurityReport`], in one call; see [`Sighting::of`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    key: Key,
    leaf: Option<Leaf>,
    encrypted: bool,
    by: AuthenticatedBy,
    voucher: Voucher,
    resumed: bool,
}

/// What authenticated the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthenticatedBy {
    /// Nothing.
    Nothing,
    /// Its certificate.
    Certificate,
    /// Dialback, which looks at no certificate (XEP-0220).
    Dialback,
}

impl Sighting {
    /// What the domain that we connected to shows.
    ///
    /// `None` on the receiving side: who the peer is has to be proved first, see
    /// [`by_certificate`](Self::by_certificate) and [`by_dialback`](Self::by_dialback).
    pub fn of(report: &SecurityReport) -> Option<Self> {
        match (report.side(), report.domain()) {
            (Side::Initiating, Some(domain)) => {
                let voucher = match report.is_authenticated() {
                    true => Voucher::of(report.trust()),
                    false => Voucher::Nobody,
                };
                Some(Self::new(report, domain.clone(), voucher))
            }
            (Side::Initiating, None) | (Side::Receiving, _) => None,
        }
    }

    /// What a server shows that connected to us, where its certificate proves who it is: `verdict` is the one about
    /// that certificate, on which SASL EXTERNAL rests. `None` if it proves nothing.
    pub fn by_certificate(report: &SecurityReport, verdict: &Verdict) -> Option<Self> {
        match (report.side(), &verdict.domain) {
            (Side::Receiving, Some(domain)) if verdict.is_authenticated() => {
                Some(Self::new(report, domain.clone(), Voucher::of(&verdict.trust)))
            }
            _ => None,
        }
    }

    /// What a server shows that connected to us, and that dialback found to be `remote`. To be called only then: a
    /// mere claim is not for the ledger. `None` on the initiating side, where dialback proves nothing about the peer.
    pub fn by_dialback(report: &SecurityReport, remote: Domain) -> Option<Self> {
        match report.side() {
            Side::Receiving => {
                let mut sighting = Self::new(report, remote, Voucher::Nobody);
                sighting.by = AuthenticatedBy::Dialback;
                Some(sighting)
            }
            Side::Initiating => None,
        }
    }

    /// What a server shows that proved on some stream to be `pair.originating`, to the domain of ours that it proved it
    /// to, whichever the stream was for: by its certificate if there is a verdict, by dialback otherwise.
    pub(crate) fn of_peer(report: &SecurityReport, pair: &Pair, verdict: Option<&Verdict>) -> Self {
        let voucher = verdict.map_or(Voucher::Nobody, |verdict| Voucher::of(&verdict.trust));
        let mut sighting = Self::new(report, pair.originating.clone(), voucher);
        let local = Some(pair.receiving.clone());
        sighting.key = Key::new(report.kind(), Side::Receiving, local, pair.originating.clone());
        if verdict.is_none() {
            sighting.by = AuthenticatedBy::Dialback;
        }
        sighting
    }

    fn new(report: &SecurityReport, remote: Domain, voucher: Voucher) -> Self {
        let facts = report
            .tls()
            .and_then(|tls| tls.peer_chain.first())
            .map(CertificateFacts::from_der);
        Sighting {
            key: Key::new(report.kind(), report.side(), report.local_domain().cloned(), remote),
            leaf: facts.and_then(Result::ok).as_ref().map(Leaf::new),
            encrypted: report.is_encrypted(),
            by: match voucher {
                Voucher::Nobody => AuthenticatedBy::Nothing,
                _ => AuthenticatedBy::Certificate,
            },
            voucher,
            resumed: report.tls().is_some_and(|tls| tls.resumed),
        }
    }

    /// A sighting put together by hand: of a handshake that was not a session's, or for tests.
    /// `leaf` is `None` without TLS and where no readable certificate was shown. `None` for what somebody inbound
    /// claims and nobody vouches for.
    pub fn from_parts(key: Key, encrypted: bool, leaf: Option<Leaf>, voucher: Voucher) -> Option<Self> {
        if key.side() == Side::Receiving && voucher == Voucher::Nobody {
            return None;
        }
        Some(Sighting {
            key,
            leaf: leaf.filter(|_| encrypted).map(Leaf::bounded),
            encrypted,
            by: match voucher {
                Voucher::Nobody => AuthenticatedBy::Nothing,
                _ => AuthenticatedBy::Certificate,
            },
            voucher,
            resumed: false,
        })
    }

    /// The same in a resumed session, whose certificate is that of an earlier one.
    #[must_use]
    pub fn resumed(mut self) -> Self {
        self.resumed = true;
        self
    }

    /// Whose it is.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The certificate; `None` if there is none that can be read.
    pub fn leaf(&self) -> Option<&Leaf> {
        self.leaf.as_ref()
    }

    /// Whether there is TLS.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// What authenticated the peer.
    pub fn authenticated_by(&self) -> AuthenticatedBy {
        self.by
    }

    /// Who says that the certificate is the domain's.
    pub fn voucher(&self) -> Voucher {
        self.voucher
    }

    /// Whether it counts: a resumed session shows nothing new.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }
}
