//! Input made to cost as much as possible, with all limits lifted.

use xmpp_stream::{Limits, StreamDecoder};

const HEADER: &str = "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>";

pub const FAMILIES: &[&str] = &[
    "attribute",
    "text",
    "references",
    "attributes",
    "prefixed-attributes",
    "declarations",
    "used-declarations",
    "depth",
    "depth-declared",
    "elements",
    "stanzas",
    "spaces",
    "names",
    "cdata",
    "twins",
];

/// About `size` bytes of a family.
pub fn input(family: &str, size: usize) -> String {
    let repeat = |text: &str| text.repeat(size / text.len() + 1);
    let numbered = |make: &dyn Fn(usize) -> String| {
        let mut out = String::with_capacity(size + 64);
        let mut index = 0;
        while out.len() < size {
            // As many digits in all of them, so that a larger input has not longer parts.
            out.push_str(&make(1_000_000 + index));
            index += 1;
        }
        (out, index)
    };
    let content = match family {
        "attribute" => format!("<a b='{}'/>", repeat("value ")),
        "text" => format!("<a>{}</a>", repeat("text ]] ")),
        "references" => format!("<a>{}</a>", repeat("&amp;")),
        "attributes" => format!("<a{}/>", numbered(&|n| format!(" a{n}='1'")).0),
        "prefixed-attributes" => format!("<a xmlns:p='urn:p'{}/>", numbered(&|n| format!(" p:a{n}='1'")).0),
        "declarations" => format!("<a{}/>", numbered(&|n| format!(" xmlns:a{n}='u'")).0),
        "used-declarations" => {
            let (declarations, count) = numbered(&|n| format!(" xmlns:a{n}='u'"));
            let uses: String = (0..count)
                .map(|n| format!("<a{}:b/>", 1_000_000 + n * 7919 % count))
                .collect();
            format!("<a{declarations}>{uses}</a>")
        }
        "depth" => [repeat("<a>"), "</a>".repeat(size / 3 + 1)].concat(),
        "depth-declared" => {
            let (tags, count) = numbered(&|n| format!("<a{n}:b xmlns:a{n}='u' xmlns:c='u'>"));
            let ends: String = (0..count).rev().map(|n| format!("</a{}:b>", 1_000_000 + n)).collect();
            [tags, ends].concat()
        }
        "elements" => format!("<a>{}</a>", repeat("<a/>")),
        "stanzas" => repeat("<a/>"),
        "spaces" => format!("<a{}/>", repeat(" ")),
        "names" => format!("<{}/>", repeat("a")),
        "cdata" => format!("<a>{}</a>", repeat("<![CDATA[ ]] ]]>")),
        // The same long namespace by two prefixes, compared again and again: it must be paid for once.
        "twins" => {
            let namespace = "n".repeat(size / 4);
            format!(
                "<a xmlns:p='{namespace}1' xmlns:q='{namespace}2'>{}</a>",
                "<b p:x='' q:x=''/>".repeat(size / 36)
            )
        }
        _ => panic!("no family {family}: {FAMILIES:?}"),
    };
    [HEADER, &content].concat()
}

pub fn decode(input: &str, chunk: usize) -> usize {
    let mut decoder = StreamDecoder::new(Limits::unlimited());
    let mut events = 0;
    for piece in input.as_bytes().chunks(chunk) {
        decoder.push(piece);
        while let Some(event) = decoder.next_event().expect("valid") {
            std::hint::black_box(event);
            events += 1;
        }
    }
    events
}
