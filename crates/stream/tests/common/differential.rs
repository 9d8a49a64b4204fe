// The same input read by this crate, by quick-xml's `NsReader` and by rxml. Used by
// `tests/differential.rs` and by the fuzz target of that name.

use std::collections::BTreeMap;
use xmpp_stream::{Limits, Node, StreamDecoder, StreamEvent};

/// What a first-level element is made of, in an order and spelling that does not depend on the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Start(String, String, BTreeMap<(String, String), String>),
    Text(String),
    End,
}

/// What a parser made of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Complete first-level elements.
    pub elements: Vec<Vec<Piece>>,
    /// How many things were complete: the header, elements, the closing tag.
    pub complete: usize,
    pub error: Option<String>,
}

impl Reading {
    fn push(current: &mut Vec<Piece>, piece: Piece) {
        match (piece, current.last_mut()) {
            (Piece::Text(text), _) if text.is_empty() => {}
            (Piece::Text(text), Some(Piece::Text(before))) => before.push_str(&text),
            (piece, _) => current.push(piece),
        }
    }
}

pub fn ours(input: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let mut decoder = StreamDecoder::new(Limits::unlimited());
    decoder.push(input);
    loop {
        match decoder.next_event() {
            Ok(Some(StreamEvent::Element(element))) => {
                reading.complete += 1;
                let mut current = Vec::new();
                let mut walk = element.walk();
                while let Some(node) = walk.next() {
                    let piece = match node {
                        Node::Start(tag) => {
                            let attribute = |a: xmpp_stream::Attribute<'_>| {
                                let namespace = match a.prefix() {
                                    "" => String::new(),
                                    prefix => walk.namespace_of(prefix).expect("validated").into_owned(),
                                };
                                ((namespace, a.name().to_owned()), a.value().into_owned())
                            };
                            let attributes = tag.attributes().map(attribute).collect();
                            Piece::Start(tag.namespace().to_owned(), tag.name().to_owned(), attributes)
                        }
                        Node::Text(text) => Piece::Text(text.into_owned()),
                        Node::End => Piece::End,
                    };
                    Reading::push(&mut current, piece);
                }
                reading.elements.push(current);
            }
            Ok(Some(StreamEvent::Close)) => {
                reading.complete += 1;
                return reading;
            }
            Ok(None) => return reading,
            Ok(Some(StreamEvent::Open(_))) => reading.complete += 1,
            Ok(Some(_)) => {}
            Err(error) => {
                reading.error = Some(error.to_string());
                return reading;
            }
        }
    }
}

pub fn rxml(mut input: &[u8]) -> Reading {
    use rxml::{Event, Options, Parse, WithOptions, error::EndOrError};
    let mut parser = rxml::Parser::with_options(Options {
        max_token_length: 1 << 16,
        ..Options::default()
    });
    let mut reading = Reading::default();
    let (mut depth, mut current) = (0usize, Vec::new());
    loop {
        match parser.parse(&mut input, false) {
            Ok(Some(Event::StartElement(_, (namespace, name), attributes))) => {
                depth += 1;
                reading.complete += usize::from(depth == 1);
                if depth > 1 {
                    let attribute = |((namespace, name), value): ((&rxml::Namespace<'_>, &rxml::NcName), &String)| {
                        ((namespace.as_str().to_owned(), name.to_string()), value.clone())
                    };
                    let attributes = attributes.iter().map(attribute).collect();
                    Reading::push(
                        &mut current,
                        Piece::Start(namespace.as_str().to_owned(), name.to_string(), attributes),
                    );
                }
            }
            Ok(Some(Event::EndElement(_))) => {
                depth -= 1;
                if depth > 0 {
                    Reading::push(&mut current, Piece::End);
                }
                reading.complete += usize::from(depth < 2);
                if depth == 1 {
                    reading.elements.push(std::mem::take(&mut current));
                }
                if depth == 0 {
                    // What is behind the stream is nobody's business.
                    return reading;
                }
            }
            Ok(Some(Event::Text(_, text))) if depth > 1 => Reading::push(&mut current, Piece::Text(text)),
            Ok(Some(_)) => {}
            Ok(None) | Err(EndOrError::NeedMoreData) => return reading,
            Err(EndOrError::Error(error)) => {
                reading.error = Some(error.to_string());
                return reading;
            }
        }
    }
}

pub fn quick_xml(input: &[u8]) -> Reading {
    let mut reading = Reading::default();
    // It wants text. Up to where it is text, and that the rest is none is for the others to notice.
    let text = match std::str::from_utf8(input) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&input[..error.valid_up_to()]).expect("just checked"),
    };
    if let Err(error) = quick_xml_events(text, &mut reading) {
        reading.error = Some(error);
    }
    reading
}

