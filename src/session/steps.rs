//! What a session does next, in each of its states.

use super::negotiation::Negotiated;
use super::stream::{Heard, OpenStream};
use super::{Event, Session, State, gate};
use crate::error::ErrorKind;
use crate::policy::PolicyViolation;
use crate::security::SecurityReport;
use crate::tls::{TlsError, TlsState};
use bytes::Bytes;
use std::sync::Arc;
use xmpp_starttls::{ClearOffer, PlaintextStream};
use xmpp_stream::Features;
use xmpp_tls_core::{Output, Side, deadline, ns};

impl Session {
    pub(super) fn take_outgoing(&mut self) -> Option<Bytes> {
        // What ends a handshake leaves together with our header: two small segments would make the
        // peer wait for a delayed acknowledgement.
        let more_follows = match &self.state {
            State::Handshaking(handshake) => handshake.tls.state() != TlsState::Handshaking,
            State::Streaming(stream) => stream.begins(),
            State::Negotiating(_) | State::Starting | State::Finishing | State::Finished => false,
        };
        let hold = more_follows && self.failure.is_none();
        // The whole buffer: what is left of one would stay for as long as the stream is idle.
        (!hold && !self.outgoing.is_empty()).then(|| std::mem::take(&mut self.outgoing).freeze())
    }

    /// One step; `None`: the state changed, look again.
    pub(super) fn step(&mut self) -> Result<Option<Output<Event>>, ErrorKind> {
        match &mut self.state {
            State::Negotiating(negotiation) => match negotiation.poll_output()? {
                Output::Transmit(bytes) => Ok(Some(Output::Transmit(bytes))),
                Output::WantsInput(deadline) => Ok(Some(Output::WantsInput(deadline))),
                Output::Event(Some(Negotiated::Opened(opened))) => {
                    let served = self.role.choose_domain(&opened.header);
                    negotiation.decide(served)?;
                    Ok(None)
                }
                Output::Event(Some(Negotiated::Upgrade(token))) => self.start_tls(Some(token)).map(|()| None),
                Output::Event(Some(Negotiated::Plaintext(stream))) => self.go_on_in_clear(*stream).map(Some),
                Output::Event(None) => Ok(None),
            },
            State::Handshaking(handshake) => {
                if handshake.tls.state() != TlsState::Handshaking {
                    return self.finish_handshake();
                }
                if let Some(kind) = handshake.broken.take() {
                    return Err(kind);
                }
                if self.ended {
                    return Err(ErrorKind::Tls(TlsError::HandshakeCutOff {
                        direct: handshake.token.is_none(),
                    }));
                }
                if self.now >= handshake.deadline {
                    return Err(ErrorKind::TimedOut);
                }
                Ok(Some(Output::WantsInput(Some(handshake.deadline))))
            }
            State::Streaming(stream) => match stream.step(self.now, self.ended, &mut self.outgoing)? {
                Heard::Again => Ok(None),
                Heard::Nothing(deadline) => Ok(Some(Output::WantsInput(deadline))),
                Heard::Header(header) => {
                    let response = self.role.answer_header(&header)?;
                    if let Some(unnamed) = self.unnamed.take() {
                        let secured = self.name_peer(unnamed)?;
                        self.events.push_back(secured);
                    }
                    if let Some(report) = &self.report {
                        match (self.role.stream_id(), &header.id) {
                            (Some(ours), _) => report.opened(ours),
                            (None, Some(theirs)) => report.opened(&**theirs),
                            (None, None) => {}
                        }
                    }
                    let State::Streaming(stream) = &mut self.state else {
                        return Ok(None);
                    };
                    match response {
                        Some(response) => {
                            let login = deadline(self.now, self.role.policy().timeouts.authentication);
                            stream.answer(&response, login, &mut self.outgoing)?;
                        }
                        None => stream.answered(&header),
                    }
                    // Our header goes out first: the peer waits for it, and the application may think.
                    self.events.push_back(Event::Opened(header));
                    Ok(None)
                }
                Heard::Element(element) if self.role.side() == Side::Receiving && element.is(ns::TLS, "starttls") => {
                    Err(ErrorKind::StarttlsNotOffered)
                }
                Heard::Element(element) if stream.must_not_hear(&element) => {
                    Err(ErrorKind::Policy(PolicyViolation::Unauthenticated))
                }
                Heard::Element(element) => Ok(Some(Output::Event(self.role.event(element)))),
                Heard::Closed(how) => {
                    self.state = State::Finished;
                    // Behind our own last words.
                    self.events.push_back(Event::Closed(how));
                    Ok(None)
                }
            },
            State::Starting | State::Finishing | State::Finished => Ok(Some(Output::WantsInput(None))),
        }
    }

    /// The peer has said who it is: the gate asks once more.
    fn name_peer(&mut self, unnamed: Arc<SecurityReport>) -> Result<Event, ErrorKind> {
        let now = self.clock.wall_at(self.now);
        let chain = unnamed.tls().map_or(&[][..], |tls| &tls.peer_chain);
        let verdict = self
            .role
            .initiating_domain()
            .and_then(|claimed| self.role.verdict_on(chain, self.role.policy().keys, claimed, now));
        let report = gate::name(&self.role, Arc::unwrap_or_clone(unnamed), verdict)?;
        if let State::Streaming(stream) = &mut self.state {
            stream.leave_to_dialback(report.awaits_dialback());
        }
        self.report = Some(report.clone());
        Ok(Event::Secured(report))
    }

    fn go_on_in_clear(&mut self, stream: PlaintextStream) -> Result<Output<Event>, ErrorKind> {
        self.role.believe(&stream.header)?;
        let offer = Features::from_element(&stream.first).as_ref().map(ClearOffer::of);
        let mut report = SecurityReport::of_plaintext(&self.role, offer);
        report.left_to_dialback(self.role.policy().evaluate(&report).awaits_dialback());
        let report = Arc::new(report);
        self.report = Some(report.clone());
        self.events
            .extend([Event::Opened(stream.header), self.role.event(stream.first)]);
        let timeouts = &self.role.policy().timeouts;
        let login = deadline(self.now, timeouts.authentication);
        let login = (self.role.side() == Side::Receiving).then_some(login);
        let stream = OpenStream::in_clear(
            self.role.side(),
            stream.decoder,
            stream.encoder,
            timeouts,
            login,
            report.awaits_dialback(),
        );
        self.state = State::Streaming(Box::new(stream));
        Ok(Output::Event(Event::Plaintext(report)))
    }
}
