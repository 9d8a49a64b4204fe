use super::Endpoint;
use std::io;
use std::sync::Arc;

/// Why a driver could not go on.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection to the endpoint: nothing was said.
    #[error("{endpoint} cannot be reached: {source}")]
    Unreachable {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says, of the last address tried.
        source: Arc<io::Error>,
    },
    /// The transport failed in the middle.
    #[error("the connection failed: {0}")]
    Transport(Arc<io::Error>),
    /// The session ended: its error says where and why.
    #[error(transparent)]
    Session(#[from] crate::Error),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Transport(Arc::new(error))
    }
}

impl Error {
    pub(super) fn unreachable(endpoint: &Endpoint, source: io::Error) -> Self {
        Error::Unreachable {
            endpoint: endpoint.clone(),
            source: Arc::new(source),
        }
    }
}
