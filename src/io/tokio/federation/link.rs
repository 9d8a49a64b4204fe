//! One stream and its orders, from its opening to its end.

use super::Shared;
use super::asking::Claim;
use super::notice::{Notice, SendError, Undeliverable, Unsendable};
use super::wire::{Turn, Wire};
use crate::error::ErrorKind;
use crate::federation::{
    Event, Incoming, Method, Outgoing, Pair, StreamNumber, Verdict, VerificationFailure, VerifyTask,
};
use crate::history::Running;
use crate::io::Error;
use crate::ledger::{Decision, Refusal, Sighting};
use crate::security::{SecurityReport, Tried};
use crate::session::{Closed, Session};
use pki_types::CertificateDer;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use xmpp_dialback::Finding;
use xmpp_stream::{Element, StreamError};
use xmpp_tls_core::{Engine, StreamCondition, deadline};

/// Stanzas that wait for one stream.
const WAITING: usize = 1024;
/// Orders that wait for one stream.
const PENDING: usize = 256;
/// How long a ledger may take to answer.
const LEDGER: Duration = Duration::from_secs(10);
/// How long a stream that we accepted may be silent: who vanishes without a word must not keep its place.
const IDLE_ACCEPTED: Duration = Duration::from_secs(3600);
/// How long a stream that we opened may be without use.
const IDLE: Duration = Duration::from_secs(600);
/// The same where it was opened to verify claims.
const IDLE_VERIFICATION: Duration = Duration::from_secs(20);

/// What a stream is to do, besides sending.
pub(super) enum Order {
    /// With the certificate that was shown on the stream of the claim.
    Verify(VerifyTask, Option<CertificateDer<'static>>),
    Conclude(Verdict),
    Close(Option<Box<StreamError>>),
}

/// Where a stream takes what it is to do.
#[derive(Clone)]
pub(super) struct Address {
    stanzas: mpsc::Sender<Element>,
    orders: mpsc::Sender<Order>,
}

pub(super) struct Mailbox {
    /// Whether stanzas are taken: what cannot be sent yet waits here, where there is a bound.
    takes_stanzas: bool,
    stanzas: mpsc::Receiver<Element>,
    orders: mpsc::Receiver<Order>,
    /// Orders that came before there was a stream.
    early: VecDeque<Order>,
    /// Everything ends.
    closing: watch::Receiver<bool>,
    told: bool,
}

pub(super) fn mailbox(closing: watch::Receiver<bool>) -> (Address, Mailbox) {
    let (stanzas, waiting) = mpsc::channel(WAITING);
    let (orders, pending) = mpsc::channel(PENDING);
    let mailbox = Mailbox {
        takes_stanzas: true,
        stanzas: waiting,
        orders: pending,
        early: VecDeque::new(),
        closing,
        told: false,
    };
    (Address { stanzas, orders }, mailbox)
}

/// Returns when everything is to end.
pub(super) async fn ends(closing: &mut watch::Receiver<bool>) {
    // An error is the end too: nobody is left who could say it.
    drop(closing.wait_for(|closing| *closing).await);
}

impl Address {
    pub(super) fn send(&self, stanza: Element) -> Result<(), SendError> {
        self.stanzas
            .try_send(stanza)
            .map_err(|error| Unsendable::Busy.of(error.into_inner()))
    }

    pub(super) fn order(&self, order: Order) -> Result<(), Box<Order>> {
        self.orders
            .try_send(order)
            .map_err(|refused| Box::new(refused.into_inner()))
    }

    pub(super) fn is(&self, other: &Address) -> bool {
        self.orders.same_channel(&other.orders)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.orders.is_closed()
    }
}

impl Mailbox {
    /// Returns when nobody needs the stream any more that is not there yet.
    pub(super) async fn is_cancelled(&mut self) {
        while self.early.len() < PENDING {
            match self.orders.recv().await {
                Some(Order::Close(_)) | None => return,
                Some(order) => self.early.push_back(order),
            }
        }
        std::future::pending().await
    }

