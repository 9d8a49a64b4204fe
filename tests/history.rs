//! Failure 47: every failed attempt leaves one record with its stage and reason, and the records stay few.

mod common;

use common::{DOMAIN, World, domain};
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::history::{Attempt, History, Outcome, Running, Stage};
use xmpp_tls::io::{self, Endpoint};
use xmpp_tls::ledger::{LedgerErrorKind, Refusal};
use xmpp_tls::session::{Mode, Target};
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Phase, StreamKind};
use xmpp_tls_testkit::{LeafSpec, Pair};

fn running(world: &World, name: &str) -> Running {
    Attempt::begin(
        &Target::new(domain(name)),
        Some(&Endpoint::new("host.example", 5222)),
        world.now(),
    )
}

fn failed(attempt: &Attempt) -> (Stage, &'static str, &str) {
    match &attempt.outcome {
        Outcome::Failed {
            stage, code, reason, ..
        } => (*stage, *code, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_leaves_how_far_it_got_how_long_it_took_and_why_it_ended() {
    let mut world = World::new();
    let mut history = History::default();
    let connect = |world: &World, leaf: LeafSpec| {
        let server = world.server_config(&world.ca.issue(leaf));
        let mut pair: Pair<_, _> = world.pair(world.client_config(), server, Mode::StartTls);
        pair.drive();
        pair
    };
    for (leaf, code) in [
        (LeafSpec::for_domain("other.example"), "identity"),
        (LeafSpec::for_domain(DOMAIN).expired(), "identity"),
        (LeafSpec::for_domain(DOMAIN), ""),
    ] {
        let begun = running(&world, DOMAIN);
        let pair = connect(&world, leaf);
        world.clock.advance(Duration::from_millis(70));
        let attempt = match &pair.a.error {
            Some(error) => begun.failed_session(error, world.clock.now()),
            None => begun.succeeded(pair.a.engine.report().unwrap(), world.clock.now()),
        };
        assert_eq!(attempt.took, Duration::from_millis(70));
        if !code.is_empty() {
            let (stage, found, reason) = failed(&attempt);
            assert_eq!((stage, found), (Stage::Stream(Phase::Tls), code));
            assert!(reason.contains(DOMAIN), "{reason}");
        }
        history.record(attempt);
    }
    let lines: Vec<String> = history.of(&domain(DOMAIN)).map(ToString::to_string).collect();
    assert_eq!(
        lines[0],
        "example.org (c2s) at host.example:5222, 70 ms: TLS 1.3, authenticated"
    );
    assert!(
        lines[1].contains(", 70 ms: failed (identity): example.org: "),
        "{}",
        lines[1]
    );
    assert_eq!((lines.len(), history.failures_in_a_row(&domain(DOMAIN))), (3, 0));
    assert_eq!(history.of(&domain("other.example")).count(), 0);
    let data = serde_json::to_value(history.iter().nth(1).unwrap()).unwrap();
    assert_eq!((&data["code"], &data["succeeded"]), (&"identity".into(), &false.into()));
    assert_eq!(data["seconds"], 0.07);
}

/// Nobody listens; somebody listens and closes; somebody is there with another certificate; all is well.
#[tokio::test]
async fn every_way_to_fail_on_a_real_socket_is_one_record() {
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let issued = world.good_certificate();
    let acceptor = RustlsAcceptor::new(world.provider.clone())
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    let server = Arc::new(xmpp_tls::session::ServerConfig::new(acceptor));
    let serving = tokio::spawn(async move {
        drop(listener.accept().await.unwrap());
        let (socket, _) = listener.accept().await.unwrap();
        let begun = Attempt::accepted(StreamKind::ClientToServer, Mode::StartTls, io::now());
        let ended = io::tokio::accept(socket, server, Mode::StartTls).await.unwrap_err();
        begun.failed(&ended, io::now().instant)
    });
    // It trusts another CA.
    let config = Arc::new(World::new().client_config());
    let mut history = History::default();
    for port in [closed_port, port, port] {
        let endpoint = Endpoint::new("127.0.0.1", port);
        let target = Target::new(domain(DOMAIN));
        let begun = Attempt::begin(&target, Some(&endpoint), io::now());
        let error = io::tokio::connect_to(&endpoint, config.clone(), target)
            .await
            .unwrap_err();
        history.record(begun.failed(&error, io::now().instant));
    }
    let found: Vec<_> = history
        .iter()
        .map(|attempt| (failed(attempt).0, failed(attempt).1))
        .collect();
    assert_eq!(found[2], (Stage::Connecting, "unreachable"));
    assert!(
        matches!(found[1], (Stage::Stream(Phase::Starttls), "transport" | "truncated")),
        "{found:?}"
    );
    assert_eq!(found[0], (Stage::Stream(Phase::Tls), "identity"));
    assert_eq!(history.failures_in_a_row(&domain(DOMAIN)), 3);
    let inbound = serving.await.unwrap();
    assert_eq!(inbound.domain, Some(domain(DOMAIN)), "learned on the way");
    assert!(
        inbound.to_string().starts_with("example.org (c2s, inbound), "),
        "{inbound}"
    );
}

#[test]
fn a_refusal_of_the_ledger_and_what_is_given_up_are_records_too() {
    let world = World::new();
    let refusal = Refusal::Unavailable(LedgerErrorKind::Store("ü".repeat(5000)).into());
    let attempt = running(&world, DOMAIN).refused(&refusal, world.clock.now());
    let (_, code, reason) = failed(&attempt);
    assert_eq!(code, "ledger");
    assert!(reason.len() <= 512 && reason.len() > 500, "{}", reason.len());
    let attempt = running(&world, DOMAIN).abandoned(world.clock.now());
    assert_eq!(failed(&attempt).1, "abandoned");
}

#[test]
fn records_are_bounded_in_all_and_of_one_domain() {
    let world = World::new();
    let mut history = History::with_limits(100, 10);
    let attempt = |number: u32| running(&world, &format!("a{number}.example")).abandoned(world.clock.now());
    history.record(attempt(1));
    for _ in 0..1000 {
        history.record(attempt(0));
    }
    assert_eq!((history.len(), history.forgotten()), (11, 990));
    assert_eq!(
        history.of(&domain("a1.example")).count(),
        1,
        "a busy domain pushes out its own"
    );
    for number in 0..1000 {
        history.record(attempt(number));
    }
    assert_eq!(history.len(), 100);
    assert_eq!(history.of(&domain("a0.example")).count(), 0);
    assert_eq!(history.iter().next().unwrap().domain, Some(domain("a999.example")));
    let mut none = History::with_limits(0, 0);
    assert!(none.is_empty());
    none.record(attempt(1));
    assert_eq!(none.len(), 1);
}
