//! One chat stanza written into a buffer that is used again.

use crate::ALLOCATOR;
use bytes::BytesMut;
use rxml::{Namespace, NcNameStr, writer::Item};
use std::time::Instant;
use xmpp_stream::StreamEncoder;
use xmpp_tls_core::StreamKind;
use xmpp_tls_testkit::alloc_counter;

const BODY: &str =
    "If a < b && b < c then a < c. Art thou not Romeo, and a Montague? Neither, fair maid, if either thee dislike.";
const CLIENT: &str = "jabber:client";
const ATTRIBUTES: &[(&str, &str)] = &[
    ("from", "juliet@example.com/balcony"),
    ("to", "romeo@example.net/orchard"),
    ("type", "chat"),
    ("id", "a3f5c9d27e4b11ee"),
];
/// Empty children: namespace, name, attributes.
type Child = (&'static str, &'static str, &'static [(&'static str, &'static str)]);
const CHILDREN: &[Child] = &[
    ("http://jabber.org/protocol/chatstates", "active", &[]),
    ("urn:xmpp:receipts", "request", &[]),
    ("urn:xmpp:sid:0", "origin-id", &[("id", "a3f5c9d27e4b11ee")]),
    (
        "urn:xmpp:sid:0",
        "stanza-id",
        &[("id", "0123456789abcdef"), ("by", "example.net")],
    ),
];

fn ours(encoder: &mut StreamEncoder, out: &mut BytesMut) {
    let written = encoder.write(CLIENT, "message", out, |message| {
        for (name, value) in ATTRIBUTES {
            message.attribute(name, value)?;
        }
        message.child(CLIENT, "body", |body| body.text(BODY).map(drop))?;
        for (namespace, name, attributes) in CHILDREN {
            message.child(namespace, name, |child| {
                for (name, value) in *attributes {
                    child.attribute(name, value)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    });
    written.expect("writable");
}

fn rxml(encoder: &mut rxml::writer::Encoder<rxml::writer::SimpleNamespaces>, out: &mut BytesMut) {
    let name = |name: &'static str| <&NcNameStr>::try_from(name).expect("a name");
    let mut put = |item: Item<'_>| encoder.encode(item, out).expect("writable");
    put(Item::ElementHeadStart(Namespace::from_str(CLIENT), name("message")));
    for (attribute, value) in ATTRIBUTES {
        put(Item::Attribute(Namespace::NONE, name(attribute), value));
    }
    put(Item::ElementHeadEnd);
    put(Item::ElementHeadStart(Namespace::from_str(CLIENT), name("body")));
    put(Item::ElementHeadEnd);
    put(Item::Text(BODY));
    put(Item::ElementFoot);
    for (namespace, child, attributes) in CHILDREN {
        put(Item::ElementHeadStart(Namespace::from_str(namespace), name(child)));
        for (attribute, value) in *attributes {
            put(Item::Attribute(Namespace::NONE, name(attribute), value));
        }
        put(Item::ElementFoot);
    }
    put(Item::ElementFoot);
}

/// An encoder in a stream, as it would be on a connection.
fn in_a_stream(out: &mut BytesMut) -> rxml::writer::Encoder<rxml::writer::SimpleNamespaces> {
    let mut theirs = rxml::writer::Encoder::new();
    theirs.ns_tracker_mut();
    theirs
        .encode(
            Item::ElementHeadStart(
                Namespace::from_str(CLIENT),
                <&NcNameStr>::try_from("stream").expect("a name"),
            ),
            out,
        )
        .and_then(|()| theirs.encode(Item::ElementHeadEnd, out))
        .expect("writable");
    theirs
}

/// One of the two so many times, for counting instructions.
pub fn only(which: &str, times: usize) {
    let mut out = BytesMut::with_capacity(4096);
    let mut encoder = StreamEncoder::new(StreamKind::ClientToServer);
    let mut theirs = in_a_stream(&mut out);
    for _ in 0..times {
        out.clear();
        match which {
            "ours" => ours(&mut encoder, &mut out),
            "rxml" => rxml(&mut theirs, &mut out),
            _ => panic!("no encoder {which}"),
        }
    }
}

pub fn report() {
    const TIMES: usize = 20_000;
    let mut out = BytesMut::with_capacity(4096);
    let mut encoder = StreamEncoder::new(StreamKind::ClientToServer);
    let mut theirs = in_a_stream(&mut out);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    let mut sizes = (0, 0);
    let mut allocations = (0, 0);
    for _ in 0..9 {
        let start = Instant::now();
        for _ in 0..TIMES {
            out.clear();
            ours(&mut encoder, &mut out);
        }
        a.push(start.elapsed().as_secs_f64());
        sizes.0 = out.len();
        out.clear();
        allocations.0 = alloc_counter::measure(ALLOCATOR, || ours(&mut encoder, &mut out))
            .1
            .count;
        let start = Instant::now();
        for _ in 0..TIMES {
            out.clear();
            rxml(&mut theirs, &mut out);
        }
        b.push(start.elapsed().as_secs_f64());
        sizes.1 = out.len();
        out.clear();
        allocations.1 = alloc_counter::measure(ALLOCATOR, || rxml(&mut theirs, &mut out))
            .1
            .count;
    }
    let mut ratios: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b / a).collect();
    ratios.sort_by(f64::total_cmp);
    a.sort_by(f64::total_cmp);
    println!("\nwriting one stanza ({} bytes, rxml {})", sizes.0, sizes.1);
    println!(
        "ours {:.0} ns, {} allocations; rxml {} allocations; {:.2} times as fast",
        a[4] / TIMES as f64 * 1e9,
        allocations.0,
        allocations.1,
        ratios[4]
    );
}
