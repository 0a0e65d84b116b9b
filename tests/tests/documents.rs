//! The documents say what the code does: every reason is listed, every link and path leads somewhere, every test that
//! is named exists, every sample is a configuration and every command line is one.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use sotto_tests::{binaries, sotto};

/// One document, with its path in the repository.
struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    fn read(path: &str) -> Self {
        Self {
            path: path.into(),
            text: source(path),
        }
    }

    /// README and all of docs/, with its one folder.
    fn all() -> Vec<Self> {
        let mut documents = vec![Self::read("README.md"), Self::read("SECURITY.md")];
        for folder in ["docs", "docs/publishing"] {
            documents.extend(files(folder, "md").iter().map(|path| Self::read(path)));
        }
        assert!(documents.len() >= 15, "a document is missing");
        documents
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The lines outside of fences.
    fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            if line.starts_with("```") {
                inside = !inside;
            } else if !inside {
                prose.push_str(line);
                prose.push('\n');
            }
        }
        prose
    }

    /// The fenced blocks, each with what stands behind its opening fence.
    fn fences(&self) -> Vec<(&str, String)> {
        let mut fences: Vec<(&str, String)> = Vec::new();
        let mut inside = false;
        for line in self.text.lines() {
            match line.strip_prefix("```") {
                Some(info) if !inside => {
                    fences.push((info, String::new()));
                    inside = true;
                }
                Some(_) => inside = false,
                None if inside => {
                    let (_, text) = fences.last_mut().unwrap();
                    text.push_str(line);
                    text.push('\n');
                }
                None => {}
            }
        }
        fences
    }

    /// Text and target of every link that stays in the repository.
    fn links(&self) -> Vec<(String, String)> {
        let prose = self.prose();
        let mut links = Vec::new();
        for (at, _) in prose.match_indices("](") {
            let text = prose[..at].rsplit('[').next().unwrap();
            let target = prose[at + 2..].split(')').next().unwrap();
            if !target.contains("://") && !target.starts_with("mailto:") {
                links.push((text.to_owned(), target.to_owned()));
            }
        }
        links
    }

    /// Where a link of this document leads: a path in the repository, and the heading's anchor.
    fn resolve<'a>(&self, target: &'a str) -> (PathBuf, Option<&'a str>) {
        let (file, anchor) = match target.split_once('#') {
            Some((file, anchor)) => (file, Some(anchor)),
            None => (target, None),
        };
        if file.is_empty() {
            return (self.path.clone(), anchor);
        }
        let mut path = PathBuf::new();
        for part in self.path.parent().unwrap().join(file).components() {
            match part {
                std::path::Component::ParentDir => assert!(path.pop(), "{target}"),
                part => path.push(part),
            }
        }
        (path, anchor)
    }

    /// The anchors of its headings, as forges make them.
    fn anchors(&self) -> BTreeSet<String> {
        self.prose()
            .lines()
            .filter(|line| line.starts_with('#'))
            .map(|line| {
                line.trim_start_matches('#')
                    .trim()
                    .to_lowercase()
                    .chars()
                    .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
                    .map(|letter| if letter == ' ' { '-' } else { letter })
                    .collect()
            })
            .collect()
    }

    /// The rows of the tables under the heading `## title`, by the word in their first cell.
    fn rows(&self, title: &str) -> BTreeMap<String, Vec<String>> {
        let heading = format!("\n## {title}\n");
        let (_, section) = self
            .text
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{} has no section {title:?}", self.name()));
        let section = section.split("\n## ").next().unwrap();
        let mut rows = BTreeMap::new();
        for line in section.lines() {
            let Some(row) = line.strip_prefix("| `") else {
                continue;
            };
            let (word, rest) = row.split_once("` |").unwrap();
            let cells = rest.trim().trim_end_matches('|').split(" | ");
            let cells = cells.map(|cell| cell.trim().to_owned()).collect();
            assert!(
                rows.insert(word.to_owned(), cells).is_none(),
                "{word} is listed twice under {title:?}"
            );
        }
        rows
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn source(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder with an extension, as paths in the repository.
fn files(folder: &str, extension: &str) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| format!("{folder}/{}", path.file_name().unwrap().display()))
        .collect();
    files.sort();
    files
}

