use crate::discovery::Candidate;
use crate::federation::{AuthenticatedPair, Pair, Refusal, Rejection, StreamNumber};
use crate::io::Error;
use crate::ledger::{Decision, Reaction};
use crate::security::{SecurityReport, Tried, View};
use crate::session::Closed;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use xmpp_stream::Element;
use xmpp_tls_core::Domain;

/// What happened among the streams of a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A stanza came, from a pair that is authenticated on its stream.
    #[non_exhaustive]
    Stanza {
        /// On which stream.
        link: StreamNumber,
        /// The stanza.
        stanza: Element,
    },
    /// A stanza was not sent, and will not be. What was written to a connection that then broke may have arrived or
    /// not, and is not told: only an acknowledgement of the peer's would say.
    #[non_exhaustive]
    Undelivered {
        /// The stanza.
        stanza: Element,
        /// Why; it knows what to tell the sender.
        why: Undeliverable,
    },
    /// TLS is up on a stream.
    Secured(Box<LinkInfo>),
    /// A peer takes stanzas of this pair from us: `by` is how *we* proved ourselves. Whether the peer did is in the
    /// stream's [`SecurityReport::is_authenticated`].
    #[non_exhaustive]
    Accepted {
        /// On which stream.
        link: StreamNumber,
        /// Which pair of ours.
        pair: AuthenticatedPair,
    },
    /// A peer proved itself, `by` this: stanzas of this pair are taken from it. Its certificate need not have been good
    /// for that, and the stream's report then says so.
    #[non_exhaustive]
    Authenticated {
        /// On which stream.
        link: StreamNumber,
        /// Which pair of the peer's.
        pair: AuthenticatedPair,
        /// What the ledger says about it, where [`Notice::Secured`] could not tell it yet: of further domains, and of
        /// those that dialback proves.
        decision: Option<Decision>,
    },
    /// A peer does not take stanzas of this pair.
    #[non_exhaustive]
    Refused {
        /// On which stream.
        link: StreamNumber,
        /// Which pair of ours.
        pair: Pair,
        /// Why.
        why: Refusal,
    },
    /// A peer did not prove itself.
    #[non_exhaustive]
    Rejected {
        /// On which stream.
        link: StreamNumber,
        /// Which pair of the peer's.
        pair: Pair,
        /// Why.
        why: Rejection,
    },
    /// A stream ended, or could not be opened.
    #[non_exhaustive]
    Ended {
        /// What was known of it; `None` if it was never open.
        link: Option<Box<LinkInfo>>,
        /// What it was for.
        purpose: LinkPurpose,
        /// To which domain it was opened by us.
        opened_to: Option<Domain>,
        /// How.
        outcome: Result<Closed, Error>,
    },
}

impl Notice {
    pub(super) fn ended(
        link: Option<LinkInfo>,
        purpose: LinkPurpose,
        opened_to: Option<Domain>,
        outcome: Result<Closed, Error>,
    ) -> Self {
        let link = link.map(Box::new);
        Notice::Ended {
            link,
            purpose,
            opened_to,
            outcome,
        }
    }
}

/// One line for a log. It has no word of what people say to each other.
impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Stanza { link, stanza } => write!(f, "{link}: <{}/>", stanza.name()),
            Notice::Undelivered { stanza, why } => write!(f, "<{}/> not sent: {why}", stanza.name()),
            Notice::Secured(link) => {
                write!(f, "{link}: {}", Protection(link.report.as_deref()))?;
                alarm(f, link.decision.as_ref())
            }
            Notice::Accepted { link, pair } => write!(f, "{link}: accepted {pair}"),
            Notice::Authenticated { link, pair, decision } => {
                write!(f, "{link}: authenticated {pair}")?;
                alarm(f, decision.as_ref())
            }
            Notice::Refused { link, pair, why } => write!(f, "{link}: refused {pair}: {why}"),
            Notice::Rejected { link, pair, why } => write!(f, "{link}: rejected {pair}: {why}"),
            Notice::Ended {
                link,
                purpose,
                opened_to,
                outcome,
            } => {
                match (link, opened_to) {
                    (Some(link), _) => write!(f, "{link}: ")?,
                    (None, Some(domain)) => write!(f, "{} {domain}: ", purpose.direction())?,
                    (None, None) => {}
                }
                match outcome {
                    Ok(how) => write!(f, "closed ({how:?})"),
                    Err(error) => write!(f, "ended: {error}"),
                }
            }
        }
    }
}

