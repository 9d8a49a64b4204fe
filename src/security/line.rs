//! A report as one line of a log.

use super::redact::redacted;
use super::{Authentication, TlsStart, Tried, View};
use std::fmt::{self, Write as _};
use xmpp_tls_core::{Domain, Side};

pub(super) struct Line<'a>(pub(super) &'a View<'a>);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line(view) = self;
        let report = view.report;
        let leaf = report.certificates().next().and_then(Result::ok);
        write!(f, "kind={} side={}", report.kind, side(report.side))?;
        let field = |f: &mut fmt::Formatter<'_>, name: &str, value: Option<&str>| match value {
            Some(value) if view.redacted => write_field(f, name, &redacted(value)),
            Some(value) => write_field(f, name, value),
            None => Ok(()),
        };
        field(f, "local", report.local_domain().map(Domain::as_str))?;
        field(f, "remote", report.remote_domain().map(Domain::as_str))?;
        let endpoint = report.endpoint().map(|found| found.endpoint.to_string());
        field(f, "endpoint", endpoint.as_deref())?;
        field(f, "protection", Some(report.summary().code()))?;
        if let Some(tls) = report.tls() {
            field(f, "tls", Some(&tls.version.to_string()))?;
            field(f, "suite", Some(&tls.cipher_suite_name))?;
            field(f, "group", tls.key_exchange.as_deref())?;
            let start = match tls.start {
                TlsStart::StartTls { .. } => "starttls",
                TlsStart::DirectTls => "direct",
            };
            field(f, "start", Some(start))?;
            field(f, "handshake", Some(tls.handshake().code()))?;
        }
        match report.authentication() {
            Authentication::Certificate { matched, .. } => field(f, "matched", Some(&matched.presented.to_string()))?,
            Authentication::Rejected { error, .. } => field(f, "error", Some(&error.to_string()))?,
            Authentication::NotAsked => {}
        }
        if !view.tried.is_empty() {
            let vain = |tried: &Tried| if tried.succeeded() { "" } else { "!" };
            let tried = view
                .tried
                .iter()
                .map(|tried| format!("{}{}", vain(tried), tried.method.code()));
            field(f, "tried", Some(&tried.collect::<Vec<_>>().join(",")))?;
        }
        if let Some(leaf) = &leaf {
            field(f, "key", Some(&leaf.spki_sha256_hex()))?;
            field(f, "until", Some(&leaf.not_after_text()))?;
        }
        field(f, "stream", report.stream_id())?;
        let change = view.change.and_then(|found| found.changes.gravest());
        field(f, "change", change.map(crate::ledger::Change::code))?;
        let warnings: Vec<_> = view
            .warnings_about(leaf.as_ref())
            .into_iter()
            .map(super::Warning::code)
            .collect();
        field(
            f,
            "warnings",
            (!warnings.is_empty()).then(|| warnings.join(",")).as_deref(),
        )
    }
}

pub(super) fn side(side: Side) -> &'static str {
    match side {
        Side::Initiating => "initiating",
        Side::Receiving => "receiving",
    }
}

/// Whatever a value holds, it is one field on one line.
fn write_field(f: &mut fmt::Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    write!(f, " {name}=")?;
    let bare = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                '.' | '-' | '_' | ':' | ',' | '/' | '@' | '*' | '+' | '!' | '…' | '[' | ']'
            )
    };
    if !value.is_empty() && value.chars().all(bare) {
        return f.write_str(value);
    }
    f.write_char('"')?;
    for c in value.chars() {
        match c {
            '\'' => f.write_char(c)?,
            _ => write!(f, "{}", c.escape_debug())?,
        }
    }
    f.write_char('"')
}
