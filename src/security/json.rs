//! A report as data. The fields are described at [`View`]: who changes them changes the table, and
//! [`SCHEMA`](super::SCHEMA) where a field goes or means something else.

use super::line::side;
use super::{Authentication, SCHEMA, SecurityReport, TlsReport, TlsStart, Tried, View, Warning};
use crate::discovery::Candidate;
use crate::ledger::{Assessment, Change, Reaction};
use pki_types::UnixTime;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use xmpp_identity::{CertificateError, CertificateFacts, ChainStatus, TrustStep};
use xmpp_starttls::ClearOffer;
use xmpp_tls_core::Domain;

/// As of [`SecurityReport::view`]: without what depends on time, the ledger and what servers tried.
impl Serialize for SecurityReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.view().serialize(serializer)
    }
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.report;
        let read = self.certificates();
        let leaf = read.first().and_then(|read| read.as_ref().ok());
        let warnings: Vec<Said> = self.warnings_about(leaf).into_iter().map(Said::from).collect();
        let certificates: Vec<Certificate> = read.into_iter().map(|read| Certificate::new(read, self.now)).collect();
        let tried: Vec<Proof<'_>> = self.tried.iter().map(Proof::from).collect();
        let mut data = serializer.serialize_struct("SecurityReport", 20)?;
        data.serialize_field("schema", &SCHEMA)?;
        data.serialize_field("kind", &report.kind.to_string())?;
        data.serialize_field("side", side(report.side))?;
        data.serialize_field("domain", &report.domain.as_ref().map(Domain::as_str))?;
        let initiating = report.initiating_domain.as_ref();
        data.serialize_field("initiating_domain", &initiating.map(Domain::as_str))?;
        data.serialize_field("stream_id", &report.stream_id())?;
        data.serialize_field("endpoint", &report.endpoint.as_ref().map(Endpoint::from))?;
        data.serialize_field("summary", report.summary().code())?;
        data.serialize_field("encrypted", &report.is_encrypted())?;
        data.serialize_field("authenticated", &report.is_authenticated())?;
        data.serialize_field("awaits_dialback", &report.awaits_dialback)?;
        data.serialize_field("clear_offer", &report.clear_offer().map(Offer::from))?;
        data.serialize_field("tls", &report.tls)?;
        let bindings = report.bindings.names(report.side, report.peer_certificate());
        data.serialize_field("channel_bindings", &bindings)?;
        data.serialize_field("authentication", &report.authentication)?;
        data.serialize_field("trust", &report.trust.iter().map(Step::from).collect::<Vec<_>>())?;
        data.serialize_field("tried", &tried)?;
        data.serialize_field("change", &self.change.map(Changed::from))?;
        data.serialize_field("warnings", &warnings)?;
        data.serialize_field("certificates", &certificates)?;
        data.end()
    }
}

#[derive(Serialize)]
struct Endpoint<'a> {
    host: &'a str,
    port: u16,
    dns: String,
}

impl<'a> From<&'a Candidate> for Endpoint<'a> {
    fn from(found: &'a Candidate) -> Self {
        Endpoint {
            host: &found.endpoint.host,
            port: found.endpoint.port,
            dns: found.security.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Offer<'a> {
    starttls: bool,
    starttls_required: bool,
    mechanisms: &'a [String],
}

impl<'a> From<&'a ClearOffer> for Offer<'a> {
    fn from(offer: &'a ClearOffer) -> Self {
        Offer {
            starttls: offer.starttls.is_some(),
            starttls_required: offer.starttls.is_some_and(|starttls| starttls.required),
            mechanisms: &offer.mechanisms,
        }
    }
}

#[derive(Serialize)]
struct Step<'a> {
    source: &'a str,
    effect: &'static str,
    reason: &'a str,
}

impl<'a> From<&'a TrustStep> for Step<'a> {
    fn from(step: &'a TrustStep) -> Self {
        Step {
            source: &step.source,
            effect: step.effect.code(),
            reason: &step.reason,
        }
    }
}

#[derive(Serialize)]
struct Proof<'a> {
    from: &'a str,
    to: &'a str,
    method: &'static str,
    succeeded: bool,
    reason: Option<&'a str>,
}

