//! The decoder's contract: laziness, restarts, the end of input, limits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use common::HEADER;
use xmpp_stream::{Error, LimitKind, Limits, NamespaceError, Place, StreamDecoder, StreamEvent, StreamHeader, Version};
use xmpp_tls_core::StreamCondition;

fn decoder(input: impl AsRef<[u8]>) -> StreamDecoder {
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(input.as_ref());
    decoder
}

fn open(decoder: &mut StreamDecoder) -> StreamHeader {
    match decoder.next_event() {
        Ok(Some(StreamEvent::Open(header))) => header,
        other => panic!("{other:?}"),
    }
}

fn element(decoder: &mut StreamDecoder) -> String {
    match decoder.next_event() {
        Ok(Some(StreamEvent::Element(element))) => element.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_behind_an_event_is_never_looked_at() {
    let proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    for behind in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"\xFF\xFE",
        b"\0",
        b"<!DOCTYPE",
        b"</wrong>",
        b"text",
        b"\xC3",
    ] {
        let mut decoder = decoder([HEADER.as_bytes(), proceed.as_bytes(), behind].concat());
        open(&mut decoder);
        assert_eq!(element(&mut decoder), proceed);
        assert_eq!(decoder.unread(), behind.len(), "{behind:?}");
    }
}

#[test]
fn an_event_is_returned_as_soon_as_its_last_byte_is_there() {
    let proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls' x='a>b'></proceed>";
    let mut decoder = decoder(HEADER);
    open(&mut decoder);
    let (last, before) = proceed.as_bytes().split_last().expect("bytes");
    decoder.push(before);
    assert!(matches!(decoder.next_event(), Ok(None)));
    decoder.push(&[*last]);
    assert_eq!(element(&mut decoder), proceed);
    assert_eq!(decoder.unread(), 0);
}

#[test]
fn errors_are_sticky() {
    let mut decoder = decoder(HEADER);
    open(&mut decoder);
    decoder.push(b"<a/><!--");
    assert_eq!(element(&mut decoder), "<a/>");
    let error = decoder.next_event().expect_err("comment");
    decoder.push(b"<b/>");
    assert_eq!(decoder.next_event().expect_err("sticky"), error);
    assert_eq!(decoder.finish(), Err(error.clone()));
    decoder.restart(Limits::after_authentication());
    decoder.push(HEADER.as_bytes());
    assert_eq!(decoder.next_event().expect_err("sticky"), error);
}

#[test]
fn strm_04_attributes_of_the_header() {
    let mut decoder = decoder(
        "<?xml version='1.0'?>\n<stream:stream stream:id='wrong' from='juliet@im.example.com' to='im.example.com' \
         version='1.0' xml:lang='en_US' id='a&amp;b' lang='wrong' xmlns='jabber:client' xmlns:db='jabber:server:dialback' \
         xmlns:stream='http://etherx.jabber.org/streams'>",
    );
    let header = open(&mut decoder);
    assert_eq!(header.from.as_deref(), Some("juliet@im.example.com"));
    assert_eq!(header.to.as_deref(), Some("im.example.com"));
    assert_eq!(header.id.as_deref(), Some("a&b"));
    assert_eq!(header.version, Some(Version::V1_0));
    assert_eq!(header.lang.as_deref(), Some("en_US"));
    assert_eq!(header.content_namespace(), Some("jabber:client"));
    assert!(header.declares("jabber:server:dialback") && header.declares("jabber:client") && !header.declares("urn:x"));
}

#[test]
fn strm_04_a_prefixed_to_is_no_to() {
    let header = open(&mut decoder(
        "<s:stream s:to='x' xmlns:s='http://etherx.jabber.org/streams'>",
    ));
    assert_eq!(
        (&header.to, header.version, header.content_namespace()),
        (&None, None, None)
    );
}

#[test]
fn strm_02_strict_prefixes_are_an_option() {
    let header = "<foobar:stream xmlns='jabber:client' xmlns:foobar='http://etherx.jabber.org/streams'>";
    open(&mut decoder(header));
    let mut strict = decoder(header);
    strict.set_strict_prefixes(true);
    let error = strict.next_event().expect_err("prefix");
    assert_eq!(error.stream_condition(), Some(StreamCondition::BAD_NAMESPACE_PREFIX));
}

#[test]
fn ns_07_strict_prefixes_for_stanzas() {
    let stanza = "<foo:message xmlns:foo='jabber:client'/>";
    let mut lenient = decoder([HEADER, stanza].concat());
    open(&mut lenient);
    element(&mut lenient);
    let mut strict = decoder(
        [
            HEADER,
            "<a:starttls xmlns:a='urn:ietf:params:xml:ns:xmpp-tls'/>",
            stanza,
        ]
        .concat(),
    );
    strict.set_strict_prefixes(true);
    open(&mut strict);
    element(&mut strict);
    let error = strict.next_event().expect_err("prefix");
    assert_eq!(error.stream_condition(), Some(StreamCondition::BAD_NAMESPACE_PREFIX));
}

#[test]
fn feat_12_a_restart_is_a_new_document() {
    let first = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
                 xmlns:stream='http://etherx.jabber.org/streams' xml:lang='de'>";
    let success = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    let mut decoder = decoder([first, success, "<?xml version='1.0'?>", HEADER, "<db:result/>"].concat());
    open(&mut decoder);
    assert_eq!(element(&mut decoder), success);
    decoder.restart(Limits::after_authentication());
    assert_eq!(open(&mut decoder).lang, None);
    let error = decoder.next_event().expect_err("db is undeclared now");
    assert_eq!(error.stream_condition(), Some(StreamCondition::NOT_WELL_FORMED));
    assert!(
        error.to_string().starts_with(&format!("at byte {}", 21 + HEADER.len())),
        "{error}"
    );
}

#[test]
fn feat_11_a_header_without_restart_is_an_element_that_never_ends() {
    let mut decoder = decoder([HEADER, "<?xml version='1.0'?>"].concat());
    open(&mut decoder);
    assert_eq!(
        decoder.next_event().expect_err("no restart").stream_condition(),
        Some(StreamCondition::RESTRICTED_XML)
    );
}

#[test]
fn close_05_truncation_is_told_from_an_orderly_end() {
    let finish = |input: &str| {
        let mut decoder = decoder(input);
        while decoder.next_event().expect("valid").is_some() {}
        decoder.finish()
    };
    let truncated = |within, offset| Err(Error::Truncated { within, offset });
    let length = HEADER.len() as u64;
    assert_eq!(finish(""), truncated(Place::BeforeHeader, 0));
    assert_eq!(finish(" \n"), truncated(Place::BeforeHeader, 2));
    assert_eq!(finish("<"), truncated(Place::Header, 1));
    assert_eq!(finish("<?xml version='1.0'?>"), truncated(Place::Header, 21));
    assert_eq!(
        finish(&HEADER[..length as usize - 1]),
        truncated(Place::Header, length - 1)
    );
    assert_eq!(finish(HEADER), truncated(Place::BetweenElements, length));
    assert_eq!(
        finish(&format!("{HEADER}<a/> ")),
        truncated(Place::BetweenElements, length + 5)
    );
    assert_eq!(finish(&format!("{HEADER}<a>")), truncated(Place::Element, length + 3));
    assert_eq!(
        finish(&format!("{HEADER}</stream:stream")),
        truncated(Place::Element, length + 15)
    );
    assert_eq!(finish(&format!("{HEADER}</stream:stream>")), Ok(()));
    assert_eq!(finish(&format!("{HEADER}</stream:stream>rest")), Ok(()));
}

fn error_of(limits: Limits, input: &[u8], chunk: usize) -> (Option<Error>, usize) {
    let mut decoder = StreamDecoder::new(limits);
    let mut most = 0;
    for piece in input.chunks(chunk) {
        decoder.push(piece);
        most = most.max(decoder.unread());
        loop {
            match decoder.next_event() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return (Some(error), most),
            }
        }
    }
    (None, most)
}

