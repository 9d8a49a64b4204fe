//! One stream, from the moment that it is there to its end.

use super::Shared;
use super::asking::Claim;
use super::link::Link;
use super::mailbox::{Address, Mailbox, Order};
use super::notice::{Notice, Undeliverable};
use super::wire::{Turn, Wire};
use crate::error::ErrorKind;
use crate::federation::{Event, Method, Pair, StreamNumber, Verdict, VerificationFailure};
use crate::history::Running;
use crate::io::Error;
use crate::ledger::{Decision, Refusal};
use crate::security::SecurityReport;
use crate::session::Closed;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use xmpp_dialback::Finding;
use xmpp_stream::{Element, StreamError};
use xmpp_tls_core::StreamCondition;

/// How long a ledger may take to answer.
const LEDGER: Duration = Duration::from_secs(10);

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