/// Every source file at or below a folder, as paths in the repository.
fn sources(folder: &str) -> Vec<String> {
    let mut found = files(folder, "rs");
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let name = path.file_name().unwrap().display();
            found.extend(sources(&format!("{folder}/{name}")));
        }
    }
    found
}

/// Source without its tests and without white space, so that how it is broken into lines does not matter.
fn squeezed(path: &str) -> String {
    let text = source(path);
    let code = text.split("#[cfg(test)]").next().unwrap();
    code.split_whitespace().collect()
}

/// The strings that stand directly behind `mark` in squeezed source, if they are words of our form.
fn words_behind(source: &str, mark: &str) -> BTreeSet<String> {
    source
        .split(mark)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|word| {
            let is_part =
                |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'_';
            !word.is_empty() && word.bytes().all(is_part)
        })
        .map(str::to_owned)
        .collect()
}

/// What a function of squeezed source maps its variants to.
fn words_of(path: &str, function: &str) -> BTreeSet<String> {
    let source = squeezed(path);
    let (_, body) = source
        .split_once(function)
        .unwrap_or_else(|| panic!("{path} has no {function}"));
    words_behind(body.split("}}").next().unwrap(), "=>\"")
}

#[track_caller]
fn assert_listed(title: &str, listed: &BTreeMap<String, Vec<String>>, code: &BTreeSet<String>) {
    let listed: BTreeSet<_> = listed.keys().cloned().collect();
    let missing: Vec<_> = code.difference(&listed).collect();
    let invented: Vec<_> = listed.difference(code).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "docs/errors.md, {title:?}: not listed {missing:?}, listed but not in the code {invented:?}"
    );
}

#[test]
fn every_reason_of_the_client_is_listed_with_its_culprit() {
    let rows = Document::read("docs/errors.md").rows("The client");
    let codes = sotto_client::Code::ALL;
    let words = codes.iter().map(|code| code.as_str().to_owned()).collect();
    assert_listed("The client", &rows, &words);
    for code in codes {
        let row = &rows[code.as_str()];
        assert_eq!(
            (json!(row[1]), json!(row[2])),
            (json!(code.fault()), json!(code.retry())),
            "fault and retry of {code}"
        );
    }
}

#[test]
fn every_reason_of_the_verifier_is_listed_with_its_source() {
    let rows = Document::read("docs/errors.md").rows("The verifier");
    let codes = sotto_proof::Code::ALL;
    let words = codes.iter().map(|code| code.as_str().to_owned()).collect();
    assert_listed("The verifier", &rows, &words);
    for code in codes {
        assert_eq!(rows[code.as_str()][1], code.rfc(), "the source of {code}");
    }
}

#[test]
fn every_usage_error_is_listed() {
    let document = Document::read("docs/errors.md");
    let mut codes = BTreeSet::new();
    for path in sources("cli/src") {
        let source = squeezed(&path);
        for mark in ["usage(\"", "own(\"", "missing(\""] {
            codes.extend(words_behind(&source, mark));
        }
        // Elsewhere such a pair is a word of a report, and no error.
        let maps_errors = path.matches('/').count() == 2
            || path == "cli/src/record/publish.rs"
            || path == "cli/src/config/refused.rs";
        if maps_errors {
            codes.extend(words_behind(&source, "=>(\""));
        }
    }
    assert!(codes.contains("usage") && codes.contains("relay_missing"));
    let troubles: BTreeSet<_> = sources("cli/src/contacts")
        .iter()
        .flat_map(|path| words_behind(&squeezed(path), "trouble(\""))
        .collect();
    let title = "Lines of an address book";
    assert_listed(title, &document.rows(title), &troubles);
    assert_listed("The command", &document.rows("The command"), &codes);

    let function = "fncode(&self)->&'staticstr{";
    for (title, path) in [
        ("Identifiers", "core/mimi/src/identifier.rs"),
        ("The store", "client/src/store/error.rs"),
        ("Records", "core/mimi/src/record.rs"),
        ("Publishing", "core/publish/src/publication/error.rs"),
        ("Files of accounts", "core/publish/src/accounts/error.rs"),
    ] {
        assert_listed(title, &document.rows(title), &words_of(path, function));
    }
}

