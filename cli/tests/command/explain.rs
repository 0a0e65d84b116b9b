//! `sotto verify --explain` and `--svg`: what they show of published proofs, whole and damaged.
//!
//! The trees stand in tests/explain, one file each; `SOTTO_BLESS=1` writes them anew.

use std::path::Path;

use sotto_proof::rdata::Rrsig;
use sotto_proof::{Limits, Record, RecordType, decode, encode};

use crate::home::{Home, Run};

/// A proof of `core/proof/tests/vectors` or of `explain/proofs`, what is done to it, and what is said of it then.
pub(crate) struct Case {
    /// The name of the file with the tree.
    pub(crate) tree: &'static str,
    vector: &'static str,
    damage: fn(&mut Vec<Record>),
    /// Seconds after the time of the vector.
    later: u64,
    pub(crate) exit: i32,
}

const fn case(tree: &'static str, vector: &'static str, exit: i32) -> Case {
    Case {
        tree,
        vector,
        damage: |_| (),
        later: 0,
        exit,
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("secure", "iana-txt", 0),
        case("alias-cname", "cname", 0),
        case("wildcard", "iana-nsec-wildcard", 0),
        case("alias-across-zones", "rfc9102-a5", 0),
        case("nxdomain-nsec", "rfc9102-a6", 0),
        case("nxdomain-nsec3", "rfc9102-a7", 0),
        case("compact-denial", "iana-compact-denial", 0),
        case("nodata", "nodata", 0),
        case("insecure-opt-out", "rfc9102-a8", 6),
        case("insecure-no-ds", "no-ds", 6),
        case("bogus-zone", "expired-zone", 7),
        case("bogus-wildcard", "iana-nsec-wildcard-wrong-span", 7),
        Case {
            damage: |records| spoil(records, "net.", RecordType::DS),
            ..case("bogus-delegation", "rfc9102-a5", 7)
        },
        Case {
            damage: |records| spoil(records, "_443._tcp.www.example.com.", RecordType::TLSA),
            ..case("bogus-answer", "rfc9102-a5", 7)
        },
        Case {
            damage: |records| records.retain(|record| !is(record, "com.", RecordType::DNSKEY)),
            ..case("bogus-missing-keys", "rfc9102-a5", 7)
        },
        Case {
            damage: |records| {
                let first = records
                    .iter()
                    .position(|record| record.rtype == RecordType::NSEC3);
                let owner = records[first.expect("an NSEC3 record")].owner.clone();
                records.retain(|record| record.owner != owner);
            },
            ..case("bogus-denial", "rfc9102-a7", 7)
        },
        Case {
            later: 100_000_000,
            ..case("bogus-expired", "rfc9102-a1", 7)
        },
        Case {
            damage: Vec::clear,
            ..case("bogus-empty", "rfc9102-a1", 7)
        },
    ]
}

fn is(record: &Record, owner: &str, rtype: RecordType) -> bool {
    record.owner.to_string() == owner && record.rtype == rtype
}

/// Flips a bit of the signature over an RRset.
fn spoil(records: &mut [Record], owner: &str, covered: RecordType) {
    let signature = records.iter_mut().find(|record| {
        is(record, owner, RecordType::RRSIG)
            && Rrsig::parse(&record.rdata).is_some_and(|rrsig| rrsig.covered == covered)
    });
    let rdata = &mut signature.expect("a signature").rdata;
    *rdata.last_mut().expect("an octet") ^= 1;
}

/// Runs a case, and returns what is said and the picture.
fn run(case: &Case) -> (Run, String) {
    let home = Home::new();
    let run = run_in(&home, case, &["--explain", "--svg", "picture.svg"]);
    let picture = std::fs::read_to_string(home.path().join("picture.svg")).expect("a picture");
    (run, picture)
}

/// Runs a case with more arguments.
pub(crate) fn run_with(case: &Case, more: &[&str]) -> Run {
    run_in(&Home::new(), case, more)
}