    /// Orders first: others wait for them.
    pub(super) async fn next(&mut self, stanzas_too: bool) -> Turn {
        tokio::select! {
            biased;
            () = ends(&mut self.closing), if !self.told => {
                self.told = true;
                Turn::Order(Order::Close(None))
            }
            Some(order) = async { self.early.pop_front() } => Turn::Order(order),
            Some(order) = self.orders.recv() => Turn::Order(order),
            Some(stanza) = self.stanzas.recv(), if stanzas_too && self.takes_stanzas => Turn::Stanza(stanza),
            // Nobody can order anything any more.
            else => std::future::pending().await,
        }
    }

    /// Takes no more, and gives back what was not done.
    fn close(mut self) -> (Vec<Element>, Vec<Order>) {
        self.stanzas.close();
        self.orders.close();
        let stanzas = std::iter::from_fn(|| self.stanzas.try_recv().ok()).collect();
        let late = std::iter::from_fn(|| self.orders.try_recv().ok());
        let orders = self.early.into_iter().chain(late).collect();
        (stanzas, orders)
    }
}

/// What both directions have in common here.
pub(super) trait Link: Engine<Event = Event, Error = crate::Error> + Send {
    fn session(&self) -> &Session;
    fn number(&self) -> StreamNumber;
    /// The pair that we opened it for.
    fn opened_for(&self) -> Option<&Pair>;
    fn send(&mut self, stanza: &Element) -> Result<(), crate::Error>;
    fn may_send(&self, pair: &Pair) -> bool;
    fn is_bidi(&self) -> bool;
    fn report(&self) -> Option<&Arc<SecurityReport>>;
    fn tried(&self) -> &[Tried];
    /// What the ledger is told of a pair of the peer's.
    fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting>;
    /// When it is closed for want of use; `used` was the last.
    fn idle(&self, used: Instant) -> Instant;
    fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), crate::Error>;
    /// Asks; the verdict if that is not possible.
    fn verify(&mut self, task: VerifyTask, shown: Option<&CertificateDer<'_>>, now: Instant) -> Option<Verdict>;
    fn close(&mut self, now: Instant) -> Result<(), crate::Error>;
    fn close_with(&mut self, error: &StreamError, now: Instant) -> Result<(), crate::Error>;
    /// What became of the claims that the peer was asked about.
    fn end(self, failure: &VerificationFailure) -> Vec<Verdict>;
}

macro_rules! same_for_both {
    ($link:ident) => {
        fn session(&self) -> &Session {
            $link::session(self)
        }
        fn number(&self) -> StreamNumber {
            $link::number(self)
        }
        fn send(&mut self, stanza: &Element) -> Result<(), crate::Error> {
            $link::send(self, stanza)
        }
        fn may_send(&self, pair: &Pair) -> bool {
            $link::may_send(self, pair)
        }
        fn tried(&self) -> &[Tried] {
            $link::tried(self)
        }
        fn sighting(&self, pair: &Pair, by: Method) -> Option<Sighting> {
            $link::sighting(self, pair, by)
        }
        fn is_bidi(&self) -> bool {
            $link::is_bidi(self)
        }
        fn report(&self) -> Option<&Arc<SecurityReport>> {
            $link::report(self)
        }
        fn conclude(&mut self, verdict: Verdict, now: Instant) -> Result<(), crate::Error> {
            $link::conclude(self, verdict, now)
        }
        fn close(&mut self, now: Instant) -> Result<(), crate::Error> {
            $link::close(self, now)
        }
        fn close_with(&mut self, error: &StreamError, now: Instant) -> Result<(), crate::Error> {
            $link::close_with(self, error, now)
        }
    };
}

impl Link for Outgoing {
    same_for_both!(Outgoing);

    fn opened_for(&self) -> Option<&Pair> {
        Some(self.pair())
    }

    fn idle(&self, used: Instant) -> Instant {
        match self.is_for_verification() {
            // White space of the peer's is no use.
            true => deadline(used, IDLE_VERIFICATION),
            false => deadline(used.max(Outgoing::last_heard(self)), IDLE),
        }
    }

