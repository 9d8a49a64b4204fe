//! The direct writer: what it writes is what the builder builds, and what is refused leaves nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

use bytes::BytesMut;
use xmpp_stream::{
    Element, ElementBuilder, ElementWriter, Error, Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader,
    Unwritable,
};
use xmpp_tls_core::StreamKind::{ClientToServer, ServerToServer};
use xmpp_tls_core::ns;

fn written(
    namespace: &str,
    name: &str,
    content: impl FnOnce(&mut ElementWriter<'_>) -> Result<(), Error>,
) -> Result<String, Error> {
    let mut out = BytesMut::from("before");
    let result = StreamEncoder::new(ClientToServer).write(namespace, name, &mut out, content);
    let text = std::str::from_utf8(&out).unwrap().strip_prefix("before").unwrap();
    assert!(result.is_ok() || text.is_empty(), "{text}");
    result.map(|()| text.to_owned())
}

#[test]
fn xml_11_what_is_written_is_what_the_builder_builds() {
    let text = "]]> \r\n\t<&>'\" é \u{10FFFF}";
    let inner = Element::parse(ServerToServer, "<message><body/></message>").unwrap();
    let direct = written("jabber:client", "message", |message| {
        message.attribute("id", text)?.attribute("xml:lang", "de")?;
        message.text(text)?;
        message.child("", "none", |none| none.child("", "inner", |_| Ok(())).map(drop))?;
        message.child("http://etherx.jabber.org/streams", "error", |_| Ok(()))?;
        message
            .child("urn:'a", "other", |other| other.text("").map(drop))?
            .element(&inner);
        Ok(())
    })
    .unwrap();
    let built = ElementBuilder::new("jabber:client", "message")
        .attribute("id", text)
        .attribute("xml:lang", "de")
        .text(text)
        .child(ElementBuilder::new("", "none").child(ElementBuilder::new("", "inner")))
        .child(ElementBuilder::new("http://etherx.jabber.org/streams", "error"))
        .child(ElementBuilder::new("urn:'a", "other"))
        .child(&inner)
        .build()
        .unwrap();
    assert_eq!(direct, built.as_str());
}

#[test]
fn xml_11_text_in_pieces_is_escaped_as_a_whole() {
    for pieces in [
        &["a]]", ">b"][..],
        &["]", "]>"],
        &["]", "]", ">"],
        &["]]>", "]", ">"],
        &["]", ">"],
        &["]] ", ">"],
    ] {
        let xml = written("jabber:client", "body", |body| {
            pieces.iter().try_for_each(|piece| body.text(piece).map(drop))
        });
        let xml = xml.unwrap();
        let read = Element::parse(ClientToServer, xml.clone()).expect(&xml);
        assert_eq!(read.text(), pieces.concat());
    }
}

#[test]
fn xml_11_what_cannot_be_written_leaves_nothing() {
    let refused =
        |namespace: &str, name: &str, content: &dyn Fn(&mut ElementWriter<'_>) -> Result<(), Error>| match written(
            namespace,
            name,
            |writer| {
                writer
                    .child("urn:x", "x", |_| Ok(()))
                    .and(Ok(()))
                    .and_then(|()| content(writer))
            },
        ) {
            Err(Error::Unwritable(why)) => why,
            other => panic!("{other:?}"),
        };
    let nothing = |_: &mut ElementWriter<'_>| Ok(());
    for name in ["", "a b", "a:b", "1", "a><b", "a\0", "-a"] {
        assert!(
            matches!(refused("urn:a", name, &nothing), Unwritable::Name { .. }),
            "{name:?}"
        );
    }
    assert!(matches!(
        refused("http://www.w3.org/XML/1998/namespace", "a", &nothing),
        Unwritable::Namespace { .. }
    ));
    assert!(matches!(
        refused("urn:\u{1}", "a", &nothing),
        Unwritable::Character { .. }
    ));
    assert!(matches!(
        refused("urn:a", "a", &|a| a.text("\0").map(drop)),
        Unwritable::Character { .. }
    ));
    let late = refused("urn:a", "a", &|a| a.attribute("b", "").map(drop));
    assert!(matches!(late, Unwritable::AttributeBehindContent { .. }));
    for twice in ["b", "xml:lang", "xmlns"] {
        let result = written("urn:a", "a", |a| {
            a.attribute("b", "1")?
                .attribute("xml:lang", ">")?
                .attribute(twice, "2")
                .map(drop)
        });
        assert!(
            matches!(result, Err(Error::Unwritable(Unwritable::DuplicateAttribute { .. }))),
            "{twice}"
        );
    }
    let bad = written("urn:a", "a", |a| a.attribute("b c", "1").map(drop));
    assert!(matches!(bad, Err(Error::Unwritable(Unwritable::Name { .. }))));
}

/// Code that swallows an error must not get a half-written child out of it.
#[test]
fn xml_11_a_child_that_failed_is_gone() {
    let xml = written("urn:a", "a", |a| {
        assert!(a.child("urn:a", "b", |b| b.text("1")?.text("\0").map(drop)).is_err());
        a.text("2").map(drop)
    });
    assert_eq!(xml.unwrap(), "<a xmlns='urn:a'>2</a>");
}

#[test]
fn an_element_has_the_prefix_that_the_header_declared_for_its_namespace() {
    let mut encoder = StreamEncoder::new(ServerToServer);
    let header = StreamHeader::new()
        .with_declaration("db", ns::DIALBACK)
        .with_declaration("s", ns::SERVER);
    let mut out = BytesMut::new();
    encoder.open(&header, &mut out);
    let header = out.split();
    for (namespace, name, expected) in [
        (
            ns::DIALBACK,
            "result",
            "<db:result id='1'>a<error/><result xmlns='jabber:server:dialback'/></db:result>",
        ),
        // NS-06: none on what is in a content namespace.
        (
            ns::SERVER,
            "message",
            "<message id='1'>a<error/><result xmlns='jabber:server:dialback'/></message>",
        ),
        (
            ns::STREAM,
            "error",
            "<stream:error id='1'>a<error/><result xmlns='jabber:server:dialback'/></stream:error>",
        ),
    ] {
        encoder
            .write(namespace, name, &mut out, |element| {
                element.attribute("id", "1")?.text("a")?;
                element.child(ns::SERVER, "error", |_| Ok(()))?;
                element.child(ns::DIALBACK, "result", |_| Ok(()))?;
                Ok(())
            })
            .unwrap();
        assert_eq!(out, expected);
        // It reads back as what it was.
        let mut decoder = StreamDecoder::new(Limits::before_authentication());
        decoder.push(&header);
        decoder.push(&out.split());
        assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Open(_)))));
        let Ok(Some(StreamEvent::Element(element))) = decoder.next_event() else {
            panic!("{expected}")
        };
        assert!(element.is(namespace, name));
        let children: Vec<_> = element.children().map(|child| child.namespace().to_owned()).collect();
        assert_eq!(children, [ns::SERVER, ns::DIALBACK]);
    }
}
