use super::signature::proves_possession;
use super::{Unproved, certificate_error, complete};
use crate::names::reference::ReferenceIds;
use crate::path::purpose::Purpose;
use crate::verdict::{ChainStatus, Verdict};
use crate::verifier::IdentityVerifier;
use ::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use ::rustls::server::NoServerSessionStorage;
use ::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use ::rustls::{CommonState, DistinguishedName, Error, ServerConfig};
use pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;

/// Verifies those who connect, for the server side of TLS: clients that log in with a certificate,
/// and other servers.
///
/// Who a peer is becomes known with its stream header, so the verdict is made then, as often as
/// another domain is claimed. It keeps nothing about connections: one serves them all.
///
/// ```
/// # use std::sync::Arc;
/// # use rustls::crypto::CryptoProvider;
/// # use xmpp_identity::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
/// use xmpp_identity::rustls::ClientVerifier;
/// use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds, StreamKind};
///
/// # fn example(provider: Arc<CryptoProvider>, verifier: IdentityVerifier, chain: Vec<CertificateDer<'static>>,
/// #     key: PrivateKeyDer<'static>, now: UnixTime) -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Arc::new(ClientVerifier::recording(verifier, Purpose::PeerServer, &provider));
/// let mut config = rustls::ServerConfig::builder_with_provider(provider)
///     .with_safe_default_protocol_versions()?
///     .with_client_cert_verifier(verifier.clone())
///     .with_single_cert(chain, key)?;
/// verifier.prepare(&mut config);
/// let connection = rustls::ServerConnection::new(Arc::new(config))?;
/// // ... handshake, stream header with from='example.org' ...
/// let from = ReferenceIds::new(&"example.org".parse()?, StreamKind::ServerToServer);
/// match verifier.verdict(&connection, &from, now)?.check() {
///     Ok(found) => println!("{found}"),  // EXTERNAL may be offered
///     Err(error) => println!("{error}"), // dialback, or the end
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ClientVerifier {
    verifier: IdentityVerifier,
    purpose: Purpose,
    algorithms: WebPkiSupportedAlgorithms,
    strict: Option<Strict>,
    resumption: bool,
    hints: Vec<DistinguishedName>,
}

#[derive(Debug)]
enum Strict {
    /// The chain must be trusted.
    Chain,
    /// And name this peer.
    Names(ReferenceIds),
}

impl ClientVerifier {
    /// Fails the handshake unless the peer shows a certificate whose chain is trusted; its name is
    /// checked with the [`verdict`](Self::verdict). `purpose` is [`Purpose::ClientToServer`] or
    /// [`Purpose::PeerServer`].
    pub fn strict(verifier: IdentityVerifier, purpose: Purpose, provider: &CryptoProvider) -> Self {
        Self::new(verifier, purpose, provider, Some(Strict::Chain))
    }

    /// Fails the handshake unless the certificate is good for this peer: where only one may connect.
    pub fn strict_for(
        verifier: IdentityVerifier,
        references: ReferenceIds,
        purpose: Purpose,
        provider: &CryptoProvider,
    ) -> Self {
        Self::new(verifier, purpose, provider, Some(Strict::Names(references)))
    }

    /// Lets the handshake complete without a certificate, and with any whose key the peer holds. What
    /// it is worth is for the [`verdict`](Self::verdict) to say.
    pub fn recording(verifier: IdentityVerifier, purpose: Purpose, provider: &CryptoProvider) -> Self {
        Self::new(verifier, purpose, provider, None)
    }

    fn new(verifier: IdentityVerifier, purpose: Purpose, provider: &CryptoProvider, strict: Option<Strict>) -> Self {
        ClientVerifier {
            verifier,
            purpose,
            algorithms: provider.signature_verification_algorithms,
            strict,
            resumption: false,
            hints: Vec::new(),
        }
    }

    /// Names these authorities to clients, so that they can choose among their certificates. None by
    /// default: a server has one certificate and shows it whatever is named.
    #[must_use]
    pub fn with_hints(mut self, authorities: Vec<DistinguishedName>) -> Self {
        self.hints = authorities;
        self
    }

    /// Gives verdicts about resumed sessions too. They are made anew, by this verifier's rules of now,
    /// from the certificate of the session that was resumed.
    #[must_use]
    pub fn with_resumption(mut self) -> Self {
        self.resumption = true;
        self
    }

    /// Switches resumption in the configuration off, unless this verifier allows it. Call it on every
    /// configuration: rustls has it on.
    pub fn prepare(&self, config: &mut ServerConfig) {
        if !self.resumption {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }

    /// The verdict on the peer of this connection, as the one that `references` are about.
    ///
    /// # Errors
    /// If nothing is proved: the handshake is not complete, or a session was resumed though that is off.
    pub fn verdict(
        &self,
        connection: &CommonState,
        references: &ReferenceIds,
        now: UnixTime,
    ) -> Result<Verdict, Unproved> {
        complete(connection, self.resumption)?;
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(self.verifier.verify(chain, references, self.purpose, now))
    }

    /// Whether the verifier's trust anchors vouch for the peer's chain, whoever it is.
    ///
    /// # Errors
    /// As for [`verdict`](Self::verdict).
    pub fn chain_status(&self, connection: &CommonState, now: UnixTime) -> Result<ChainStatus, Unproved> {
        complete(connection, self.resumption)?;
        let chain = connection.peer_certificates().unwrap_or_default();
        Ok(self.verifier.verify_chain(chain, self.purpose, now))
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        self.strict.is_some()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain = || -> Vec<CertificateDer<'_>> { std::iter::once(leaf).chain(intermediates).cloned().collect() };
        let rejection = match &self.strict {
            None => None,
            Some(Strict::Chain) => match self.verifier.verify_chain(&chain(), self.purpose, now) {
                ChainStatus::Trusted { .. } => None,
                status => Verdict::unnamed(status).check().err(),
            },
            Some(Strict::Names(references)) => {
                let verdict = self.verifier.verify(&chain(), references, self.purpose, now);
                verdict.check().err()
            }
        };
        match rejection {
            Some(error) => Err(certificate_error(error)),
            None => Ok(ClientCertVerified::assertion()),
        }
    }

    proves_possession!();
}
