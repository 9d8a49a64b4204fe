//! A report for people.

use super::layout::{self, Rows, Tone};
use super::redact::redacted;
use super::{
    Authentication, ClientCertificate, Handshake, SecurityReport, Summary, TlsReport, TlsStart, View, Warning,
};
use crate::ledger::Reaction;
use pki_types::UnixTime;
use std::fmt;
use xmpp_identity::CertificateFacts;
use xmpp_tls_core::{Side, StreamKind};

/// A report for people, made by [`View::text`]: a heading, then rows of a label and a value.
///
/// Its [`Display`](fmt::Display) ends each line, the last one too. What peers and certificates say in it cannot end a line,
/// move a cursor or turn the direction of writing.
#[derive(Debug, Clone)]
pub struct Text<'a> {
    view: &'a View<'a>,
    width: Option<usize>,
    coloured: bool,
}

impl<'a> Text<'a> {
    pub(super) fn new(view: &'a View<'a>) -> Self {
        Text {
            view,
            width: None,
            coloured: false,
        }
    }

    /// Wraps values under their column, so that no line takes more columns of a terminal than this, if it is 40 at least.
    /// Otherwise lines are as long as they are.
    #[must_use]
    pub fn width(mut self, columns: usize) -> Self {
        self.width = Some(columns);
        self
    }

    /// With the colours of ANSI terminals (ECMA-48): what is good, doubtful and bad.
    #[must_use]
    pub fn coloured(mut self) -> Self {
        self.coloured = true;
        self
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = rows_of(self.view);
        if self.view.redacted {
            for row in &mut rows.0 {
                row.value = redacted(&row.value).into_owned();
            }
        }
        layout::write(f, &rows.0, self.width, self.coloured)
    }
}

fn rows_of(view: &View<'_>) -> Rows {
    let report = view.report;
    let certificates = view.certificates();
    let mut rows = Rows::default();
    heading(&mut rows, report);
    let tone = match report.summary() {
        Summary::Plaintext => Tone::Bad,
        Summary::EncryptedUnauthenticated
            if report.kind == StreamKind::ClientToServer && report.side == Side::Receiving =>
        {
            Tone::Plain
        }
        Summary::EncryptedUnauthenticated => Tone::Bad,
        Summary::EncryptedDialback => Tone::Caution,
        Summary::EncryptedAuthenticated => Tone::Good,
    };
    rows.push(tone, "summary", report.summary());
    if let Some(found) = &report.endpoint {
        rows.plain(
            "endpoint",
            format_args!("{}, by {} DNS", found.endpoint, found.security),
        );
    }
    match &report.tls {
        None => rows.push(
            Tone::Bad,
            "encrypted",
            "NO: everybody on the path can read and change this stream",
        ),
        Some(tls) => of_tls(&mut rows, tls),
    }
    of_offer(&mut rows, report);
    let bindings = report.bindings.names(report.side, report.peer_certificate());
    if !bindings.is_empty() {
        rows.plain("binds logins", bindings.join(", "));
    }
    of_authentication(&mut rows, view);
    if let Some(id) = report.stream_id() {
        rows.plain("stream id", id);
    }
    if let Some(found) = view.change {
        let tone = match found.reaction {
            Reaction::Inform => Tone::Plain,
            Reaction::Warn => Tone::Caution,
            Reaction::Refuse => Tone::Bad,
        };
        rows.push(tone, "changes", found);
    }
    let leaf = certificates.first().and_then(|read| read.as_ref().ok());
    for warning in view.warnings_about(leaf) {
        rows.push(Tone::Caution, "warning", warning);
    }
    for (index, certificate) in certificates.iter().enumerate() {
        match certificate {
            Ok(facts) => of_certificate(&mut rows, index, facts, view.now),
            Err(error) => rows.push(Tone::Bad, "certificate", format_args!("unreadable: {error}")),
        }
    }
    rows
}

fn heading(rows: &mut Rows, report: &SecurityReport) {
    let kind = report.kind;
    match (&report.domain, &report.initiating_domain) {
        (Some(domain), None) => rows.push(Tone::Heading, "", format_args!("{domain} ({kind})")),
        (Some(domain), Some(initiating)) => {
            rows.push(Tone::Heading, "", format_args!("{initiating} to {domain} ({kind})"));
        }
        (None, _) => rows.push(Tone::Heading, "", format_args!("unknown domain ({kind})")),
    }
}

fn of_tls(rows: &mut Rows, tls: &TlsReport) {
    let start = match tls.start {
        TlsStart::StartTls { offered: true } => "STARTTLS",
        TlsStart::StartTls { offered: false } => "STARTTLS, which the peer did not offer",
        TlsStart::DirectTls => "direct TLS",
    };
    rows.push(
        Tone::Good,
        "encrypted",
        format_args!("yes, by {} ({start})", tls.version),
    );
    rows.plain("cipher suite", &tls.cipher_suite_name);
    let (tone, secrecy) = match tls.forward_secret {
        true => (Tone::Plain, "forward secret"),
        false => (Tone::Caution, "NOT forward secret"),
    };
    let key_exchange = tls.key_exchange.as_deref().unwrap_or("unknown");
    rows.push(tone, "key exchange", format_args!("{key_exchange}, {secrecy}"));
    match tls.handshake() {
        Handshake::Full => {}
        Handshake::Retried => rows.plain("handshake", "with another round trip (HelloRetryRequest)"),
        Handshake::Resumed => rows.plain("resumed", "yes: the certificate is the one of an earlier session"),
    }
    if let Some(scheme) = &tls.signature_scheme {
        rows.plain("signed with", scheme);
    }
    if let Some(alpn) = &tls.alpn {
        rows.plain("ALPN", alpn);
    }
    if let Some(name) = &tls.server_name {
        rows.plain("server name", name);
    }
    match tls.client_certificate {
        ClientCertificate::Shown => rows.plain("client shows", "a certificate, as it was asked to"),
        ClientCertificate::NotShown => rows.plain("client shows", "no certificate, although it was asked to"),
        ClientCertificate::NotAsked | ClientCertificate::Unknown => {}
    }
}

