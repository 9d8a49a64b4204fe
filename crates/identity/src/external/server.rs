use super::Failure;
use crate::error::IdentityError;
use crate::verdict::Verdict;
use xmpp_tls_core::Domain;

/// A server's certificate, at a server that considers EXTERNAL (XEP-0178 section 3).
///
/// By it the peer authenticates for one domain, whatever else its certificate names: other pairs of
/// domains on the same stream are asserted one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLogin<'a> {
    /// The `from` of the stream header inside TLS.
    pub from: Option<&'a Domain>,
}

/// Why another server may not log in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}{}", .reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
#[non_exhaustive]
pub struct ServerRefusal {
    /// The condition to answer with. Afterwards either the stream is closed or dialback may follow
    /// (XEP-0178 section 3, step 11).
    pub failure: Failure,
    /// What is wrong with the certificate, if that is it.
    pub reason: Option<Box<IdentityError>>,
}

impl ServerLogin<'_> {
    /// Whether EXTERNAL is worth offering: the certificate is good for the domain that the header
    /// names. `verdict` is about that domain.
    pub fn offers_external(&self, verdict: &Verdict) -> bool {
        self.from.is_some() && verdict.domain.as_ref() == self.from && verdict.is_authenticated()
    }

    /// The domain that an `<auth/>` with this authorization identity authenticates; `verify` gives the
    /// verdict on the peer's certificate for a domain.
    ///
    /// # Errors
    /// The condition to answer with, and why.
    pub fn decide(
        &self,
        authzid: Option<&str>,
        verify: impl FnOnce(&Domain) -> Verdict,
    ) -> Result<Domain, ServerRefusal> {
        let refusal = |failure| ServerRefusal { failure, reason: None };
        // The empty string means that none was given (RFC 6120 section 6.4.2).
        let authzid = authzid.filter(|authzid| !authzid.is_empty());
        let wanted: Option<Domain> = match authzid {
            // A domain alone: a user's JID is no authorization identity of a server (section 6.3.8).
            Some(text) => Some(text.parse().map_err(|_| refusal(Failure::InvalidAuthzid))?),
            None => None,
        };
        let domain = match (wanted, self.from) {
            (Some(wanted), Some(from)) if wanted != *from => return Err(refusal(Failure::InvalidAuthzid)),
            (Some(wanted), _) => wanted,
            (None, Some(from)) => from.clone(),
            (None, None) => return Err(refusal(Failure::InvalidAuthzid)),
        };
        let verdict = verify(&domain);
        match verdict.check() {
            Ok(_) if verdict.domain.as_ref() == Some(&domain) => Ok(domain),
            Ok(_) => Err(refusal(Failure::NotAuthorized)),
            Err(reason) => Err(ServerRefusal {
                failure: match (authzid, verdict.chain.is_trusted()) {
                    (Some(_), true) => Failure::InvalidAuthzid,
                    (Some(_), false) | (None, _) => Failure::NotAuthorized,
                },
                reason: Some(Box::new(reason)),
            }),
        }
    }

    /// Whether we may authenticate ourselves by EXTERNAL to a server: only to one that has proved who
    /// it is, as EXTERNAL proves our identity and not the peer's (RFC 6120 section 13.9.5).
    pub fn may_use_external(receiver: &Verdict) -> bool {
        receiver.is_authenticated()
    }
}
