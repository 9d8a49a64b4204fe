//! The vocabulary every layer of `xmpp-tls` shares: the sans-IO [`Engine`] contract, validated
//! [`Domain`]s, stream-error [`StreamCondition`]s, the two kinds of stream and the namespaces.
//!
//! Nothing here does I/O, reads a clock or draws randomness. This crate changes rarely: whatever is
//! added here is added for every layer above it.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod condition;
mod domain;
mod engine;
mod kind;
pub mod ns;
mod stream_id;

pub use bytes::Bytes;
pub use condition::StreamCondition;
pub use domain::{Domain, DomainError};
pub use engine::{Engine, Output, deadline};
pub use kind::{Side, StreamKind};
pub use stream_id::StreamId;
