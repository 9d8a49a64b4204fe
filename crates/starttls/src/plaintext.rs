use xmpp_stream::{Element, StreamDecoder, StreamEncoder, StreamHeader};
use xmpp_tls_core::StreamKind;

/// A stream that goes on without TLS, which only a `dangerous_` method makes possible.
///
/// Nothing protects it: everybody on the path reads and writes it.
#[must_use]
#[non_exhaustive]
#[derive(Debug)]
pub struct PlaintextStream {
    /// Which kind of stream.
    pub kind: StreamKind,
    /// The peer's header.
    pub header: StreamHeader,
    /// The element that made it clear that TLS will not come: the features without STARTTLS on the
    /// initiating side, the first other element on the receiving side.
    pub first: Element,
    /// The decoder, with whatever the peer sent behind [`first`](Self::first).
    pub decoder: StreamDecoder,
    /// The encoder, its header already sent.
    pub encoder: StreamEncoder,
}
