use crate::certificate::text::is_invisible;
use std::fmt;
use std::str::FromStr;
use xmpp_tls_core::Domain;

/// The longest localpart in octets (RFC 7622 section 3.3).
const MAX_LOCAL: usize = 1023;

/// A user's bare JID: `juliet@example.org`.
///
/// The localpart is case-folded and otherwise compared as it is written: two spellings that only
/// Unicode normalisation makes equal count as different, so that in doubt nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    local: String,
    domain: Domain,
}

/// Not the bare JID of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the bare address of a user (RFC 7622 section 3.3)")]
pub struct AccountError;

impl Account {
    /// The part before `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part behind it.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let (local, domain) = text.split_once('@').ok_or(AccountError)?;
        // RFC 7622 forbids invisible characters too, and shown they could make one user look like another.
        let forbidden = |c: char| is_invisible(c) || c.is_whitespace() || "\"&'/:<>@".contains(c);
        if local.is_empty() || local.chars().any(forbidden) {
            return Err(AccountError);
        }
        // Folding a character beyond ASCII can make it one that it only resembles (U+212A KELVIN SIGN becomes k),
        // and with it one user another. PRECIS (RFC 8265) leaves none of them in an address as it is compared.
        if local.chars().any(|c| !c.is_ascii() && !c.to_lowercase().eq([c])) {
            return Err(AccountError);
        }
        let local = local.to_lowercase();
        if local.len() > MAX_LOCAL {
            return Err(AccountError);
        }
        // A resource, or a second `@`, is no part of a domain.
        let domain = domain.parse().map_err(|_| AccountError)?;
        Ok(Account { local, domain })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}
