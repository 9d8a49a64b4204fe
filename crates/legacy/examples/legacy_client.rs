//! A client that accepts an old server, and says what protects the stream.
//!
//! `legacy_client DOMAIN HOST PORT CA.pem LOWEST [direct-tls] [prefer-fs]`, with LOWEST one of ssl3.0, tls1.0, tls1.1

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use xmpp_tls::danger::{OldVersion, OldVersionsAccepted};
use xmpp_tls::identity::IdentityVerifier;
use xmpp_tls::io::{Endpoint, blocking};
use xmpp_tls::policy::{ForwardSecrecy, MinimumVersion, Policy};
use xmpp_tls::roots;
use xmpp_tls::session::{ClientConfig, Event, Target};
use xmpp_tls::tls::rustls::{RustlsConnector, ring, signature_algorithms};
use xmpp_tls_legacy::LegacyConnector;

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
    let [domain, host, port, ca, lowest, options @ ..] = arguments else {
        return Err("usage: legacy_client DOMAIN HOST PORT CA.pem LOWEST [direct-tls] [prefer-fs]".into());
    };
    let lowest = match lowest.as_str() {
        "ssl3.0" => OldVersion::Ssl30,
        "tls1.0" => OldVersion::Tls10,
        "tls1.1" => OldVersion::Tls11,
        other => return Err(format!("{other} is none of ssl3.0, tls1.0, tls1.1").into()),
    };
    let mut target = Target::new(domain.parse()?);
    let mut policy = Policy::default();
    policy.minimum_version = MinimumVersion::Old(OldVersionsAccepted::known_attacks_apply_down_to(lowest));
    for option in options {
        match option.as_str() {
            "direct-tls" => target = target.direct_tls(),
            "prefer-fs" => policy.forward_secrecy = ForwardSecrecy::Preferred,
            other => return Err(format!("{other} is no option").into()),
        }
    }
    for warning in policy.warnings() {
        println!("policy: {warning}");
    }

    let provider = Arc::new(ring::default_provider());
    let anchors = roots::from_pem(&std::fs::read(ca)?)?;
    let verifier = IdentityVerifier::new(anchors, signature_algorithms(&provider));
    let connector = LegacyConnector::new(RustlsConnector::new(provider));
    let config = Arc::new(ClientConfig::new(connector, verifier).with_policy(policy));
    let mut stream = blocking::connect_to(&Endpoint::new(host, port.parse()?), config, target)?;
    println!("{}", stream.report());

    while let Some(event) = stream.next_event()? {
        if let Event::Features(features) = event {
            println!("log in with one of {:?}", features.mechanisms().collect::<Vec<_>>());
            break;
        }
    }
    println!("closed: {:?}", stream.close()?);
    Ok(())
}
