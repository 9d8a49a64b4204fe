//! What a login can be bound to.

use crate::channel_binding::ChannelBinding;
use crate::tls::{Exporter, TlsSession};
use pki_types::CertificateDer;
use std::sync::{Arc, OnceLock};
use xmpp_starttls::TlsVersion;
use xmpp_tls_core::Side;

/// What channel bindings are made of, and those that were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Bindings {
    exporter: Option<Exporter>,
    unique: Option<Vec<u8>>,
    /// The certificate that we showed.
    ours: Option<Arc<CertificateDer<'static>>>,
    known: OnceLock<Vec<ChannelBinding>>,
}

impl Bindings {
    pub(super) fn new(side: Side, session: &mut TlsSession) -> Self {
        let unique = session.unique.take();
        Bindings {
            exporter: session.exporter.take(),
            unique: unique.filter(|_| session.facts.version() < TlsVersion::TLS_1_3),
            ours: session.local_certificate.take().filter(|_| side == Side::Receiving),
            known: OnceLock::new(),
        }
    }

    /// `peer` is what the peer showed.
    pub(super) fn get(&self, side: Side, peer: Option<&CertificateDer<'_>>) -> &[ChannelBinding] {
        self.known.get_or_init(|| {
            // The server's certificate is the peer's or ours, depending on the side.
            let server = match side {
                Side::Initiating => peer,
                Side::Receiving => self.ours.as_deref(),
            };
            self.compute(server)
        })
    }

    fn compute(&self, server: Option<&CertificateDer<'_>>) -> Vec<ChannelBinding> {
        let exporter = self.exporter.as_ref().and_then(Exporter::compute);
        exporter
            .map(ChannelBinding::TlsExporter)
            .into_iter()
            .chain(self.unique.clone().map(ChannelBinding::TlsUnique))
            .chain(
                server
                    .and_then(xmpp_identity::server_end_point)
                    .map(ChannelBinding::TlsServerEndPoint),
            )
            .collect()
    }
}
