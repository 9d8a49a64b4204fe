//! Memory by a counting allocator: bounds under hostile input, and none where none is needed.
//! One test, because the count is of the whole process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use bytes::BytesMut;
use common::HEADER;
use xmpp_stream::{LimitKind, Limits, Node, StreamDecoder, StreamEncoder, StreamEvent};
use xmpp_tls_core::StreamKind;
use xmpp_tls_testkit::alloc_counter::{self, stats_alloc::Region};

xmpp_tls_testkit::count_allocations!();

const STANZA: &str = "<message to='romeo@example.net' from='juliet@example.com/balcony' type='chat' id='a1' xml:lang='en'>\
    <body>Art thou not Romeo, and a Montague?</body><x:y xmlns:x='urn:x' x:a='1' xml:b='2'/>\
    <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/></message>";

fn open(limits: Limits) -> StreamDecoder {
    let mut decoder = StreamDecoder::new(limits);
    decoder.push(HEADER.as_bytes());
    assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Open(_)))));
    decoder
}

/// Bytes held now that were not at the start of the region.
fn held(region: &Region<'_, std::alloc::System>) -> isize {
    let stats = region.change();
    stats.bytes_allocated as isize - stats.bytes_deallocated as isize
}

/// The most that was held while so many bytes of a family were pushed, and what ended it.
fn most(limits: &Limits, start: &str, repeated: &dyn Fn(usize) -> String, chunk: usize) -> (isize, Option<LimitKind>) {
    let mut input = start.to_owned();
    let mut index = 0;
    while input.len() < 700_000 {
        input.push_str(&repeated(index));
        index += 1;
    }
    let region = Region::new(ALLOCATOR);
    let mut decoder = open(limits.clone());
    let mut most = 0;
    for piece in input.as_bytes().chunks(chunk) {
        decoder.push(piece);
        loop {
            let event = decoder.next_event();
            most = most.max(held(&region));
            match event {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(xmpp_stream::Error::Limit { limit, .. }) => return (most, Some(limit)),
                Err(error) => panic!("{start}: {error}"),
            }
        }
    }
    (most, None)
}

fn hostile_families_stay_within_a_bound() {
    type Repeated = Box<dyn Fn(usize) -> String>;
    let same = |text: &'static str| -> Repeated { Box::new(move |_| text.to_owned()) };
    let families: Vec<(&str, Repeated, Option<LimitKind>)> = vec![
        ("<a x='", same("value"), Some(LimitKind::AttributeValueBytes)),
        ("<a x='", same("&amp;"), Some(LimitKind::AttributeValueBytes)),
        ("<a>", same("text "), Some(LimitKind::ElementBytes)),
        ("<a>", same("&amp;"), Some(LimitKind::ElementBytes)),
        ("<a", Box::new(|n| format!(" a{n}=''")), Some(LimitKind::Attributes)),
        (
            "<a",
            Box::new(|n| format!(" xmlns:a{n}='u'")),
            Some(LimitKind::Attributes),
        ),
        (
            "<a>",
            Box::new(|n| format!("<a{n} xmlns:a{n}='u'><b>")),
            Some(LimitKind::Depth),
        ),
        ("", same("<a>"), Some(LimitKind::Depth)),
        ("", same("<a xmlns='urn:a'><b>"), Some(LimitKind::Depth)),
        ("<a>", same("<a/>"), Some(LimitKind::ElementBytes)),
        ("", same("<a/>"), None),
        ("", same(" "), None),
    ];
    for limits in [Limits::before_authentication(), Limits::after_authentication()] {
        for (start, repeated, expected) in &families {
            for chunk in [64, 4096] {
                let (most, limit) = most(&limits, start, repeated, chunk);
                assert_eq!(limit, *expected, "{start}{}...", repeated(0));
                // What was received, at most twice while a buffer grows, and the rest of a chunk; little
                // else: no structure grows with the number of elements or references.
                let bound = 2 * (limits.element_bytes() + chunk) + 16 * 1024;
                assert!(
                    most <= bound as isize,
                    "{start}{}...: {most} bytes, allowed {bound}",
                    repeated(0)
                );
            }
        }
    }
}

