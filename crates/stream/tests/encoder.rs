//! What is written: headers, errors, elements that come from other streams.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use bytes::BytesMut;
use common::{Transcripts, decode, load, show, streams};
use xmpp_stream::{Element, ElementBuilder, Error, StreamEncoder, StreamError, StreamEvent, StreamHeader, Unwritable};
use xmpp_tls_core::{StreamCondition, StreamKind, ns};

use StreamKind::{ClientToServer, ServerToServer};

fn written(kind: StreamKind, write: impl FnOnce(&mut StreamEncoder, &mut BytesMut)) -> String {
    let mut encoder = StreamEncoder::new(kind);
    let mut out = BytesMut::new();
    encoder.open(&StreamHeader::new(), &mut out);
    let header = out.len();
    write(&mut encoder, &mut out);
    String::from_utf8(out.split_off(header).to_vec()).expect("UTF-8")
}

/// The first element that the bytes of a stream hold.
fn received(stream: &str) -> Element {
    let (events, error) = decode(stream.as_bytes());
    assert_eq!(error, None, "{stream}");
    let element = |event| match event {
        StreamEvent::Element(element) => Some(element),
        _ => None,
    };
    events.into_iter().find_map(element).expect(stream)
}

fn rewritten(kind: StreamKind, stream: &str) -> String {
    let element = received(stream);
    let written = written(kind, |encoder, out| encoder.element(&element, out));
    // Whatever is written must be readable there.
    Element::parse(kind, written.clone()).expect(&written);
    written
}

#[test]
fn strm_03_strm_23_xml_07_a_header() {
    let mut encoder = StreamEncoder::new(ServerToServer);
    let mut out = BytesMut::new();
    let header = StreamHeader::new()
        .with_from("a.example")
        .with_to("b.example")
        .with_id("1'<&\"")
        .with_lang("en")
        .with_declaration("db", ns::DIALBACK)
        .with_declaration("stream", "urn:wrong")
        .with_declaration("xml", "urn:wrong")
        .with_declaration("no name", "urn:wrong");
    encoder.open(&header, &mut out);
    assert_eq!(
        out,
        "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' \
         xmlns:db='jabber:server:dialback' from='a.example' to='b.example' id='1&apos;&lt;&amp;\"' version='1.0' xml:lang='en'>"
    );
    let (events, error) = decode(&out);
    let Some(StreamEvent::Open(read)) = events.first() else {
        panic!("{error:?}")
    };
    assert_eq!(
        (&read.from, &read.to, &read.id, &read.lang),
        (&header.from, &header.to, &header.id, &header.lang)
    );
    assert!(read.declares(ns::DIALBACK));
}

#[test]
fn strm_26_a_header_for_old_peers_has_no_version() {
    let mut out = BytesMut::new();
    StreamEncoder::new(ClientToServer).open(&StreamHeader::default(), &mut out);
    assert!(!String::from_utf8_lossy(&out).contains(" version='1.0'>"));
}

#[test]
fn xml_11_a_header_is_well_formed_whatever_it_holds() {
    let mut out = BytesMut::new();
    StreamEncoder::new(ClientToServer).open(&StreamHeader::new().with_to("a\0b\u{FFFE}"), &mut out);
    let (events, error) = decode(&out);
    let Some(StreamEvent::Open(header)) = events.first() else {
        panic!("{error:?}")
    };
    assert_eq!(header.to.as_deref(), Some("a\u{FFFD}b\u{FFFD}"));
}

#[test]
fn serr_01_errors_and_the_close() {
    let error = StreamError::new(StreamCondition::POLICY_VIOLATION)
        .with_text("too <big>")
        .with_application(ns::XMPP_ERRORS, "stanza-too-big");
    let bytes = written(ClientToServer, |encoder, out| {
        encoder.error(&error, out);
        encoder.close(out);
    });
    assert_eq!(
        bytes,
        "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>too &lt;big></text>\
         <stanza-too-big xmlns='urn:xmpp:errors'/></stream:error></stream:stream>"
    );
}

