//! The XML namespaces that stream negotiation uses.

/// Streams: the root element, features and errors (RFC 6120 section 4.8.1).
pub const STREAM: &str = "http://etherx.jabber.org/streams";
/// Content of client-to-server streams (RFC 6120 section 4.8.3).
pub const CLIENT: &str = "jabber:client";
/// Content of server-to-server streams (RFC 6120 section 4.8.3).
pub const SERVER: &str = "jabber:server";
/// STARTTLS (RFC 6120 section 5.4).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL (RFC 6120 section 6.4).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Types of channel binding offered (XEP-0440).
pub const SASL_CHANNEL_BINDING: &str = "urn:xmpp:sasl-cb:0";
/// Resource binding (RFC 6120 section 7.4).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Stream error conditions (RFC 6120 section 4.9.2).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Stanza error conditions (RFC 6120 section 8.3.2).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Server Dialback (XEP-0220).
pub const DIALBACK: &str = "jabber:server:dialback";
/// The dialback stream feature (XEP-0220 section 2.3).
pub const DIALBACK_FEATURE: &str = "urn:xmpp:features:dialback";
/// The wish to use one stream in both directions (XEP-0288 section 2.2).
pub const BIDI: &str = "urn:xmpp:bidi";
/// Stream limits (XEP-0478).
pub const STREAM_LIMITS: &str = "urn:xmpp:stream-limits:0";
/// Application-specific error conditions, such as `stanza-too-big` (RFC 6120 section 4.9.3.14).
pub const XMPP_ERRORS: &str = "urn:xmpp:errors";
/// The `xml` prefix, bound in every document (Namespaces in XML 1.0 section 3).
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The `xmlns` prefix, bound in every document and never to be declared (Namespaces in XML 1.0 section 3).
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
