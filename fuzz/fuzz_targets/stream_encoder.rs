//! Whatever was received can be written to streams of both kinds, and is read back as the same.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use xmpp_stream::{Element, Limits, Node, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};
use xmpp_tls_core::{StreamKind, ns};

/// Everything in an element, content namespaces taken as one. Prefixes of attributes are resolved.
fn content(element: &Element) -> Vec<String> {
    let same = |namespace: &str| match namespace {
        ns::CLIENT | ns::SERVER => "content".to_owned(),
        other => other.to_owned(),
    };
    let mut content: Vec<String> = Vec::new();
    let mut walk = element.walk();
    while let Some(node) = walk.next() {
        content.push(match node {
            Node::Start(tag) => {
                let attribute = |a: xmpp_stream::Attribute<'_>| match a.prefix() {
                    "" => format!("{}={:?}", a.name(), a.value()),
                    prefix => format!(
                        "{{{}}}{}={:?}",
                        walk.namespace_of(prefix).expect("declared"),
                        a.name(),
                        a.value()
                    ),
                };
                let attributes: Vec<_> = tag.attributes().map(attribute).collect();
                format!("<{{{}}}{} {attributes:?}", same(tag.namespace()), tag.name())
            }
            Node::Text(text) => format!("{text:?}"),
            Node::End => ">".to_owned(),
        });
    }
    content
}

fuzz_target!(|data: &[u8]| {
    let mut decoder = StreamDecoder::new(Limits::after_authentication());
    decoder.push(data);
    while let Ok(Some(event)) = decoder.next_event() {
        let StreamEvent::Element(element) = event else { continue };
        for kind in [StreamKind::ClientToServer, StreamKind::ServerToServer] {
            let mut encoder = StreamEncoder::new(kind);
            let mut out = BytesMut::new();
            encoder.open(&StreamHeader::new(), &mut out);
            encoder.element(&element, &mut out);
            encoder.close(&mut out);
            let mut again = StreamDecoder::new(Limits::unlimited());
            again.push(&out);
            assert!(matches!(again.next_event(), Ok(Some(StreamEvent::Open(_)))));
            let Ok(Some(StreamEvent::Element(read))) = again.next_event() else {
                panic!("{}", String::from_utf8_lossy(&out));
            };
            assert_eq!(content(&read), content(&element), "{}", String::from_utf8_lossy(&out));
            assert!(matches!(again.next_event(), Ok(Some(StreamEvent::Close))));
            if element.is_stanza() {
                assert_eq!(read.namespace(), kind.content_namespace());
                assert!(
                    !read.as_str()[1..]
                        .split([' ', '/', '>', '\n', '\t', '\r'])
                        .next()
                        .unwrap_or("")
                        .contains(':')
                );
            }
        }
    }
});