    fn verify(&mut self, task: VerifyTask, shown: Option<&CertificateDer<'_>>, now: Instant) -> Option<Verdict> {
        let refused = Outgoing::verify(self, task, shown, now).err()?;
        Some(refused.task.fail(VerificationFailure::Busy))
    }

    fn end(self, failure: &VerificationFailure) -> Vec<Verdict> {
        Outgoing::end(self, failure)
    }
}

impl Link for Incoming {
    same_for_both!(Incoming);

    fn opened_for(&self) -> Option<&Pair> {
        None
    }

    fn idle(&self, _used: Instant) -> Instant {
        deadline(Incoming::last_heard(self), IDLE_ACCEPTED)
    }

    /// Nobody is asked on a stream that the peer opened.
    fn verify(&mut self, task: VerifyTask, _: Option<&CertificateDer<'_>>, _: Instant) -> Option<Verdict> {
        Some(task.fail(VerificationFailure::NoConnection))
    }

    fn end(self, _: &VerificationFailure) -> Vec<Verdict> {
        Vec::new()
    }
}

/// What a stream leaves behind.
pub(super) struct Ended {
    pub(super) number: Option<StreamNumber>,
    pub(super) outcome: Result<Closed, Error>,
    /// Not sent.
    pub(super) stanzas: Vec<Element>,
    pub(super) verdicts: Vec<Verdict>,
}

impl Ended {
    /// It was never open.
    pub(super) fn unopened(outcome: Result<Closed, Error>, mailbox: Mailbox) -> Self {
        let (stanzas, orders) = mailbox.close();
        let why = outcome
            .as_ref()
            .err()
            .map_or(VerificationFailure::NoConnection, failure);
        Ended {
            number: None,
            verdicts: fail(orders, &why),
            outcome,
            stanzas,
        }
    }
}

/// What there is of a stream when it begins to run.
pub(super) enum Begun {
    /// We opened it, and TLS is up, or the policy goes on without.
    Opened(Arc<SecurityReport>),
    /// The peer opened it.
    Accepted(Running),
}

/// Runs a stream to its end.
pub(super) async fn run<L: Link>(
    shared: &Arc<Shared>,
    mut link: L,
    mut wire: Wire,
    mut mailbox: Mailbox,
    address: &Address,
    begun: Begun,
) -> Ended {
    let number = link.number();
    let mut waiting = VecDeque::new();
    let (mut first, mut running) = match begun {
        Begun::Opened(report) => (Some(Turn::Event(Event::Secured(report))), None),
        Begun::Accepted(running) => (None, Some(running)),
    };
    let (mut refused, mut decided) = (None, Decided::new());
    let mut used = Instant::now();
    let outcome = loop {
        let turn = match first.take() {
            Some(turn) => Ok(turn),
            None => {
                mailbox.takes_stanzas = waiting.is_empty();
                let until = link.idle(used);
                wire.turn(&mut link, &mut mailbox, Some(until)).await
            }
        };
        // The peer's own failures show in the next turn, after what had to be said about them.
        let now = Instant::now();
        match turn {
            Err(error) => break Err(error),
            Ok(Turn::Event(Event::Closed(how))) => break Ok(how),
            Ok(Turn::Event(event)) => {
                if let Event::Secured(report) | Event::Plaintext(report) = &event {
                    let running = running.take();
                    shared.remember(running.map(|running| running.succeeded(report, now)));
                }
                if let Err(refusal) = handle(shared, &mut link, address, &mut waiting, &mut decided, event).await {
                    refused = refuse(&mut link, refusal, now);
                }
            }
            Ok(Turn::Stanza(stanza)) => {
                waiting.push_back(stanza);
                if flush(&mut link, &mut waiting) {
                    used = now;
                }
            }
            Ok(Turn::Order(Order::Verify(task, shown))) => {
                used = now;
                if let Some(verdict) = link.verify(task, shown.as_ref(), now) {
                    shared.answered(verdict);
                }
            }
            Ok(Turn::Order(Order::Conclude(verdict))) => {
                let compared = match verdict.finding() {
                    Finding::Valid(by) => compare(shared, &mut link, &mut decided, verdict.pair(), *by).await,
                    _ => Ok(()),
                };
                match compared {
                    Ok(()) => drop(link.conclude(verdict, now)),
                    Err(refusal) => refused = refuse(&mut link, refusal, now),
                }
            }
            Ok(turn @ (Turn::Order(Order::Close(_)) | Turn::Idle)) => {
                // Whoever sends to that peer from now on gets a new stream.
                retire(shared, &link, address);
                let closed = match turn {
                    Turn::Order(Order::Close(Some(error))) => link.close_with(&error, now),
                    _ => link.close(now),
                };
                // Before TLS is up there is nothing that could be closed. A later failure shows in the next turn.
                if closed.is_err() && link.report().is_none() {
                    break Ok(Closed::Properly);
                }
            }
        }
    };
    let outcome = refused.map_or(outcome, Err);
    shared.remember(running.map(|running| match &outcome {
        Ok(_) => running.abandoned(Instant::now()),
        Err(error) => running.failed(error, Instant::now()),
    }));
    retire(shared, &link, address);
    if !matches!(outcome, Err(Error::Transport { .. })) {
        wire.hang_up(link.session().patience()).await;
    }
    let why = match &outcome {
        Ok(_) => VerificationFailure::StreamEnded,
        Err(error) => failure(error),
    };
    let (stanzas, orders) = mailbox.close();
    let mut verdicts = link.end(&why);
    verdicts.extend(fail(orders, &why));
    Ended {
        number: Some(number),
        outcome,
        stanzas: waiting.into_iter().chain(stanzas).collect(),
        verdicts,
    }
}

/// The ledger said no. If nothing can be said any more the stream has ended, which the next turn tells.
fn refuse<L: Link>(link: &mut L, refusal: Refusal, now: Instant) -> Option<Error> {
    drop(link.close_with(&StreamError::new(StreamCondition::POLICY_VIOLATION), now));
    Some(Error::Ledger(Box::new(refusal)))
}

async fn handle<L: Link>(
    shared: &Arc<Shared>,
    link: &mut L,
    address: &Address,
    waiting: &mut VecDeque<Element>,
    decided: &mut Decided,
    event: Event,
) -> Result<(), Refusal> {
    let number = link.number();
    // Of a stream that we opened it was asked when TLS was up.
    let decides = link.opened_for().is_none();
    match event {
        Event::Secured(report) | Event::Plaintext(report) => {
            // Before the peer is told that its certificate proves it.
            if let (true, Some(ours), Some(theirs)) = (decides, report.local_domain(), report.initiating_domain()) {
                let pair = Pair::new(theirs.clone(), ours.clone());
                compare(shared, link, decided, &pair, Method::External).await?;
                // It is told with all the rest.
                decided.get_mut(&pair).and_then(Option::take);
            }
            shared.table().update(number, |info| info.report = Some(report));
            let info = shared.table().info(number).cloned();
            if let Some(info) = info {
                shared.tell(Notice::Secured(Box::new(info))).await;
            }
        }
        Event::Accepted(pair) => {
            shared.table().update(number, |info| {
                info.accepted.push(pair.clone());
                info.tried = link.tried().to_vec();
            });
            let _all = flush(link, waiting);
            shared.tell(Notice::Accepted { link: number, pair }).await;
        }
        Event::Authenticated(pair) => {
            // A further domain that the certificate proves: before anything else is taken from the peer.
            compare(shared, link, decided, &pair.pair, pair.by).await?;
            let decision = decided.get_mut(&pair.pair).and_then(Option::take);
            let back = pair.pair.inverse();
            if link.is_bidi() && link.may_send(&back) {
                shared.table().offer(back, address);
            }
            shared.table().update(number, |info| {
                info.authenticated.push(pair.clone());
                info.tried = link.tried().to_vec();
            });
            shared
                .tell(Notice::Authenticated {
                    link: number,
                    pair,
                    decision,
                })
                .await;
        }
        Event::Refused { pair, why } => {
            shared.table().update(number, |info| info.tried = link.tried().to_vec());
            let (bounced, kept) = std::mem::take(waiting)
                .into_iter()
                .partition(|stanza| Pair::of_stanza(stanza).is_ok_and(|of| of == pair));
            *waiting = kept;
            for stanza in bounced {
                let why = Undeliverable::Refused(why.clone());
                shared.tell(Notice::Undelivered { stanza, why }).await;
            }
            shared
                .tell(Notice::Refused {
                    link: number,
                    pair,
                    why,
                })
                .await;
            // Whoever sends to that peer again gets a new stream, and a new chance.
            retire(shared, link, address);
            drop(link.close(Instant::now()));
        }
        Event::Rejected { pair, why } => {
            shared.table().update(number, |info| info.tried = link.tried().to_vec());
            shared
                .tell(Notice::Rejected {
                    link: number,
                    pair,
                    why,
                })
                .await
        }
        Event::Verify(task) => {
            let shown = link.report().and_then(|report| report.peer_certificate().cloned());
            let since = Instant::now();
            shared.verify(Claim { task, shown, since });
        }
        Event::Verdict(verdict) => shared.answered(verdict),
        Event::Stanza(stanza) => shared.tell(Notice::Stanza { link: number, stanza }).await,
        Event::Closed(_) => {}
    }
    Ok(())
}

/// Pairs of the peer's that the ledger was asked about, and what it said until that is told.
type Decided = BTreeMap<Pair, Option<Decision>>;

/// Asks the ledger about a pair of the peer's, once.
async fn compare<L: Link>(
    shared: &Shared,
    // Exclusive, as TLS libraries need not be fit to be shared between threads.
    link: &mut L,
    decided: &mut Decided,
    pair: &Pair,
    by: Method,
) -> Result<(), Refusal> {
    if decided.contains_key(pair) {
        return Ok(());
    }
    if let Some(sighting) = link.sighting(pair, by) {
        let asked = timeout(LEDGER, shared.memory.observe(&sighting, crate::io::now().wall)).await;
        let decision = asked.unwrap_or_else(|_| shared.memory.unanswered())?;
        shared
            .table()
            .update(link.number(), |info| info.decision.clone_from(&decision));
        decided.insert(pair.clone(), decision);
    }
    Ok(())
}

fn retire<L: Link>(shared: &Shared, link: &L, address: &Address) {
    shared.table().retire(address, link.opened_for(), Some(link.number()));
}

/// Sends what may be sent, in order; whether that was all.
fn flush<L: Link>(link: &mut L, waiting: &mut VecDeque<Element>) -> bool {
    while let Some(stanza) = waiting.front() {
        let sent = Pair::of_stanza(stanza).is_ok_and(|pair| link.may_send(&pair)) && link.send(stanza).is_ok();
        if !sent {
            return false;
        }
        waiting.pop_front();
    }
    true
}

fn fail(orders: Vec<Order>, why: &VerificationFailure) -> Vec<Verdict> {
    let tasks = orders.into_iter().filter_map(|order| match order {
        Order::Verify(task, _) => Some(task),
        Order::Conclude(_) | Order::Close(_) => None,
    });
    tasks.map(|task| task.fail(why.clone())).collect()
}

/// What a claim comes to whose authoritative server could not be asked for this reason (XEP-0220 section 2.5).
fn failure(error: &Error) -> VerificationFailure {
    match error {
        Error::Unreachable { .. } | Error::Discovery(_) | Error::NoneWorked { .. } => VerificationFailure::NoConnection,
        Error::Transport { .. } | Error::Closed(_) => VerificationFailure::StreamEnded,
        Error::Ledger(_) => VerificationFailure::Unprotected,
        Error::Session(error) => failure_of_session(error.kind()),
    }
}

fn failure_of_session(kind: &ErrorKind) -> VerificationFailure {
    match kind {
        ErrorKind::StreamError(told) if told.name() == StreamCondition::HOST_UNKNOWN.name() => {
            VerificationFailure::NotServed
        }
        ErrorKind::TimedOut => VerificationFailure::TimedOut,
        ErrorKind::Starttls(_) | ErrorKind::Tls(_) | ErrorKind::Identity(_) | ErrorKind::Policy(_) => {
            VerificationFailure::Unprotected
        }
        _ => VerificationFailure::StreamEnded,
    }
}