#[test]
fn every_refusal_of_relay_and_gateway_is_listed() {
    let document = Document::read("docs/errors.md");
    let rows = document.rows("The relay");
    let refusals = sotto_relay::Refusal::ALL;
    let words = refusals.map(|refusal| refusal.label().to_owned()).into();
    assert_listed("The relay", &rows, &words);
    for refusal in refusals {
        let status = refusal.status().as_u16().to_string();
        assert_eq!(rows[refusal.label()][0], status, "{refusal:?}");
    }
    // What the client makes of it are codes of the client.
    let codes: BTreeSet<_> = sotto_client::Code::ALL
        .iter()
        .map(|code| code.as_str())
        .collect();
    for (refusal, row) in &rows {
        for code in row.last().unwrap().split(", ") {
            assert!(codes.contains(code.trim_matches('`')), "{refusal}: {code}");
        }
    }

    let title = "The gateway, unsealed";
    let function = "fnlabel(self)->&'staticstr{";
    let words = words_of("gateway/src/refusal.rs", function);
    assert_listed(title, &document.rows(title), &words);
}

#[test]
fn every_link_leads_somewhere() {
    for document in Document::all() {
        for (text, target) in document.links() {
            let (path, anchor) = document.resolve(&target);
            let place = format!("{}: [{text}]({target})", document.name());
            assert!(root().join(&path).exists(), "{place}: no such file");
            if let Some(anchor) = anchor {
                let anchors = Document::read(path.to_str().unwrap()).anchors();
                assert!(anchors.contains(anchor), "{place}: no such heading");
            }
        }
    }
}

/// A link to a source file whose text is code names a test in it.
#[test]
fn every_test_that_is_named_exists() {
    let mut count = 0;
    for document in Document::all() {
        for (text, target) in document.links() {
            let Some(test) = text
                .strip_prefix('`')
                .and_then(|text| text.strip_suffix('`'))
            else {
                continue;
            };
            if !target.ends_with(".rs") {
                continue;
            }
            let (path, _) = document.resolve(&target);
            assert!(
                source(&path).contains(&format!("fn {test}(")),
                "{}: {} has no test {test}",
                document.name(),
                path.display()
            );
            count += 1;
        }
    }
    assert!(count >= 50, "only {count} tests are named");
}

#[test]
fn every_requirement_is_answered_and_shown() {
    let document = Document::read("docs/conformance.md");
    let mut count = 0;
    for line in document.text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, _, answer, shown] = cells[..] else {
            assert!(!line.contains(" yes "), "not four cells: {line}");
            continue;
        };
        match answer {
            "yes" | "partly" => assert!(shown.contains(".rs)"), "{name}: no test is named"),
            "later" => assert!(shown.len() > 20, "{name}: no reason is given"),
            "answer" | "---" => continue,
            other => panic!("{name}: {other:?} is neither yes, partly nor later"),
        }
        count += 1;
    }
    assert!(count >= 22, "only {count} requirements");
}

/// The folders at the top of the repository: what begins with one of them is a path.
const TOP: &[&str] = &[
    "core",
    "primary",
    "daemon",
    "relay",
    "gateway",
    "client",
    "cli",
    "world",
    "lab",
    "packaging",
    "tests",
    "docs",
    "scripts",
    ".ci",
];

#[test]
fn every_path_that_is_named_exists() {
    for document in Document::all() {
        let is_part = |letter: char| letter.is_ascii_alphanumeric() || "./_-".contains(letter);
        for word in document.text.split(|letter| !is_part(letter)) {
            let word = word.trim_end_matches(['.', '/']);
            let Some((top, _)) = word.split_once('/') else {
                continue;
            };
            if TOP.contains(&top) {
                assert!(
                    root().join(word).exists(),
                    "{}: {word} does not exist",
                    document.name()
                );
            }
        }
    }
}

/// A sample's fence says whose configuration it is: "toml relay", "toml gateway" or "toml client".
#[test]
fn every_sample_is_a_configuration() {
    let mut roles = BTreeSet::new();
    for document in Document::all() {
        for (info, text) in document.fences() {
            let Some(role) = info.strip_prefix("toml") else {
                continue;
            };
            let role = role.trim();
            let problem = match role {
                "relay" => toml::from_str::<sotto_relay::Config>(&text)
                    .map_err(|error| error.to_string())
                    .and_then(|config| config.check().map_err(|error| error.to_string()))
                    .err(),
                "gateway" => toml::from_str::<sotto_gateway::Config>(&text)
                    .map_err(|error| error.to_string())
                    .and_then(|config| config.checked().map_err(|error| error.to_string()))
                    .err(),
                "client" => client_problem(&text),
                other => panic!("{}: {other:?} is nobody's role", document.name()),
            };
            assert_eq!(problem, None, "{}:\n{text}", document.name());
            roles.insert(role.to_owned());
        }
    }
    assert_eq!(roles.len(), 3, "{roles:?}");
}

