//! The table of rows (`src/rows.md`).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure here is a failed test")]

use std::collections::BTreeSet;

/// The ids that a cell of the table stands for.
fn ids(cell: &str) -> Vec<String> {
    let Some((first, last)) = cell.split_once(" to ") else {
        return vec![cell.to_owned()];
    };
    let number = |id: &str| id.split_once('-').unwrap().1.parse::<u32>().unwrap();
    let family = first.split_once('-').unwrap().0;
    assert!(last.starts_with(family), "{cell}");
    (number(first)..=number(last))
        .map(|number| format!("{family}-{number:02}"))
        .collect()
}

fn sources() -> String {
    let mut sources = String::new();
    let mut folders = vec![format!("{}/tests", env!("CARGO_MANIFEST_DIR"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.display().to_string());
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    sources
}

#[test]
fn the_table_of_rows_is_complete_and_every_test_in_it_exists() {
    let sources = sources();
    let table = std::fs::read_to_string(format!("{}/src/rows.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut rows = BTreeSet::new();
    for line in table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('-'))
    {
        let cells: Vec<_> = line.trim_matches(['|', ' ']).split(" | ").collect();
        let [row, rule, proof] = cells[..] else {
            panic!("{line}")
        };
        assert!(rule.len() > 5, "{line}");
        for id in ids(row) {
            assert!(rows.insert(id), "{row} twice");
        }
        if let Some(reason) = proof.strip_prefix("out: ") {
            assert!(reason.len() > 5, "{line}");
            continue;
        }
        for name in proof.split(", ") {
            let name = name.trim_matches('`');
            let test = format!("#[test]\nfn {name}()");
            assert!(sources.contains(&test), "{row}: there is no test {name}");
        }
    }
    let families = [
        "DB-01 to DB-08",
        "DB-10 to DB-21",
        "DB-25 to DB-38",
        "DB-40 to DB-46",
        "DB-50 to DB-75",
        "DB-80 to DB-87",
        "DNA-01 to DNA-07",
        "BIDI-01 to BIDI-09",
    ];
    let expected: BTreeSet<_> = families.into_iter().flat_map(ids).collect();
    assert_eq!(expected.len(), 91);
    assert_eq!(rows, expected);
}
