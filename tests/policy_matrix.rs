//! What happens where the peer does not do what a policy demands: `tests/vectors/policy.toml`, over real handshakes
//! in memory. Each cell says which events there are, how it ends, what goes over the wire, and what the report says.

mod common;

use common::{DOMAIN, World, domain};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use xmpp_tls::danger::{PlaintextAccepted, PlaintextDialbackAccepted};
use xmpp_tls::policy::{EncryptionPolicy, Policy, ServerAuthentication};
use xmpp_tls::security::SecurityReport;
use xmpp_tls::session::{Event, Mode, Session, Target};
use xmpp_tls::{Engine, Output};
use xmpp_tls_testkit::{Issued, LeafSpec};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    id: String,
    situation: String,
    /// `client to server`, `server to server`, or `receiving`.
    session: String,
    #[serde(default)]
    direct_tls: bool,
    #[serde(default)]
    certificate: Option<String>,
    /// What the peer says when it has heard so much, in clear.
    #[serde(default)]
    peer: Vec<(String, String)>,
    strict: Cell,
    dialback: Cell,
    opportunistic: Cell,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Cell {
    events: Vec<String>,
    /// Part of the error; empty: there is none.
    error: String,
    wire: String,
    report: String,
}

fn policies() -> BTreeMap<&'static str, Policy> {
    let mut strict = Policy::default();
    strict.servers = ServerAuthentication::Certificate;
    let mut opportunistic = Policy::default();
    opportunistic.encryption =
        EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
    opportunistic.servers =
        ServerAuthentication::PlaintextDialback(PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server());
    [
        ("strict", strict),
        ("dialback", Policy::default()),
        ("opportunistic", opportunistic),
    ]
    .into()
}

/// A peer with a bare rustls behind a script.
struct Peer {
    script: Vec<(String, String)>,
    heard: Vec<u8>,
    tls: Option<rustls::ServerConnection>,
    config: Arc<rustls::ServerConfig>,
    namespace: &'static str,
    /// What it decrypted.
    inside: Vec<u8>,
    alerted: bool,
}

impl Peer {
    fn new(world: &World, issued: &Issued, case: &Case) -> Self {
        let config = rustls::ServerConfig::builder_with_provider(world.provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(issued.chain.clone(), issued.key())
            .unwrap();
        let mut peer = Peer {
            script: case.peer.iter().rev().cloned().collect(),
            heard: Vec::new(),
            tls: None,
            config: Arc::new(config),
            namespace: if case.session == "server to server" {
                "jabber:server"
            } else {
                "jabber:client"
            },
            inside: Vec::new(),
            alerted: false,
        };
        if case.direct_tls && peer.script.is_empty() {
            peer.begin_tls();
        }
        peer
    }

    fn begin_tls(&mut self) {
        self.tls = Some(rustls::ServerConnection::new(self.config.clone()).unwrap());
    }

    fn hears(&mut self, mut data: &[u8]) -> Vec<u8> {
        let mut says = Vec::new();
        let Some(tls) = &mut self.tls else {
            self.heard.extend_from_slice(data);
            while let Some((wanted, _)) = self.script.last()
                && String::from_utf8_lossy(&self.heard).contains(wanted.as_str())
            {
                self.heard.clear();
                let (_, answer) = self.script.pop().unwrap();
                says.extend_from_slice(answer.replace("NAMESPACE", self.namespace).as_bytes());
                if answer.contains("<proceed") {
                    self.begin_tls();
                }
            }
            return says;
        };
        while !data.is_empty() {
            tls.read_tls(&mut data).unwrap();
            if let Err(error) = tls.process_new_packets() {
                self.alerted = matches!(error, rustls::Error::AlertReceived(_));
                break;
            }
        }
        let before = self.inside.len();
        let _ = tls.reader().read_to_end(&mut self.inside);
        if String::from_utf8_lossy(&self.inside[before..]).contains("<stream:stream") {
            let header = format!(
                "<stream:stream from='{DOMAIN}' id='2' version='1.0' xmlns='{}' \
                 xmlns:stream='http://etherx.jabber.org/streams'><stream:features/>",
                self.namespace
            );
            tls.writer().write_all(header.as_bytes()).unwrap();
        }
        while tls.wants_write() {
            tls.write_tls(&mut says).unwrap();
        }
        says
    }
}

fn session(world: &World, case: &Case, policy: Policy) -> Session {
    let mode = if case.direct_tls {
        Mode::DirectTls
    } else {
        Mode::StartTls
    };
    if case.session == "receiving" {
        let config = world.server_config(&world.good_certificate()).with_policy(policy);
        return world.server(config, mode);
    }
    let target = Target::new(domain(DOMAIN));
    let target = match case.session.as_str() {
        "server to server" => target.from_server(domain("example.net")),
        "client to server" => target,
        other => panic!("{other}"),
    };
    let target = if case.direct_tls { target.direct_tls() } else { target };
    Session::client(Arc::new(world.client_config().with_policy(policy)), target, world.now()).unwrap()
}

fn run(case: &Case, policy: Policy) -> Cell {
    let world = World::new();
    let issued = world
        .ca
        .issue(LeafSpec::for_domain(case.certificate.as_deref().unwrap_or(DOMAIN)));
    let mut peer = Peer::new(&world, &issued, case);
    let mut session = session(&world, case, policy);
    let (mut events, mut wrote, mut error) = (Vec::new(), Vec::new(), String::new());
    let mut waiting = peer.hears(b"");
    loop {
        match session.poll_output() {
            Ok(Output::Transmit(bytes)) => {
                wrote.extend_from_slice(&bytes);
                waiting.extend(peer.hears(&bytes));
            }
            Ok(Output::Event(event)) => events.push(word(&event).to_owned()),
            Ok(Output::WantsInput(_)) if waiting.is_empty() => break,
            Ok(Output::WantsInput(_)) => {
                let data = std::mem::take(&mut waiting);
                if session.handle_input(world.clock.now(), &data).is_err() {
                    break;
                }
            }
            Err(failure) => {
                error = failure.to_string();
                break;
            }
        }
    }
    Cell {
        events,
        error,
        wire: wire(&wrote, &peer),
        report: session.report().map_or("none".to_owned(), |report| said(report)),
    }
}

fn word(event: &Event) -> &'static str {
    match event {
        Event::Secured(_) => "secured",
        Event::Plaintext(_) => "plaintext",
        Event::Opened(_) => "opened",
        Event::Features(_) => "features",
        Event::Element(_) => "element",
        other => panic!("{other:?}"),
    }
}

