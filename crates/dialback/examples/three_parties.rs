//! A whole dialback between three parties in memory, printed as it would travel (XEP-0220 section 2.1).

use bytes::BytesMut;
use std::error::Error;
use std::time::Instant;
use xmpp_dialback::{
    Accepted, Admitted, Authoritative, DialbackSecret, DialbackStream, Facts, Message, Opened, Pair, Protection,
    Settings, Step, StreamNumber, Support,
};
use xmpp_stream::{StreamEncoder, StreamHeader};
use xmpp_tls_core::{StreamId, StreamKind};

fn main() -> Result<(), Box<dyn Error>> {
    let now = Instant::now();
    let (settings, support) = (Settings::default(), Support::DialbackAndErrors);
    let pair = Pair::new("capulet.example".parse()?, "montague.example".parse()?);
    let served = Facts::served();
    // Both would come from a cryptographically secure generator.
    let secret = DialbackSecret::generate(|octets| octets.fill(7));
    let id = StreamId::from_random([1; 16]);

    let mut authoritative = Authoritative::stateless(secret.into());
    let target = pair.receiving.clone();
    let mut outgoing = DialbackStream::opened(
        Opened::new(StreamNumber(1), target, &id.to_string(), Protection::Tls)
            .with_support(support)
            .with_settings(settings),
    );
    let claim = Message::from(outgoing.ask(pair.clone(), &mut authoritative, now)?);
    show("1. the originating server claims a domain", &claim)?;

    let mut keys = Authoritative::stateless(DialbackSecret::generate(|octets| octets.fill(8)).into());
    let mut incoming =
        DialbackStream::accepted(Accepted::new(StreamNumber(1), &id, Protection::Tls).with_settings(settings));
    let Step::Verify(task) = incoming.handle(claim, served, &mut keys, now)? else {
        return Err("a claim without a certificate is verified".into());
    };
    println!("   the receiving server opens a stream to {}\n", task.domain());

    let target = task.domain().clone();
    let mut asking = DialbackStream::opened(
        Opened::new(StreamNumber(2), target, "id2", Protection::Tls)
            .with_support(support)
            .with_settings(settings),
    );
    let question = asking.verify(task, now)?;
    show("2. the receiving server asks there", &question.clone().into())?;

    let answer = Message::from(authoritative.answer(&question, true, now));
    show("3. the authoritative server answers", &answer)?;

    let Step::Verdict(verdict) = asking.handle(answer, Facts::default(), &mut keys, now)? else {
        return Err("an answer to a question is a verdict".into());
    };
    let Step::Decided(decision) = incoming.conclude(verdict, now)? else {
        return Err("a verdict is told to the originating server".into());
    };
    let answer = Message::from(decision.answer);
    show("4. the receiving server answers", &answer)?;

    outgoing.handle(answer, Facts::default(), &mut authoritative, now)?;
    if let Admitted::Authenticated(entry) = incoming.admits(&pair)? {
        println!("{} is authenticated by {}", entry.pair(), entry.by());
    }
    println!("it may be sent: {}", outgoing.may_send(&pair));
    Ok(())
}

fn show(step: &str, message: &Message) -> Result<(), xmpp_stream::Error> {
    let mut encoder = StreamEncoder::new(StreamKind::ServerToServer);
    let mut out = BytesMut::new();
    encoder.open(&Support::declare(StreamHeader::new()), &mut out);
    out.clear();
    message.write(&mut encoder, &mut out)?;
    println!("{step}\n   {}\n", String::from_utf8_lossy(&out));
    Ok(())
}
