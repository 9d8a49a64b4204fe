//! What strangers try against the drivers of a server: to be taken for a server that a ledger knows otherwise, and to
//! keep it from its work.

mod common;

use async_trait::async_trait;
use common::servers::{Raw, Server, World};
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use xmpp_tls::io::tokio::{LinkPurpose, Notice};
use xmpp_tls::io::{Memory, now};
use xmpp_tls::ledger::{Assessment, CertificateLedger, ChangePolicy, Ledger, LedgerError, MemoryStore, Sighting};
use xmpp_tls::pki_types::UnixTime;
use xmpp_tls::policy::{Overrides, Policy, Scope};
use xmpp_tls::session::{Event, Mode, Session};
use xmpp_tls_testkit::LeafSpec;

const FEATURES: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>\
    <bidi xmlns='urn:xmpp:features:bidi'/></stream:features>";
const MESSAGE: &str = "<message from='juliet@c.example' to='x@a.example'><body>hi</body></message>";

fn claim(from: &str, to: &str) -> String {
    format!("<db:result xmlns:db='jabber:server:dialback' from='{from}' to='{to}'>c0ffee</db:result>")
}

fn strict_memory() -> Memory {
    let ledger = Ledger::new(MemoryStore::default()).with_policy(ChangePolicy::strict());
    Memory::default().with_ledger(Arc::new(ledger))
}

/// A server whose ledger knows c.example, which connected to it.
async fn server_that_knows_c(world: &World, domains: &[&str]) -> Server {
    let certificate = world.ca.issue(LeafSpec::for_domain("a.example").dns("rooms.a.example"));
    let mut a = world
        .serve_with(domains, certificate, Policy::default(), strict_memory())
        .await;
    let c = world.good("c.example").await;
    c.send("c.example", "a.example");
    assert_eq!(a.stanza().await, "romeo@c.example");
    c.federation.close();
    a.is_alone().await;
    a
}

/// What became of the stream that another server opened: its end, as there must be no stanza.
async fn refusal(server: &mut Server) -> String {
    server
        .first(|notice| match notice {
            Notice::Stanza { stanza, .. } => panic!("taken: {}", stanza.as_str()),
            Notice::Ended {
                outcome,
                purpose: LinkPurpose::Accepted,
                ..
            } => Some(format!("{outcome:?}")),
            _ => None,
        })
        .await
}

