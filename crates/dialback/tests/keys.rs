//! Keys and secrets (XEP-0185).

mod common;

use common::{authoritative, domain, load, pair, secret};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use xmpp_dialback::{
    Answer, Authoritative, DialbackSecret, DialbackSecrets, Error, IdError, PresentedKey, VerifyRequest, WeakSecret,
};
use xmpp_stream::SmallStr;
use xmpp_tls_core::StreamId;
use xmpp_tls_testkit::cuts::Rng;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    id: String,
    #[allow(dead_code, reason = "for readers of the table")]
    clause: String,
    secret: String,
    receiving: String,
    originating: String,
    stream_id: String,
    key: String,
    of_raw_digest: String,
    of_swapped_domains: String,
}

#[derive(Deserialize)]
struct Keys {
    key: Vec<Key>,
}

fn presented(text: &str) -> PresentedKey {
    PresentedKey::new(text).unwrap()
}

#[test]
fn db_52_db_55_db_59_the_three_keys_of_the_xeps() {
    let keys = load::<Keys>("keys.toml").key;
    assert_eq!(keys.len(), 3);
    for case in keys {
        let secret = DialbackSecret::dangerous_of_any_length(case.secret.as_bytes());
        let (receiving, originating) = (domain(&case.receiving), domain(&case.originating));
        let key = secret.key(&receiving, &originating, &case.stream_id).unwrap();
        assert_eq!(key.as_str(), case.key, "{}", case.id);
        assert!(key.matches(&presented(&case.key)));
        assert!(!key.matches(&presented(&case.of_raw_digest)), "{}", case.id);
        assert!(!key.matches(&presented(&case.of_swapped_domains)), "{}", case.id);
        let swapped = secret.key(&originating, &receiving, &case.stream_id).unwrap();
        assert_eq!(swapped.as_str(), case.of_swapped_domains, "{}", case.id);
    }
}

/// Security row 12.
#[test]
fn db_52_a_key_is_for_one_stream_and_one_pair_only() {
    let secrets = DialbackSecrets::from(secret(1));
    let [a, b, c] = ["a.example", "b.example", "c.example"].map(domain);
    let key = secrets.key(&b, &a, "id").unwrap().into();
    assert!(secrets.verify(&b, &a, "id", &key));
    assert!(!secrets.verify(&c, &a, "id", &key));
    assert!(!secrets.verify(&b, &c, "id", &key));
    assert!(!secrets.verify(&a, &b, "id", &key));
    assert!(!secrets.verify(&b, &a, "id2", &key));
    assert!(!DialbackSecrets::from(secret(2)).verify(&b, &a, "id", &key));
}

/// Security row 10 (CVE-2016-0756): no two triples have one key, however they are cut from one text.
#[test]
fn db_53_fields_do_not_run_into_each_other() {
    let secret = secret(1);
    let mut keys = BTreeSet::new();
    let mut triples = 0;
    let names = ["a", "b", "a.a", "a.b", "b.a", "ab", "a.a.b"];
    for receiving in names {
        for originating in names {
            for id in ["a", "b", "aa", "a.b", "b.a", ".", "a.a.b"] {
                let key = secret.key(&domain(receiving), &domain(originating), id).unwrap();
                triples += 1;
                assert!(keys.insert(key.as_str().to_owned()), "{receiving} {originating} {id}");
            }
        }
    }
    assert_eq!(triples, 343);
    for id in [
        "x y",
        " ",
        "x ",
        "\tx",
        "x\n",
        "x\u{0}y",
        "x\u{a0}y",
        "x\u{2028}y",
        "\u{7f}",
    ] {
        assert_eq!(
            secret.key(&domain("a"), &domain("b"), id).err(),
            Some(IdError::Space),
            "{id:?}"
        );
        assert!(!DialbackSecrets::from(secret.clone()).verify(&domain("a"), &domain("b"), id, &presented("00")));
    }
    assert!(secret.key(&domain("a"), &domain("b"), "über").is_ok());
    let long = "x".repeat(1024);
    let too_long = secret.key(&domain("a"), &domain("b"), &long).err();
    assert_eq!(too_long, Some(IdError::TooLong { octets: 1024 }));
    assert_eq!(secret.key(&domain("a"), &domain("b"), "").err(), Some(IdError::Empty));
}

/// The formula of XEP-0185 section 2, of a text that is already put together.
fn by_hand(secret: &[u8], message: &str) -> PresentedKey {
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let mut mac = Hmac::<Sha256>::new_from_slice(hex(&Sha256::digest(secret)).as_bytes()).unwrap();
    mac.update(message.as_bytes());
    presented(&hex(&mac.finalize().into_bytes()))
}

