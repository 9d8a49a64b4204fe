//! What dialback costs: a key beside plain HMAC-SHA256 with a prepared key, and a whole verification round
//! between three parties without a network.
//!
//! `cargo bench -p xmpp-dialback` prints times as ratios of interleaved runs, because absolute times of one
//! machine say nothing on another, and counts allocations, which are exact. Nothing here passes or fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a bench that cannot run has nothing to say"
)]

#[path = "../../../benches/support/ratio.rs"]
mod ratio;

use bytes::BytesMut;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::hint::black_box;
use std::time::Instant;
use xmpp_dialback::{
    Accepted, Authoritative, DialbackSecret, DialbackSecrets, DialbackStream, Facts, Message, Opened, Pair,
    PresentedKey, Protection, Settings, Step, StreamNumber, Support,
};
use xmpp_stream::{Limits, StreamDecoder, StreamEncoder, StreamEvent, StreamHeader};
use xmpp_tls_core::{Domain, StreamId, StreamKind};
use xmpp_tls_testkit::alloc_counter;

xmpp_tls_testkit::count_allocations!();

const ROUNDS: usize = 401;
/// As long as ours are.
const ID: &str = "0a6357146bacafa81886d34147bb072c";
/// As in the examples of the XEPs: the message fits into one block.
const SHORT_ID: &str = "D60000229F";

/// A name, what to run, and the subject that its time is compared with.
type Subject<'a> = (&'static str, Box<dyn Fn() + 'a>, usize);

fn main() {
    let secret = DialbackSecret::new(&[7; 32]).unwrap();
    let secrets = DialbackSecrets::from(secret.clone());
    let (receiving, originating): (Domain, Domain) =
        ("montague.example".parse().unwrap(), "capulet.example".parse().unwrap());
    let plain = Hmac::<Sha256>::new(&[b'f'; 64].into());
    let hmac = |id: &str| {
        let (plain, text) = (plain.clone(), format!("{receiving} {originating} {id}"));
        move || {
            let mut mac = plain.clone();
            mac.update(black_box(text.as_bytes()));
            black_box(mac.finalize().into_bytes());
        }
    };
    let presented = PresentedKey::from(secret.key(&receiving, &originating, ID).unwrap());
    let round = Round::new();

    let subjects: Vec<Subject<'_>> = vec![
        ("plain HMAC-SHA256", Box::new(hmac(ID)), 0),
        (
            "key",
            Box::new(|| {
                black_box(secret.key(black_box(&receiving), black_box(&originating), black_box(ID))).unwrap();
            }),
            0,
        ),
        ("plain, short id", Box::new(hmac(SHORT_ID)), 0),
        (
            "key, short id",
            Box::new(|| {
                black_box(secret.key(black_box(&receiving), black_box(&originating), black_box(SHORT_ID))).unwrap();
            }),
            2,
        ),
        (
            "verify a key",
            Box::new(|| assert!(secrets.verify(black_box(&receiving), &originating, ID, &presented))),
            0,
        ),
        ("round, messages", Box::new(|| round.run(false)), 0),
        ("round, XML", Box::new(|| round.run(true)), 0),
    ];
    let works: Vec<&dyn Fn()> = subjects.iter().map(|(_, work, _)| &**work).collect();
    let times = ratio::interleave(&works, ROUNDS);
    println!(
        "{:<18} {:>12} {:>14} {:>12} {:>8}",
        "", "median ns", "of plain HMAC", "allocations", "bytes"
    );
    for (index, (name, work, base)) in subjects.iter().enumerate() {
        let counted = alloc_counter::measure_least(ALLOCATOR, 20, work);
        println!(
            "{name:<18} {:>12.1} {:>14.3} {:>12} {:>8}",
            ratio::median(&times[index]) * 1e9,
            ratio::median_of_ratios(&times[index], &times[*base]),
            counted.count,
            counted.bytes,
        );
    }
}

/// One claim from the first question to the last answer, on streams that are open.
struct Round {
    pair: Pair,
    id: StreamId,
    secrets: DialbackSecrets,
    now: Instant,
}

impl Round {
    fn new() -> Self {
        Round {
            pair: Pair::new("capulet.example".parse().unwrap(), "montague.example".parse().unwrap()),
            id: StreamId::from_random([7; 16]),
            secrets: DialbackSecret::new(&[7; 32]).unwrap().into(),
            now: Instant::now(),
        }
    }

    fn run(&self, xml: bool) {
        let (settings, support, now) = (Settings::default(), Support::DialbackAndErrors, self.now);
        let target = self.pair.receiving.clone();
        let id = self.id.to_string();
        let mut capulet = Authoritative::stateless(self.secrets.clone());
        let mut originating = DialbackStream::opened(
            Opened::new(StreamNumber(1), target, &id, Protection::Tls)
                .with_support(support)
                .with_settings(settings),
        );
        let mut receiving =
            DialbackStream::accepted(Accepted::new(StreamNumber(1), &self.id, Protection::Tls).with_settings(settings));
        let domain = self.pair.originating.clone();
        let mut verifying = DialbackStream::opened(
            Opened::new(StreamNumber(2), domain, "other", Protection::Tls)
                .with_support(support)
                .with_settings(settings),
        );
        let mut wire = Wire::new(xml);

        let served = Facts::served();
        let claim = originating.ask(self.pair.clone(), &mut capulet, now).unwrap();
        let claim = wire.carry(claim.into());
        let Ok(Step::Verify(task)) = receiving.handle(claim, served, &mut capulet, now) else {
            panic!()
        };
        let question = wire.carry(verifying.verify(task, now).unwrap().into());
        let Message::VerifyRequest(question) = question else {
            panic!()
        };
        let answer = wire.carry(capulet.answer(&question, true, now).into());
        let Ok(Step::Verdict(verdict)) = verifying.handle(answer, served, &mut capulet, now) else {
            panic!()
        };
        let Ok(Step::Decided(decision)) = receiving.conclude(verdict, now) else {
            panic!()
        };
        let answer = wire.carry(decision.answer.into());
        originating.handle(answer, served, &mut capulet, now).unwrap();
        assert!(originating.may_send(&self.pair) && receiving.admits(&self.pair).is_ok());
    }
}

/// Carries messages as they are, or writes and reads them as XML.
struct Wire {
    xml: Option<(StreamEncoder, StreamDecoder)>,
    buffer: BytesMut,
}

impl Wire {
    fn new(xml: bool) -> Self {
        let mut buffer = BytesMut::new();
        let xml = xml.then(|| {
            let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
            let mut decoder = StreamDecoder::new(Limits::before_authentication());
            encoder.open(&Support::declare(StreamHeader::new()), &mut buffer);
            decoder.push(&buffer);
            decoder.next_event().unwrap();
            (encoder, decoder)
        });
        Wire { xml, buffer }
    }

    fn carry(&mut self, message: Message) -> Message {
        let Some((encoder, decoder)) = &mut self.xml else {
            return message;
        };
        self.buffer.clear();
        message.write(encoder, &mut self.buffer).unwrap();
        decoder.push(&self.buffer);
        let Ok(Some(StreamEvent::Element(element))) = decoder.next_event() else {
            panic!()
        };
        Message::from_element(&element).unwrap().unwrap()
    }
}
