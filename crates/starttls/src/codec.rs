//! What both roles share: the clear part of a stream and the loop that drives a role over it.

use crate::error::{Error, PeerMisbehaved, Phase, Refusal};
use bytes::{Bytes, BytesMut};
use std::time::Instant;
use xmpp_stream::{Element, Limits, StreamDecoder, StreamEncoder, StreamError, StreamEvent, StreamHeader};
use xmpp_tls_core::{Output, Side, StreamKind, ns};

pub(crate) const STARTTLS: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub(crate) const PROCEED: &[u8] = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
/// All that is offered where TLS is required. The encoder declares the prefix.
pub(crate) const FEATURES: &[u8] =
    b"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
/// Holds all that one side says in clear, so that it is allocated once.
const OUTGOING_OCTETS: usize = 512;
const ENCRYPTION_REQUIRED: &[u8] =
    b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>";

/// One role of the negotiation.
pub(crate) trait Role {
    type Event;
    const SIDE: Side;

    fn clear(&mut self) -> &mut ClearStream;

    fn step(&mut self) -> Result<Step<Self::Event>, Error>;

    /// Our header, for telling the peer about an error that came before we sent it.
    fn apology(&self) -> StreamHeader;
}

pub(crate) enum Step<E> {
    Event(E),
    /// The state changed; look again.
    Again,
    /// Nothing can happen without input.
    Wait(Option<Instant>),
}

/// One output of `role`: first what must be written, then what happened.
pub(crate) fn poll<R: Role>(role: &mut R) -> Result<Output<R::Event>, Error> {
    loop {
        if let Some(bytes) = role.clear().take_outgoing() {
            return Ok(Output::Transmit(bytes));
        }
        role.clear().check()?;
        match role.step() {
            Ok(Step::Event(event)) => return Ok(Output::Event(event)),
            Ok(Step::Again) => {}
            Ok(Step::Wait(deadline)) => return Ok(Output::WantsInput(deadline)),
            Err(error) => {
                let apology = role.apology();
                role.clear().fail(error, &apology, R::SIDE);
            }
        }
    }
}

/// What the peer said, as far as negotiation cares.
#[derive(Debug)]
pub(crate) enum Heard {
    Header(StreamHeader),
    Element(Element),
    Whitespace,
}

#[derive(Debug)]
pub(crate) struct ClearStream {
    pub(crate) decoder: StreamDecoder,
    pub(crate) encoder: StreamEncoder,
    kind: StreamKind,
    outgoing: BytesMut,
    header_sent: bool,
    ended: bool,
    timed_out: bool,
    deadline: Instant,
    failure: Option<Error>,
    /// The first octet that ever came.
    first: Option<u8>,
}

impl ClearStream {
    pub(crate) fn new(kind: StreamKind, limits: Limits, deadline: Instant) -> Self {
        ClearStream {
            decoder: StreamDecoder::new(limits),
            encoder: StreamEncoder::new(kind),
            kind,
            outgoing: BytesMut::new(),
            header_sent: false,
            ended: false,
            timed_out: false,
            deadline,
            failure: None,
            first: None,
        }
    }

    /// Hands the clear stream over and leaves an unused one behind.
    pub(crate) fn replace(&mut self) -> ClearStream {
        let unused = ClearStream::new(self.kind, Limits::before_authentication(), self.deadline);
        std::mem::replace(self, unused)
    }

    pub(crate) fn wait<E>(&self) -> Step<E> {
        Step::Wait(Some(self.deadline))
    }

    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    pub(crate) fn handle_input(&mut self, now: Instant, data: &[u8]) -> Result<(), Error> {
        self.handle_timeout(now)?;
        self.first = self.first.or(data.first().copied());
        self.decoder.push(data);
        Ok(())
    }

