//! What the drivers remember: a connection that is not as it was before is told, or refused, before anything is said
//! on it, and each attempt is a record.

mod common;

use async_trait::async_trait;
use common::tcp::{endpoint, real_time, serve_one};
use common::{DOMAIN, World, domain};
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use xmpp_tls::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use xmpp_tls::history::{Attempt, History, Outcome};
use xmpp_tls::io::tokio::{Connector, OffloadedLedger};
use xmpp_tls::io::{Error, Memory, Resolver};
use xmpp_tls::ledger::{CertificateLedger, Key, Leaf, LedgerError, LedgerStore, Record, Sighting, Voucher};
use xmpp_tls::ledger::{Change, ChangePolicy, Decision, Ledger, MemoryStore, Refusal};
use xmpp_tls::session::{Mode, Target};
use xmpp_tls::{Side, StreamKind};
use xmpp_tls_testkit::{Issued, LeafSpec};

/// Writes when it is told that it may.
#[derive(Debug)]
struct SlowStore(MemoryStore, Mutex<mpsc::Receiver<()>>);

impl LedgerStore for SlowStore {
    fn read(&self, key: &Key) -> Result<Option<Record>, LedgerError> {
        self.0.read(key)
    }

    fn replace(&self, key: &Key, old: Option<&Record>, new: Option<&Record>) -> Result<bool, LedgerError> {
        let may = self.1.lock().unwrap().recv_timeout(Duration::from_secs(20));
        may.expect("the thread that would say it waits for this");
        self.0.replace(key, old, new)
    }

    fn page(&self, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Record)>, LedgerError> {
        self.0.page(after, limit)
    }

    fn len(&self) -> Result<u64, LedgerError> {
        self.0.len()
    }
}

/// On the one thread of this runtime.
#[tokio::test]
async fn a_disk_that_is_slow_holds_up_nobody_else() {
    let (disk, waits) = mpsc::channel();
    let ledger = Ledger::new(SlowStore(MemoryStore::default(), Mutex::new(waits)));
    let offloaded = OffloadedLedger::new(ledger.clone());
    let key = Key::new(StreamKind::ServerToServer, Side::Initiating, None, domain(DOMAIN));
    let sighting = Sighting::from_parts(key, true, Some(Leaf::default()), Voucher::Anchors).unwrap();
    let (observed, ()) = tokio::join!(offloaded.observe(&sighting, xmpp_tls::io::now().wall), async {
        disk.send(()).unwrap();
    });
    assert!(observed.unwrap().is_new);
    assert!(ledger.record(sighting.key()).unwrap().is_some());
}

struct Remembering {
    memory: Memory,
    history: Arc<Mutex<History>>,
}

impl Remembering {
    fn new(policy: ChangePolicy) -> Self {
        let history = Arc::new(Mutex::new(History::default()));
        let ledger = Ledger::new(MemoryStore::default()).with_policy(policy);
        Remembering {
            memory: Memory::default()
                .with_ledger(Arc::new(ledger))
                .with_history(history.clone()),
            history,
        }
    }

    /// The newest first.
    fn attempts(&self) -> Vec<Attempt> {
        self.history.lock().unwrap().iter().cloned().collect()
    }
}

fn key_changed(world: &World) -> [Issued; 2] {
    // A month in, of three: nobody renews so early with another key.
    [0, 1].map(|_| world.ca.issue(LeafSpec::for_domain(DOMAIN)))
}

/// What the server has read by the time that its peer is gone, and what the client came to.
async fn connect(
    world: &World,
    remembering: &Remembering,
    certificate: &Issued,
) -> (Result<Option<Decision>, Error>, Result<(), String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint(&listener);
    let server = serve_one(listener, world.server_config(certificate), Mode::DirectTls);
    let connector = Connector::new(Arc::new(world.client_config())).with_memory(remembering.memory.clone());
    let target = Target::new(domain(DOMAIN))
        .direct_tls()
        .with_account(format!("romeo@{DOMAIN}"));
    let outcome = match connector.connect_to(&endpoint, target).await {
        Ok(stream) => {
            let decision = stream.decision().cloned();
            stream.close().await.unwrap();
            Ok(decision)
        }
        Err(error) => Err(error),
    };
    let heard = server.join().unwrap().map(|_| ()).map_err(|error| error.to_string());
    (outcome, heard)
}

