//! The tables in tests/vectors/stream: every row's input has the outcome that it names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use common::{ErrorVectors, Transcripts, XmlCases, decode, load, streams};
use xmpp_stream::{Features, StreamError, StreamEvent, StreamLimits};
use xmpp_tls_core::StreamCondition;

#[test]
fn xml_vectors() {
    for case in load::<XmlCases>("xml.toml").case {
        let (events, error) = decode(&case.input());
        let condition = error
            .as_ref()
            .and_then(|error| error.stream_condition())
            .map(|condition| condition.name());
        assert_eq!(condition, case.condition.as_deref(), "{}: {error:?}", case.id);
        assert!(
            !case.rows.is_empty()
                && [&case.text, &case.events, &case.condition]
                    .iter()
                    .filter(|o| o.is_some())
                    .count()
                    == 1
        );
        if let Some(expected) = &case.text {
            let element = events.iter().find_map(|event| match event {
                StreamEvent::Element(element) => Some(element),
                _ => None,
            });
            assert_eq!(element.expect(&case.id).text(), **expected, "{}", case.id);
        }
        if let Some(expected) = &case.events {
            let letters: String = events
                .iter()
                .map(|event| match event {
                    StreamEvent::Open(_) => 'O',
                    StreamEvent::Element(_) => 'E',
                    StreamEvent::Whitespace => 'W',
                    StreamEvent::Close => 'C',
                    _ => '?',
                })
                .collect();
            assert_eq!(letters, *expected, "{}", case.id);
        }
    }
}

#[test]
fn transcripts_of_the_specifications_are_read() {
    for transcript in load::<Transcripts>("transcripts.toml").transcript {
        for stream in streams(&transcript.step) {
            let (events, error) = decode(stream.as_bytes());
            assert_eq!(error, None, "{}: {stream}", transcript.id);
            assert!(
                matches!(events.first(), Some(StreamEvent::Open(_))),
                "{}",
                transcript.id
            );
        }
    }
}

#[test]
fn ns_02_v_04_both_styles_of_header_name_the_same_things() {
    let transcripts = load::<Transcripts>("transcripts.toml").transcript;
    let v04 = transcripts
        .iter()
        .find(|transcript| transcript.id == "V-04")
        .expect("V-04");
    let mut features = 0;
    let mut content = Vec::new();
    for stream in streams(&v04.step) {
        for event in decode(stream.as_bytes()).0 {
            match event {
                StreamEvent::Open(header) => content.push(header.content_namespace().map(str::to_owned)),
                StreamEvent::Element(element) => features += usize::from(Features::from_element(&element).is_some()),
                _ => {}
            }
        }
    }
    assert_eq!(features, 5);
    assert!(content.contains(&Some("jabber:server".into())) && content.contains(&None));
}

#[test]
fn lim_01_v_36_limits_are_found_in_features_and_in_bidi() {
    let transcripts = load::<Transcripts>("transcripts.toml").transcript;
    let v36 = transcripts
        .iter()
        .find(|transcript| transcript.id == "V-36")
        .expect("V-36");
    let expected = Some(StreamLimits::default().with_max_bytes(10_000).with_idle_seconds(1800));
    let mut found = 0;
    for stream in streams(&v36.step) {
        for event in decode(stream.as_bytes()).0 {
            if let StreamEvent::Element(element) = event {
                assert_eq!(StreamLimits::from_children(element.children()), expected, "{element:?}");
                found += 1;
            }
        }
    }
    assert_eq!(found, 2);
}

#[test]
fn err_01_to_25_every_example_of_rfc_6120_4_9_3_is_read() {
    let vectors = load::<ErrorVectors>("errors.toml").error;
    assert_eq!(vectors.len(), StreamCondition::ALL.len());
    for vector in vectors {
        let mut found = Vec::new();
        for stream in streams(&vector.step) {
            for event in decode(stream.as_bytes()).0 {
                if let StreamEvent::Element(element) = event {
                    found.extend(StreamError::from_element(&element));
                }
            }
        }
        let [error] = &found[..] else {
            panic!("{}: {found:?}", vector.condition)
        };
        assert_eq!(error.condition.name(), vector.condition, "{}", vector.section);
        match vector.condition.as_str() {
            "policy-violation" => {
                assert_eq!(
                    error.application,
                    Some(("urn:xmpp:errors".into(), "stanza-too-big".into()))
                );
            }
            "undefined-condition" => {
                assert_eq!(
                    error.application,
                    Some(("http://example.org/ns".into(), "app-error".into()))
                );
            }
            "see-other-host" => {
                assert_eq!(
                    error.redirect(),
                    Some(("[2001:41d0:1:a49b::1]".parse().expect("address"), Some(9222)))
                );
            }
            _ => assert_eq!(error.application, None, "{}", vector.section),
        }
    }
}

/// What the codec itself can see of what provokes the errors in RFC 6120 section 4.9.3.
#[test]
fn what_provokes_the_errors_of_rfc_6120_4_9_3() {
    for vector in load::<ErrorVectors>("errors.toml").error {
        let expected = match vector.condition.as_str() {
            // The example's text names the substitute; section 4.9.3.1 recommends the specific one.
            "bad-format" => Some("not-well-formed"),
            condition @ ("invalid-namespace" | "not-well-formed" | "restricted-xml" | "unsupported-encoding") => {
                Some(condition)
            }
            _ => None,
        };
        let provoking: Vec<_> = streams(&vector.step)
            .into_iter()
            .filter(|stream| !stream.contains(":error>"))
            .collect();
        let errors: Vec<_> = provoking
            .iter()
            .filter_map(|stream| decode(stream.as_bytes()).1)
            .collect();
        let conditions: Vec<_> = errors
            .iter()
            .filter_map(|error| error.stream_condition())
            .map(|c| c.name())
            .collect();
        assert_eq!(
            conditions,
            expected.into_iter().collect::<Vec<_>>(),
            "{}: {errors:?}",
            vector.section
        );
    }
}
