//! What several tests share: vectors, traces, cuts.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

use serde::Deserialize;
use xmpp_stream::{Error, Limits, StreamDecoder, StreamEvent};

/// The header that the vectors' `stream` inputs stand behind.
pub const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

#[derive(Deserialize)]
pub struct XmlCases {
    pub case: Vec<XmlCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XmlCase {
    pub id: String,
    pub rows: Vec<String>,
    document: Option<String>,
    stream: Option<String>,
    hex: Option<String>,
    document_hex: Option<String>,
    pub text: Option<String>,
    pub events: Option<String>,
    pub condition: Option<String>,
}

impl XmlCase {
    pub fn input(&self) -> Vec<u8> {
        let (header, rest) = match (&self.document, &self.stream, &self.hex, &self.document_hex) {
            (Some(document), None, None, None) => ("", document.clone().into_bytes()),
            (None, Some(stream), None, None) => (HEADER, stream.clone().into_bytes()),
            (None, None, Some(hex), None) => (HEADER, unhex(hex)),
            (None, None, None, Some(hex)) => ("", unhex(hex)),
            _ => panic!("{}: exactly one input", self.id),
        };
        [header.as_bytes(), &rest].concat()
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let text = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(text).collect()
}

#[derive(Deserialize)]
pub struct Step {
    pub from: String,
    pub label: Option<String>,
    pub xml: String,
}

#[derive(Deserialize)]
pub struct Transcript {
    pub id: String,
    pub title: String,
    pub source: String,
    pub step: Vec<Step>,
}

#[derive(Deserialize)]
pub struct Transcripts {
    pub transcript: Vec<Transcript>,
}

#[derive(Deserialize)]
pub struct ErrorVector {
    pub section: String,
    pub condition: String,
    pub step: Vec<Step>,
}

#[derive(Deserialize)]
pub struct ErrorVectors {
    pub error: Vec<ErrorVector>,
}

pub fn load<T: serde::de::DeserializeOwned>(name: &str) -> T {
    let path = format!("{}/../../tests/vectors/stream/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Everything that can be seen of an event.
pub fn show(event: &StreamEvent) -> String {
    match event {
        StreamEvent::Open(header) => format!("{header:?}"),
        StreamEvent::Element(element) => {
            let mut shown = format!("{{{}}}{} {:?}", element.namespace(), element.name(), element.as_str());
            for child in element.children() {
                shown += &format!(" {{{}}}{} {:?}", child.namespace(), child.name(), child.text());
            }
            shown
        }
        other => format!("{other:?}"),
    }
}

/// All events of `input` given in `pieces`, then what ended it.
pub fn trace<'a>(limits: &Limits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut decoder = StreamDecoder::new(limits.clone());
    let mut trace = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_event() {
                Ok(Some(event)) => trace.push(show(&event)),
                Ok(None) => break,
                Err(error) => {
                    trace.push(format!("{error:?}"));
                    return trace;
                }
            }
        }
    }
    trace.push(format!("{:?}", decoder.finish()));
    trace
}

/// The events and the error, if there was one.
pub fn decode(input: &[u8]) -> (Vec<StreamEvent>, Option<Error>) {
    let mut decoder = StreamDecoder::new(Limits::after_authentication());
    decoder.push(input);
    let mut events = Vec::new();
    loop {
        match decoder.next_event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

/// What each sender of a transcript sends, stream by stream: a header begins a new one. Transcripts
/// that begin without a header get one.
pub fn streams(steps: &[Step]) -> Vec<String> {
    const S2S: &str = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
                       xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
    let mut senders: Vec<&str> = Vec::new();
    for step in steps {
        if !senders.contains(&step.from.as_str()) {
            senders.push(&step.from);
        }
    }
    let mut streams = Vec::new();
    for sender in senders {
        let mut current = String::new();
        let mut closed = false;
        for step in steps.iter().filter(|step| step.from == sender) {
            let xml = step.xml.trim_start();
            let is_header = matches!(
                xml.split_whitespace().next(),
                Some("<?xml" | "<stream:stream" | "<foobar:stream" | "<stream")
            );
            if step.label.as_deref().is_some_and(|label| label.contains("(alt)")) {
                // Another ending of the stream as it is so far. (RFC 6120 section 9.1 closes one with
                // a name that is not open; that slip is corrected here.)
                let close = if current.contains("<stream:stream") {
                    "</stream:stream>"
                } else {
                    "</stream>"
                };
                streams.push(format!("{current}{}", xml.replace("</stream>", close)));
                continue;
            }
            if is_header || closed {
                streams.push(std::mem::take(&mut current));
            }
            if current.is_empty() && !is_header {
                current.push_str(S2S);
            }
            current.push_str(if is_header { xml } else { &step.xml });
            closed = xml.ends_with("</stream:stream>") || xml.ends_with("</stream>");
        }
        streams.push(current);
    }
    streams.retain(|stream| !stream.is_empty());
    streams
}

/// Every input of the vectors.
pub fn corpus() -> Vec<Vec<u8>> {
    let mut corpus: Vec<Vec<u8>> = load::<XmlCases>("xml.toml").case.iter().map(XmlCase::input).collect();
    for transcript in load::<Transcripts>("transcripts.toml").transcript {
        corpus.extend(streams(&transcript.step).into_iter().map(String::into_bytes));
    }
    for error in load::<ErrorVectors>("errors.toml").error {
        corpus.extend(streams(&error.step).into_iter().map(String::into_bytes));
    }
    corpus
}

/// A small generator of pseudo-random numbers (xorshift), so that failures can be repeated.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
