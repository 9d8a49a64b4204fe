use super::signature::proves_possession;
use super::{Unproved, certificate_error, complete};
use crate::error::IdentityError;
use crate::names::reference::ReferenceIds;
use crate::path::purpose::Purpose;
use crate::verdict::Verdict;
use crate::verifier::IdentityVerifier;
use ::rustls::client::Resumption;
use ::rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use ::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use ::rustls::{ClientConfig, CommonState, Error};
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Verdicts remembered at a time; a server shows one chain, and few while it changes them.
const REMEMBERED: usize = 8;

/// Verifies servers, for the client side of TLS: clients, and servers that dial others.
///
/// One is made for one domain, and may be used for any number of connections to it. A session can be
/// resumed only by a connection with the same verifier (rustls compares them), so it is bound to the
/// domain, policy and pins that this one was made with. Even so it is off unless asked for: whoever
/// resumes does not notice that the certificate has changed.
#[derive(Debug)]
pub struct ServerVerifier {
    verifier: IdentityVerifier,
    references: ReferenceIds,
    algorithms: WebPkiSupportedAlgorithms,
    strict: bool,
    sessions: usize,
    seen: Mutex<VecDeque<Seen>>,
}

#[derive(Debug)]
struct Seen {
    chain: Vec<CertificateDer<'static>>,
    verdict: Verdict,
}

impl ServerVerifier {
    /// Fails the handshake if the certificate is not good for the domain.
    pub fn strict(verifier: IdentityVerifier, references: ReferenceIds, provider: &CryptoProvider) -> Self {
        Self::new(verifier, references, provider, true)
    }

    /// Lets the handshake complete with any certificate whose key the server holds. Ask for the
    /// [`verdict`](Self::verdict) before anything is sent that matters.
    pub fn recording(verifier: IdentityVerifier, references: ReferenceIds, provider: &CryptoProvider) -> Self {
        Self::new(verifier, references, provider, false)
    }

    fn new(verifier: IdentityVerifier, references: ReferenceIds, provider: &CryptoProvider, strict: bool) -> Self {
        ServerVerifier {
            verifier,
            references,
            algorithms: provider.signature_verification_algorithms,
            strict,
            sessions: 0,
            seen: Mutex::default(),
        }
    }

    /// Lets this many sessions be remembered and resumed. The verdict about a resumed session is that
    /// of the handshake in which the certificate was shown.
    #[must_use]
    pub fn with_resumption(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Switches resumption in the configuration on or off, as this verifier has it. Call it on every
    /// configuration: rustls has it on.
    pub fn prepare(&self, config: &mut ClientConfig) {
        config.resumption = match self.sessions {
            0 => Resumption::disabled(),
            sessions => Resumption::in_memory_sessions(sessions),
        };
    }

    /// The verdict on the server of this connection.
    ///
    /// # Errors
    /// If nothing is proved: the handshake is not complete, a session was resumed though that is off,
    /// or the connection was made with another verifier.
    pub fn verdict(&self, connection: &CommonState) -> Result<Verdict, Unproved> {
        complete(connection, self.sessions > 0)?;
        let chain = connection.peer_certificates().ok_or(Unproved::NotSeen)?;
        let seen = self.seen();
        let found = seen.iter().find(|seen| seen.chain == chain).ok_or(Unproved::NotSeen)?;
        Ok(found.verdict.clone())
    }

    /// Why the strict flavour failed a handshake last, with all that the alert cannot say. With
    /// several connections at a time it may be about another one of them.
    pub fn rejection(&self) -> Option<IdentityError> {
        let seen = self.seen();
        seen.back()
            .filter(|_| self.strict)
            .and_then(|seen| seen.verdict.check().err())
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<Seen>> {
        // Nothing panics while it is held, and what is in it is whole in any case.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, chain: Vec<CertificateDer<'static>>, verdict: Verdict) {
        let mut seen = self.seen();
        seen.retain(|seen| seen.chain != chain);
        if seen.len() >= REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(Seen { chain, verdict });
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let domain = self.references.domain();
        if !server_name.to_str().eq_ignore_ascii_case(domain.to_ascii())
            && domain.ip().is_none_or(|ip| *server_name != ip.into())
        {
            let name = server_name.to_str();
            return Err(Error::General(format!(
                "this verifier is for {domain}, the connection for {name}"
            )));
        }
        let chain: Vec<CertificateDer<'static>> = std::iter::once(leaf)
            .chain(intermediates)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        let verdict = self.verifier.verify(&chain, &self.references, Purpose::Server, now);
        let rejection = verdict.check().err().filter(|_| self.strict);
        self.remember(chain, verdict);
        match rejection {
            Some(error) => Err(certificate_error(error)),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    proves_possession!();
}
