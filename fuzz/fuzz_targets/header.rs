//! Stream headers: what was read is written so that it is read again, and no value breaks out of its place.

#![no_main]

use arbitrary::Arbitrary;
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use xmpp_tls::StreamKind;
use xmpp_tls::stream::{Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// From a peer.
    Read(&'a [u8]),
    /// From the application.
    Write { to: &'a str, from: &'a str, id: &'a str, lang: &'a str, prefix: &'a str, namespace: &'a str },
}

fuzz_target!(|input: Input<'_>| {
    for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
        match &input {
            Input::Read(data) => {
                let Ok(Some(StreamEvent::Open(header))) = first(data, Limits::before_authentication()) else { return };
                let again = round_trip(kind, &header);
                assert_eq!(
                    (&again.to, &again.from, &again.id, &again.lang, again.version),
                    (&header.to, &header.from, &header.id, &header.lang, header.version)
                );
            }
            Input::Write { to, from, id, lang, prefix, namespace } => {
                let header = StreamHeader::new()
                    .with_to(*to)
                    .with_from(*from)
                    .with_id(*id)
                    .with_lang(*lang)
                    .with_declaration(*prefix, *namespace);
                let again = round_trip(kind, &header);
                // Characters that XML excludes cannot come back; everything else must.
                let valid = [to, from, id].iter().all(|text| text.chars().all(|c| c >= ' ' && c < '\u{fffe}'));
                if valid {
                    assert_eq!((again.to.as_deref(), again.from.as_deref()), (Some(*to), Some(*from)));
                    assert_eq!(again.id.as_deref(), Some(*id));
                }
            }
        }
    }
});

fn first(data: &[u8], limits: Limits) -> Result<Option<StreamEvent>, xmpp_tls::stream::Error> {
    let mut decoder = StreamDecoder::new(limits);
    decoder.push(data);
    decoder.next_event()
}

/// Exactly one header comes out, and nothing behind it.
fn round_trip(kind: StreamKind, header: &StreamHeader) -> StreamHeader {
    let mut out = BytesMut::new();
    let mut encoder = StreamEncoder::new(kind);
    encoder.open(header, &mut out);
    encoder.close(&mut out);
    let mut decoder = StreamDecoder::new(Limits::unlimited());
    decoder.push(&out);
    let mut next = || decoder.next_event().unwrap_or_else(|error| panic!("{error}: {}", out.escape_ascii()));
    let Some(StreamEvent::Open(again)) = next() else { panic!("no header in {}", out.escape_ascii()) };
    assert!(matches!(next(), Some(StreamEvent::Close)), "something behind the header in {}", out.escape_ascii());
    again
}
