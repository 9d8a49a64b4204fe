//! Federation on tokio: a server's streams to and from all others, opened when they are needed.

mod asking;
mod link;
mod mailbox;
mod notice;
mod run;
mod table;
mod wire;

pub use notice::{LinkInfo, LinkPurpose, Notice, SendError, Undeliverable, Unsendable};

use super::discover::{Search, reach};
use crate::discovery::Candidate;
use crate::federation::{Event, FederationConfig, Incoming, Outgoing, Pair, StreamNumber, Verdict};
use crate::history::Attempt;
use crate::io::{Error, Memory, Resolver};
use crate::ledger::Decision;
use crate::security::SecurityReport;
use crate::session::{Closed, Mode, Target};
use asking::Claim;
use mailbox::{Address, Order, mailbox};
use run::{Begun, Ended};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use table::Table;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::task::TaskTracker;
use wire::{Turn, Wire};
use xmpp_dialback::VerificationFailure;
use xmpp_stream::{Element, StreamError};
use xmpp_tls_core::StreamKind;

/// Notices that wait for the application; while there are so many, no link goes on.
const NOTICES: usize = 1024;
/// Streams that others have opened to us at a time.
const INCOMING: usize = 16 * 1024;
/// Endpoints that are tried to have a claim verified.
const VERIFICATION_CANDIDATES: usize = 4;
/// How long to wait when the system has no connection to give, for example for want of file descriptors.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Everything a server needs to federate: it is given stanzas and connections, and tells what came.
///
/// A stream is opened for each pair of domains that a stanza is for, where the DNS says; claims of others are verified
/// on streams that are for that alone. What cannot be sent comes back as
/// [`Notice::Undelivered`]. A server that is an IP address can prove itself by its certificate only: nobody is asked to
/// connect to an address that a stranger names. Clones are handles of the same.
///
/// ```no_run
/// # async fn example(config: xmpp_tls::federation::FederationConfig, resolver: std::sync::Arc<dyn xmpp_tls::io::Resolver>,
/// #     ping: xmpp_tls::stream::Element) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::io::tokio::{Federation, Notice};
/// use xmpp_tls::session::Mode;
///
/// let (federation, mut notices) = Federation::new(config, resolver);
/// let listener = tokio::net::TcpListener::bind("[::]:5269").await?;
/// tokio::spawn(federation.clone().serve(listener, Mode::StartTls));
///
/// federation.send(ping)?;
/// while let Some(notice) = notices.recv().await {
///     match notice {
///         Notice::Stanza { stanza, .. } => println!("{}", stanza.as_str()), // its pair is authenticated
///         Notice::Undelivered { why, .. } => println!("not sent: {why}"),
///         notice => println!("{notice}"),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Federation {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    config: Arc<FederationConfig>,
    resolver: Arc<dyn Resolver>,
    memory: Memory,
    notices: mpsc::Sender<Notice>,
    incoming: Arc<Semaphore>,
    closing: watch::Sender<bool>,
    runtime: Handle,
    /// Those of the streams.
    tasks: TaskTracker,
    table: Mutex<Table>,
}

/// A stream that we opened, whose TLS is up.
struct Established {
    link: Outgoing,
    wire: Wire,
    candidate: Candidate,
    decision: Option<Decision>,
    report: Arc<SecurityReport>,
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Federation").finish_non_exhaustive()
    }
}

impl Federation {
    /// A server that has no streams yet, and what it will tell. Whoever does not take the notices stops the streams;
    /// whoever drops the receiver loses what comes, stanzas and those that could not be sent.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, where its streams will run.
    pub fn new(config: FederationConfig, resolver: Arc<dyn Resolver>) -> (Self, mpsc::Receiver<Notice>) {
        Self::with_memory(config, resolver, Memory::default())
    }

