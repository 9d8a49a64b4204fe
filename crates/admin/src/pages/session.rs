//! All that is known of one connection.

use super::connections::{change, direction, domains, encrypted, lifetime};
use super::{State, badge, cell, fact, names, row_header, table, text_fact, time};
use crate::Admin;
use crate::acknowledge::key_to_hex;
use crate::html::Html;
use crate::request::Reply;
use xmpp_tls::identity::CertificateFacts;
use xmpp_tls::registry::{Entry, Proof};
use xmpp_tls::security::{Authentication, SecurityReport, TlsReport, TlsStart};

pub(super) fn page(admin: &Admin, number: u64) -> Option<Reply> {
    let entry = admin.registry.get(number)?;
    Some(super::page("Connection", None, |html| {
        html.markup("<p class=\"lead\">");
        domains(html, &entry);
        html.markup("</p>\n<dl class=\"facts\">\n");
        text_fact(html, "Number", Some(entry.number));
        text_fact(html, "Direction", Some(direction(entry.session_type)));
        fact(html, "Since", |html| time(html, entry.since.as_secs()));
        fact(html, "Encrypted", |html| encrypted(html, &entry));
        if let Some(report) = &entry.report {
            report_facts(html, report);
        }
        html.markup("</dl>\n");
        about_change(html, &entry);
        proofs(html, "Proofs of the peer", &entry.authenticated);
        proofs(html, "Proofs of ours that the peer took", &entry.accepted);
        if entry.more_proofs > 0 {
            html.markup("<p>and ")
                .text(entry.more_proofs)
                .markup(" more that are not kept</p>\n");
        }
        for (index, read) in entry.report.iter().flat_map(|report| report.certificates()).enumerate() {
            html.markup("<section class=\"card\"><h2>")
                .markup(if index == 0 { "Certificate" } else { "Issued by" })
                .markup("</h2>\n");
            match read {
                Ok(facts) => certificate(html, &facts),
                Err(error) => {
                    html.markup("<p>It cannot be read: ").text(error).markup("</p>");
                }
            }
            html.markup("</section>\n");
        }
    }))
}

fn report_facts(html: &mut Html, report: &SecurityReport) {
    if let Some(tls) = report.tls() {
        tls_facts(html, tls);
    }
    fact(html, "Certificate check", |html| match report.authentication() {
        Authentication::Certificate { matched, chain } => {
            badge(html, State::Good, "good");
            html.markup(" ").text(matched).markup("; ").text(chain);
        }
        Authentication::Rejected { error, .. } => {
            badge(html, State::Bad, "NOT good");
            html.markup(" ").text(error);
        }
        Authentication::NotAsked => {
            html.markup("none was asked for or shown");
        }
        _ => badge(html, State::Bad, "unknown"),
    });
    if !report.trust().is_empty() {
        fact(html, "Trust", |html| names(html, report.trust()));
    }
    text_fact(html, "Endpoint", report.endpoint().map(|found| &found.endpoint));
    if report.awaits_dialback() {
        text_fact(html, "Dialback", Some("is allowed; nothing else is exchanged before"));
    }
    let warnings = report.warnings();
    if !warnings.is_empty() {
        fact(html, "Warnings", |html| {
            for warning in warnings {
                badge(html, State::Warning, warning);
                html.markup(" ");
            }
        });
    }
}

fn tls_facts(html: &mut Html, tls: &TlsReport) {
    let start = match tls.start {
        TlsStart::StartTls { offered: true } => "STARTTLS",
        TlsStart::StartTls { offered: false } => "STARTTLS, which the peer did not offer",
        TlsStart::DirectTls => "direct TLS",
        _ => "another way",
    };
    text_fact(html, "Began by", Some(start));
    let secrecy = match tls.forward_secret {
        true => "forward secret",
        false => "NOT forward secret",
    };
    let exchange = tls.key_exchange.as_deref().unwrap_or("unknown");
    text_fact(html, "Key exchange", Some(format_args!("{exchange}, {secrecy}")));
    text_fact(html, "ALPN", tls.alpn.as_ref());
    text_fact(html, "Server name", tls.server_name.as_ref());
    if tls.resumed {
        text_fact(
            html,
            "Resumed",
            Some("yes: the certificate is the one of an earlier session"),
        );
    }
}

fn about_change(html: &mut Html, entry: &Entry) {
    let Some(assessment) = &entry.change else { return };
    html.markup("<section class=\"card\"><h2>Compared with what was known</h2><p>");
    change(html, entry, assessment);
    html.markup("</p>\n<p class=\"detail\">")
        .text(assessment)
        .markup("</p>\n<p><a href=\"/ledger/");
    html.text(key_to_hex(&assessment.key))
        .markup("\">What this domain showed before</a></p></section>\n");
}

fn proofs(html: &mut Html, caption: &'static str, proofs: &[Proof]) {
    if proofs.is_empty() {
        return;
    }
    table(html, caption, &["By", "From", "To"], |html| {
        for proof in proofs {
            html.markup("<tr role=\"row\">");
            row_header(html, |html| badge(html, State::Good, &proof.by));
            for (label, domain) in [
                ("From", proof.pair.as_ref().map(|pair| &pair.originating)),
                ("To", proof.pair.as_ref().map(|pair| &pair.receiving)),
            ] {
                cell(html, label, |html| {
                    match domain {
                        Some(domain) => html.text(domain),
                        None => html.markup("the whole session"),
                    };
                });
            }
            html.markup("</tr>\n");
        }
    });
}

fn certificate(html: &mut Html, facts: &CertificateFacts) {
    html.markup("<dl class=\"facts\">\n");
    text_fact(html, "Subject", Some(&facts.subject));
    text_fact(html, "Issuer", Some(&facts.issuer));
    text_fact(html, "Serial", Some(&facts.serial));
    fact(html, "Valid", |html| {
        html.text(facts.not_before_text())
            .markup(" to ")
            .text(facts.not_after_text())
            .markup(" ");
        lifetime(html, facts);
    });
    text_fact(html, "Key", Some(&facts.key_type));
    text_fact(html, "Signed with", Some(&facts.signature_algorithm));
    for (name, list) in [
        ("DNS-ID", &facts.dns),
        ("SRV-ID", &facts.srv),
        ("XmppAddr", &facts.xmpp_addr),
    ] {
        if !list.is_empty() {
            fact(html, name, |html| names(html, list));
        }
    }
    if !facts.ip.is_empty() {
        fact(html, "IP-ID", |html| names(html, &facts.ip));
    }
    if !facts.ignored.is_empty() {
        fact(html, "Not counted", |html| names(html, &facts.ignored));
    }
    text_fact(
        html,
        "For",
        facts.extended_key_usage.as_ref().map(|usage| usage.join(", ")),
    );
    text_fact(html, "SHA-256", Some(facts.sha256_hex()));
    text_fact(html, "SHA-256 of the key", Some(facts.spki_sha256_hex()));
    html.markup("</dl>\n");
}