fn quick_xml_events(text: &str, reading: &mut Reading) -> Result<(), String> {
    use quick_xml::events::Event;
    use quick_xml::name::ResolveResult;
    let resolved = |result: ResolveResult<'_>| match result {
        // It leaves namespaces as they are written, and says so.
        ResolveResult::Bound(namespace) => {
            let spaced = namespace
                .into_inner()
                .replace("\r\n", " ")
                .replace(['\t', '\r', '\n'], " ");
            Ok(quick_xml::escape::unescape(&spaced)
                .map_err(|error| error.to_string())?
                .into_owned())
        }
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => Err(format!("unknown prefix {prefix:?}")),
    };
    let mut reader = quick_xml::NsReader::from_str(text);
    reader.config_mut().check_end_names = true;
    reader.resolver_mut().set_max_namespace_bindings(usize::MAX);
    let (mut depth, mut current) = (0usize, Vec::new());
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((namespace, event)) => (resolved(namespace), event),
            // It was told that the input ends here; to us it is only what has arrived.
            Err(quick_xml::Error::Syntax(error)) if error.to_string().contains("before end of input") => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let mut piece = None;
        match &event {
            Event::Start(start) | Event::Empty(start) => {
                let mut attributes = BTreeMap::new();
                for attribute in start.attributes() {
                    let attribute = attribute.map_err(|error| error.to_string())?;
                    if attribute.key.as_namespace_binding().is_some() {
                        continue;
                    }
                    let (namespace, name) = reader.resolver().resolve_attribute(attribute.key);
                    let value = attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0);
                    let name: &str = name.as_ref();
                    let twice = attributes.insert(
                        (resolved(namespace)?, name.to_owned()),
                        value.map_err(|e| e.to_string())?.into_owned(),
                    );
                    if twice.is_some() {
                        return Err("an attribute twice".to_owned());
                    }
                }
                let name: &str = start.local_name().into_inner();
                piece = Some(Piece::Start(namespace?, name.to_owned(), attributes));
            }
            Event::End(_) => piece = Some(Piece::End),
            Event::Text(text) => piece = Some(Piece::Text(text.xml10_content().into_owned())),
            Event::CData(text) => piece = Some(Piece::Text(text.xml10_content().into_owned())),
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(reference)
                        .ok_or("an entity")?
                        .to_owned(),
                };
                piece = Some(Piece::Text(resolved));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
        let (starts, ends) = match event {
            Event::Start(_) => (true, false),
            Event::Empty(_) => (true, true),
            Event::End(_) => (false, true),
            _ => (false, false),
        };
        depth += usize::from(starts);
        reading.complete += usize::from(starts && depth == 1) + usize::from(ends && depth < 3);
        if let Some(piece) = piece.filter(|_| depth > 1) {
            Reading::push(&mut current, piece);
            if starts && ends {
                Reading::push(&mut current, Piece::End);
            }
        }
        depth -= usize::from(ends);
        match depth {
            1 if ends => reading.elements.push(std::mem::take(&mut current)),
            0 if ends => return Ok(()),
            _ => {}
        }
    }
}