#[test]
fn dos_05_an_element_of_exactly_the_limit_passes_and_one_more_byte_fails() {
    let mut limits = Limits::before_authentication();
    limits.element_bytes = 100;
    for (size, passes) in [(99, true), (100, true), (101, false), (102, false)] {
        for form in ["<a></a>", "<a b=''/>"] {
            let filler = "x".repeat(size - form.len());
            let element = if form == "<a></a>" {
                format!("<a>{filler}</a>")
            } else {
                format!("<a b='{filler}'/>")
            };
            assert_eq!(element.len(), size);
            let (error, _) = error_of(limits.clone(), [HEADER, &element].concat().as_bytes(), 1000);
            let expected = (!passes).then_some(Error::Limit {
                limit: LimitKind::ElementBytes,
                max: 100,
            });
            assert_eq!(error, expected, "{element}");
        }
    }
}

#[test]
fn dos_07_too_large_an_element_is_a_policy_violation_that_says_so() {
    let error = Error::Limit {
        limit: LimitKind::ElementBytes,
        max: 10_000,
    };
    let stream_error = error.to_stream_error().expect("an error to send");
    assert_eq!(stream_error.condition, StreamCondition::POLICY_VIOLATION);
    assert_eq!(
        stream_error.application,
        Some(("urn:xmpp:errors".into(), "stanza-too-big".into()))
    );
}

