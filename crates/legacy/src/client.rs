use crate::engine::{Engine, Role};
use crate::probe::Probe;
use crate::{context, error, verify};
use openssl::error::ErrorStack;
use openssl::ssl::Ssl;
use std::sync::Arc;
use xmpp_tls::danger::OldVersion;
use xmpp_tls::policy::MinimumVersion;
use xmpp_tls::tls::{ClientHandshake, TlsConnector, TlsEngine, TlsError};

/// Starts OpenSSL clients where the policy names a version below TLS 1.2
/// ([`MinimumVersion::Old`]), and leaves every other connection to the connector it wraps.
///
/// With such a policy OpenSSL offers everything from that version up to TLS 1.3 in one hello, and the server chooses: a
/// connection that failed is not repeated at a lower version (RFC 9325 section 3.1.3). Name the old version for the
/// domains that need it, not for all: modern servers are then spoken to by OpenSSL too, and an attacker who breaks the
/// old version needs a peer that accepts it.
#[derive(Debug, Clone)]
pub struct LegacyConnector {
    inner: Arc<dyn TlsConnector>,
    probe: Arc<Probe>,
}

impl LegacyConnector {
    /// Around the connector for everything but old versions, such as
    /// [`RustlsConnector`](xmpp_tls::tls::rustls::RustlsConnector).
    pub fn new(inner: impl TlsConnector + 'static) -> Self {
        LegacyConnector {
            inner: Arc::new(inner),
            probe: Arc::default(),
        }
    }
}

impl TlsConnector for LegacyConnector {
    fn supports(&self, minimum_version: MinimumVersion) -> Result<(), TlsError> {
        match minimum_version {
            MinimumVersion::Old(accepted) => self.probe.supports(accepted.lowest()),
            newer => self.inner.supports(newer),
        }
    }

    fn connect(&self, handshake: ClientHandshake) -> Result<Box<dyn TlsEngine>, TlsError> {
        let MinimumVersion::Old(accepted) = handshake.minimum_version else {
            return self.inner.connect(handshake);
        };
        let lowest = accepted.lowest();
        self.probe.supports(lowest)?;
        let (ssl, role) = client(handshake, lowest).map_err(|stack| error::of_setup(&stack))?;
        Ok(Box::new(Engine::start(ssl, role, lowest)?))
    }
}

fn client(handshake: ClientHandshake, lowest: OldVersion) -> Result<(Ssl, Role), ErrorStack> {
    let mut context = context::builder(lowest, handshake.forward_secrecy)?;
    let rejection = verify::ask(&mut context, handshake.check);
    if let Some(kind) = handshake.alpn {
        let mut offer = Vec::from([u8::try_from(kind.alpn().len()).unwrap_or(u8::MAX)]);
        offer.extend_from_slice(kind.alpn());
        context.set_alpn_protos(&offer)?;
    }
    let mut ssl = Ssl::new(&context.build())?;
    // There is no server name for an address (RFC 6066 section 3).
    if handshake.domain.ip().is_none() {
        ssl.set_hostname(handshake.domain.to_ascii())?;
    }
    ssl.set_connect_state();
    Ok((ssl, Role::Client { rejection }))
}
