//! Zone files: for each finding a file that has it, and one that has not.

mod files;
mod signed;

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
