//! There is one way to a secured session. No second one by construction, which the compiler proves from what the first
//! test looks at, and none by behaviour: whatever a TLS library reports, a session says that it is secured exactly where
//! the policy is satisfied, and nothing else before.

mod common;

use common::altered::run_under;
use std::fs;
use std::path::Path;
use xmpp_tls::danger::{OldVersion, OldVersionsAccepted, UnverifiedPeerAccepted};
use xmpp_tls::policy::{AuthenticationPolicy, ForwardSecrecy, Policy, Resumption};
use xmpp_tls::session::Event;
use xmpp_tls::starttls::{CipherSuite, TlsFacts, TlsVersion};
use xmpp_tls::tls::TlsSession;

/// The lines of code under `src` that contain `what`, with their files.
fn lines_with(what: &str) -> Vec<(String, String)> {
    fn search(folder: &Path, what: &str, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path, what, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let lines = code.filter(|line| line.contains(what));
            let file = path
                .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                .unwrap()
                .display()
                .to_string();
            found.extend(lines.map(|line| (file.clone(), line.trim().to_owned())));
        }
    }
    let mut found = Vec::new();
    search(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), what, &mut found);
    found
}

/// What the compiler proves, and on what that rests. A stream inside TLS is made of a `Secured`, by the type of
/// `OpenStream::inside_tls`, and outside `gate.rs` nobody can write one down: it has a private field. So it is enough
/// that this file makes one in one place, and that `stream.rs` has one way to put an engine under a stream. Whether the
/// gate then asks the policy is tried below, by behaviour.
#[test]
fn nothing_but_the_gate_makes_a_secured_session() {
    for (what, file, count) in [
        // The type, what the gate returns, what it makes.
        ("Secured {", "src/session/gate.rs", 2),
        // The field, where it is declared and where it is filled in.
        ("_passed", "src/session/gate.rs", 2),
        // Of all the places that name the variant this one makes it.
        ("Transport::Tls(secured", "src/session/stream.rs", 1),
        // Events and reports are public types, which the compiler lets anybody make.
        (
            "then_some(Output::Event(Event::Secured(report)))",
            "src/session/handshake.rs",
            1,
        ),
        // Of another server, which said who it is.
        ("gate::name(", "src/session/steps.rs", 1),
        ("Ok(Event::Secured(report))", "src/session/steps.rs", 1),
        ("SecurityReport::of_tls(", "src/session/handshake.rs", 1),
    ] {
        let found = lines_with(what);
        assert_eq!(found.len(), count, "{what}: {found:?}");
        assert!(found.iter().all(|(found, _)| found == file), "{what}: {found:?}");
    }
    let private = lines_with("_passed").iter().all(|(_, line)| line == "_passed: (),");
    assert!(private, "without a private field anybody could make one");
}

fn policies() -> Vec<Policy> {
    let mut all = vec![Policy::default(), Policy::modern()];
    let changes: [fn(&mut Policy); 4] = [
        |policy| policy.resumption = Resumption::Allowed,
        |policy| policy.forward_secrecy = ForwardSecrecy::Preferred,
        |policy| policy.keys.curve_bits = 384,
        |policy| {
            policy.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
        },
    ];
    for change in changes {
        let mut policy = Policy::default();
        change(&mut policy);
        all.push(policy);
    }
    all.push(Policy::statement_2014(
        OldVersionsAccepted::known_attacks_apply_down_to(OldVersion::Tls10),
    ));
    all
}

/// Of what no policy takes there is nothing: another ALPN protocol than was offered, a resumption that was not agreed to.
fn of_the_laxest(handshake: fn(&mut TlsSession)) -> Option<Event> {
    let mut laxest = Policy::statement_2014(OldVersionsAccepted::known_attacks_apply_down_to(OldVersion::Ssl30));
    laxest.authentication = AuthenticationPolicy::Recorded(UnverifiedPeerAccepted::anybody_may_be_the_peer());
    laxest.resumption = Resumption::Allowed;
    let (events, ..) = run_under(laxest, handshake);
    events.into_iter().next()
}

/// Whoever passes has a satisfied policy, and whoever is refused has not.
#[test]
fn secured_is_said_exactly_where_the_policy_is_satisfied() {
    let handshakes: [fn(&mut TlsSession); 9] = [
        |_| {},
        |session| session.resumed = true,
        |session| session.forward_secret = false,
        |session| session.peer_chain.clear(),
        |session| session.peer_chain.truncate(1),
        |session| session.alpn = Some(b"h2".to_vec()),
        |session| session.facts = TlsFacts::new(TlsVersion::TLS_1_2, CipherSuite(0xc02f)).unwrap(),
        |session| session.facts = TlsFacts::new(TlsVersion::TLS_1_0, CipherSuite(0xc013)).unwrap(),
        |session| {
            session.resumed = true;
            session.peer_chain.clear();
            session.forward_secret = false;
        },
    ];
    let (mut passed, mut refused, mut asked) = (0, 0, 0);
    for policy in policies() {
        for (number, handshake) in handshakes.into_iter().enumerate() {
            let (events, error, kept) = run_under(policy.clone(), handshake);
            match events.split_first() {
                Some((Event::Secured(report), rest)) => {
                    let evaluation = policy.evaluate(report);
                    assert!(
                        evaluation.is_satisfied(),
                        "handshake {number}, {policy:?}: {evaluation}"
                    );
                    assert!(!rest.iter().any(|event| matches!(event, Event::Secured(_))));
                    assert_eq!(error, None);
                    assert_eq!(kept, 1, "a session may be kept once it is secured");
                    passed += 1;
                }
                Some((other, _)) => panic!("before it was secured: {other:?}"),
                None => {
                    assert!(error.is_some(), "handshake {number}, {policy:?}");
                    assert_eq!(kept, 0, "nothing may be kept of what was refused");
                    // What the same handshake is, as a policy says that takes nearly anything.
                    if let Some(Event::Secured(report)) = of_the_laxest(handshake) {
                        assert!(
                            !policy.evaluate(&report).is_satisfied(),
                            "handshake {number}, {policy:?}"
                        );
                        asked += 1;
                    }
                    refused += 1;
                }
            }
        }
    }
    // Whoever made the gate refuse or pass everything would be noticed too.
    assert_eq!((passed, refused, asked), (21, 42, 21));
}
