//! A report as data.

use super::{Authentication, SecurityReport, TlsReport, TlsStart, Warning};
use crate::discovery::Candidate;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use xmpp_identity::{CertificateError, CertificateFacts};
use xmpp_tls_core::{Domain, Side};

impl Serialize for SecurityReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let certificates: Vec<Certificate> = self.certificates().map(Certificate::from).collect();
        let mut report = serializer.serialize_struct("SecurityReport", 11)?;
        report.serialize_field("kind", &self.kind.to_string())?;
        report.serialize_field("side", side(self.side))?;
        report.serialize_field("domain", &self.domain.as_ref().map(Domain::as_str))?;
        report.serialize_field(
            "initiating_domain",
            &self.initiating_domain.as_ref().map(Domain::as_str),
        )?;
        report.serialize_field("endpoint", &self.endpoint.as_ref().map(Endpoint::from))?;
        report.serialize_field("encrypted", &self.is_encrypted())?;
        report.serialize_field("authenticated", &self.is_authenticated())?;
        report.serialize_field("awaits_dialback", &self.awaits_dialback)?;
        report.serialize_field("tls", &self.tls)?;
        report.serialize_field("authentication", &self.authentication)?;
        let warnings: Vec<_> = self.warnings().into_iter().map(Warning::code).collect();
        report.serialize_field("warnings", &warnings)?;
        report.serialize_field("certificates", &certificates)?;
        report.end()
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

/// A certificate of the chain, in its place even if it cannot be read.
#[derive(Serialize)]
#[serde(untagged)]
enum Certificate {
    Readable(Box<CertificateFacts>),
    Unreadable { error: String },
}

impl From<Result<CertificateFacts, CertificateError>> for Certificate {
    fn from(read: Result<CertificateFacts, CertificateError>) -> Self {
        match read {
            Ok(facts) => Certificate::Readable(Box::new(facts)),
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
        let mut tls = serializer.serialize_struct("TlsReport", 11)?;
        tls.serialize_field("start", start)?;
        tls.serialize_field("starttls_offered", &offered)?;
        tls.serialize_field("version", &self.version.to_string())?;
        tls.serialize_field("cipher_suite", &self.cipher_suite_name)?;
        tls.serialize_field("cipher_suite_code", &self.cipher_suite.0)?;
        tls.serialize_field("key_exchange", &self.key_exchange)?;
        tls.serialize_field("forward_secret", &self.forward_secret)?;
        tls.serialize_field("alpn", &self.alpn)?;
        tls.serialize_field("resumed", &self.resumed)?;
        tls.serialize_field("keys_revealed", &self.keys_revealed)?;
        tls.serialize_field("server_name", &self.server_name)?;
        tls.end()
    }
}

impl Serialize for Authentication {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut authentication = serializer.serialize_struct("Authentication", 5)?;
        let (method, matched, chain, identity, error) = match self {
            Authentication::Certificate { matched, chain } => (
                Some("certificate"),
                Some(matched.to_string()),
                Some(chain.to_string()),
                Some(format!("matched: {matched}")),
                None,
            ),
            Authentication::Rejected { verdict, error } => (
                None,
                None,
                Some(verdict.chain.to_string()),
                Some(verdict.identity.to_string()),
                Some(error.to_string()),
            ),
            Authentication::NotAsked => (None, None, None, None, None),
        };
        authentication.serialize_field("method", &method)?;
        authentication.serialize_field("matched", &matched)?;
        authentication.serialize_field("chain", &chain)?;
        authentication.serialize_field("identity", &identity)?;
        authentication.serialize_field("error", &error)?;
        authentication.end()
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Initiating => "initiating",
        Side::Receiving => "receiving",
    }
}
