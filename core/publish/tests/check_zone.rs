//! Zone files: for each finding a file that has it, and one that has not.

use sotto_mimi::ProviderPolicy;
use sotto_proof::RecordType;
use sotto_publish::check::{Code, Finding, Report, Severity, ZoneCheck, ZoneOptions};

/// The time of every check, Unix seconds: 2027-01-15.
const NOW: u64 = 1_800_000_000;

/// The label of hugh's mailbox.
const HUGH: &str = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi";

/// A zone in which nothing is wrong.
const HEAD: &str =
    "$ORIGIN example.com.\n$TTL 3600\n@ SOA ns hostmaster 1 3600 900 1209600 300\n@ NS ns\n";

fn check_as(text: &str, policy: ProviderPolicy) -> Report {
    let mut check = ZoneCheck::new(ZoneOptions {
        origin: None,
        policy,
        mimi_type: RecordType(65_400),
        now: NOW,
    });
    for line in text.lines() {
        check.line(line.as_bytes());
    }
    check.finish()
}

fn check(lines: &str) -> Report {
    check_as(&format!("{HEAD}{lines}"), ProviderPolicy::Public)
}

fn codes(report: &Report) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

/// Checks that `lines` have exactly the finding `code`, at `line` counted from the first of them.
#[track_caller]
fn expect(code: Code, line: u64, lines: &str) -> Finding {
    let report = check(lines);
    assert_eq!(codes(&report), [code], "{lines}: {report:#?}");
    let finding = report.findings[0].clone();
    assert_eq!(finding.line, Some(4 + line), "{lines}: {finding:#?}");
    finding
}

#[track_caller]
fn expect_clean(lines: &str) -> Report {
    let report = check(lines);
    assert_eq!(codes(&report), [], "{lines}: {report:#?}");
    report
}

/// A record of hugh's.
fn hugh(text: &str) -> String {
    format!("{HUGH} TXT {text}\n")
}

#[test]
fn a_zone_that_is_right_has_no_findings() {
    let report = expect_clean(&format!(
        "{}{}*._user._mimi TXT \"v=MIMI1; e=im.provider.net\"\n_mimi.alice 300 IN TXT ( \"v=MIMI1; \"\n \"a=al\" \"ice; e=im.provider.net\" ) ; alice\n\
         www A 192.0.2.1\n@ TXT \"v=spf1 -all\"\n_mimi.8.4.1.phones TXT \"v=MIMI1; e=im.provider.net\"\n",
        hugh("\"v=MIMI1; p=1; a=hugh; e=im.provider.net\""),
        hugh("\"v=MIMI1; p=2; a=hugh; e=other.provider.net\""),
    ));
    assert_eq!(report.names, 4);
}

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
fn in_a_signed_zone_every_rrset_has_a_signature() {
    let good = "TXT \"v=MIMI1; a=x; e=im.provider.net\"\n";
    let rrsig = |name: &str, covered: &str| {
        format!(
            "{name} RRSIG {covered} 13 4 300 20270129000000 20270114000000 1 example.com. AAAA\n"
        )
    };
    let lines = format!("_mimi.a {good}_mimi.b {good}{}", rrsig("_mimi.a", "TXT"));
    let finding = expect(Code::Unsigned, 2, &lines);
    assert!(finding.remedy().contains("signed anew"), "{finding:?}");
    let report = expect_clean(&format!("{lines}{}", rrsig("_mimi.b", "TXT")));
    assert_eq!(report.is_signed, Some(true));
    // A signature over something else is none.
    expect(
        Code::Unsigned,
        1,
        &format!("_mimi.a {good}{}", rrsig("_mimi.a", "NSEC")),
    );
    assert_eq!(
        expect_clean(&format!("_mimi.a {good}")).is_signed,
        Some(false)
    );
    let report = check(&format!(
        "host TYPE65400 \\# 5 0461626364\n{}",
        rrsig("host", "A")
    ));
    assert_eq!(codes(&report), [Code::Unsigned, Code::NotMimi]);
}

