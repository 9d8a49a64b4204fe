//! A resolver on [`hickory_resolver`], whose types are part of this interface.

pub use hickory_resolver;

use super::Resolver;
use crate::discovery::{Answer, DnsSecurity, LookupError, SrvRecord};
use async_trait::async_trait;
use futures::future::join;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
use hickory_resolver::proto::dnssec::{DnssecSummary, Proof, TrustAnchors};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use std::net::{IpAddr, SocketAddr};
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
use std::sync::Arc;

/// Asks the name servers of the system, or those of a resolver of yours.
///
/// ```no_run
/// # async fn example(config: std::sync::Arc<xmpp_tls::session::ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
/// use xmpp_tls::io::hickory::Hickory;
/// use xmpp_tls::{Domain, io};
///
/// let resolver = Hickory::system()?;
/// let stream = io::tokio::connect_by(&resolver, config, "example.org".parse::<Domain>()?).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Hickory(TokioResolver);

impl std::fmt::Debug for Hickory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hickory").finish_non_exhaustive()
    }
}

/// With options of yours: name servers, timeouts, trust anchors.
impl From<TokioResolver> for Hickory {
    fn from(resolver: TokioResolver) -> Self {
        Hickory(resolver)
    }
}

impl Hickory {
    /// The name servers of the system. Every answer is insecure.
    ///
    /// # Errors
    ///
    /// [`LookupError::NoAnswer`]: the system's configuration cannot be read.
    pub fn system() -> Result<Self, LookupError> {
        Self::build(TokioResolver::builder_tokio())
    }

    /// One name server, such as that of a container or a test. Every answer is insecure.
    ///
    /// # Errors
    ///
    /// [`LookupError::NoAnswer`]: the resolver cannot be set up.
    pub fn at(name_server: SocketAddr) -> Result<Self, LookupError> {
        Self::build(Ok(only(name_server)))
    }

    /// The name servers of the system, whose answers are verified here with DNSSEC, from the keys of the root
    /// down. They must pass DNSSEC records on.
    ///
    /// # Errors
    ///
    /// As for [`system`](Self::system).
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    pub fn system_validating() -> Result<Self, LookupError> {
        let anchors = Arc::new(TrustAnchors::default());
        Self::build(TokioResolver::builder_tokio().map(|builder| builder.with_trust_anchor(anchors)))
    }

    /// One name server, whose answers are verified here with DNSSEC, from these keys down.
    ///
    /// # Errors
    ///
    /// As for [`at`](Self::at).
    #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
    pub fn validating_at(name_server: SocketAddr, anchors: TrustAnchors) -> Result<Self, LookupError> {
        Self::build(Ok(only(name_server).with_trust_anchor(Arc::new(anchors))))
    }

    fn build(builder: Result<ResolverBuilder<TokioRuntimeProvider>, NetError>) -> Result<Self, LookupError> {
        let built = builder.and_then(ResolverBuilder::build);
        built.map(Hickory).map_err(|error| LookupError::NoAnswer {
            name: "anything".to_owned(),
            reason: format!("the resolver cannot be set up: {error}"),
        })
    }

    async fn look_up<T>(
        &self,
        name: &str,
        kind: RecordType,
        of: impl Fn(&RData) -> Option<T>,
    ) -> Result<Answer<T>, LookupError> {
        match self.0.lookup(name, kind).await {
            Ok(found) => answer(name, &found, of),
            Err(error) => Ok(Answer {
                records: Vec::new(),
                security: nothing(name, error)?,
            }),
        }
    }
}

#[async_trait]
impl Resolver for Hickory {
    async fn srv(&self, name: &str) -> Result<Answer<SrvRecord>, LookupError> {
        self.look_up(name, RecordType::SRV, |data| match data {
            RData::SRV(srv) => Some(SrvRecord {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target: srv.target.to_ascii(),
            }),
            _ => None,
        })
        .await
    }

