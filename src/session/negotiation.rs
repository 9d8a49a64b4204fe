//! The clear part of a connection, by role.

use crate::policy::Policy;
use crate::session::client::Target;
use crate::session::config::{ClientConfig, ServerConfig};
use std::time::Instant;
use xmpp_starttls::{
    Error, Initiator, InitiatorEvent, Opened, PlaintextStream, Responder, ResponderEvent, UpgradeToken,
};
use xmpp_tls_core::{Domain, Engine, Output, StreamId, StreamKind, ns};

#[derive(Debug)]
pub(super) enum Negotiation {
    Initiator(Initiator),
    Responder(Responder),
}

/// What the session must know of the clear part. Headers and features of the initiating side are
/// not among it: nothing said in clear survives (RFC 6120 section 5.4.3.3).
#[derive(Debug)]
pub(super) enum Negotiated {
    /// The receiving side must accept or refuse.
    Opened(Opened),
    Upgrade(UpgradeToken),
    Plaintext(Box<PlaintextStream>),
}

impl Negotiation {
    pub(super) fn initiate(config: &ClientConfig, policy: &Policy, target: &Target, now: Instant) -> Self {
        let initiator = match &target.local_domain {
            Some(from) => Initiator::server(from.clone(), target.domain.clone(), now),
            None => Initiator::client(target.domain.clone(), now),
        };
        let initiator = match policy.may_use_dialback(target.kind()) {
            true => initiator.with_declaration("db", ns::DIALBACK),
            false => initiator,
        };
        let initiator = initiator
            .with_timeout(now, policy.timeouts.starttls)
            .with_limits(policy.limits_before_authentication.clone())
            .with_language(config.language.clone());
        Negotiation::Initiator(match policy.allows_plaintext(target.kind()) {
            false => initiator,
            true => initiator.dangerous_allow_plaintext(),
        })
    }

    pub(super) fn respond(
        config: &ServerConfig,
        policy: &Policy,
        kind: StreamKind,
        id: StreamId,
        now: Instant,
    ) -> Self {
        let responder = Responder::new(kind, id, now)
            .with_timeout(now, policy.timeouts.starttls)
            .with_limits(policy.limits_before_authentication.clone())
            .with_languages(config.languages.clone());
        let responder = match policy.whitespace_behind_starttls {
            true => responder.with_whitespace_behind_starttls(),
            false => responder,
        };
        let responder = match policy.may_use_dialback(kind) {
            true => responder.with_declaration("db", ns::DIALBACK),
            false => responder,
        };
        Negotiation::Responder(match policy.allows_plaintext(kind) {
            false => responder,
            true => responder.dangerous_offer_plaintext(config.plaintext_features.clone()),
        })
    }

    pub(super) fn poll_output(&mut self) -> Result<Output<Option<Negotiated>>, Error> {
        match self {
            Negotiation::Initiator(initiator) => map_event(initiator.poll_output()?, |event| match event {
                InitiatorEvent::Opened(_) | InitiatorEvent::Features(_) => Ok(None),
                InitiatorEvent::Upgrade(token) => Ok(Some(Negotiated::Upgrade(token))),
                InitiatorEvent::Plaintext(stream) => Ok(Some(Negotiated::Plaintext(stream))),
                _ => Err(UNKNOWN),
            }),
            Negotiation::Responder(responder) => map_event(responder.poll_output()?, |event| match event {
                ResponderEvent::Opened(opened) => Ok(Some(Negotiated::Opened(opened))),
                ResponderEvent::Upgrade(token) => Ok(Some(Negotiated::Upgrade(token))),
                ResponderEvent::Plaintext(stream) => Ok(Some(Negotiated::Plaintext(stream))),
                _ => Err(UNKNOWN),
            }),
        }
    }

    /// Answers [`Negotiated::Opened`].
    pub(super) fn decide(&mut self, served: Option<&Domain>) -> Result<(), Error> {
        match (self, served) {
            (Negotiation::Responder(responder), Some(domain)) => responder.accept(domain),
            (Negotiation::Responder(responder), None) => responder.refuse(xmpp_tls_core::StreamCondition::HOST_UNKNOWN),
            (Negotiation::Initiator(_), _) => Err(Error::ApiMisuse("only a responder decides")),
        }
    }

    pub(super) fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), Error> {
        match self {
            Negotiation::Initiator(initiator) => initiator.handle_input(now, data),
            Negotiation::Responder(responder) => responder.handle_input(now, data),
        }
    }

    pub(super) fn handle_eof(&mut self, now: Instant) -> Result<(), Error> {
        match self {
            Negotiation::Initiator(initiator) => initiator.handle_eof(now),
            Negotiation::Responder(responder) => responder.handle_eof(now),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        match self {
            Negotiation::Initiator(initiator) => initiator.handle_timeout(now),
            Negotiation::Responder(responder) => responder.handle_timeout(now),
        }
    }
}

/// Unknown is not safe.
const UNKNOWN: Error = Error::ApiMisuse("the negotiator reported an event that sessions do not know");

fn map_event<E>(
    output: Output<E>,
    event: impl FnOnce(E) -> Result<Option<Negotiated>, Error>,
) -> Result<Output<Option<Negotiated>>, Error> {
    Ok(match output {
        Output::Transmit(bytes) => Output::Transmit(bytes),
        Output::Event(happened) => Output::Event(event(happened)?),
        Output::WantsInput(deadline) => Output::WantsInput(deadline),
    })
}
