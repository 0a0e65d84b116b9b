//! docs/publishing/check.md lists every finding, with its severity, remedy and rule.

use std::collections::BTreeMap;

use sotto_publish::check::Code;

const DOCUMENT: &str = include_str!("../../../docs/publishing/check.md");

/// The cells of the tables of findings, by the word in the first.
fn rows() -> BTreeMap<&'static str, Vec<&'static str>> {
    let (_, tables) = DOCUMENT
        .split_once("\n## Every finding\n")
        .expect("the section");
    let mut rows = BTreeMap::new();
    for line in tables.lines() {
        let Some((word, cells)) = line
            .strip_prefix("| `")
            .and_then(|row| row.split_once("` | "))
        else {
            continue;
        };
        let cells = cells.trim_end_matches(" |").split(" | ").collect();
        assert!(rows.insert(word, cells).is_none(), "{word} is listed twice");
    }
    rows
}

#[test]
fn every_finding_is_listed_as_it_is() {
    let mut rows = rows();
    for code in Code::ALL {
        let row = rows.remove(code.as_str()).unwrap_or_default();
        let [severity, meaning, remedy, source] = row[..] else {
            panic!("{code} is not listed: {row:?}");
        };
        assert_eq!(severity, code.severity().as_str(), "{code}");
        assert!(meaning.contains(' '), "{code} has no meaning");
        assert_eq!(remedy, code.remedy(), "{code}");
        assert_eq!(source, code.source(), "{code}");
    }
    assert!(rows.is_empty(), "listed, but not in the code: {rows:?}");
}

#[test]
fn the_limit_of_a_report_is_told() {
    let limit = sotto_publish::check::FINDINGS_PER_CODE_MAX;
    assert_eq!(limit, 1_000);
    assert!(DOCUMENT.contains("the first 1,000 are listed"));
}
