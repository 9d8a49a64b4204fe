//! Reading and writing streams, side by side with other parsers in one process.
//!
//! ```text
//! cargo run --release                        the tables
//! cargo run --release -- one PARSER CHUNK    one parser once, for counting instructions
//! cargo run --release -- connect             connections only
//! ```

mod connecting;
mod corpus;
mod hostile;
mod peers;
mod report;
mod writing;

use peers::Counts;

xmpp_tls_testkit::count_allocations!();

pub struct Parser {
    pub name: &'static str,
    pub run: fn(&[u8], usize) -> Counts,
    /// Whether it looks at everything, so that its counts are to be compared.
    pub complete: bool,
    /// Whether it can be given chunks.
    pub chunked: bool,
}

const fn parser(name: &'static str, run: fn(&[u8], usize) -> Counts, complete: bool, chunked: bool) -> Parser {
    Parser {
        name,
        run,
        complete,
        chunked,
    }
}

pub const PARSERS: &[Parser] = &[
    parser("decode", peers::ours::decode, false, true),
    parser("read", peers::ours::read, true, true),
    parser("keep", peers::ours::keep, false, true),
    parser("own", peers::ours::own, true, true),
    parser("rxml", peers::rxml, true, true),
    parser("quick-xml", peers::quick_xml, true, false),
    parser("expat", peers::expat, true, true),
    parser("tokio-xmpp", peers::tokio_xmpp, true, true),
];

const SIZE: usize = 20_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [] => {
            let (input, stanzas) = corpus::stream(SIZE);
            report::reading(input.as_bytes(), stanzas as u64);
            writing::report();
            connecting::report();
        }
        [one, name, chunk] if one == "one" => {
            // A fifth is enough for counting; the rest would only take longer.
            let (input, _) = corpus::stream(SIZE / 5);
            match PARSERS.iter().find(|parser| parser.name == name) {
                Some(parser) => {
                    let counts = (parser.run)(input.as_bytes(), chunk.parse().expect("a size"));
                    println!("{} bytes {counts:?}", input.len());
                }
                // What making the input costs, to be subtracted.
                None if name == "none" => println!("{} bytes", input.len()),
                None => panic!("no parser {name}"),
            }
        }
        [write, which, times] if write == "write" => writing::only(which, times.parse().expect("a number")),
        [connect] if connect == "connect" => connecting::report(),
        [connect, port] if connect == "connect" => connecting::clients(port.parse().expect("a port")),
        [families] if families == "families" => hostile::FAMILIES.iter().for_each(|family| println!("{family}")),
        [hostile, family, size, chunk] if hostile == "hostile" => {
            let input = hostile::input(family, size.parse().expect("a size"));
            // In chunks of 0 the input is only made.
            let chunk: usize = chunk.parse().expect("a size");
            let events = if chunk == 0 { 0 } else { hostile::decode(&input, chunk) };
            println!("{} bytes {events}", input.len());
        }
        _ => panic!("one PARSER CHUNK, families, hostile FAMILY SIZE CHUNK, write ours|rxml TIMES, connect, or nothing"),
    }
}
