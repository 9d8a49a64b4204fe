//! From SRV records to endpoints in order.

mod common;

use async_trait::async_trait;
use common::tcp::{real_time, serve_one};
use common::{DOMAIN, domain};
use serde::Deserialize;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use xmpp_tls::discovery::{Answer, DiscoveryError, DnsSecurity, LookupError, SrvRecord, plan, service_name};
use xmpp_tls::io::{Endpoint, Error, Resolver, tokio as driver};
use xmpp_tls::session::{Mode, Target};
use xmpp_tls_testkit::LeafSpec;

#[derive(Deserialize)]
struct Vectors {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    #[serde(default)]
    target: String,
    starttls: Found,
    direct: Found,
    #[serde(default)]
    secure: Vec<String>,
    candidates: Option<Vec<String>>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    Records(Vec<String>),
    Nothing(String),
}

impl Found {
    fn answer(&self, secure: bool) -> Result<Answer<SrvRecord>, LookupError> {
        let name = "example.org".to_owned();
        match self {
            Found::Records(records) => Ok(Answer::new(
                records.iter().map(|record| srv(record)).collect(),
                if secure {
                    DnsSecurity::Secure
                } else {
                    DnsSecurity::Insecure
                },
            )),
            Found::Nothing(why) if why == "bogus" => Err(LookupError::Bogus { name }),
            Found::Nothing(why) => {
                assert_eq!(why, "no answer");
                let reason = "timed out".to_owned();
                Err(LookupError::NoAnswer { name, reason })
            }
        }
    }
}

fn srv(text: &str) -> SrvRecord {
    let fields: Vec<&str> = text.split(' ').collect();
    let number = |at: usize| fields[at].parse().unwrap();
    SrvRecord::new(number(0), number(1), number(2), fields[3])
}

#[test]
fn res_02_to_05_records_become_endpoints_as_the_table_says() {
    let vectors: Vectors = toml::from_str(include_str!("vectors/discovery.toml")).unwrap();
    assert!(vectors.case.len() > 15);
    for case in vectors.case {
        let target = Target::new(domain("example.org"));
        let target = match &*case.target {
            "" => target,
            "direct" => target.direct_tls(),
            "server" => target.from_server(domain("example.net")),
            other => panic!("{other}"),
        };
        let secure = |which: &str| case.secure.iter().any(|name| name == which);
        let planned = plan(
            &target,
            case.starttls.answer(secure("starttls")),
            case.direct.answer(secure("direct")),
            &mut || 0,
        );
        match (planned, case.candidates, case.error) {
            (Ok(candidates), Some(expected), None) => {
                let found: Vec<_> = candidates
                    .iter()
                    .map(|candidate| format!("{:?} {} {}", candidate.mode, candidate.endpoint, candidate.security))
                    .collect();
                assert_eq!(found, expected, "{}", case.what);
            }
            (Err(error), None, Some(expected)) => {
                assert!(error.to_string().contains(&expected), "{}: {error}", case.what);
            }
            (planned, ..) => panic!("{}: {planned:?}", case.what),
        }
    }
}

#[test]
fn res_01_and_d368_01_the_names_asked_for() {
    let client = Target::new(domain("Bücher.example"));
    let server = Target::new(domain("example.org")).from_server(domain("example.net"));
    let address = Target::new(domain("[2001:db8::1]"));
    for (target, mode, expected) in [
        (
            &client,
            Mode::StartTls,
            Some("_xmpp-client._tcp.xn--bcher-kva.example."),
        ),
        (
            &client,
            Mode::DirectTls,
            Some("_xmpps-client._tcp.xn--bcher-kva.example."),
        ),
        (&server, Mode::StartTls, Some("_xmpp-server._tcp.example.org.")),
        (&server, Mode::DirectTls, Some("_xmpps-server._tcp.example.org.")),
        (&address, Mode::StartTls, None),
    ] {
        assert_eq!(service_name(target, mode).as_deref(), expected);
    }
}