/// What `sotto` has against a configuration; a URI that is resolved already makes it read the file and no more.
fn client_problem(text: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, text).unwrap();
    let identifier = "mimi://provider.example/u/alice";
    let ran = sotto::run(&["lookup", identifier, "--config", file.to_str().unwrap()]).unwrap();
    (ran.code != 0).then_some(ran.stderr)
}

/// Our programs, and how `cargo run` calls them.
const PROGRAMS: &[(&str, &str)] = &[
    ("cargo run --release --bin sotto -- ", "sotto "),
    ("cargo run --release -- ", "sotto-lab "),
];

#[test]
fn every_command_line_is_one() {
    let mut count = 0;
    for document in Document::all() {
        for line in command_lines(&document) {
            for words in alternatives(&words(&line)) {
                let output = help(&words[0], &words[1..]);
                assert!(
                    output.status.success(),
                    "{}: {line}\n{}",
                    document.name(),
                    String::from_utf8_lossy(&output.stderr)
                );
                count += 1;
            }
        }
    }
    assert!(count >= 25, "only {count} command lines");

    // The check can fail.
    for wrong in [
        &["lookup", "hugh@example.com", "--no-such-flag"][..],
        &["verify", "a", "b"],
        &["no-such-command"],
    ] {
        let wrong: Vec<_> = wrong.iter().map(|word| (*word).to_owned()).collect();
        assert!(!help("sotto", &wrong).status.success(), "{wrong:?}");
    }
}

/// Has the parser of a program judge arguments: with `--help` behind them it does no more.
fn help(program: &str, arguments: &[String]) -> Output {
    Command::new(binaries::find(program).unwrap())
        .args(arguments)
        .arg("--help")
        .env_clear()
        .output()
        .unwrap()
}

/// What is typed at the `$` of a console, and code in the prose, if it calls one of our programs.
fn command_lines(document: &Document) -> Vec<String> {
    let mut lines = Vec::new();
    for (_, text) in document.fences() {
        let text = text.replace("\\\n", " ");
        lines.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("$ "))
                .map(str::to_owned),
        );
    }
    for paragraph in document.prose().split("\n\n") {
        let paragraph = paragraph.replace('\n', " ");
        lines.extend(paragraph.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    let mut commands = Vec::new();
    for mut line in lines {
        for (cargo, program) in PROGRAMS {
            if let Some(rest) = line.strip_prefix(cargo) {
                line = format!("{program}{rest}");
            }
        }
        // A lone name is a name, and an assignment may stand in front.
        let command = line
            .split_whitespace()
            .find(|word| !word.contains('='))
            .unwrap_or_default();
        let ours = ["sotto", "sotto-relay", "sotto-gateway", "sotto-lab"].contains(&command);
        if ours && line.trim() != command {
            let start = line.find(command).unwrap();
            commands.push(line[start..].to_owned());
        }
    }
    commands
}

/// The words of a line as a shell parts them, up to a comment or what is no argument.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '"' || letter == '\'' => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            None if letter == ' ' => words.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    let end = words
        .iter()
        .position(|word| ["#", "&", "|", ">", "&&", ";"].contains(&word.as_str()));
    words.truncate(end.unwrap_or(words.len()));
    words
}

/// Every reading of a line that offers a choice, as in `serve|check`, or what may be left out, as in `[--json]`.
fn alternatives(words: &[String]) -> Vec<Vec<String>> {
    let mut readings = vec![Vec::new()];
    for word in words {
        let word = word.trim_matches(['[', ']']);
        readings = readings
            .into_iter()
            .flat_map(|reading| {
                word.split('|').map(move |choice| {
                    let mut reading = reading.clone();
                    reading.push(choice.to_owned());
                    reading
                })
            })
            .collect();
    }
    readings
}