/// What is wrong with our reading by theirs: text differs, or we take what they refuse.
pub fn difference(ours: &Reading, theirs: &Reading) -> Option<String> {
    for (at, (a, b)) in ours.elements.iter().zip(&theirs.elements).enumerate() {
        if a != b {
            return Some(format!("element {at}: {a:?}, the other says {b:?}"));
        }
    }
    match (&ours.error, &theirs.error) {
        // A fault may be told before the thing that it is in is complete, or only then.
        (_, Some(error)) if ours.complete > theirs.complete => Some(format!(
            "accepted {} things, the other {} and then: {error}",
            ours.complete, theirs.complete
        )),
        (None, None) if ours.complete != theirs.complete => {
            Some(format!("{} things, the other {}", ours.complete, theirs.complete))
        }
        _ => None,
    }
}

/// A place where rxml is wrong, or right by rules of its own.
pub struct Exception {
    pub reason: &'static str,
    /// An input that shows it, behind a header.
    pub example: &'static str,
    /// What it says then.
    error: Told,
    /// What must be in the input for the exception to hold.
    needs: &'static str,
}

enum Told {
    /// Nothing: it reads something else.
    Nothing,
    /// A message with this in it.
    Text(&'static str),
    /// That a character of this range is not allowed where it stands.
    Character(std::ops::RangeInclusive<u32>),
}

impl Told {
    fn is(&self, error: &str) -> bool {
        match self {
            Told::Nothing => error.is_empty(),
            Told::Text(text) => error.contains(text),
            Told::Character(range) => error
                .split_once("U+")
                .and_then(|(_, rest)| rest.split_once(" not allowed"))
                .and_then(|(code, _)| u32::from_str_radix(code, 16).ok())
                .is_some_and(|code| range.contains(&code)),
        }
    }
}

/// There are none for quick-xml, which checks less than we do and reads the same.
pub static EXCEPTIONS: &[Exception] = &[
    Exception {
        reason: "its tables lack U+FDF0 to U+FFFD, which names may start with (XML 1.0 production 4); U+FEFF, which is no \
                 byte order mark there (RFC 6120 section 11.6), is one of them",
        example: "<a><\u{FEF6}b/></a>",
        error: Told::Character(0xFDF0..=0xFFFD),
        needs: "",
    },
    Exception {
        reason: "a carriage return of its own in an attribute value is a space (XML 1.0 sections 2.11 and 3.3.3)",
        example: "<a b='1\r2'/>",
        error: Told::Text("in attribute value"),
        needs: "\r",
    },
    Exception {
        reason: "the same at the end of a value, where it is lost",
        example: "<a b='1\r'/>",
        error: Told::Nothing,
        needs: "\r",
    },
    Exception {
        reason: "XML 1.0 section 4.1 sets no limit to the leading zeros of a character reference",
        example: "<a>&#0000000000000000065;</a>",
        error: Told::Text("use of undeclared entity"),
        needs: "&#",
    },
    Exception {
        reason: "white space may come before the header if there is no XML declaration (XML 1.0 production 27)",
        example: "BEFORE \n",
        error: Told::Text("unexpected Text token at beginning of document"),
        needs: "",
    },
    Exception {
        reason: "RFC 6120 section 11.5 lets standalone='no' be ignored",
        example: "BEFORE<?xml version='1.0' encoding='utf-8' standalone='no'?>",
        error: Told::Text("only standalone documents are allowed"),
        needs: "standalone",
    },
    Exception {
        reason: "standalone may stand without encoding (XML 1.0 production 23)",
        example: "BEFORE<?xml version='1.0' standalone='yes'?>",
        error: Told::Text("must be followed by '?>' or 'encoding' attribute"),
        needs: "standalone",
    },
];

/// Whether a difference between us and rxml is one of the exceptions.
pub fn excused(input: &[u8], theirs: &Reading) -> Option<&'static Exception> {
    let error = theirs.error.as_deref().unwrap_or_default();
    let input = String::from_utf8_lossy(input);
    EXCEPTIONS
        .iter()
        .find(|exception| exception.error.is(error) && input.contains(exception.needs))
}
