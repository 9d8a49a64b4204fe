//! The tables of the documentation name tests that exist, and no rule is left out.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;
use std::path::Path;

const TABLE: &str = include_str!("../src/conformance.rs");

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

fn rows() -> impl Iterator<Item = Vec<&'static str>> {
    TABLE
        .lines()
        .filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"))
        .map(|row| row.split(" | ").collect())
}

#[test]
fn every_test_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    sources(&root.join("src"), &mut text);
    sources(&root.join("tests"), &mut text);
    let named: Vec<&str> = rows()
        .filter_map(|row| row.last().copied())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| name.contains('_') && !name.starts_with('_'))
        .collect();
    // The table is of use only where it is read.
    assert!(text.contains("\npub mod conformance;\n"));
    assert!(named.len() > 80, "{}", named.len());
    for name in named {
        assert!(
            text.contains(&format!("#[test]\nfn {name}(")) || text.contains(&format!("#[test]\n    fn {name}(")),
            "{name}"
        );
    }
}

#[test]
fn every_rule_has_a_row() {
    let mut told = Vec::new();
    for row in rows() {
        for rule in row[0].split(", ") {
            match rule.split_once(" to ") {
                Some((first, last)) => {
                    let (kind, first) = first.split_once('-').unwrap();
                    let (_, last) = last.split_once('-').unwrap();
                    let (first, last): (u32, u32) = (first.parse().unwrap(), last.parse().unwrap());
                    told.extend((first..=last).map(|number| format!("{kind}-{number:02}")));
                }
                None => told.push(rule.to_owned()),
            }
        }
    }
    let all = [
        ("ID", 14),
        ("IDM", 20),
        ("CERT", 14),
        ("EXTC", 11),
        ("EXTS", 12),
        ("EKU", 13),
    ];
    assert_eq!(all.iter().map(|(_, count)| count).sum::<u32>(), 84);
    for (kind, count) in all {
        for number in 1..=count {
            let rule = format!("{kind}-{number:02}");
            assert_eq!(told.iter().filter(|told| **told == rule).count(), 1, "{rule}");
        }
    }
}
