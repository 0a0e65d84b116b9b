//! `sotto verify` as a process: whatever the file holds, a verdict; whatever is wrong, an error as agreed.

use std::process::Stdio;

use crate::home::{Home, Run};

const ANCHOR: &str =
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

/// Verifies `proof` for a name that does not matter.
fn verify(proof: &[u8], more: &[&str]) -> Run {
    let home = Home::new();
    home.write("proof", proof);
    home.run(
        &[
            &["verify", "proof", "--name", "example.com", "--type", "TXT"],
            more,
        ]
        .concat(),
    )
}

fn is_bogus(run: &Run) {
    assert_eq!(run.code, 7, "{}{}", run.out, run.errors);
    let value = run.json();
    let keys: Vec<_> = value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        keys,
        [
            "cache_ttl",
            "reason",
            "records",
            "schema",
            "valid_from",
            "valid_until",
            "verdict"
        ]
    );
    assert_eq!(value["verdict"], "bogus");
    assert_eq!(value["records"], serde_json::json!([]));
    for unknown in ["cache_ttl", "valid_from", "valid_until"] {
        assert!(value[unknown].is_null());
    }
    let reason = value["reason"].as_object().expect("a reason");
    let keys: Vec<_> = reason.keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "name", "rfc", "rule", "type"]);
}

#[test]
fn whatever_octets_are_there_give_a_verdict() {
    for proof in [&b""[..], b"\0", b"garbage", &[0xff; 65_535], &[0; 65_535]] {
        is_bogus(&verify(proof, &["--json"]));
        let words = verify(proof, &[]);
        assert_eq!(words.code, 7);
        assert!(
            words.out.starts_with("bogus: ") && words.errors.is_empty(),
            "{}",
            words.out
        );
    }
}

#[test]
fn what_cannot_be_used_is_a_usage_error() {
    let home = Home::new();
    home.write("proof", "");
    home.write("large", vec![0; 65_536]);
    home.write("empty.key", "");
    home.write("broken.key", ". IN DS nonsense");
    home.write("binary.key", [0xff]);
    home.write("root.key", ANCHOR);
    let code = |arguments: &[&str]| {
        home.run(&[&["verify", "--json"], arguments].concat())
            .error_code()
    };
    let name = ["--name", "example.com", "--type", "TXT"];

    assert_eq!(code(&[&["absent"][..], &name].concat()), "file_unreadable");
    assert_eq!(code(&[&["."][..], &name].concat()), "file_unreadable");
    assert_eq!(code(&[&["large"][..], &name].concat()), "file_too_large");
    for key in ["empty.key", "broken.key"] {
        assert_eq!(
            code(&[&["proof", "--anchor", key][..], &name].concat()),
            "anchor_invalid"
        );
    }
    assert_eq!(
        code(&[&["proof", "--anchor", "absent"][..], &name].concat()),
        "file_unreadable"
    );
    assert_eq!(
        code(&[&["proof", "--anchor", "binary.key"][..], &name].concat()),
        "file_not_text"
    );
    assert_eq!(
        code(&["proof", "--name", "a..b", "--type", "TXT"]),
        "name_invalid"
    );
    assert_eq!(
        code(&["proof", "--name", "", "--type", "TXT"]),
        "name_invalid"
    );
    assert_eq!(
        code(&["proof", "--name", "a", "--type", "NONSENSE"]),
        "type_invalid"
    );
    assert_eq!(
        code(&["proof", "--name", "a", "--type", "TYPE65536"]),
        "type_invalid"
    );
    assert_eq!(
        code(&[&["proof", "--at", "now"][..], &name].concat()),
        "usage"
    );
    // Beyond 32 bits, times that are over would come again.
    assert_eq!(
        code(&[&["proof", "--at", "4294967296"][..], &name].concat()),
        "usage"
    );
    assert_eq!(code(&[&["proof", "--frob"][..], &name].concat()), "usage");
    assert_eq!(code(&["proof"]), "usage");

    is_bogus(
        &home.run(
            &[
                &["verify", "--json", "proof", "--anchor", "root.key"][..],
                &name,
            ]
            .concat(),
        ),
    );
}

/// IANA's file: a key counts at the time of the verification, not of the run.
#[test]
fn an_anchor_may_be_the_file_of_iana() {
    let home = Home::new();
    home.write("proof", "");
    let digest = ANCHOR.rsplit(' ').next().expect("a digest");
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TrustAnchor id=\"1\" source=\"x\">\n<Zone>.</Zone>\n\
         <KeyDigest id=\"K\" validFrom=\"2017-02-02T00:00:00+00:00\"><KeyTag>20326</KeyTag><Algorithm>8</Algorithm>\
         <DigestType>2</DigestType><Digest>{digest}</Digest></KeyDigest></TrustAnchor>\n"
    );
    home.write("root-anchors.xml", &xml);
    home.write("broken.xml", &xml[..xml.len() - 10]);
    let verify = |anchor: &str, at: &str| {
        let name = ["--name", "example.com", "--type", "TXT", "--json"];
        let arguments = ["verify", "proof", "--anchor", anchor, "--at", at];
        home.run(&[&arguments[..], &name].concat())
    };
    is_bogus(&verify("root-anchors.xml", "1800000000"));
    for (anchor, at, told) in [
        ("root-anchors.xml", "1400000000", "valid at this time"),
        ("broken.xml", "1800000000", "line 4"),
    ] {
        let run = verify(anchor, at);
        assert_eq!(run.error_code(), "anchor_invalid");
        assert!(run.out.contains(told), "{}", run.out);
    }
}

