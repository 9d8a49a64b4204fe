//! What every connection here has in common: versions, suites and everything that is off.

use openssl::bn::BigNum;
use openssl::dh::Dh;
use openssl::error::ErrorStack;
use openssl::pkey::Params;
use openssl::ssl::{SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslVersion};
use xmpp_tls::danger::OldVersion;
use xmpp_tls::policy::ForwardSecrecy;

/// With forward secrecy, the best first (RFC 9325 section 4.2.1).
const EPHEMERAL: &str = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:DHE+CHACHA20:DHE+AES";

/// Without, among them the mandatory suite of RFC 6120 section 13.8.
const STATIC: &str = "kRSA+AESGCM:kRSA+AES";

/// At security level 0 OpenSSL would take each of these if it were in a list by another name. CCM is no weakness, but
/// its short variant has 64 bits of authentication.
const NEVER: &str = "!aNULL:!eNULL:!EXPORT:!LOW:!RC4:!DES:!3DES:!MD5:!PSK:!SRP:!aDSS:!AESCCM";

/// All have forward secrecy here, where there are no pre-shared keys.
const TLS_1_3: &str = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";

/// TLS 1.2 signs with nothing older than SHA-256 (RFC 9155); below, the protocol has SHA-1 and MD5 only.
const SIGNATURES: &str = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:\
    RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// P-256 first: it is what old peers know, and assume where nothing is said.
const GROUPS: &str = "P-256:X25519:P-384";

/// The settings for one policy. What a system-wide `openssl.cnf` says is overridden: the policy decides.
pub(crate) fn builder(lowest: OldVersion, forward_secrecy: ForwardSecrecy) -> Result<SslContextBuilder, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls())?;
    // Level 1 has no signature algorithm left for TLS 1.1.
    context.set_security_level(0);
    context.clear_options(
        SslOptions::NO_SSL_MASK
            | SslOptions::ALLOW_UNSAFE_LEGACY_RENEGOTIATION
            // The countermeasure against BEAST is what this would switch off.
            | SslOptions::DONT_INSERT_EMPTY_FRAGMENTS
            | SslOptions::TLS_ROLLBACK_BUG
            | SslOptions::IGNORE_UNEXPECTED_EOF,
    );
    context.set_options(
        SslOptions::NO_COMPRESSION
            | SslOptions::NO_RENEGOTIATION
            | SslOptions::NO_TICKET
            | SslOptions::CIPHER_SERVER_PREFERENCE,
    );
    context.set_session_cache_mode(SslSessionCacheMode::OFF);
    context.set_num_tickets(0)?;
    context.set_min_proto_version(Some(version(lowest)))?;
    // On servers too, where OpenSSL sees old peers only: it then marks its hello as that of a server that knows more
    // (RFC 8446 section 4.1.3), and refuses a fallback (RFC 7507).
    context.set_max_proto_version(Some(SslVersion::TLS1_3))?;
    context.set_cipher_list(&suites(forward_secrecy))?;
    context.set_ciphersuites(TLS_1_3)?;
    context.set_sigalgs_list(SIGNATURES)?;
    context.set_groups_list(GROUPS)?;
    Ok(context)
}

pub(crate) fn version(old: OldVersion) -> SslVersion {
    match old {
        OldVersion::Ssl30 => SslVersion::SSL3,
        OldVersion::Tls10 => SslVersion::TLS1,
        // One that this crate does not know is taken for the strictest.
        OldVersion::Tls11 | _ => SslVersion::TLS1_1,
    }
}

/// The suites up to TLS 1.2.
fn suites(forward_secrecy: ForwardSecrecy) -> String {
    match forward_secrecy {
        ForwardSecrecy::Preferred => format!("{EPHEMERAL}:{STATIC}:{NEVER}"),
        // Anything this crate does not know is taken for the stricter.
        _ => format!("{EPHEMERAL}:{NEVER}"),
    }
}

/// The group of 2048 bits of RFC 3526 section 3.
pub(crate) fn diffie_hellman() -> Result<Dh<Params>, ErrorStack> {
    Dh::from_pqg(BigNum::get_rfc3526_prime_2048()?, None, BigNum::from_u32(2)?)
}