    pub(crate) fn handle_eof(&mut self) -> Result<(), Error> {
        self.check()?;
        self.ended = true;
        Ok(())
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        self.check()?;
        self.timed_out |= now >= self.deadline;
        Ok(())
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn take_outgoing(&mut self) -> Option<Bytes> {
        (!self.outgoing.is_empty()).then(|| self.outgoing.split().freeze())
    }

    pub(crate) fn write_header(&mut self, header: &StreamHeader) {
        self.outgoing.reserve(OUTGOING_OCTETS);
        self.encoder.open(header, &mut self.outgoing);
        self.header_sent = true;
    }

    pub(crate) fn write_element(&mut self, element: &Element) {
        self.encoder.element(element, &mut self.outgoing);
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// The next thing the peer said; `None`: more input is needed.
    pub(crate) fn hear(&mut self, phase: Phase) -> Result<Option<Heard>, Error> {
        // 20..=23: the record types of TLS, none of them a character of XML.
        if let Some(first @ 20..=23) = self.first {
            let what = PeerMisbehaved::TlsBeforeStream { first };
            return Err(Error::PeerMisbehaved { phase, what });
        }
        match self
            .decoder
            .next_event()
            .map_err(|error| Error::Stream { phase, error })?
        {
            Some(StreamEvent::Open(header)) => {
                header
                    .check_content_namespace(self.kind)
                    .map_err(|error| Error::Stream { phase, error })?;
                Ok(Some(Heard::Header(header)))
            }
            Some(StreamEvent::Element(element)) => match StreamError::from_element(&element) {
                Some(error) => Err(Error::Refused {
                    phase,
                    refusal: Refusal::StreamError(Box::new(error)),
                }),
                None => Ok(Some(Heard::Element(element))),
            },
            Some(StreamEvent::Whitespace) => Ok(Some(Heard::Whitespace)),
            Some(StreamEvent::Close) => Err(Error::Refused {
                phase,
                refusal: Refusal::StreamClosed,
            }),
            Some(_) => Err(Error::ApiMisuse("the decoder reported an event nobody knows")),
            None if self.ended => Err(Error::ConnectionEnded { phase }),
            None if self.timed_out => Err(Error::TimedOut { phase }),
            None => Ok(None),
        }
    }

    /// While the owner decides: only time and the end of the connection count.
    pub(crate) fn pause<E>(&self, phase: Phase) -> Result<Step<E>, Error> {
        if self.ended {
            return Err(Error::ConnectionEnded { phase });
        }
        if self.timed_out {
            return Err(Error::TimedOut { phase });
        }
        Ok(self.wait())
    }

    /// After the switch: nothing more may come through here.
    pub(crate) fn after_switch<E>(&self, leftover: impl FnOnce(usize) -> PeerMisbehaved) -> Result<Step<E>, Error> {
        let phase = Phase::Upgraded;
        match self.decoder.unread() {
            0 if self.ended => Err(Error::ConnectionEnded { phase }),
            0 => Ok(Step::Wait(None)),
            octets => Err(Error::PeerMisbehaved {
                phase,
                what: leftover(octets),
            }),
        }
    }

    /// Ends the negotiation. Where XML is still spoken the peer is told why, behind our header if
    /// that was not sent yet (RFC 6120 section 4.9.1.2).
    fn fail(&mut self, error: Error, apology: &StreamHeader, side: Side) {
        if let Some(condition) = error.stream_condition() {
            if !self.header_sent {
                self.write_header(apology);
            }
            // RFC 6120 section 6.5.4: only the receiving entity refuses a mechanism.
            let sasl = matches!(
                &error,
                Error::PeerMisbehaved {
                    what: PeerMisbehaved::SaslBeforeTls { .. },
                    ..
                }
            );
            if side == Side::Receiving && sasl {
                self.outgoing.extend_from_slice(ENCRYPTION_REQUIRED);
            }
            self.encoder.error(&StreamError::new(condition), &mut self.outgoing);
            self.encoder.close(&mut self.outgoing);
        } else if self.header_sent
            && matches!(
                error,
                Error::Refused {
                    phase: Phase::Header | Phase::Features | Phase::Starttls,
                    refusal: Refusal::StreamError(_) | Refusal::StreamClosed
                }
            )
        {
            // RFC 6120 section 4.4: a closing tag is answered with one.
            self.encoder.close(&mut self.outgoing);
        }
        self.failure = Some(error);
    }
}

/// An element that `phase` does not allow.
pub(crate) fn unexpected(phase: Phase, element: &Element) -> Error {
    // For a line of a log: bounded and harmless, whatever the peer wrote.
    let excerpt = |text: &str| text.chars().take(64).collect::<String>();
    let name: String = element.name().chars().take(64).flat_map(char::escape_debug).collect();
    let what = if element.is_stanza() {
        PeerMisbehaved::StanzaBeforeTls { name }
    } else if element.namespace() == ns::SASL {
        PeerMisbehaved::SaslBeforeTls { name }
    } else if element.namespace() == ns::TLS && (name == "proceed" || name == "failure") {
        PeerMisbehaved::Unsolicited { name }
    } else {
        PeerMisbehaved::UnexpectedElement {
            namespace: excerpt(element.namespace()),
            name,
        }
    };
    Error::PeerMisbehaved { phase, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serr_07_names_of_the_peer_do_no_harm_in_a_log() {
        for xml in [
            "<a\u{FFF9}/>",
            "<a\u{FFF9} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "<a\u{FFF9} xmlns='\u{202E}'/>",
        ] {
            let element = Element::parse(StreamKind::ClientToServer, xml).unwrap();
            let shown = unexpected(Phase::Starttls, &element).to_string();
            assert!(!shown.contains(['\u{FFF9}', '\u{202E}']), "{shown:?}");
        }
    }
}