#[test]
fn a_zone_with_any_number_of_records_is_cut() {
    let records = (0..1000).map(|port| srv(&format!("0 0 {port} a.example."))).collect();
    let answer = Answer::new(records, DnsSecurity::Insecure);
    let target = Target::new(domain("example.org"));
    let candidates = plan(&target, Ok(answer.clone()), Ok(answer), &mut || 0).unwrap();
    assert_eq!(candidates.len(), 32);
}

/// What is cut off is what comes last by priority and weight, and not what the answer has last.
#[test]
fn a_zone_is_cut_behind_its_order_and_not_before() {
    let mut records: Vec<_> = (0..1000).map(|port| record(9, port, "late.example.")).collect();
    records.push(record(1, 1, "first.example."));
    records.push(SrvRecord::new(9, 5, 2, "heavy.example."));
    let answer = |records| Ok(Answer::new(records, DnsSecurity::Insecure));
    let target = Target::new(domain("example.org"));
    let candidates = plan(&target, answer(records), answer(Vec::new()), &mut || 5).unwrap();
    let hosts: Vec<_> = candidates.iter().map(|candidate| &*candidate.endpoint.host).collect();
    assert_eq!(
        (hosts[0], hosts[1], hosts[2]),
        ("first.example", "heavy.example", "late.example")
    );
    assert_eq!(hosts.len(), 32);
}

/// Every host is there and nobody tells its address: each costs the time for connecting, and all of them no more than
/// the time for all.
struct Silent;

#[async_trait]
impl Resolver for Silent {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        let many = if name.starts_with("_xmpp-") { 32 } else { 0 };
        let records = (0..many).map(|port| record(port, port, "a.example.")).collect();
        Ok(Answer::new(records, DnsSecurity::Insecure))
    }

    async fn addresses(&self, _: &str) -> Result<Answer<IpAddr>, LookupError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn all_endpoints_together_have_a_time() {
    for (overall, tried) in [(180, 6), (100, 4), (10, 1)] {
        let mut config = real_time().client_config();
        assert_eq!(config.policy.timeouts.overall, Duration::from_secs(180));
        config.policy.timeouts.overall = Duration::from_secs(overall);
        let begin = tokio::time::Instant::now();
        let error = driver::connect_by(&Silent, Arc::new(config), domain(DOMAIN))
            .await
            .unwrap_err();
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_secs(overall) && took < Duration::from_secs(overall + 1),
            "{took:?}"
        );
        let text = error.to_string();
        let Error::NoneWorked { attempts, untried, .. } = error else {
            panic!("{text}")
        };
        assert_eq!((attempts.len(), untried), (tried, 32 - tried), "{text}");
        assert!(text.contains("none of its 32 endpoints works"), "{text}");
        assert!(text.contains(&format!("{untried} more were not tried")), "{text}");
    }
}

/// Knows the SRV records it is told, and that every host is this one; remembers what it was asked.
#[derive(Default)]
struct Zone {
    starttls: Vec<SrvRecord>,
    direct: Vec<SrvRecord>,
    direct_is_signed: bool,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        self.asked.lock().unwrap().push(name.to_owned());
        let (records, signed) = match name {
            "_xmpp-client._tcp.example.org." => (self.starttls.clone(), false),
            "_xmpps-client._tcp.example.org." => (self.direct.clone(), self.direct_is_signed),
            other => panic!("{other}"),
        };
        let security = match signed {
            true => DnsSecurity::Secure,
            false => DnsSecurity::Insecure,
        };
        Ok(Answer::new(records, security))
    }

    async fn addresses(&self, host: &str) -> Result<Answer<IpAddr>, LookupError> {
        self.asked.lock().unwrap().push(host.to_owned());
        Ok(Answer::new(vec![[127, 0, 0, 1].into()], DnsSecurity::Insecure))
    }
}

impl Zone {
    /// The hosts whose addresses were asked for.
    fn hosts(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|name| !name.starts_with('_')).cloned().collect()
    }
}

