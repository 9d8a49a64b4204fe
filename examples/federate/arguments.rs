//! The command line.

use crate::{Failure, mode};
use std::net::SocketAddr;
use std::path::Path;
use xmpp_tls::Domain;
use xmpp_tls::danger::{PlaintextAccepted, PlaintextDialbackAccepted};
use xmpp_tls::policy::{EncryptionPolicy, Policy, ServerAuthentication};
use xmpp_tls::session::Mode;

const HELP: &str = "\
usage: federate [--domain DOMAIN --cert FILE --key FILE]... [--ca FILE] [--dns ADDRESS:PORT]
                [--listen ADDRESS:PORT]... [--direct-tls ADDRESS:PORT]... [--policy NAME] [--bidi]

  --domain           a domain to serve; --cert and --key are for the one named before. Without: a demonstration
  --cert, --key      PEM, the domain's certificate with its issuers behind it, and its key
  --ca               PEM, whom to trust for other servers; the system's trust anchors if nothing is said
  --dns              the name server to ask, in plain DNS; the system's if nothing is said
  --listen           where other servers begin with STARTTLS; 127.0.0.1:5269 if nothing is said
  --direct-tls       where they begin with TLS
  --policy           default (a certificate, or dialback over TLS), certificates (nothing else), dialback (over TLS,
                     whatever certificate), plaintext (dialback even without TLS: anybody on the path reads and writes)
  --bidi             one stream for both directions (XEP-0288)

Standard input takes: ping DOMAIN, message ADDRESS TEXT, links, quit.";

pub(crate) struct Arguments {
    /// With the certificate and its key, as PEM.
    pub(crate) domains: Vec<(Domain, Vec<u8>, Vec<u8>)>,
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) listeners: Vec<(SocketAddr, Mode)>,
    pub(crate) policy: Policy,
    pub(crate) bidi: bool,
}

impl Arguments {
    /// `None`: help was asked for, and given.
    pub(crate) fn parse() -> Result<Option<Self>, Failure> {
        use lexopt::prelude::*;
        let mut parser = lexopt::Parser::from_env();
        let mut arguments = Arguments {
            domains: Vec::new(),
            ca: None,
            dns: None,
            listeners: Vec::new(),
            policy: Policy::default(),
            bidi: false,
        };
        let mut any = false;
        while let Some(argument) = parser.next()? {
            any = true;
            let domains = &mut arguments.domains;
            match argument {
                Short('h') | Long("help") => {
                    println!("{HELP}");
                    return Ok(None);
                }
                Long("domain") => domains.push((parser.value()?.string()?.parse()?, Vec::new(), Vec::new())),
                Long("cert") => last(domains)?.1 = read(parser.value()?.as_ref())?,
                Long("key") => last(domains)?.2 = read(parser.value()?.as_ref())?,
                Long("ca") => arguments.ca = Some(read(parser.value()?.as_ref())?),
                Long("dns") => arguments.dns = Some(parser.value()?.parse()?),
                Long("listen") => arguments.listeners.push((parser.value()?.parse()?, mode(false))),
                Long("direct-tls") => arguments.listeners.push((parser.value()?.parse()?, mode(true))),
                Long("policy") => arguments.policy = policy(&parser.value()?.string()?)?,
                Long("bidi") => arguments.bidi = true,
                other => return Err(other.unexpected().into()),
            }
        }
        if any && arguments.domains.is_empty() {
            return Err("which domain? --domain, --cert and --key go together".into());
        }
        let lacking = |(_, chain, key): &&(Domain, Vec<u8>, Vec<u8>)| chain.is_empty() || key.is_empty();
        if let Some((domain, ..)) = arguments.domains.iter().find(lacking) {
            return Err(format!("--domain {domain} needs --cert and --key behind it").into());
        }
        if arguments.listeners.is_empty() {
            arguments.listeners.push((([127, 0, 0, 1], 5269).into(), mode(false)));
        }
        Ok(Some(arguments))
    }
}

fn policy(name: &str) -> Result<Policy, Failure> {
    let mut policy = Policy::default();
    policy.servers = match name {
        "default" => ServerAuthentication::CertificateOrDialback,
        "certificates" => ServerAuthentication::Certificate,
        "dialback" => ServerAuthentication::DialbackOverTls,
        "plaintext" => {
            policy.encryption =
                EncryptionPolicy::Opportunistic(PlaintextAccepted::anybody_may_read_and_change_the_stream());
            ServerAuthentication::PlaintextDialback(PlaintextDialbackAccepted::whoever_forges_dns_may_be_any_server())
        }
        other => return Err(format!("--policy {other}: default, certificates, dialback or plaintext").into()),
    };
    for warning in policy.warnings() {
        eprintln!("warning: {warning}");
    }
    Ok(policy)
}

fn last<T>(domains: &mut [T]) -> Result<&mut T, Failure> {
    domains
        .last_mut()
        .ok_or_else(|| "--cert and --key come behind their --domain".into())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
