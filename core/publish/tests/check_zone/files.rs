//! How a file is read: what is included, what cannot be read, and what continues over lines.

use sotto_mimi::ProviderPolicy;
use sotto_proof::RecordType;
use sotto_publish::check::{Code, Report, ZoneCheck, ZoneOptions};

use super::{HEAD, NOW, check, check_as, codes, expect, hugh};

/// Checks `files[0]`, in which the others are included.
fn check_files(files: &[(&str, &str)]) -> Report {
    fn read(check: &mut ZoneCheck, files: &[(&str, &str)], text: &str) {
        for line in text.lines() {
            let Some(wanted) = check.line(line.as_bytes()).map(str::to_owned) else {
                continue;
            };
            match files.iter().find(|(name, _)| *name == wanted) {
                Some((_, text)) => {
                    check.enter();
                    read(check, files, text);
                    check.leave();
                }
                None => check.refuse("cannot be read"),
            }
        }
    }
    let mut check = ZoneCheck::new(ZoneOptions {
        origin: None,
        policy: ProviderPolicy::Public,
        mimi_type: RecordType(65_400),
        now: NOW,
    });
    read(&mut check, files, files[0].1);
    check.finish()
}

#[test]
fn included_files_are_followed_and_named() {
    let bad = "_mimi.x TXT \"v=MIMI1; a=x\"\n";
    let top = format!(
        "{HEAD}$INCLUDE mimi.zone ; ours\n{bad}$INCLUDE \"other file\" sub\n$INCLUDE none\n"
    );
    let report = check_files(&[
        ("top", &top),
        ("mimi.zone", &format!("$ORIGIN a.example.com.\n\n{bad}")),
        ("other file", bad),
    ]);
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|found| {
            let name = found.name.as_ref().map(ToString::to_string);
            (found.code, name, found.file.as_deref(), found.line)
        })
        .collect();
    let no_provider = |name: &str, file, line| {
        let name = format!("_mimi.x.{name}example.com.");
        (Code::RecordNoProvider, Some(name), file, Some(line))
    };
    assert_eq!(
        found,
        [
            (Code::ZoneInclude, None, None, Some(8)),
            no_provider("a.", Some("mimi.zone"), 3),
            no_provider("sub.", Some("other file"), 1),
            no_provider("", None, 6),
        ]
    );
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    let twice = "$INCLUDE top\n$INCLUDE top\n";
    let report = check_files(&[("top", twice)]);
    // Two to the eighth files stand eight deep, and each asks for two more.
    let included = report.findings.iter();
    let deep = included.filter(|found| found.code == Code::ZoneInclude);
    assert_eq!(deep.count(), 512);
    let many = "$INCLUDE b\n".repeat(1_001);
    let report = check_files(&[("top", &many), ("b", "")]);
    let codes = codes(&report);
    assert_eq!(codes, [Code::ZoneWithoutRecords, Code::ZoneInclude]);
}

#[test]
fn lines_that_cannot_be_read_cost_one_entry_each() {
    let right = hugh("\"v=MIMI1; a=x; e=im.provider.net\"");
    for (code, line) in [
        (Code::ZoneSyntax, "_mimi.a TXT \"open"),
        (Code::ZoneSyntax, "_mimi.a NONSENSE x"),
        (Code::ZoneSyntax, "_mimi..a TXT x"),
        (Code::ZoneSyntax, "_mimi.a TXT"),
        (Code::ZoneSyntax, "_mimi.a TXT )"),
        (Code::ZoneSyntax, "$TTL soon"),
        (Code::ZoneInclude, "$INCLUDE people.zone"),
        (Code::ZoneInclude, "$GENERATE 1-9 host$ A 192.0.2.$"),
    ] {
        let report = expect(code, 2, &format!("{right}{line}\n"));
        assert!(!report.what.is_empty());
        assert_eq!(check(&format!("{right}{line}\n")).names, 1, "{line}");
    }
    let report = check(&format!(
        "{right}_mimi.a TXT ( \"v=MIMI1; a=x;\"\n \"e=im.provider.net\"\n"
    ));
    assert_eq!(codes(&report), [Code::ZoneSyntax], "{report:#?}");
}

#[test]
fn a_file_must_say_whose_zone_it_is() {
    let report = check_as(
        "_mimi TXT \"v=MIMI1; a=x; e=im.provider.net\"\n",
        ProviderPolicy::Public,
    );
    assert!(codes(&report).contains(&Code::ZoneNoOrigin), "{report:#?}");
    let report = check("www A 192.0.2.1\n");
    assert_eq!(codes(&report), [Code::ZoneWithoutRecords]);
    // Other line endings, no last one.
    let text =
        format!("{HEAD}{}", hugh("\"v=MIMI1; a=x; e=im.provider.net\"")).replace('\n', "\r\n");
    assert_eq!(
        codes(&check_as(text.trim_end(), ProviderPolicy::Public)),
        []
    );
}

#[test]
fn a_host_that_is_called_by_a_digit_is_a_host() {
    expect(
        Code::RecordNoAccountForHost,
        1,
        "_mimi.1 TXT \"v=MIMI1; e=im.provider.net\"\n",
    );
}

#[test]
fn a_parenthesis_within_quotation_marks_opens_nothing() {
    for line in [
        "\"._mimi.e TXT(1;\"\n",
        "\"x\" TXT (1;\"\n",
        "_mimi.e TXT x\\\n",
    ] {
        let report = check(line);
        assert!(
            codes(&report).contains(&Code::ZoneSyntax),
            "{line}: {report:#?}"
        );
    }
}