#[test]
fn db_52_keys_of_short_and_long_fields_follow_the_formula() {
    let secrets = DialbackSecrets::from(secret(1));
    for labels in 1..40 {
        for id in [1, 20, 45, 46, 47, 48, 60, 118, 119, 120, 121, 122, 500, 1023] {
            let (receiving, id) = (format!("{}example", "b.".repeat(labels)), "x".repeat(id));
            let key = by_hand(&[1; 32], &format!("{receiving} a {id}"));
            assert!(
                secrets.verify(&domain(&receiving), &domain("a"), &id, &key),
                "{receiving} {id}"
            );
        }
    }
}

/// Were it made, it would be the key of other fields: of the domains "b" and "a", and the id "x y".
#[test]
fn db_53_a_key_for_an_id_with_a_space_is_no_key() {
    let secrets = DialbackSecrets::from(secret(1));
    let key = |id: &str| by_hand(&[1; 32], &format!("b a {id}"));
    assert!(secrets.verify(&domain("b"), &domain("a"), "x.y", &key("x.y")));
    for id in ["x y", "", "x\ny"] {
        assert!(!secrets.verify(&domain("b"), &domain("a"), id, &key(id)), "{id:?}");
    }
}

/// Security row 11 (CVE-2016-1232).
#[test]
fn db_54_a_secret_has_at_least_32_octets() {
    for octets in 0..32 {
        assert_eq!(DialbackSecret::new(&vec![9; octets]).err(), Some(WeakSecret { octets }));
    }
    assert!(DialbackSecret::new(&[9; 32]).is_ok());
    assert!(DialbackSecret::new(&[9; 1000]).is_ok());
}

#[test]
fn db_54_a_generated_secret_is_what_the_generator_gave() {
    let generated = DialbackSecret::generate(|octets| octets.fill(9));
    let key = |secret: &DialbackSecret| secret.key(&domain("b"), &domain("a"), "id").unwrap();
    assert_eq!(key(&generated).as_str(), key(&secret(9)).as_str());
    assert_ne!(key(&generated).as_str(), key(&secret(8)).as_str());
}

#[test]
fn db_56_what_is_compared() {
    let key = secret(1).key(&domain("b.example"), &domain("a.example"), "id").unwrap();
    let text = key.as_str();
    assert!(key.matches(&presented(text)));
    assert!(key.matches(&presented(&format!("\n  {text}\t\r\n"))));
    assert!(!key.matches(&presented(&text.to_uppercase())));
    assert!(!key.matches(&presented(&text[1..])));
    assert!(!key.matches(&presented(&text[..63])));
    assert!(!key.matches(&presented(&format!("{text}0"))));
    assert!(!key.matches(&presented(&format!("{} {}", &text[..32], &text[32..]))));
    // Every digit counts.
    for at in 0..64 {
        let mut other = text.as_bytes().to_vec();
        other[at] = if other[at] == b'0' { b'1' } else { b'0' };
        assert!(!key.matches(&presented(std::str::from_utf8(&other).unwrap())), "{at}");
    }
}

/// No `PartialEq`: a test that calls it would not compile. Nothing in `Debug`: a log could hold it.
#[test]
fn nothing_of_a_secret_or_a_key_is_shown() {
    let secret = DialbackSecret::dangerous_of_any_length(b"open sesame");
    let key = secret.key(&domain("b"), &domain("a"), "id").unwrap();
    let text = key.as_str().to_owned();
    let request = VerifyRequest {
        pair: pair("a", "b"),
        id: "id".into(),
        key: key.clone().into(),
    };
    let shown = format!(
        "{secret:?} {key:?} {request:?} {:?}",
        DialbackSecrets::from(secret.clone())
    );
    assert!(
        shown.contains("DialbackSecret") && shown.contains("octets: 64"),
        "{shown}"
    );
    for part in text.as_bytes().windows(6) {
        assert!(!shown.contains(std::str::from_utf8(part).unwrap()), "{shown}");
    }
    assert!(!shown.contains("sesame"));
}

#[test]
fn secrets_can_be_changed_while_their_keys_are_in_use() {
    let (b, a) = (domain("b.example"), domain("a.example"));
    let made_by = |octet| secret(octet).key(&b, &a, "id").unwrap();
    let mut secrets = DialbackSecrets::from(secret(1));
    for new in 2..=20 {
        secrets = secrets.changed_to(secret(new));
    }
    assert_eq!(secrets.key(&b, &a, "id").unwrap().as_str(), made_by(20).as_str());
    let honoured: Vec<u8> = (0..=21)
        .filter(|&octet| secrets.verify(&b, &a, "id", &made_by(octet).into()))
        .collect();
    assert_eq!(honoured, [13, 14, 15, 16, 17, 18, 19, 20]);
    assert_eq!(honoured.len(), DialbackSecrets::MAX);
}

