//! Rules by their rows, and the table of rows itself (`src/rows.md`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use bytes::BytesMut;
use common::{HEADER, XmlCases, decode, load};
use std::collections::BTreeSet;
use xmpp_stream::{
    Element, ElementBuilder, Error, Features, LimitKind, StreamEncoder, StreamError, StreamEvent, StreamHeader,
    StreamLimits,
};
use xmpp_tls_core::{StreamCondition, StreamId, StreamKind, ns};

use StreamKind::{ClientToServer, ServerToServer};

/// Runs the vectors of these rows: there must be at least so many, and as many refused.
fn vectors(rows: &[&str], at_least: usize) {
    let mut found = 0;
    for case in load::<XmlCases>("xml.toml").case {
        if case.rows.iter().any(|row| rows.contains(&row.as_str())) {
            let condition = decode(&case.input()).1.and_then(|error| error.stream_condition());
            assert_eq!(condition.map(|c| c.name()), case.condition.as_deref(), "{}", case.id);
            found += 1;
        }
    }
    assert!(found >= at_least, "{rows:?}: {found} vectors");
}

fn header(xml: &str) -> Result<StreamHeader, Error> {
    match decode(xml.as_bytes()) {
        (events, None) => match events.into_iter().next() {
            Some(StreamEvent::Open(header)) => Ok(header),
            other => panic!("{xml}: {other:?}"),
        },
        (_, Some(error)) => Err(error),
    }
}

fn condition(content: &str) -> Option<StreamCondition> {
    decode([HEADER, content].concat().as_bytes())
        .1
        .and_then(|error| error.stream_condition())
}

fn response(request: &StreamHeader) -> StreamHeader {
    let served = "example.org".parse().unwrap();
    request.response(
        ClientToServer,
        Some(&served),
        &StreamId::from_random([9; 16]),
        &["en".to_owned()],
    )
}

#[test]
fn strm_01_what_is_no_stream_header() {
    vectors(&["STRM-01"], 3);
}

#[test]
fn strm_05_strm_19_what_the_caller_sets_is_sent() {
    let mut out = BytesMut::new();
    StreamEncoder::new(ClientToServer).open(&StreamHeader::new().with_to("a.example").with_lang("de"), &mut out);
    let read = header(std::str::from_utf8(&out).unwrap()).unwrap();
    assert_eq!(
        (read.to.as_deref(), read.lang.as_deref()),
        (Some("a.example"), Some("de"))
    );
}

#[test]
fn strm_08_strm_14_a_response_has_from_and_an_id() {
    let answer = response(&StreamHeader::new().with_to("other.example"));
    assert_eq!(answer.from.as_deref(), Some("example.org"));
    assert_eq!(answer.id, Some(StreamId::from_random([9; 16]).to_string().into()));
}

#[test]
fn strm_11_a_header_may_lack_everything() {
    let read = header("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>").unwrap();
    assert_eq!(read, StreamHeader::default().with_declaration("stream", ns::STREAM));
}

#[test]
fn strm_16_strm_17_the_initiator_s_id_is_ignored() {
    assert_ne!(
        response(&StreamHeader::new().with_id("mine")).id.as_deref(),
        Some("mine")
    );
}

#[test]
fn strm_21_a_language_that_is_none_does_no_harm() {
    vectors(&["STRM-21"], 1);
}

#[test]
fn strm_22_the_default_language_is_known() {
    let xml = "<s:stream xml:lang='de' xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'><message/><message xml:lang='fr'/>";
    let languages: Vec<_> = decode(xml.as_bytes())
        .0
        .into_iter()
        .filter_map(|event| match event {
            StreamEvent::Element(element) => {
                Some((element.lang().map(Into::into), element.stream_lang().map(str::to_owned)))
            }
            _ => None,
        })
        .collect();
    let de = Some("de".to_owned());
    assert_eq!(languages, [(None::<String>, de.clone()), (Some("fr".to_owned()), de)]);
}

#[test]
fn strm_29_other_versions_are_read() {
    for (version, major, minor) in [("1.7", 1, 7), ("0.9", 0, 9), ("11.0", 11, 0)] {
        let xml = format!("<s:stream version='{version}' xmlns:s='http://etherx.jabber.org/streams'>");
        let read = header(&xml).unwrap().version.unwrap();
        assert_eq!((read.major, read.minor), (major, minor));
    }
}

#[test]
fn strm_30_unknown_attributes_are_ignored() {
    vectors(&["STRM-30"], 1);
}

#[test]
fn ns_01_the_stream_namespace_is_no_content_namespace() {
    let read = header("<stream xmlns='http://etherx.jabber.org/streams'>").unwrap();
    assert_eq!(read.content_namespace(), None);
}

