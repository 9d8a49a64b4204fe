//! What a stream is worth for one domain, under the policy for that domain: whichever other domain it was for before.

use crate::policy::{AuthenticationPolicy, Outcome, Policy, Rule, ServerAuthentication};
use crate::session::Session;
use std::time::Instant;
use xmpp_tls_core::Domain;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Worth {
    /// The policy for the domain demands more than this stream has.
    TooLittle,
    /// Enough for dialback, if the policy is left to that.
    Protected,
    /// The peer's certificate is good for the domain.
    Proved,
}

impl Worth {
    /// Of a path as the policy wants it: each call builds one.
    pub(super) fn of(session: &Session, policy: &Policy, domain: &Domain, now: Instant) -> Self {
        let Some(report) = session.report() else {
            return Worth::TooLittle;
        };
        let evaluation = policy.evaluate(report);
        let mut findings = evaluation.findings().iter();
        if findings
            .any(|finding| finding.rule != Rule::Authentication && matches!(finding.outcome, Outcome::Violated(_)))
        {
            return Worth::TooLittle;
        }
        let verdict = session.verdict_under(policy.keys, domain, now);
        if certificates_count(policy) && verdict.is_some_and(|verdict| verdict.is_authenticated()) {
            return Worth::Proved;
        }
        let enough = match (policy.authentication, policy.servers) {
            (AuthenticationPolicy::Recorded(_), _) | (_, ServerAuthentication::PlaintextDialback(_)) => true,
            (AuthenticationPolicy::Required, ServerAuthentication::Certificate) => false,
            (
                AuthenticationPolicy::Required,
                ServerAuthentication::CertificateOrDialback | ServerAuthentication::DialbackOverTls,
            ) => report.is_encrypted(),
        };
        match enough {
            true => Worth::Protected,
            false => Worth::TooLittle,
        }
    }
}

/// Whether servers may be authenticated by their certificates.
pub(super) fn certificates_count(policy: &Policy) -> bool {
    match policy.servers {
        ServerAuthentication::Certificate
        | ServerAuthentication::CertificateOrDialback
        | ServerAuthentication::PlaintextDialback(_) => true,
        ServerAuthentication::DialbackOverTls => false,
    }
}
