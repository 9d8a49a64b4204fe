//! What each role says, and what it does with everything a peer can do instead.

use std::time::{Duration, Instant};
use xmpp_starttls::{Error, Initiator, InitiatorEvent, PeerMisbehaved, Phase, Refusal, Responder, ResponderEvent};
use xmpp_stream::Features;
use xmpp_tls_core::{Engine, Output, StreamCondition, StreamId, StreamKind};
use xmpp_tls_testkit::{Clock, Pair, SplitCheck, Trace, trace::Tracer};

const PEER_HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' from='example.org' id='x' version='1.0' xml:lang='en'>";
const NO_OFFER: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>PLAIN</mechanism></mechanisms></stream:features>";
const OFFER: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
    </stream:features>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const CLIENT_HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xml:lang='de-CH' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn client(now: Instant) -> Initiator {
    Initiator::client("example.org".parse().unwrap(), now)
}

fn server(now: Instant) -> Responder {
    Responder::new(StreamKind::ClientToServer, StreamId::from_random([7; 16]), now)
}

fn initiator_event(_: &mut Initiator, event: InitiatorEvent) -> String {
    match event {
        InitiatorEvent::Opened(header) => format!("opened by {:?}", header.from),
        InitiatorEvent::Features(features) => format!("features, starttls {:?}", features.starttls().is_some()),
        InitiatorEvent::Upgrade(token) => format!("upgrade, offered {}", token.offered()),
        other => format!("{other:?}"),
    }
}

fn accepting(engine: &mut Responder, event: ResponderEvent) -> String {
    match event {
        ResponderEvent::Opened(opened) => {
            engine.accept(&"example.org".parse().unwrap()).unwrap();
            format!("opened to {:?}", opened.header.to)
        }
        ResponderEvent::Upgrade(token) => format!("upgrade to {}", token.to().unwrap()),
        other => format!("{other:?}"),
    }
}

fn hear(engine: &mut Initiator, said: &[&str]) -> Trace {
    let mut tracer = Tracer::new(engine, Clock::new(), initiator_event);
    for text in said {
        tracer.input(text.as_bytes());
    }
    tracer.into_trace()
}

fn error_of(engine: &mut impl Engine<Error = Error>) -> Error {
    engine.poll_output().err().expect("the engine failed")
}

#[test]
fn a_client_and_a_server_upgrade_whatever_the_chunks() {
    for size in [1, 2, 7, 64, 4096] {
        let clock = Clock::new();
        let mut pair = Pair::new(client(clock.now()), server(clock.now()), clock).chunk_size(size);
        pair.b.react(|engine, event| {
            if let ResponderEvent::Opened(_) = event {
                engine.accept(&"example.org".parse().unwrap()).unwrap();
            }
        });
        pair.drive();
        pair.assert_no_error();
        assert!(matches!(pair.a.events.last(), Some(InitiatorEvent::Upgrade(token)) if token.offered()));
        assert!(matches!(pair.b.events.last(), Some(ResponderEvent::Upgrade(_))));
        assert!(
            pair.a.wrote.ends_with(STARTTLS.as_bytes()),
            "STLS-14: not an octet behind <starttls/>"
        );
        assert!(
            pair.b.wrote.ends_with(PROCEED.as_bytes()),
            "STLS-15: not an octet behind <proceed/>"
        );
    }
}

#[test]
fn both_roles_give_one_trace_however_the_input_is_cut() {
    let input = [PEER_HEADER, " \n", OFFER, PROCEED].concat();
    let trace = SplitCheck::new(&input).assert(client, initiator_event);
    assert_eq!(trace.events().last(), Some(&"upgrade, offered true"));

    let input = [CLIENT_HEADER, "\n", STARTTLS].concat();
    let trace = SplitCheck::new(&input).assert(server, accepting);
    assert_eq!(trace.events().last(), Some(&"upgrade to example.org"));
}

#[test]
fn x75_03_an_offer_missing_from_the_features_is_not_believed() {
    let trace = hear(&mut client(Instant::now()), &[PEER_HEADER, NO_OFFER, PROCEED]);
    assert!(trace.transmitted().ends_with(STARTTLS.as_bytes()));
    assert_eq!(trace.events().last(), Some(&"upgrade, offered false"));
}

#[test]
fn stls_42_a_peer_without_a_version_sends_no_features_and_is_asked_all_the_same() {
    let header = PEER_HEADER.replace(" version='1.0' xml:lang", " xml:lang");
    let trace = hear(&mut client(Instant::now()), &[&header, PROCEED]);
    assert!(trace.transmitted().ends_with(STARTTLS.as_bytes()));
    assert_eq!(trace.events().last(), Some(&"upgrade, offered false"));
}