#[test]
fn serr_05_every_error_is_read_back() {
    for &condition in StreamCondition::ALL {
        let mut error = StreamError::new(condition)
            .with_text("a\u{1}b")
            .with_application("urn:a'b", "c");
        error.condition_text = Some("other.example".into());
        let bytes = written(ServerToServer, |encoder, out| encoder.error(&error, out));
        let read = StreamError::from_element(&Element::parse(ServerToServer, bytes).expect("valid"));
        error.text = Some("a\u{FFFD}b".into());
        assert_eq!(read, Some(error));
    }
}

#[test]
fn an_element_of_the_same_kind_of_stream_is_passed_on_as_it_is() {
    let message = "<message  to='a'><body>1 &#50; <![CDATA[3]]></body></message >";
    for header in [
        common::HEADER,
        "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' xmlns:x='urn:x'>",
    ] {
        assert_eq!(rewritten(ClientToServer, &[header, message].concat()), message);
    }
}

#[test]
fn ns_04_a_stanza_changes_its_content_namespace() {
    let c2s = |content: &str| [common::HEADER, content].concat();
    let plain = "<message to='a'><body>b</body></message>";
    assert_eq!(rewritten(ServerToServer, &c2s(plain)), plain);
    let forwarded = "<message><x xmlns='other'><message xmlns='jabber:client'/></x></message>";
    assert_eq!(rewritten(ServerToServer, &c2s(forwarded)), forwarded);
    assert_eq!(
        rewritten(
            ServerToServer,
            &c2s("<message id='1' xmlns=\"jabber:client\" to='a'><body/></message>")
        ),
        "<message id='1' xmlns=\"jabber:server\" to='a'><body/></message>"
    );
    let bare = "<stream xmlns='http://etherx.jabber.org/streams'>";
    assert_eq!(
        rewritten(
            ClientToServer,
            &[bare, "<iq xmlns='jabber:server'><query xmlns='jabber:iq:roster'/></iq>"].concat()
        ),
        "<iq xmlns='jabber:client'><query xmlns='jabber:iq:roster'/></iq>"
    );
}

#[test]
fn ns_04_an_extension_keeps_its_namespace() {
    let xml = [common::HEADER, "<a xmlns='urn:a'><iq xmlns='jabber:client'/></a>"].concat();
    assert_eq!(
        rewritten(ServerToServer, &xml),
        "<a xmlns='urn:a'><iq xmlns='jabber:client'/></a>"
    );
}

#[test]
fn ns_08_what_was_inherited_is_declared_anew() {
    let header = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' xmlns:unused='urn:u' \
                  xmlns:x=\"urn:x'&amp;\" xmlns:stream='http://etherx.jabber.org/streams'>";
    assert_eq!(
        rewritten(ServerToServer, &[header, "<db:result to='a'>key</db:result>"].concat()),
        "<db:result xmlns:db='jabber:server:dialback' to='a'>key</db:result>"
    );
    assert_eq!(
        rewritten(
            ClientToServer,
            &[header, "<message><x:a/><b x:c='1'/></message>"].concat()
        ),
        "<message xmlns:x='urn:x&apos;&amp;'><x:a/><b x:c='1'/></message>"
    );
    assert_eq!(
        rewritten(ClientToServer, &[header, "<x:a xmlns:x='urn:own'/>"].concat()),
        "<x:a xmlns:x='urn:own'/>"
    );
}

#[test]
fn ns_08_a_declaration_that_both_headers_have_is_not_repeated() {
    let header = StreamHeader::new().with_declaration("db", ns::DIALBACK);
    let (mut encoder, mut out) = (StreamEncoder::new(ServerToServer), BytesMut::new());
    encoder.open(&header, &mut out);
    let result = "<db:result to='a'/>";
    let element = received(&[&String::from_utf8_lossy(&out), result].concat());
    let mark = out.len();
    encoder.element(&element, &mut out);
    assert_eq!(&out[mark..], result.as_bytes());
}

#[test]
fn ns_02_children_of_a_header_without_prefix_keep_the_stream_namespace() {
    let bare = "<stream xmlns='http://etherx.jabber.org/streams'>";
    assert_eq!(
        rewritten(
            ClientToServer,
            &[bare, "<features><a xmlns='urn:a'/></features>"].concat()
        ),
        "<features xmlns='http://etherx.jabber.org/streams'><a xmlns='urn:a'/></features>"
    );
    let none = "<s:stream xmlns:s='http://etherx.jabber.org/streams'>";
    assert_eq!(rewritten(ClientToServer, &[none, "<a/>"].concat()), "<a xmlns=''/>");
    assert_eq!(
        rewritten(ClientToServer, &[none, "<s:features/>"].concat()),
        "<s:features xmlns='' xmlns:s='http://etherx.jabber.org/streams'/>"
    );
}

