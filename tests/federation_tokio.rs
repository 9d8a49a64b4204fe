//! Federation over loopback sockets: what is delivered, what comes back, and what ends.

mod common;

use common::servers::{Server, World};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use xmpp_tls::StreamCondition;
use xmpp_tls::history::History;
use xmpp_tls::io::Memory;
use xmpp_tls::io::tokio::{LinkPurpose, Notice, Undeliverable, Unsendable};
use xmpp_tls::ledger::{ChangePolicy, Ledger, MemoryStore};
use xmpp_tls::policy::{Policy, ServerAuthentication};
use xmpp_tls::stream::StreamError;
use xmpp_tls_testkit::LeafSpec;

#[tokio::test]
async fn messages_go_both_ways_whatever_the_certificates() {
    for good in [true, false] {
        let world = World::new();
        let (mut a, mut b) = match good {
            true => (world.good("a.example").await, world.good("b.example").await),
            // Both claim at the same time, and each asks the other.
            false => (
                world.self_signed("a.example").await,
                world.self_signed("b.example").await,
            ),
        };
        a.send("a.example", "b.example");
        b.send("b.example", "a.example");
        assert_eq!(b.stanza().await, "romeo@a.example");
        assert_eq!(a.stanza().await, "romeo@b.example");
        // Again, on the streams that there are.
        a.send("a.example", "b.example");
        assert_eq!(b.stanza().await, "romeo@a.example");
        let sending = a
            .federation
            .links()
            .iter()
            .filter(|link| link.purpose == LinkPurpose::Stanzas)
            .count();
        assert_eq!(sending, 1);
        // And each stream tells what came of which proof.
        let proof = if good { "external" } else { "!external,dialback" };
        let links = a.federation.links();
        let opened = links.iter().find(|link| link.purpose == LinkPurpose::Stanzas).unwrap();
        let line = opened.view().unwrap().line().to_string();
        assert!(line.contains(&format!("tried={proof} ")), "{line}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_comes_back_with_what_to_tell_its_sender() {
    let world = World::new();
    let mut a = world.good("a.example").await;
    // A port that was somebody's, and is nobody's now.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    world
        .zone
        .0
        .lock()
        .unwrap()
        .insert("_xmpp-server._tcp.gone.example.".to_owned(), gone);
    for _ in 0..3 {
        a.send("a.example", "gone.example");
    }
    for _ in 0..3 {
        let why = a.undelivered().await;
        assert!(why.to_string().contains("cannot be reached"), "{why}");
        assert_eq!(why.condition(), "remote-server-timeout");
    }
    let error = a
        .federation
        .send(common::network::message("other.example", "b.example"))
        .unwrap_err();
    assert_eq!(error.why, Unsendable::NotOurs);
}

#[tokio::test]
async fn a_peer_without_a_good_certificate_gets_nothing_where_certificates_are_wanted() {
    let world = World::new();
    let mut policy = Policy::default();
    policy.servers = ServerAuthentication::Certificate;
    let certificate = world.ca.issue(LeafSpec::for_domain("a.example"));
    let mut a = world.serve(&["a.example"], certificate, policy).await;
    let mut b = world.self_signed("b.example").await;
    a.send("a.example", "b.example");
    let why = a.undelivered().await;
    assert!(matches!(why, Undeliverable::Failed(_)), "{why}");
    b.send("b.example", "a.example");
    let why = b.undelivered().await;
    assert!(why.to_string().contains("not-authorized"), "{why}");
}

#[tokio::test]
async fn a_peer_that_goes_and_comes_back_is_reached_again() {
    let world = World::new();
    let mut a = world.good("a.example").await;
    let mut b = world.good("b.example").await;
    a.send("a.example", "b.example");
    b.stanza().await;
    b.federation.close();
    a.first(|notice| matches!(notice, Notice::Ended { .. }).then_some(()))
        .await;
    drop(b);
    let mut b = world.good("b.example").await;
    a.send("a.example", "b.example");
    assert_eq!(b.stanza().await, "romeo@a.example");
}

#[tokio::test]
async fn closing_ends_every_stream_and_takes_nothing_more() {
    let world = World::new();
    let mut a = world.good("a.example").await;
    let mut b = world.good("b.example").await;
    a.send("a.example", "b.example");
    b.stanza().await;
    a.federation.close();
    let refused = a
        .federation
        .send(common::network::message("a.example", "b.example"))
        .unwrap_err();
    assert_eq!(refused.why, Unsendable::Closing);
    for server in [&mut a, &mut b] {
        let outcome = server
            .first(|notice| match notice {
                Notice::Ended { outcome, .. } => Some(outcome),
                _ => None,
            })
            .await;
        assert!(outcome.is_ok(), "{outcome:?}");
    }
    a.federation.closed().await;
    assert!(a.federation.links().is_empty());
}

#[tokio::test]
async fn one_stream_can_be_closed_for_cause() {
    let world = World::new();
    let a = world.good("a.example").await;
    let mut b = world.good("b.example").await;
    a.send("a.example", "b.example");
    b.stanza().await;
    let link = a.federation.links()[0].number;
    a.federation
        .close_link(link, StreamError::new(StreamCondition::POLICY_VIOLATION));
    let outcome = b
        .first(|notice| match notice {
            Notice::Ended { outcome, .. } => Some(outcome),
            _ => None,
        })
        .await;
    assert!(outcome.unwrap_err().to_string().contains("policy-violation"));
}

#[tokio::test]
async fn several_domains_of_one_server_have_a_stream_each() {
    let world = World::new();
    let certificate = world.ca.issue(LeafSpec::for_domain("a.example").dns("rooms.a.example"));
    let a = world
        .serve(&["a.example", "rooms.a.example"], certificate, Policy::default())
        .await;
    let mut b = world.good("b.example").await;
    a.send("a.example", "b.example");
    a.send("rooms.a.example", "b.example");
    let mut senders = vec![b.stanza().await, b.stanza().await];
    senders.sort();
    assert_eq!(senders, ["romeo@a.example", "romeo@rooms.a.example"]);
}

#[tokio::test]
async fn more_than_can_wait_is_not_taken() {
    let world = World::new();
    let mut a = world.good("a.example").await;
    // Accepted by the system, and answered by nobody.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.listens("silent.example", &silent);
    let message = common::network::message("a.example", "silent.example");
    let mut taken = 0;
    let error = loop {
        match a.federation.send(message.clone()) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 10_000);
    };
    assert_eq!(error.why, Unsendable::Busy);
    // Nothing of it is lost.
    a.federation.close();
    for _ in 0..taken {
        a.undelivered().await;
    }
}

/// In both directions, and whatever proves the peer: by SASL EXTERNAL, or by dialback, where its certificate proves
/// nothing.
#[tokio::test]
async fn a_peer_with_another_key_is_refused_where_the_ledger_says_so() {
    for good in [true, false] {
        let world = World::new();
        let history = Arc::new(Mutex::new(History::default()));
        let mut ledger = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
        if !good {
            // To be there without a good certificate is all that strict policy refuses otherwise.
            let mut policy = ChangePolicy::strict();
            policy.authentication_lost = ChangePolicy::default().authentication_lost;
            ledger = ledger.with_policy(policy);
        }
        let memory = Memory::default()
            .with_ledger(Arc::new(ledger))
            .with_history(history.clone());
        let certificate = world.ca.issue(LeafSpec::for_domain("a.example"));
        let policy = Policy::default();
        let mut a = world.serve_with(&["a.example"], certificate, policy, memory).await;
        let b = |world: &World| {
            let spec = LeafSpec::for_domain("b.example");
            world.ca.issue(if good { spec } else { spec.self_signed() })
        };
        let mut first = world.serve(&["b.example"], b(&world), Policy::default()).await;
        first.send("b.example", "a.example");
        assert_eq!(a.stanza().await, "romeo@b.example");
        a.send("a.example", "b.example");
        assert_eq!(first.stanza().await, "romeo@a.example");
        assert!(a.federation.links().iter().all(|link| link.decision.is_some()));
        first.federation.close();
        a.is_alone().await;
        // The same domain, with a new key before its time.
        let mut second = world.serve(&["b.example"], b(&world), Policy::default()).await;
        second.send("b.example", "a.example");
        let refused = a
            .first(|notice| match notice {
                Notice::Stanza { stanza, .. } => panic!("{}", stanza.as_str()),
                Notice::Ended { outcome, .. } => outcome.err().map(|error| error.to_string()),
                _ => None,
            })
            .await;
        assert!(refused.contains("REFUSED"), "{refused}");
        // It is not told yes before, and so knows that what it wrote was not taken.
        let not_taken = |notice| match notice {
            Notice::Accepted { pair, .. } => panic!("accepted {pair}"),
            Notice::Undelivered { .. } => Some(()),
            _ => None,
        };
        second.first(not_taken).await;
        a.send("a.example", "b.example");
        let why = a.undelivered().await.to_string();
        assert!(why.contains("REFUSED"), "{why}");
        assert!(history.lock().unwrap().iter().any(|attempt| !attempt.is_success()));
    }
}

/// In both directions of one stream, more than the system holds for either.
#[tokio::test]
async fn both_servers_may_send_more_than_the_network_takes() {
    let mut world = World::new();
    world.bidi = true;
    let (mut a, mut b) = (world.good("a.example").await, world.good("b.example").await);
    a.send("a.example", "b.example");
    b.stanza().await;
    let large = |from: &str, to: &str| {
        let body = "x".repeat(100_000);
        common::network::stanza(&format!(
            "<message from='x@{from}' to='y@{to}'><body>{body}</body></message>"
        ))
    };
    for _ in 0..400 {
        a.federation.send(large("a.example", "b.example")).unwrap();
        b.federation.send(large("b.example", "a.example")).unwrap();
    }
    let all = async |server: &mut Server| {
        for _ in 0..400 {
            server.stanza().await;
        }
    };
    tokio::join!(all(&mut a), all(&mut b));
    assert_eq!(a.federation.links().len(), 1, "one stream for both");
}