#[test]
fn xml_21_v_34_32_every_limit_holds_while_bytes_accumulate() {
    const CHUNK: usize = 4096;
    let limits = Limits::before_authentication();
    let endless = 10 << 20;
    let families: [(&str, &str, LimitKind); 8] = [
        ("<stream:stream xmlns:stream='", "x", LimitKind::AttributeValueBytes),
        ("", " ", LimitKind::HeaderBytes),
        ("HEADER<a x='", "y", LimitKind::AttributeValueBytes),
        ("HEADER<", "a", LimitKind::NameBytes),
        ("HEADER<a>", "text", LimitKind::ElementBytes),
        ("HEADER<a>&", "n", LimitKind::NameBytes),
        ("HEADER<a>&#", "0", LimitKind::ElementBytes),
        ("HEADER<a", " ", LimitKind::ElementBytes),
    ];
    for (start, repeated, expected) in families {
        let mut input = start.replace("HEADER", HEADER);
        input.push_str(&repeated.repeat(endless / repeated.len()));
        let (error, most) = error_of(limits.clone(), input.as_bytes(), CHUNK);
        assert!(
            matches!(error, Some(Error::Limit { limit, .. }) if limit == expected),
            "{start}: {error:?}"
        );
        assert!(most <= limits.element_bytes() + CHUNK, "{start}: {most} bytes held");
    }
}

#[test]
fn v_34_33_depth_attributes_and_namespaces() {
    let limits = Limits::before_authentication();
    let error = |content: String| {
        let mut large = limits.clone();
        large.element_bytes = 1 << 24;
        error_of(large, [HEADER, &content].concat().as_bytes(), 4096).0
    };
    let over = |limit, max| Some(Error::Limit { limit, max });
    assert_eq!(error("<a>".repeat(100_000)), over(LimitKind::Depth, 16));
    assert_eq!(error("<a>".repeat(16)), None);
    assert_eq!(error("<a>".repeat(17)), over(LimitKind::Depth, 16));
    let attributes = |count| (0..count).map(|n| format!(" a{n}=''")).collect::<String>();
    assert_eq!(error(format!("<a{}/>", attributes(32))), None);
    assert_eq!(
        error(format!("<a{}/>", attributes(33))),
        over(LimitKind::Attributes, 32)
    );
    let declarations = |count| (0..count).map(|n| format!(" xmlns:p{n}='u'")).collect::<String>();
    assert_eq!(error(format!("<a{}/><a/>", declarations(30))), None);
    assert_eq!(
        error(format!("<a{}/>", declarations(31))),
        over(LimitKind::Namespaces, 32)
    );
    assert_eq!(
        error(format!("<a{}><b xmlns:q='u'/>", declarations(30))),
        over(LimitKind::Namespaces, 32)
    );
}

