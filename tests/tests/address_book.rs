//! `sotto lookup --contacts FILE` through a private internet: who learns of whom, when, and how often; and a run that is killed.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use sotto_mimi::{Identifier, RecordForm};
use sotto_tests::{Hierarchy, Parties, binaries, sotto};
use sotto_world::{GATEWAY_HOST, Options, PHONE_ZONE, Views, World};
use tempfile::TempDir;

/// People for every way that a domain answers. Nobody of `lame.test`, whose silence takes the gateway's time.
const PEOPLE: &[(&str, &str, bool)] = &[
    // Who, what comes of it, and whether their own name has to be asked for.
    ("hugh@example.test", "found", true),
    ("ghost@example.test", "opted_out", true),
    ("nobody@example.test", "no_record", true),
    ("typo@example.test", "invalid", true),
    ("guest@hotel.test", "found", true),
    ("recluse@hotel.test", "opted_out", true),
    // _mimi is a zone of its own; mailboxes behind a DNAME.
    ("maria@mail.test", "found", true),
    ("kim@corp.test", "found", true),
    ("mymimi.example.com", "found", true),
    ("+442079460148", "found", true),
    ("+15551234567", "no_record", true),
    // No such branch: NSEC, NSEC3.
    ("one@gateway.test", "no_record", false),
    ("two@gateway.test", "no_record", false),
    ("three@gateway.test", "no_record", false),
    ("one@phones.test", "no_record", false),
    // A wildcard that was never meant for MIMI.
    ("shop@parked.test", "no_record", false),
    ("help@parked.test", "no_record", false),
    // Not signed: no DS, and an opt-out span.
    ("sam@unsigned.test", "insecure", false),
    ("tom@unsigned.test", "insecure", false),
    ("sam@unsigned.com", "insecure", false),
    // Signatures that ran out: what cannot be proved is not worth showing around.
    ("late@expired.test", "bogus", false),
];

/// Domains and phone zones among them.
const BRANCHES: usize = 11;

fn owner(identifier: &str) -> String {
    let zone = PHONE_ZONE.parse().unwrap();
    let identifier: Identifier = identifier.parse().unwrap();
    let owner = identifier.owner(RecordForm::Txt, Some(&zone)).unwrap();
    owner.as_str().to_owned()
}

/// A folder with a book in it, and the command that looks it up.
struct Desk {
    folder: TempDir,
    arguments: Vec<String>,
}

impl Desk {
    fn new(world: &World, book: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("book.csv"), book).unwrap();
        let file = |name: &str| world.directory().join(name).display().to_string();
        let arguments = [
            "lookup",
            "--contacts",
            &folder.path().join("book.csv").display().to_string(),
            "--relay",
            &world.relay_url(0),
            "--gateway",
            GATEWAY_HOST,
            "--anchor",
            &file("root.key"),
            "--ca",
            &file("ca.pem"),
            "--phone-zone",
            PHONE_ZONE,
            "--json",
        ];
        Self {
            arguments: arguments.map(str::to_owned).into(),
            folder,
        }
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(binaries::find("sotto").unwrap());
        command
            .args(&self.arguments)
            .args(more)
            .env_clear()
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs to the end: the exit code, the lines, and what was said besides.
    async fn run(&self, more: &[&str]) -> (i32, Vec<Value>, String) {
        let mut command = self.command(more);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), lines, said)
    }

    fn states(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join(".local/state/sotto");
        let files = fs::read_dir(folder).into_iter().flatten();
        files
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "jsonl")
            })
            .collect()
    }
}

fn book(people: &[(&str, &str, bool)]) -> String {
    let mut book = "name,email\n".to_owned();
    for (index, (identifier, ..)) in people.iter().enumerate() {
        book.push_str(&format!("Person {index},{identifier}\n"));
    }
    book
}

fn contacts(lines: &[Value]) -> BTreeMap<String, &Value> {
    let contacts = lines.iter().filter_map(|line| line.get("contact"));
    contacts
        .map(|contact| (contact["identifier"].as_str().unwrap().to_owned(), contact))
        .collect()
}

fn summary(lines: &[Value]) -> &Value {
    &lines.last().unwrap()["summary"]
}

/// Every key of every line stands in the document that lists them.
fn assert_documented(lines: &[Value]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text
        .split_once("## `sotto lookup --contacts FILE`\n")
        .unwrap();
    let section = section.split("\n## ").next().unwrap();
    let keys = |value: &Value| -> Vec<String> {
        let keys = value.as_object().into_iter().flatten();
        keys.map(|(key, _)| key.clone()).collect()
    };
    for line in lines {
        for (name, body) in line.as_object().unwrap() {
            let mut named = keys(body);
            named.extend(keys(&body["branches"]));
            named.extend(keys(&body["shares"][0]));
            named.push(name.clone());
            for key in named {
                let is_outcome = ["opted_out", "no_record", "invalid", "insecure", "bogus"];
                assert!(
                    section.contains(&format!("`{key}`")) || is_outcome.contains(&key.as_str()),
                    "{key} of {name}"
                );
            }
        }
    }
}

