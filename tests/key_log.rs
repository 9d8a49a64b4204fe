//! The secrets of sessions leave only where `danger` was asked, and every report of such a session says so.

mod common;

use common::World;
use std::sync::{Arc, Mutex};
use xmpp_tls::danger::KeysRevealed;
use xmpp_tls::security::Warning;
use xmpp_tls::session::{ClientConfig, Mode, ServerConfig};
use xmpp_tls::tls::rustls::{RustlsAcceptor, RustlsConnector};

type Lines = Arc<Mutex<Vec<String>>>;

fn log() -> (Lines, KeysRevealed) {
    let lines = Lines::default();
    let written = lines.clone();
    let log =
        KeysRevealed::whoever_has_the_log_reads_everything(move |line| written.lock().unwrap().push(line.to_owned()));
    (lines, log)
}

#[test]
fn each_side_reveals_its_own_keys_and_says_so() {
    for (client_logs, server_logs) in [(false, false), (true, false), (false, true), (true, true)] {
        let world = World::new();
        let issued = world.good_certificate();
        let (mut connector, mut acceptor) = (
            RustlsConnector::new(world.provider.clone()),
            RustlsAcceptor::new(world.provider.clone()),
        );
        let (client_lines, client_log) = log();
        let (server_lines, server_log) = log();
        if client_logs {
            connector = connector.with_key_log(client_log);
        }
        if server_logs {
            acceptor = acceptor.with_key_log(server_log);
        }
        let acceptor = acceptor
            .with_certificate(common::domain(common::DOMAIN), issued.chain.clone(), issued.key())
            .unwrap();
        let client = ClientConfig::new(connector, world.client_config().verifier);
        let mut pair = world.pair(client, ServerConfig::new(acceptor), Mode::StartTls);
        pair.drive();
        pair.assert_no_error();
        for (end, logs, lines) in [
            (&pair.a, client_logs, &client_lines),
            (&pair.b, server_logs, &server_lines),
        ] {
            let report = end.engine.report().unwrap();
            assert_eq!(report.warnings().contains(&Warning::KeysRevealed), logs);
            assert_eq!(report.tls().unwrap().keys_revealed, logs);
            assert_eq!(
                report.to_string().contains("whoever has the log of keys"),
                logs,
                "{report}"
            );
            assert_eq!(serde_json::to_value(&**report).unwrap()["tls"]["keys_revealed"], logs);
            assert_eq!(lines.lock().unwrap().is_empty(), !logs);
        }
        if client_logs && server_logs {
            assert_eq!(
                *client_lines.lock().unwrap(),
                *server_lines.lock().unwrap(),
                "both know the same secrets"
            );
            for line in &*client_lines.lock().unwrap() {
                let words: Vec<&str> = line.split(' ').collect();
                assert_eq!(words.len(), 3, "{line}");
                assert_eq!(words[1].len(), 64, "the client's random: {line}");
                assert!(
                    words[2].len() >= 64 && words[2].bytes().all(|octet| octet.is_ascii_hexdigit()),
                    "{line}"
                );
            }
        }
    }
}

/// What an application prints for debugging holds no secret and no way to one.
#[test]
fn the_log_does_not_show_in_debug_output() {
    let (lines, log) = log();
    assert_eq!(format!("{log:?}"), "KeysRevealed { .. }");
    assert!(lines.lock().unwrap().is_empty());
}

/// The environment is the program's: a variable that somebody else set reveals nothing.
#[test]
fn no_file_of_the_library_reads_the_environment() {
    fn check(folder: &std::path::Path) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files += check(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for word in ["env::var", "KeyLogFile"] {
                    assert!(!text.contains(word), "{word} in {}", path.display());
                }
                files += 1;
            }
        }
        files
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(check(&root.join("src")) > 30);
}
