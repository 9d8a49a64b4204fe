//! From a domain to an open stream, by way of the DNS.

use super::{TokioStream, connector::secure, dial::dial};
use crate::discovery::{Answer, Candidate, DiscoveryError, DnsSecurity, LookupError, SrvRecord, plan, service_name};
use crate::error::ErrorKind;
use crate::history::Attempt;
use crate::io::{Endpoint, Error, Memory, Resolver, now};
use crate::policy::Timeouts;
use crate::security::SecurityReport;
use crate::session::{ClientConfig, Mode, Target};
use crate::tls::TlsError;
use futures::future::join;
use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use xmpp_tls_core::deadline;

/// Connects to a domain where its SRV records say (RFC 6120 section 3.2, XEP-0368): by STARTTLS and direct TLS,
/// all records in order and all addresses of each. Where there are no records, at the registered port of the
/// domain itself.
///
/// The next one is tried where nobody answers or what answers is no working XMPP server. A server whose
/// certificate is wrong, or whose TLS the policy refuses, ends it. All of it together takes no longer than
/// [`Timeouts::overall`]. [`SecurityReport::endpoint`](crate::security::SecurityReport::endpoint) tells which one it was.
///
/// # Errors
///
/// [`Error::Discovery`] if the service is not offered or an answer is false, [`Error::NoneWorked`] with the error
/// of each endpoint, or the error of the only one. Nothing is retried in clear.
pub async fn connect_by(
    resolver: &dyn Resolver,
    config: Arc<ClientConfig>,
    target: impl Into<Target>,
) -> Result<TokioStream, Error> {
    connect(resolver, &config, &target.into(), &Memory::default()).await
}

pub(super) async fn connect(
    resolver: &dyn Resolver,
    config: &Arc<ClientConfig>,
    target: &Target,
    memory: &Memory,
) -> Result<TokioStream, Error> {
    let timeouts = config.policy_for(target).timeouts;
    let search = Search {
        resolver,
        target,
        timeouts,
        most: usize::MAX,
        memory,
    };
    let attempt = |candidate: Candidate| async move {
        let socket = reach(resolver, &candidate.endpoint, timeouts.connect).await?;
        let target = target.clone().at(candidate.clone());
        secure(&candidate.endpoint, socket, config.clone(), target, memory).await
    };
    search.first_that_works(attempt, TokioStream::report).await
}

/// For the first endpoint of a domain that works.
pub(super) struct Search<'s> {
    pub(super) resolver: &'s dyn Resolver,
    pub(super) target: &'s Target,
    pub(super) timeouts: Timeouts,
    /// So many are tried.
    pub(super) most: usize,
    pub(super) memory: &'s Memory,
}

impl Search<'_> {
    /// What came of the first endpoint that `attempt` comes to something with. Each is remembered as one attempt.
    pub(super) async fn first_that_works<T, F>(
        self,
        attempt: impl Fn(Candidate) -> F,
        report: impl Fn(&T) -> &SecurityReport,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let Search {
            resolver,
            target,
            memory,
            ..
        } = self;
        let Timeouts { overall, connect, .. } = self.timeouts;
        let until: Instant = deadline(Instant::now().into_std(), overall).into();
        let running = Attempt::begin(target, None, now());
        let mut candidates = discover(resolver, target, connect.min(overall))
            .await
            .map_err(Error::from)
            .inspect_err(|error| {
                memory.record(|| running.failed(error, now().instant));
            })?;
        candidates.truncate(self.most);
        let mut candidates = candidates.into_iter();
        let mut attempts = Vec::new();
        while Instant::now() < until
            && let Some(candidate) = candidates.next()
        {
            let at = target.clone().at(candidate.clone());
            let running = Attempt::begin(&at, Some(&candidate.endpoint), now());
            let error = match timeout_at(until, attempt(candidate.clone())).await {
                Ok(Ok(works)) => {
                    memory.record(|| running.succeeded(report(&works), now().instant));
                    return Ok(works);
                }
                Ok(Err(error)) => error,
                Err(_) => Error::unreachable(&candidate.endpoint, over()),
            };
            memory.record(|| running.failed(&error, now().instant));
            if settles(&error) {
                return Err(error);
            }
            attempts.push((candidate, error));
        }
        let untried = candidates.len();
        match (attempts.pop(), attempts.is_empty() && untried == 0) {
            (Some((_, only)), true) => Err(only),
            (last, _) => {
                attempts.extend(last);
                Err(Error::NoneWorked {
                    domain: target.domain().clone(),
                    attempts,
                    untried,
                })
            }
        }
    }
}

