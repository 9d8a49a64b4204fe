//! The vocabulary every layer of `xmpp-tls` shares: the sans-IO [`Engine`] contract, validated
//! [`Domain`]s, stream-error [`StreamCondition`]s, the two kinds of stream and the namespaces.
//!
//! Nothing here does I/O, reads a clock or draws randomness. This crate changes rarely: whatever is
//! added here is added for every layer above it.

mod condition;
mod domain;
mod engine;
mod kind;
pub mod ns;

pub use bytes::Bytes;
pub use condition::StreamCondition;
pub use domain::{Domain, DomainError};
pub use engine::{Engine, Output};
pub use kind::{Side, StreamKind};