/// What somebody should look at.
fn alarm(f: &mut fmt::Formatter<'_>, decision: Option<&Decision>) -> fmt::Result {
    match decision.and_then(Decision::assessment) {
        Some(found) if found.reaction > Reaction::Inform => write!(f, "; {found}"),
        _ => Ok(()),
    }
}

struct Protection<'a>(Option<&'a SecurityReport>);

impl fmt::Display for Protection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(report) = self.0 else {
            return f.write_str("not known");
        };
        match report.tls() {
            Some(tls) => write!(f, "{}, {}", tls.version, tls.cipher_suite_name)?,
            None => f.write_str("NOT ENCRYPTED")?,
        }
        f.write_str(match report.is_authenticated() {
            true => ", certificate good",
            false => ", certificate not good",
        })
    }
}

/// What is known of one open stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LinkInfo {
    /// Its number.
    pub number: StreamNumber,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Where it leads, how TLS began there, and whether DNSSEC vouches for the record; `None` if the peer opened it.
    pub endpoint: Option<Candidate>,
    /// The peer's address.
    pub peer: Option<SocketAddr>,
    /// What protects it.
    pub report: Option<Arc<SecurityReport>>,
    /// What the ledger says to the certificate, compared with what was shown before, of the latest pair that it was
    /// asked about; `None` without a ledger, and for a peer that opened the stream until it has proved who it is.
    pub decision: Option<Decision>,
    /// Pairs of ours that the peer takes stanzas of.
    pub accepted: Vec<AuthenticatedPair>,
    /// Pairs of the peer's that we take stanzas of.
    pub authenticated: Vec<AuthenticatedPair>,
    /// What was tried to prove pairs of either side's, the 16 latest: also what did not work, and why.
    pub tried: Vec<Tried>,
}

impl LinkInfo {
    pub(super) fn new(number: StreamNumber, purpose: LinkPurpose, endpoint: Option<Candidate>) -> Self {
        LinkInfo {
            number,
            purpose,
            endpoint,
            peer: None,
            report: None,
            decision: None,
            accepted: Vec::new(),
            authenticated: Vec::new(),
            tried: Vec::new(),
        }
    }

    /// All of this that is about protection, to be shown; `None` until that is known.
    pub fn view(&self) -> Option<View<'_>> {
        let view = self.report.as_ref()?.view().with_tried(&self.tried);
        Some(match self.decision.as_ref().and_then(Decision::assessment) {
            Some(assessment) => view.with_change(assessment),
            None => view,
        })
    }
}

/// `stream 7 to example.org`; with `{:#}` also what protects it, whom it proved to be what, and where it leads.
impl fmt::Display for LinkInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remote = self.report.as_ref().and_then(|report| report.remote_domain());
        write!(f, "{} {} ", self.number, self.purpose.direction())?;
        match remote {
            Some(domain) => domain.fmt(f)?,
            None => f.write_str("an unknown server")?,
        }
        if let (LinkPurpose::Accepted, Some(peer)) = (self.purpose, self.peer) {
            write!(f, " at {peer}")?;
        }
        if !f.alternate() {
            return Ok(());
        }
        write!(f, "\n  {}", Protection(self.report.as_deref()))?;
        for pair in &self.authenticated {
            write!(f, "\n  from it: {pair}")?;
        }
        for pair in &self.accepted {
            write!(f, "\n  to it:   {pair}")?;
        }
        if let Some(at) = &self.endpoint {
            write!(f, "\n  at {} by {} DNS", at.endpoint, at.security)?;
        }
        match &self.decision {
            Some(decision) => write!(f, "\n  {decision}"),
            None => Ok(()),
        }
    }
}

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkPurpose {
    /// We opened it to send stanzas.
    Stanzas,
    /// We opened it to have claims verified.
    Verification,
    /// The peer opened it.
    Accepted,
}