fn of_offer(rows: &mut Rows, report: &SecurityReport) {
    let Some(offer) = report.clear_offer() else { return };
    if let Some(starttls) = offer.starttls {
        let required = match starttls.required {
            true => "STARTTLS, as required",
            false => "STARTTLS, not as required",
        };
        rows.plain("clear offer", required);
    }
    if !offer.mechanisms.is_empty() {
        rows.push(Tone::Caution, "clear logins", offer.mechanisms.join(", "));
    }
}

fn of_authentication(rows: &mut Rows, view: &View<'_>) {
    let report = view.report;
    match &report.authentication {
        Authentication::Certificate { matched, chain } => {
            rows.push(
                Tone::Good,
                "authenticated",
                format_args!("yes, by certificate: {}", matched.presented),
            );
            rows.plain("trust", chain);
        }
        Authentication::Rejected { error, .. } => {
            not_by_certificate(rows, view);
            rows.push(Tone::Bad, "reason", error);
        }
        Authentication::NotAsked if report.kind == StreamKind::ServerToServer => {
            not_by_certificate(rows, view);
        }
        Authentication::NotAsked => rows.plain("authenticated", "not by TLS: clients log in inside the stream"),
    }
    // Where nothing but the trust anchors was there to be asked, the rows above say it all.
    let only_anchors = matches!(report.trust(), [only] if only.source == "trust anchors");
    for step in report.trust().iter().filter(|_| !only_anchors) {
        rows.plain("trust source", step);
    }
    if report.awaits_dialback {
        let expected = match report.side {
            Side::Initiating => "is allowed, for the peer to verify us: nothing else is exchanged before",
            Side::Receiving => "is allowed, for the peer to prove itself: nothing else is taken before",
        };
        rows.push(Tone::Caution, "dialback", expected);
    }
    for tried in view.tried {
        let tone = if tried.succeeded() { Tone::Good } else { Tone::Caution };
        rows.push(tone, "proof", tried);
    }
}

fn not_by_certificate(rows: &mut Rows, view: &View<'_>) {
    match view.is_proved_by_dialback() {
        true => rows.push(Tone::Caution, "authenticated", Warning::DialbackAlone),
        false => rows.push(Tone::Bad, "authenticated", "NO: the peer may be anybody"),
    }
}

fn of_certificate(rows: &mut Rows, index: usize, facts: &CertificateFacts, now: Option<UnixTime>) {
    rows.plain(if index == 0 { "certificate" } else { "issued by" }, &facts.subject);
    match facts.self_signed {
        true => rows.plain("  issuer", "itself (self-signed)"),
        false => rows.plain("  issuer", &facts.issuer),
    }
    rows.plain(
        "  valid",
        format_args!("{} to {}", facts.not_before_text(), facts.not_after_text()),
    );
    if let Some(now) = now {
        match facts.days_left(now) {
            ..=-1 => rows.push(Tone::Bad, "  left", "nothing: it has ended"),
            1 => rows.plain("  left", "1 day"),
            days => rows.plain("  left", format_args!("{days} days")),
        }
    }
    let weak = |weak: bool| if weak { " (TOO WEAK)" } else { "" };
    let tone = if facts.weak_key || facts.weak_signature {
        Tone::Bad
    } else {
        Tone::Plain
    };
    rows.push(
        tone,
        "  key",
        format_args!(
            "{}{}, signed with {}{}",
            facts.key_type,
            weak(facts.weak_key),
            facts.signature_algorithm,
            weak(facts.weak_signature)
        ),
    );
    if let Some(usages) = &facts.extended_key_usage {
        let only = if facts.is_server_auth_only() {
            " (no clientAuth)"
        } else {
            ""
        };
        rows.plain("  usage", format_args!("{}{only}", usages.join(", ")));
    }
    names(rows, "  DNS-ID", &facts.dns);
    names(rows, "  SRV-ID", &facts.srv);
    names(rows, "  XmppAddr", &facts.xmpp_addr);
    names(rows, "  IP-ID", &facts.ip);
    names(rows, "  not counted", &facts.ignored);
    names(rows, "  OCSP", &facts.ocsp);
    names(rows, "  CRL", &facts.crl);
    rows.plain("  SHA-256", facts.sha256_hex());
    rows.plain("  of the key", facts.spki_sha256_hex());
}

/// The names of one kind; a certificate can have hundreds.
fn names(rows: &mut Rows, label: &'static str, names: &[impl fmt::Display]) {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return;
    }
    let shown: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match names.len().checked_sub(SHOWN) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    rows.plain(label, format_args!("{}{more}", shown.join(", ")));
}