    /// The same, which remembers. A stream that the ledger refuses is closed before anything is said on it, or where
    /// the peer opened it as soon as it has proved who it is and before any stanza of it is taken.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with_memory(
        config: FederationConfig,
        resolver: Arc<dyn Resolver>,
        memory: Memory,
    ) -> (Self, mpsc::Receiver<Notice>) {
        let (notices, receiver) = mpsc::channel(NOTICES);
        let shared = Shared {
            config: Arc::new(config),
            resolver,
            memory,
            notices,
            incoming: Arc::new(Semaphore::new(INCOMING)),
            closing: watch::Sender::new(false),
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            table: Mutex::default(),
        };
        let shared = Arc::new(shared);
        (Federation { shared }, receiver)
    }

    /// Sends a stanza from one of our domains. It waits until its pair is authenticated, for which a stream is
    /// opened if there is none.
    ///
    /// # Errors
    ///
    /// The stanza comes back if it has no addresses, is not from us or is for us, or too many wait already.
    pub fn send(&self, stanza: Element) -> Result<(), SendError> {
        let pair = match Pair::of_stanza(&stanza) {
            Ok(pair) if self.shared.config.serves(&pair.receiving) => return Err(Unsendable::Local.of(stanza)),
            Ok(pair) if self.shared.config.serves(&pair.originating) => pair,
            Ok(_) => return Err(Unsendable::NotOurs.of(stanza)),
            Err(error) => return Err(Unsendable::Addresses(Box::new(error)).of(stanza)),
        };
        if self.shared.is_closing() {
            return Err(Unsendable::Closing.of(stanza));
        }
        let mut table = self.shared.table();
        let address = table.sending(&pair, || self.shared.open(pair.clone(), LinkPurpose::Stanzas));
        address.send(stanza)
    }

    /// Takes connections from other servers, each in a task of its own, until [`close`](Self::close).
    pub async fn serve(self, listener: TcpListener, mode: Mode) {
        let mut closing = self.shared.closing.subscribe();
        while !self.shared.is_closing() {
            let Ok(permit) = self.shared.incoming.clone().acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = mailbox::ends(&mut closing) => return,
            };
            match accepted {
                Ok((socket, _)) => {
                    let federation = self.clone();
                    tokio::spawn(async move {
                        federation.accept(socket, mode).await;
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(EXHAUSTED).await,
            }
        }
    }

    /// Serves one connection from another server, until it ends.
    pub async fn accept(&self, socket: TcpStream, mode: Mode) {
        self.shared.tasks.track_future(self.run(socket, mode)).await;
    }

    async fn run(&self, socket: TcpStream, mode: Mode) {
        let made = Incoming::new(self.shared.config.clone(), mode, crate::io::now());
        let (link, wire) = match (made, Wire::new(socket)) {
            (Ok(link), Ok(wire)) => (link, wire),
            // The peer has gone already.
            (Ok(_), Err(_)) => return,
            (Err(error), _) => {
                return self
                    .shared
                    .tell(Notice::ended(None, LinkPurpose::Accepted, None, Err(error.into())))
                    .await;
            }
        };
        let (address, mailbox) = mailbox(self.shared.closing.subscribe());
        let mut info = LinkInfo::new(link.number(), LinkPurpose::Accepted, None);
        info.peer = wire.peer();
        self.shared.table().add(info, address.clone());
        let running = Attempt::accepted(StreamKind::ServerToServer, mode, crate::io::now());
        let begun = Begun::Accepted(running);
        let ended = run::run(&self.shared, link, wire, mailbox, &address, begun).await;
        self.shared.tidy(ended, LinkPurpose::Accepted, None).await;
    }

    /// Closes one stream with an error that tells the peer why, for example because of what its certificate is.
    pub fn close_link(&self, number: StreamNumber, error: StreamError) {
        self.shared.table().order(number, Order::Close(Some(Box::new(error))));
    }

    /// Every open stream, and what is known of it.
    pub fn links(&self) -> Vec<LinkInfo> {
        self.shared.table().links()
    }

    /// Closes every stream, and opens and takes no more. What was not sent comes back as [`Notice::Undelivered`].
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
    }

    /// Returns when [`close`](Self::close) was called and every stream has ended: each has
    /// [`Timeouts::close`](crate::policy::Timeouts::close) for its peer's goodbye. Notices have to be taken meanwhile.
    pub async fn closed(&self) {
        mailbox::ends(&mut self.shared.closing.subscribe()).await;
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics while it is held.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    fn remember(&self, attempt: Option<Attempt>) {
        if let Some(attempt) = attempt {
            self.memory.record(|| attempt);
        }
    }

    async fn tell(&self, notice: Notice) {
        // Nobody listens any more: then nobody misses it.
        drop(self.notices.send(notice).await);
    }

    /// A stream to `pair.receiving`, in a task of its own.
    fn open(self: &Arc<Self>, pair: Pair, purpose: LinkPurpose) -> Address {
        let (address, mut mailbox) = mailbox(self.closing.subscribe());
        let (shared, own) = (self.clone(), address.clone());
        let work = async move {
            let mut closing = shared.closing.subscribe();
            let established = tokio::select! {
                established = shared.establish(&pair, purpose) => Some(established),
                () = mailbox::ends(&mut closing) => None,
                () = mailbox.is_cancelled() => None,
            };
            let ended = match established {
                None => Ended::unopened(Ok(Closed::Properly), mailbox),
                Some(Ok(Established {
                    link,
                    wire,
                    candidate,
                    decision,
                    report,
                })) => {
                    let mut info = LinkInfo::new(link.number(), purpose, Some(candidate));
                    info.peer = wire.peer();
                    info.decision = decision;
                    shared.table().add(info, own.clone());
                    run::run(&shared, link, wire, mailbox, &own, Begun::Opened(report)).await
                }
                Some(Err(error)) => Ended::unopened(Err(error), mailbox),
            };
            shared.tidy(ended, purpose, Some((pair, own))).await;
        };
        self.tasks.spawn_on(work, &self.runtime);
        address
    }

    /// The first of the domain's endpoints that works.
    async fn establish(&self, pair: &Pair, purpose: LinkPurpose) -> Result<Established, Error> {
        let target = Target::new(pair.receiving.clone()).from_server(pair.originating.clone());
        let mut timeouts = self.config.client().policy_for(&target).timeouts;
        let most = match purpose {
            LinkPurpose::Verification => {
                // Later the claim has failed, and a stranger made it: it shall not keep us busy.
                timeouts.overall = timeouts.overall.min(self.config.limits().verify_within);
                VERIFICATION_CANDIDATES
            }
            LinkPurpose::Stanzas | LinkPurpose::Accepted => usize::MAX,
        };
        let search = Search {
            resolver: &*self.resolver,
            target: &target,
            timeouts,
            most,
            memory: &self.memory,
        };
        let attempt = |candidate| self.attempt(pair, purpose, candidate, timeouts.connect);
        search
            .first_that_works(attempt, |made: &Established| &made.report)
            .await
    }

    async fn attempt(
        &self,
        pair: &Pair,
        purpose: LinkPurpose,
        candidate: Candidate,
        budget: Duration,
    ) -> Result<Established, Error> {
        let socket = reach(&*self.resolver, &candidate.endpoint, budget).await?;
        let mut wire = Wire::new(socket).map_err(|error| Error::unreachable(&candidate.endpoint, error))?;
        let (config, mode, now) = (self.config.clone(), candidate.mode, crate::io::now());
        let mut link = match purpose {
            LinkPurpose::Verification => {
                Outgoing::for_verification(config, pair.originating.clone(), pair.receiving.clone(), mode, now)?
            }
            LinkPurpose::Stanzas | LinkPurpose::Accepted => Outgoing::new(config, pair.clone(), mode, now)?,
        };
        // Nobody can order anything yet.
        let (_address, mut nobody) = mailbox(self.closing.subscribe());
        let report = loop {
            match wire.turn(&mut link, &mut nobody, None).await {
                Ok(Turn::Event(Event::Secured(report) | Event::Plaintext(report))) => break report,
                Ok(Turn::Event(Event::Closed(how))) => return Err(Error::Closed(how)),
                Ok(_) => {}
                Err(error) => {
                    wire.hang_up(link.session().patience()).await;
                    return Err(error);
                }
            }
        };
        let decided = self.memory.decide(&report, crate::io::now().wall).await;
        Ok(Established {
            link,
            wire,
            candidate,
            decision: decided.map_err(|refusal| Error::Ledger(Box::new(refusal)))?,
            report,
        })
    }

    /// Has a claim verified: on a stream to its domain that is for that.
    fn verify(self: &Arc<Self>, claim: Claim) {
        let mut table = self.table();
        let verdict = match claim.task.domain().ip() {
            // Nobody is asked to connect to an address of a stranger's choice.
            Some(_) => Some(claim.fail(VerificationFailure::NoConnection)),
            None => table
                .asking
                .verify(claim, &|pair| self.open(pair, LinkPurpose::Verification)),
        };
        if let Some(verdict) = verdict {
            table.conclude(verdict);
        }
    }

    /// Brings a verdict to the stream that it is for, if that is still there, and asks about what waited.
    fn answered(self: &Arc<Self>, verdict: Verdict) {
        let pair = verdict.pair();
        let asks = Pair::new(pair.receiving.clone(), pair.originating.clone());
        let mut table = self.table();
        table.asking.answered(&asks, verdict.stream());
        table.conclude(verdict);
        self.verify_more(&mut table);
    }

    fn verify_more(self: &Arc<Self>, table: &mut Table) {
        let patience = self.config.limits().verify_within;
        let open = |pair| self.open(pair, LinkPurpose::Verification);
        for verdict in table.asking.go_on(patience, Instant::now(), &open) {
            table.conclude(verdict);
        }
    }

    /// A stream is over: tells what was not sent, and what was not answered.
    async fn tidy(self: &Arc<Self>, mut ended: Ended, purpose: LinkPurpose, opened: Option<(Pair, Address)>) {
        let info = {
            let mut table = self.table();
            if let Some((pair, address)) = &opened {
                table.retire(address, Some(pair), ended.number);
            }
            for verdict in ended.verdicts.drain(..) {
                table.conclude(verdict);
            }
            if let Some(number) = ended.number {
                table.asking.forget(number);
            }
            self.verify_more(&mut table);
            ended.number.and_then(|number| table.remove(number))
        };
        let Ended { outcome, stanzas, .. } = ended;
        let why = match &outcome {
            Ok(_) => Undeliverable::Closed,
            Err(error) => Undeliverable::Failed(Box::new(error.clone())),
        };
        for stanza in stanzas {
            let why = why.clone();
            self.tell(Notice::Undelivered { stanza, why }).await;
        }
        let remote = opened.map(|(pair, _)| pair.receiving);
        self.tell(Notice::ended(info, purpose, remote, outcome)).await;
    }
}