impl LinkPurpose {
    fn direction(self) -> &'static str {
        match self {
            LinkPurpose::Stanzas => "to",
            LinkPurpose::Verification => "to ask",
            LinkPurpose::Accepted => "from",
        }
    }

    /// A name that does not change, for logs and monitoring.
    pub fn code(self) -> &'static str {
        match self {
            LinkPurpose::Stanzas => "stanzas",
            LinkPurpose::Verification => "verification",
            LinkPurpose::Accepted => "accepted",
        }
    }
}

/// Why a stanza was not sent.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Undeliverable {
    /// The peer does not take stanzas of its pair.
    #[error(transparent)]
    Refused(Refusal),
    /// There is no stream to the peer, or it broke.
    #[error(transparent)]
    Failed(Box<Error>),
    /// The stream was closed before it was its turn.
    #[error("the stream was closed")]
    Closed,
}

impl Undeliverable {
    /// The stanza error to answer the sender with (RFC 6120 sections 8.3.3.16 and 8.3.3.17).
    ///
    /// ```
    /// use xmpp_tls::io::tokio::Undeliverable;
    ///
    /// assert_eq!(Undeliverable::Closed.condition(), "remote-server-timeout");
    /// ```
    pub fn condition(&self) -> &'static str {
        match self {
            Undeliverable::Refused(Refusal::Dialback(refusal)) => refusal.bounce_with(),
            Undeliverable::Failed(error) if matches!(**error, Error::Discovery(_)) => "remote-server-not-found",
            Undeliverable::Refused(_) | Undeliverable::Failed(_) | Undeliverable::Closed => "remote-server-timeout",
        }
    }
}

/// A stanza that was not taken.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}")]
#[non_exhaustive]
pub struct SendError {
    /// The stanza.
    pub stanza: Box<Element>,
    /// Why not.
    pub why: Unsendable,
}

/// Why a stanza is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsendable {
    /// It is not from a domain of ours.
    #[error("the stanza is not from a domain that is served here")]
    NotOurs,
    /// Its addresses do not say between which domains it is.
    #[error("between servers a stanza needs both `from` and `to`, and an address in each (RFC 6120 section 8.1)")]
    Addresses(Box<xmpp_dialback::Error>),
    /// It is for a domain that is served here: nothing has to be sent.
    #[error("the stanza is for a domain that is served here: deliver it")]
    Local,
    /// Too many wait for the same stream.
    #[error("too many stanzas wait for that server")]
    Busy,
    /// The server is shutting down.
    #[error("no more stanzas are sent")]
    Closing,
}

impl Unsendable {
    pub(super) fn of(self, stanza: Element) -> SendError {
        SendError {
            stanza: Box::new(stanza),
            why: self,
        }
    }
}

/// As data: the report, and the pairs with the method of each.
#[cfg(feature = "serde")]
impl serde::Serialize for LinkInfo {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut link = serializer.serialize_struct("LinkInfo", 8)?;
        link.serialize_field("number", &self.number.0)?;
        link.serialize_field("purpose", self.purpose.code())?;
        let at = self.endpoint.as_ref();
        link.serialize_field("peer", &self.peer.map(|peer| peer.to_string()))?;
        link.serialize_field("endpoint", &at.map(|at| at.endpoint.to_string()))?;
        link.serialize_field("dns", &at.map(|at| at.security.to_string()))?;
        link.serialize_field("report", &self.report.as_deref())?;
        link.serialize_field("accepted", &pairs(&self.accepted))?;
        link.serialize_field("authenticated", &pairs(&self.authenticated))?;
        link.end()
    }
}

#[cfg(feature = "serde")]
fn pairs(pairs: &[AuthenticatedPair]) -> Vec<std::collections::BTreeMap<&'static str, String>> {
    let data = pairs.iter().map(|known| {
        let domains = [("from", &known.pair.originating), ("to", &known.pair.receiving)];
        let domains = domains.map(|(name, domain)| (name, domain.to_string()));
        domains.into_iter().chain([("by", known.by.to_string())]).collect()
    });
    data.collect()
}
