//! Who attacks, what stops them, and what does not.
//!
//! # The attacker on the path
//!
//! Reads, changes, drops, delays and injects everything between two entities.
//!
//! | what it does | what happens |
//! |---|---|
//! | removes STARTTLS from the features | it is asked for all the same (RFC 7590 section 3.1); the report says that it was not offered |
//! | answers `<failure/>`, closes, stays silent | an error that names the phase; nothing is retried in clear |
//! | sends `<success/>`, stanzas or a redirection before TLS | an error; nothing is reported to the application |
//! | puts clear text behind `<proceed/>` or `<starttls/>` | the connection is dropped before TLS begins (RFC 7457 section 2.2) |
//! | changes header or features before TLS | they are forgotten: what counts is said inside TLS (RFC 6120 section 5.4.3.3) |
//! | presents another certificate to a server that opens a stream | left to dialback by default, by which the peer verifies us and not we the peer: the report says that the peer may be anybody, and [`ServerAuthentication::Certificate`](crate::policy::ServerAuthentication::Certificate) refuses it |
//! | presents another certificate to a client | refused: chain and identity are checked inside the handshake, and the handshake proves possession of the key |
//! | presents a certificate of the host that an SRV record names | refused: only the XMPP domain counts (RFC 9525 section 6.1), unless the application adds a name that DNSSEC vouches for |
//! | has a valid certificate for the domain | looks like the domain; a [`ledger`](crate::ledger) that knew it before warns of the new key, or refuses it, before login |
//! | cuts the connection | reported as truncated, not as a proper end |
//! | downgrades to an old TLS version | the policy has a lowest version, TLS 1.2 unless [`danger`](crate::danger) says otherwise; TLS 1.3 detects downgrades itself (RFC 8446 section 4.1.3) |
//!
//! # The hostile peer
//!
//! | what it does | what happens |
//! |---|---|
//! | sends endless headers, elements, attributes, depth | a limit of [`Limits`](crate::stream::Limits) ends the stream; what is held is bounded by it |
//! | sends entities, DTDs, comments, instructions | `restricted-xml` (RFC 6120 section 11.1) |
//! | stalls in any step | each step has a budget of its own in [`Timeouts`](crate::policy::Timeouts) |
//! | sends certificates without end | chain, octets and names are bounded before anything is computed |
//! | writes control characters where logs will show them | escaped or cut in every error |
//! | changes the domain after a restart | refused: an identity cannot change within a connection |
//!
//! # The hostile server
//!
//! Owns domains, certificates for them and any number of streams, and wants to speak as another domain.
//!
//! | what it does | what happens |
//! |---|---|
//! | sends a stanza of a pair that it has not proved on this stream | the stream ends; nothing of the stanza is reported |
//! | claims a domain that its certificate does not name | its authoritative server is asked, on a stream that we open to it (XEP-0220), or the claim fails, as the policy says |
//! | answers a question that was put to another, or not at all, or another time | ignored: a verdict belongs to the stream and the claim that asked for it |
//! | speaks for others on a stream that we opened to it | the stream ends, unless both directions were agreed on (XEP-0288), and then only as the domain that it was opened to, or as one that it proved on it |
//! | wants the weaker policy of one domain for another | the policy of each claimed domain is asked, and must hold of the whole stream |
//! | forges DNS for a domain | without DNSSEC dialback then proves whoever it names; certificates do not care. [`ServerAuthentication::Certificate`](crate::policy::ServerAuthentication::Certificate) rules dialback out |
//! | claims without end, or never answers | each stream has bounds and deadlines ([`dialback::Limits`](crate::dialback::Limits)) |
//!
//! # What is not stopped
//!
//! - A certification authority that issues a valid certificate to somebody else. The chain is then as
//!   good as the real one; only comparing it with what was seen before shows it, which is for a [`ledger`](crate::ledger)
//!   to do, and not for one who was there from the beginning.
//! - Whoever holds the server, the client, or their keys.
//! - Traffic analysis: domain (SNI, the header's `to`), timing and sizes are visible.
//! - A server that says in its stream what is not true. TLS ends there; end-to-end encryption is a
//!   layer above.
//! - Revoked certificates, unless the verifier was given revocation lists
//!   ([`IdentityVerifier::with_revocation`](crate::identity::IdentityVerifier::with_revocation)).
