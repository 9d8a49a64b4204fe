//! The table of the manual names tests that exist.

use std::fs;
use std::path::Path;

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

#[test]
fn every_test_that_the_manual_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = String::new();
    for folder in ["src", "tests", "crates"] {
        sources(&root.join(folder), &mut text);
    }
    let table = include_str!("../src/manual/conformance.rs");
    let named: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .filter_map(|row| row.rsplit('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| name.contains('_') && !name.contains(['/', ':', '<']))
        .collect();
    assert!(named.len() > 50, "{}", named.len());
    let text = text
        .replace("#[tokio::test(start_paused = true)]", "#[test]")
        .replace("#[tokio::test]", "#[test]");
    let tests: Vec<&str> = text
        .split("#[test]\n")
        .skip(1)
        .filter_map(|test| test.split_once("fn ")?.1.split_once('('))
        .map(|(name, _)| name)
        .collect();
    for name in named {
        assert!(tests.contains(&name), "no test named {name}");
    }
    for path in table.split("`src/").skip(1).filter_map(|rest| rest.split('`').next()) {
        assert!(root.join("src").join(path).is_file(), "no file src/{path}");
    }
}

/// What weakens something is in the table of `danger`, in whatever crate it is.
#[test]
fn every_danger_is_in_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let danger = fs::read_to_string(root.join("src/danger.rs")).unwrap();
    let table: Vec<&str> = danger.lines().filter(|line| line.starts_with("//! | ")).collect();
    let mut published = String::new();
    for name in ["core", "stream", "starttls", "dialback", "identity"] {
        sources(&root.join("crates").join(name).join("src"), &mut published);
    }
    let name = |rest: &str| rest.split(['(', ';', ' ', '<']).next().unwrap().to_owned();
    let methods = published.split("pub fn ").skip(1).map(name);
    let types = danger.split("\npub struct ").skip(1).map(name);
    let mut count = 0;
    for what in methods.filter(|name| name.starts_with("dangerous_")).chain(types) {
        assert!(table.iter().any(|row| row.contains(&what)), "{what}");
        count += 1;
    }
    assert_eq!(count, 4 + 6, "methods and types");
}
