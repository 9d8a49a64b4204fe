//! What may end up in a log: no control characters or text direction of the peer's choosing, and no
//! content, which may be a password or a step of SASL.

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
use xmpp_stream::{
    Child, Element, ElementBuilder, Error, Features, Limits, StreamDecoder, StreamEncoder, StreamError, StreamEvent,
    StreamHeader,
};
use xmpp_tls_core::StreamKind;

/// What a terminal could be made to do something by: CSI as one character, a line end, text direction.
const HOSTILE: &str = "\u{9B}31m\n\r\u{202E}\u{2066}\u{200F}\u{FFF9}x";
/// What of it may stand in a name.
const HOSTILE_NAME: &str = "a\u{FFF9}b\u{FFFB}";

fn is_harmless(shown: &str) -> bool {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFF9}'..='\u{FFFB}')
    };
    !shown.contains(harmful)
}

fn first_error(input: &str, strict: bool) -> Error {
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.set_strict_prefixes(strict);
    decoder.push(input.as_bytes());
    loop {
        match decoder.next_event() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("no error in {input:?}"),
            Err(error) => return error,
        }
    }
}

#[test]
fn serr_07_no_error_shows_what_the_peer_wrote_as_it_was_written() {
    let name = HOSTILE_NAME;
    let streams = "http://etherx.jabber.org/streams";
    let in_stream = [
        "\u{202E}".to_owned(),
        "<a>&b\n;</a>".to_owned(),
        format!("<a>&{name};</a>"),
        "<a>&#\r;</a>".to_owned(),
        "<a \u{9B}='1'/>".to_owned(),
        format!("<a></{name}>"),
        format!("<{name}></a>"),
        format!("<a {name}='1' {name}='2'/>"),
        format!("<{name}:a/>"),
        format!("<a:{name}:b/>"),
        format!("<a xmlns:{name}=''/>"),
        format!("<a xmlns:{name}='http://www.w3.org/XML/1998/namespace'/>"),
        format!("<x xmlns:a='{HOSTILE}' xmlns:b='{HOSTILE}' a:{name}='1' b:{name}='2'/>"),
    ];
    let whole = [
        HOSTILE.to_owned(),
        format!("<?xml version='{HOSTILE}'?>"),
        format!("<?xml version='1.0' encoding='{HOSTILE}'?>"),
        format!("<{name} xmlns='{HOSTILE}'>"),
        format!("<{name}:stream xmlns:{name}='{streams}'>"),
        format!("<stream xmlns='{streams}' version='{HOSTILE}'>"),
    ];
    let errors = in_stream
        .iter()
        .map(|content| first_error(&format!("{HEADER}{content}"), false))
        .chain(whole.iter().map(|input| first_error(input, true)));
    for error in errors {
        assert!(is_harmless(&error.to_string()), "{:?}", error.to_string());
        assert!(is_harmless(&format!("{error:?}")), "{error:?}");
    }

    let header = format!("<s:stream xmlns:s='{streams}' xmlns='{HOSTILE}' to='{HOSTILE}' xml:lang='{HOSTILE}'>");
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(header.as_bytes());
    let Ok(Some(StreamEvent::Open(header))) = decoder.next_event() else {
        panic!()
    };
    let error = header.check_content_namespace(StreamKind::ClientToServer).unwrap_err();
    assert!(is_harmless(&error.to_string()) && is_harmless(&format!("{header:?}")));

    let conditions = "urn:ietf:params:xml:ns:xmpp-streams";
    let error = format!(
        "<stream:error><{name} xmlns='{conditions}'>{HOSTILE}</{name}><text xmlns='{conditions}'>{HOSTILE}</text>\
         <{name} xmlns='{HOSTILE}'/></stream:error>"
    );
    let element = Element::parse(StreamKind::ClientToServer, error).unwrap();
    let error = StreamError::from_element(&element).unwrap();
    assert!(is_harmless(&error.to_string()) && is_harmless(&format!("{error:?}")));

    let build = |builder: ElementBuilder| builder.build().unwrap_err().to_string();
    for shown in [
        build(ElementBuilder::new("", HOSTILE)),
        build(ElementBuilder::new("", "a").attribute(HOSTILE, "")),
        build(ElementBuilder::new("", "a").text("\0")),
        build(ElementBuilder::new("", "a").attribute(name, "").attribute(name, "")),
    ] {
        assert!(is_harmless(&shown), "{shown:?}");
    }
}

/// Of everything that holds content, in all places where content can be.
#[test]
fn no_debug_output_and_no_error_shows_content() {
    const SECRET: &str = "c2VjcmV0";
    const KIND: StreamKind = StreamKind::ClientToServer;
    let xml = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' a='{SECRET}'>{SECRET}<b c='{SECRET}'>{SECRET}</b><![CDATA[{SECRET}]]></auth>"
    );
    let mut shown = Vec::new();

    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(format!("{HEADER}{xml}<message><body>{SECRET}</body>").as_bytes());
    shown.push(format!("{decoder:?}"));
    decoder.next_event().unwrap();
    let event = decoder.next_event().unwrap().unwrap();
    shown.push(format!("{event:?} {decoder:?}"));
    assert!(decoder.next_event().unwrap().is_none());
    shown.push(format!("{decoder:?}"));

    let element = Element::parse(KIND, xml.clone()).unwrap();
    shown.push(format!("{element:?} {:?} {:?}", element.root(), element.children()));
    shown.push(format!("{:?} {:?}", element.walk(), element.attributes()));
    shown.extend(element.walk().map(|node| format!("{node:?}")));
    let features = Element::parse(KIND, format!("<stream:features>{xml}</stream:features>")).unwrap();
    shown.push(format!("{:?}", Features::from_element(&features).unwrap()));

    let builder = ElementBuilder::new("urn:a", "a")
        .attribute("b", SECRET)
        .text(SECRET)
        .child(ElementBuilder::new("urn:a", "c").text(SECRET))
        .child(&element);
    shown.push(format!("{builder:?} {:?}", Child::from(builder.clone())));
    shown.push(format!("{:?}", Features::builder().feature(builder)));

    let mut encoder = StreamEncoder::new(KIND);
    let mut out = BytesMut::new();
    encoder.open(&StreamHeader::new(), &mut out);
    encoder.element(&element, &mut out);
    encoder
        .write("urn:a", "a", &mut out, |a| {
            a.attribute("b", SECRET)?.text(SECRET)?;
            shown.push(format!("{a:?}"));
            Ok(())
        })
        .unwrap();
    let unwritable = encoder.write("urn:a", "a", &mut out, |a| a.text(&format!("{SECRET}\0")).map(drop));
    shown.push(format!("{unwritable:?} {}", unwritable.as_ref().unwrap_err()));
    shown.push(format!("{encoder:?}"));

    for shown in shown {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    assert_eq!(
        format!("{element:?}"),
        format!(
            "Element {{ namespace: \"urn:ietf:params:xml:ns:xmpp-sasl\", name: \"auth\", octets: {} }}",
            xml.len()
        )
    );
}
