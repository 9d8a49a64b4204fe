//! What a peer writes on streams of all four kinds, any bytes: no panic, what is read can be written and
//! is read again as the same, and nothing but our own question makes a pair authenticated,
//! or a stream one to send on.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, Instant};
use xmpp_dialback::{
    Accepted, Authoritative, DialbackSecret, DialbackStream, Facts, Message, Opened, Pair, Protection, Step,
    StreamNumber, Support,
};
use xmpp_stream::{Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};
use xmpp_tls_core::{Side, StreamId, StreamKind};

const HEADER: &[u8] = b"<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
    xmlns:stream='http://etherx.jabber.org/streams' id='x' version='1.0'>";

fuzz_target!(|content: &[u8]| {
    let now = Instant::now();
    let mut ours = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(7)).into());
    let served = Facts::served();
    let mut streams = streams(&mut ours, now);

    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(HEADER);
    decoder.push(content);
    while let Ok(Some(event)) = decoder.next_event() {
        let StreamEvent::Element(element) = event else { continue };
        let Ok(Some(message)) = Message::from_element(&element) else {
            continue;
        };
        written_and_read_again(&message);
        for stream in &mut streams {
            match stream.handle(message.clone(), served, &mut ours, now) {
                Ok(Step::Send(answer)) => written_and_read_again(&answer),
                Ok(Step::Decided(decision)) => written_and_read_again(&decision.answer.into()),
                // Nobody brings verdicts home here, so that no claim can ever be found true.
                Ok(Step::Verify(_) | Step::Verdict(_) | Step::Outcome(_) | Step::Nothing) | Err(_) => {}
            }
            assert_eq!(stream.authenticated().count(), 0);
            sent_to_nobody_else(stream);
        }
    }
    for mut stream in streams {
        while stream.handle_timeout(now + Duration::from_secs(3600)).is_some() {}
        assert_eq!(stream.deadline(), None);
    }
});

/// The peer may believe what we asked it, on the stream that we opened to it.
fn sent_to_nobody_else(stream: &DialbackStream) {
    let believed = pair("b.example", "a.example");
    for (pair, _) in stream.verified() {
        assert!(stream.side() == Side::Initiating && *pair == believed);
    }
    assert!(stream.side() == Side::Initiating || !stream.may_send(&believed));
    assert!(!stream.may_send(&pair("b.example", "c.example")));
}

fn pair(originating: &str, receiving: &str) -> Pair {
    let domain = |text: &str| text.parse().expect("a domain");
    Pair::new(domain(originating), domain(receiving))
}

fn streams(ours: &mut Authoritative, now: Instant) -> Vec<DialbackStream> {
    let id = StreamId::from_random([7; 16]);
    let mut streams = Vec::new();
    for bidi in [false, true] {
        let target = "a.example".parse().expect("a domain");
        let opened = Opened::new(StreamNumber(1), target, &id.to_string(), Protection::Tls);
        let mut opened = DialbackStream::opened(opened.with_support(Support::DialbackAndErrors));
        let mut accepted = DialbackStream::accepted(Accepted::new(StreamNumber(2), &id, Protection::Tls));
        if bidi {
            opened.enable_bidi().expect("it is encrypted");
            accepted.enable_bidi().expect("it is encrypted");
        }
        opened
            .ask(pair("b.example", "a.example"), ours, now)
            .expect("the first question");
        // The other one is the peer's, which proved nothing.
        assert!(accepted.ask(pair("b.example", "a.example"), ours, now).is_err());
        streams.extend([opened, accepted]);
    }
    streams
}

fn written_and_read_again(message: &Message) {
    let element = message.to_element().expect("what was read can be written");
    let again = Message::from_element(&element).expect("and read").expect("as dialback");
    assert_eq!(again.to_element().expect("once more").as_str(), element.as_str());

    let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    let mut out = BytesMut::new();
    encoder.open(&Support::declare(StreamHeader::new()), &mut out);
    message
        .write(&mut encoder, &mut out)
        .expect("what was read can be written");
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(&out);
    let Ok(Some(StreamEvent::Open(_))) = decoder.next_event() else {
        panic!("the header")
    };
    let Ok(Some(StreamEvent::Element(element))) = decoder.next_event() else {
        panic!("the message")
    };
    let read = Message::from_element(&element).expect("and read").expect("as dialback");
    assert_eq!(
        read.to_element().expect("once more").as_str(),
        again.to_element().expect("once more").as_str()
    );
}
