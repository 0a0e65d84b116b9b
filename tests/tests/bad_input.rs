//! What operators and callers get wrong: each command says what is wrong, where, and what to do, ends with the
//! code agreed, and never panics.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;

use sotto_tests::{binaries, tools};
use tempfile::TempDir;

/// What the servers exit with, whatever stops them from serving.
const FAILED: i32 = 1;
/// What all three exit with on a usage error, `sotto` on an unusable configuration too.
const USAGE: i32 = 2;

/// What a command left.
#[derive(Debug)]
struct Ran {
    code: i32,
    said: String,
}

/// A directory with the files that configurations name.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        let names = vec!["localhost".to_owned()];
        let certified = rcgen::generate_simple_self_signed(names.clone()).unwrap();
        let other = rcgen::generate_simple_self_signed(names).unwrap();
        desk.write("server.pem", certified.cert.pem());
        desk.write("server.key", certified.signing_key.serialize_pem());
        desk.write("other.key", other.signing_key.serialize_pem());
        tools::write_secret(&desk.0.path().join("token"), &"6f".repeat(32)).unwrap();
        tools::write_secret(&desk.0.path().join("short"), "6f").unwrap();
        desk.write("noise", "noise");
        desk.write("binary", [0xff, 0xfe]);
        desk
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), content).unwrap();
    }

    /// Runs a command here; a panic in it fails the test, whatever else it does.
    fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        let output = Command::new(binaries::find(program).unwrap())
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(
            !said.contains("panicked"),
            "{program} {arguments:?}: {said}"
        );
        let code = output.status.code();
        Ran {
            code: code.unwrap_or_else(|| panic!("{program} {arguments:?}: a signal: {said}")),
            said,
        }
    }

    /// Runs `program` with a configuration, and checks code, culprit and remedy.
    fn expect(&self, program: &str, command: &[&str], config: &str, code: i32, words: &[&str]) {
        self.write("config.toml", config);
        let ran = self.run(program, &[command, &["--config", "config.toml"]].concat());
        assert_eq!(ran.code, code, "{program} {command:?} {config}: {ran:?}");
        for word in words {
            let said = &ran.said;
            assert!(
                said.contains(word),
                "{program} {command:?} {config}: {word:?} is not in {said}"
            );
        }
    }
}

/// Configurations with a mistake each, and what must be said of it. A line of `table` reads
/// `right => wrong => words | more words`, with `\n` for a new line.
fn mistakes<'a>(good: &str, table: &'a str) -> Vec<(String, Vec<&'a str>)> {
    let read = |line: &'a str| {
        let (right, rest) = line.split_once(" => ").unwrap();
        // What is replaced by nothing leaves the column empty.
        let (wrong, words) = match rest.strip_prefix("=> ") {
            Some(words) => ("", words),
            None => rest.split_once(" => ").unwrap(),
        };
        let [right, wrong] = [right, wrong].map(|text| text.replace("\\n", "\n"));
        assert!(good.contains(&right), "{line}");
        (
            good.replacen(&right, &wrong, 1),
            words.split(" | ").collect(),
        )
    };
    table
        .lines()
        .filter(|line| !line.is_empty())
        .map(read)
        .collect()
}

/// Checks every mistake, in `check` and in `serve` alike.
fn every_mistake_is_told(program: &str, good: &str, table: &str) {
    let desk = Desk::new();
    if program == "sotto-gateway" {
        desk.write("config.toml", good);
        let made = desk.run(program, &["keys", "init", "--config", "config.toml"]);
        assert_eq!(made.code, 0, "{made:?}");
    }
    desk.expect(program, &["check"], good, 0, &["good"]);
    for (config, words) in mistakes(good, table) {
        for command in ["check", "serve"] {
            desk.expect(program, &[command], &config, FAILED, &words);
        }
    }
    desk.expect(
        program,
        &["check"],
        "",
        FAILED,
        &["missing field", "add it"],
    );
    for (file, words) in [
        (
            "absent.toml",
            ["absent.toml: cannot be read", "give the path"],
        ),
        (".", [".: cannot be read", "give the path"]),
        ("binary", ["binary: cannot be read", "TOML"]),
    ] {
        for command in ["check", "serve"] {
            let ran = desk.run(program, &[command, "--config", file]);
            assert_eq!(ran.code, FAILED, "{ran:?}");
            assert!(words.iter().all(|word| ran.said.contains(word)), "{ran:?}");
        }
    }
    for arguments in [&[][..], &["check", "--frob"], &["frob"]] {
        assert_eq!(desk.run(program, arguments).code, USAGE, "{arguments:?}");
    }
}