fn over() -> std::io::Error {
    let text = "the time for all endpoints (timeouts.overall) is over";
    std::io::Error::new(std::io::ErrorKind::TimedOut, text)
}

/// Where the service of a domain is, in order; see [`plan`]. At most `budget` is waited for answers.
///
/// # Errors
///
/// The service is not offered, or an answer is false.
pub async fn discover(
    resolver: &dyn Resolver,
    target: &Target,
    budget: Duration,
) -> Result<Vec<Candidate>, DiscoveryError> {
    let until = deadline(Instant::now().into_std(), budget).into();
    let ask = |mode| async move {
        match service_name(target, mode) {
            Some(name) => in_time(until, &name, resolver.srv(&name)).await,
            None => Ok(no_records()),
        }
    };
    let (starttls, direct_tls) = match target.mode() {
        Mode::StartTls => join(ask(Mode::StartTls), ask(Mode::DirectTls)).await,
        Mode::DirectTls => (Ok(no_records()), ask(Mode::DirectTls).await),
    };
    plan(target, starttls, direct_tls, &mut random)
}

/// A connection to the first of an endpoint's addresses that answers.
pub(super) async fn reach(resolver: &dyn Resolver, endpoint: &Endpoint, budget: Duration) -> Result<TcpStream, Error> {
    let until: Instant = deadline(Instant::now().into_std(), budget).into();
    let addresses = match endpoint.host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let host = format!("{}.", endpoint.host);
            let found = in_time(until, &host, resolver.addresses(&host)).await;
            found.map_err(DiscoveryError::from)?.records
        }
    };
    let addresses = addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, endpoint.port));
    let socket = dial(addresses, until, TcpStream::connect).await;
    socket.map_err(|error| Error::unreachable(endpoint, error))
}

/// Whether another endpoint of the same domain could not, or should not, do better.
fn settles(error: &Error) -> bool {
    match error {
        Error::Session(error) => matches!(
            error.kind(),
            ErrorKind::Identity(_)
                | ErrorKind::Policy(_)
                | ErrorKind::ApiMisuse(_)
                | ErrorKind::Tls(
                    TlsError::CertificateRejected(_)
                        | TlsError::UnsupportedByEngine { .. }
                        | TlsError::Misconfigured(_)
                        | TlsError::NoRandomness
                )
        ),
        Error::Ledger(_) | Error::Discovery(DiscoveryError::Lookup(LookupError::Bogus { .. })) => true,
        Error::Discovery(_)
        | Error::Unreachable { .. }
        | Error::Transport { .. }
        | Error::Closed(_)
        | Error::NoneWorked { .. } => false,
    }
}

async fn in_time<T>(
    until: Instant,
    name: &str,
    answer: impl Future<Output = Result<T, LookupError>>,
) -> Result<T, LookupError> {
    timeout_at(until, answer).await.unwrap_or_else(|_| {
        Err(LookupError::NoAnswer {
            name: name.to_owned(),
            reason: "nobody answered in time".to_owned(),
        })
    })
}

fn no_records() -> Answer<SrvRecord> {
    Answer {
        records: Vec::new(),
        security: DnsSecurity::Insecure,
    }
}

/// It spreads load and guards nothing: what seeds the hash maps of the process is good enough.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