#[test]
fn many_records_at_one_name_are_looked_at_one_by_one() {
    let mut lines: String = (0..5_000)
        .map(|at| hugh(&format!("\"v=MIMI1; a=u{at}; e=im.provider.net\"")))
        .collect();
    lines.push_str(&hugh("\"v=MIMI1; a=u7; e=im.provider.net\""));
    let report = check(&lines);
    let of = |code| {
        report
            .findings
            .iter()
            .filter(move |found| found.code == code)
    };
    assert_eq!(
        of(Code::DuplicateRecord)
            .map(|found| found.line)
            .collect::<Vec<_>>(),
        [Some(5_005)]
    );
    let ties: Vec<_> = of(Code::PreferenceTie).map(|found| &*found.what).collect();
    assert_eq!(
        ties,
        ["16 services at im.provider.net have the same preference, p=65535"]
    );
    // Each at its own line.
    let beyond = of(Code::RecordBeyondLimit).map(|found| found.line);
    assert_eq!(
        beyond.collect::<std::collections::HashSet<_>>().len(),
        1_000
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

#[test]
fn a_malformed_record_is_named_with_its_place() {
    for (code, text, place) in [
        (
            Code::RecordSyntax,
            "v=MIMI1; p; e=im.provider.net",
            "octet 10, \"p\"",
        ),
        (
            Code::RecordDuplicateTag,
            "v=MIMI1; a=x; e=im.provider.net; a=y",
            "octet 34, \"a=y\"",
        ),
        (Code::RecordNoProvider, "v=MIMI1; a=x", "no provider"),
        (
            Code::RecordEmptyTag,
            "v=MIMI1; a=; e=im.provider.net",
            "octet 10, \"a=\"",
        ),
        (
            Code::RecordPercent,
            "v=MIMI1; e=im%2eprovider.net",
            "octet 10",
        ),
        (
            Code::RecordBadHex,
            "v=MIMI1; e=im.provider.net; a=50%",
            "octet 29, \"a=50%\"",
        ),
        (
            Code::RecordNotUtf8,
            "v=MIMI1; e=im.provider.net; a=%ff",
            "octet 29",
        ),
        (
            Code::RecordControl,
            "v=MIMI1; e=im.provider.net; a=x%0a",
            "octet 29",
        ),
        (
            Code::RecordPreference,
            "v=MIMI1; p=70000; e=im.provider.net",
            "octet 10",
        ),
        (
            Code::RecordProvider,
            "v=MIMI1; e=192.0.2.1",
            "octet 10, \"e=192.0.2.1\"",
        ),
        (
            Code::RecordPort,
            "v=MIMI1; e=im.provider.net:25",
            "octet 10",
        ),
        (
            Code::RecordSpecialUse,
            "v=MIMI1; e=im.provider.test",
            "im.provider.test",
        ),
    ] {
        let finding = expect(code, 1, &hugh(&format!("\"{text}\"")));
        assert!(finding.what.contains(place), "{}", finding.what);
        assert_eq!(finding.severity(), Severity::Error);
    }
    let long = "x".repeat(300);
    let quoted = |text: &str| {
        let parts: Vec<String> = text
            .as_bytes()
            .chunks(200)
            .map(|part| format!("\"{}\"", str::from_utf8(part).unwrap()))
            .collect();
        parts.join(" ")
    };
    expect(
        Code::RecordLongAccount,
        1,
        &hugh(&quoted(&format!("v=MIMI1; e=im.provider.net; a={long}"))),
    );
    let label = "x".repeat(1_000);
    expect(
        Code::RecordLong,
        1,
        &hugh(&quoted(&format!("v=MIMI1; e=im.provider.net; s={label}"))),
    );
    let label = "x".repeat(4_090);
    let report = check(&hugh(&quoted(&format!(
        "v=MIMI1; e=im.provider.net; s={label}"
    ))));
    assert!(codes(&report).contains(&Code::RecordTooLong), "{report:?}");
}

#[test]
fn what_was_to_be_a_record_is_told_from_strangers() {
    expect(
        Code::LiteralQuotes,
        1,
        &hugh(r#""\"v=MIMI1; e=im.provider.net\"""#),
    );
    expect(
        Code::VersionMisspelt,
        1,
        &hugh("\"v=mimi1; e=im.provider.net\""),
    );
    expect(Code::NotMimi, 1, &hugh("\"v=spf1 -all\""));
}

#[test]
fn context_counts() {
    expect(
        Code::RecordAccountInWildcard,
        1,
        "*._user._mimi TXT \"v=MIMI1; a=x; e=im.provider.net\"\n",
    );
    expect(
        Code::RecordNoAccountForHost,
        1,
        "_mimi.alice TXT \"v=MIMI1; e=im.provider.net\"\n",
    );
    expect_clean("_mimi.8.4.1.phones TXT \"v=MIMI1; e=im.provider.net\"\n");
    // Under a root of one's own, names of one's own.
    let lines = format!("{HEAD}{}", hugh("\"v=MIMI1; e=im.provider.test\""));
    assert_eq!(codes(&check_as(&lines, ProviderPolicy::PrivateRoot)), []);
}

#[test]
fn strings_are_joined_with_nothing_between() {
    let finding = expect(
        Code::StringsRunTogether,
        1,
        &hugh("\"v=MIMI1; p=1\" \"a=hugh; e=im.provider.net\""),
    );
    assert!(finding.what.contains("p=1a=hugh"), "{}", finding.what);
    expect(
        Code::SpaceAtBoundary,
        1,
        &hugh("\"v=MIMI1; a=hu\" \" gh; e=im.provider.net\""),
    );
    expect_clean(&hugh("\"v=MIMI1; a=hu\" \"gh; e=im.provider.net\""));
}

#[test]
fn what_records_say_together_is_looked_at() {
    let one = "\"v=MIMI1; p=1; a=hugh; e=im.provider.net\"";
    expect(
        Code::OptOutBesideOthers,
        2,
        &format!("{}{}", hugh(one), hugh("\"v=MIMI1; e=.\"")),
    );
    expect_clean(&hugh("\"v=MIMI1; e=.\""));
    expect(
        Code::DuplicateRecord,
        2,
        &format!("{}{}", hugh(one), hugh(one)),
    );
    let other = "\"v=MIMI1; p=1; a=hugh; e=other.provider.net\"";
    let tie = expect(
        Code::PreferenceTie,
        1,
        &format!("{}{}", hugh(one), hugh(other)),
    );
    assert_eq!(tie.severity(), Severity::Note);
    expect(
        Code::AccountPhone,
        1,
        &hugh("\"v=MIMI1; a=+1 555 123-4567; e=im.provider.net\""),
    );
    let own = "$ORIGIN company.net.\n_mimi TXT \"v=MIMI1; a=x; e=company.net\"\n";
    assert_eq!(
        codes(&check_as(own, ProviderPolicy::Public)),
        [Code::ProviderIsDomain]
    );
    let many: String = (0..17)
        .map(|at| {
            hugh(&format!(
                "\"v=MIMI1; p={at}; a=hugh; e=im{at}.provider.net\""
            ))
        })
        .collect();
    expect(Code::RecordBeyondLimit, 17, &many);
    let label = "x".repeat(200);
    let large: String = (0..16)
        .map(|at| {
            hugh(&format!(
                "\"v=MIMI1; p={at}; a=hugh; e=im{at}.provider.net\" \"; s={label}\" \"{label}\""
            ))
        })
        .collect();
    expect(Code::AnswerOverflow, 1, &large);
}

#[test]
fn ttls_are_held_against_a_day() {
    expect(
        Code::TtlOverDay,
        1,
        &format!("{HUGH} 2d TXT \"v=MIMI1; e=im.provider.net\"\n"),
    );
    expect_clean(&format!(
        "{HUGH} 86400 TXT \"v=MIMI1; e=im.provider.net\"\n"
    ));
    expect(
        Code::TtlDiffers,
        2,
        &format!(
            "{HUGH} 600 TXT \"v=MIMI1; p=1; e=im.provider.net\"\n{HUGH} 300 TXT \"v=MIMI1; p=2; e=other.provider.net\"\n"
        ),
    );
}

#[test]
fn names_are_those_that_somebody_asks_for() {
    let text = "TXT \"v=MIMI1; a=x; e=im.provider.net\"\n";
    let finding = expect(
        Code::DoubledSuffix,
        1,
        &format!("{HUGH}.example.com {text}"),
    );
    assert!(
        finding
            .what
            .contains(&format!("meant was {HUGH}.example.com.")),
        "{}",
        finding.what
    );
    expect(Code::LabelNotHash, 1, &format!("hugh._user._mimi {text}"));
    expect(Code::NameForNobody, 1, &format!("_user._mimi {text}"));
    expect(Code::NameForNobody, 1, &format!("hugh._mimi {text}"));
    expect(
        Code::WildcardWide,
        1,
        "*._mimi TXT \"v=MIMI1; e=im.provider.net\"\n",
    );
    expect(Code::ZoneOutside, 1, &format!("{HUGH}.example.net. {text}"));
}

#[test]
fn wildcards_above_mimi_are_told_if_they_could_be_taken_for_answers() {
    let right = hugh("\"v=MIMI1; a=x; e=im.provider.net\"");
    expect(Code::WildcardUnrelated, 2, &format!("{right}* CNAME www\n"));
    expect(
        Code::WildcardUnrelated,
        2,
        &format!("{right}* TXT \"v=MIMI1; a=x; e=im.provider.net\"\n"),
    );
    expect_clean(&format!("{right}* TXT \"v=spf1 -all\"\n* A 192.0.2.1\n"));
}

#[test]
fn aliases_and_delegations_are_seen() {
    let right = hugh("\"v=MIMI1; a=x; e=im.provider.net\"");
    let finding = expect(
        Code::CnameBesideOthers,
        2,
        &format!("{right}{HUGH} CNAME www\n"),
    );
    assert!(
        finding.what.contains("TXT, which is in line 5"),
        "{}",
        finding.what
    );
    expect_clean(&format!("{HUGH} CNAME elsewhere.example.net.\n"));
    expect(Code::MimiDelegated, 1, "_mimi NS ns.provider.net.\n");
    expect(
        Code::MimiDname,
        1,
        "_user._mimi DNAME _user._mimi.provider.net.\n",
    );
    for cut in [
        "_mimi NS ns.provider.net.",
        "_user._mimi DNAME _user._mimi.provider.net.",
        "_mimi DNAME _mimi.provider.net.",
    ] {
        let report = check(&format!("{cut}\n{right}"));
        assert!(
            codes(&report).contains(&Code::Occluded),
            "{cut}: {report:#?}"
        );
    }
    // A DNAME leaves what stands at its own name, and delegations elsewhere leave all.
    let report =
        check("_mimi DNAME _mimi.provider.net.\n_mimi TXT \"v=MIMI1; a=x; e=im.provider.net\"\n");
    assert_eq!(codes(&report), [Code::MimiDname]);
    expect_clean(&format!("sub NS ns.provider.net.\n{right}"));
    expect(
        Code::Occluded,
        2,
        "sub NS ns.provider.net.\n_mimi.sub TXT \"v=MIMI1; a=x; e=im.provider.net\"\n",
    );
}

#[test]
fn both_forms_are_compared_and_the_private_type_is_read() {
    let txt = hugh("\"v=MIMI1; e=.\"");
    let same = format!("{HUGH} TYPE65400 \\# 13 0c763d4d494d49313b20653d2e\n");
    expect_clean(&format!("{txt}{same}"));
    let other = format!("{HUGH} TYPE65400 \\# 15 0e763d4d494d49313b20653d782e79\n");
    let report = check(&format!("{txt}{other}"));
    assert!(codes(&report).contains(&Code::FormsDisagree), "{report:#?}");
    // v=MIMI1; e=x.yy at a bare host: no account.
    expect(
        Code::RecordNoAccountForHost,
        1,
        "alice TYPE65400 \\# 16 0f763d4d494d49313b20653d782e7979\n",
    );
}

#[test]
fn signatures_are_held_against_the_clock_and_counted() {
    let signed = |name: &str, from: &str, until: &str| {
        format!("{name} RRSIG TXT 13 5 3600 {until} {from} 1234 example.com. AAAA\n")
    };
    let right = hugh("\"v=MIMI1; a=x; e=im.provider.net\"");
    // NOW is 2027-01-15T08:00:00Z.
    for (code, from, until) in [
        (Code::SignatureExpired, "20261201000000", "20270101000000"),
        (
            Code::SignatureNotYetValid,
            "20270201000000",
            "20270301000000",
        ),
        (
            Code::SignatureNearExpiry,
            "20270101000000",
            "20270116000000",
        ),
        (Code::SignatureLongLived, "20270101000000", "20270401000000"),
        (Code::SignatureOld, "20261210000000", "20270119000000"),
    ] {
        let report = check(&format!("{right}{}", signed(HUGH, from, until)));
        assert!(codes(&report).contains(&code), "{code}: {report:#?}");
    }
    expect_clean(&format!(
        "{right}{}",
        signed(HUGH, "20270110000000", "20270124000000")
    ));
    let many = format!(
        "{right}{}{}",
        signed(HUGH, "20261201000000", "20270101000000"),
        signed("_mimi.alice", "20261201000000", "20270101000000")
    );
    let report = check(&many);
    let expired: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.code == Code::SignatureExpired)
        .collect();
    assert_eq!(expired.len(), 1);
    assert!(expired[0].what.contains("2 in all"), "{}", expired[0].what);
}

#[test]
fn names_that_can_be_listed_are_told_of_zones_with_mailboxes() {
    let right = hugh("\"v=MIMI1; a=x; e=im.provider.net\"");
    expect(
        Code::NsecListsNames,
        2,
        &format!("{right}@ NSEC {HUGH} SOA NS RRSIG NSEC\n"),
    );
    expect(
        Code::Nsec3Guessable,
        2,
        &format!(
            "{right}0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA\n"
        ),
    );
    let host = "_mimi.alice TXT \"v=MIMI1; a=alice; e=im.provider.net\"\n";
    expect_clean(&format!("{host}@ NSEC _mimi.alice SOA NS RRSIG NSEC\n"));
    expect(
        Code::TooManyIterations,
        2,
        &format!("{right}@ NSEC3PARAM 1 0 150 -\n"),
    );
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
