//! Which old versions the linked OpenSSL really has.

use crate::context;
use crate::engine::Wire;
use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslContextBuilder, SslMethod, SslStream};
use std::sync::OnceLock;
use xmpp_tls::danger::OldVersion;
use xmpp_tls::tls::TlsError;

/// What was found out so far; each question is asked once.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    ssl_3_0: OnceLock<bool>,
    tls_1_0: OnceLock<bool>,
    tls_1_1: OnceLock<bool>,
}

impl Probe {
    /// Whether `lowest` can be spoken. OpenSSL takes a version range without complaint although it was built without
    /// its lower end, and then leaves that out silently.
    pub(crate) fn supports(&self, lowest: OldVersion) -> Result<(), TlsError> {
        let known = match lowest {
            OldVersion::Ssl30 => Some(&self.ssl_3_0),
            OldVersion::Tls10 => Some(&self.tls_1_0),
            OldVersion::Tls11 => Some(&self.tls_1_1),
            _ => None,
        };
        match known.is_some_and(|known| *known.get_or_init(|| shakes_hands(lowest).unwrap_or(false))) {
            true => Ok(()),
            false => Err(TlsError::UnsupportedByEngine {
                engine: "the linked OpenSSL",
                version: lowest.version(),
                remedy: match lowest {
                    OldVersion::Ssl30 => {
                        "raise the minimum to TLS 1.0, or build xmpp-tls-legacy with its feature `sslv3`, which \
                         builds an OpenSSL that has it"
                    }
                    OldVersion::Tls10 | OldVersion::Tls11 | _ => {
                        "raise the minimum, or link an OpenSSL that was built without `no-tls1` and `no-tls1_1`"
                    }
                },
            }),
        }
    }
}

/// A handshake in memory at that version and no other. Nobody is authenticated, so it takes no certificate.
fn shakes_hands(version: OldVersion) -> Result<bool, ErrorStack> {
    let mut client = end(version)?;
    client.set_connect_state();
    let mut server = end(version)?;
    server.set_accept_state();
    let mut client = SslStream::new(client, Wire::default())?;
    let mut server = SslStream::new(server, Wire::default())?;
    // A full handshake has four flights; in the round behind the last both are done.
    for _ in 0..5 {
        let done = [step(&mut client), step(&mut server)];
        match done {
            [Some(true), Some(true)] => return Ok(true),
            [Some(_), Some(_)] => {}
            [None, _] | [_, None] => return Ok(false),
        }
        let (to_server, to_client) = (client.get_mut().take(), server.get_mut().take());
        server.get_mut().feed(&to_server);
        client.get_mut().feed(&to_client);
    }
    Ok(false)
}

fn end(version: OldVersion) -> Result<Ssl, ErrorStack> {
    let version = Some(context::version(version));
    let mut context = SslContextBuilder::new(SslMethod::tls())?;
    context.set_security_level(0);
    context.set_min_proto_version(version)?;
    context.set_max_proto_version(version)?;
    context.set_cipher_list("ADH+AES")?;
    context.set_tmp_dh(&*context::diffie_hellman()?)?;
    Ssl::new(&context.build())
}

/// Whether the handshake is done; `None`: it failed.
fn step(end: &mut SslStream<Wire>) -> Option<bool> {
    match end.do_handshake() {
        Ok(()) => Some(true),
        Err(error) if error.code() == ErrorCode::WANT_READ => Some(false),
        Err(_) => None,
    }
}