fn record(priority: u16, port: u16, target: &str) -> SrvRecord {
    SrvRecord::new(priority, 0, port, target)
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port that nobody listens on.
fn dead() -> u16 {
    listen().1
}

#[tokio::test]
async fn d368_03_and_04_the_first_endpoint_that_works_is_taken_in_its_way_of_tls() {
    let world = real_time();
    for mode in [Mode::StartTls, Mode::DirectTls] {
        let (listener, port) = listen();
        let server = serve_one(listener, world.server_config(&world.good_certificate()), mode);
        let mut zone = Zone {
            starttls: vec![record(1, dead(), "one.example.")],
            direct: vec![record(2, dead(), "two.example.")],
            direct_is_signed: true,
            ..Zone::default()
        };
        match mode {
            Mode::StartTls => zone.starttls.push(record(3, port, "three.example.")),
            Mode::DirectTls => zone.direct.push(record(3, port, "three.example.")),
            _ => panic!("a mode the tests do not know"),
        }
        let config = Arc::new(world.client_config());
        let stream = driver::connect_by(&zone, config, domain(DOMAIN)).await.unwrap();
        assert!(stream.report().is_authenticated());
        assert_eq!(zone.hosts(), ["one.example.", "two.example.", "three.example."]);
        let security = match mode {
            Mode::StartTls => "insecure",
            Mode::DirectTls => "secure",
            other => panic!("{other:?}"),
        };
        let found = stream.report().endpoint().unwrap();
        assert_eq!(found.endpoint, Endpoint::new("three.example", port));
        assert_eq!((found.mode, &*found.security.to_string()), (mode, security));
        let text = stream.report().to_string();
        assert!(
            text.contains(&format!("three.example:{port}, by {security} DNS\n")),
            "{text}"
        );
        let json = serde_json::to_value(stream.report()).unwrap();
        let expected = serde_json::json!({ "host": "three.example", "port": port, "dns": security });
        assert_eq!(json["endpoint"], expected);
        stream.close().await.unwrap();
        server.join().unwrap().unwrap();
    }
}

#[tokio::test]
async fn res_04_where_there_are_records_nothing_but_they_are_tried() {
    let zone = Zone {
        starttls: vec![record(1, dead(), "one.example."), record(2, dead(), "two.example.")],
        ..Zone::default()
    };
    let config = Arc::new(real_time().client_config());
    let error = driver::connect_by(&zone, config, domain(DOMAIN)).await.unwrap_err();
    let Error::NoneWorked { attempts, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(attempts.len(), 2);
    assert!(error.to_string().contains("two.example"), "{error}");
    assert_eq!(zone.hosts(), ["one.example.", "two.example."]);
}

#[tokio::test]
async fn res_02_a_service_that_is_not_offered_is_not_looked_for() {
    let zone = Zone {
        starttls: vec![record(0, 0, ".")],
        ..Zone::default()
    };
    let config = Arc::new(real_time().client_config());
    let error = driver::connect_by(&zone, config, domain(DOMAIN)).await.unwrap_err();
    assert!(
        matches!(error, Error::Discovery(DiscoveryError::NotOffered { .. })),
        "{error}"
    );
    assert_eq!(zone.hosts(), [""; 0]);
}

/// Failure 8 of others (CVE-2022-26491): what the DNS says is no identity. Nor is another endpoint tried.
#[tokio::test]
async fn res_11_a_host_that_the_dns_names_is_no_identity() {
    let world = real_time();
    let (listener, port) = listen();
    let evil = world.ca.issue(LeafSpec::for_domain("evil.example"));
    let server = serve_one(listener, world.server_config(&evil), Mode::StartTls);
    let zone = Zone {
        starttls: vec![record(1, port, "evil.example."), record(2, dead(), "two.example.")],
        ..Zone::default()
    };
    let config = Arc::new(world.client_config());
    let error = driver::connect_by(&zone, config, domain(DOMAIN)).await.unwrap_err();
    let Error::Session(error) = error else {
        panic!("{error}")
    };
    assert!(
        error.identity().is_some_and(|identity| identity.is_name_mismatch()),
        "{error}"
    );
    assert_eq!(zone.hosts(), ["evil.example."]);
    assert!(server.join().unwrap().is_err());
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    let zone = Zone::default();
    let target = Target::new(domain("127.0.0.1"));
    let candidates = driver::discover(&zone, &target, Duration::from_secs(30)).await.unwrap();
    assert_eq!(candidates[0].endpoint, Endpoint::new("127.0.0.1", 5222));
    assert!(zone.asked.lock().unwrap().is_empty());
}
