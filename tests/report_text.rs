//! The text of reports, as a person sees it in a terminal of 60, 80 and 120 columns, with and without colour, and the
//! line that a log gets. `REWRITE_GOLDEN=1 cargo test --test report_text` writes the files anew.

mod common;

use common::World;
use common::reports::{self, Case};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use xmpp_tls::identity::{TrustAnswer, TrustQuestion, TrustSource};
use xmpp_tls::session::Mode;

const WIDTHS: [usize; 3] = [60, 80, 120];

fn plain(text: &str) -> String {
    let mut out = String::new();
    for (number, piece) in text.split("\x1b[").enumerate() {
        out.push_str(match number {
            0 => piece,
            _ => piece.split_once('m').unwrap().1,
        });
    }
    out
}

/// A stream's id is random, and as long as this.
fn without_id(case: &Case, text: &str) -> String {
    match case.report.stream_id() {
        Some(id) => text.replace(id, "00112233445566778899aabbccddeeff"),
        None => text.to_owned(),
    }
}

fn check(name: &str, found: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("REWRITE_GOLDEN").is_some() {
        fs::write(&file, found).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert!(found == expected, "{name} is now:\n{found}");
}

#[test]
fn rpt_the_text_of_each_report_is_that_of_its_file() {
    for case in reports::all() {
        for coloured in [false, true] {
            let mut found = String::new();
            for width in WIDTHS {
                let text = case.view().text().width(width).to_string();
                let shown = match coloured {
                    false => text,
                    true => {
                        let with = case.view().text().width(width).coloured().to_string();
                        assert_eq!(plain(&with), text, "colour changes nothing else");
                        with
                    }
                };
                for line in shown.lines() {
                    let columns = plain(line).chars().count();
                    assert!(columns <= width, "{} at {width}: {columns} columns: {line}", case.name);
                    let begun = line.matches("\x1b[").count() - line.matches("\x1b[0m").count();
                    assert_eq!(begun, line.matches("\x1b[0m").count(), "an escape goes on: {line:?}");
                }
                writeln!(found, "---- {width} columns").unwrap();
                found.push_str(&without_id(&case, &shown));
            }
            let suffix = if coloured { "-coloured" } else { "" };
            check(&format!("{}{suffix}.txt", case.name), &found);
        }
    }
}

#[test]
fn rpt_the_line_for_a_log_is_one_line_and_that_of_its_file() {
    let mut found = String::new();
    for case in reports::all() {
        let line = case.view().line().to_string();
        assert_eq!(line.lines().count(), 1, "{line:?}");
        writeln!(found, "{}", without_id(&case, &line)).unwrap();
    }
    check("lines.txt", &found);
}

#[test]
fn rpt_without_colour_or_width_nothing_is_escaped_or_wrapped() {
    for case in reports::all() {
        let text = case.view().to_string();
        assert!(!text.contains('\x1b'), "{text}");
        assert!(
            text.lines().all(|line| !line.starts_with("                  ")),
            "{text}"
        );
    }
}

#[test]
fn rpt_what_is_redacted_names_no_user_and_no_address() {
    let cases = reports::all();
    let case = cases.iter().find(|case| case.name == "self-signed").unwrap();
    let (whole, text) = (
        case.view().text().to_string(),
        case.view().redacted().text().to_string(),
    );
    assert!(whole.contains("juliet@example.org"), "{whole}");
    assert!(!text.contains("juliet") && text.contains("…@example.org"), "{text}");
    assert!(!case.view().redacted().line().to_string().contains("juliet"));
}

/// What an application's own source of trust says is nobody's business to clean, but the report's.
#[derive(Debug)]
struct Hostile;

impl TrustSource for Hostile {
    fn name(&self) -> &str {
        "a\u{1b}[2Jb"
    }

    fn ask(&self, _: &TrustQuestion<'_>) -> TrustAnswer {
        TrustAnswer::Also {
            reason: "fine\n  authenticated yes\u{202e}\u{2028}\u{9b}31m".to_owned(),
        }
    }
}

#[test]
fn rpt_whatever_is_said_in_a_report_stays_on_its_line_and_moves_nothing() {
    let world = World::new();
    let mut client = world.client_config();
    client.verifier = client.verifier.with_source(Hostile);
    let mut pair = world.pair(client, world.server_config(&world.good_certificate()), Mode::StartTls);
    pair.drive();
    pair.assert_no_error();
    let report = pair.a.engine.report().unwrap();
    for text in [
        report.to_string(),
        report.view().text().width(60).coloured().to_string(),
    ] {
        assert!(text.contains("[2J") && text.contains("fine"), "{text}");
        // Our own escapes for colours set them and nothing else.
        let shown = text
            .replace("\x1b[1m", "")
            .replace("\x1b[32m", "")
            .replace("\x1b[0m", "");
        let moves = |c: char| (c.is_control() && c != '\n') || ('\u{2000}'..'\u{2030}').contains(&c);
        assert!(!shown.contains(moves), "{shown:?}");
        let yes = shown
            .lines()
            .filter(|line| line.trim_start().starts_with("authenticated yes"));
        assert_eq!(yes.count(), 1, "{shown}");
    }
}