fn run_in(home: &Home, case: &Case, more: &[&str]) -> Run {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../core/proof/tests/vectors", "tests/explain/proofs"];
    let mut paths = folders
        .map(|folder| here.join(folder).join(case.vector).with_extension("txt"))
        .into_iter();
    let path = paths.find(|path| path.exists()).expect("a vector");
    let text = std::fs::read_to_string(path).expect("text");
    let (head, digits) = text.split_once("\n\n").expect("a head");
    let field = |name: &str| {
        let mut lines = head.lines();
        lines
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .expect("a field")
    };
    let digits: String = digits.split_ascii_whitespace().collect();
    let octets = hex::decode(digits).expect("hexadecimal");
    let mut records = decode(&octets, &Limits::default()).expect("records");
    (case.damage)(&mut records);

    home.write("proof", encode(&records));
    let at = field("at").parse::<u64>().expect("a number") + case.later;
    let at = at.to_string();
    let mut arguments = vec!["verify", "proof"];
    arguments.extend(more);
    arguments.extend([
        "--name",
        field("name"),
        "--type",
        field("type"),
        "--at",
        &at,
    ]);
    if field("anchor") != "iana" {
        home.write("anchor", field("anchor"));
        arguments.extend(["--anchor", "anchor"]);
    }
    home.run(&arguments)
}

#[test]
fn trees_are_as_they_were() {
    for case in cases() {
        let (run, _) = run(&case);
        assert_eq!(
            (run.code, run.errors.as_str()),
            (case.exit, ""),
            "{}",
            case.tree
        );
        // What stands before it says the same as without --explain.
        let start = run.out.find("Who vouches for whom:").expect("a tree");
        let tree = &run.out[start..];
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain");
        let path = folder.join(case.tree).with_extension("txt");
        if std::env::var_os("SOTTO_BLESS").is_some() {
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(&path, tree).expect("a file");
        }
        let expected = std::fs::read_to_string(&path).expect("the tree");
        assert_eq!(tree, expected, "{}", case.tree);
    }
}

#[test]
fn a_break_is_always_seen_and_never_made_up() {
    for case in cases() {
        let (run, picture) = run(&case);
        let bogus = case.exit == 7;
        assert_eq!(
            run.out.contains("THE CHAIN BREAKS HERE"),
            bogus,
            "{}",
            case.tree
        );
        assert_eq!(
            picture.contains("THE CHAIN BREAKS HERE"),
            bogus,
            "{}",
            case.tree
        );
        assert_eq!(
            picture.contains("class=\"box broken\""),
            bogus,
            "{}",
            case.tree
        );
        assert_eq!(run.out.contains("NOT proved"), bogus, "{}", case.tree);
        assert_eq!(
            run.out.contains("THE CHAIN ENDS HERE"),
            case.exit == 6,
            "{}",
            case.tree
        );
        assert!(!bogus || !run.out.contains("the answer,"), "{}", case.tree);
    }
}

#[test]
fn pictures_are_well_formed_and_refer_to_nothing() {
    for case in cases() {
        let (_, picture) = run(&case);
        well_formed(&picture);
        let rest = picture.replace("http://www.w3.org/2000/svg", "");
        for reference in ["http", "href", "url(", "@import", "<script", "<image"] {
            assert!(!rest.contains(reference), "{}: {reference}", case.tree);
        }
    }
}

/// A name may hold any octets; none of them is markup.
#[test]
fn names_are_never_markup() {
    let home = Home::new();
    home.write("proof", "");
    let name = "</text><script>\"'&amp;.example";
    let arguments = [
        "verify", "proof", "--name", name, "--type", "TXT", "--svg", "p.svg",
    ];
    let run = home.run(&arguments);
    assert_eq!(run.code, 7, "{}", run.errors);
    let picture = std::fs::read_to_string(home.path().join("p.svg")).expect("a picture");
    well_formed(&picture);
    assert!(
        !picture.contains("<script") && picture.contains("&lt;script&gt;"),
        "{picture}"
    );
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error() {
    let home = Home::new();
    home.write("proof", "");
    let arguments = [
        "verify",
        "proof",
        "--name",
        "a",
        "--type",
        "TXT",
        "--svg",
        "absent/p.svg",
    ];
    let run = home.run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(run.code, 1);
    assert_eq!(run.json()["error"]["code"], "file_not_written");
}

/// Checks that every tag is closed in order, and every ampersand begins a known entity.
fn well_formed(text: &str) {
    let mut open = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, _) = piece
            .split_once('>')
            .unwrap_or_else(|| panic!("no end: {piece}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{piece}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap_or_default());
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{piece}");
    }
    assert!(open.is_empty(), "{open:?}");
    for entity in text.split('&').skip(1) {
        let known = ["amp;", "lt;", "gt;", "quot;", "#39;"];
        assert!(
            known.iter().any(|known| entity.starts_with(known)),
            "{entity}"
        );
    }
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(control));
}
