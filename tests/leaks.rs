//! Under the default policy nothing but the negotiation of TLS is ever written in clear: every octet is
//! looked at, for everything a peer or somebody on the path can say instead of what it should.

mod common;

use common::{World, element};
use std::sync::Arc;
use std::time::Duration;
use xmpp_tls::session::{ClientConfig, Event, Mode, ServerConfig, Session, Target};
use xmpp_tls::{Domain, Engine, Output, danger, policy::EncryptionPolicy};
use xmpp_tls_testkit::leak;

const SECRETS: &[&str] = &[
    "juliet",
    "r0m30myr0m30",
    "<auth",
    "<iq",
    "<message",
    "<presence",
    "AGp1bGlldA",
];
const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    from='example.org' id='1' version='1.0'>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>";
const OFFER: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const REQUIRED: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
const PLAIN: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>";
const SCRAM: &str =
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism></mechanisms>";
const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

/// An application in a hurry: after every step it tries to send all it has, and it knows its address.
struct Eager {
    session: Session,
    wrote: Vec<u8>,
    upgraded: bool,
}

impl Eager {
    fn new(world: &World, mode: Mode) -> Self {
        let target = Target::new("example.org".parse::<Domain>().unwrap()).with_account("juliet@example.org");
        let target = if mode == Mode::DirectTls {
            target.direct_tls()
        } else {
            target
        };
        let session = Session::client(Arc::new(world.client_config()), target, world.now()).unwrap();
        Eager {
            session,
            wrote: Vec::new(),
            upgraded: false,
        }
    }

    fn press(&mut self) {
        let wants = [
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByMG0zMG15cjBtMzA=</auth>",
            "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
            "<message to='romeo@example.org'><body>r0m30myr0m30</body></message>",
            "<presence/>",
        ];
        for xml in wants {
            assert!(self.session.send(&element(xml)).is_err(), "sent before TLS: {xml}");
        }
        assert!(self.session.restart(std::time::Instant::now()).is_err() && self.session.send_keepalive().is_err());
    }

    /// Polls until the session rests or ends; what comes behind the ClientHello is TLS.
    fn settle(&mut self) {
        loop {
            if !self.upgraded {
                self.press();
            }
            match self.session.poll_output() {
                Ok(Output::Transmit(bytes)) => {
                    self.upgraded |= bytes.first() == Some(&0x16);
                    if !self.upgraded {
                        self.wrote.extend_from_slice(&bytes);
                    }
                }
                Ok(Output::Event(event)) => {
                    assert!(
                        !matches!(event, Event::Secured(_) | Event::Opened(_) | Event::Features(_)),
                        "{event:?}"
                    );
                }
                Ok(Output::WantsInput(_)) | Err(_) => return,
            }
        }
    }
}

/// Failure 4 and rows INJ-07, INJ-08, INJ-09: every features set, then everything that can follow it.
#[test]
fn no_octet_of_the_application_is_written_in_clear_whatever_the_peer_says() {
    let world = World::new();
    let parts = [OFFER, REQUIRED, PLAIN, SCRAM, BIND, AUTH, "<x xmlns='urn:example'/>"];
    let mut conversations: Vec<String> = Vec::new();
    for set in 0_u32..(1 << parts.len()) {
        let offered: String = parts
            .iter()
            .enumerate()
            .filter(|(bit, _)| set & (1 << bit) != 0)
            .map(|(_, part)| *part)
            .collect();
        let features = format!("<stream:features>{offered}</stream:features>");
        for then in [
            "",
            FAILURE,
            PROCEED,
            &features,
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        ] {
            conversations.push(format!("{HEADER}{features}{then}"));
        }
    }
    for instead in [
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<iq type='result' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.org/x</jid></bind></iq>",
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>evil.example</see-other-host></stream:error>",
        "</stream:stream>",
        "<!DOCTYPE x>",
        "garbage",
        PROCEED,
        FAILURE,
        "",
    ] {
        conversations.push(format!("{HEADER}{instead}"));
        conversations.push(instead.to_owned());
        conversations.push(format!(
            "{HEADER}<stream:features>{REQUIRED}</stream:features>{PROCEED}{instead}"
        ));
    }
    conversations.push(HEADER.replace(" version='1.0'", ""));
    conversations.push(HEADER.replace("jabber:client", "jabber:server"));

    for conversation in &conversations {
        // Whole and then the end; octet by octet and then silence; cut off in the middle.
        for (size, end) in [
            (conversation.len().max(1), true),
            (1, false),
            (conversation.len() / 2 + 1, true),
        ] {
            let mut eager = Eager::new(&world, Mode::StartTls);
            eager.settle();
            for chunk in conversation
                .as_bytes()
                .chunks(size)
                .take(if size == 1 { usize::MAX } else { 1 })
            {
                if eager.session.handle_input(world.clock.now(), chunk).is_err() {
                    break;
                }
                eager.settle();
            }
            let later = world.clock.now() + Duration::from_secs(3600);
            let _ = if end {
                eager.session.handle_eof(later)
            } else {
                eager.session.handle_timeout(later)
            };
            eager.settle();
            leak::assert_absent(&eager.wrote, SECRETS);
            assert!(eager.session.poll_output().is_err(), "{conversation}: still alive");
        }
    }
    assert!(conversations.len() > 600);
}