#[test]
fn d_48_a_client_names_nobody_before_tls_and_a_server_names_itself() {
    let trace = hear(&mut client(Instant::now()), &[]);
    let written = String::from_utf8(trace.transmitted()).unwrap();
    assert!(
        written.contains(" to='example.org'") && !written.contains("from="),
        "{written}"
    );

    let mut engine = Initiator::server(
        "here.example".parse().unwrap(),
        "there.example".parse().unwrap(),
        Instant::now(),
    );
    let written = String::from_utf8(hear(&mut engine, &[]).transmitted()).unwrap();
    assert!(
        written.contains(" from='here.example'") && written.contains("xmlns='jabber:server'"),
        "{written}"
    );
}

#[test]
fn inj_10_a_redirection_before_tls_is_an_error_and_nothing_else() {
    let redirect = "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>evil.example\
        </see-other-host></stream:error>";
    let mut engine = client(Instant::now());
    let trace = hear(&mut engine, &[PEER_HEADER, redirect]);
    assert!(!String::from_utf8(trace.transmitted()).unwrap().contains("starttls"));
    let Error::Refused {
        phase: Phase::Features,
        refusal: Refusal::StreamError(error),
    } = error_of(&mut engine)
    else {
        panic!("{trace}");
    };
    assert_eq!(error.condition, StreamCondition::SEE_OTHER_HOST);
}

#[test]
fn inj_07_whatever_comes_instead_of_features_is_an_error_at_once() {
    for element in [
        "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AA==</challenge>",
        "<db:result xmlns:db='jabber:server:dialback' from='a' to='b' type='valid'/>",
        "<iq type='result' id='1'/>",
        "<message/>",
        PROCEED,
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<features xmlns='jabber:client'/>",
    ] {
        let mut engine = client(Instant::now());
        let trace = hear(&mut engine, &[PEER_HEADER, element]);
        assert!(
            matches!(
                error_of(&mut engine),
                Error::PeerMisbehaved {
                    phase: Phase::Features,
                    ..
                }
            ),
            "{element}"
        );
        let written = String::from_utf8(trace.transmitted()).unwrap();
        assert!(!written.contains("<starttls"), "{element}");
        assert!(
            written.ends_with("</stream:error></stream:stream>"),
            "{element}: {written}"
        );
    }
}

#[test]
fn d_7_silence_is_an_error_that_names_the_phase() {
    for (said, phase, told) in [
        (vec![], Phase::Header, "policy-violation"),
        (vec![PEER_HEADER], Phase::Features, "connection-timeout"),
        (vec![PEER_HEADER, OFFER], Phase::Proceed, ""),
        // A peer that keeps sending white space is silent too.
        (vec![PEER_HEADER, "   "], Phase::Features, "connection-timeout"),
    ] {
        let clock = Clock::new();
        let mut engine = client(clock.now());
        let mut tracer = Tracer::new(&mut engine, clock, initiator_event);
        for text in said {
            tracer.input(text.as_bytes());
        }
        tracer.advance(Initiator::DEFAULT_TIMEOUT - Duration::from_millis(1));
        assert!(tracer.trace().error().is_none());
        tracer.advance(Duration::from_millis(1));
        let written = String::from_utf8(tracer.into_trace().transmitted()).unwrap();
        assert_eq!(error_of(&mut engine), Error::TimedOut { phase });
        assert!(written.contains(told), "{phase}: {written}");
        // STLS-14: behind <starttls/> nothing more is written.
        assert!(phase != Phase::Proceed || written.ends_with(STARTTLS), "{written}");
    }
}

#[test]
fn a_drip_of_octets_does_not_extend_the_budget() {
    let clock = Clock::new();
    let mut engine = client(clock.now());
    for second in 0..=30 {
        let now = clock.now() + Duration::from_secs(second);
        if engine.handle_input(now, b" ").is_err() {
            break;
        }
        while let Ok(Output::Transmit(_) | Output::Event(_)) = engine.poll_output() {}
    }
    assert!(engine.poll_output().is_err());
}

