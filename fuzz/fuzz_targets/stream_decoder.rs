//! Any bytes, cut anywhere: no panic, bounded memory, the same events however they are cut, and what was
//! accepted can be read by another parser and written to another stream.

#![no_main]

use arbitrary::Arbitrary;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use xmpp_tls::StreamKind;
use xmpp_tls::stream::{ChildElement, Element, Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    authenticated: bool,
    strict: bool,
    pieces: [u8; 4],
    data: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let whole = events(&input, &mut std::iter::once(input.data));
    let mut rest = input.data;
    let mut sizes = input.pieces.iter().cycle();
    let mut pieces = std::iter::from_fn(|| {
        let size = usize::from(*sizes.next()?).clamp(1, rest.len().max(1)).min(rest.len());
        let (piece, behind) = rest.split_at_checked(size).filter(|(piece, _)| !piece.is_empty())?;
        rest = behind;
        Some(piece)
    });
    assert_eq!(whole, events(&input, &mut pieces));
});

fn limits(input: &Input<'_>) -> Limits {
    if input.authenticated { Limits::after_authentication() } else { Limits::before_authentication() }
}

fn events<'a>(input: &Input<'_>, pieces: &mut dyn Iterator<Item = &'a [u8]>) -> Vec<String> {
    let limits = limits(input);
    let most = limits.header_bytes.max(limits.element_bytes());
    let mut decoder = StreamDecoder::new(limits);
    decoder.set_strict_prefixes(input.strict);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => {
                    if let StreamEvent::Element(element) = &event {
                        check(element);
                    }
                    events.push(format!("{event:?}"));
                }
                Ok(None) => break,
                Err(error) => {
                    events.push(format!("{error:?}"));
                    assert_eq!(decoder.next_event().map(|_| ()), Err(error));
                    return events;
                }
            }
        }
        assert!(decoder.unread() <= most, "{} bytes are held", decoder.unread());
    }
    events.push(format!("{:?}", decoder.finish()));
    events
}

/// Everything that can be asked of an element, a second parser, and the way into another stream.
fn check(element: &Element) {
    walk(element.root());
    let mut reader = element.reader();
    loop {
        match reader.read_resolved_event() {
            Ok((_, event)) if is_eof(&event) => break,
            Ok(_) => {}
            Err(error) => panic!("accepted here, refused by quick-xml: {error}: {}", element.as_str()),
        }
    }
    for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
        let mut out = BytesMut::new();
        let mut encoder = StreamEncoder::new(kind);
        encoder.open(&StreamHeader::new().with_to("a.example"), &mut out);
        encoder.element(element, &mut out);
        let mut decoder = StreamDecoder::new(Limits::unlimited());
        decoder.push(&out);
        let mut next = || decoder.next_event().unwrap_or_else(|error| panic!("{error}: {}", out.escape_ascii()));
        assert!(matches!(next(), Some(StreamEvent::Open(_))));
        let Some(StreamEvent::Element(again)) = next() else { panic!("no element in {}", out.escape_ascii()) };
        assert_eq!(again.name(), element.name());
        assert_eq!(again.text(), element.text());
        assert_eq!(again.children().count(), element.children().count());
        assert!(next().is_none());
    }
}

fn is_eof(event: &impl std::fmt::Debug) -> bool {
    format!("{event:?}") == "Eof"
}

fn walk(element: ChildElement<'_>) {
    let _ = (element.name(), element.namespace(), element.lang(), element.text(), element.attribute("to"));
    element.children().for_each(walk);
}