#[test]
fn limits_can_change_in_the_middle_of_an_element() {
    for start in ["<a b='", "<a>", "<a><![CDATA[", "<a", "<a>&#"] {
        let filler = if start == "<a" { "a" } else { "0" };
        let mut decoder = decoder([HEADER, start, &filler.repeat(120)].concat());
        open(&mut decoder);
        assert!(matches!(decoder.next_event(), Ok(None)));
        let mut limits = Limits::before_authentication();
        limits.element_bytes = 100;
        decoder.set_limits(limits);
        let expected = Error::Limit {
            limit: LimitKind::ElementBytes,
            max: 100,
        };
        assert_eq!(decoder.next_event().expect_err("limit"), expected);
    }
}

#[test]
fn xml_10_errors_say_what_is_wrong_with_a_name() {
    for name in ["a:b:c", "a:", "a::b"] {
        let error = error_of(
            Limits::before_authentication(),
            format!("{HEADER}<{name} xmlns:a='u'/>").as_bytes(),
            1,
        )
        .0;
        let colon = matches!(
            error,
            Some(Error::Namespace {
                kind: NamespaceError::Colon { .. },
                ..
            })
        );
        assert!(colon, "{name}: {error:?}");
    }
}

#[test]
fn sil_02_white_space_in_front_of_a_restarted_stream_belongs_to_the_one_before() {
    let restarted = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
    for (before, after) in [("\n", ""), ("", "\r\n"), (" \t", "\n"), ("", "")] {
        let mut decoder = StreamDecoder::new(Limits::before_authentication());
        decoder.push(format!("{restarted}<auth/>{before}").as_bytes());
        assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Open(_)))));
        assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Element(_)))));
        decoder.restart(Limits::after_authentication());
        assert!(matches!(decoder.next_event(), Ok(None)));
        decoder.push(after.as_bytes());
        assert!(matches!(decoder.next_event(), Ok(None)));
        decoder.push(restarted.as_bytes());
        assert!(
            matches!(decoder.next_event(), Ok(Some(StreamEvent::Open(_)))),
            "{before:?} {after:?}"
        );
    }
    // At the start of a connection there is no stream before.
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(format!("\n{restarted}").as_bytes());
    assert!(decoder.next_event().is_err());
}

/// Whoever appends by itself gives the same events, and cannot reach what is there.
#[test]
fn what_is_appended_is_what_is_pushed() {
    let text = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
        xmlns:stream='http://etherx.jabber.org/streams'> <message><body>hi</body></message><presence/></stream:stream>";
    for cut in 0..text.len() {
        let events = |pushed: bool| {
            let mut decoder = StreamDecoder::new(Limits::before_authentication());
            let mut events = Vec::new();
            for piece in [&text[..cut], &text[cut..], "behind the end"] {
                if pushed {
                    decoder.push(piece.as_bytes());
                } else {
                    decoder.push_with(|buffer| {
                        assert!(buffer.is_empty());
                        buffer.extend_from_slice(piece.as_bytes());
                    });
                }
                while let Some(event) = decoder.next_event().unwrap() {
                    events.push(format!("{event:?}"));
                }
            }
            (events, decoder.unread())
        };
        assert_eq!(events(false), events(true), "{cut}");
    }
    let mut failed = StreamDecoder::new(Limits::before_authentication());
    failed.push_with(|buffer| buffer.extend_from_slice(b"<!-- -->"));
    assert!(failed.next_event().is_err());
    failed.push_with(|buffer| buffer.extend_from_slice(b"more"));
    assert_eq!(failed.unread(), 0);
}