#[test]
fn direct_tls_writes_nothing_that_is_not_tls() {
    let world = World::new();
    for said in [
        &b"<stream:stream"[..],
        HEADER.as_bytes(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ] {
        let mut eager = Eager::new(&world, Mode::DirectTls);
        eager.settle();
        eager.session.handle_input(world.clock.now(), said).unwrap();
        eager.settle();
        assert!(eager.wrote.is_empty());
        assert!(eager.session.poll_output().is_err());
    }
}

#[test]
fn a_full_session_writes_the_account_inside_tls_only() {
    let world = World::new();
    let target = Target::new("example.org".parse::<Domain>().unwrap()).with_account("juliet@example.org");
    let client = Session::client(Arc::new(world.client_config()), target, world.now()).unwrap();
    let server = world.server(world.server_config(&world.good_certificate()), Mode::StartTls);
    let mut pair = xmpp_tls_testkit::Pair::new(client, server, world.clock);
    pair.drive();
    pair.assert_no_error();
    leak::assert_absent(&pair.a.wrote, SECRETS);
    leak::assert_absent(&pair.b.wrote, SECRETS);
    // STRM-10 and STRM-06: inside TLS it says who it is, and is answered.
    let Some(Event::Opened(header)) = pair.b.events.get(1) else {
        panic!("{:?}", pair.b.events)
    };
    assert_eq!(header.from.as_deref(), Some("juliet@example.org"));
    let Some(Event::Opened(header)) = pair.a.events.get(1) else {
        panic!("{:?}", pair.a.events)
    };
    assert_eq!(header.to.as_deref(), Some("juliet@example.org"));
}

/// A log line must not give away what a log line is written about.
#[test]
fn what_is_said_inside_tls_is_not_in_debug_text() {
    let world = World::new();
    let mut pair = world.good_pair(Mode::StartTls);
    pair.drive();
    let login = element("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>cjBtMzBSMG0zMA==</auth>");
    pair.a.engine.send(&login).unwrap();
    let client = format!("{:?}", pair.a.engine);
    pair.drive();
    let server = format!("{:?}", pair.b.engine);
    let event = format!("{:?}", pair.b.events.last());
    assert!(event.contains("auth"), "{event}");
    for text in [client, server, event, format!("{login:?}")] {
        leak::assert_absent(text.as_bytes(), &["cjBtMzBSMG0zMA", "r0m30R0m30"]);
    }
}

#[test]
fn going_on_in_clear_takes_danger_on_either_side_and_is_never_called_secured() {
    let world = World::new();
    let accepted = danger::PlaintextAccepted::anybody_may_read_and_change_the_stream();
    let mut client: ClientConfig = world.client_config();
    client.policy.encryption = EncryptionPolicy::Opportunistic(accepted);
    let mut server: ServerConfig = world.server_config(&world.good_certificate());
    server.policy.encryption = EncryptionPolicy::Opportunistic(accepted);

    // Offered, so used.
    let mut pair = world.pair(client.clone(), server.clone(), Mode::StartTls);
    pair.drive();
    assert!(pair.a.engine.report().unwrap().is_encrypted());

    // The offer stripped on the way.
    let mut pair = world.pair(client.clone(), server, Mode::StartTls);
    pair.b_to_a.replace(OFFER, "");
    pair.drive();
    pair.assert_no_error();
    assert!(
        matches!(pair.a.events.first(), Some(Event::Plaintext(_))),
        "{:?}",
        pair.a.events
    );
    let report = pair.a.engine.report().unwrap();
    assert!(!report.is_encrypted() && !report.is_authenticated());
    assert!(report.to_string().contains("NO: everybody on the path"));
    pair.a.engine.send(&element("<presence/>")).unwrap();
    pair.drive();
    assert!(
        matches!(pair.b.events.first(), Some(Event::Plaintext(_))),
        "{:?}",
        pair.b.events
    );
    assert!(matches!(pair.b.events.last(), Some(Event::Element(presence)) if presence.name() == "presence"));
}
