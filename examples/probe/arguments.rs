//! The command line.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use xmpp_tls::io::Endpoint;
use xmpp_tls::io::hickory::hickory_resolver::proto::dnssec::TrustAnchors;
use xmpp_tls::pki_types::TrustAnchor;
use xmpp_tls::session::Target;
use xmpp_tls::{Domain, roots};

pub(crate) const HELP: &str = "\
usage: probe [DOMAIN [--direct-tls] [--s2s] [--connect HOST:PORT] [--dns ADDRESS:PORT]
             [--dnssec FILE] [--ca FILE] [--json] [--ledger FILE [--acknowledge]]
             [--watch SECONDS [--times N] | --all]]

  --direct-tls         TLS from the first octet, and never STARTTLS
  --s2s                the server-to-server port instead of the client one
  --connect HOST:PORT  connect there, not where the SRV records of DOMAIN say; the certificate must
                       still be for DOMAIN
  --dns ADDRESS:PORT   ask this name server instead of the system's
  --dnssec FILE        verify its answers with DNSSEC, from the DNSKEY records in FILE down
  --ca FILE            trust the PEM certificates in FILE instead of the system's
  --json               print the report as JSON
  --ledger FILE        remember certificates there, and say what changed since the last time
  --acknowledge        accept the certificate that is shown: it is not warned of any more, and the status
                       is 0
  --watch SECONDS      look again at this interval, a line each time, without end or N times
  --all                look at STARTTLS and direct TLS, for clients and for servers, of DOMAIN and of its
                       usual subdomains, and say what could be better

Without DOMAIN it shows the library at work, on loopback.

exit status:
  0  secure: encrypted, and authenticated by a certificate for DOMAIN
  2  wrong arguments
  3  encrypted, but not authenticated
  4  an XMPP server answered, but there is no encryption
  5  unreachable, or no XMPP server for DOMAIN
  6  secure, but the certificate is not what it was: somebody should look at it";

/// Who we say we are to other servers: a name that cannot exist (RFC 6761).
pub(crate) const PROBE_DOMAIN: &str = "probe.invalid";

pub(crate) enum Request {
    Demonstrate,
    Help,
    Probe(Box<Arguments>),
}

pub(crate) struct Arguments {
    pub(crate) target: Target,
    /// `None`: where the DNS says.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) dns: Option<SocketAddr>,
    pub(crate) dnssec: Option<TrustAnchors>,
    pub(crate) ca: Option<Vec<TrustAnchor<'static>>>,
    pub(crate) json: bool,
    pub(crate) ledger: Option<PathBuf>,
    pub(crate) acknowledge: bool,
    pub(crate) watch: Option<Watch>,
    pub(crate) all: bool,
}

/// Look again and again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watch {
    pub(crate) every: Duration,
    /// `None`: without end.
    pub(crate) times: Option<u64>,
}

impl Arguments {
    pub(crate) fn parse() -> Result<Request, Box<dyn std::error::Error>> {
        use lexopt::prelude::*;
        let mut parser = lexopt::Parser::from_env();
        let (mut domain, mut connect, mut dns, mut dnssec, mut ca) = (None, None, None, None, None);
        let (mut ledger, mut every, mut times) = (None, None, None);
        let (mut acknowledge, mut all) = (false, false);
        let (mut direct_tls, mut s2s, mut json, mut any) = (false, false, false, false);
        while let Some(argument) = parser.next()? {
            any = true;
            match argument {
                Short('h') | Long("help") => return Ok(Request::Help),
                Long("direct-tls") => direct_tls = true,
                Long("s2s") => s2s = true,
                Long("json") => json = true,
                Long("acknowledge") => acknowledge = true,
                Long("all") => all = true,
                Long("ledger") => ledger = Some(PathBuf::from(parser.value()?)),
                Long("watch") => every = Some(Duration::from_secs(number("--watch", &parser.value()?)?)),
                Long("times") => times = Some(number("--times", &parser.value()?)?),
                Long("connect") => connect = Some(endpoint(&parser.value()?.string()?)?),
                Long("dns") => dns = Some(name_server(&parser.value()?.string()?)?),
                Long("dnssec") => dnssec = Some(TrustAnchors::from_file(&PathBuf::from(parser.value()?))?),
                Long("ca") => ca = Some(PathBuf::from(parser.value()?)),
                Value(value) if domain.is_none() => domain = Some(value.string()?.parse::<Domain>()?),
                other => return Err(other.unexpected().into()),
            }
        }
        if dnssec.is_some() && dns.is_none() {
            return Err("--dnssec goes with --dns".into());
        }
        if acknowledge && ledger.is_none() {
            return Err("--acknowledge goes with --ledger".into());
        }
        if times.is_some() && every.is_none() {
            return Err("--times goes with --watch".into());
        }
        if json && every.is_some() {
            return Err("--watch prints lines, and no JSON".into());
        }
        if all && (every.is_some() || connect.is_some() || direct_tls || s2s) {
            let text = "--all is all: without --watch, --direct-tls and --s2s, and without --connect: --dns names \
                a name server that knows where the services are";
            return Err(text.into());
        }
        let Some(domain) = domain else {
            return match any {
                true => Err("which DOMAIN?".into()),
                false => Ok(Request::Demonstrate),
            };
        };
        let mut target = Target::new(domain);
        if direct_tls {
            target = target.direct_tls();
        }
        if s2s {
            target = target.from_server(PROBE_DOMAIN.parse()?);
        }
        let ca = match ca {
            Some(path) => Some(certificates(&path).map_err(|error| format!("{}: {error}", path.display()))?),
            None => None,
        };
        Ok(Request::Probe(Box::new(Arguments {
            target,
            endpoint: connect,
            dns,
            dnssec,
            ca,
            json,
            ledger,
            acknowledge,
            watch: every.map(|every| Watch { every, times }),
            all,
        })))
    }
}

fn certificates(path: &Path) -> Result<Vec<TrustAnchor<'static>>, Box<dyn std::error::Error>> {
    Ok(roots::from_pem(&std::fs::read(path)?)?)
}

fn number(option: &str, text: &OsStr) -> Result<u64, String> {
    let number = text
        .to_str()
        .and_then(|text| text.parse().ok())
        .filter(|number| *number > 0);
    number.ok_or_else(|| format!("{option} needs a number above 0, and not {text:?}"))
}

fn name_server(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not ADDRESS:PORT"))
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or_else(|| format!("{text:?} is not HOST:PORT"))?;
    let port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Endpoint::new(host, port))
}