#[tokio::test]
async fn a_new_key_is_told_or_refused_before_the_client_says_who_it_is() {
    let world = real_time();
    let [before, after] = key_changed(&world);
    for policy in [ChangePolicy::default(), ChangePolicy::strict()] {
        let remembering = Remembering::new(policy);
        let (first, heard) = connect(&world, &remembering, &before).await;
        let Ok(Some(Decision::Compared(assessment))) = first else {
            panic!("{first:?}")
        };
        assert!(assessment.changes.contains(Change::FirstSeen), "{assessment}");
        heard.unwrap();
        let (second, heard) = connect(&world, &remembering, &after).await;
        if policy == ChangePolicy::default() {
            let Ok(Some(Decision::Compared(assessment))) = second else {
                panic!("{second:?}")
            };
            assert!(assessment.changes.contains(Change::KeyChangedEarly), "{assessment}");
            assert!(remembering.attempts().iter().all(Attempt::is_success));
            continue;
        }
        let error = second.unwrap_err();
        assert!(
            matches!(&error, Error::Ledger(refusal) if matches!(**refusal, Refusal::Changed(_))),
            "{error}"
        );
        // The client does not even end the handshake.
        let heard = heard.unwrap_err();
        assert!(heard.contains("in the middle of the handshake"), "{heard}");
        let attempts = remembering.attempts();
        let [refused, succeeded] = &attempts[..] else {
            panic!("{attempts:?}")
        };
        assert!(succeeded.is_success() && !refused.is_success());
        assert!(
            matches!(&refused.outcome, Outcome::Failed { code: "ledger", reason, .. } if reason.contains(DOMAIN)),
            "{refused}"
        );
    }
}

#[derive(Debug)]
struct Zone {
    records: Vec<SrvRecord>,
}

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        let records = match name.starts_with("_xmpps-client.") {
            true => self.records.clone(),
            false => Vec::new(),
        };
        Ok(Answer::new(records, DnsSecurity::Insecure))
    }

    async fn addresses(&self, _host: &str) -> Result<Answer<IpAddr>, LookupError> {
        Ok(Answer::new(vec![IpAddr::from([127, 0, 0, 1])], DnsSecurity::Insecure))
    }
}

#[tokio::test]
async fn each_endpoint_that_is_tried_is_an_attempt_of_its_own() {
    let world = real_time();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = serve_one(
        listener,
        world.server_config(&world.good_certificate()),
        Mode::DirectTls,
    );
    let zone = Zone {
        records: vec![
            SrvRecord::new(1, 0, gone, "localhost."),
            SrvRecord::new(2, 0, port, "localhost."),
        ],
    };
    let remembering = Remembering::new(ChangePolicy::default());
    let connector = Connector::new(Arc::new(world.client_config()))
        .with_resolver(Arc::new(zone))
        .with_memory(remembering.memory.clone());
    let stream = connector.connect(domain(DOMAIN)).await.unwrap();
    stream.close().await.unwrap();
    server.join().unwrap().unwrap();
    let attempts = remembering.attempts();
    let [second, first] = &attempts[..] else {
        panic!("{attempts:?}")
    };
    assert!(first.to_string().contains(&format!("localhost:{gone}")), "{first}");
    assert!(
        matches!(
            first.outcome,
            Outcome::Failed {
                code: "unreachable",
                ..
            }
        ),
        "{first}"
    );
    assert!(second.is_success() && second.mode == Mode::DirectTls, "{second}");
    // And where the DNS has nothing to say, that is one too.
    let nowhere = Zone {
        records: vec![SrvRecord::new(0, 0, 0, ".")],
    };
    let connector = Connector::new(Arc::new(world.client_config()))
        .with_resolver(Arc::new(nowhere))
        .with_memory(remembering.memory.clone());
    let target = Target::new(domain(DOMAIN)).direct_tls();
    connector.connect(target).await.unwrap_err();
    let newest = remembering.attempts().remove(0);
    assert!(
        matches!(newest.outcome, Outcome::Failed { code: "discovery", .. }),
        "{newest}"
    );
}
