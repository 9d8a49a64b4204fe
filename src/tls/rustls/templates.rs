//! Configurations as far as they are the same for all connections: rustls makes caches with each new one, which are
//! as large as all the rest of a connection, and used by none of ours.

use crate::policy::MinimumVersion;
use crate::tls::TlsError;
use ::rustls::client::Resumption;
use ::rustls::crypto::CryptoProvider;
use ::rustls::server::WebPkiClientVerifier;
use ::rustls::server::danger::ClientCertVerifier;
use ::rustls::server::{NoServerSessionStorage, ResolvesServerCertUsingSni};
use ::rustls::time_provider::TimeProvider;
use ::rustls::version::{TLS12, TLS13};
use ::rustls::{ClientConfig, Error, ServerConfig, SupportedProtocolVersion};
use pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use xmpp_identity::rustls::{AskingVerifier, ClientVerifier};
use xmpp_identity::{IdentityError, IdentityVerifier, Purpose};
use xmpp_starttls::TlsVersion;

type Versions = &'static [&'static SupportedProtocolVersion];

static LATEST: [&SupportedProtocolVersion; 1] = [&TLS13];
static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];

/// One for each lowest version that rustls speaks.
#[derive(Debug)]
pub(super) struct Templates<C> {
    latest: Result<C, TlsError>,
    both: Result<C, TlsError>,
}

impl<C: Clone> Templates<C> {
    fn new(provider: &Arc<CryptoProvider>, make: fn(Arc<CryptoProvider>, Versions) -> Result<C, Error>) -> Arc<Self> {
        // rustls refuses a provider only where it has nothing for any of the versions.
        let make = |provider, versions, version| {
            make(provider, versions).map_err(|_| TlsError::UnsupportedByEngine {
                engine: "rustls with this crypto provider",
                version,
                remedy: "lower the minimum, or pass a provider that has suites and groups for it",
            })
        };
        // rustls would offer suites that the lowest version rules out.
        let mut suites = CryptoProvider::clone(provider);
        suites.cipher_suites.retain(|suite| suite.tls13().is_some());
        Arc::new(Templates {
            latest: make(Arc::new(suites), &LATEST, TlsVersion::TLS_1_3),
            both: make(provider.clone(), &BOTH, TlsVersion::TLS_1_2),
        })
    }

    /// To be completed for one connection.
    pub(super) fn of(&self, minimum: MinimumVersion) -> Result<C, TlsError> {
        self.find(minimum).cloned()
    }

    /// Whether there is one, so that what is said beforehand is what happens.
    pub(super) fn supports(&self, minimum: MinimumVersion) -> Result<(), TlsError> {
        self.find(minimum).map(|_| ())
    }

    fn find(&self, minimum: MinimumVersion) -> Result<&C, TlsError> {
        let template = match minimum {
            MinimumVersion::Tls13 => &self.latest,
            MinimumVersion::Tls12 => &self.both,
            MinimumVersion::Old(accepted) => {
                return Err(TlsError::UnsupportedByEngine {
                    engine: "rustls",
                    version: accepted.lowest().version(),
                    remedy: "raise the minimum to TLS 1.2, or use the engine of xmpp-tls-legacy",
                });
            }
        };
        template.as_ref().map_err(Clone::clone)
    }
}

/// Whoever forgets to put a verifier in has one that refuses everybody.
pub(super) fn clients(provider: &Arc<CryptoProvider>) -> Arc<Templates<ClientConfig>> {
    Templates::new(provider, |provider, versions| {
        let nobody = AskingVerifier::new(&provider, |_: &[CertificateDer<'_>]| Err(IdentityError::NotChecked));
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(NoClock))
            .with_protocol_versions(versions)?
            .dangerous() // rustls' word for a verifier of our own; this one refuses everybody
            .with_custom_certificate_verifier(Arc::new(nobody))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(config)
    })
}

/// Whoever forgets to put certificates in has none. Clients are not asked for theirs.
pub(super) fn servers(provider: &Arc<CryptoProvider>) -> Arc<Templates<ServerConfig>> {
    Templates::new(provider, |provider, versions| {
        server(provider, versions, WebPkiClientVerifier::no_client_auth())
    })
}

/// The same for servers that ask those who connect for a certificate.
pub(super) fn asking_servers(provider: &Arc<CryptoProvider>) -> Arc<Templates<ServerConfig>> {
    Templates::new(provider, |provider, versions| {
        // It records, and trusts nobody: the session asks its own verifier once the peer has said who it is.
        let nobody = IdentityVerifier::new([], provider.signature_verification_algorithms.all);
        let recording = ClientVerifier::recording(nobody, Purpose::PeerServer, &provider);
        server(provider, versions, Arc::new(recording))
    })
}

fn server(
    provider: Arc<CryptoProvider>,
    versions: Versions,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, Error> {
    let mut config = ServerConfig::builder_with_details(provider, Arc::new(NoClock))
        .with_protocol_versions(versions)?
        .with_client_cert_verifier(clients)
        .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// No time was given yet.
#[derive(Debug)]
struct NoClock;

impl TimeProvider for NoClock {
    fn current_time(&self) -> Option<UnixTime> {
        None
    }
}

/// The time the session was given: rustls would read the system clock otherwise.
#[derive(Debug)]
pub(super) struct FixedClock(pub(super) UnixTime);

impl TimeProvider for FixedClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0)
    }
}
