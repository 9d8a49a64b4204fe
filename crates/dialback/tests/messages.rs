//! Messages, features and headers: read, written, cut anywhere.

mod common;

use bytes::BytesMut;
use common::{HEADER, answer, claim, element, error, load, message, pair, result, text, verified};
use serde::Deserialize;
use xmpp_dialback::{
    Answer, DialbackCondition, Message, MessageError, Pair, PresentedKey, Support, VerifyRequest, bidi,
};
use xmpp_stream::{Element, Features, Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};
use xmpp_tls_core::{StreamKind, ns};
use xmpp_tls_testkit::cuts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Readable {
    id: String,
    #[allow(dead_code, reason = "for readers of the table")]
    clause: String,
    kind: String,
    originating: String,
    receiving: String,
    #[serde(default)]
    stream_id: String,
    answer: Option<String>,
    #[serde(default)]
    key: String,
    xml: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refused {
    id: String,
    #[allow(dead_code, reason = "for readers of the table")]
    rows: Vec<String>,
    condition: String,
    xml: String,
}

#[derive(Deserialize)]
struct Messages {
    message: Vec<Readable>,
    refused: Vec<Refused>,
}

/// What the table says a message is.
fn expected(case: &Readable) -> Message {
    let pair = pair(&case.originating, &case.receiving);
    let key = || PresentedKey::new(&case.key).unwrap();
    let given = || answer(case.answer.as_deref().unwrap());
    match case.kind.as_str() {
        "result-request" => Message::ResultRequest(xmpp_dialback::ResultRequest { pair, key: key() }),
        "verify-request" => {
            let (id, key) = (case.stream_id.as_str().into(), key());
            VerifyRequest { pair, id, key }.into()
        }
        "verify-answer" => verified(&pair, &case.stream_id, given()).into(),
        "result-answer" => result(&pair, given()).into(),
        kind => panic!("{kind}"),
    }
}

#[test]
fn db_01_db_04_db_10_db_21_db_60_v_08_to_v_16_every_message_is_read() {
    let cases = load::<Messages>("messages.toml").message;
    assert!(cases.len() >= 20);
    for case in cases {
        assert_eq!(text(message(&case.xml)), text(expected(&case)), "{}", case.id);
    }
}

#[test]
fn db_28_what_cannot_be_read_has_a_stream_error() {
    let cases = load::<Messages>("messages.toml").refused;
    assert!(cases.len() >= 9);
    for case in cases {
        let refused = Message::from_element(&element(&case.xml)).unwrap_err();
        assert_eq!(
            refused.stream_condition().name(),
            case.condition,
            "{}: {refused}",
            case.id
        );
    }
    let long = format!("<db:verify from='a' to='b' type='valid' id='{}'/>", "x".repeat(1024));
    let too_long = Message::from_element(&element(&long)).unwrap_err();
    assert_eq!(too_long, MessageError::IdTooLong { octets: 1024 });
    assert_eq!(too_long.stream_condition().name(), "policy-violation");
}

/// Every kind of message, and every condition.
fn all() -> Vec<Message> {
    let pair = pair("bücher.example", "montague.example");
    let mut all = vec![
        claim(&pair).into(),
        VerifyRequest {
            pair: pair.clone(),
            id: "<'&\">".into(),
            key: PresentedKey::new("a]]>&b").unwrap(),
        }
        .into(),
    ];
    let conditions = DialbackCondition::ALL.iter().cloned().map(Answer::Error);
    for answer in [Answer::Valid, Answer::Invalid].into_iter().chain(conditions) {
        all.push(verified(&pair, "id", answer.clone()).into());
        all.push(result(&pair, answer).into());
    }
    all
}

#[test]
fn db_02_db_34_db_50_what_is_written_is_read_back() {
    let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    encoder.open(&Support::declare(StreamHeader::new()), &mut BytesMut::new());
    let all = all();
    assert_eq!(all.len(), 26);
    for written in all {
        let mut out = BytesMut::new();
        written.write(&mut encoder, &mut out).unwrap();
        let xml = std::str::from_utf8(&out).unwrap();
        // DB-02: prefixed, by the prefix of the header alone.
        assert!(
            xml.starts_with("<db:result ") || xml.starts_with("<db:verify "),
            "{xml}"
        );
        assert!(!xml.contains("xmlns:"), "{xml}");
        assert_eq!(text(message(xml)), text(written.clone()));
        // And so is the element that stands by itself.
        let alone = Message::from_element(&written.to_element().unwrap()).unwrap().unwrap();
        assert_eq!(text(alone), text(written));
    }
}

#[test]
fn db_34_db_60_an_error_as_it_is_written() {
    let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    encoder.open(&Support::declare(StreamHeader::new()), &mut BytesMut::new());
    let mut out = BytesMut::new();
    let refused = result(
        &pair("a.example", "b.example"),
        error(DialbackCondition::ITEM_NOT_FOUND),
    );
    Message::from(refused).write(&mut encoder, &mut out).unwrap();
    assert_eq!(
        out,
        "<db:result from='b.example' to='a.example' type='error'><error type='cancel'>\
         <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>"
    );
}

#[test]
fn a_message_that_xml_cannot_carry_is_not_written() {
    let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    encoder.open(&Support::declare(StreamHeader::new()), &mut BytesMut::new());
    let message = Message::from(verified(&pair("a.example", "b.example"), "\0", Answer::Valid));
    let mut out = BytesMut::new();
    assert!(message.write(&mut encoder, &mut out).is_err() && out.is_empty());
    assert!(message.to_element().is_err());
}

/// Messages go through the codec, whose input may be cut anywhere.
#[test]
fn cutting_the_input_changes_no_message() {
    let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    let mut out = BytesMut::new();
    encoder.open(&Support::declare(StreamHeader::new()), &mut out);
    let mut expected = Vec::new();
    for message in all() {
        message.write(&mut encoder, &mut out).unwrap();
        expected.push(text(message));
    }
    let read = |chunks: &[&[u8]]| {
        let mut decoder = StreamDecoder::new(Limits::before_authentication());
        let mut found = Vec::new();
        for chunk in chunks {
            decoder.push(chunk);
            while let Some(event) = decoder.next_event().unwrap() {
                if let StreamEvent::Element(element) = event {
                    found.push(text(Message::from_element(&element).unwrap().unwrap()));
                }
            }
        }
        found
    };
    assert_eq!(read(&cuts::bytewise(&out)), expected);
    for (index, chunks) in cuts::random(&out, 6, 60).enumerate() {
        assert_eq!(read(&chunks), expected, "cut {index}");
    }
    for chunks in cuts::single(&out).step_by(31) {
        assert_eq!(read(&chunks), expected);
    }
}

#[test]
fn db_02_db_03_the_header_declares_db_and_so_says_that_there_is_dialback() {
    let mut out = BytesMut::new();
    StreamEncoder::new(StreamKind::ServerToServer).open(&Support::declare(StreamHeader::new()), &mut out);
    let xml = std::str::from_utf8(&out).unwrap();
    assert!(xml.contains(" xmlns:db='jabber:server:dialback'"), "{xml}");
    // V-17, without a version, and with other prefixes.
    for (header, support) in [
        (
            "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
             xmlns:stream='http://etherx.jabber.org/streams' from='montague.example' to='capulet.example'>",
            Support::Dialback,
        ),
        (
            "<s:stream xmlns:x='jabber:server:dialback' xmlns:s='http://etherx.jabber.org/streams'>",
            Support::Dialback,
        ),
        (
            "<s:stream xmlns:db='jabber:server' xmlns:s='http://etherx.jabber.org/streams'>",
            Support::NotAdvertised,
        ),
    ] {
        let mut decoder = StreamDecoder::new(Limits::before_authentication());
        decoder.push(header.as_bytes());
        let Ok(Some(StreamEvent::Open(header))) = decoder.next_event() else {
            panic!("{header}")
        };
        assert_eq!(Support::of(&header, None), support);
    }
}

#[test]
fn db_05_db_06_db_07_v_18_the_feature_with_and_without_errors() {
    let support = |xml: &str| {
        let features = Features::from_element(&element(&format!("<stream:features>{xml}</stream:features>"))).unwrap();
        Support::of(&StreamHeader::new(), Some(&features))
    };
    let v_18 = "\n  <dialback xmlns='urn:xmpp:features:dialback'>\n    <errors/>\n  </dialback>\n";
    assert_eq!(support(v_18), Support::DialbackAndErrors);
    assert!(support(v_18).errors());
    assert_eq!(
        support("<dialback xmlns='urn:xmpp:features:dialback'/>"),
        Support::Dialback
    );
    assert!(!support("<dialback xmlns='urn:xmpp:features:dialback'/>").errors());
    // Neither is the feature, and nothing said is not "no".
    assert_eq!(
        support("<dialback xmlns='jabber:server:dialback'><errors/></dialback>"),
        Support::NotAdvertised
    );
    assert_eq!(support(""), Support::NotAdvertised);
    let other = "<dialback xmlns='urn:xmpp:features:dialback'><errors xmlns='urn:x'/></dialback>";
    assert_eq!(support(other), Support::Dialback);
    assert_eq!(
        Support::feature().build().unwrap().as_str(),
        "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
    );
}

#[test]
fn bidi_01_bidi_03_the_feature_and_the_request() {
    let features = Features::builder().feature(bidi::feature()).build().unwrap();
    let xml = "<stream:features><bidi xmlns='urn:xmpp:features:bidi'/></stream:features>";
    assert_eq!(features.as_element().as_str(), xml);
    assert!(bidi::is_offered(&features));
    assert!(!bidi::is_offered(
        &Features::builder().feature(bidi::request()).build().unwrap()
    ));
    assert!(bidi::is_request(&element("<bidi xmlns='urn:xmpp:bidi'/>")));
    assert!(!bidi::is_request(&element("<bidi xmlns='urn:xmpp:features:bidi'/>")));
    assert!(!bidi::is_request(&element("<bidi/>")));
    assert_eq!(
        bidi::request().build().unwrap().as_str(),
        "<bidi xmlns='urn:xmpp:bidi'/>"
    );
}

#[test]
fn db_60_to_db_69_the_conditions_of_xep_0220() {
    let names = [
        "item-not-found",
        "remote-connection-failed",
        "remote-server-not-found",
        "remote-server-timeout",
        "policy-violation",
        "not-authorized",
        "forbidden",
        "not-acceptable",
        "resource-constraint",
    ];
    for name in names {
        let condition = DialbackCondition::from_name(name);
        assert!(DialbackCondition::ALL.contains(&condition), "{name}");
        assert_eq!(condition.name(), name);
    }
    assert_eq!(DialbackCondition::ALL.len(), names.len() + 1);
    // A name of the peer's own does no harm in a log.
    assert_eq!(DialbackCondition::from_name("a\nb").to_string(), "a\\nb");
}

/// V-35: as it is printed in XEP-0344, the prefix is bound by nothing; in RFC 7712 a quotation mark is
/// missing.
#[test]
fn dna_07_elements_as_they_are_misprinted_are_refused_or_never_end() {
    let unbound = "<db:result from='capulet.example' to='montague.example'>key</db:result>";
    assert!(Element::parse(StreamKind::ServerToServer, unbound).is_err());
    let mut decoder = StreamDecoder::new(Limits::before_authentication());
    decoder.push(HEADER.as_bytes());
    decoder.push(b"<db:verify from='a.example' to='b.example' id='...' type='valid/>");
    assert!(matches!(decoder.next_event(), Ok(Some(StreamEvent::Open(_)))));
    assert!(matches!(decoder.next_event(), Ok(None)));
    decoder.push(&vec![b'x'; 1_000_000]);
    assert!(decoder.next_event().is_err());
}

#[test]
fn db_38_the_pair_of_a_stanza() {
    let of = |xml| Pair::of_stanza(&element(xml));
    let expected = pair("montague.example", "capulet.example");
    for xml in [
        "<message from='romeo@montague.example/orchard@x/y' to='capulet.example'/>",
        "<message from='MONTAGUE.example.' to='a@capulet.example'/>",
        "<message from='montague.example/a@b.example' to='capulet.example/montague.example'/>",
    ] {
        assert_eq!(of(xml).unwrap(), expected, "{xml}");
    }
    for xml in [
        "<message to='capulet.example'/>",
        "<message from='montague.example'/>",
        "<message from='' to='capulet.example'/>",
        "<message from='a@b@montague.example' to='capulet.example'/>",
        "<message from='/montague.example' to='capulet.example'/>",
    ] {
        let condition = of(xml).unwrap_err().stream_condition().unwrap();
        assert_eq!(condition.name(), "improper-addressing", "{xml}");
    }
}

#[test]
fn whom_a_message_is_for() {
    for (xml, to) in [
        ("<db:result from='a' to='b'>k</db:result>", "b"),
        ("<db:result from='a' to='b' type='valid'/>", "b"),
        ("<db:verify from='a' to='b' id='1'>k</db:verify>", "b"),
        ("<db:verify from='a' to='b' id='1' type='invalid'/>", "b"),
    ] {
        assert_eq!(message(xml).to().as_str(), to, "{xml}");
    }
    let presence = element("<presence from='a' to='b'/>");
    assert!(presence.namespace() == ns::SERVER && Message::from_element(&presence).unwrap().is_none());
}