#[test]
fn the_end_of_the_connection_is_an_error_that_names_the_phase() {
    for (said, phase) in [
        (vec![], Phase::Header),
        (vec![PEER_HEADER, "<stream:fea"], Phase::Features),
        (vec![PEER_HEADER, OFFER], Phase::Proceed),
        (vec![PEER_HEADER, OFFER, PROCEED], Phase::Upgraded),
    ] {
        let mut engine = client(Instant::now());
        let mut tracer = Tracer::new(&mut engine, Clock::new(), initiator_event);
        for text in said {
            tracer.input(text.as_bytes());
        }
        tracer.eof();
        assert_eq!(error_of(&mut engine), Error::ConnectionEnded { phase });
    }
}

#[test]
fn stls_05_and_07_a_server_that_requires_tls_offers_nothing_else() {
    let mut engine = server(Instant::now());
    let mut tracer = Tracer::new(&mut engine, Clock::new(), accepting);
    tracer.input(CLIENT_HEADER.as_bytes());
    let written = String::from_utf8(tracer.into_trace().transmitted()).unwrap();
    assert!(
        written.ends_with(
            "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
             </stream:features>"
        ),
        "{written}"
    );
    assert!(written.contains("from='example.org'") && written.contains("id='07070707070707070707070707070707'"));
    // STRM-06: no `from`, no `to`. STRM-20: de-CH is not spoken here, en is.
    assert!(
        !written.contains(" to=") && written.contains("xml:lang='en'"),
        "{written}"
    );
}

#[test]
fn stls_40_starttls_may_come_with_the_header() {
    let mut engine = server(Instant::now());
    let mut tracer = Tracer::new(&mut engine, Clock::new(), accepting);
    tracer.input([CLIENT_HEADER, STARTTLS].concat().as_bytes());
    let trace = tracer.into_trace();
    assert_eq!(
        trace.events(),
        ["opened to Some(\"example.org\")", "upgrade to example.org"]
    );
    assert!(trace.transmitted().ends_with(PROCEED.as_bytes()));
}

#[test]
fn serr_02_and_03_a_refusal_comes_behind_a_header_that_echoes_nothing() {
    let clock = Clock::new();
    let mut engine = server(clock.now());
    let mut tracer = Tracer::new(&mut engine, clock, |engine: &mut Responder, event| {
        if let ResponderEvent::Opened(_) = event {
            engine.refuse(StreamCondition::HOST_UNKNOWN).unwrap();
        }
        String::new()
    });
    tracer.input(CLIENT_HEADER.replace("example.org", "not-here.example").as_bytes());
    let written = String::from_utf8(tracer.into_trace().transmitted()).unwrap();
    assert!(
        written.contains("<stream:stream") && written.contains("from=''"),
        "{written}"
    );
    assert!(
        written.contains("<host-unknown") && written.ends_with("</stream:error></stream:stream>"),
        "{written}"
    );
    assert!(!written.contains("not-here"), "{written}");
    assert_eq!(
        error_of(&mut engine),
        Error::WeRefused {
            condition: StreamCondition::HOST_UNKNOWN
        }
    );
}

#[test]
fn nothing_is_sent_before_the_owner_decides() {
    let mut engine = server(Instant::now());
    let mut tracer = Tracer::new(&mut engine, Clock::new(), |_: &mut Responder, _| String::from("opened"));
    tracer.input([CLIENT_HEADER, STARTTLS].concat().as_bytes());
    assert!(tracer.into_trace().transmitted().is_empty());
    engine.accept(&"example.org".parse().unwrap()).unwrap();
    assert!(matches!(
        engine.accept(&"example.org".parse().unwrap()),
        Err(Error::ApiMisuse(_))
    ));
    assert!(matches!(
        engine.refuse(StreamCondition::RESET),
        Err(Error::ApiMisuse(_))
    ));
}

#[test]
fn pol_07_and_08_sasl_and_stanzas_before_tls_are_refused_with_the_right_words() {
    for (element, told) in [
        (
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>",
            "<encryption-required/></failure>",
        ),
        ("<message><body>hi</body></message>", "<not-authorized"),
        ("<foo xmlns='bar'/>", "<unsupported-stanza-type"),
    ] {
        let mut engine = server(Instant::now());
        let mut tracer = Tracer::new(&mut engine, Clock::new(), accepting);
        tracer.input([CLIENT_HEADER, element].concat().as_bytes());
        let trace = tracer.into_trace();
        let written = String::from_utf8(trace.transmitted()).unwrap();
        assert!(
            written.contains(told) && written.ends_with("</stream:stream>"),
            "{element}: {written}"
        );
        assert_eq!(trace.events().len(), 1, "{element} was reported");
        assert!(matches!(
            error_of(&mut engine),
            Error::PeerMisbehaved {
                phase: Phase::Starttls,
                ..
            }
        ));
    }
}

