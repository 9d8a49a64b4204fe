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
        self.known.get_or_init(|| self.compute(self.server(side, peer)))
    }

    /// The server's certificate is the peer's or ours, depending on the side.
    fn server<'a>(&'a self, side: Side, peer: Option<&'a CertificateDer<'a>>) -> Option<&'a CertificateDer<'a>> {
        match side {
            Side::Initiating => peer,
            Side::Receiving => self.ours.as_deref(),
        }
    }

    /// Which there are, without computing the exporter.
    pub(super) fn names(&self, side: Side, peer: Option<&CertificateDer<'_>>) -> Vec<&'static str> {
        let end_point = self.server(side, peer).and_then(xmpp_identity::server_end_point);
        [
            (self.exporter.is_some(), "tls-exporter"),
            (self.unique.is_some(), "tls-unique"),
            (end_point.is_some(), "tls-server-end-point"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
        .collect()
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