impl<'a> From<&'a Tried> for Proof<'a> {
    fn from(tried: &'a Tried) -> Self {
        Proof {
            from: tried.pair.originating.as_str(),
            to: tried.pair.receiving.as_str(),
            method: tried.method.code(),
            succeeded: tried.succeeded(),
            reason: tried.failure.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Changed {
    changes: Vec<&'static str>,
    reaction: Reaction,
    voucher: &'static str,
    is_new: bool,
    recorded: bool,
    text: String,
}

impl From<&Assessment> for Changed {
    fn from(found: &Assessment) -> Self {
        Changed {
            changes: found.changes.iter().map(Change::code).collect(),
            reaction: found.reaction,
            voucher: found.voucher.code(),
            is_new: found.is_new,
            recorded: found.not_recorded.is_none(),
            text: found.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Said {
    code: &'static str,
    text: String,
}

impl From<Warning> for Said {
    fn from(warning: Warning) -> Self {
        Said {
            code: warning.code(),
            text: warning.to_string(),
        }
    }
}

/// A certificate of the chain, in its place even if it cannot be read.
#[derive(Serialize)]
#[serde(untagged)]
enum Certificate {
    Readable {
        #[serde(flatten)]
        facts: Box<CertificateFacts>,
        server_auth_only: bool,
        days_left: Option<i64>,
    },
    Unreadable {
        error: String,
    },
}

impl Certificate {
    fn new(read: Result<CertificateFacts, CertificateError>, now: Option<UnixTime>) -> Self {
        match read {
            Ok(facts) => Certificate::Readable {
                server_auth_only: facts.is_server_auth_only(),
                days_left: now.map(|now| facts.days_left(now)),
                facts: Box::new(facts),
            },
            Err(error) => Certificate::Unreadable {
                error: error.to_string(),
            },
        }
    }
}

impl Serialize for TlsReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (start, offered) = match self.start {
            TlsStart::StartTls { offered } => ("starttls", Some(offered)),
            TlsStart::DirectTls => ("direct", None),
        };
        let mut tls = serializer.serialize_struct("TlsReport", 15)?;
        tls.serialize_field("start", start)?;
        tls.serialize_field("starttls_offered", &offered)?;
        tls.serialize_field("version", &self.version.to_string())?;
        tls.serialize_field("version_code", &self.version.0)?;
        tls.serialize_field("cipher_suite", &self.cipher_suite_name)?;
        tls.serialize_field("cipher_suite_code", &self.cipher_suite.0)?;
        tls.serialize_field("key_exchange", &self.key_exchange)?;
        tls.serialize_field("forward_secret", &self.forward_secret)?;
        tls.serialize_field("handshake", self.handshake().code())?;
        tls.serialize_field("resumed", &self.resumed)?;
        tls.serialize_field("signature_scheme", &self.signature_scheme)?;
        tls.serialize_field("alpn", &self.alpn)?;
        tls.serialize_field("server_name", &self.server_name)?;
        tls.serialize_field("client_certificate", self.client_certificate.code())?;
        tls.serialize_field("keys_revealed", &self.keys_revealed)?;
        tls.end()
    }
}

impl Serialize for Authentication {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut authentication = serializer.serialize_struct("Authentication", 6)?;
        let (method, matched, chain, identity, error) = match self {
            Authentication::Certificate { matched, chain } => (
                Some("certificate"),
                Some(matched.to_string()),
                Some(chain),
                Some(format!("matched: {matched}")),
                None,
            ),
            Authentication::Rejected { verdict, error } => (
                None,
                None,
                Some(&verdict.chain),
                Some(verdict.identity.to_string()),
                Some(error.to_string()),
            ),
            Authentication::NotAsked => (None, None, None, None, None),
        };
        authentication.serialize_field("method", &method)?;
        authentication.serialize_field("matched", &matched)?;
        authentication.serialize_field("chain", &chain.map(ToString::to_string))?;
        authentication.serialize_field("revocation", &chain.and_then(revocation))?;
        authentication.serialize_field("identity", &identity)?;
        authentication.serialize_field("error", &error)?;
        authentication.end()
    }
}

fn revocation(chain: &ChainStatus) -> Option<&'static str> {
    match chain {
        ChainStatus::Trusted { revocation, .. } => Some(revocation.code()),
        _ => None,
    }
}
