//! Servers that federate in memory: every stream of theirs, and the routing of claims and verdicts between them that an
//! application does.

use std::collections::BTreeMap;
use std::sync::Arc;
use xmpp_tls::dialback::{DialbackSecret, VerificationFailure};
use xmpp_tls::federation::{Event, FederationConfig, Incoming, Outgoing, Pair, Verdict, VerifyTask};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::policy::{MinimumVersion, Overrides, Policy};
use xmpp_tls::session::{self, ClientConfig, Mode, ServerConfig, Session, Target};
use xmpp_tls::stream::Element;
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector, signature_algorithms};
use xmpp_tls::tls::{ClientHandshake, TlsConnector, TlsEngine, TlsError};
use xmpp_tls::{Domain, Engine, Now, Output, StreamKind, ns, roots};
use xmpp_tls_testkit::ca::test_time;
use xmpp_tls_testkit::{Clock, Issued, LeafSpec, TestCa};

/// What a server is like.
pub struct Spec {
    pub domains: Vec<&'static str>,
    pub certificate: Issued,
    pub policy: Policy,
    /// For streams that it opens.
    pub client_overrides: Overrides,
    /// For streams that it accepts.
    pub server_overrides: Overrides,
    pub bidi: bool,
}

pub struct Network {
    pub ca: TestCa,
    pub clock: Clock,
    pub mode: Mode,
    servers: Vec<Arc<FederationConfig>>,
    by_domain: BTreeMap<Domain, usize>,
    pub links: Vec<Link>,
    /// Every link is for stanzas or for verification: these are the latter, by who asks whom.
    verifying: BTreeMap<(usize, Domain), usize>,
}

/// One stream, with both its ends.
pub struct Link {
    pub initiating: usize,
    pub receiving: usize,
    pub out: Outgoing,
    pub inc: Incoming,
    pub out_log: Vec<String>,
    pub inc_log: Vec<String>,
    pub out_error: Option<xmpp_tls::Error>,
    pub inc_error: Option<xmpp_tls::Error>,
    /// What went over the wire is lost from now on.
    pub cut: bool,
}

impl Network {
    pub fn new() -> Self {
        Network {
            ca: TestCa::new("Test CA"),
            clock: Clock::new(),
            mode: Mode::StartTls,
            servers: Vec::new(),
            by_domain: BTreeMap::new(),
            links: Vec::new(),
            verifying: BTreeMap::new(),
        }
    }

    pub fn now(&self) -> Now {
        Now {
            instant: self.clock.now(),
            wall: test_time(),
        }
    }

    /// A server for `domain` with a certificate of the CA that all trust.
    pub fn good(&mut self, domain: &'static str) -> usize {
        let certificate = self.ca.issue(LeafSpec::for_domain(domain));
        self.server(domain, certificate, |_| {})
    }

    /// A server for `domain` with a certificate of its own making.
    pub fn self_signed(&mut self, domain: &'static str) -> usize {
        let certificate = self.ca.issue(LeafSpec::for_domain(domain).self_signed());
        self.server(domain, certificate, |_| {})
    }

    pub fn server(&mut self, domain: &'static str, certificate: Issued, change: impl FnOnce(&mut Spec)) -> usize {
        let mut spec = Spec {
            domains: vec![domain],
            certificate,
            policy: Policy::default(),
            client_overrides: Overrides::new(),
            server_overrides: Overrides::new(),
            bidi: false,
        };
        change(&mut spec);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anchors = roots::from_pem(self.ca.anchor_pem().as_bytes()).unwrap();
        let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
        let mut acceptor = RustlsAcceptor::new(provider.clone());
        let number = self.servers.len();
        for domain in &spec.domains {
            let domain: Domain = domain.parse().unwrap();
            let (chain, key) = (spec.certificate.chain.clone(), spec.certificate.key());
            acceptor = acceptor.with_certificate(domain.clone(), chain, key).unwrap();
            self.by_domain.insert(domain, number);
        }
        let connector = RustlsConnector::new(provider).with_certificates_of(&acceptor);
        let client = ClientConfig::new(connector, verifier.clone())
            .with_policy(spec.policy.clone())
            .with_overrides(spec.client_overrides);
        let server = ServerConfig::new(acceptor)
            .with_verifier(verifier)
            .with_policy(spec.policy)
            .with_overrides(spec.server_overrides);
        let secret = DialbackSecret::generate(|octets| octets.fill(u8::try_from(number).unwrap() + 1));
        let mut config = FederationConfig::new(Arc::new(client), Arc::new(server), secret.into());
        if spec.bidi {
            config = config.with_bidi();
        }
        self.servers.push(Arc::new(config));
        number
    }

