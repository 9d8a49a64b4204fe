//! Streams over loopback sockets, all at once, by the tokio driver.

use crate::servers::{HUB, Servers, message, peer};
use crate::{ALLOCATOR, held};
use async_trait::async_trait;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc::Receiver;
use xmpp_tls::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use xmpp_tls::federation::FederationConfig;
use xmpp_tls::io::Resolver;
use xmpp_tls::io::tokio::{Federation, Notice};
use xmpp_tls::session::Mode;
use xmpp_tls_testkit::alloc_counter::stats_alloc::Region;

pub(crate) struct Run {
    pub(crate) took: Duration,
    /// Bytes of the heap, of both servers together.
    pub(crate) heap: usize,
}

pub(crate) fn run(sessions: usize) -> Run {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(all(sessions))
}

async fn all(sessions: usize) -> Run {
    let Servers { hub, peers } = Servers::new(sessions);
    let at_hub = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at_peers = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let zone = Zone {
        hub: at_hub.local_addr().expect("an address"),
        peers: at_peers.local_addr().expect("an address"),
    };
    let region = Region::new(ALLOCATOR);
    let (_hub, mut came) = serve(hub, at_hub, zone);
    let (peers, mut told) = serve(peers, at_peers, zone);
    let begin = Instant::now();
    for number in 0..sessions {
        peers.send(message(&peer(number))).expect("room");
    }
    let heard = tokio::spawn(async move {
        while let Some(notice) = told.recv().await {
            assert!(!matches!(notice, Notice::Undelivered { .. }), "{notice}");
        }
    });
    let mut arrived = 0;
    while arrived < sessions {
        if let Notice::Stanza { .. } = came.recv().await.expect("a notice") {
            arrived += 1;
        }
    }
    let took = begin.elapsed();
    let heap = held(&region);
    heard.abort();
    Run { took, heap }
}

fn serve(config: FederationConfig, listener: TcpListener, zone: Zone) -> (Federation, Receiver<Notice>) {
    let (federation, notices) = Federation::new(config, Arc::new(zone));
    tokio::spawn(federation.clone().serve(listener, Mode::StartTls));
    (federation, notices)
}

/// Where the two servers are.
#[derive(Clone, Copy)]
struct Zone {
    hub: SocketAddr,
    peers: SocketAddr,
}

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        let to_hub = name.ends_with(&format!(".{HUB}."));
        let port = if to_hub { self.hub.port() } else { self.peers.port() };
        let records = match name.starts_with("_xmpp-server.") {
            true => vec![SrvRecord::new(0, 0, port, "localhost.")],
            false => Vec::new(),
        };
        Ok(Answer::new(records, DnsSecurity::Insecure))
    }

    async fn addresses(&self, _host: &str) -> Result<Answer<IpAddr>, LookupError> {
        Ok(Answer::new(vec![IpAddr::from([127, 0, 0, 1])], DnsSecurity::Insecure))
    }
}