#[test]
fn everything_in_the_transcripts_survives_a_change_of_streams() {
    for transcript in load::<Transcripts>("transcripts.toml").transcript {
        for stream in streams(&transcript.step) {
            for event in decode(stream.as_bytes()).0 {
                let StreamEvent::Element(element) = &event else {
                    continue;
                };
                for kind in [ClientToServer, ServerToServer] {
                    let bytes = written(kind, |encoder, out| encoder.element(element, out));
                    let read = Element::parse(kind, bytes.clone()).expect(&bytes);
                    let content = |namespace: &str| match namespace {
                        ns::CLIENT | ns::SERVER => kind.content_namespace().to_owned(),
                        other => other.to_owned(),
                    };
                    assert_eq!(
                        (read.name(), read.namespace()),
                        (element.name(), &*content(element.namespace()))
                    );
                    let children = |e: &Element| -> Vec<_> {
                        e.children()
                            .map(|c| (c.name().to_owned(), content(c.namespace()), c.text().into_owned()))
                            .collect()
                    };
                    assert_eq!(children(&read), children(element), "{}", show(&event));
                }
            }
        }
    }
}

#[test]
fn a_complete_element_can_be_built_in() {
    let inner = received(&[common::HEADER, "<message to='a'><body>b</body></message>"].concat());
    let carbon = ElementBuilder::new("jabber:client", "message")
        .child(ElementBuilder::new("urn:xmpp:forward:0", "forwarded").child(&inner))
        .build()
        .expect("valid");
    assert_eq!(
        carbon.as_str(),
        "<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='a'><body>b</body></message>\
         </forwarded></message>"
    );
}

#[test]
fn prefixes_for_old_peers() {
    let result = ElementBuilder::new(ns::DIALBACK, "result")
        .prefix("db")
        .attribute("to", "a")
        .text("key")
        .build();
    assert_eq!(
        result.expect("valid").as_str(),
        "<db:result xmlns:db='jabber:server:dialback' to='a'>key</db:result>"
    );
}

#[test]
fn xml_11_what_cannot_be_written_is_refused() {
    let refused = |builder: ElementBuilder| match builder.build() {
        Err(Error::Unwritable(why)) => why,
        other => panic!("{other:?}"),
    };
    let plain = || ElementBuilder::new("urn:a", "a");
    for name in ["", "a b", "a:b", "1", "a><b", "a\0"] {
        assert!(
            matches!(refused(ElementBuilder::new("urn:a", name)), Unwritable::Name { .. }),
            "{name:?}"
        );
        assert!(
            matches!(refused(plain().attribute(name, "")), Unwritable::Name { .. }),
            "{name:?}"
        );
        assert!(
            matches!(refused(plain().prefix(name)), Unwritable::Name { .. }),
            "{name:?}"
        );
    }
    assert!(matches!(refused(plain().text("a\0")), Unwritable::Character { .. }));
    assert!(matches!(
        refused(plain().attribute("a", "\u{FFFF}")),
        Unwritable::Character { .. }
    ));
    assert!(matches!(
        refused(ElementBuilder::new("urn:\u{1}", "a")),
        Unwritable::Character { .. }
    ));
    assert!(matches!(
        refused(plain().attribute("a", "1").attribute("a", "2")),
        Unwritable::DuplicateAttribute { .. }
    ));
    assert!(matches!(
        refused(plain().attribute("xmlns", "urn:b")),
        Unwritable::DuplicateAttribute { .. }
    ));
    assert!(matches!(
        refused(ElementBuilder::new(ns::XML, "a")),
        Unwritable::Namespace { .. }
    ));
}