fn said(report: &SecurityReport) -> String {
    let words = [
        (report.is_encrypted(), "encrypted"),
        (report.is_authenticated(), "authenticated"),
        (report.awaits_dialback(), "awaits dialback"),
        (!report.warnings().is_empty(), "warns"),
    ];
    let words: Vec<&str> = words
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, word)| word)
        .collect();
    words.join(", ")
}

/// What goes over the wire: what anybody can read, and what the peer makes of the rest.
fn wire(wrote: &[u8], peer: &Peer) -> String {
    let tls = wrote
        .iter()
        .position(|octet| (0x14..=0x17).contains(octet))
        .unwrap_or(wrote.len());
    let (clear, records) = wrote.split_at(tls);
    let clear = String::from_utf8(clear.to_vec()).unwrap();
    let mut words: Vec<(usize, &str)> = [
        ("<stream:stream", "header"),
        ("<stream:features", "features"),
        ("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "starttls"),
        ("<proceed", "proceed"),
        ("<policy-violation", "policy-violation"),
        ("<not-authorized", "not-authorized"),
        ("<encryption-required", "encryption-required"),
        ("</stream:stream", "end"),
    ]
    .into_iter()
    .filter_map(|(mark, word)| Some((clear.find(mark)?, word)))
    .collect();
    words.sort_unstable();
    let mut words: Vec<&str> = words.into_iter().map(|(_, word)| word).collect();
    words.extend((!records.is_empty()).then_some("TLS"));
    words.extend(peer.alerted.then_some("alert"));
    words.extend((!peer.inside.is_empty()).then_some("stream inside"));
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}

#[test]
fn every_cell_of_the_matrix_is_as_the_table_says() {
    let table: Table = toml::from_str(include_str!("vectors/policy.toml")).unwrap();
    let policies = policies();
    let mut wrong = Vec::new();
    for case in &table.case {
        for (name, expected) in [
            ("strict", &case.strict),
            ("dialback", &case.dialback),
            ("opportunistic", &case.opportunistic),
        ] {
            let found = run(case, policies[name].clone());
            let error = if expected.error.is_empty() {
                found.error.is_empty()
            } else {
                found.error.contains(&expected.error)
            };
            if found.events != expected.events
                || found.wire != expected.wire
                || found.report != expected.report
                || !error
            {
                wrong.push(format!(
                    "{} {} ({name}):\n  expected {expected:?}\n  found    {found:?}",
                    case.id, case.situation
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.case.len() >= 11);
}
