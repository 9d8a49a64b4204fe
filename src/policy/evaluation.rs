use super::{AuthenticationPolicy, EncryptionPolicy, ForwardSecrecy, Policy, Resumption, ServerAuthentication};
use crate::security::{Authentication, SecurityReport, TlsReport, TlsStart};
use std::fmt;
use xmpp_identity::{ChainStatus, IdentityError};
use xmpp_starttls::TlsVersion;
use xmpp_tls_core::{Side, StreamKind};

/// What a [`Policy`] decides about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Whether there is TLS.
    Encryption,
    /// The TLS version.
    Version,
    /// Whether a later theft of the long-term key leaves the session secret.
    ForwardSecrecy,
    /// What the keys and signatures of the peer's certification path are worth.
    KeyStrength,
    /// Whether the handshake was a full one.
    Resumption,
    /// The protocol chosen by ALPN.
    Alpn,
    /// Whether the peer is authenticated.
    Authentication,
}

impl Rule {
    /// A name that does not change, for logs and configuration.
    pub fn code(self) -> &'static str {
        match self {
            Rule::Encryption => "encryption",
            Rule::Version => "version",
            Rule::ForwardSecrecy => "forward-secrecy",
            Rule::KeyStrength => "key-strength",
            Rule::Resumption => "resumption",
            Rule::Alpn => "alpn",
            Rule::Authentication => "authentication",
        }
    }
}

/// Which demand of a [`Policy`] is not met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyViolation {
    /// There is no TLS.
    #[error("the stream is not encrypted, which is required")]
    Encryption,
    /// The TLS version is too old.
    #[error("{negotiated} was negotiated, at least {minimum} is required")]
    Version {
        /// What was negotiated.
        negotiated: TlsVersion,
        /// What is required.
        minimum: TlsVersion,
    },
    /// Whoever steals the server's key later can read what is recorded now.
    #[error("the key exchange ({}) is not forward secret, which is required", key_exchange.as_deref().unwrap_or("unknown"))]
    ForwardSecrecy {
        /// The group or method, if the TLS library tells.
        key_exchange: Option<String>,
    },
    /// The peer's certification path rests on something weaker than is required.
    #[error("the peer's certification path rests on {what} of {bits} bits, at least {minimum} are required")]
    KeyStrength {
        /// On what: `an RSA key`.
        what: &'static str,
        /// How large it is.
        bits: usize,
        /// What is required.
        minimum: usize,
    },
    /// An earlier TLS session was resumed, which is not enabled.
    #[error("the TLS session was resumed, which hides the peer's certificate")]
    Resumed,
    /// An earlier TLS session was resumed, and nothing is known here of who the peer was then.
    #[error("a TLS session was resumed that was not kept here with a verdict on the peer")]
    ResumedUnknown,
    /// The peer chose an ALPN protocol that was not offered (RFC 9325 section 3.8).
    #[error("the peer chose the ALPN protocol {chosen:?}, which was not offered")]
    Alpn {
        /// What it chose.
        chosen: String,
    },
    /// The peer's certificate does not make it the one it should be.
    #[error("{0}")]
    Authentication(Box<IdentityError>),
    /// The peer showed nothing that could make it the one it should be.
    #[error("the peer is not authenticated, which is required")]
    Unauthenticated,
}

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The demand is met.
    Met,
    /// The policy, or the kind of connection, demands nothing here.
    NotDemanded,
    /// Nobody vouches for the peer, and the policy leaves the stream to dialback (XEP-0220), by which the peer may
    /// verify us. It authenticates nobody to us.
    AwaitsDialback,
    /// The demand is not met.
    Violated(PolicyViolation),
}

/// One rule of an [`Evaluation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// What it found.
    pub outcome: Outcome,
}

/// Every rule of a policy applied to one connection: what sessions enforce, and what an operator can ask
/// beforehand of a stricter policy.
///
/// ```
/// # fn example(report: &xmpp_tls::security::SecurityReport) {
/// use xmpp_tls::policy::Policy;
///
/// // Which of today's connections would TLS 1.3 alone refuse?
/// let evaluation = Policy::modern().evaluate(report);
/// if !evaluation.is_satisfied() {
///     println!("{evaluation}");
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    findings: Vec<Finding>,
}

impl Evaluation {
    /// Every rule, in the order of their weight.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The demands that are not met, the weightiest first.
    pub fn violations(&self) -> impl Iterator<Item = &PolicyViolation> {
        self.findings.iter().filter_map(|finding| match &finding.outcome {
            Outcome::Violated(violation) => Some(violation),
            Outcome::Met | Outcome::NotDemanded | Outcome::AwaitsDialback => None,
        })
    }

