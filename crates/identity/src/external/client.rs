use super::{Account, Failure};
use crate::names::presented::{PresentedId, PresentedIds};
use crate::path::purpose::Purpose;
use crate::verdict::ChainStatus;
use xmpp_tls_core::Domain;

/// A user whom the server's own records connect with a certificate that does not itself name one of
/// its users (RFC 6120 section 13.7.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mapping {
    /// Nobody.
    #[default]
    None,
    /// Found by what the certificate says otherwise, such as an e-mail address. Counts only if the
    /// chain is trusted, for else anybody could have written it.
    Described(Account),
    /// The very key or certificate is on record for this user. Counts whoever issued it.
    Known(Account),
}

/// A client's certificate, at a server that considers EXTERNAL.
#[derive(Debug, Clone)]
pub struct ClientLogin<'a> {
    /// The domain the stream was opened to, one of ours.
    pub domain: &'a Domain,
    /// What [`verify_chain`](crate::IdentityVerifier::verify_chain) said, for
    /// [`Purpose::ClientToServer`](crate::Purpose::ClientToServer).
    pub status: &'a ChainStatus,
    /// The names in the certificate.
    pub presented: &'a PresentedIds,
    /// Whom our records connect with it.
    pub mapping: Mapping,
}

impl ClientLogin<'_> {
    /// The users of the domain whom the certificate may act as: those it names by an XmppAddr, if its
    /// chain is trusted and may vouch for the domain; if there is none, the one our records have.
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts = self.named();
        if accounts.is_empty() {
            accounts.extend(self.mapped().cloned());
        }
        accounts
    }

    /// Whether EXTERNAL is worth offering: somebody could log in by it (RFC 6120 section 6.3.4).
    pub fn offers_external(&self) -> bool {
        !self.accounts().is_empty()
    }

    /// Who is logged in by an `<auth/>` with this authorization identity. `from` is the user whom the
    /// stream header claims to come from; it only chooses among those whom the certificate names.
    ///
    /// # Errors
    /// The condition to answer with; the stream is then closed (XEP-0178 section 2, step 11).
    pub fn decide(&self, authzid: Option<&str>, from: Option<&Account>) -> Result<Account, Failure> {
        let mut accounts = self.accounts();
        // The empty string means that none was given (RFC 6120 section 6.4.2).
        if let Some(authzid) = authzid.filter(|authzid| !authzid.is_empty()) {
            if accounts.is_empty() {
                return Err(Failure::NotAuthorized);
            }
            let wanted: Account = authzid.parse().map_err(|_| Failure::InvalidAuthzid)?;
            return if accounts.contains(&wanted) {
                Ok(wanted)
            } else {
                Err(Failure::InvalidAuthzid)
            };
        }
        match (accounts.len(), accounts.pop()) {
            (_, None) => Err(Failure::NotAuthorized),
            (1, Some(only)) => Ok(only),
            (_, Some(last)) => match from {
                Some(from) if *from == last || accounts.contains(from) => Ok(from.clone()),
                _ => Err(Failure::InvalidAuthzid),
            },
        }
    }

    fn named(&self) -> Vec<Account> {
        let ChainStatus::Trusted {
            constraints,
            purpose: Purpose::ClientToServer,
            ..
        } = self.status
        else {
            return Vec::new();
        };
        if !constraints.admit(self.domain.to_ascii()) {
            return Vec::new();
        }
        let mut accounts: Vec<Account> = Vec::new();
        for id in self.presented {
            if let PresentedId::XmppAddr(jid) = id
                && let Ok(account) = jid.parse::<Account>()
                && account.domain() == self.domain
                && !accounts.contains(&account)
            {
                accounts.push(account);
            }
        }
        accounts
    }

    fn mapped(&self) -> Option<&Account> {
        let account = match (&self.mapping, self.status) {
            (Mapping::Known(account), ChainStatus::Trusted { .. } | ChainStatus::Untrusted(_))
            | (
                Mapping::Described(account),
                ChainStatus::Trusted {
                    purpose: Purpose::ClientToServer,
                    ..
                },
            ) => account,
            (Mapping::None, _) | (Mapping::Known(_) | Mapping::Described(_), _) => return None,
        };
        (account.domain() == self.domain).then_some(account)
    }
}
