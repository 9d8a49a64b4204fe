//! What the pages, the JSON and the metrics say.

mod common;

use common::{Answer, HOSTILE, Site, TOKEN, form, path_of, seen, show};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use xmpp_tls::history::{Attempt, History};
use xmpp_tls::io::{self, Endpoint};
use xmpp_tls::ledger::{Ledger, MemoryStore};
use xmpp_tls::registry::{Mechanism, Registered, Registry};
use xmpp_tls::security::SecurityReport;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig, Target};
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Domain, Side, StreamKind, roots};
use xmpp_tls_admin::{Admin, Token};
use xmpp_tls_testkit::{LeafSpec, TestCa};

fn a_example() -> Domain {
    "a.example".parse().unwrap()
}

/// A connection to a server whose good certificate has this common name.
async fn connected(common_name: &str) -> SecurityReport {
    let ca = TestCa::valid_now("Test CA");
    let issued = ca.issue(LeafSpec::for_domain("a.example").cn(common_name));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let acceptor = RustlsAcceptor::new(provider.clone())
        .with_certificate(a_example(), issued.chain.clone(), issued.key())
        .unwrap();
    let client = ClientConfig::rustls(provider, roots::from_pem(ca.anchor_pem().as_bytes()).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let serving = async {
        let (socket, _) = listener.accept().await.unwrap();
        let config = Arc::new(ServerConfig::new(acceptor));
        io::tokio::accept(socket, config, Mode::StartTls).await.unwrap()
    };
    let connecting = io::tokio::connect_to(&endpoint, Arc::new(client), a_example());
    let (stream, _served) = tokio::join!(connecting, serving);
    stream.unwrap().report().clone()
}

/// An attempt to connect to a server that refuses in these words.
async fn refused_with(words: &str) -> Attempt {
    let words = words.replace('<', "&lt;");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let serving = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _header = socket.read(&mut [0; 4096]).await.unwrap();
        let answer = format!(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>\
             <stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{words}</text></stream:error></stream:stream>"
        );
        socket.write_all(answer.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        socket.read_to_end(&mut Vec::new()).await
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let ca = TestCa::valid_now("Test CA");
    let client = ClientConfig::rustls(provider, roots::from_pem(ca.anchor_pem().as_bytes()).unwrap());
    let running = Attempt::begin(&Target::new(a_example()), Some(&endpoint), io::now());
    let connecting = io::tokio::connect_to(&endpoint, Arc::new(client), a_example());
    let (stream, _rest) = tokio::join!(connecting, serving);
    running.failed(&stream.unwrap_err(), io::now().instant)
}

/// That what `HOSTILE` says is there as text, and its markup and its mark that turns the writing around are not.
fn assert_harmless(answer: &Answer) {
    assert!(answer.head.contains("content-type: text/html"), "{answer:?}");
    assert!(
        answer.body.contains("&lt;script&gt;taken()&lt;/script&gt;"),
        "{answer:?}"
    );
    for markup in ["<script", "<img", "\u{202e}", "\"'>", "'>&lt;", "\"&#39;"] {
        assert!(!answer.body.contains(markup), "{markup}: {answer:?}");
    }
}

#[tokio::test]
async fn words_of_a_peer_stay_text_on_every_page() {
    let registry = Registry::default();
    let session = registry.register(StreamKind::ClientToServer, Side::Initiating, io::now().wall);
    session.secured(connected(HOSTILE).await);
    let history = Arc::new(Mutex::new(History::default()));
    let refused = refused_with(HOSTILE).await;
    history.lock().unwrap().record(refused);
    let ledger = Ledger::new(MemoryStore::default());
    let key = show(&ledger, "a.example", 1);
    show(&ledger, "a.example", 2);
    ledger.acknowledge(&key, &[2; 32], HOSTILE, io::now().wall).unwrap();
    let site = Site::of(
        Admin::new(registry)
            .with_history(history)
            .with_ledger(ledger)
            .with_token(Token::new(common::TOKEN).unwrap()),
    )
    .await;

    let session = format!("/sessions/{}", session.number());
    for path in ["/", &session, "/history", &path_of(&key)] {
        assert_harmless(&site.get(path).await);
    }
    let typed = "/history?domain=%22'%3E%3Cscript%3Etaken()%3C/script%3E%E2%80%AE";
    assert_harmless(&site.get(typed).await);
    // JSON is not shown as a page, whatever is in it.
    for path in ["/api/sessions", "/api/history", "/api/ledger?all=1"] {
        let answer = site.get(path).await;
        assert!(answer.head.contains("content-type: application/json"), "{answer:?}");
        assert!(answer.head.contains("x-content-type-options: nosniff"), "{answer:?}");
        assert!(answer.body.contains("taken()"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_acknowledgement_is_seen_where_the_certificate_is_in_use() {
    let (registry, ledger) = (Registry::default(), Ledger::new(MemoryStore::default()));
    let alarms = async |site: &Site| {
        let alarmed = site.get("/").await.body.contains("Certificates that changed");
        let sessions = site.json("/api/sessions").await;
        let calm = |session: &Value| session["acknowledged"].as_bool().unwrap();
        (
            alarmed,
            sessions["sessions"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|session| !calm(session))
                .count(),
        )
    };
    let sessions: Vec<_> = [("a.example", 1), ("a.example", 2), ("b.example", 3), ("b.example", 4)]
        .map(|(domain, number)| {
            let session = registry.register(StreamKind::ServerToServer, Side::Initiating, io::now().wall);
            session.assessed(seen(&ledger, domain, number));
            session
        })
        .into();
    let admin = Admin::new(registry)
        .with_ledger(ledger.clone())
        .with_token(Token::new(TOKEN).unwrap());
    let site = Site::of(admin).await;
    assert_eq!(alarms(&site).await, (true, 4));
    for (number, key, expected) in [
        (2, show(&ledger, "a.example", 2), (true, 3)),
        (4, show(&ledger, "b.example", 4), (false, 2)),
    ] {
        let waiting = site.json("/api/ledger").await["waiting"][0].clone();
        assert_eq!(format!("/ledger/{}", waiting["key"].as_str().unwrap()), path_of(&key));
        let (path, body) = (
            format!("{}/acknowledge", path_of(&key)),
            format!("{}&token={TOKEN}", form(number)),
        );
        assert_eq!(site.ask("POST", &path, "", &body).await.status, 303);
        assert_eq!(alarms(&site).await, expected);
    }
    drop(sessions);
}

#[tokio::test]
async fn the_history_is_of_what_failed_unless_all_is_asked_for() {
    let history = Arc::new(Mutex::new(History::default()));
    let now = io::now();
    let running = || Attempt::begin(&Target::new(a_example()), None, now);
    let report = connected("a.example").await;
    history
        .lock()
        .unwrap()
        .record(running().succeeded(&report, now.instant));
    history.lock().unwrap().record(running().abandoned(now.instant));
    let site = Site::of(Admin::new(Registry::default()).with_history(history)).await;
    for (path, expected) in [
        ("/api/history", 1),
        ("/api/history?all=1", 2),
        ("/api/history?domain=a.example", 1),
    ] {
        assert_eq!(
            site.json(path).await["attempts"].as_array().unwrap().len(),
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_acknowledgement_is_seen_on_the_page_and_in_the_json() {
    let (site, _ledger, key) = Site::with_ledger().await;
    let page = site.get(&path_of(&key)).await.body;
    assert!(
        page.contains("Waits to be acknowledged") && page.contains("name=\"token\""),
        "{page}"
    );
    assert_eq!(site.json("/api/ledger").await["keys"].as_array().unwrap().len(), 1);
    let path = format!("{}/acknowledge", path_of(&key));
    let body = format!("{}&token={}", form(2), common::TOKEN);
    let taken = site.ask("POST", &path, "", &body).await;
    assert!(
        taken.head.contains(&format!("location: {}\r\n", path_of(&key))),
        "{taken:?}"
    );
    let page = site.get(&path_of(&key)).await.body;
    assert!(
        !page.contains("Waits to be acknowledged") && page.contains(" by juliet, "),
        "{page}"
    );
    assert!(!page.contains(common::TOKEN), "{page}");
    assert_eq!(site.json("/api/ledger").await["keys"].as_array().unwrap().len(), 0);
    assert_eq!(
        site.json("/api/ledger?all=1").await["keys"].as_array().unwrap().len(),
        1
    );
}

/// Everything in a list, page by page, by its `next`; and how many each page had.
async fn pages(site: &Site, path: &str, list: &str) -> (Vec<String>, Vec<usize>) {
    let (mut found, mut sizes, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = site.json(&format!("{path}{after}")).await;
        let items = page[list].as_array().unwrap();
        sizes.push(items.len());
        assert!(sizes.len() < 10, "{path} goes on and on");
        found.extend(items.iter().map(|item| item.get("number").unwrap_or(item).to_string()));
        after = match &page["next"] {
            serde_json::Value::Null => return (found, sizes),
            next => format!("after={}", next.to_string().trim_matches('"')),
        };
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_each_row_comes_once() {
    for (rows, expected) in [
        (0, vec![0]),
        (100, vec![100]),
        (101, vec![100, 1]),
        (250, vec![100, 100, 50]),
    ] {
        let (registry, ledger) = (Registry::default(), Ledger::new(MemoryStore::default()));
        let sessions: Vec<Registered> = (0..rows)
            .map(|number| {
                show(&ledger, &format!("d{number:03}.example"), 1);
                registry.register(StreamKind::ClientToServer, Side::Receiving, io::now().wall)
            })
            .collect();
        let site = Site::of(Admin::new(registry).with_ledger(ledger)).await;
        for (path, list) in [("/api/sessions?", "sessions"), ("/api/ledger?all=1&", "keys")] {
            let (found, sizes) = pages(&site, path, list).await;
            assert_eq!(sizes, expected, "{path}");
            assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), rows, "{path}");
        }
        drop(sessions);
    }
}

/// The samples of a text in the format of Prometheus, version 0.0.4, by name and labels; panics if it is none.
fn samples(text: &str) -> BTreeMap<(String, BTreeMap<String, String>), f64> {
    let is_name = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_')
    };
    let (mut found, mut families) = (BTreeMap::new(), BTreeSet::new());
    let (mut family, mut kind) = ("", "");
    assert!(text.ends_with('\n'), "the last line ends");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split_once(' ').unwrap().0;
            assert!(families.insert(family), "{family} comes twice");
            kind = "";
        } else if let Some(line) = line.strip_prefix("# TYPE ") {
            let named;
            (named, kind) = line.split_once(' ').unwrap();
            assert_eq!(named, family);
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(family.ends_with("_total"), kind == "counter", "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
                None => (series, ""),
            };
            assert!(is_name(name) && name == family && !kind.is_empty(), "{line}");
            // No label of ours has a comma or an escape in it.
            let labels = labels.split_terminator(',').map(|label| {
                let (name, value) = label.split_once('=').unwrap();
                let value = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'))
                    .unwrap();
                assert!(is_name(name) && !value.contains(['"', '\\']), "{line}");
                (name.to_owned(), value.to_owned())
            });
            let before = found.insert((name.to_owned(), labels.collect()), value.parse().unwrap());
            assert!(before.is_none(), "twice: {line}");
        }
    }
    found
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads_and_count_what_is_open() {
    let registry = Registry::default();
    let site = Site::of(Admin::new(registry.clone())).await;
    let client = registry.register(StreamKind::ClientToServer, Side::Receiving, io::now().wall);
    client.authenticated(Mechanism::sasl("SCRAM-SHA-256-PLUS"));
    let report = connected("a.example").await;
    let suite = report.tls().unwrap().cipher_suite_name.to_string();
    let out = registry.register(StreamKind::ClientToServer, Side::Initiating, io::now().wall);
    out.secured(report);
    let code = registry.get(out.number()).unwrap().session_type.code();

    let answer = site.get("/metrics").await;
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{answer:?}"
    );
    let found = samples(&answer.body);
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        found.get(&(format!("xmpp_tls_{name}"), labels.collect())).copied()
    };
    let connections = |kind, encrypted| {
        let labels = [("type", kind), ("encrypted", encrypted), ("authenticated", "true")];
        value("connections", &labels)
    };
    assert_eq!(connections("c2s", "false"), Some(1.0));
    assert_eq!(connections(code, "true"), Some(1.0));
    assert_eq!(connections("c2s", "true"), Some(0.0));
    let suite = [("type", code), ("protocol", "TLSv1.3"), ("cipher", &suite)];
    assert_eq!(value("encrypted_total", &suite), Some(1.0));
    let login = [("type", "c2s"), ("mechanism", "SCRAM-SHA-256-PLUS")];
    assert_eq!(value("authenticated_total", &login), Some(1.0));
    assert_eq!(value("not_listed_total", &[]), Some(0.0));
    drop(client);
    let open = samples(&site.get("/metrics").await.body);
    let open = open.iter().filter(|((name, _), _)| name == "xmpp_tls_connections");
    assert_eq!(open.map(|(_, count)| *count).sum::<f64>(), 1.0);
}
