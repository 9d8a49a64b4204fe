//! What a session costs once it is open: elements of several sizes through session and codec on both sides, and the
//! memory of an idle one, each beside bare rustls.
//!
//! `cargo bench --bench bulk` prints throughput as ratios of interleaved runs, and memory, which is exact. Nothing
//! here passes or fails.

#[allow(dead_code, reason = "each bench uses its part")]
#[path = "support/memory.rs"]
mod memory;
#[path = "support/ratio.rs"]
mod ratio;

use memory::{Subject, Subjects};
use rustls::{ClientConnection, ServerConnection};
use std::cell::RefCell;
use std::hint::black_box;
use std::io::{BufRead, Write};
use xmpp_tls::session::{Event, Mode, Session};
use xmpp_tls::stream::{Element, Features};
use xmpp_tls::{Engine, Output, StreamKind};
use xmpp_tls_testkit::alloc_counter::stats_alloc::Region;

xmpp_tls_testkit::count_allocations!();

const ROUNDS: usize = 301;
const SIZES: [usize; 3] = [256, 1024, 16 * 1024];

fn main() {
    let subjects = Subjects::new();
    println!(
        "{:>10} {:>14} {:>14} {:>18}",
        "octets", "rustls MB/s", "session MB/s", "session of rustls"
    );
    for size in SIZES {
        let element = element_of(size);
        let bare = RefCell::new(subjects.open_bare());
        let sessions = RefCell::new(opened(&subjects));
        let all: [Subject<'_>; 2] = [
            (
                "rustls",
                Box::new(|| write_bare(&mut bare.borrow_mut(), element.as_bytes())),
            ),
            (
                "session",
                Box::new(|| write_element(&mut sessions.borrow_mut(), &element)),
            ),
        ];
        let works: Vec<&dyn Fn()> = all.iter().map(|(_, work)| &**work).collect();
        let times = ratio::interleave(&works, ROUNDS);
        let rate = |index: usize| size as f64 / ratio::median(&times[index]) / 1e6;
        println!(
            "{size:>10} {:>14.0} {:>14.0} {:>17.2}x",
            rate(0),
            rate(1),
            ratio::median_of_ratios(&times[0], &times[1]),
        );
    }

    println!(
        "\n{:<10} {:>14} {:>14} {:>14}",
        "idle heap", "rustls", "session", "more"
    );
    let (bare_client, bare_server) = heap(|| subjects.open_bare());
    let (client, server) = heap(|| opened(&subjects));
    for (side, bare, session) in [("client", bare_client, client), ("server", bare_server, server)] {
        println!("{side:<10} {bare:>14} {session:>14} {:>14}", session - bare);
    }
}

/// An element of so many octets, most of them text.
fn element_of(size: usize) -> Element {
    let (before, after) = ("<message><body>", "</body></message>");
    let text = "x".repeat(size - before.len() - after.len());
    let element = Element::parse(StreamKind::ClientToServer, format!("{before}{text}{after}")).unwrap();
    assert_eq!(element.as_bytes().len(), size);
    element
}

/// Two sessions on which elements travel: the server has said what it offers, and the client has logged in.
fn opened(subjects: &Subjects) -> (Session, Session) {
    let (mut client, mut server) = subjects.open_sessions(Mode::StartTls);
    let features = Features::builder().build().unwrap();
    while subjects.settle(&mut server, &mut client) {}
    server.send(features.as_element()).unwrap();
    server.authentication_complete().unwrap();
    while subjects.settle(&mut server, &mut client) {}
    while subjects.settle(&mut client, &mut server) {}
    (client, server)
}

fn write_element((client, server): &mut (Session, Session), element: &Element) {
    let now = server.last_heard();
    client.send(element).unwrap();
    while let Output::Transmit(bytes) = client.poll_output().unwrap() {
        server.handle_input(now, &bytes).unwrap();
    }
    loop {
        match server.poll_output().unwrap() {
            Output::Event(Event::Element(element)) => drop(black_box(element)),
            Output::WantsInput(_) => return,
            other => panic!("{other:?}"),
        }
    }
}

fn write_bare((client, server): &mut (ClientConnection, ServerConnection), octets: &[u8]) {
    client.writer().write_all(octets).unwrap();
    let mut wire = Vec::with_capacity(octets.len() + 64);
    while client.wants_write() {
        client.write_tls(&mut wire).unwrap();
    }
    let mut ciphertext = wire.as_slice();
    let mut left = octets.len();
    while !ciphertext.is_empty() {
        server.read_tls(&mut ciphertext).unwrap();
        server.process_new_packets().unwrap();
        let mut reader = server.reader();
        while let Ok(chunk) = reader.fill_buf() {
            let length = black_box(chunk).len();
            left -= length;
            reader.consume(length);
            if length == 0 || left == 0 {
                break;
            }
        }
    }
    assert_eq!(left, 0);
}

/// The heap that each of two ends holds, the end itself included.
fn heap<A, B>(open: impl Fn() -> (A, B)) -> (isize, isize) {
    // What is made once for the process, or for the config, is made here.
    drop(open());
    let (a, b) = open();
    let (a, b) = (Box::new(a), Box::new(b));
    (freed(a), freed(b))
}

fn freed<T>(held: T) -> isize {
    let region = Region::new(ALLOCATOR);
    drop(held);
    let change = region.change();
    isize::try_from(change.bytes_deallocated).unwrap() - isize::try_from(change.bytes_allocated).unwrap()
}