#[test]
fn what_is_built_is_read_back() {
    let text = "]]> \r\n\t<&>'\" é \u{10FFFF}";
    let element = ElementBuilder::new("jabber:client", "message")
        .attribute("id", text)
        .attribute("xml:lang", "de")
        .text(text)
        .child(ElementBuilder::new("", "none"))
        .child(ElementBuilder::new(text.replace('\u{10FFFF}', ""), "other"))
        .build()
        .expect("valid");
    assert_eq!(element.attribute("id").as_deref(), Some(text));
    assert_eq!(element.lang().as_deref(), Some("de"));
    assert_eq!(element.text(), text);
    let namespaces: Vec<_> = element.children().map(|child| child.namespace().to_owned()).collect();
    assert_eq!(namespaces, [String::new(), text.replace('\u{10FFFF}', "")]);
}

#[test]
fn ns_08_what_an_earlier_element_used_is_not_declared_for_a_later_one() {
    let header =
        "<stream:stream xmlns='jabber:client' xmlns:x='urn:x' xmlns:stream='http://etherx.jabber.org/streams'>";
    let (events, error) = decode([header, "<x:a/><message/>"].concat().as_bytes());
    assert_eq!(error, None);
    let Some(StreamEvent::Element(message)) = events.last() else {
        panic!()
    };
    assert_eq!(
        written(ClientToServer, |encoder, out| encoder.element(message, out)),
        "<message/>"
    );
}

#[test]
fn ns_06_no_prefix_on_what_is_in_a_content_namespace() {
    let c2s = |content: &str| [common::HEADER, content].concat();
    let cases = [
        // Between kinds of streams, and between streams of one kind (NS-07: not passed on uncorrected).
        (
            "<c:message xmlns:c='jabber:client' to='a'><c:body>b</c:body></c:message>",
            ServerToServer,
            "<message xmlns:c='jabber:client' to='a'><body>b</body></message>",
        ),
        (
            "<c:message xmlns:c='jabber:client'><c:body/></c:message>",
            ClientToServer,
            "<message xmlns:c='jabber:client'><body/></message>",
        ),
        // Children that inherit another default namespace still do.
        (
            "<c:iq xmlns:c='jabber:client' xmlns='urn:a'><b/><c:error><b/></c:error></c:iq>",
            ServerToServer,
            "<iq xmlns:c='jabber:client'><b xmlns='urn:a'/><error><b xmlns='urn:a'/></error></iq>",
        ),
        (
            "<c:iq xmlns:c='jabber:client' xmlns=''><b/></c:iq>",
            ServerToServer,
            "<iq xmlns:c='jabber:client'><b xmlns=''/></iq>",
        ),
        // A forwarded stanza keeps its namespace (NS-04), other prefixes and attributes stay.
        (
            "<message><x xmlns='urn:x'><c:message xmlns:c='jabber:client' c:y = \"1'\"><![CDATA[<c:a>]]></c:message ></x></message>",
            ServerToServer,
            "<message><x xmlns='urn:x'><message xmlns='jabber:client' xmlns:c='jabber:client' c:y = \"1'\"><![CDATA[<c:a>]]></message ></x></message>",
        ),
        (
            "<message><p:x xmlns:p='urn:p'/><c:body xmlns:c='jabber:client'>a&lt;</c:body></message>",
            ClientToServer,
            "<message><p:x xmlns:p='urn:p'/><body xmlns:c='jabber:client'>a&lt;</body></message>",
        ),
    ];
    for (input, kind, expected) in cases {
        assert_eq!(rewritten(kind, &c2s(input)), expected);
    }
    // By a prefix of the header.
    let header = "<s:stream xmlns:c='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>";
    let message = [header, "<c:message><c:body/><a/><s:b/></c:message>"].concat();
    assert_eq!(
        rewritten(ServerToServer, &message),
        "<message xmlns:c='jabber:client' xmlns:s='http://etherx.jabber.org/streams'><body/><a xmlns=''/><s:b/></message>"
    );
}

#[test]
fn ns_06_prefixes_in_a_stanza_that_is_built_in_are_taken_off_too() {
    let inner = Element::parse(
        ClientToServer,
        "<c:message xmlns:c='jabber:client'><c:body/></c:message>",
    )
    .unwrap();
    let outer = ElementBuilder::new("urn:xmpp:forward:0", "forwarded")
        .child(&inner)
        .build()
        .unwrap();
    assert!(
        outer
            .as_str()
            .ends_with("<message xmlns='jabber:client' xmlns:c='jabber:client'><body/></message></forwarded>"),
        "{outer:?}"
    );
}