#[test]
fn broken_xml_is_answered_with_its_condition_and_only_before_the_request_for_tls() {
    let mut engine = client(Instant::now());
    let trace = hear(&mut engine, &[PEER_HEADER, "<!-- x -->"]);
    assert!(
        String::from_utf8(trace.transmitted())
            .unwrap()
            .contains("<restricted-xml")
    );
    assert!(matches!(
        error_of(&mut engine),
        Error::Stream {
            phase: Phase::Features,
            ..
        }
    ));

    let mut engine = client(Instant::now());
    let trace = hear(&mut engine, &[PEER_HEADER, OFFER, "<a></b>"]);
    assert!(trace.transmitted().ends_with(STARTTLS.as_bytes()));
    assert!(matches!(
        error_of(&mut engine),
        Error::Stream {
            phase: Phase::Proceed,
            ..
        }
    ));
}

#[test]
fn d368_17_a_header_for_the_other_kind_of_stream_is_refused() {
    let mut engine = server(Instant::now());
    let mut tracer = Tracer::new(&mut engine, Clock::new(), accepting);
    tracer.input(CLIENT_HEADER.replace("jabber:client", "jabber:server").as_bytes());
    let written = String::from_utf8(tracer.into_trace().transmitted()).unwrap();
    assert!(written.contains("<invalid-namespace"), "{written}");
    assert!(matches!(error_of(&mut engine), Error::Stream { .. }));
}

#[test]
fn going_on_in_clear_takes_a_dangerous_method_on_each_side() {
    let trace = hear(
        &mut client(Instant::now()).dangerous_allow_plaintext(),
        &[PEER_HEADER, NO_OFFER],
    );
    assert!(trace.events().last().unwrap().starts_with("Plaintext"));
    // Where TLS is offered it is used.
    let trace = hear(
        &mut client(Instant::now()).dangerous_allow_plaintext(),
        &[PEER_HEADER, OFFER],
    );
    assert!(trace.transmitted().ends_with(STARTTLS.as_bytes()));

    let mut engine = server(Instant::now()).dangerous_offer_plaintext(Features::builder());
    let mut tracer = Tracer::new(&mut engine, Clock::new(), accepting);
    tracer.input([CLIENT_HEADER, "<message/>"].concat().as_bytes());
    let trace = tracer.into_trace();
    assert!(!String::from_utf8(trace.transmitted()).unwrap().contains("required"));
    assert!(trace.events().last().unwrap().starts_with("Plaintext"));
}

#[test]
fn pol_02_failure_is_final_even_where_plaintext_is_allowed() {
    let mut engine = client(Instant::now()).dangerous_allow_plaintext();
    hear(
        &mut engine,
        &[
            PEER_HEADER,
            OFFER,
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>",
        ],
    );
    assert_eq!(
        error_of(&mut engine),
        Error::Refused {
            phase: Phase::Proceed,
            refusal: Refusal::TlsFailure
        }
    );
}

/// Newcomers and operators must see that the offer was missing: the peer has no TLS, or somebody hides it.
#[test]
fn a_refusal_of_what_was_not_offered_says_so() {
    let refusals = [
        "</stream:stream>",
        "<stream:error><unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<iq type='error' id='1'/>",
    ];
    for refusal in refusals {
        let mut engine = client(Instant::now());
        hear(&mut engine, &[PEER_HEADER, NO_OFFER, refusal]);
        let error = error_of(&mut engine);
        assert!(matches!(error, Error::NotOffered { .. }), "{error:?}");
        assert_eq!((error.phase(), error.stream_condition()), (Some(Phase::Proceed), None));
        assert!(error.to_string().starts_with("STARTTLS is not offered"), "{error}");

        let mut engine = client(Instant::now());
        hear(&mut engine, &[PEER_HEADER, OFFER, refusal]);
        let error = error_of(&mut engine);
        assert!(!matches!(error, Error::NotOffered { .. }), "{error:?}");
    }
}

#[test]
fn inj_08_a_second_offer_after_the_request_is_an_error() {
    let mut engine = client(Instant::now());
    hear(&mut engine, &[PEER_HEADER, OFFER, NO_OFFER]);
    assert!(matches!(
        error_of(&mut engine),
        Error::PeerMisbehaved {
            phase: Phase::Proceed,
            what: PeerMisbehaved::UnexpectedElement { .. }
        }
    ));
}