fn an_idle_stream_does_not_keep_what_a_large_stanza_needed() {
    let large = format!("<message><body>{}</body></message>", "x".repeat(400_000));
    let attributes: String = (0..128).map(|n| format!(" a{n}=''")).collect();
    let nested = ["<a>".repeat(127), "</a>".repeat(127)].concat();
    let declarations: String = (0..100).map(|n| format!(" xmlns:a{n}='u'")).collect();
    let unusual = [
        large,
        format!("<a{attributes}/>"),
        nested,
        format!("<a{declarations}/>"),
    ]
    .concat();
    for chunk in [1400, 4096, unusual.len()] {
        let region = Region::new(ALLOCATOR);
        let mut decoder = open(Limits::after_authentication());
        for piece in unusual.as_bytes().chunks(chunk) {
            decoder.push(piece);
            while decoder.next_event().unwrap().is_some() {}
        }
        let idle = held(&region);
        assert!(
            idle < 40 * 1024,
            "{idle} bytes held by an idle stream, chunks of {chunk}"
        );
        assert_eq!(decoder.unread(), 0);
    }
}

/// Lists too, which only lifted limits let grow large.
fn lists_are_given_back() {
    let many = |text: &str| text.repeat(50_000);
    let numbered = |start: &str| (0..50_000).map(|n| format!(" {start}{n}='u'")).collect::<String>();
    for unusual in [
        [many("<a>"), many("</a>")].concat(),
        format!("<a{}/>", numbered("a")),
        format!("<a{}/>", numbered("xmlns:a")),
        format!("<a xmlns:p='u'{}/>", numbered("p:a")),
    ] {
        let region = Region::new(ALLOCATOR);
        let mut decoder = open(Limits::unlimited());
        decoder.push(unusual.as_bytes());
        assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Element(_)))));
        let idle = held(&region);
        assert!(idle < 40 * 1024, "{idle} bytes held behind {:.20}...", unusual);
    }
}

fn nothing_is_allocated_for_a_stanza_in_steady_state() {
    let mut decoder = open(Limits::after_authentication());
    let input = STANZA.repeat(50);
    let counted = alloc_counter::measure_least(ALLOCATOR, 3, || {
        for piece in input.as_bytes().chunks(1400) {
            decoder.push(piece);
            while let Some(event) = decoder.next_event().unwrap() {
                let StreamEvent::Element(element) = event else { panic!() };
                assert!(element.attribute("to").is_some() && element.lang().is_some() && element.is_stanza());
                for node in element.walk() {
                    if let Node::Start(tag) = node {
                        std::hint::black_box((tag.namespace(), tag.attributes().count()));
                    }
                }
            }
        }
    });
    assert_eq!(counted.count, 0, "{counted:?}");
}

fn an_owned_stanza_takes_two_allocations() {
    let mut decoder = open(Limits::after_authentication());
    decoder.push(STANZA.as_bytes());
    let Ok(Some(StreamEvent::Element(element))) = decoder.next_event() else {
        panic!()
    };
    let counted = alloc_counter::measure_least(ALLOCATOR, 3, || {
        let owned = element.detach();
        assert_eq!(owned.children().count(), 4);
        assert!(owned.children().next().unwrap().text().starts_with("Art"));
        owned
    });
    assert!(counted.count <= 2, "{counted:?}");
}

fn writing_into_a_reused_buffer_allocates_nothing() {
    let mut encoder = StreamEncoder::new(StreamKind::ClientToServer);
    let mut out = BytesMut::with_capacity(4096);
    let counted = alloc_counter::measure_least(ALLOCATOR, 3, || {
        out.clear();
        encoder
            .write("jabber:client", "message", &mut out, |message| {
                message.attribute("to", "romeo@example.net")?.attribute("id", "1'2")?;
                message.child("jabber:client", "body", |body| body.text("a < b").map(drop))?;
                message.child("urn:xmpp:receipts", "request", |_| Ok(())).map(drop)
            })
            .unwrap();
    });
    assert_eq!(counted.count, 0, "{counted:?}");
}

#[test]
fn xml_21_memory_is_bounded_released_and_not_wasted() {
    hostile_families_stay_within_a_bound();
    an_idle_stream_does_not_keep_what_a_large_stanza_needed();
    lists_are_given_back();
    nothing_is_allocated_for_a_stanza_in_steady_state();
    an_owned_stanza_takes_two_allocations();
    writing_into_a_reused_buffer_allocates_nothing();
}
