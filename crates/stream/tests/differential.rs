//! Other parsers as judges: whatever this crate accepts they read to the same events, and whatever
//! they refuse as not well-formed it refuses. Where they are wrong, or right by other rules, there is
//! an exception with its reason, which fails when it vanishes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;
#[allow(unreachable_pub, reason = "shared with the fuzz target")]
#[path = "common/differential.rs"]
mod differential;

use common::{HEADER, Random, corpus};
use differential::{EXCEPTIONS, difference, excused, ours, quick_xml, rxml};

fn compare(input: &[u8]) {
    let mine = ours(input);
    if let Some(found) = difference(&mine, &quick_xml(input)) {
        panic!("quick-xml: {found}\n{}", String::from_utf8_lossy(input));
    }
    let theirs = rxml(input);
    if let Some(found) = difference(&mine, &theirs)
        && excused(input, &theirs).is_none()
    {
        panic!("rxml: {found}\n{}", String::from_utf8_lossy(input));
    }
}

#[test]
fn others_read_the_vectors_as_we_do() {
    for input in corpus() {
        compare(&input);
    }
}

#[test]
fn every_exception_is_one_still() {
    for (index, exception) in EXCEPTIONS.iter().enumerate() {
        let input = match exception.example.strip_prefix("BEFORE") {
            Some(before) => [before, HEADER].concat(),
            None => [HEADER, exception.example].concat(),
        };
        let (mine, theirs) = (ours(input.as_bytes()), rxml(input.as_bytes()));
        assert_eq!(mine.error, None, "{input:?}");
        assert_eq!(difference(&mine, &quick_xml(input.as_bytes())), None, "{input:?}");
        let found = excused(input.as_bytes(), &theirs).filter(|_| difference(&mine, &theirs).is_some());
        let same = found.is_some_and(|found| std::ptr::eq(found, &EXCEPTIONS[index]));
        assert!(
            same,
            "vanished, so take it off the list: {} ({:?})",
            exception.reason, theirs.error
        );
    }
}

/// Found by the fuzz target: rxml refuses more of XML's names than U+FEFF.
#[test]
fn xml_09_names_that_rxml_does_not_know() {
    for name in [
        "\u{FDF0}",
        "\u{FEF6}ns",
        "\u{FFFD}",
        "a\u{FEFF}",
        "\u{F900}",
        "\u{F8FF}",
        "\u{FDD0}",
    ] {
        compare(format!("{HEADER}<a {name}='1'/>").as_bytes());
        compare(format!("{HEADER}<{name}/>").as_bytes());
    }
}

#[test]
fn others_read_damaged_inputs_as_we_do() {
    const INTERESTING: &[&str] = &[
        "<",
        ">",
        "&",
        ";",
        "'",
        "\"",
        "=",
        "/",
        "!",
        "?",
        "]",
        "]]>",
        "--",
        " ",
        "\n",
        "\r",
        "\t",
        ":",
        "#x",
        "a",
        "0",
        "\0",
        "é",
        "\u{FFFE}",
        "\u{FEFF}",
        "xmlns",
        "xmlns:a='u'",
        "xml:",
        "a:",
        "<![CDATA[",
        "&#13;",
        "&lt;",
        "</",
        "/>",
        "·",
    ];
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let corpus = corpus();
    for _ in 0..30_000 {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..1 + random.below(3) {
            let at = random.below(input.len() + 1);
            let what = INTERESTING[random.below(INTERESTING.len())].as_bytes();
            match random.below(3) {
                0 => drop(input.drain(at..input.len().min(at + 1 + random.below(3)))),
                1 => drop(input.splice(at..input.len().min(at + 1), what.iter().copied())),
                _ => drop(input.splice(at..at, what.iter().copied())),
            }
        }
        compare(&input);
    }
}
