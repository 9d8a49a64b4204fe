//! The streams of a federation in a registry: who is at the other end, what the ledger says, and what is counted.

mod common;

use common::servers::{Server, World};
use std::sync::Arc;
use xmpp_tls::io::tokio::Notice;
use xmpp_tls::io::{self, Memory};
use xmpp_tls::ledger::{ChangePolicy, Ledger, MemoryStore};
use xmpp_tls::policy::Policy;
use xmpp_tls::registry::{Entry, Links, Registry};
use xmpp_tls_testkit::{Issued, LeafSpec};

/// A server whose notices go to a registry.
struct Listed {
    server: Server,
    links: Links,
    registry: Registry,
}

impl Listed {
    async fn new(world: &World, domain: &str, certificate: Issued, ledger: Ledger) -> Self {
        let memory = Memory::default().with_ledger(Arc::new(ledger));
        let registry = Registry::default();
        Listed {
            server: world
                .serve_with(&[domain], certificate, Policy::default(), memory)
                .await,
            links: Links::new(registry.clone()),
            registry,
        }
    }

    async fn good(world: &World, domain: &str) -> Self {
        Self::new(world, domain, good(world, domain), ledger()).await
    }

    /// Tells the registry until this holds of a notice.
    async fn until(&mut self, holds: impl Fn(&Notice) -> bool) {
        let links = &mut self.links;
        let told = |notice| {
            links.notice(&notice, io::now().wall);
            holds(&notice).then_some(())
        };
        self.server.first(told).await;
    }

    fn only(&self) -> Arc<Entry> {
        let all = self.registry.snapshot();
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    }

    fn assert_counted(&self, line: &str) {
        let text = self.registry.prometheus();
        assert!(
            text.lines().any(|counted| counted == format!("xmpp_tls_{line}")),
            "{text}"
        );
    }
}

fn good(world: &World, domain: &str) -> Issued {
    world.ca.issue(LeafSpec::for_domain(domain))
}

fn ledger() -> Ledger {
    Ledger::new(MemoryStore::default())
}

fn names(entry: &Entry) -> [Option<String>; 2] {
    [entry.local_domain(), entry.remote_domain()].map(|domain| domain.map(|domain| domain.to_string()))
}

fn proofs(entry: &Entry) -> [Vec<String>; 2] {
    [&entry.authenticated, &entry.accepted].map(|proofs| proofs.iter().map(|proof| proof.by.to_string()).collect())
}

#[tokio::test]
async fn a_stream_is_listed_on_both_sides_with_what_is_proved_and_compared() {
    let world = World::new();
    let mut a = Listed::good(&world, "a.example").await;
    let mut b = Listed::good(&world, "b.example").await;
    a.server.send("a.example", "b.example");
    b.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    a.until(|notice| matches!(notice, Notice::Accepted { .. })).await;

    let (out, inc) = (a.only(), b.only());
    let domains = ["a.example", "b.example"].map(|domain| Some(domain.to_owned()));
    assert_eq!((out.session_type.code(), names(&out)), ("s2sout", domains.clone()));
    let [first, second] = domains;
    assert_eq!((inc.session_type.code(), names(&inc)), ("s2sin", [second, first]));
    assert_eq!(
        proofs(&out),
        [vec!["certificate".to_owned()], vec!["SASL EXTERNAL".to_owned()]]
    );
    assert_eq!(proofs(&inc), [vec!["SASL EXTERNAL".to_owned()], vec![]]);
    for (server, entry) in [(&a, &out), (&b, &inc)] {
        assert!(entry.is_encrypted() && entry.is_authenticated());
        assert!(entry.change.as_ref().is_some_and(|change| change.is_new));
        let code = entry.session_type.code();
        let line = format!("changes_total{{type=\"{code}\",change=\"first-seen\",reaction=\"inform\"}} 1");
        server.assert_counted(&line);
    }

    a.server.federation.close();
    for server in [&mut a, &mut b] {
        server.until(|notice| matches!(notice, Notice::Ended { .. })).await;
        assert!(server.registry.is_empty());
        let text = server.registry.prometheus();
        let counted: Vec<_> = text.lines().filter(|line| line.contains("changes_total{")).collect();
        assert!(matches!(*counted, [once] if once.ends_with(" 1")), "{text}");
    }
}

#[tokio::test]
async fn what_the_ledger_says_after_dialback_is_told_with_the_proof() {
    let world = World::new();
    let own = world.ca.issue(LeafSpec::for_domain("a.example").self_signed());
    let a = Listed::new(&world, "a.example", own, ledger()).await;
    let mut b = Listed::good(&world, "b.example").await;
    a.server.send("a.example", "b.example");
    b.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    let inc = b.registry.snapshot();
    let inc = inc.iter().find(|entry| entry.session_type.code() == "s2sin").unwrap();
    assert_eq!(proofs(inc), [vec!["dialback".to_owned()], vec![]]);
    assert!(inc.change.as_ref().is_some_and(|change| change.is_new));
    b.assert_counted("changes_total{type=\"s2sin\",change=\"first-seen\",reaction=\"inform\"} 1");
}

#[tokio::test]
async fn a_stream_that_the_ledger_refuses_is_counted_and_not_listed() {
    let world = World::new();
    let strict = ledger().with_policy(ChangePolicy::strict());
    let mut a = Listed::new(&world, "a.example", good(&world, "a.example"), strict).await;
    let mut first = Listed::good(&world, "b.example").await;
    a.server.send("a.example", "b.example");
    first.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    first.server.send("b.example", "a.example");
    a.until(|notice| matches!(notice, Notice::Stanza { .. })).await;
    first.server.federation.close();
    while !a.server.federation.links().is_empty() {
        a.until(|notice| matches!(notice, Notice::Ended { .. })).await;
    }

    // The same domain, with a new key before its time.
    let second = Listed::good(&world, "b.example").await;
    a.server.send("a.example", "b.example");
    second.server.send("b.example", "a.example");
    for _ in 0..2 {
        a.until(|notice| matches!(notice, Notice::Ended { outcome: Err(_), .. }))
            .await;
    }
    assert!(a.registry.is_empty());
    for code in ["s2sin", "s2sout"] {
        let text = a.registry.prometheus();
        let refused = text.lines().find(|line| {
            line.starts_with(&format!("xmpp_tls_changes_total{{type=\"{code}\"")) && line.contains("\"refuse\"} 1")
        });
        assert!(refused.is_some(), "{code}: {text}");
    }
}