#[test]
fn without_json_errors_go_to_standard_error() {
    let home = Home::new();
    let run = home.run(&["verify", "absent", "--name", "a", "--type", "TXT"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(
        run.errors.contains("absent") && run.errors.contains("try: "),
        "{}",
        run.errors
    );
}

#[test]
fn types_are_mnemonics_numbers_or_mimi() {
    for rtype in ["txt", "TYPE16", "mimi", "MIMI", "TYPE65400"] {
        let home = Home::new();
        home.write("proof", "");
        is_bogus(&home.run(&[
            "verify", "proof", "--name", "a.", "--type", rtype, "--at", "0", "--json",
        ]));
    }
}

#[test]
fn the_configuration_file_is_not_read() {
    let home = Home::new();
    home.write(".config/sotto/config.toml", "nonsense");
    home.write("proof", "");
    is_bogus(&home.run(&["--json", "verify", "proof", "--name", "a", "--type", "TXT"]));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let home = Home::new();
    home.write("proof", "");
    for (arguments, code) in [
        (&["verify", "proof", "--name", "a", "--type", "TXT"][..], 7),
        (
            &["verify", "proof", "--name", "a", "--type", "TXT", "--json"],
            7,
        ),
        (
            &["verify", "absent", "--name", "a", "--type", "TXT", "--json"],
            2,
        ),
        (&["--help"], 0),
        (&[], 0),
    ] {
        let mut child = home
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("the command ends");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert_eq!(output.stderr, b"", "{arguments:?}");
    }
}

/// Published proofs, each with its question, time, anchor and verdict in its head.
#[test]
fn published_proofs_have_their_verdicts() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/proof/tests/vectors");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the vectors of sotto-proof") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        let (head, digits) = text.split_once("\n\n").expect("a head");
        let field = |name: &str| {
            head.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
                .expect("a field")
        };
        let digits: String = digits.split_ascii_whitespace().collect();
        let home = Home::new();
        home.write("proof", hex::decode(digits).expect("hexadecimal"));
        let mut arguments = vec![
            "verify",
            "proof",
            "--json",
            "--name",
            field("name"),
            "--type",
            field("type"),
        ];
        arguments.extend(["--at", field("at")]);
        if field("anchor") != "iana" {
            home.write("anchor", field("anchor"));
            arguments.extend(["--anchor", "anchor"]);
        }

        let run = home.run(&arguments);
        let value = run.json();
        let (verdict, code) = field("verdict")
            .split_once(' ')
            .unwrap_or((field("verdict"), ""));
        assert_eq!(value["verdict"], verdict, "{head}\n{}", run.out);
        assert_eq!(
            value["reason"]["code"].as_str().unwrap_or(""),
            code,
            "{head}"
        );
        let exit = match verdict {
            "insecure" => 6,
            "bogus" => 7,
            _ => 0,
        };
        assert_eq!(run.code, exit, "{head}");
        let records = value["records"].as_array().expect("a list");
        assert_eq!(records.is_empty(), verdict != "secure", "{head}");
        let at: u64 = field("at").parse().expect("a number");
        assert_eq!(
            value["valid_until"]
                .as_u64()
                .is_some_and(|until| until >= at),
            verdict != "bogus",
            "{head}"
        );
        assert_eq!(value["cache_ttl"].is_u64(), verdict != "bogus", "{head}");

        let words = home.run(
            &arguments
                .iter()
                .copied()
                .filter(|word| *word != "--json")
                .collect::<Vec<_>>(),
        );
        assert!(
            words.out.starts_with(verdict) && words.code == exit,
            "{}",
            words.out
        );
        assert_eq!(
            words.out.contains("Vouched for by"),
            verdict != "bogus",
            "{}",
            words.out
        );
        count += 1;
    }
    assert!(count >= 8);
}

#[test]
fn a_clock_that_every_signature_contradicts_is_named_with_both_times() {
    let vector = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../core/proof/tests/vectors/rfc9102-a1.txt"
    );
    let text = std::fs::read_to_string(vector).expect("a vector");
    let (_, digits) = text.split_once("\n\n").expect("a head");
    let digits: String = digits.split_ascii_whitespace().collect();
    let proof = hex::decode(digits).expect("hexadecimal");
    let name = ["--name", "_443._tcp.www.example.com", "--type", "TLSA"];
    for (at, said) in [
        (
            "0",
            "Every signature begins after Thu, 01 Jan 1970 00:00:00 GMT, the last on ",
        ),
        (
            "1790000000",
            "Every signature ended before Mon, 21 Sep 2026 14:13:20 GMT, the first on ",
        ),
    ] {
        let home = Home::new();
        home.write("proof", &proof);
        let run = home.run(&[&["verify", "proof", "--at", at][..], &name].concat());
        assert!(run.out.contains(said), "{}", run.out);
    }
}