#[test]
fn ns_05_another_content_namespace_is_refused() {
    for (namespace, kind, fine) in [
        ("jabber:client", ClientToServer, true),
        ("jabber:server", ServerToServer, true),
        ("jabber:server", ClientToServer, false),
        ("foo:bar", ServerToServer, false),
    ] {
        let xml = format!("<s:stream xmlns='{namespace}' xmlns:s='http://etherx.jabber.org/streams'>");
        let result = header(&xml).unwrap().check_content_namespace(kind);
        let condition = result.err().and_then(|error| error.stream_condition());
        assert_eq!(
            condition,
            (!fine).then_some(StreamCondition::INVALID_NAMESPACE),
            "{namespace}"
        );
    }
}

#[test]
fn feat_01_empty_features_are_written() {
    assert_eq!(
        Features::builder().build().unwrap().as_element().as_str(),
        "<stream:features/>"
    );
}

#[test]
fn close_01_the_closing_tag_matches_the_header() {
    vectors(&["CLOSE-01"], 3);
    let mut out = BytesMut::new();
    StreamEncoder::new(ServerToServer).close(&mut out);
    assert_eq!(out, "</stream:stream>");
}

#[test]
fn close_02_what_follows_the_closing_tag_is_ignored() {
    vectors(&["CLOSE-02"], 1);
}

#[test]
fn sil_01_xml_17_white_space_between_elements() {
    vectors(&["SIL-01", "XML-17"], 2);
    assert_eq!(condition("\u{A0}"), Some(StreamCondition::BAD_FORMAT));
}

#[test]
fn serr_02_an_error_about_the_header() {
    let (mut encoder, mut out) = (StreamEncoder::new(ClientToServer), BytesMut::new());
    encoder.open(&StreamHeader::new(), &mut out);
    encoder.error(&StreamError::new(StreamCondition::INVALID_NAMESPACE), &mut out);
    encoder.close(&mut out);
    let (events, error) = decode(&out);
    assert_eq!(error, None);
    let [StreamEvent::Open(_), StreamEvent::Element(element), StreamEvent::Close] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(
        StreamError::from_element(element).unwrap().condition,
        StreamCondition::INVALID_NAMESPACE
    );
}

#[test]
fn serr_03_an_unknown_domain_is_not_echoed() {
    let request = StreamHeader::new().with_to("unknown.example");
    let answer = request.response(ClientToServer, None, &StreamId::from_random([1; 16]), &[]);
    assert_eq!(answer.from.as_deref(), Some(""));
}

#[test]
fn xml_01_to_04_restricted() {
    for row in ["XML-01", "XML-02", "XML-03", "XML-04"] {
        vectors(&[row], 3);
    }
}

#[test]
fn xml_06_cdata_is_text() {
    vectors(&["XML-06"], 4);
}

#[test]
fn xml_08_standalone_is_ignored_and_never_sent() {
    vectors(&["XML-08"], 1);
    let mut out = BytesMut::new();
    StreamEncoder::new(ClientToServer).open(&StreamHeader::new(), &mut out);
    assert!(!out.windows(10).any(|window| window == b"standalone"));
}

#[test]
fn xml_09_not_well_formed() {
    vectors(&["XML-09"], 50);
}

#[test]
fn xml_10_not_namespace_well_formed() {
    vectors(&["XML-10"], 25);
    // Also by prefixes whose namespaces are spelt differently, and by those of the header.
    for twins in [
        "<a xmlns:p='urn:1' xmlns:q='urn:&#49;' p:x='' q:x=''/>",
        "<a xmlns:p='urn:1' p:x=''><b xmlns:q='urn:1' q:y='' q:x='' p:x=''/></a>",
        "<a xmlns:q='http://etherx.jabber.org/streams' stream:x='' q:x=''/>",
        "<a xmlns:p='urn:1' xmlns:q='urn:1' p:a='' p:b='' p:c='' p:d='' p:e='' p:f='' p:g='' p:h='' p:i='' q:a=''/>",
    ] {
        assert_eq!(condition(twins), Some(StreamCondition::NOT_WELL_FORMED), "{twins}");
    }
    for fine in [
        "<a xmlns:p='urn:1' xmlns:q='urn:2' p:x='' q:x='' x=''/>",
        "<a xmlns:p='urn:1' p:x=''><b xmlns:q='urn:1' xmlns:p='urn:2' q:x='' p:x=''/></a>",
        "<a xmlns='urn:1' xmlns:q='urn:1' x='' q:x=''/>",
    ] {
        assert_eq!(condition(fine), None, "{fine}");
    }
}

#[test]
fn xml_12_xml_13_encodings() {
    vectors(&["XML-12"], 3);
    vectors(&["XML-13"], 4);
}

#[test]
fn xml_14_malformed_utf8() {
    vectors(&["XML-14"], 8);
    // Security row 36 of others: malformed in every position.
    for before in [
        "<a",
        "<a b",
        "<a b=",
        "<a b='",
        "<a b='' ",
        "<a>",
        "<a></",
        "<a></a",
        "<a>&",
        "<a>&#",
        "<a><![CDATA[",
    ] {
        for bad in [
            &b"\xC0\x80"[..],
            b"\xED\xA0\x80",
            b"\xF4\x90\x80\x80",
            b"\x80",
            b"\xE2\x28\xA1",
        ] {
            let error = decode(&[HEADER.as_bytes(), before.as_bytes(), bad].concat())
                .1
                .expect("refused");
            assert_eq!(
                error.stream_condition(),
                Some(StreamCondition::UNSUPPORTED_ENCODING),
                "{before} {bad:?}"
            );
        }
    }
}

