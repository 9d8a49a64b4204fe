//! Who is there, and the streams between them.

use std::collections::VecDeque;
use std::sync::LazyLock;
use xmpp_dialback::{Authoritative, DialbackStream, Message, VerifyRequest};
use xmpp_tls_core::Domain;

/// Our two domains.
pub(crate) static OURS: LazyLock<[Domain; 2]> = LazyLock::new(|| domains(["us.example", "rooms.us.example"]));

/// Two domains for each party: honest, honest, attacker.
pub(crate) static THEIRS: LazyLock<[[Domain; 2]; 3]> = LazyLock::new(|| {
    [
        domains(["h1.example", "rooms.h1.example"]),
        domains(["h2.example", "xh1.example"]),
        domains(["evil.example", "h1.example.evil.example"]),
    ]
});

fn domains(names: [&str; 2]) -> [Domain; 2] {
    names.map(|name| name.parse().unwrap())
}

/// An index into [`THEIRS`].
pub(crate) const ATTACKER: usize = 2;

pub(crate) fn owner_of(domain: &Domain) -> Option<usize> {
    THEIRS.iter().position(|domains| domains.contains(domain))
}

/// A stream that somebody opened to us, or that we opened for both directions: claims come on it.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// Ours.
    pub(crate) stream: DialbackStream,
    /// Who is at the other end, whatever it says.
    pub(crate) owner: usize,
    pub(crate) id: String,
    /// The other end's side, if it is honest.
    pub(crate) theirs: Option<DialbackStream>,
    pub(crate) to_us: VecDeque<Message>,
}

/// A stream that we opened to verify something. Whoever owns the domain is at the other end: that is what
/// dialback rests on.
#[derive(Debug)]
pub(crate) struct Outbound {
    pub(crate) stream: DialbackStream,
    pub(crate) domain: Domain,
    pub(crate) owner: usize,
    /// On their way, or being worked on there: answered in any order.
    pub(crate) asked: Vec<VerifyRequest>,
    pub(crate) to_us: VecDeque<Message>,
}

/// An honest server's keys.
pub(crate) fn keys() -> [Authoritative; 2] {
    [11, 22].map(|octet| {
        let secret = xmpp_dialback::DialbackSecret::new(&[octet; 32]).unwrap();
        Authoritative::stateless(secret.into())
    })
}
