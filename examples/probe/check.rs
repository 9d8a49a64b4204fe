//! One look at one service of a domain.

use crate::arguments::Arguments;
use crate::{Outcome, memory};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use xmpp_tls::dialback::Support;
use xmpp_tls::discovery::{Candidate, DiscoveryError, LookupError, service_name};
use xmpp_tls::io::hickory::Hickory;
use xmpp_tls::io::tokio::{Connector, TokioStream};
use xmpp_tls::io::{self, Memory, Resolver};
use xmpp_tls::ledger::{Assessment, Decision, Ledger};
use xmpp_tls::policy::{AuthenticationPolicy as Demand, Policy};
use xmpp_tls::security::{SecurityReport, View};
use xmpp_tls::session::{ClientConfig, Event, Mode, Target};
use xmpp_tls::{danger, roots};

/// How long a name server may think.
const PATIENCE: Duration = Duration::from_secs(5);

type Failure = Box<dyn std::error::Error>;

/// What it takes to look.
pub(crate) struct Prober {
    config: Arc<ClientConfig>,
    connector: Connector,
    resolver: Option<Arc<Hickory>>,
    dns: Option<SocketAddr>,
    pub(crate) ledger: Option<Arc<Ledger>>,
}

/// What was seen.
pub(crate) struct Found {
    pub(crate) report: SecurityReport,
    pub(crate) change: Option<Assessment>,
    /// Mechanisms offered inside TLS.
    pub(crate) mechanisms: Vec<String>,
    pub(crate) dialback: Support,
}

impl Found {
    pub(crate) fn outcome(&self) -> Outcome {
        match Outcome::of_report(&self.report) {
            Outcome::Secure if memory::is_alarming(self.change.as_ref()) => Outcome::Changed,
            outcome => outcome,
        }
    }

    /// With the time, and with what the ledger says.
    pub(crate) fn view(&self) -> View<'_> {
        let view = self.report.view().at(io::now().wall);
        match &self.change {
            Some(change) => view.with_change(change),
            None => view,
        }
    }
}

impl Prober {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let anchors = match &arguments.ca {
            Some(anchors) => anchors.clone(),
            None => roots::native()?,
        };
        // A probe wants to see bad certificates too. It never logs in, so nobody can take anything from it.
        let mut policy = Policy::default();
        policy.authentication = Demand::Recorded(danger::UnverifiedPeerAccepted::anybody_may_be_the_peer());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = Arc::new(ClientConfig::rustls(provider, anchors).with_policy(policy));
        let mut connector = Connector::new(config.clone());
        let mut resolver = None;
        if arguments.endpoint.is_none() {
            let hickory = Arc::new(match (arguments.dns, &arguments.dnssec) {
                (Some(name_server), Some(anchors)) => Hickory::validating_at(name_server, anchors.clone())?,
                (Some(name_server), None) => Hickory::at(name_server)?,
                (None, _) => Hickory::system()?,
            });
            connector = connector.with_resolver(hickory.clone());
            resolver = Some(hickory);
        }
        let ledger = arguments.ledger.as_deref().map(memory::open).transpose()?;
        if let Some(ledger) = &ledger {
            connector = connector.with_memory(Memory::default().with_ledger(ledger.clone()));
        }
        Ok(Prober {
            config,
            connector,
            resolver,
            dns: arguments.dns,
            ledger,
        })
    }

    /// Where the DNS says that the service is.
    pub(crate) async fn candidates(&self, target: &Target) -> Result<Vec<Candidate>, DiscoveryError> {
        match &self.resolver {
            Some(resolver) => io::tokio::discover(&**resolver, target, self.config.policy.timeouts.connect).await,
            None => Ok(Vec::new()),
        }
    }

    /// A name server that says nothing would be asked again and again, and at last the domain itself be tried.
    pub(crate) async fn is_answered(&self, target: &Target) -> Result<(), DiscoveryError> {
        let (Some(resolver), Some(name_server)) = (&self.resolver, self.dns) else {
            return Ok(());
        };
        let Some(name) = service_name(target, target.mode()) else {
            return Ok(());
        };
        let reason = match timeout(PATIENCE, resolver.srv(&name)).await {
            Ok(Err(LookupError::NoAnswer { reason, .. })) => reason,
            Ok(answer) => return answer.map(drop).map_err(DiscoveryError::from),
            Err(_) => format!("nothing came in {} seconds", PATIENCE.as_secs()),
        };
        let reason = format!(
            "the name server {name_server} (--dns) does not answer: {reason}. Check its address and port, that it runs, \
             and that UDP and TCP get there"
        );
        Err(LookupError::NoAnswer { name, reason }.into())
    }

    /// Looks where the arguments or the DNS say.
    pub(crate) async fn look(&self, arguments: &Arguments) -> Result<Found, io::Error> {
        let target = arguments.target.clone();
        let stream = match &arguments.endpoint {
            Some(endpoint) => self.connector.connect_to(endpoint, target).await?,
            None => self.connector.connect(target).await?,
        };
        Ok(seen(stream).await)
    }

    /// Looks at the endpoints of one way of TLS alone; `None`: the domain has none, or none is said to be there.
    pub(crate) async fn look_by(&self, mode: Mode, target: &Target) -> Option<Result<Found, io::Error>> {
        let candidates = match self.candidates(target).await {
            Ok(candidates) => candidates,
            Err(error) => return Some(Err(error.into())),
        };
        let mut last = None;
        for candidate in candidates.into_iter().filter(|candidate| candidate.mode == mode) {
            let target = target.clone().at(candidate.clone());
            match self.connector.connect_to(&candidate.endpoint, target).await {
                Ok(stream) => return Some(Ok(seen(stream).await)),
                Err(error) => last = Some(Err(error)),
            }
        }
        last
    }
}

async fn seen(mut stream: TokioStream) -> Found {
    let report = stream.report().clone();
    let change = stream.decision().and_then(Decision::assessment).cloned();
    let (mut mechanisms, mut dialback) = (Vec::new(), Support::NotAdvertised);
    if let Ok(Some(Event::Features(features))) = stream.next_event().await {
        mechanisms = features.mechanisms().collect();
        dialback = Support::of(stream.header(), Some(&features));
    }
    // What is to be known is known; how the peer says goodbye changes nothing.
    drop(stream.close().await);
    Found {
        report,
        change,
        mechanisms,
        dialback,
    }
}
