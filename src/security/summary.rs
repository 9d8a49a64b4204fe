use std::fmt;

/// Encrypted, authenticated, or both.
///
/// ```
/// use xmpp_tls::security::Summary;
///
/// assert_eq!(Summary::EncryptedUnauthenticated.code(), "encrypted-unauthenticated");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Summary {
    /// Everybody on the path can read and change the stream.
    Plaintext,
    /// Encrypted to somebody: whoever is on the path can be the peer. Also what a server says of its clients, which log in
    /// inside the stream.
    EncryptedUnauthenticated,
    /// Encrypted, and the policy leaves the other server to dialback (XEP-0220), which trusts the DNS.
    EncryptedDialback,
    /// Encrypted, and a certificate proves who the peer is.
    EncryptedAuthenticated,
}

impl Summary {
    /// Of any three facts. Nobody is authenticated in clear.
    pub(super) fn of(encrypted: bool, authenticated: bool, awaits_dialback: bool) -> Self {
        match (encrypted, authenticated, awaits_dialback) {
            (false, _, _) => Summary::Plaintext,
            (true, true, _) => Summary::EncryptedAuthenticated,
            (true, false, true) => Summary::EncryptedDialback,
            (true, false, false) => Summary::EncryptedUnauthenticated,
        }
    }

    /// A name that does not change, for logs and monitoring.
    pub fn code(self) -> &'static str {
        match self {
            Summary::Plaintext => "plaintext",
            Summary::EncryptedUnauthenticated => "encrypted-unauthenticated",
            Summary::EncryptedDialback => "encrypted-dialback",
            Summary::EncryptedAuthenticated => "encrypted-authenticated",
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Summary::Plaintext => "neither encrypted nor authenticated",
            Summary::EncryptedUnauthenticated => "encrypted, not authenticated",
            Summary::EncryptedDialback => "encrypted, left to dialback",
            Summary::EncryptedAuthenticated => "encrypted and authenticated",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    /// RPT-07.
    #[test]
    fn rpt_07_the_summary_is_total_and_nothing_is_better_than_its_parts() {
        let both = [false, true];
        let facts = both.map(|encrypted| both.map(|proved| both.map(|dialback| (encrypted, proved, dialback))));
        for (encrypted, proved, dialback) in facts.into_iter().flatten().flatten() {
            let summary = Summary::of(encrypted, proved, dialback);
            assert_eq!(summary == Summary::Plaintext, !encrypted);
            assert_eq!(summary == Summary::EncryptedAuthenticated, encrypted && proved);
            assert_eq!(summary == Summary::EncryptedDialback, encrypted && !proved && dialback);
        }
    }
}