#[test]
fn xml_15_there_is_no_byte_order_mark() {
    vectors(&["XML-15"], 1);
    assert_eq!(condition("<message><body>\u{FEFF}</body></message>"), None);
}

#[test]
fn xml_16_xml_1_0_only() {
    vectors(&["XML-16"], 1);
}

#[test]
fn xml_18_text_between_elements() {
    vectors(&["XML-18"], 4);
}

#[test]
fn xml_19_unknown_content_is_kept() {
    let xml = "<message nobody='knows' x:y='this' xmlns:x='urn:x'><x:z/>text</message>";
    let (events, error) = decode([HEADER, xml].concat().as_bytes());
    assert_eq!(error, None);
    let Some(StreamEvent::Element(element)) = events.last() else {
        panic!()
    };
    assert_eq!(element.as_str(), xml);
}

#[test]
fn xml_22_greater_than_signs_end_nothing() {
    vectors(&["XML-22"], 1);
}

#[test]
fn dos_08_the_error_does_not_hold_the_stanza() {
    let limit = LimitKind::ElementBytes;
    let error = Error::Limit { limit, max: 10_000 }
        .to_stream_error()
        .unwrap()
        .to_element()
        .unwrap();
    assert!(error.as_bytes().len() < 250, "{error:?}");
}

#[test]
fn lim_01_lim_05_limits_are_written() {
    let limits = StreamLimits::default().with_max_bytes(10_000).with_idle_seconds(600);
    let expected = "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>10000</max-bytes><idle-seconds>600</idle-seconds></limits>";
    let features = Features::builder().limits(limits).build().unwrap();
    assert_eq!(
        features.as_element().as_str(),
        format!("<stream:features>{expected}</stream:features>")
    );
    let bidi = ElementBuilder::new("urn:xmpp:bidi", "bidi")
        .child(limits.to_builder())
        .build()
        .unwrap();
    assert_eq!(bidi.as_str(), format!("<bidi xmlns='urn:xmpp:bidi'>{expected}</bidi>"));
    assert_eq!(StreamLimits::from_children(Element::children(&bidi)), Some(limits));
}

/// The ids that a cell of the table stands for.
fn ids(cell: &str) -> Vec<String> {
    let Some((first, last)) = cell.split_once(" to ") else {
        return vec![cell.to_owned()];
    };
    let (family, first) = first.split_once('-').expect("an id");
    let last = last
        .strip_prefix(family)
        .and_then(|last| last.strip_prefix('-'))
        .expect("the same family");
    match (first.parse::<u32>(), last.parse::<u32>()) {
        (Ok(first), Ok(last)) => (first..=last).map(|number| format!("{family}-{number:02}")).collect(),
        _ => {
            let (stem, a) = first.split_at(first.len() - 1);
            let letters = a.as_bytes()[0]..=*last.as_bytes().last().unwrap();
            letters
                .map(|letter| format!("{family}-{stem}{}", char::from(letter)))
                .collect()
        }
    }
}

#[test]
fn the_table_of_rows_is_complete_and_every_test_in_it_exists() {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut sources = String::new();
    let mut folders = vec![format!("{root}/src"), format!("{root}/tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.display().to_string());
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let table = std::fs::read_to_string(format!("{root}/src/rows.md")).unwrap();
    let mut rows = BTreeSet::new();
    for line in table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('-'))
    {
        let cells: Vec<_> = line.trim_matches(['|', ' ']).split(" | ").collect();
        let [row, rule, proof] = cells[..] else {
            panic!("{line}")
        };
        assert!(rule.len() > 5, "{line}");
        for id in ids(row) {
            assert!(rows.insert(id), "{row} twice");
        }
        if let Some(reason) = proof.strip_prefix("out: ") {
            assert!(reason.len() > 5, "{line}");
            continue;
        }
        for name in proof.split(", ") {
            let name = name.trim_matches('`');
            let here = format!("#[test]\nfn {name}()");
            let inner = format!("#[test]\n    fn {name}()");
            assert!(
                sources.contains(&here) || sources.contains(&inner),
                "{row}: there is no test {name}"
            );
        }
    }
    let mut expected = BTreeSet::new();
    for family in [
        "RES-01 to RES-11",
        "STRM-01 to STRM-30",
        "NS-01 to NS-11",
        "FEAT-01 to FEAT-16",
        "DIR-01 to DIR-05",
        "CLOSE-01 to CLOSE-06",
        "SIL-01 to SIL-06",
        "SERR-01 to SERR-12",
        "ERR-01 to ERR-25",
        "ERR-19a to ERR-19c",
        "XML-01 to XML-22",
        "DOS-01 to DOS-11",
        "LIM-01 to LIM-07",
    ] {
        expected.extend(ids(family));
    }
    assert_eq!(expected.len(), 165);
    assert_eq!(rows, expected);
}