/// How often the gateway was asked for each name; its own key name aside.
fn asked(views: &Views) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for view in &views.gateway {
        *asked.entry(view.name.clone()).or_default() += 1;
    }
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_is_looked_up_and_what_a_domain_denies_stays_at_home() {
    let world = World::start(Options::default()).await.unwrap();
    let mut text = book(PEOPLE);
    text.push_str("Hugh again,HUGH@example.test\nBroken,not a mailbox@\nNational,020 7946 0148\n");
    let desk = Desk::new(&world, &text);
    drop(world.take_views());
    let (code, lines, said) = desk.run(&["--within", "4s"]).await;
    let views = world.take_views();

    // Somebody's signatures ran out.
    assert_eq!(code, 7, "{said}");
    let contacts = contacts(&lines);
    assert_eq!(contacts.len(), PEOPLE.len());
    for (identifier, outcome, is_asked) in PEOPLE {
        let contact = contacts[*identifier];
        assert_eq!(contact["outcome"], *outcome, "{contact}");
        assert_eq!(contact["asked"], *is_asked, "{contact}");
        assert_eq!(contact["resumed"], false);
    }
    assert_eq!(
        contacts["hugh@example.test"]["services"][0]["provider"],
        "mimi.harbour.test"
    );
    let names = contacts["hugh@example.test"]["names"].as_array().unwrap();
    assert_eq!(names.len(), 2);

    // What the gateway heard: of those who are spared, nothing; of the others, once.
    let asked = asked(&views);
    for (identifier, _, is_asked) in PEOPLE {
        assert_eq!(
            asked.get(&owner(identifier)).copied().unwrap_or(0),
            usize::from(*is_asked),
            "{identifier}: {asked:?}"
        );
    }
    let wanted: BTreeSet<_> = PEOPLE
        .iter()
        .filter(|(.., is_asked)| *is_asked)
        .map(|(identifier, ..)| owner(identifier))
        .collect();
    let others: Vec<_> = asked
        .keys()
        .filter(|name| !wanted.contains(*name))
        .collect();
    assert_eq!(others.len(), BRANCHES, "{others:?}");
    assert!(
        others
            .iter()
            .all(|name| name.starts_with("_user._mimi.") || *name == "_mimi.phones.test."),
        "{others:?}"
    );

    assert_documented(&lines);

    // What the relay saw: as many requests as were drawn before anything was known.
    let run = &lines.iter().find_map(|line| line.get("run")).unwrap();
    let requests = u64::try_from(views.relays[0].len()).unwrap();
    assert_eq!(run["questions"], PEOPLE.len() + BRANCHES);
    // More only if this machine is so slow that the last answers came after the last instants.
    assert!(requests >= run["requests"].as_u64().unwrap());
    assert!(
        views.relays[0]
            .iter()
            .all(|view| view.request_bytes == 2_048 && view.answer_bytes == 8_192)
    );
    let summary = summary(&lines);
    assert_eq!(summary["sent"], requests);
    let spared = PEOPLE
        .iter()
        .filter(|(_, outcome, asked)| !asked && *outcome != "bogus")
        .count();
    assert_eq!(summary["spared"], spared);
    assert_eq!(summary["branches"]["unsigned"], 2);
    assert_eq!(summary["branches"]["absent"], 3);

    // The lines that could not be used.
    let problems: Vec<_> = lines
        .iter()
        .filter_map(|line| line.get("problem"))
        .collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(run["folded"], 1);

    // Somebody is not answered, so the same command asks for them again, and for nobody else.
    let (code, lines, _) = desk.run(&["--within", "1s"]).await;
    let views = world.take_views();
    assert_eq!(code, 7);
    let contacts = self::contacts(&lines);
    assert_eq!(contacts.len(), PEOPLE.len());
    assert_eq!(contacts["late@expired.test"]["resumed"], false);
    assert_eq!(contacts["hugh@example.test"]["resumed"], true);
    let asked = self::asked(&views);
    assert!(
        wanted.iter().all(|name| !asked.contains_key(name)),
        "{asked:?}"
    );
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_goes_on_and_asks_nothing_twice() {
    let world = World::start(Options::default()).await.unwrap();
    let people: Vec<_> = PEOPLE
        .iter()
        .copied()
        .filter(|(_, outcome, _)| *outcome != "bogus")
        .collect();
    let desk = Desk::new(&world, &book(&people));
    drop(world.take_views());

    // Killed after some answers, wherever it stands.
    let mut child = desk.command(&["--within", "6s"]).spawn().unwrap();
    let told = tokio::task::spawn_blocking(move || told_until_killed(&mut child, 5))
        .await
        .unwrap();
    assert!(told.len() >= 5);
    let [state] = desk.states().try_into().unwrap();
    assert_eq!(mode(&state), 0o600);
    let first = asked(&world.take_views());
    // It may have been writing.
    fs::OpenOptions::new()
        .append(true)
        .open(&state)
        .unwrap()
        .write_all(b"{\"line\":\"answer\",\"own")
        .unwrap();

    let (code, lines, said) = desk.run(&["--within", "3s"]).await;
    assert_eq!(code, 0, "{said}");
    let second = asked(&world.take_views());
    let contacts = contacts(&lines);
    assert_eq!(contacts.len(), people.len());
    for (identifier, outcome, _) in &people {
        assert_eq!(contacts[*identifier]["outcome"], *outcome);
    }
    // What was told is not lost, and not asked for again.
    for identifier in &told {
        assert_eq!(contacts[identifier]["resumed"], true, "{identifier}");
        let name = owner(identifier);
        assert!(
            !(first.contains_key(&name) && second.contains_key(&name)),
            "{identifier}"
        );
    }
    assert!(!second.is_empty(), "nothing was left to do");
    assert!(desk.states().is_empty(), "everybody is answered");
    world.shutdown().await;
}

/// The identifiers that a run tells of until `count` are told, when it is killed.
fn told_until_killed(child: &mut Child, count: usize) -> Vec<String> {
    let mut told = Vec::new();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(contact) = line.get("contact") {
            told.push(contact["identifier"].as_str().unwrap().to_owned());
        }
        if told.len() == count {
            // SIGKILL.
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_says_how_to_go_on() {
    let world = World::start(Options::default()).await.unwrap();
    let desk = Desk::new(&world, &book(PEOPLE));
    let state = desk.folder.path().join("kept");
    let state_text = state.display().to_string();
    let mut child = desk
        .command(&["--within", "1h", "--state", &state_text])
        .spawn()
        .unwrap();
    let waited = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // It has begun once it says what it will do.
        let run: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        let output = child.wait_with_output().unwrap();
        (run, rest, output)
    });
    let (run, rest, output) = waited.await.unwrap();
    assert_eq!(run["run"]["within_seconds"], 3_600);
    assert_eq!(run["run"]["state"], state_text);
    assert_eq!(output.status.code(), Some(11));
    let summary: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert!(summary["summary"]["not_asked"].as_u64().unwrap() > 0);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the same command goes on") && said.contains(&state_text),
        "{said}"
    );
    assert_eq!(mode(&state), 0o600);
    world.shutdown().await;
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sends_nothing() {
    let world = World::start(Options::default()).await.unwrap();
    let desk = Desk::new(&world, &book(PEOPLE));
    drop(world.take_views());
    let (code, lines, _) = desk.run(&["--dry-run"]).await;
    assert_eq!((code, lines.len()), (0, 1));
    assert_documented(&lines);
    assert_eq!(lines[0]["dry_run"]["people"], PEOPLE.len());
    assert_eq!(
        lines[0]["dry_run"]["questions_most"],
        PEOPLE.len() + BRANCHES
    );
    assert_eq!(
        world.take_views(),
        Views {
            relays: vec![vec![]; 2],
            ..Views::default()
        }
    );
    assert!(desk.states().is_empty());
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cover_is_asked_from_the_list_that_is_given() {
    let world = World::start(Options::default()).await.unwrap();
    let desk = Desk::new(&world, "alice@unsigned.test\nbob@unsigned.test\n");
    let list = desk.folder.path().join("cover");
    fs::write(
        &list,
        "# those who publish\n@example.test\nmymimi.example.com\n",
    )
    .unwrap();
    drop(world.take_views());
    let (code, lines, said) = desk
        .run(&[
            "--within",
            "1s",
            "--format",
            "lines",
            "--cover",
            &list.display().to_string(),
        ])
        .await;
    assert_eq!(code, 0, "{said}");
    let asked = asked(&world.take_views());
    let names: BTreeSet<_> = asked.keys().map(String::as_str).collect();
    let expected = [
        "_user._mimi.unsigned.test.",
        "_user._mimi.example.test.",
        "_mimi.mymimi.example.com.",
    ];
    assert!(names.is_subset(&expected.into()), "{names:?}");
    assert_eq!(asked["_user._mimi.unsigned.test."], 1);
    assert_eq!(
        (&summary(&lines)["sent"], &summary(&lines)["cover"]),
        (&8.into(), &7.into())
    );
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_holds_is_not_asked_and_cover_is() {
    let world = World::start(Options::default()).await.unwrap();
    let desk = Desk::new(
        &world,
        "hugh@example.test\nghost@example.test\nx@gateway.test\n",
    );
    let more = ["--within", "1s", "--format", "lines"];
    let (code, lines, said) = desk.run(&more).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(summary(&lines)["from_store"], 0);
    drop(world.take_views());

    // Everybody was answered, so that this is a new run.
    let (code, lines, said) = desk.run(&more).await;
    assert_eq!(code, 0, "{said}");
    let contacts = contacts(&lines);
    assert_eq!(contacts["hugh@example.test"]["resumed"], false);
    assert_eq!(contacts["hugh@example.test"]["outcome"], "found");
    assert_eq!(contacts["x@gateway.test"]["asked"], false);
    let summary = summary(&lines);
    assert_eq!(summary["from_store"], 4);
    assert_eq!(summary["sent"], summary["cover"]);
    let asked = asked(&world.take_views());
    assert_eq!(summary["cover"], asked.values().sum::<usize>());
    assert!(
        asked.keys().all(|name| name.starts_with("_user._mimi.")),
        "{asked:?}"
    );
    world.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_person_can_remedy_ends_the_run() {
    let world = World::start(Options::default()).await.unwrap();
    let desk = Desk::new(&world, &book(PEOPLE));
    // The relay and the gateway would be run by one party.
    let operator = ["--relay-operator", sotto_world::GATEWAY_OPERATOR];
    let (code, lines, _) = desk
        .run(&[&["--within", "1s"], &operator[..]].concat())
        .await;
    assert_eq!(code, 8);
    assert!(
        lines.last().unwrap()["error"]["code"].is_string(),
        "{lines:?}"
    );
    assert_eq!(desk.states().len(), 1);
    world.shutdown().await;
}

/// Mailboxes at every zone of the real name servers, and at names that no server has.
const AT_REAL_ZONES: &[&str] = &[
    "hugh@nsec.test",
    "five@nsec.test",
    "refuses@nsec.test",
    "broken@nsec.test",
    "nobody@nsec.test",
    "nobody@alice.nsec.test",
    "anybody@nsec3.test",
    "refuses@nsec3.test",
    "anybody@wild.nsec3.test",
    "emil@ldns.example",
    "nobody@ldns.example",
    "ida@delegated.test",
    "nobody@delegated.test",
    "jana@dname.test",
    "nobody@dname.test",
    "nobody@cname.test",
    "nobody@hoster.test",
    "nobody@www.hoster.test",
    "nobody@ed25519.example",
    "nobody@provider.example",
    "nobody@unsigned.test",
    "nobody@plain.optout",
    "nobody@signed.optout",
    "nobody@missing.optout",
    "nobody@nowhere.test",
];

/// What is concluded from a domain's answer is what its mailboxes would have answered, by BIND's signer, NSD, Knot and
/// Unbound.
#[test]
fn nobody_is_spared_who_could_be_found() {
    let (hierarchy, parties) = (Hierarchy::shared().unwrap(), Parties::shared().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("book");
    fs::write(&path, AT_REAL_ZONES.join("\n")).unwrap();
    let path = path.display().to_string();
    let arguments = [
        "lookup",
        "--contacts",
        &path,
        "--format",
        "lines",
        "--within",
        "3s",
    ];
    let ran = sotto::through(parties, hierarchy, &arguments).unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let contacts = contacts(&lines);
    assert_eq!(contacts.len(), AT_REAL_ZONES.len());

    let directly = |identifier: &str| {
        let ran = sotto::through(parties, hierarchy, &["lookup", identifier]).unwrap();
        ran.json().unwrap()["outcome"].as_str().unwrap().to_owned()
    };
    std::thread::scope(|scope| {
        for quarter in AT_REAL_ZONES.chunks(AT_REAL_ZONES.len().div_ceil(4)) {
            let (contacts, directly) = (&contacts, &directly);
            scope.spawn(move || {
                for identifier in quarter {
                    let contact = contacts[*identifier];
                    assert_eq!(contact["outcome"], directly(identifier), "{contact}");
                }
            });
        }
    });
    let spared = contacts
        .values()
        .filter(|contact| contact["asked"] == false);
    let outcomes: BTreeSet<_> = spared
        .map(|contact| contact["outcome"].as_str().unwrap())
        .collect();
    assert_eq!(outcomes, ["insecure", "no_record"].into());
}
