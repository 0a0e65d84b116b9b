//! The table of names, and the table of differences in the documents.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;

use sotto_tests::oracle::Opinion;

/// One line of `names.txt`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) rtype: String,
    /// What must come out.
    pub(crate) verdict: Opinion,
    unbound: Option<Opinion>,
    delv: Option<Opinion>,
    /// What decides between us and them.
    pub(crate) rule: Option<String>,
}

/// A row of the document: name, type, our verdict, Unbound's, delv's, rule.
pub(crate) type Row = [String; 6];

/// Every case, in order.
pub(crate) fn cases() -> Vec<Case> {
    include_str!("names.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Case::read)
        .collect()
}

/// The rows of the table of differences in the document.
pub(crate) fn explained() -> BTreeSet<Row> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/proof-zoo.md");
    let text = fs::read_to_string(document).unwrap();
    let (_, section) = text.split_once("\n## Differences\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells = line.trim_matches('|').split('|');
        let cells: Vec<_> = cells
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .take(6)
            .collect();
        let row: Row = cells.try_into().unwrap_or_else(|_| panic!("{line}"));
        assert!(rows.insert(row), "twice: {line}");
    }
    rows
}

impl Case {
    fn read(line: &str) -> Self {
        let (line, rule) = match line.split_once(" RFC ") {
            Some((line, rule)) => (line, Some(format!("RFC {rule}"))),
            None => (line, None),
        };
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_else(|| panic!("too short: {line}"));
        let mut case = Self {
            name: word().to_owned(),
            rtype: word().to_owned(),
            verdict: opinion(word()),
            unbound: None,
            delv: None,
            rule,
        };
        for word in words {
            match word.split_once('=') {
                Some(("unbound", said)) => case.unbound = Some(opinion(said)),
                Some(("delv", said)) => case.delv = Some(opinion(said)),
                _ => panic!("{line}: what is {word}?"),
            }
        }
        let same = Some(case.verdict);
        assert!(
            case.unbound != same && case.delv != same,
            "{line}: no difference"
        );
        assert_eq!(case.differs(), case.rule.is_some(), "{line}: the rule");
        case
    }

    /// What Unbound says.
    pub(crate) fn unbound(&self) -> Opinion {
        self.unbound.unwrap_or(self.verdict)
    }

    /// What delv says.
    pub(crate) fn delv(&self) -> Opinion {
        self.delv.unwrap_or(self.verdict)
    }

    /// Whether somebody sees it otherwise.
    pub(crate) fn differs(&self) -> bool {
        self.unbound.is_some() || self.delv.is_some()
    }

    /// How the document puts it.
    pub(crate) fn row(&self) -> Row {
        [
            self.name.clone(),
            self.rtype.clone(),
            self.verdict.to_string(),
            self.unbound().to_string(),
            self.delv().to_string(),
            self.rule.clone().unwrap_or_default(),
        ]
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.name, self.rtype, self.verdict)
    }
}

fn opinion(word: &str) -> Opinion {
    word.parse().unwrap_or_else(|error| panic!("{error}"))
}
