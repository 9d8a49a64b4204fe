//! Interleaved repetitions, medians of ratios.

use crate::{ALLOCATOR, PARSERS};
use std::time::Instant;
use xmpp_tls_testkit::alloc_counter;

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub fn reading(input: &[u8], stanzas: u64) {
    println!("reading {} bytes, {stanzas} stanzas", input.len());
    for chunk in [4096, 16_384, 1400, 1] {
        // One byte at a time is slow for all of them: less input says as much.
        let input = if chunk == 1 { &input[..input.len() / 10] } else { input };
        let repetitions = if chunk == 1 { 5 } else { 9 };
        let parsers: Vec<_> = PARSERS.iter().filter(|p| p.chunked || chunk == 4096).collect();
        let mut allocations = Vec::new();
        let mut expected = None;
        for parser in &parsers {
            let (counts, counted) = alloc_counter::measure(ALLOCATOR, || (parser.run)(input, chunk));
            allocations.push(counted.count as f64 / counts.stanzas as f64);
            if parser.complete {
                // A last stanza that is cut off shows differently.
                let counts = (
                    counts.stanzas,
                    counts.elements,
                    counts.attributes,
                    counts.attribute_bytes,
                    counts.text_bytes,
                );
                if chunk != 1 {
                    assert_eq!(counts.0, stanzas, "{}", parser.name);
                    assert_eq!(counts, *expected.get_or_insert(counts), "{}", parser.name);
                }
            }
        }
        let mut times = vec![Vec::new(); parsers.len()];
        for _ in 0..repetitions {
            for (parser, times) in parsers.iter().zip(&mut times) {
                let start = Instant::now();
                std::hint::black_box((parser.run)(input, chunk));
                times.push(start.elapsed().as_secs_f64());
            }
        }
        let index = |name: &str| parsers.iter().position(|parser| parser.name == name);
        let ratios = |of: usize, to: usize| median(times[of].iter().zip(&times[to]).map(|(a, b)| b / a).collect());
        println!("\nchunks of {chunk}: MB/s, times as fast as rxml, allocations per stanza");
        for (which, parser) in parsers.iter().enumerate() {
            let speed = input.len() as f64 / 1e6 / median(times[which].clone());
            let rxml = index("rxml").map_or(f64::NAN, |rxml| ratios(which, rxml));
            println!("{:12} {speed:8.0} {rxml:8.2} {:8.2}", parser.name, allocations[which]);
        }
        for (ours, theirs) in [("read", "quick-xml"), ("read", "expat"), ("keep", "tokio-xmpp"), ("own", "tokio-xmpp")] {
            if let (Some(a), Some(b)) = (index(ours), index(theirs)) {
                println!("{ours} / {theirs}: {:.2}", ratios(a, b));
            }
        }
    }
}
