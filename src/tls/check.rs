use crate::tls::ResumptionScope;
use pki_types::{CertificateDer, UnixTime};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use xmpp_identity::{IdentityError, IdentityVerifier, Purpose, ReferenceIds, Verdict};

/// The question whether a server's certificate is good for the domain we want.
///
/// It is made before the handshake and knows nothing of what the peer will present
/// (RFC 9525 section 6.1). Clones share the answer.
#[derive(Debug, Clone)]
pub struct PeerCheck(Arc<Question>);

#[derive(Debug)]
struct Question {
    verifier: IdentityVerifier,
    references: ReferenceIds,
    now: UnixTime,
    enforce: bool,
    scope: Option<ResumptionScope>,
    /// The chain that was asked about last, and the answer. Boxed, as the next is: in open sessions both are empty.
    answer: Mutex<Option<Box<Answer>>>,
    /// Whom a session that may be resumed was with.
    resumable: OnceLock<Box<KeptIdentity>>,
}

type Answer = (Vec<CertificateDer<'static>>, Verdict);

/// Whom a TLS session was with, to be kept with what it is resumed by.
#[derive(Debug, Clone)]
pub struct KeptIdentity {
    verifier: IdentityVerifier,
    references: ReferenceIds,
    enforce: bool,
    scope: ResumptionScope,
    chain: Vec<CertificateDer<'static>>,
    verdict: Verdict,
}

impl PeerCheck {
    /// The question whether a certificate is good for `references` at the time `now`. A bad verdict ends the
    /// handshake; nothing is kept to be resumed. Sessions make their own: this is for who tests an engine.
    pub fn new(verifier: IdentityVerifier, references: ReferenceIds, now: UnixTime) -> Self {
        PeerCheck::under(verifier, references, now, true, None)
    }

    pub(crate) fn under(
        verifier: IdentityVerifier,
        references: ReferenceIds,
        now: UnixTime,
        enforce: bool,
        scope: Option<ResumptionScope>,
    ) -> Self {
        PeerCheck(Arc::new(Question {
            verifier,
            references,
            now,
            enforce,
            scope,
            answer: Mutex::new(None),
            resumable: OnceLock::new(),
        }))
    }

    /// Whether a bad verdict must end the handshake, so that the peer gets a proper alert.
    pub fn enforce(&self) -> bool {
        self.0.enforce
    }

    /// The wall clock to check validity at.
    pub fn now(&self) -> UnixTime {
        self.0.now
    }

    /// What the session is bound to; `None`: it must be a full handshake, of which nothing is kept.
    pub fn resumption(&self) -> Option<&ResumptionScope> {
        self.0.scope.as_ref()
    }

    /// The verdict on a chain, leaf first. It counts only once the handshake has proved possession.
    pub fn verify(&self, chain: &[CertificateDer<'_>]) -> Verdict {
        let mut answer = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.as_deref() {
            Some((known, verdict)) if known == chain => verdict.clone(),
            Some(_) | None => {
                let chain = owned(chain);
                let Question {
                    verifier,
                    references,
                    now,
                    ..
                } = &*self.0;
                let verdict = verifier.verify(&chain, references, Purpose::Server, *now);
                *answer = Some(Box::new((chain, verdict.clone())));
                verdict
            }
        }
    }

    /// The verdict that counts, on the chain of a finished handshake. Where nothing may be resumed nobody asks again, and
    /// an open session need not hold the chain once more.
    pub(crate) fn settle(&self, chain: &[CertificateDer<'_>]) -> Verdict {
        let verdict = self.verify(chain);
        if self.0.scope.is_none() {
            *self.0.answer.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        verdict
    }

    /// What was wrong with the chain that was asked about last.
    pub(crate) fn rejection(&self) -> Option<IdentityError> {
        let answer = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.as_deref().and_then(|(_, verdict)| verdict.check().err())
    }

    /// What to keep of a session whose handshake proved possession of this chain's key. `None`: it must not be
    /// kept, because the policy has resumption off or the peer is not authenticated.
    pub fn keep(&self, chain: &[CertificateDer<'_>]) -> Option<KeptIdentity> {
        let scope = self.0.scope.clone()?;
        let verdict = self.verify(chain);
        verdict.check().ok()?;
        Some(KeptIdentity {
            verifier: self.0.verifier.clone(),
            references: self.0.references.clone(),
            enforce: self.0.enforce,
            scope,
            chain: owned(chain),
            verdict,
        })
    }

    /// Whether a session with this peer may be resumed now: everything it is bound to must be the same, and
    /// the verdict on the certificate as well. Ask before offering it. What is resumed without is refused.
    pub fn may_resume(&self, kept: &KeptIdentity) -> bool {
        let Question {
            verifier,
            references,
            enforce,
            scope,
            ..
        } = &*self.0;
        let same = scope.as_ref() == Some(&kept.scope)
            && *references == kept.references
            && *enforce == kept.enforce
            && verifier.is_same(&kept.verifier);
        same && self.verify(&kept.chain) == kept.verdict && self.0.resumable.set(Box::new(kept.clone())).is_ok()
    }

    /// The verdict on the peer of a resumed session, whose chain the engine says is this one.
    pub(crate) fn verdict_of_resumed(&self, chain: &[CertificateDer<'_>]) -> Option<Verdict> {
        let kept = self.0.resumable.get().filter(|kept| kept.chain == chain)?;
        Some(kept.verdict.clone())
    }
}

fn owned(chain: &[CertificateDer<'_>]) -> Vec<CertificateDer<'static>> {
    chain
        .iter()
        .map(|certificate| certificate.clone().into_owned())
        .collect()
}
