//! What a peer writes on streams of all four kinds, any bytes: no panic, what is read can be written and
//! is read again as the same, and nothing but our own question makes a pair authenticated.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use std::time::{Duration, Instant};
use xmpp_dialback::{Protection, Opened, Accepted, Authoritative, DialbackSecret, DialbackStream, Facts, Message, Settings, Step, StreamNumber, Support,
};
use xmpp_stream::{Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};
use xmpp_tls_core::{StreamId, StreamKind};

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
        }
    }
    for mut stream in streams {
        while stream.handle_timeout(now + Duration::from_secs(3600)).is_some() {}
        assert_eq!(stream.deadline(), None);
    }
});

fn streams(ours: &mut Authoritative, now: Instant) -> Vec<DialbackStream> {
    let id = StreamId::from_random([7; 16]);
    let mut streams = Vec::new();
    for bidi in [false, true] {
        let mut opened = DialbackStream::opened(Opened::new(StreamNumber(1), "a.example".parse().expect("a domain"), &id.to_string(), Protection::Tls).with_support(Support::DialbackAndErrors));
        let mut accepted = DialbackStream::accepted(Accepted::new(StreamNumber(2), &id, Protection::Tls));
        if bidi {
            opened.enable_bidi().expect("it is encrypted");
            accepted.enable_bidi().expect("it is encrypted");
        }
        let pair = xmpp_dialback::Pair::new(
            "b.example".parse().expect("a domain"),
            "a.example".parse().expect("a domain"),
        );
        opened.ask(pair, ours, now).expect("the first question");
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