/// Mistakes in where to listen, the same for both servers.
const LISTEN_MISTAKES: &str = r#"
listen => listens => key `listens` | correct its spelling
{ address = "127.0.0.1:0", plain_http = true } => "127.0.0.1:0" => config.toml | line 3 | key `listen` | correct the value
127.0.0.1:0 => 127.0.0.1 => key `listen.address` | socket address | correct the value
, plain_http = true => => `listen` | neither `tls` nor `plain_http` | set `plain_http = true`
plain_http = true => plain_http = "yes" => line 3 | key `listen.plain_http` | correct the value
plain_http = true => plain_http = true, port = 1 => line 3 | key `listen.port` | remove the key
plain_http = true => plain_http = true, tls = { certificate = "server.pem", key = "server.key" } => `listen` | both `tls` and `plain_http` | remove one
plain_http = true => tls = { certificate = "server.pem" } => key `listen.tls` | missing field `key` | add it
plain_http = true => tls = { certificate = "absent.pem", key = "server.key" } => `listen.tls` | absent.pem | give a PEM file
plain_http = true => tls = { certificate = "noise", key = "server.key" } => `listen.tls` | noise | give a PEM file
plain_http = true => tls = { certificate = "server.pem", key = "noise" } => `listen.tls` | noise | give
plain_http = true => tls = { certificate = "server.pem", key = "other.key" } => server.pem | other.key | renew both together
"#;

