//! Why each default is what it is.
//!
//! # Policy
//!
//! | field | default | why |
//! |---|---|---|
//! | [`encryption`](crate::policy::Policy::encryption) | required | RFC 9325 section 3.2: a strict policy that forbids clear text must be used with STARTTLS |
//! | [`authentication`](crate::policy::Policy::authentication) | required | RFC 7590 section 3.4: clients authenticate servers |
//! | [`servers`](crate::policy::Policy::servers) | certificate, or dialback inside TLS | the statement of 2014 prefers authentication and allows for dialback over TLS; only dialback is exchanged until it is done |
//! | [`minimum_version`](crate::policy::Policy::minimum_version) | TLS 1.2 | RFC 8996 forbids 1.0 and 1.1; RFC 9325 section 3.1.1 requires 1.2 and prefers 1.3 |
//! | [`forward_secrecy`](crate::policy::Policy::forward_secrecy) | required | RFC 9325 section 4.1; everything rustls speaks has it |
//! | [`keys`](crate::policy::Policy::keys) | RSA 2048, curves and hashes 256 bits | RFC 9325 section 4.5, RFC 9155; can be raised, and never lowered |
//! | [`resumption`](crate::policy::Policy::resumption) | off | a certificate that was replaced would go unseen; it saves a signature and a certificate each way, which few XMPP connections notice |
//! | [`resumption_lifetime`](crate::policy::Policy::resumption_lifetime) | a day, a week at most | RFC 8446 section 4.6.1; a full handshake shows a certificate that was replaced, and proves its key |
//! | [`whitespace_behind_starttls`](crate::policy::Policy::whitespace_behind_starttls) | refused | RFC 6120 section 5.3.3; go-xmpp and sslscan send a line break there, which can do no harm |
//!
//! # Timeouts
//!
//! 3 minutes for all endpoints of a domain together: time for one that stalls in every step, and for another behind it.
//! 30 seconds for each of connecting, STARTTLS, handshake and header (with the features behind it): ten times what the slowest links
//! need, and short enough that stalled peers do not pile up. 5 seconds for closing: what is lost when it
//! passes is only the peer's goodbye. 60 seconds for a client to log in, as a person may be typing, and for the network to take
//! anything of what is written on an open stream. Separate budgets, because one for all lets a peer spend it in one step.
//!
//! # Between servers
//!
//! | what | setting | why |
//! |---|---|---|
//! | SASL EXTERNAL | offered where the certificate is good for the header's `from`; used towards servers that proved themselves | XEP-0178 section 3, RFC 6120 section 13.9.5 |
//! | dialback | where EXTERNAL is not offered or fails, inside TLS | XEP-0178 section 3 step 11, XEP-0344 |
//! | one stream in both directions | off | XEP-0288 is experimental; it lets a peer answer that we know by its address alone |
//! | streams that are not used | closed after 10 minutes, after 1 where they were opened to ask | they hold a socket at both ends |
//! | stanzas that wait for one stream | 1024 | more come back at once |
//!
//! # TLS
//!
//! | what | setting | why |
//! |---|---|---|
//! | suites | those of the provider | all are AEAD with ephemeral key exchange (RFC 9325 section 4.2) |
//! | RFC 6120's `TLS_RSA_WITH_AES_128_CBC_SHA` | not spoken | RFC 7590 made RFC 9325 binding, which rules it out (section 4.1) |
//! | resumption, tickets | off, and never beyond a day from the full handshake; [`Resumption::Allowed`](crate::policy::Resumption::Allowed) | a resumed session shows the certificate of an earlier one |
//! | logging of keys (`SSLKEYLOGFILE`) | off; no environment variable, only [`danger::KeysRevealed`](crate::danger::KeysRevealed) | whoever has the log reads everything |
//! | early data | off | RFC 9325 section 3.10, XEP-0509 section 6: no XMPP specification allows it here |
//! | SNI | the domain, by STARTTLS too | RFC 9325 section 3.7, XEP-0368 section 3 |
//! | ALPN | direct TLS offers its identifier, STARTTLS none; servers accept their own and none | XEP-0368 section 3, RFC 7301 section 3.2 |
//! | compression, renegotiation | none | rustls has neither; on TLS 1.2 it does not insist that a server acknowledges `renegotiation_info` ([TLSP-31](super::conformance#where-it-differs)) |
//! | certificates of those who connect | asked of servers, not of clients | XEP-0178 section 3; clients log in with SASL |
//! | a server's certificate without clientAuth | good enough, serverAuth is what counts | public CAs issue no others since 2026; [`PeerServerUsage`](crate::identity::PeerServerUsage) knows stricter ways |
//!
//! # Suites and groups
//!
//! What rustls negotiates under each preset, in the order in which a client offers it; a server takes the first of
//! the client's that it has. Every suite is forward secret and authenticated (RFC 9325 section 4.2, RFC 8446 appendix B.4).
//!
//! | suite | name | [`modern`](crate::policy::Policy::modern) | [default](crate::policy::Policy::default) |
//! |---|---|---|---|
//! | 0x1302 | `TLS_AES_256_GCM_SHA384` | yes | yes |
//! | 0x1301 | `TLS_AES_128_GCM_SHA256` | yes | yes |
//! | 0x1303 | `TLS_CHACHA20_POLY1305_SHA256` | yes | yes |
//! | 0xc02c | `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384` | no | yes |
//! | 0xc02b | `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256` | no | yes |
//! | 0xcca9 | `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256` | no | yes |
//! | 0xc030 | `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384` | no | yes |
//! | 0xc02f | `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` | no | yes |
//! | 0xcca8 | `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256` | no | yes |
//!
//! | group | name | `ring` | `aws-lc-rs` |
//! |---|---|---|---|
//! | 0x001d | `X25519` | yes | yes |
//! | 0x0017 | `secp256r1` | yes | yes |
//! | 0x0018 | `secp384r1` | yes | yes |
//! | 0x11ec | `X25519MLKEM768` | no | yes |
//!
//! [`statement_2014`](crate::policy::Policy::statement_2014) names versions that rustls does not speak: it refuses the
//! policy. The engine of `xmpp-tls-legacy` leaves peers that know TLS 1.2 to rustls, and says which suites it has for
//! the others.
//!
//! # White space before `<proceed/>`
//!
//! RFC 6120 section 5.3.3 forbids it; it is dropped by default, because it comes before the switch and
//! cannot reach what follows.
//! [`Initiator::with_strict_whitespace`](crate::starttls::Initiator::with_strict_whitespace) refuses it.
//!
//! # Old headers
//!
//! A peer without `version` is older than XMPP 1.0 and sends no features; STARTTLS is tried all the same
//! (RFC 7590 section 3.1).
