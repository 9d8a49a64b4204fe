//! The one place where a session becomes secured.

use crate::error::{ErrorKind, PolicyViolation};
use crate::policy::{AuthenticationPolicy, Policy};
use crate::tls::{TlsEngine, TlsSession};
use bytes::BytesMut;
use xmpp_identity::Verdict;
use xmpp_starttls::SecuredStream;
use xmpp_tls_core::StreamKind;

/// Proof that the gate was passed. Nothing else makes one, and a stream inside TLS needs one.
pub(super) struct Secured {
    pub(super) tls: Box<dyn TlsEngine>,
    pub(super) stream: SecuredStream,
    /// What the peer said behind its handshake, not looked at before.
    pub(super) plaintext: BytesMut,
    /// How TLS failed behind that.
    pub(super) broken: Option<ErrorKind>,
}

/// What the gate weighs.
pub(super) struct Candidate<'a> {
    pub(super) policy: &'a Policy,
    pub(super) session: &'a TlsSession,
    /// What was offered by ALPN.
    pub(super) alpn: Option<StreamKind>,
    /// The verdict on the peer's certificate; `None`: it is not asked about. Clients are not: they log
    /// in with SASL, inside.
    pub(super) verdict: Option<&'a Verdict>,
}

/// Lets a finished handshake through if everything the policy demands holds.
///
/// Possession of the peer's key is proved by the handshake itself: an engine is open only then.
pub(super) fn pass(
    candidate: Candidate<'_>,
    tls: Box<dyn TlsEngine>,
    stream: SecuredStream,
    plaintext: BytesMut,
    broken: Option<ErrorKind>,
) -> Result<Secured, ErrorKind> {
    let Candidate {
        policy,
        session,
        alpn,
        verdict,
    } = candidate;
    let negotiated = session.facts.version();
    if negotiated < policy.minimum_version.version() {
        let minimum = policy.minimum_version.version();
        return Err(ErrorKind::Policy(PolicyViolation::Version { negotiated, minimum }));
    }
    if session.resumed {
        return Err(ErrorKind::Policy(PolicyViolation::Resumed));
    }
    // No ALPN in the answer is fine: a server may ignore the extension (RFC 7301 section 3.2).
    if let Some(chosen) = &session.alpn
        && alpn.is_none_or(|offered| offered.alpn() != chosen)
    {
        let chosen = String::from_utf8_lossy(chosen).into_owned();
        return Err(ErrorKind::Policy(PolicyViolation::Alpn { chosen }));
    }
    match (policy.authentication, verdict) {
        (AuthenticationPolicy::Required, Some(verdict)) => {
            verdict.check().map_err(|error| ErrorKind::Identity(Box::new(error)))?;
        }
        (AuthenticationPolicy::Recorded(_), Some(_)) | (_, None) => {}
    }
    Ok(Secured {
        tls,
        stream,
        plaintext,
        broken,
    })
}
