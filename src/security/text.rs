//! A report for people.

use super::{Authentication, SecurityReport, TlsReport, TlsStart};
use std::fmt;
use xmpp_identity::CertificateFacts;
use xmpp_tls_core::{Side, StreamKind};

/// Where values begin, so that they stand under each other.
const COLUMN: usize = 16;

impl fmt::Display for SecurityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.domain, &self.initiating_domain) {
            (Some(domain), None) => writeln!(f, "{domain} ({})", self.kind)?,
            (Some(domain), Some(initiating)) => writeln!(f, "{initiating} to {domain} ({})", self.kind)?,
            (None, _) => writeln!(f, "unknown domain ({})", self.kind)?,
        }
        if let Some(found) = &self.endpoint {
            row(
                f,
                "endpoint",
                format_args!("{}, by {} DNS", found.endpoint, found.security),
            )?;
        }
        match &self.tls {
            None => row(
                f,
                "encrypted",
                "NO: everybody on the path can read and change this stream",
            )?,
            Some(tls) => tls.fmt(f)?,
        }
        match &self.authentication {
            Authentication::Certificate { matched, chain } => {
                row(
                    f,
                    "authenticated",
                    format_args!("yes, by certificate: {}", matched.presented),
                )?;
                row(f, "trust", chain)?;
            }
            Authentication::Rejected { error, .. } => {
                row(f, "authenticated", "NO: the peer may be anybody")?;
                row(f, "reason", error)?;
            }
            Authentication::NotAsked if self.kind == StreamKind::ServerToServer => {
                row(f, "authenticated", "NO: the peer may be anybody")?;
            }
            Authentication::NotAsked => row(f, "authenticated", "not by TLS: clients log in inside the stream")?,
        }
        if self.awaits_dialback {
            let expected = match self.side {
                Side::Initiating => "is allowed, for the peer to verify us: nothing else is exchanged before",
                Side::Receiving => "is allowed, for the peer to prove itself: nothing else is taken before",
            };
            row(f, "dialback", expected)?;
        }
        for warning in self.warnings() {
            row(f, "warning", warning)?;
        }
        for (index, certificate) in self.certificates().enumerate() {
            match certificate {
                Ok(facts) => write_certificate(f, index, &facts)?,
                Err(error) => row(f, "certificate", format_args!("unreadable: {error}"))?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for TlsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = match self.start {
            TlsStart::StartTls { offered: true } => "STARTTLS",
            TlsStart::StartTls { offered: false } => "STARTTLS, which the peer did not offer",
            TlsStart::DirectTls => "direct TLS",
        };
        row(f, "encrypted", format_args!("yes, by {} ({start})", self.version))?;
        row(f, "cipher suite", &self.cipher_suite_name)?;
        let secrecy = if self.forward_secret {
            "forward secret"
        } else {
            "NOT forward secret"
        };
        let key_exchange = self.key_exchange.as_deref().unwrap_or("unknown");
        row(f, "key exchange", format_args!("{key_exchange}, {secrecy}"))?;
        if let Some(alpn) = &self.alpn {
            row(f, "ALPN", alpn)?;
        }
        if let Some(name) = &self.server_name {
            row(f, "server name", name)?;
        }
        if self.resumed {
            row(f, "resumed", "yes: the certificate is the one of an earlier session")?;
        }
        Ok(())
    }
}

fn write_certificate(f: &mut fmt::Formatter<'_>, index: usize, facts: &CertificateFacts) -> fmt::Result {
    let label = if index == 0 { "certificate" } else { "issued by" };
    row(f, label, &facts.subject)?;
    row(f, "  issuer", &facts.issuer)?;
    row(
        f,
        "  valid",
        format_args!("{} to {}", facts.not_before_text(), facts.not_after_text()),
    )?;
    row(
        f,
        "  key",
        format_args!("{}, signed with {}", facts.key_type, facts.signature_algorithm),
    )?;
    names(f, "DNS-ID", &facts.dns)?;
    names(f, "SRV-ID", &facts.srv)?;
    names(f, "XmppAddr", &facts.xmpp_addr)?;
    names(f, "IP-ID", &facts.ip)?;
    names(f, "not counted", &facts.ignored)?;
    row(f, "  SHA-256", facts.sha256_hex())?;
    row(f, "  of the key", facts.spki_sha256_hex())
}

/// The names of one kind; a certificate can have hundreds.
fn names(f: &mut fmt::Formatter<'_>, label: &str, names: &[impl fmt::Display]) -> fmt::Result {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return Ok(());
    }
    let mut text = names
        .iter()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    row(f, &format!("  {label}"), text)
}

fn row(f: &mut fmt::Formatter<'_>, label: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {label:COLUMN$}{value}")
}
