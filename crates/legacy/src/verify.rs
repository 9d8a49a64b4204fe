//! The session's question about a server's certificate, asked in the middle of OpenSSL's handshake.

use openssl::ssl::{SslContextBuilder, SslRef, SslVerifyMode};
use openssl::x509::{X509Ref, X509StoreContext, X509StoreContextRef, X509VerifyResult};
use std::sync::{Arc, OnceLock};
use xmpp_tls::identity::{ChainError, IdentityError};
use xmpp_tls::pki_types::CertificateDer;
use xmpp_tls::tls::PeerCheck;

/// What was wrong with the certificate that ended the handshake.
pub(crate) type Rejection = Arc<OnceLock<IdentityError>>;

/// Lets `check` judge what the server shows. OpenSSL builds a path as well, without anchors and by the system's clock:
/// what it finds does not count.
pub(crate) fn ask(context: &mut SslContextBuilder, check: PeerCheck) -> Rejection {
    let rejection = Rejection::default();
    let kept = rejection.clone();
    let accepted = OnceLock::new();
    // Called for each certificate and each finding: the first call decides, before anything of ours depends on it.
    context.set_verify_callback(SslVerifyMode::PEER, move |_, store| {
        *accepted.get_or_init(|| match check.verify(&presented(store)).check() {
            Err(error) if check.enforce() => {
                choose_alert(store, &error);
                // Set here alone, and once.
                let _ = kept.set(error);
                false
            }
            Ok(_) | Err(_) => true,
        })
    });
    rejection
}

/// What the server sent, leaf first, and not the path that OpenSSL made of it.
fn presented(store: &X509StoreContextRef) -> Vec<CertificateDer<'static>> {
    X509StoreContext::ssl_idx()
        .ok()
        .and_then(|index| store.ex_data(index))
        .map(sent)
        .unwrap_or_default()
}

/// What a server sent in a handshake, leaf first.
pub(crate) fn sent(ssl: &SslRef) -> Vec<CertificateDer<'static>> {
    let chain = ssl.peer_cert_chain().into_iter().flatten();
    // One that cannot be encoded again would leave a gap, and the verdict be about something else.
    chain
        .map(|certificate| der(certificate).ok())
        .collect::<Option<_>>()
        .unwrap_or_default()
}

pub(crate) fn der(certificate: &X509Ref) -> Result<CertificateDer<'static>, openssl::error::ErrorStack> {
    certificate.to_der().map(CertificateDer::from)
}

/// OpenSSL turns the error it is left with into the alert. Without an anchor its own is `unknown_ca`, which is right for
/// an unknown issuer and wrong for everything else, for which `certificate_unknown` stands (RFC 5246 section 7.2.2). It
/// sends that for errors without an alert of their own, and a comparison with itself is how to get one: the openssl
/// crate makes none from a number without `unsafe`.
fn choose_alert(store: &mut X509StoreContextRef, error: &IdentityError) {
    let unknown_issuer = matches!(
        error,
        IdentityError::Chain { error, .. } if matches!(**error, ChainError::UnknownIssuer { .. } | ChainError::SelfSigned { .. })
    );
    if unknown_issuer && store.error() != X509VerifyResult::OK {
        return;
    }
    let other = match store.chain().and_then(|chain| chain.get(0)) {
        Some(leaf) => leaf.issued(leaf),
        None => X509VerifyResult::OK,
    };
    store.set_error(match other {
        X509VerifyResult::OK => X509VerifyResult::APPLICATION_VERIFICATION,
        mismatch => mismatch,
    });
}