    /// Opens a stream for stanzas, and lets everything happen that follows from it.
    pub fn open(&mut self, from: &str, to: &str) -> usize {
        let pair = pair(from, to);
        let initiating = self.by_domain[&pair.originating];
        let out = Outgoing::new(self.servers[initiating].clone(), pair.clone(), self.mode, self.now()).unwrap();
        let link = self.connect(initiating, &pair.receiving, out);
        self.settle();
        link
    }

    fn connect(&mut self, initiating: usize, to: &Domain, out: Outgoing) -> usize {
        let receiving = self.by_domain[to];
        let inc = Incoming::new(self.servers[receiving].clone(), self.mode, self.now()).unwrap();
        self.links.push(Link {
            initiating,
            receiving,
            out,
            inc,
            out_log: Vec::new(),
            inc_log: Vec::new(),
            out_error: None,
            inc_error: None,
            cut: false,
        });
        self.links.len() - 1
    }

    pub fn settle(&mut self) {
        loop {
            let mut happened = Vec::new();
            for (number, link) in self.links.iter_mut().enumerate() {
                happened.extend(link.pump(self.clock).into_iter().map(|event| (number, event)));
            }
            if happened.is_empty() {
                return;
            }
            for (number, event) in happened {
                self.route(number, event);
            }
        }
    }

    /// What an application does with claims and verdicts.
    fn route(&mut self, number: usize, event: Routed) {
        let now = self.now();
        match event {
            Routed::Verify { asks, local, task } => {
                let domain = task.domain().clone();
                if !self.by_domain.contains_key(&domain) {
                    let verdict = task.fail(VerificationFailure::NoConnection);
                    self.links[number].inc.conclude(verdict, now.instant).unwrap();
                    return;
                }
                let shown = self.links[number]
                    .inc
                    .report()
                    .and_then(|report| report.peer_certificate().cloned());
                let owner = match asks {
                    End::Receiving => self.links[number].receiving,
                    End::Initiating => self.links[number].initiating,
                };
                let link = match self.verifying.get(&(owner, domain.clone())) {
                    Some(link) if self.links[*link].out_error.is_none() => *link,
                    _ => {
                        let config = self.servers[owner].clone();
                        let out = Outgoing::for_verification(config, local, domain.clone(), self.mode, now).unwrap();
                        let link = self.connect(owner, &domain, out);
                        self.verifying.insert((owner, domain), link);
                        link
                    }
                };
                self.links[link].out.verify(task, shown.as_ref(), now.instant).unwrap();
            }
            Routed::Verdict(verdict) => {
                let owner = self.links[number].initiating;
                let waits = |link: &&mut Link| link.receiving == owner && link.inc.number() == verdict.stream();
                let link = self.links.iter_mut().find(waits).expect("a claim waits for it");
                link.inc.conclude(verdict, now.instant).unwrap();
            }
        }
    }

    pub fn verifications(&self) -> usize {
        self.verifying.len()
    }

    /// A stream for verification that nobody has connected yet.
    pub fn unopened(&self, local: &str, domain: &str) -> Outgoing {
        let config = self.servers[self.by_domain[&local.parse().unwrap()]].clone();
        let (local, domain) = (local.parse().unwrap(), domain.parse().unwrap());
        Outgoing::for_verification(config, local, domain, self.mode, self.now()).unwrap()
    }

    /// Has the server for `asker` verify a claim, whoever made it.
    pub fn verify_for(&mut self, asker: &str, task: VerifyTask) -> Verdict {
        let owner = self.by_domain[&asker.parse().unwrap()];
        let domain = task.domain().clone();
        let (config, local) = (self.servers[owner].clone(), asker.parse().unwrap());
        let mut out = Outgoing::for_verification(config, local, domain.clone(), self.mode, self.now()).unwrap();
        out.verify(task, None, self.clock.now()).unwrap();
        let link = self.connect(owner, &domain, out);
        let routed = self.links[link].pump(self.clock);
        let verdict = routed.into_iter().find_map(|event| match event {
            Routed::Verdict(verdict) => Some(verdict),
            Routed::Verify { .. } => None,
        });
        verdict.expect("an answer")
    }

    /// A server that says what it likes, as `from`, to the server for `to`.
    pub fn rogue(&self, from: &str, to: &str) -> Rogue {
        self.rogue_as(from, from, to)
    }

