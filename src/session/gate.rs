//! The one place where a session becomes secured.

use crate::error::ErrorKind;
use crate::policy::{Policy, PolicyViolation};
use crate::security::SecurityReport;
use crate::tls::TlsEngine;
use bytes::BytesMut;
use std::sync::Arc;
use xmpp_starttls::SecuredStream;

/// A finished handshake in front of the gate.
///
/// Possession of the peer's key is proved by the handshake itself: an engine is open only then.
pub(super) struct Candidate {
    pub(super) tls: Box<dyn TlsEngine>,
    pub(super) stream: SecuredStream,
    /// What the handshake established, and whom the peer's certificate makes it.
    pub(super) report: SecurityReport,
    /// What the peer said behind its handshake, not looked at before.
    pub(super) plaintext: BytesMut,
    /// How TLS failed behind that.
    pub(super) broken: Option<ErrorKind>,
}

/// Proof that the gate was passed. Nothing else makes one, and a stream inside TLS needs one.
pub(super) struct Secured {
    pub(super) tls: Box<dyn TlsEngine>,
    pub(super) stream: SecuredStream,
    pub(super) report: Arc<SecurityReport>,
    pub(super) plaintext: BytesMut,
    pub(super) broken: Option<ErrorKind>,
    _passed: (),
}

/// Lets a finished handshake through if everything the policy demands holds.
pub(super) fn pass(policy: &Policy, candidate: Candidate) -> Result<Secured, ErrorKind> {
    let evaluation = policy.evaluate(&candidate.report);
    match evaluation.violations().next() {
        Some(PolicyViolation::Authentication(error)) => return Err(ErrorKind::Identity(error.clone())),
        Some(violation) => return Err(ErrorKind::Policy(violation.clone())),
        None => {}
    }
    let Candidate {
        mut tls,
        stream,
        mut report,
        plaintext,
        broken,
    } = candidate;
    report.left_to_dialback(evaluation.awaits_dialback());
    tls.allow_resumption(true);
    Ok(Secured {
        tls,
        stream,
        report: Arc::new(report),
        plaintext,
        broken,
        _passed: (),
    })
}
