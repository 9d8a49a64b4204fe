//! Two servers in one process, one with a certificate that both trust and one with one of its own making.

use crate::{Failure, answers, configure};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use xmpp_tls::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use xmpp_tls::io::Resolver;
use xmpp_tls::io::tokio::{Federation, Notice};
use xmpp_tls::policy::Policy;
use xmpp_tls::session::Mode;
use xmpp_tls::tls::rustls::RustlsAcceptor;
use xmpp_tls::{Domain, roots};
use xmpp_tls_testkit::{LeafSpec, TestCa};

/// What the DNS would say.
struct Zone(BTreeMap<String, SocketAddr>);

#[async_trait]
impl Resolver for Zone {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        let found = self.0.get(name);
        let records = found.map(|address| SrvRecord::new(0, 0, address.port(), "localhost."));
        Ok(Answer::new(records.into_iter().collect(), DnsSecurity::Insecure))
    }

    async fn addresses(&self, _host: &str) -> Result<Answer<IpAddr>, LookupError> {
        Ok(Answer::new(vec![IpAddr::from([127, 0, 0, 1])], DnsSecurity::Insecure))
    }
}

pub(crate) async fn run() -> Result<(), Failure> {
    let ca = TestCa::valid_now("Demonstration CA");
    let specs = [
        ("capulet.example", LeafSpec::for_domain("capulet.example")),
        (
            "montague.example",
            LeafSpec::for_domain("montague.example").self_signed(),
        ),
    ];
    let mut listeners = Vec::new();
    let mut zone = BTreeMap::new();
    for (name, spec) in specs {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        zone.insert(format!("_xmpp-server._tcp.{name}."), listener.local_addr()?);
        listeners.push((name, spec, listener));
    }
    let zone = Arc::new(Zone(zone));
    let mut servers = Vec::new();
    for (name, spec, listener) in listeners {
        let domain: Domain = name.parse()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let issued = ca.issue(spec);
        let (chain, key) = (issued.chain.clone(), issued.key());
        let acceptor = RustlsAcceptor::new(provider.clone()).with_certificate(domain.clone(), chain, key)?;
        let anchors = roots::from_pem(ca.anchor_pem().as_bytes())?;
        let config = configure(provider, acceptor, anchors, Policy::default())?;
        let (federation, notices) = Federation::new(config, zone.clone());
        tokio::spawn(federation.clone().serve(listener, Mode::StartTls));
        servers.push((domain, federation, notices));
    }
    let [(capulet, ours, mut our_notices), (_, theirs, mut their_notices)] =
        <[_; 2]>::try_from(servers).map_err(|_| "two servers")?;

    println!("capulet.example pings montague.example, whose certificate is of its own making:\n");
    ours.send(answers::ping(&capulet, "montague.example")?)?;
    loop {
        let (name, federation, notice) = tokio::select! {
            Some(notice) = our_notices.recv() => ("capulet ", &ours, notice),
            Some(notice) = their_notices.recv() => ("montague", &theirs, notice),
            else => return Err("the servers stopped".into()),
        };
        print!("{name}  ");
        let pong =
            matches!(&notice, Notice::Stanza { stanza, .. } if stanza.attribute("type").as_deref() == Some("result"));
        answers::react(federation, &notice);
        if pong {
            break;
        }
        if let Notice::Undelivered { why, .. } = notice {
            return Err(why.to_string().into());
        }
    }
    for (name, federation) in [("capulet.example", &ours), ("montague.example", &theirs)] {
        println!("\nThe streams of {name}:\n");
        answers::print_links(federation);
    }
    Ok(())
}
