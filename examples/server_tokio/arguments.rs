//! The command line.

use crate::Failure;
use std::path::Path;
use xmpp_tls::Domain;
use xmpp_tls::policy::Policy;
use xmpp_tls::session::Mode;

pub(crate) const HELP: &str = "\
usage: server_tokio --domain DOMAIN --cert FILE --key FILE [--user NAME:PASSWORD]...
                    [--listen ADDRESS:PORT]... [--direct-tls ADDRESS:PORT]... [--policy NAME]

  --cert FILE        PEM, the certificate for DOMAIN first, then its issuers
  --key FILE         PEM, the key of that certificate
  --listen           where clients begin with STARTTLS; 127.0.0.1:5222 if nothing is said
  --direct-tls       where clients begin with TLS
  --policy           default or modern, which is TLS 1.3 alone";

pub(crate) struct Arguments {
    pub(crate) domain: Domain,
    /// PEM.
    pub(crate) chain: Vec<u8>,
    /// PEM.
    pub(crate) key: Vec<u8>,
    pub(crate) listeners: Vec<(String, Mode)>,
    pub(crate) users: Vec<String>,
    pub(crate) policy: Policy,
}

impl Arguments {
    /// `None`: only help is asked for.
    pub(crate) fn parse() -> Result<Option<Self>, Failure> {
        use lexopt::prelude::*;
        let mut parser = lexopt::Parser::from_env();
        let (mut domain, mut chain, mut key) = (None, None, None);
        let (mut listeners, mut users) = (Vec::new(), Vec::new());
        let mut policy = Policy::default();
        while let Some(argument) = parser.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("domain") => domain = Some(parser.value()?.string()?.parse()?),
                Long("cert") => chain = Some(read(parser.value()?.as_ref())?),
                Long("key") => key = Some(read(parser.value()?.as_ref())?),
                Long("listen") => listeners.push((parser.value()?.string()?, Mode::StartTls)),
                Long("direct-tls") => listeners.push((parser.value()?.string()?, Mode::DirectTls)),
                Long("user") => users.push(parser.value()?.string()?),
                Long("policy") => {
                    policy = match parser.value()?.string()?.as_str() {
                        "default" => Policy::default(),
                        "modern" => Policy::modern(),
                        other => return Err(format!("{other}: there are the policies default and modern").into()),
                    }
                }
                other => return Err(other.unexpected().into()),
            }
        }
        if listeners.is_empty() {
            listeners.push(("127.0.0.1:5222".to_owned(), Mode::StartTls));
        }
        match (domain, chain, key) {
            (Some(domain), Some(chain), Some(key)) => Ok(Some(Arguments {
                domain,
                chain,
                key,
                listeners,
                users,
                policy,
            })),
            _ => Err(format!("--domain, --cert and --key are needed\n{HELP}").into()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
