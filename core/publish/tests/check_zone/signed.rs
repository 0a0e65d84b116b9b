//! What the zone around the records says: signatures, denials, aliases, delegations and wildcards.

use sotto_publish::check::Code;

use super::{HUGH, check, codes, expect, expect_clean, hugh};

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