    #[cfg(test)]
    pub(super) fn refusing(rule: Rule) -> Self {
        let outcome = Outcome::Violated(PolicyViolation::Unauthenticated);
        Evaluation {
            findings: vec![Finding { rule, outcome }],
        }
    }

    /// Whether the peer is still to be authenticated, by dialback. That violates nothing, and proves nothing.
    pub fn awaits_dialback(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.outcome == Outcome::AwaitsDialback)
    }

    /// Whether no demand is violated.
    pub fn is_satisfied(&self) -> bool {
        self.violations().next().is_none()
    }
}

/// One line a rule.
impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { rule, outcome } in &self.findings {
            let code = rule.code();
            match outcome {
                Outcome::Met => writeln!(f, "{code:16}met")?,
                Outcome::NotDemanded => writeln!(f, "{code:16}not demanded")?,
                Outcome::AwaitsDialback => writeln!(f, "{code:16}not yet: by dialback, inside the stream")?,
                Outcome::Violated(violation) => writeln!(f, "{code:16}VIOLATED: {violation}")?,
            }
        }
        Ok(())
    }
}

impl Policy {
    /// Applies every rule to a connection, as it is: what a session under this policy is enforced by, and what one under
    /// another is rehearsed by, with the same answer for the same handshake.
    ///
    /// A session under this policy may have come to another handshake, and then be accepted where a rehearsal refuses:
    /// it does not resume where this policy forbids it, and where a peer shows more than one path to an anchor the
    /// verifier goes on to the next if one is too weak.
    pub fn evaluate(&self, report: &SecurityReport) -> Evaluation {
        let mut findings = vec![Finding {
            rule: Rule::Encryption,
            outcome: self.judge_encryption(report),
        }];
        if let Some(tls) = report.tls() {
            findings.extend([
                Finding {
                    rule: Rule::Version,
                    outcome: self.judge_version(tls),
                },
                Finding {
                    rule: Rule::ForwardSecrecy,
                    outcome: self.judge_forward_secrecy(tls),
                },
                Finding {
                    rule: Rule::KeyStrength,
                    outcome: self.judge_key_strength(report),
                },
                Finding {
                    rule: Rule::Resumption,
                    outcome: self.judge_resumption(report, tls),
                },
                Finding {
                    rule: Rule::Alpn,
                    outcome: alpn(report, tls),
                },
            ]);
        }
        findings.push(Finding {
            rule: Rule::Authentication,
            outcome: self.judge_authentication(report),
        });
        Evaluation { findings }
    }

    fn judge_encryption(&self, report: &SecurityReport) -> Outcome {
        match self.encryption {
            EncryptionPolicy::Required => demand(report.is_encrypted(), || PolicyViolation::Encryption),
            EncryptionPolicy::Opportunistic(_) => Outcome::NotDemanded,
        }
    }

    fn judge_version(&self, tls: &TlsReport) -> Outcome {
        let minimum = self.minimum_version.version();
        let negotiated = tls.version;
        demand(negotiated >= minimum, || PolicyViolation::Version {
            negotiated,
            minimum,
        })
    }

    fn judge_forward_secrecy(&self, tls: &TlsReport) -> Outcome {
        match self.forward_secrecy {
            ForwardSecrecy::Required => demand(tls.forward_secret, || PolicyViolation::ForwardSecrecy {
                key_exchange: tls.key_exchange.clone(),
            }),
            ForwardSecrecy::Preferred => Outcome::NotDemanded,
        }
    }

    /// A weak path makes nobody authenticated, so that it violates what a bad certificate violates.
    fn judge_key_strength(&self, report: &SecurityReport) -> Outcome {
        match (self.weakness(report), self.judge_authentication(report)) {
            (Some(weakness), Outcome::Violated(_)) => Outcome::Violated(weakness),
            (Some(_), Outcome::Met | Outcome::NotDemanded | Outcome::AwaitsDialback) => Outcome::NotDemanded,
            (None, _) => match chain(report) {
                Some(ChainStatus::Trusted { .. }) => Outcome::Met,
                Some(_) | None => Outcome::NotDemanded,
            },
        }
    }

