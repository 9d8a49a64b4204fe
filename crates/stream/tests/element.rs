//! Elements: names, attributes, text, children, the reader.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};
use xmpp_stream::{Element, Error};
use xmpp_tls_core::{StreamKind, ns};

fn element(xml: &'static str) -> Element {
    Element::parse(StreamKind::ClientToServer, xml).expect(xml)
}

#[test]
fn ns_10_what_a_stanza_is() {
    for stanza in [
        "<message/>",
        "<iq xmlns='jabber:server'/>",
        "<c:presence xmlns:c='jabber:client'/>",
    ] {
        assert!(element(stanza).is_stanza(), "{stanza}");
    }
    for other in [
        "<message xmlns='urn:a'/>",
        "<Message/>",
        "<body/>",
        "<iq xmlns=''/>",
        "<stream:iq/>",
    ] {
        assert!(!element(other).is_stanza(), "{other}");
    }
}

#[test]
fn ns_11_names_are_resolved() {
    let starttls = element("<a:starttls xmlns:a='urn:ietf:params:xml:ns:xmpp-&#116;ls'/>");
    assert!(starttls.is(ns::TLS, "starttls"));
    assert!(!starttls.is(ns::TLS, "a:starttls") && !starttls.is("", "starttls"));
}

#[test]
fn attributes() {
    let e = element("<a b = \" 1\t2\r\n3&#10;&amp; \" xmlns='urn:a' xml:lang='de' stream:b='no' c=''/>");
    assert_eq!(e.attribute("b").as_deref(), Some(" 1 2 3\n& "));
    assert_eq!(e.attribute("c").as_deref(), Some(""));
    assert_eq!(e.lang().as_deref(), Some("de"));
    assert_eq!(
        (e.attribute("xmlns"), e.attribute("lang"), e.attribute("d")),
        (None, None, None)
    );
}

#[test]
fn text_is_only_that_of_the_element_itself() {
    let e = element("<a>1<b>no</b>2<c/><![CDATA[<3>]]>&#52;<d><e>no</e></d></a>");
    assert_eq!(e.text(), "12<3>4");
    let texts: Vec<_> = e.children().map(|child| child.text().into_owned()).collect();
    assert_eq!(texts, ["no", "", ""]);
}

#[test]
fn children_inherit_and_redeclare_namespaces() {
    let e = element(
        "<a xmlns:p='urn:p'><p:b/><c xmlns='urn:c' xmlns:p='urn:q'><d/><p:e><f xmlns=''/></p:e></c><p:g xmlns:p='urn:r'/><p:h/></a>",
    );
    fn walk(children: xmpp_stream::Children<'_>, depth: usize, out: &mut Vec<String>) {
        for child in children {
            out.push(format!("{depth}{{{}}}{}", child.namespace(), child.name()));
            walk(child.children(), depth + 1, out);
        }
    }
    let mut names = Vec::new();
    walk(e.children(), 0, &mut names);
    let expected = [
        "0{urn:p}b",
        "0{urn:c}c",
        "1{urn:c}d",
        "1{urn:q}e",
        "2{}f",
        "0{urn:r}g",
        "0{urn:p}h",
    ];
    assert_eq!(names, expected);
}

#[test]
fn markup_in_attributes_and_cdata_is_no_element() {
    let e = element("<a b='/>' c=\"'>\"><![CDATA[</a><x>]]><d e='/d>'/></a>");
    assert_eq!(
        e.children().map(|child| child.as_str()).collect::<Vec<_>>(),
        ["<d e='/d>'/>"]
    );
    assert_eq!(e.text(), "</a><x>");
}

#[test]
fn parse_wants_exactly_one_element() {
    for xml in [
        "",
        "<a/> ",
        " <a/>",
        "<a/><b/>",
        "<a>",
        "text",
        "</a>",
        "</stream:stream>",
        "<a/>\0",
    ] {
        assert!(Element::parse(StreamKind::ClientToServer, xml).is_err(), "{xml:?}");
    }
    assert!(matches!(
        Element::parse(StreamKind::ClientToServer, "<a/>\n"),
        Err(Error::NotOneElement { offset: 4, .. })
    ));
}

#[test]
fn parse_knows_the_kind_of_stream() {
    let of = |kind| {
        Element::parse(kind, "<message/>")
            .expect("valid")
            .namespace()
            .to_owned()
    };
    assert_eq!(of(StreamKind::ClientToServer), "jabber:client");
    assert_eq!(of(StreamKind::ServerToServer), "jabber:server");
}

#[test]
fn the_reader_knows_what_the_header_declared() {
    let header = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let (events, _) = common::decode([header, "<db:result><a/></db:result>"].concat().as_bytes());
    let Some(xmpp_stream::StreamEvent::Element(result)) = events.last() else {
        panic!()
    };
    let mut reader = result.reader();
    let mut seen = Vec::new();
    loop {
        match reader.read_resolved_event().expect("valid") {
            (_, Event::Eof) => break,
            (ResolveResult::Bound(Namespace(namespace)), event) => {
                seen.push((namespace.to_owned(), format!("{event:?}")))
            }
            other => panic!("{other:?}"),
        }
    }
    let namespaces: Vec<_> = seen.iter().map(|(namespace, _)| &**namespace).collect();
    assert_eq!(namespaces, [ns::DIALBACK, "jabber:server", ns::DIALBACK]);
}

#[test]
fn a_detached_element_says_the_same() {
    let e = element("<message to='a'><body>b</body></message>");
    let detached = e.detach();
    assert_eq!(detached.as_bytes(), e.as_bytes());
    assert_ne!(detached.as_bytes().as_ptr(), e.as_bytes().as_ptr());
    assert_eq!(detached.children().next().expect("body").text(), "b");
}

#[test]
fn attributes_by_namespace_are_those_of_the_prefixes_in_scope() {
    let e = element(
        "<a xmlns:p='urn:p' p:x='1'><b xmlns:p='urn:q' p:x='2'/><c x='0' p:x='3'><d xmlns:r='urn:&#112;' r:x='4' xml:x='5'/></c></a>",
    );
    assert_eq!(e.attribute_in("urn:p", "x").as_deref(), Some("1"));
    let [b, c] = e.children().collect::<Vec<_>>()[..] else {
        panic!()
    };
    // What a sibling declares does not count.
    assert_eq!(
        (b.attribute_in("urn:q", "x").as_deref(), b.attribute_in("urn:p", "x")),
        (Some("2"), None)
    );
    assert_eq!(
        (c.attribute_in("urn:p", "x").as_deref(), c.attribute_in("urn:q", "x")),
        (Some("3"), None)
    );
    assert_eq!(c.attribute_in("", "x").as_deref(), Some("0"));
    let d = c.children().next().unwrap();
    assert_eq!(d.attribute_in("urn:p", "x").as_deref(), Some("4"));
    assert_eq!(d.attribute_in(ns::XML, "x").as_deref(), Some("5"));
}