/// DB-08: safe also for peers that validate with the schema of XEP-0220. Security row 45.
#[test]
fn db_08_our_ids_are_of_safe_characters_and_others_are_taken_as_they_are() {
    let mut rng = Rng::new(1);
    let mut seen = BTreeSet::new();
    for _ in 0..1000 {
        let mut octets = [0; 16];
        rng.fill(&mut octets);
        let id = StreamId::from_random(octets).to_string();
        assert!(
            id.len() >= 20 && id.bytes().all(|octet| octet.is_ascii_alphanumeric()),
            "{id}"
        );
        assert!(secret(1).key(&domain("b"), &domain("a"), &id).is_ok());
        assert!(seen.insert(id));
    }
    for id in ["hTiXkW+ih9k2SqdGkk/AZi0OJ/Q=", "<>&'\"", "ß"] {
        assert!(secret(1).key(&domain("b"), &domain("a"), id).is_ok(), "{id}");
    }
}

fn ask(authoritative: &mut Authoritative, key: &PresentedKey, id: &str, now: Instant) -> Answer {
    let (pair, id) = (pair("a.example", "b.example"), SmallStr::from(id));
    let key = key.clone();
    authoritative.answer(&VerifyRequest { pair, id, key }, true, now).answer
}

#[test]
fn db_57_any_server_of_a_cluster_answers_for_the_others() {
    let now = xmpp_tls_testkit::Clock::new().now();
    let key = authoritative(1)
        .key(&pair("a.example", "b.example"), "id", now)
        .unwrap()
        .into();
    assert_eq!(ask(&mut authoritative(1), &key, "id", now), Answer::Valid);
    assert_eq!(ask(&mut authoritative(2), &key, "id", now), Answer::Invalid);
}

#[test]
fn db_58_a_stateful_server_answers_only_for_keys_that_it_made_of_late() {
    let now = xmpp_tls_testkit::Clock::new().now();
    let second = Duration::from_secs(1);
    let mut stateful = Authoritative::stateful(secret(1).into(), 60 * second, 3);
    let pair = pair("a.example", "b.example");
    let from_elsewhere = authoritative(1).key(&pair, "id", now).unwrap().into();
    assert_eq!(ask(&mut stateful, &from_elsewhere, "id", now), Answer::Invalid);

    let key = stateful.key(&pair, "id", now).unwrap().into();
    assert_eq!(ask(&mut stateful, &key, "id", now), Answer::Valid);
    assert_eq!(ask(&mut stateful, &key, "id", now + 59 * second), Answer::Valid);
    assert_eq!(ask(&mut stateful, &key, "other", now), Answer::Invalid);
    // Made once more, it lives from then on.
    stateful.key(&pair, "id", now + 30 * second).unwrap();
    assert_eq!(ask(&mut stateful, &key, "id", now + 61 * second), Answer::Valid);
    assert_eq!(ask(&mut stateful, &key, "id", now + 90 * second), Answer::Invalid);
}

#[test]
fn db_58_what_a_stateful_server_remembers_is_bounded() {
    let now = xmpp_tls_testkit::Clock::new().now();
    let lifetime = Duration::from_secs(60);
    let mut stateful = Authoritative::stateful(secret(1).into(), lifetime, 3);
    let pair = pair("a.example", "b.example");
    for id in ["1", "2", "3"] {
        stateful.key(&pair, id, now).unwrap();
    }
    assert!(matches!(
        stateful.key(&pair, "4", now),
        Err(Error::Limit { max: 3, .. })
    ));
    assert!(stateful.key(&pair, "4", now + lifetime).is_ok());
}

/// The issue of a peer that writes `id=''`: a key for it would be the same for every stream.
#[test]
fn db_53_an_empty_id_has_no_key_and_is_answered_with_invalid() {
    let now = xmpp_tls_testkit::Clock::new().now();
    let mut ours = authoritative(1);
    let made = ours.key(&pair("a.example", "b.example"), "", now).err();
    assert_eq!(made, Some(Error::Id(IdError::Empty)));
    for id in ["", "x y"] {
        assert_eq!(ask(&mut ours, &presented(&"0".repeat(64)), id, now), Answer::Invalid);
    }
}