    /// The same, with the certificate of `certificate`.
    pub fn rogue_as(&self, certificate: &str, from: &str, to: &str) -> Rogue {
        let own = &self.servers[self.by_domain[&certificate.parse().unwrap()]];
        let target = Target::new(to.parse().unwrap()).from_server(from.parse().unwrap());
        let mut connector = own.client().connector.clone();
        if certificate != from {
            connector = Arc::new(Impostor(connector, certificate.parse().unwrap()));
        }
        let mut client = ClientConfig::clone(own.client());
        client.connector = connector;
        let config = self.servers[self.by_domain[&to.parse().unwrap()]].clone();
        let mut rogue = Rogue {
            clock: self.clock,
            session: Session::client(Arc::new(client), target, self.now()).unwrap(),
            inc: Incoming::new(config, self.mode, self.now()).unwrap(),
            heard: Vec::new(),
            log: Vec::new(),
            claims: Vec::new(),
            error: None,
        };
        rogue.settle();
        rogue
    }
}

/// The receiving end of a stream that keeps no rule above TLS and takes every proof, and our initiating end.
pub struct RogueServer {
    clock: Clock,
    session: Session,
    pub out: Outgoing,
    offer: &'static str,
    pub log: Vec<String>,
    pub error: Option<xmpp_tls::Error>,
}

impl Network {
    /// A server that says what it likes, as the one for `to`, on a stream from the server for `from`.
    pub fn rogue_server(&self, from: &str, to: &str) -> RogueServer {
        self.rogue_server_that_offers(OFFER, from, to)
    }

    pub fn rogue_server_that_offers(&self, offer: &'static str, from: &str, to: &str) -> RogueServer {
        let server = self.servers[self.by_domain[&to.parse().unwrap()]].server().clone();
        let own = self.servers[self.by_domain[&from.parse().unwrap()]].clone();
        let mut rogue = RogueServer {
            clock: self.clock,
            session: Session::peer_server(server, self.mode, self.now()).unwrap(),
            out: Outgoing::new(own, pair(from, to), self.mode, self.now()).unwrap(),
            offer,
            log: Vec::new(),
            error: None,
        };
        rogue.settle();
        assert!(rogue.log.last().unwrap().starts_with("accepted"), "{:?}", rogue.log);
        rogue
    }
}

impl RogueServer {
    pub fn say(&mut self, xml: &str) {
        self.session.send(&stanza(xml)).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let out = drain(
                &mut self.out,
                &mut self.log,
                &mut self.error,
                &mut Vec::new(),
                End::Initiating,
            );
            let mut inc = Vec::new();
            while let Ok(output) = self.session.poll_output() {
                match output {
                    Output::Transmit(more) => inc.extend_from_slice(&more),
                    Output::Event(session::Event::Opened(_)) => self.session.send(&stanza(self.offer)).unwrap(),
                    Output::Event(session::Event::Element(element)) if element.name() == "auth" => {
                        let success = stanza("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
                        self.session.send(&success).unwrap();
                        self.session.restart(self.clock.now()).unwrap();
                    }
                    Output::Event(session::Event::Element(element)) if element.name() == "result" => {
                        let (from, to) = (element.attribute("to").unwrap(), element.attribute("from").unwrap());
                        let valid = format!(
                            "<db:result xmlns:db='{}' from='{from}' to='{to}' type='valid'/>",
                            ns::DIALBACK
                        );
                        self.session.send(&stanza(&valid)).unwrap();
                    }
                    Output::Event(_) => {}
                    Output::WantsInput(_) => break,
                }
            }
            if inc.is_empty() && out.is_empty() {
                return;
            }
            drop(self.session.handle_input(self.clock.now(), &out));
            drop(self.out.handle_input(self.clock.now(), &inc));
        }
    }
}

pub const OFFER: &str = "<stream:features xmlns:stream='http://etherx.jabber.org/streams'>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>\
    <bidi xmlns='urn:xmpp:features:bidi'/></stream:features>";

/// Shows the certificate of another domain than the one it says to be.
#[derive(Debug)]
struct Impostor(Arc<dyn TlsConnector>, Domain);

impl TlsConnector for Impostor {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        self.0.supports(minimum_version)
    }

    fn connect(&self, mut handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        handshake.local_domain = Some(self.1.clone());
        self.0.connect(handshake)
    }
}

/// The initiating end of a stream that keeps no rule above TLS, and our receiving end.
pub struct Rogue {
    clock: Clock,
    session: Session,
    inc: Incoming,
    pub heard: Vec<String>,
    pub log: Vec<String>,
    pub claims: Vec<VerifyTask>,
    pub error: Option<xmpp_tls::Error>,
}

impl Rogue {
    pub fn log_in(&mut self) {
        self.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>");
        self.session.restart(self.clock.now()).unwrap();
        self.settle();
    }

    pub fn say(&mut self, xml: &str) {
        self.session.send(&stanza(xml)).unwrap();
        self.settle();
    }

    /// Our end closes the stream; the other has not noticed yet.
    pub fn close(&mut self) {
        self.inc.close(self.clock.now()).unwrap();
    }

