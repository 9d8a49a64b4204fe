use super::Endpoint;
use crate::discovery::{Candidate, DiscoveryError};
use crate::error::Phase;
use crate::ledger::Refusal;
use crate::session::{Closed, Session};
use std::sync::Arc;
use std::{fmt, io};
use xmpp_tls_core::Domain;

/// Why a driver could not go on.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection to the endpoint: nothing was said.
    #[error("{endpoint} cannot be reached: {error}")]
    #[non_exhaustive]
    Unreachable {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says, of the last address tried.
        error: Arc<io::Error>,
    },
    /// The transport failed in the middle.
    #[error("{}{phase}: the connection failed: {error}{}", domain.as_ref().map(|domain| format!("{domain}: ")).unwrap_or_default(), hint(*phase))]
    #[non_exhaustive]
    Transport {
        /// The domain the session is about, as far as it is known.
        domain: Option<Domain>,
        /// Where the session stood.
        phase: Phase,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// It is not known where to connect.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The domain has several endpoints, and none of them works.
    #[error("{domain}: none of its {} endpoints works{}{}", attempts.len() + untried, listed(attempts), left(*untried))]
    #[non_exhaustive]
    NoneWorked {
        /// The domain wanted.
        domain: Domain,
        /// Each endpoint, in the order they were tried, with what kept it from working.
        attempts: Vec<(Candidate, Error)>,
        /// How many more there were when the time for all of them was over.
        untried: usize,
    },
    /// The peer closed the stream where something else was waited for.
    #[error("the peer closed the stream")]
    Closed(Closed),
    /// The connection is as it should be, and not as it was before: the ledger refuses it.
    #[error(transparent)]
    Ledger(Box<Refusal>),
    /// The session ended: its error says where and why.
    #[error(transparent)]
    Session(#[from] crate::Error),
}

/// Its text: a `main` that returns the error shows it this way.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

/// What a cut connection may mean.
fn hint(phase: Phase) -> &'static str {
    match phase {
        Phase::Starttls => "; perhaps this port wants direct TLS, or somebody between forbids encryption",
        Phase::Tls => "; somebody between may forbid encryption",
        _ => "",
    }
}

fn listed(attempts: &[(Candidate, Error)]) -> String {
    attempts
        .iter()
        .map(|(candidate, error)| format!("; {}: {error}", candidate.endpoint))
        .collect()
}

fn left(untried: usize) -> String {
    match untried {
        0 => String::new(),
        more => format!("; {more} more were not tried, as the time for all of them was over"),
    }
}

impl Error {
    pub(super) fn unreachable(endpoint: &Endpoint, error: io::Error) -> Self {
        Error::Unreachable {
            endpoint: endpoint.clone(),
            error: Arc::new(error),
        }
    }

    pub(super) fn transport(session: &Session, error: impl Into<Arc<io::Error>>) -> Self {
        let (domain, phase) = session.place();
        let error = error.into();
        Error::Transport { domain, phase, error }
    }
}
