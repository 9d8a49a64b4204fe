//! XML-20 of RFC 6120's consequences: how the input is cut changes nothing, errors included.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

mod common;

use common::{HEADER, Random, corpus, trace};
use xmpp_stream::Limits;

/// Small limits, so that the corpus runs into each of them.
fn tight() -> Vec<Limits> {
    let mut all = vec![
        Limits::before_authentication(),
        Limits::after_authentication(),
        Limits::unlimited(),
    ];
    for size in [1, 2, 3, 8, 40, 150] {
        for which in 0..7 {
            let mut limits = Limits::before_authentication();
            match which {
                0 => limits.header_bytes = size,
                1 => limits.element_bytes = size,
                2 => limits.depth = size,
                3 => limits.attributes = size,
                4 => limits.namespaces = size,
                5 => limits.name_bytes = size,
                _ => limits.attribute_value_bytes = size,
            }
            all.push(limits);
        }
    }
    all
}

#[test]
fn xml_20_every_single_cut_gives_the_same_trace() {
    for limits in [Limits::before_authentication(), Limits::unlimited()] {
        for input in corpus() {
            let whole = trace(&limits, [&input[..]]);
            for cut in 1..input.len() {
                let (a, b) = input.split_at(cut);
                assert_eq!(
                    trace(&limits, [a, b]),
                    whole,
                    "cut at {cut}: {}",
                    String::from_utf8_lossy(&input)
                );
            }
        }
    }
}

#[test]
fn xml_20_byte_by_byte_gives_the_same_trace_under_all_limits() {
    for limits in tight() {
        for input in corpus() {
            let whole = trace(&limits, [&input[..]]);
            assert_eq!(
                trace(&limits, input.chunks(1)),
                whole,
                "{limits:?}: {}",
                String::from_utf8_lossy(&input)
            );
            assert_eq!(
                trace(&limits, input.chunks(7)),
                whole,
                "{limits:?}: {}",
                String::from_utf8_lossy(&input)
            );
        }
    }
}

#[test]
fn xml_20_random_cuts_of_random_damage_give_the_same_trace() {
    const INTERESTING: &[u8] = b"<>&;'\"=/!?[]- \n:#x1a\0\x80\xC3\xA9\xE2\x82\xAC\xEF\xBF\xBE\xF0\x9F\x98\x80";
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let corpus = corpus();
    let limits = tight();
    for _ in 0..20_000 {
        let mut input = corpus[random.below(corpus.len())].clone();
        for _ in 0..random.below(4) {
            let at = random.below(input.len() + 1);
            match random.below(3) {
                0 if at < input.len() => drop(input.remove(at)),
                1 if at < input.len() => input[at] = INTERESTING[random.below(INTERESTING.len())],
                _ => input.insert(at, INTERESTING[random.below(INTERESTING.len())]),
            }
        }
        let limits = &limits[random.below(limits.len())];
        let whole = trace(limits, [&input[..]]);
        let mut pieces = Vec::new();
        let mut rest = &input[..];
        let longest = 1 + random.below(40);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.len().min(1 + random.below(longest)));
            pieces.push(piece);
            rest = behind;
        }
        assert_eq!(trace(limits, pieces.iter().copied()), whole, "{pieces:?}");
    }
}

#[test]
fn an_empty_push_changes_nothing() {
    let input = format!("{HEADER}<message><body>a</body></message> </stream:stream>");
    let pieces = input.as_bytes().chunks(1).flat_map(|byte| [&b""[..], byte, b""]);
    let limits = Limits::before_authentication();
    assert_eq!(trace(&limits, pieces), trace(&limits, [input.as_bytes()]));
}
