//! What one document leaves behind in the decoder for the next one: nothing.

use xmpp_stream::{Error, Limits, StreamDecoder, StreamEvent};

const OPEN: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// The events of a stream that follows a closed one, behind whose end `garbage` came.
fn second(garbage: &[u8], next: &[u8]) -> Result<Vec<StreamEvent>, Error> {
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(&[OPEN.as_bytes(), b"</stream:stream>", garbage].concat());
    assert!(matches!(decoder.next_event()?, Some(StreamEvent::Open(_))));
    assert!(matches!(decoder.next_event()?, Some(StreamEvent::Close)));
    assert!(decoder.next_event()?.is_none());
    assert_eq!(decoder.unread(), 0);
    decoder.restart(Limits::before_authentication());
    decoder.push(next);
    let mut events = Vec::new();
    while let Some(event) = decoder.next_event()? {
        events.push(event);
    }
    Ok(events)
}

#[test]
fn what_was_checked_behind_the_end_does_not_vouch_for_the_next_stream() {
    for bad in [&b"\xff\xfe"[..], b"\x01", b"\x00", b"\xed\xa0\x80"] {
        let next = [OPEN.as_bytes(), b"<message><body>", bad, b"</body></message>"].concat();
        for garbage in [0, 1, next.len(), 2 * next.len()] {
            let read = second(&vec![b'x'; garbage], &next);
            assert!(read.is_err(), "{garbage} octets before {bad:02x?}: {read:?}");
        }
    }
}

#[test]
fn what_is_wrong_behind_the_end_does_not_touch_the_next_stream() {
    let next = [OPEN.as_bytes(), b"<presence/>"].concat();
    for garbage in [&b"\xff"[..], &[b'x'; 300], b"<", b"\xc3"] {
        assert_eq!(second(garbage, &next).unwrap().len(), 2, "{garbage:02x?}");
    }
}
