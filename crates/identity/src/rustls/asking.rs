use super::certificate_error;
use super::signature::proves_possession;
use crate::error::IdentityError;
use ::rustls::Error;
use ::rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use ::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;

/// Verifies servers by what a function says about their chain, leaf first: for programs that keep
/// verdicts themselves, for example because they have more than one TLS library.
///
/// That the server holds its key is proved here all the same. What the function returns as an error
/// fails the handshake with the alert that fits it.
///
/// It knows nothing about sessions that are resumed, for which the function is not asked: switch
/// resumption off, as here.
///
/// ```
/// # use std::sync::Arc;
/// # use rustls::crypto::CryptoProvider;
/// # use xmpp_identity::pki_types::{CertificateDer, UnixTime};
/// use xmpp_identity::rustls::AskingVerifier;
/// use xmpp_identity::{IdentityVerifier, Purpose, ReferenceIds};
///
/// # fn example(provider: Arc<CryptoProvider>, verifier: IdentityVerifier, references: ReferenceIds, now: UnixTime)
/// # -> Result<(), Box<dyn std::error::Error>> {
/// let asking = AskingVerifier::new(&provider, move |chain: &[CertificateDer<'_>]| {
///     let verdict = verifier.verify(chain, &references, Purpose::Server, now);
///     // ... keep it ...
///     verdict.check().map(drop)
/// });
/// let mut config = rustls::ClientConfig::builder_with_provider(provider)
///     .with_safe_default_protocol_versions()?
///     .dangerous() // rustls' word for any verifier that is not its own
///     .with_custom_certificate_verifier(Arc::new(asking))
///     .with_no_client_auth();
/// config.resumption = rustls::client::Resumption::disabled();
/// # Ok(()) }
/// ```
pub struct AskingVerifier<F> {
    algorithms: WebPkiSupportedAlgorithms,
    ask: F,
}

impl<F> AskingVerifier<F>
where
    F: Fn(&[CertificateDer<'_>]) -> Result<(), IdentityError> + Send + Sync,
{
    /// With this function; possession is checked with the algorithms of this provider.
    pub fn new(provider: &CryptoProvider, ask: F) -> Self {
        AskingVerifier {
            algorithms: provider.signature_verification_algorithms,
            ask,
        }
    }
}

impl<F> fmt::Debug for AskingVerifier<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskingVerifier").finish_non_exhaustive()
    }
}

impl<F> ServerCertVerifier for AskingVerifier<F>
where
    F: Fn(&[CertificateDer<'_>]) -> Result<(), IdentityError> + Send + Sync,
{
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(leaf).chain(intermediates).cloned().collect();
        match (self.ask)(&chain) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(error) => Err(certificate_error(error)),
        }
    }

    proves_possession!();
}
