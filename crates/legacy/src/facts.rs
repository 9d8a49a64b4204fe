//! What a finished handshake established, in the words of `xmpp-tls`.

use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKeyRef};
use openssl::ssl::{SslRef, SslVersion};
use xmpp_tls::starttls::{CipherSuite, TlsFacts, TlsVersion};
use xmpp_tls::tls::TlsSession;

/// The key that one side made for this handshake alone.
#[derive(Debug, Clone)]
pub(crate) struct EphemeralKey {
    name: String,
    /// The size of a Diffie-Hellman group.
    pub(crate) dh_bits: Option<u32>,
}

impl EphemeralKey {
    pub(crate) fn of<T: HasPublic>(key: &PKeyRef<T>) -> Self {
        let dh_bits = (key.id() == Id::DH).then(|| key.bits());
        let name = match key.id() {
            Id::X25519 => "X25519".to_owned(),
            Id::X448 => "X448".to_owned(),
            Id::DH => format!("DHE with {} bits", key.bits()),
            Id::EC => match key.ec_key().ok().and_then(|key| key.group().curve_name()) {
                Some(Nid::X9_62_PRIME256V1) => "secp256r1".to_owned(),
                Some(other) => other.short_name().unwrap_or("ECDHE").to_owned(),
                None => "ECDHE".to_owned(),
            },
            other => format!("ephemeral key of kind {}", other.as_raw()),
        };
        EphemeralKey { name, dh_bits }
    }
}

/// `None`: the library does not tell enough, or names something that would not encrypt.
pub(crate) fn session(ssl: &SslRef, ephemeral: Option<&EphemeralKey>) -> Option<TlsSession> {
    let version = match ssl.version2()? {
        SslVersion::SSL3 => TlsVersion::SSL_3_0,
        SslVersion::TLS1 => TlsVersion::TLS_1_0,
        SslVersion::TLS1_1 => TlsVersion::TLS_1_1,
        SslVersion::TLS1_2 => TlsVersion::TLS_1_2,
        SslVersion::TLS1_3 => TlsVersion::TLS_1_3,
        _ => return None,
    };
    let suite = ssl.current_cipher()?;
    let facts = TlsFacts::new(version, CipherSuite(u16::from_be_bytes(suite.protocol_id()))).ok()?;
    let name = suite.standard_name().unwrap_or_else(|| suite.name());
    let mut session = TlsSession::new(facts, name);
    // Not by the name of the suite: those of TLS 1.3 say nothing. Without an ephemeral key only RSA is left, as no list
    // here has a pre-shared key.
    session.forward_secret = ephemeral.is_some();
    session.key_exchange = Some(ephemeral.map_or("RSA", |key| &key.name).to_owned());
    session.alpn = ssl.selected_alpn_protocol().map(<[u8]>::to_vec);
    session.resumed = ssl.session_reused();
    session.exporter = exporter(ssl, version).map(Into::into);
    session.unique = (version < TlsVersion::TLS_1_3).then(|| first_finished(ssl));
    Some(session)
}

/// `tls-exporter`, which before TLS 1.3 is defined only with an extended master secret (RFC 9266 section 4.2). The
/// context is empty and not absent (RFC 5705 section 4).
fn exporter(ssl: &SslRef, version: TlsVersion) -> Option<[u8; 32]> {
    if version < TlsVersion::TLS_1_3 && ssl.extms_support() != Some(true) {
        return None;
    }
    let mut material = [0; 32];
    ssl.export_keying_material(&mut material, "EXPORTER-Channel-Binding", Some(&[]))
        .ok()
        .map(|()| material)
}

/// `tls-unique` (RFC 5929 section 3.1): the client speaks first in a full handshake, and there is no other here.
fn first_finished(ssl: &SslRef) -> Vec<u8> {
    // SSL 3.0 has 36 octets there, the others 12.
    let mut finished = [0; 64];
    let length = match ssl.is_server() {
        true => ssl.peer_finished(&mut finished),
        false => ssl.finished(&mut finished),
    };
    finished.get(..length).unwrap_or_default().to_vec()
}
