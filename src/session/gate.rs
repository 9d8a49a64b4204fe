//! The one place where a session becomes secured.

use crate::error::ErrorKind;
use crate::policy::{Finding, Outcome, Policy, PolicyViolation, Rule};
use crate::security::SecurityReport;
use crate::session::Role;
use crate::tls::TlsEngine;
use bytes::BytesMut;
use std::sync::Arc;
use xmpp_identity::Verdict;
use xmpp_starttls::SecuredStream;

/// A finished handshake in front of the gate.
///
/// Possession of the peer's key is proved by the handshake itself: an engine is open only then.
pub(super) struct Candidate {
    pub(super) tls: Box<dyn TlsEngine>,
    pub(super) stream: SecuredStream,
    /// Whether the peer says who it is only with its stream header, inside TLS: another server that connects to us.
    /// Then that is judged by [`name`].
    pub(super) unnamed: bool,
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
    let findings = evaluation.findings().iter();
    refuse(findings.filter(|finding| !(candidate.unnamed && finding.rule == Rule::Authentication)))?;
    let Candidate {
        mut tls,
        stream,
        mut report,
        unnamed,
        plaintext,
        broken,
    } = candidate;
    report.left_to_dialback(evaluation.awaits_dialback() && !unnamed);
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

/// The peer of an unnamed stream has said who it is: lets it go on if everything the policy for that peer demands
/// holds, which may be another policy than before.
pub(super) fn name(
    role: &Role,
    mut report: SecurityReport,
    verdict: Option<Verdict>,
) -> Result<Arc<SecurityReport>, ErrorKind> {
    report.named(role, verdict);
    let evaluation = role.policy().evaluate(&report);
    refuse(evaluation.findings().iter())?;
    report.left_to_dialback(evaluation.awaits_dialback());
    Ok(Arc::new(report))
}

fn refuse<'a>(findings: impl Iterator<Item = &'a Finding>) -> Result<(), ErrorKind> {
    for finding in findings {
        match &finding.outcome {
            Outcome::Violated(PolicyViolation::Authentication(error)) => {
                return Err(ErrorKind::Identity(error.clone()));
            }
            Outcome::Violated(violation) => return Err(ErrorKind::Policy(violation.clone())),
            Outcome::Met | Outcome::NotDemanded | Outcome::AwaitsDialback => {}
        }
    }
    Ok(())
}
