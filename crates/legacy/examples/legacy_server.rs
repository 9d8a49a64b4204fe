//! A server that accepts old clients beside new ones, offers a login, and says what protects each stream.
//!
//! `legacy_server DOMAIN ADDRESS CHAIN.pem KEY.pem LOWEST [direct-tls] [prefer-fs]`, with LOWEST one of ssl3.0, tls1.0,
//! tls1.1, default

use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use xmpp_tls::danger::{OldVersion, OldVersionsAccepted};
use xmpp_tls::io::blocking;
use xmpp_tls::pki_types::pem::PemObject;
use xmpp_tls::pki_types::{CertificateDer, PrivateKeyDer};
use xmpp_tls::policy::{ForwardSecrecy, MinimumVersion, Policy};
use xmpp_tls::session::{Mode, ServerConfig};
use xmpp_tls::stream::Features;
use xmpp_tls::tls::rustls::{RustlsAcceptor, ring};
use xmpp_tls_legacy::LegacyAcceptor;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [domain, address, chain, key, lowest, options @ ..] = arguments else {
        return Err("usage: legacy_server DOMAIN ADDRESS CHAIN.pem KEY.pem LOWEST [direct-tls] [prefer-fs]".into());
    };
    let lowest = match lowest.as_str() {
        "ssl3.0" => Some(OldVersion::Ssl30),
        "tls1.0" => Some(OldVersion::Tls10),
        "tls1.1" => Some(OldVersion::Tls11),
        "default" => None,
        other => return Err(format!("{other} is none of ssl3.0, tls1.0, tls1.1, default").into()),
    };
    let mut policy = Policy::default();
    if let Some(lowest) = lowest {
        policy.minimum_version = MinimumVersion::Old(OldVersionsAccepted::known_attacks_apply_down_to(lowest));
    }
    let mut mode = Mode::StartTls;
    for option in options {
        match option.as_str() {
            "direct-tls" => mode = Mode::DirectTls,
            "prefer-fs" => policy.forward_secrecy = ForwardSecrecy::Preferred,
            other => return Err(format!("{other} is no option").into()),
        }
    }

    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let inner = RustlsAcceptor::new(Arc::new(ring::default_provider())).with_certificate(
        domain.parse()?,
        chain.clone(),
        key.clone_key(),
    )?;
    let acceptor = LegacyAcceptor::new(inner).with_certificate(domain.parse()?, chain, key)?;
    let config = Arc::new(ServerConfig::new(acceptor).with_policy(policy));

    let listener = TcpListener::bind(address)?;
    println!("{domain} listens on {} ({mode:?})", listener.local_addr()?);
    for socket in listener.incoming() {
        let (socket, config) = (socket?, config.clone());
        thread::spawn(move || match serve(socket, config, mode) {
            Ok(()) => println!("closed"),
            Err(error) => println!("{error}"),
        });
    }
    Ok(())
}

fn serve(socket: TcpStream, config: Arc<ServerConfig>, mode: Mode) -> Result<(), Box<dyn Error>> {
    let mut stream = blocking::accept(socket, config, mode)?;
    println!("{}", stream.report());
    stream.send(Features::builder().mechanisms(["PLAIN"]).build()?.as_element())?;
    while stream.next_event()?.is_some() {}
    Ok(())
}