    async fn addresses(&self, host: &str) -> Result<Answer<IpAddr>, LookupError> {
        let address = |data: &RData| data.ip_addr();
        let (new, old) = join(
            self.look_up(host, RecordType::AAAA, address),
            self.look_up(host, RecordType::A, address),
        )
        .await;
        match (new, old) {
            (Ok(mut new), Ok(old)) => {
                new.records.extend(old.records);
                if old.security == DnsSecurity::Insecure {
                    new.security = DnsSecurity::Insecure;
                }
                Ok(new)
            }
            (Err(bogus @ LookupError::Bogus { .. }), _) | (_, Err(bogus @ LookupError::Bogus { .. })) => Err(bogus),
            // One family is enough to connect.
            (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.records.is_empty() => Ok(Answer {
                security: DnsSecurity::Insecure,
                ..found
            }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

fn answer<T>(name: &str, found: &Lookup, of: impl Fn(&RData) -> Option<T>) -> Result<Answer<T>, LookupError> {
    let used = of_name(name, found.answers());
    Ok(Answer {
        records: used.iter().filter_map(|record| of(&record.data)).collect(),
        security: security(name, &used)?,
    })
}

/// How many aliases are followed, one after the other.
const ALIASES: usize = 8;

/// The records of the name asked for, and the aliases that lead to them. An answer may carry any others, even
/// validly signed ones of somebody else's.
fn of_name<'a>(name: &str, records: &'a [Record]) -> Vec<&'a Record> {
    let mut used = Vec::new();
    let mut owner = Name::from_ascii(name).ok();
    for _ in 0..=ALIASES {
        let Some(wanted) = owner.take() else { break };
        for record in records.iter().filter(|record| record.name == wanted) {
            if let RData::CNAME(alias) = &record.data {
                owner = Some(alias.0.clone());
            }
            used.push(record);
        }
    }
    used
}

/// What DNSSEC says about everything that led to the answer, aliases included.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
fn security(name: &str, used: &[&Record]) -> Result<DnsSecurity, LookupError> {
    match DnssecSummary::from_records(used.iter().copied()) {
        DnssecSummary::Secure => Ok(DnsSecurity::Secure),
        DnssecSummary::Insecure => Ok(DnsSecurity::Insecure),
        DnssecSummary::Bogus => Err(LookupError::Bogus { name: name.to_owned() }),
    }
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
fn security(_: &str, _: &[&Record]) -> Result<DnsSecurity, LookupError> {
    Ok(DnsSecurity::Insecure)
}

/// What an error says about the name: that it has no such records, and how sure that is, or nothing.
fn nothing(name: &str, error: NetError) -> Result<DnsSecurity, LookupError> {
    let bogus = || LookupError::Bogus { name: name.to_owned() };
    match error {
        NetError::Dns(DnsError::NoRecordsFound(_)) => Ok(DnsSecurity::Insecure),
        #[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
        NetError::Dns(DnsError::Nsec { proof, .. }) => match proof {
            Proof::Secure => Ok(DnsSecurity::Secure),
            Proof::Insecure => Ok(DnsSecurity::Insecure),
            Proof::Bogus | Proof::Indeterminate => Err(bogus()),
        },
        NetError::Dns(DnsError::DnssecBogus) => Err(bogus()),
        other => Err(LookupError::NoAnswer {
            name: name.to_owned(),
            reason: other.to_string(),
        }),
    }
}

fn only(name_server: SocketAddr) -> ResolverBuilder<TokioRuntimeProvider> {
    let mut server = NameServerConfig::udp_and_tcp(name_server.ip());
    for connection in &mut server.connections {
        connection.port = name_server.port();
    }
    let config = ResolverConfig::from_name_servers(vec![server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

#[cfg(all(test, feature = "ring"))]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::Query;
    use hickory_resolver::proto::rr::rdata::{A, CNAME};

    fn signed(owner: &str, data: RData) -> Record {
        let mut record = Record::from_rdata(Name::from_ascii(owner).unwrap(), 60, data);
        record.proof = Proof::Secure;
        record
    }

    fn address(last: u8) -> RData {
        RData::A(A::new(192, 0, 2, last))
    }

    fn addresses(records: Vec<Record>) -> Answer<IpAddr> {
        let query = Query::query(Name::from_ascii("a.example.").unwrap(), RecordType::A);
        answer("a.example.", &Lookup::new_with_max_ttl(query, records), RData::ip_addr).unwrap()
    }

    #[test]
    fn records_of_others_are_no_answer_however_well_they_are_signed() {
        let found = addresses(vec![
            signed("a.example.", address(1)),
            signed("evil.example.", address(66)),
        ]);
        assert_eq!(found.records, [IpAddr::from([192, 0, 2, 1])]);
        assert_eq!(found.security, DnsSecurity::Secure);
    }

    #[test]
    fn an_unsigned_alias_makes_the_answer_insecure() {
        let alias = |to: &str| RData::CNAME(CNAME(Name::from_ascii(to).unwrap()));
        let mut unsigned = signed("A.example.", alias("b.example."));
        unsigned.proof = Proof::Insecure;
        let found = addresses(vec![unsigned, signed("b.example.", address(2))]);
        assert_eq!(found.records, [IpAddr::from([192, 0, 2, 2])]);
        assert_eq!(found.security, DnsSecurity::Insecure);
        let round = addresses(vec![signed("a.example.", alias("a.example."))]);
        assert!(round.records.is_empty());
    }
}
