//! Reports as data: every field of the table in `src/security/schema.md` is there, of the type it says, and nothing
//! else is; and whatever form a report takes, no secret is in it.

mod common;

use common::{DOMAIN, World, domain, reports};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use xmpp_tls::danger::KeysRevealed;
use xmpp_tls::security::{SCHEMA, Warning};
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector};

/// Fields with their types, as they are documented.
fn documented() -> BTreeMap<String, String> {
    let rows = include_str!("../src/security/schema.md").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    rows.map(|(field, rest)| (field.to_owned(), rest.split(" | ").next().unwrap().to_owned()))
        .collect()
}

fn is_of(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix(" or null") {
        return value.is_null() || is_of(value, kind);
    }
    match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "object" => value.is_object(),
        "array of strings" => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
        "array of objects" => value.as_array().is_some_and(|all| all.iter().all(Value::is_object)),
        other => panic!("the table has a type that the tests do not know: {other}"),
    }
}

/// Each field with its value, one below another.
fn walk(at: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            let field = format!("{at}{name}");
            found.push((field.clone(), value.clone()));
            walk(&format!("{field}."), value, found);
        }
    }
    if let Value::Array(items) = value {
        let at = at.trim_end_matches('.');
        items.iter().for_each(|item| walk(&format!("{at}[]."), item, found));
    }
}

#[test]
fn rpt_34_every_field_is_documented_and_of_its_type_and_every_documented_one_is_there() {
    let documented = documented();
    assert!(documented.len() > 70, "{}", documented.len());
    let mut filled = BTreeSet::new();
    for case in reports::all() {
        let text = serde_json::to_string(&case.view()).unwrap();
        let data: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(data["schema"], SCHEMA);
        let mut found = Vec::new();
        walk("", &data, &mut found);
        for (field, value) in &found {
            // Described in the row of the list.
            if field.starts_with("certificates[].ignored[].") {
                continue;
            }
            let kind = documented
                .get(field)
                .unwrap_or_else(|| panic!("{field} is not documented"));
            assert!(is_of(value, kind), "{}: {field} is no {kind}: {value}", case.name);
            let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            filled.extend((!empty).then(|| field.clone()));
        }
        // Nothing is left out where there is something to be described.
        for field in documented.keys() {
            let (above, _) = field.rsplit_once(['.']).unwrap_or_default();
            let there = above.is_empty()
                || found.iter().any(|(name, value)| match above.strip_suffix("[]") {
                    Some(list) => name == list && value.as_array().is_some_and(|items| !items.is_empty()),
                    None => name == above && value.is_object(),
                });
            let has = found.iter().any(|(name, _)| name == field);
            assert_eq!(has, there, "{}: {field}", case.name);
        }
    }
    // The cases of these tests have something to say in nearly all of them.
    let never: Vec<&String> = documented.keys().filter(|field| !filled.contains(*field)).collect();
    assert_eq!(never, ["certificates[].ignored", "certificates[].ip", "tls.alpn"]);
}

#[test]
fn rpt_33_the_codes_of_warnings_are_those_that_monitoring_knows() {
    let mut said: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in reports::all() {
        said.insert(
            case.name,
            case.view().warnings().into_iter().map(Warning::code).collect(),
        );
    }
    let expected: BTreeMap<&str, Vec<&str>> = [
        ("good", vec![]),
        ("self-signed", vec!["not-authenticated", "expires-soon"]),
        ("resumed", vec![]),
        (
            "plaintext",
            vec!["not-encrypted", "starttls-not-offered", "mechanisms-in-clear"],
        ),
        ("left-to-dialback", vec!["dialback-alone"]),
        ("accepted-by-dialback", vec![]),
        ("changed", vec!["certificate-changed"]),
    ]
    .into();
    assert_eq!(said, expected);
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        write!(text, "{octet:02x}").unwrap();
        text
    })
}

#[test]
fn rpt_34_no_form_of_a_report_has_a_secret() {
    let world = World::new();
    let issued = world.good_certificate();
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = || {
        let lines = lines.clone();
        KeysRevealed::whoever_has_the_log_reads_everything(move |line| lines.lock().unwrap().push(line.to_owned()))
    };
    let acceptor = RustlsAcceptor::new(world.provider.clone())
        .with_key_log(log())
        .with_certificate(domain(DOMAIN), issued.chain.clone(), issued.key())
        .unwrap();
    let connector = RustlsConnector::new(world.provider.clone()).with_key_log(log());
    let client = ClientConfig::new(connector, world.client_config().verifier);
    let mut pair = world.pair(client, ServerConfig::new(acceptor), Mode::StartTls);
    pair.drive();
    pair.assert_no_error();
    let mut secrets: Vec<String> = lines
        .lock()
        .unwrap()
        .iter()
        .map(|line| line.rsplit(' ').next().unwrap().to_owned())
        .collect();
    assert!(secrets.len() >= 8, "{secrets:?}");
    secrets.push(hex(issued.key().secret_der()));
    for end in [&pair.a, &pair.b] {
        let report = end.engine.report().unwrap();
        let exporter = report
            .channel_bindings()
            .iter()
            .find(|binding| binding.name() == "tls-exporter");
        let exporter = exporter.unwrap().data();
        secrets.push(hex(exporter));
        let view = report.view();
        for form in [
            serde_json::to_string(&view).unwrap(),
            view.text().to_string(),
            view.line().to_string(),
            format!("{report:?}"),
        ] {
            for secret in &secrets {
                assert!(!form.contains(secret), "{form}");
            }
            // A list of octets, as data or by `Debug`.
            let listed = exporter[..4].iter().map(u8::to_string).collect::<Vec<_>>();
            assert!(
                !form.contains(&listed.join(", ")) && !form.contains(&listed.join(",")),
                "{form}"
            );
        }
    }
}
