//! Every service of a domain, and those of its usual subdomains, with what could be better.

use crate::check::{Found, Prober};
use crate::show::Style;
use crate::{Outcome, arguments::PROBE_DOMAIN};
use serde_json::json;
use xmpp_tls::dialback::Support;
use xmpp_tls::identity::CertificateFacts;
use xmpp_tls::session::{Mode, Target};
use xmpp_tls::tls::TlsError;
use xmpp_tls::{Domain, ErrorKind, io};

const FOR_SERVERS_ONLY: &str = "the certificate is for TLS servers only: older servers refuse it where you connect to \
    them, and need dialback then";
const NO_DIALBACK: &str =
    "dialback is not offered: servers whose certificates you do not trust cannot prove themselves";
const NO_MECHANISM: &str = "no SASL mechanism is offered inside TLS: nobody can log in";
const NO_DIRECT_TLS: &str = "direct TLS by an _xmpps SRV record would hide that this is XMPP, and leave nothing to strip \
    (XEP-0368)";
const NO_STARTTLS: &str = "without STARTTLS older software cannot connect";

/// What servers call their services.
const SUBDOMAINS: [&str; 5] = ["conference", "muc", "pubsub", "upload", "proxy"];

struct Row {
    what: String,
    outcome: Option<Outcome>,
    says: String,
    /// The names in the certificate.
    names: Vec<String>,
    remedies: Vec<String>,
    data: serde_json::Value,
}

pub(crate) async fn run(prober: &Prober, domain: &Domain, json: bool, style: Style) -> Outcome {
    let mut rows = Vec::new();
    for (to_servers, mode) in [
        (false, Mode::StartTls),
        (false, Mode::DirectTls),
        (true, Mode::StartTls),
        (true, Mode::DirectTls),
    ] {
        let row = row(prober, domain, to_servers, mode).await;
        print(&row, json, style);
        rows.push(row);
    }
    for subdomain in SUBDOMAINS {
        let Ok(domain) = format!("{subdomain}.{domain}").parse() else {
            continue;
        };
        let row = row(prober, &domain, true, Mode::StartTls).await;
        // Nobody has to have them.
        if row.outcome != Some(Outcome::Unreachable) {
            print(&row, json, style);
            rows.push(row);
        }
    }
    conclude(domain, &rows, json, style)
}

async fn row(prober: &Prober, domain: &Domain, to_servers: bool, mode: Mode) -> Row {
    let mut target = Target::new(domain.clone());
    if to_servers && let Ok(probe) = PROBE_DOMAIN.parse() {
        target = target.from_server(probe);
    }
    let who = if to_servers { "servers" } else { "clients" };
    let how = if mode == Mode::DirectTls {
        "direct TLS"
    } else {
        "STARTTLS"
    };
    let what = format!("{domain}, for {who}, {how}");
    match prober.look_by(mode, &target).await {
        Some(Ok(found)) => of_found(what, &found, to_servers),
        Some(Err(error)) => of_error(what, &error),
        None => Row {
            data: json!({ "check": what, "offered": false }),
            what,
            outcome: None,
            says: "not offered".to_owned(),
            names: Vec::new(),
            remedies: vec![
                if mode == Mode::DirectTls {
                    NO_DIRECT_TLS
                } else {
                    NO_STARTTLS
                }
                .to_owned(),
            ],
        },
    }
}

fn of_found(what: String, found: &Found, to_servers: bool) -> Row {
    let report = &found.report;
    let mut remedies: Vec<_> = found.view().warnings().iter().map(ToString::to_string).collect();
    let leaf = report.certificates().next().and_then(Result::ok);
    if to_servers && leaf.as_ref().is_some_and(CertificateFacts::is_server_auth_only) {
        remedies.push(FOR_SERVERS_ONLY.to_owned());
    }
    if to_servers && found.dialback == Support::NotAdvertised {
        remedies.push(NO_DIALBACK.to_owned());
    }
    if !to_servers && found.mechanisms.is_empty() {
        remedies.push(NO_MECHANISM.to_owned());
    }
    let tls = report.tls().map_or("in clear".to_owned(), |tls| {
        format!("{}, {}", tls.version, tls.cipher_suite_name)
    });
    let outcome = found.outcome();
    Row {
        data: json!({ "check": what, "offered": true, "report": found.view(), "remarks": remedies }),
        what,
        outcome: Some(outcome),
        says: format!("{}, {tls}", outcome.says()),
        names: leaf.map(|leaf| leaf.dns).unwrap_or_default(),
        remedies,
    }
}

fn of_error(what: String, error: &io::Error) -> Row {
    let outcome = Outcome::of_error(error);
    let remedy = match error {
        io::Error::Unreachable { .. } => {
            "check that the port is open, and that the SRV record, if there is one, is right".to_owned()
        }
        io::Error::Session(session) if matches!(session.kind(), ErrorKind::Tls(TlsError::NotTls { .. })) => {
            "the SRV record names a port that does not speak TLS first".to_owned()
        }
        _ => "see the error".to_owned(),
    };
    Row {
        data: json!({ "check": what, "offered": true, "error": error.to_string() }),
        what,
        outcome: Some(outcome),
        says: format!("{}: {error}", outcome.says()),
        names: Vec::new(),
        remedies: vec![remedy],
    }
}

fn print(row: &Row, json: bool, style: Style) {
    if json {
        return;
    }
    let says = match row.outcome {
        Some(outcome) => style.paint(&row.says, outcome),
        None => row.says.clone(),
    };
    println!("{}: {says}", row.what);
    if !row.names.is_empty() {
        println!("  the certificate is for {}", row.names.join(", "));
    }
    for remedy in &row.remedies {
        println!("  - {remedy}");
    }
}

fn conclude(domain: &Domain, rows: &[Row], json: bool, style: Style) -> Outcome {
    let checked = || rows.iter().filter_map(|row| row.outcome);
    // What is worst, but for what is there in no way at all.
    let worst = checked()
        .max_by_key(|outcome| *outcome as u8)
        .unwrap_or(Outcome::Unreachable);
    if json {
        let data: Vec<_> = rows.iter().map(|row| &row.data).collect();
        println!(
            "{:#}",
            json!({ "domain": domain.as_str(), "secure": worst == Outcome::Secure, "checks": data })
        );
        return worst;
    }
    let bad = checked().filter(|outcome| *outcome != Outcome::Secure).count();
    let verdict = match bad {
        0 => format!("{domain}: everything that is offered is secure"),
        bad => format!(
            "{domain}: {bad} of {} checks found something to mend",
            checked().count()
        ),
    };
    println!("\n{}", style.paint(&verdict, worst));
    worst
}