const RELAY_MISTAKES: &str = r#"
contact => contacts => line 2 | key `contacts` | correct its spelling
"relay.example" => 3 => line 1 | key `operator` | correct the value
"relay.example" => "a b" => key `operator` | not a host name | give labels
"relay.example" => "localhost" => key `operator` | single label | give the domain
"relay.example" => "co.uk" => key `operator` | public suffix | give the domain
token_file = "token" => token_file = "absent" => gateway.example.net | `gateway.0.token_file` | absent | put the token there
token_file = "token" => token_file = "noise" => `gateway.0.token_file` | noise | mode 644 | chmod 600
token_file = "token" => token_file = "short" => `gateway.0.token_file` | short | openssl rand
token_file = "token" => ca = "absent" => gateway.example.net | `ca` absent | give a PEM file
token_file = "token" => ca = "noise" => gateway.example.net | `ca` noise | give a PEM file
token_file = "token" => url = "http://192.0.2.1" => key `gateway.0.url` | plain HTTP | use https
token_file = "token" => url = "https://a.example/path" => key `gateway.0.url` | not an origin | without a path
token_file = "token" => body = "most" => key `gateway.0.body` | `exact` or `any`
token_file = "token" => [[gateway]]\nhost = "gateway.example.net" => key `gateway.1.host` | listed twice | remove one
[[gateway]]\nhost = "gateway.example.net"\ntoken_file = "token" => => key `gateway` | add a [[gateway]]
max_in_flight = 16 => max_in_flight = 0 => key `limits.max_in_flight` | must not be zero
max_in_flight = 16 => max_in_flight = -1 => key `limits.max_in_flight` | correct the value
[limits] => [limits => config.toml, line 7 | correct the TOML
"#;

const RELAY: &str = "operator = \"relay.example\"\ncontact = \"mailto:noc@relay.example\"\n\
    listen = { address = \"127.0.0.1:0\", plain_http = true }\n\
    [[gateway]]\nhost = \"gateway.example.net\"\ntoken_file = \"token\"\n\
    [limits]\nmax_in_flight = 16\n";

#[test]
fn a_relay_says_what_is_wrong_with_its_configuration() {
    every_mistake_is_told("sotto-relay", RELAY, LISTEN_MISTAKES);
    every_mistake_is_told("sotto-relay", RELAY, RELAY_MISTAKES);
}

const GATEWAY_MISTAKES: &str = r#"
operator = => operater = => line 2 | key `operater` | correct its spelling
"gateway.test" => [] => line 1 | key `host` | correct the value
"gateway.test" => "gateway test" => host = "gateway test" | not a domain | write it in A-labels
state = "state" => state = "absent" => absent | sotto-gateway keys init
state = "state" => state = "noise" => noise | mode | chmod 600
"operator.test" => "co.uk" => operator | public suffix | give the domain
[dns] => [names]\nsuffixes = [""]\n[dns] => names.suffixes | is not a name | user._bitcoin-payment
[dns] => [names]\nsuffixes = ["com"]\n[dns] => names.suffixes | single label | at least two
"127.0.0.1:1" => "resolver" => key `dns.resolver` | correct the value
[dns] => [dns]\nanchor = "absent" => dns.anchor | absent | give a file of DS or DNSKEY lines
[dns] => [dns]\nanchor = "noise" => dns.anchor | noise | line 1
[dns] => [dns]\ntimeout_ms = 0 => timeout_ms | default
[dns] => [names]\nmimi_type = 16\n[dns] => names.mimi_type = 16 | choose 65280 to 65534
token_file = "token" => token_file = "absent" => relay.test | token_file absent | openssl rand
token_file = "token" => token_file = "noise" => relay.test | noise | chmod 600
token_file = "token" => token_file = "short" => relay.test | short | openssl rand
token_file = "token" => token_file = "token"\n[[relay]]\nname = "relay.test"\ntoken_file = "token" => two [[relay]] entries | relay.test | a name of its own
[[relay]]\nname = "relay.test"\ntoken_file = "token" => => no relay is listed | open_to_any_relay
"#;

const GATEWAY: &str = "host = \"gateway.test\"\noperator = \"operator.test\"\n\
    listen = { address = \"127.0.0.1:0\", plain_http = true }\n\
    [keys]\nstate = \"state\"\n[dns]\nresolver = \"127.0.0.1:1\"\n\
    [[relay]]\nname = \"relay.test\"\ntoken_file = \"token\"\n";

#[test]
fn a_gateway_says_what_is_wrong_with_its_configuration() {
    every_mistake_is_told("sotto-gateway", GATEWAY, LISTEN_MISTAKES);
    every_mistake_is_told("sotto-gateway", GATEWAY, GATEWAY_MISTAKES);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let desk = Desk::new();
    desk.write("config.toml", GATEWAY);
    let made = desk.run(
        "sotto-gateway",
        &["keys", "init", "--config", "config.toml"],
    );
    assert_eq!(made.code, 0, "{made:?}");
    for (program, good) in [("sotto-relay", RELAY), ("sotto-gateway", GATEWAY)] {
        let public = good.replace("127.0.0.1:0", &address);
        let admin = format!("{good}[admin]\naddress = \"{address}\"\n");
        for config in [public, admin] {
            let words = ["cannot listen", &address, "choose a free port"];
            desk.expect(program, &["serve"], &config, FAILED, &words);
        }
    }
}

const CALLER: &str = "relay = \"https://relay.test\"\ngateway = \"gateway.test\"\nmax_age = 60\n";

const CALLER_MISTAKES: &str = r#"
relay = "https://relay.test" => => no relay | --relay
gateway = "gateway.test" => => no gateway | --gateway
max_age => maximum_age => config.toml | line 3 | `maximum_age` | --help
"https://relay.test" => 3 => config.toml | line 1 | URL
"https://relay.test" => "http://relay.test" => http://relay.test | use https
"https://relay.test" => "relay.test" => relay.test | https://relay.example
max_age = 60 => max_age => config.toml | line 3
"gateway.test" => "https://gateway.test" => not a host name | without scheme
max_age = 60 => max_age = -1 => config.toml | line 3 | max_age
max_age = 60 => anchor = "absent" => anchor | absent | check the path
max_age = 60 => anchor = "noise" => anchor | noise | DS or DNSKEY lines
max_age = 60 => ca = "absent" => certification authorities | absent | check the path
max_age = 60 => key_document = "absent" => key document | absent | check the path
max_age = 60 => key_digest = "00" => key digest | 64 hexadecimal digits
max_age = 60 => key_document = "noise"\nkey_digest = "00" => both | --key-document or --key-digest
max_age = 60 => mimi_type = 16 => 16 | 65280 to 65534
max_age = 60 => phone_zone = "a b" => a b | enum.example.com
max_age = 60 => relay_operator = ".." => operator | example.net
"#;

#[test]
fn a_caller_is_told_what_is_wrong_with_the_configuration() {
    let desk = Desk::new();
    for (config, words) in mistakes(CALLER, CALLER_MISTAKES) {
        desk.expect("sotto", &["lookup", "alice.test"], &config, USAGE, &words);
    }
    for (file, word) in [
        ("absent.toml", "absent.toml"),
        (".", "."),
        ("binary", "not text"),
    ] {
        let ran = desk.run("sotto", &["lookup", "alice.test", "--config", file]);
        assert_eq!(ran.code, USAGE, "{ran:?}");
        assert!(
            ran.said.contains(word) && ran.said.contains("check"),
            "{ran:?}"
        );
    }
}

#[test]
fn a_caller_is_told_what_is_wrong_with_the_command_line() {
    let desk = Desk::new();
    let whom = ["--relay", "https://relay.test", "--gateway", "gateway.test"];
    for (arguments, word) in [
        (&["lookup", ""][..], "no identifier"),
        (&["lookup", "x y"], "not a domain name"),
        (&["lookup", "alice@"], "not a domain name"),
        (&["lookup", "+44 20 7946 0148"], "--phone-zone"),
        (&["lookup", "alice.test", "--max-age", "week"], "--max-age"),
        (&["lookup", "alice.test", "--type", "A"], "--type"),
        (&["query", "a..b", "TXT"], "empty label"),
        (&["query", "a.b", "NONSENSE"], "record type"),
        (&["query", "a.b"], "TYPE"),
    ] {
        let ran = desk.run("sotto", &[arguments, &whom].concat());
        assert_eq!(ran.code, USAGE, "{arguments:?}: {ran:?}");
        assert!(ran.said.contains(word), "{arguments:?}: {ran:?}");
        let ran = desk.run("sotto", &[arguments, &whom, &["--json"]].concat());
        let report: serde_json::Value = serde_json::from_str(ran.said.trim()).unwrap();
        for key in ["code", "message", "remedy"] {
            assert!(report["error"][key].is_string(), "{arguments:?}: {report}");
        }
    }
}

/// Keys of a sample, the commented ones too, each line on its own.
fn sample_lines(sample: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(sample);
    let is_setting = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| {
            let word = |c: char| c.is_ascii_lowercase() || c == '_';
            !key.is_empty() && key.chars().all(word)
        })
    };
    fs::read_to_string(path)
        .unwrap()
        .lines()
        .map(|line| match line.trim_start_matches(['#', ' ']) {
            setting if is_setting(setting) => setting.to_owned(),
            _ if line.starts_with('#') => String::new(),
            _ => line.to_owned(),
        })
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn no_value_of_any_key_makes_a_server_panic() {
    let desk = Desk::new();
    for (program, sample) in [
        ("sotto-relay", "relay/sotto-relay.sample.toml"),
        ("sotto-gateway", "gateway/sotto-gateway.sample.toml"),
    ] {
        let lines = sample_lines(sample);
        assert!(lines.len() > 20, "{program}: {lines:?}");
        for (at, line) in lines.iter().enumerate() {
            let Some((key, _)) = line.split_once(" = ") else {
                continue;
            };
            for value in ["\"\\u0000\"", "-1", "18446744073709551616", "{ a = [] }"] {
                let mut wrong = lines.clone();
                wrong[at] = format!("{key} = {value}");
                desk.write("config.toml", wrong.join("\n"));
                let ran = desk.run(program, &["check", "--config", "config.toml"]);
                assert_eq!(ran.code, FAILED, "{program}: {key} = {value}: {ran:?}");
                assert!(ran.said.len() > 10, "{program}: {key} = {value}: {ran:?}");
            }
        }
    }
}
