//! What the tests share.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test binary uses some of it; a failure here is a failed test"
)]

use serde::de::DeserializeOwned;
use std::time::Duration;
use xmpp_dialback::{
    Accepted, Answer, Authoritative, Certificate, DialbackCondition, DialbackSecret, DialbackStream, Facts, Message,
    Opened, Pair, PresentedKey, Protection, ResultAnswer, ResultRequest, Settings, StreamNumber, Support, VerifyAnswer,
    VerifyTask,
};
use xmpp_stream::{Element, Limits, StreamDecoder, StreamEvent};
use xmpp_tls_core::{Domain, StreamId};

pub(crate) const HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
    xmlns:stream='http://etherx.jabber.org/streams' id='x' version='1.0'>";

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Facts about a request that is for one of our domains.
pub(crate) const SERVED: Facts = Facts::served();

/// ... from a peer whose certificate proves what it claims.
pub(crate) const PROVED: Facts = Facts::served().with_certificate(Certificate::ProvesDomain);

pub(crate) fn load<T: DeserializeOwned>(file: &str) -> T {
    let path = format!("{}/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

pub(crate) fn pair(originating: &str, receiving: &str) -> Pair {
    Pair::new(domain(originating), domain(receiving))
}

pub(crate) fn secret(octet: u8) -> DialbackSecret {
    DialbackSecret::new(&[octet; 32]).unwrap()
}

pub(crate) fn authoritative(octet: u8) -> Authoritative {
    Authoritative::stateless(secret(octet).into())
}

pub(crate) fn id(octet: u8) -> StreamId {
    StreamId::from_random([octet; 16])
}

/// An encrypted stream that the peer opened.
pub(crate) fn accepted(number: u64) -> DialbackStream {
    accepted_with(number, Settings::default())
}

pub(crate) fn accepted_with(number: u64, settings: Settings) -> DialbackStream {
    DialbackStream::accepted(
        Accepted::new(StreamNumber(number), &id(number as u8), Protection::Tls).with_settings(settings),
    )
}

/// An encrypted stream that we opened to a server that knows dialback errors.
pub(crate) fn opened(number: u64, target: &str) -> DialbackStream {
    opened_with(number, target, Support::DialbackAndErrors, Settings::default())
}

pub(crate) fn opened_with(number: u64, target: &str, support: Support, settings: Settings) -> DialbackStream {
    let id = id(number as u8).to_string();
    DialbackStream::opened(
        Opened::new(StreamNumber(number), domain(target), &id, Protection::Tls)
            .with_support(support)
            .with_settings(settings),
    )
}

pub(crate) fn opened_with_id(number: u64, target: &str, id: &str) -> DialbackStream {
    let (support, settings) = (Support::DialbackAndErrors, Settings::default());
    DialbackStream::opened(
        Opened::new(StreamNumber(number), domain(target), id, Protection::Tls)
            .with_support(support)
            .with_settings(settings),
    )
}

pub(crate) fn claim(pair: &Pair) -> ResultRequest {
    ResultRequest {
        pair: pair.clone(),
        key: PresentedKey::new("c0ffee").unwrap(),
    }
}

pub(crate) fn result(pair: &Pair, answer: Answer) -> ResultAnswer {
    ResultAnswer {
        pair: pair.clone(),
        answer,
    }
}

pub(crate) fn verified(pair: &Pair, id: &str, answer: Answer) -> VerifyAnswer {
    VerifyAnswer {
        pair: pair.clone(),
        id: id.into(),
        answer,
    }
}

/// `valid`, `invalid` or the condition of an error.
pub(crate) fn answer(text: &str) -> Answer {
    match text {
        "valid" => Answer::Valid,
        "invalid" => Answer::Invalid,
        condition => Answer::Error(DialbackCondition::from_name(condition)),
    }
}

pub(crate) fn error(condition: DialbackCondition) -> Answer {
    Answer::Error(condition)
}

/// The task that a claim on this stream is, which must be a fresh one.
pub(crate) fn task(stream: &mut DialbackStream, pair: &Pair, now: std::time::Instant) -> VerifyTask {
    match stream.handle(claim(pair).into(), SERVED, &mut authoritative(0), now) {
        Ok(xmpp_dialback::Step::Verify(task)) => task,
        other => panic!("{pair}: {other:?}"),
    }
}

/// The element as it comes on a stream whose header declares `db`.
pub(crate) fn element(xml: &str) -> Element {
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(HEADER.as_bytes());
    decoder.push(xml.as_bytes());
    while let Some(event) = decoder.next_event().unwrap() {
        if let StreamEvent::Element(element) = event {
            return element;
        }
    }
    panic!("no element: {xml}")
}

pub(crate) fn message(xml: &str) -> Message {
    Message::from_element(&element(xml)).unwrap().unwrap()
}

/// Messages have no `PartialEq`, because keys have none: what they are written as.
pub(crate) fn text(message: impl Into<Message>) -> String {
    message.into().to_element().unwrap().as_str().to_owned()
}