/// A domain that is proved on a stream that we opened to another one (XEP-0288) is compared with the ledger too.
#[tokio::test]
async fn the_ledger_is_asked_about_domains_that_are_proved_on_streams_of_ours() {
    let mut world = World::new();
    world.bidi = true;
    let mut a = server_that_knows_c(&world, &["a.example"]).await;
    let other = world.ca.issue(LeafSpec::for_domain("b.example").dns("c.example"));
    let server = world
        .config(&["b.example"], &other, &Policy::default())
        .server()
        .clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.listens("b.example", &listener);
    a.send("a.example", "b.example");
    let (socket, _) = listener.accept().await.unwrap();
    let mut raw = Raw::new(Session::peer_server(server, Mode::StartTls, now()).unwrap(), socket);
    let is_open = |event: &Event| matches!(event, Event::Opened(_)).then_some(());
    raw.until(is_open).await.unwrap();
    raw.say(FEATURES).await;
    raw.element("auth").await.unwrap();
    raw.say("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    raw.session.restart(Instant::now()).unwrap();
    raw.until(is_open).await.unwrap();
    raw.say(FEATURES).await;
    raw.say(&claim("c.example", "a.example")).await;
    raw.say(MESSAGE).await;
    let refusal = a.first(|notice| match notice {
        Notice::Stanza { stanza, .. } => panic!("taken: {}", stanza.as_str()),
        Notice::Ended { outcome, .. } => Some(format!("{outcome:?}")),
        _ => None,
    });
    let (refused, ()) = tokio::join!(refusal, raw.ends());
    assert!(refused.contains("REFUSED"), "{refused}");
}

/// Which domain of ours a stream was opened to does not decide what the ledger knows of a pair with another one.
#[tokio::test]
async fn the_ledger_is_asked_about_the_pair_and_not_about_the_header() {
    let world = World::new();
    let mut a = server_that_knows_c(&world, &["a.example", "rooms.a.example"]).await;
    let other = world.ca.issue(LeafSpec::for_domain("c.example"));
    // To rooms.a.example nobody has spoken yet.
    let mut raw = world.raw_client("c.example", "rooms.a.example", Some(&other)).await;
    raw.say(&claim("c.example", "a.example")).await;
    let (refused, ()) = tokio::join!(refusal(&mut a), raw.ends());
    assert!(refused.contains("REFUSED"), "{refused}");
}

/// Nor does the policy for the domain that a peer's header names.
#[tokio::test]
async fn the_policy_for_another_domain_does_not_silence_the_ledger() {
    let mut world = World::new();
    let mut strong = Policy::default();
    strong.keys.curve_bits = 384;
    world.overrides = Overrides::new().with(Scope::all().peer("strong.example".parse().unwrap()), strong);
    let mut a = server_that_knows_c(&world, &["a.example"]).await;
    let other = world.ca.issue(LeafSpec::for_domain("c.example"));
    for from in ["other.example", "strong.example"] {
        let mut raw = world.raw_client(from, "a.example", Some(&other)).await;
        raw.say(&claim("c.example", "a.example")).await;
        let (refused, ()) = tokio::join!(refusal(&mut a), raw.ends());
        assert!(refused.contains("REFUSED"), "{from}: {refused}");
    }
}

/// A certificate that cannot be read is another one than the one that is known.
#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_a_change() {
    let world = World::new();
    let certificate = world.ca.issue(LeafSpec::for_domain("a.example"));
    // Only what changes is refused, as nothing proves b.example but dialback.
    let mut policy = ChangePolicy::strict();
    policy.authentication_lost = ChangePolicy::default().authentication_lost;
    let ledger = Ledger::new(MemoryStore::default()).with_policy(policy);
    let memory = Memory::default().with_ledger(Arc::new(ledger));
    let mut a = world
        .serve_with(&["a.example"], certificate, Policy::default(), memory)
        .await;
    let mut first = world.self_signed("b.example").await;
    a.send("a.example", "b.example");
    assert_eq!(first.stanza().await, "romeo@a.example");
    first.send("b.example", "a.example");
    assert_eq!(a.stanza().await, "romeo@b.example");
    first.federation.close();
    a.is_alone().await;
    // Another key, in a certificate that begins in the 99th month.
    let mut odd = world.ca.issue(LeafSpec::for_domain("b.example").self_signed());
    let mut der = odd.chain[0].to_vec();
    let time = der
        .windows(2)
        .position(|octets| octets == [0x17, 0x0d])
        .expect("a UTCTime");
    der[time + 4..time + 6].copy_from_slice(b"99");
    odd.chain[0] = der.into();
    let mut second = world.serve(&["b.example"], odd, Policy::default()).await;
    a.send("a.example", "b.example");
    let why = a.undelivered().await.to_string();
    assert!(why.contains("REFUSED"), "{why}");
    // Nor does it prove itself, as who would vouch for it shows the same.
    second.send("b.example", "a.example");
    second.undelivered().await;
}

/// Claims of streams that are gone keep nobody from having theirs verified, though each of them had a server asked that
/// does not answer.
#[tokio::test]
async fn strangers_cannot_keep_others_from_being_verified() {
    let world = World::new();
    let mut a = world.good("a.example").await;
    // As many as may be asked at a time.
    for stream in 0..64 {
        let mut raw = world.raw_client(&format!("x{stream}.tarpit"), "a.example", None).await;
        for number in 0..16 {
            raw.say(&claim(&format!("d{number}.x{stream}.tarpit"), "a.example"))
                .await;
        }
        // Each has been taken when this is answered.
        raw.say(
            "<db:verify xmlns:db='jabber:server:dialback' from='b.example' to='a.example' id='1'>c0ffee</db:verify>",
        )
        .await;
        raw.element("verify").await.unwrap();
        drop(raw);
        a.is_alone().await;
    }
    let b = world.self_signed("b.example").await;
    b.send("b.example", "a.example");
    assert_eq!(a.stanza().await, "romeo@b.example");
}

/// A ledger that does not answer.
#[derive(Debug)]
struct Silent(ChangePolicy);

#[async_trait]
impl CertificateLedger for Silent {
    fn policy(&self) -> &ChangePolicy {
        &self.0
    }

    async fn observe(&self, _: &Sighting, _: UnixTime) -> Result<Assessment, LedgerError> {
        // From here on only time can go on.
        tokio::time::pause();
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_refuses_in_time() {
    let world = World::new();
    let memory = Memory::default().with_ledger(Arc::new(Silent(ChangePolicy::strict())));
    let certificate = world.ca.issue(LeafSpec::for_domain("a.example"));
    let mut a = world
        .serve_with(&["a.example"], certificate, Policy::default(), memory)
        .await;
    let certificate = world.ca.issue(LeafSpec::for_domain("b.example"));
    let raw = world.raw_connection("b.example", "a.example", Some(&certificate)).await;
    let (refused, ()) = tokio::join!(refusal(&mut a), raw.ends());
    assert!(refused.contains("does not answer"), "{refused}");
}
