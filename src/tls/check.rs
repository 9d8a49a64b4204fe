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
    /// What was asked about last. Empty in open sessions of which nothing is kept.
    answer: Mutex<Option<Arc<Answer>>>,
    /// Whom a session that may be resumed was with.
    resumable: OnceLock<Box<KeptIdentity>>,
    /// When the handshake was that the session rests on, an earlier session's if it was resumed. Not before the
    /// session has judged its own.
    full: OnceLock<UnixTime>,
}

/// A chain and the verdict on it. Shared: a peer chooses how large it is, and all who keep it keep this one.
#[derive(Debug)]
struct Answer {
    chain: Vec<CertificateDer<'static>>,
    verdict: Verdict,
}

/// The octets of a chain above which nothing is kept to be resumed. Those of public CAs have a third.
const LARGEST_KEPT: usize = 16 * 1024;

/// Whom a TLS session was with, to be kept with what it is resumed by.
#[derive(Debug, Clone)]
pub struct KeptIdentity {
    verifier: IdentityVerifier,
    references: ReferenceIds,
    enforce: bool,
    scope: ResumptionScope,
    answer: Arc<Answer>,
    full: UnixTime,
}

impl KeptIdentity {
    /// When it may not be resumed any more (RFC 8446 section 4.6.1), however often it was since its full handshake.
    pub fn until(&self) -> UnixTime {
        self.scope.until(self.full)
    }
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
            full: OnceLock::new(),
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
        self.ask(chain).verdict.clone()
    }

    /// What a handshake has to end with on this chain, if anything.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'_>]) -> Result<(), IdentityError> {
        match self.ask(chain).verdict.check() {
            Err(error) if self.0.enforce => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn ask(&self, chain: &[CertificateDer<'_>]) -> Arc<Answer> {
        let mut last = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref() {
            Some(answer) if answer.chain == chain => answer.clone(),
            Some(_) | None => {
                let chain: Vec<_> = chain.iter().map(|der| der.clone().into_owned()).collect();
                let Question {
                    verifier,
                    references,
                    now,
                    ..
                } = &*self.0;
                let verdict = verifier.verify(&chain, references, Purpose::Server, *now);
                let answer = Arc::new(Answer { chain, verdict });
                *last = Some(answer.clone());
                answer
            }
        }
    }

    /// The verdict that counts, on the chain of a finished handshake that was a full one. Where nothing may be resumed
    /// nobody asks again, and an open session need not hold the chain once more.
    pub(crate) fn settle(&self, chain: &[CertificateDer<'_>]) -> Verdict {
        let answer = self.ask(chain);
        self.0.full.get_or_init(|| self.0.now);
        if self.0.scope.is_none() {
            *self.0.answer.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Arc::try_unwrap(answer).map_or_else(|shared| shared.verdict.clone(), |answer| answer.verdict)
    }

    /// What was wrong with the chain that was asked about last.
    pub(crate) fn rejection(&self) -> Option<IdentityError> {
        let answer = self.0.answer.lock().unwrap_or_else(PoisonError::into_inner);
        answer.as_ref().and_then(|answer| answer.verdict.check().err())
    }

    /// What to keep of a session that may be resumed, whose handshake proved possession of this chain's key. `None`: it
    /// must not be kept, because the policy has resumption off, the peer is not authenticated, the chain is larger than
    /// 16 KiB, or no session has judged the handshake.
    pub fn keep(&self, chain: &[CertificateDer<'_>]) -> Option<KeptIdentity> {
        let scope = self.0.scope.clone()?;
        let full = *self.0.full.get()?;
        if chain.iter().map(|der| der.len()).sum::<usize>() > LARGEST_KEPT {
            return None;
        }
        let answer = self.ask(chain);
        answer.verdict.check().ok()?;
        Some(KeptIdentity {
            verifier: self.0.verifier.clone(),
            references: self.0.references.clone(),
            enforce: self.0.enforce,
            scope,
            answer,
            full,
        })
    }

    /// Whether a session with this peer may be resumed now: everything it is bound to must be the same, and
    /// the verdict on the certificate as well, and its last full handshake no longer ago than the policy allows. Ask
    /// before offering it. What is resumed without is refused.
    pub fn may_resume(&self, kept: &KeptIdentity) -> bool {
        let Question {
            verifier,
            references,
            now,
            enforce,
            scope,
            ..
        } = &*self.0;
        let same = scope.as_ref() == Some(&kept.scope)
            && *references == kept.references
            && *enforce == kept.enforce
            && verifier.is_same(&kept.verifier);
        // A clock that was set back tells nothing about how long ago it was.
        let recent = (kept.full..kept.until()).contains(now);
        same && recent
            && self.verify(&kept.answer.chain) == kept.answer.verdict
            && self.0.resumable.set(Box::new(kept.clone())).is_ok()
    }

    /// The verdict on the peer of a resumed session, whose chain the engine says is this one.
    pub(crate) fn verdict_of_resumed(&self, chain: &[CertificateDer<'_>]) -> Option<Verdict> {
        let kept = self.0.resumable.get().filter(|kept| kept.answer.chain == chain)?;
        self.0.full.get_or_init(|| kept.full);
        Some(kept.answer.verdict.clone())
    }
}