    pub fn say_often(&mut self, xml: &str, times: usize) {
        let element = stanza(xml);
        for _ in 0..times {
            self.session.send(&element).unwrap();
        }
        self.settle();
    }

    pub fn conclude(&mut self, verdict: Verdict) {
        self.inc.conclude(verdict, self.clock.now()).unwrap();
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let mut routed = Vec::new();
            let inc = drain(
                &mut self.inc,
                &mut self.log,
                &mut self.error,
                &mut routed,
                End::Receiving,
            );
            self.claims.extend(routed.into_iter().filter_map(|event| match event {
                Routed::Verify { task, .. } => Some(task),
                Routed::Verdict(_) => None,
            }));
            let mut out = Vec::new();
            loop {
                match self.session.poll_output() {
                    Ok(Output::Transmit(more)) => out.extend_from_slice(&more),
                    Ok(Output::Event(session::Event::Element(element))) => self.heard.push(element.as_str().to_owned()),
                    Ok(Output::Event(_)) => {}
                    Ok(Output::WantsInput(_)) => break,
                    Err(error) => {
                        self.heard.push(error.to_string());
                        break;
                    }
                }
            }
            if inc.is_empty() && out.is_empty() {
                return;
            }
            drop(self.inc.handle_input(self.clock.now(), &out));
            drop(self.session.handle_input(self.clock.now(), &inc));
        }
    }
}

#[derive(Clone, Copy)]
pub enum End {
    Initiating,
    Receiving,
}

/// What concerns other streams.
pub enum Routed {
    Verify { asks: End, local: Domain, task: VerifyTask },
    Verdict(Verdict),
}

impl Link {
    /// Moves what both ends have to say, until they have no more.
    fn pump(&mut self, clock: Clock) -> Vec<Routed> {
        let mut routed = Vec::new();
        loop {
            let out = drain(
                &mut self.out,
                &mut self.out_log,
                &mut self.out_error,
                &mut routed,
                End::Initiating,
            );
            let inc = drain(
                &mut self.inc,
                &mut self.inc_log,
                &mut self.inc_error,
                &mut routed,
                End::Receiving,
            );
            if out.is_empty() && inc.is_empty() {
                break;
            }
            if self.cut {
                continue;
            }
            // A failed end hears nothing more, and its last words went out before.
            if !out.is_empty() {
                drop(self.inc.handle_input(clock.now(), &out));
            }
            if !inc.is_empty() {
                drop(self.out.handle_input(clock.now(), &inc));
            }
        }
        routed
    }
}

fn drain<E: Engine<Event = Event, Error = xmpp_tls::Error>>(
    end: &mut E,
    log: &mut Vec<String>,
    error: &mut Option<xmpp_tls::Error>,
    routed: &mut Vec<Routed>,
    which: End,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    while error.is_none() {
        match end.poll_output() {
            Ok(Output::Transmit(more)) => bytes.extend_from_slice(&more),
            Ok(Output::WantsInput(_)) => break,
            Ok(Output::Event(Event::Verify(task))) => {
                log.push(format!("verify {}", task.pair()));
                let local = task.pair().receiving.clone();
                routed.push(Routed::Verify {
                    asks: which,
                    local,
                    task,
                });
            }
            Ok(Output::Event(Event::Verdict(verdict))) => {
                log.push(format!("verdict on {}: {:?}", verdict.pair(), verdict.finding()));
                routed.push(Routed::Verdict(verdict));
            }
            Ok(Output::Event(event)) => log.push(line(&event)),
            Err(failed) => *error = Some(failed),
        }
    }
    bytes
}

pub fn line(event: &Event) -> String {
    match event {
        Event::Secured(report) => format!("secured, authenticated {}", report.is_authenticated()),
        Event::Plaintext(_) => "plaintext".to_owned(),
        Event::Accepted(pair) => format!("accepted {pair}"),
        Event::Authenticated(pair) => format!("authenticated {pair}"),
        Event::Refused { pair, why } => format!("refused {pair}: {why}"),
        Event::Stanza(stanza) => format!("stanza {}", stanza.as_str()),
        Event::Closed(how) => format!("closed {how:?}"),
        other => format!("{other:?}"),
    }
}

pub fn pair(originating: &str, receiving: &str) -> Pair {
    Pair::new(originating.parse().unwrap(), receiving.parse().unwrap())
}

pub fn message(from: &str, to: &str) -> Element {
    stanza(&format!(
        "<message from='romeo@{from}' to='juliet@{to}'><body>hi</body></message>"
    ))
}

pub fn stanza(xml: &str) -> Element {
    Element::parse(StreamKind::ServerToServer, xml.to_owned()).unwrap()
}
