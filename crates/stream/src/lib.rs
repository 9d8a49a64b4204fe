//! The XML stream codec of XMPP (RFC 6120): bytes to events and back, without I/O.
//!
//! - [`StreamDecoder`] takes bytes in pieces of any size and returns [`StreamEvent`]s: the stream
//!   header, first-level [`Element`]s, white space between them, the closing tag. One forward pass
//!   frames and checks everything: well-formedness, namespaces, UTF-8, what RFC 6120 section 11
//!   forbids, and [`Limits`].
//! - [`Element`] is the bytes of one element, already validated and shared, with its resolved name,
//!   its attributes and children, and a `quick_xml` reader over it.
//! - [`StreamEncoder`] writes headers, elements (also those of other streams), errors and the close.
//! - [`Features`] and [`StreamError`] are the two elements that belong to streams themselves.
//! - [`accepted`] says exactly which XML is accepted, [`rows`] which rule is proved by which test.
//!
//! What it does not do: sockets, TLS, negotiation, any decision about whom to trust.

// docs.rs builds with nightly, and then shows which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[doc = include_str!("accepted.md")]
pub mod accepted {}
mod builder;
mod child;
mod decoder;
mod element;
mod encoder;
mod error;
mod escape;
mod features;
mod header;
mod limits;
mod response;
mod rewrite;
#[doc = include_str!("rows.md")]
pub mod rows {}
mod scanner;
mod small_str;
mod stream_error;
mod tree;
mod walk;
mod writer;

pub use builder::{Child, ElementBuilder};
pub use bytes;
pub use child::{ChildElement, Children};
pub use decoder::{StreamDecoder, StreamEvent};
pub use element::Element;
pub use encoder::StreamEncoder;
pub use error::{EncodingError, Error, HeaderError, NamespaceError, Place, Restricted, Unwritable, XmlError};
pub use features::{Features, FeaturesBuilder, StartTls, StreamLimits};
pub use header::{StreamHeader, Version, VersionError};
pub use limits::{LimitKind, Limits};
pub use small_str::SmallStr;
pub use stream_error::StreamError;
pub use walk::{Attribute, AttributeIter, Node, Tag, Walk};
pub use writer::ElementWriter;
pub use xmpp_tls_core::StreamKind;