    /// What is too weak about the peer's path: measured now, or found by the verifier that this policy's demand was
    /// given to. A path that was refused for something else was not measured: that is the matter of authentication.
    fn weakness(&self, report: &SecurityReport) -> Option<PolicyViolation> {
        let strength = match (chain(report)?, report.authentication()) {
            (ChainStatus::Trusted { strength, .. }, _) => strength,
            (ChainStatus::Untrusted(found), Authentication::Rejected { error, .. }) if found.is_weak() => {
                return Some(PolicyViolation::Authentication(error.clone()));
            }
            (_, _) => return None,
        };
        [
            ("an RSA key", strength.rsa_bits, self.keys.rsa_bits),
            ("an elliptic curve key", strength.curve_bits, self.keys.curve_bits),
            ("a signature's hash", strength.hash_bits, self.keys.hash_bits),
        ]
        .into_iter()
        .find_map(|(what, bits, minimum)| {
            let bits = bits.filter(|bits| *bits < minimum)?;
            Some(PolicyViolation::KeyStrength { what, bits, minimum })
        })
    }

    fn judge_resumption(&self, report: &SecurityReport, tls: &TlsReport) -> Outcome {
        match (self.resumption, tls.resumed) {
            (Resumption::Off, resumed) => demand(!resumed, || PolicyViolation::Resumed),
            (Resumption::Allowed, false) => Outcome::NotDemanded,
            (Resumption::Allowed, true) => {
                let known = report.side() == Side::Receiving || *report.authentication() != Authentication::NotAsked;
                demand(known, || PolicyViolation::ResumedUnknown)
            }
        }
    }

    fn judge_authentication(&self, report: &SecurityReport) -> Outcome {
        let certificate = match report.authentication() {
            Authentication::Certificate { .. } if report.is_authenticated() => {
                self.weakness(report).map_or(Ok(()), Err)
            }
            Authentication::Rejected { error, .. } => Err(PolicyViolation::Authentication(error.clone())),
            Authentication::Certificate { .. } | Authentication::NotAsked => Err(PolicyViolation::Unauthenticated),
        };
        match (self.authentication, report.kind()) {
            (AuthenticationPolicy::Recorded(_), _) => Outcome::NotDemanded,
            (AuthenticationPolicy::Required, StreamKind::ServerToServer) => self.judge_server(report, certificate),
            (AuthenticationPolicy::Required, StreamKind::ClientToServer) => {
                match (certificate, report.authentication(), report.side()) {
                    // Clients log in with SASL, inside the stream.
                    (Err(_), Authentication::NotAsked, Side::Receiving) => Outcome::NotDemanded,
                    (Ok(()), _, _) => Outcome::Met,
                    (Err(violation), _, _) => Outcome::Violated(violation),
                }
            }
        }
    }

    fn judge_server(&self, report: &SecurityReport, certificate: Result<(), PolicyViolation>) -> Outcome {
        match (self.servers, certificate, report.is_encrypted()) {
            (ServerAuthentication::DialbackOverTls, _, true) => Outcome::AwaitsDialback,
            (_, Ok(()), _) => Outcome::Met,
            (ServerAuthentication::CertificateOrDialback, Err(_), true)
            | (ServerAuthentication::PlaintextDialback(_), Err(_), _) => Outcome::AwaitsDialback,
            (ServerAuthentication::Certificate, Err(violation), _)
            | (
                ServerAuthentication::CertificateOrDialback | ServerAuthentication::DialbackOverTls,
                Err(violation),
                false,
            ) => Outcome::Violated(violation),
        }
    }
}

fn chain(report: &SecurityReport) -> Option<&ChainStatus> {
    match report.authentication() {
        Authentication::Certificate { chain, .. } => Some(chain),
        Authentication::Rejected { verdict, .. } => Some(&verdict.chain),
        Authentication::NotAsked => None,
    }
}

fn demand(met: bool, violation: impl FnOnce() -> PolicyViolation) -> Outcome {
    match met {
        true => Outcome::Met,
        false => Outcome::Violated(violation()),
    }
}

/// Direct TLS offers one protocol, STARTTLS none; servers take their own. No answer is fine: a server may
/// ignore the extension (RFC 7301 section 3.2).
fn alpn(report: &SecurityReport, tls: &TlsReport) -> Outcome {
    let Some(chosen) = &tls.alpn else {
        return Outcome::NotDemanded;
    };
    let offers = tls.start == TlsStart::DirectTls || report.side() == Side::Receiving;
    demand(offers && chosen.as_bytes() == report.kind().alpn(), || {
        PolicyViolation::Alpn { chosen: chosen.clone() }
    })
}
