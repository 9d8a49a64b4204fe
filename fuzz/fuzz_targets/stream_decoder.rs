//! Arbitrary bytes, arbitrary cuts, several limits: no panic, and the cuts change nothing. What comes
//! out is consistent: the walk, the tree and a second reading say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xmpp_stream::{ChildElement, Element, Limits, Node, StreamDecoder, StreamEvent};

fn limits(choice: u8) -> Limits {
    let mut limits = match choice % 3 {
        0 => Limits::before_authentication(),
        1 => Limits::after_authentication(),
        _ => Limits::unlimited(),
    };
    let small = usize::from(choice / 32) * 8 + 1;
    match choice / 3 % 8 {
        0 => limits.element_bytes = small * 4,
        1 => limits.depth = small,
        2 => limits.attributes = small,
        3 => limits.namespaces = small,
        4 => limits.name_bytes = small,
        5 => limits.attribute_value_bytes = small,
        _ => {}
    }
    limits
}

fn tree(element: ChildElement<'_>, out: &mut String) {
    *out += &format!("<{{{}}}{}", element.namespace(), element.name());
    for attribute in element.attributes() {
        *out += &format!(" {attribute:?}");
    }
    let mut texts = String::new();
    for child in element.children() {
        tree(child, &mut texts);
    }
    *out += &format!(">{:?}{texts}</>", element.text());
}

/// The same from the walk.
fn walked(element: &Element) -> String {
    let mut open: Vec<(String, String, String)> = vec![Default::default()];
    for node in element.walk() {
        match node {
            Node::Start(tag) => {
                let mut start = format!("<{{{}}}{}", tag.namespace(), tag.name());
                for attribute in tag.attributes() {
                    start += &format!(" {attribute:?}");
                }
                open.push((start, String::new(), String::new()));
            }
            Node::Text(text) => open.last_mut().expect("inside").1 += &text,
            Node::End => {
                let (start, text, inner) = open.pop().expect("open");
                open.last_mut().expect("outside").2 += &format!("{start}>{text:?}{inner}</>");
            }
        }
    }
    open.pop().expect("all").2
}

fn trace<'a>(limits: &Limits, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut decoder = StreamDecoder::new(limits.clone());
    let mut trace = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next_event() {
                Ok(Some(StreamEvent::Element(element))) => {
                    let mut shown = String::new();
                    // Deep ones would exhaust the stack of this function, not that of the library.
                    if element.as_bytes().len() < 20_000 {
                        tree(element.root(), &mut shown);
                        assert_eq!(shown, walked(&element));
                    }
                    trace.push(format!("{} {shown}", element.as_str()));
                }
                Ok(Some(event)) => trace.push(format!("{event:?}")),
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

fuzz_target!(|data: &[u8]| {
    let [choice, cuts, input @ ..] = data else { return };
    let limits = limits(*choice);
    let whole = trace(&limits, std::iter::once(input));
    let size = usize::from(*cuts) + 1;
    assert_eq!(trace(&limits, input.chunks(size)), whole, "in pieces of {size}");
    if input.len() < 4096 {
        assert_eq!(trace(&limits, input.chunks(1)), whole, "byte by byte");
    }
});
