//! RFC 6840: what it says more clearly than those before it.

use sotto_proof::{RecordType as T, Verdict};

use crate::example::Example;
use crate::support::*;

/// Section 4.1: the parent's record at a cut denies nothing there but DS, and nothing below, even
/// where the question lies in its span.
#[test]
fn rfc_6840_ancestor_delegations_deny_nothing_below() {
    let example = Example::rfc4035();
    // a.example. is delegated, with a DS record.
    let response = [
        example.signed("a.example.", T::NSEC),
        example.signed("example.", T::NSEC),
    ];
    for (asked, rtype) in [
        ("a.example", "MX"),
        ("a.example", "A"),
        ("x.a.example", "A"),
    ] {
        example.assert(asked, rtype, &response, "bogus denial_incomplete");
    }
    example.assert("a.example", "DS", &response, "bogus denial_incomplete");
    let example = Example::rfc5155();
    let response = [
        example.hashed("35mthgpgcu1q"),
        example.hashed("0p9mhaveqvm6"),
        example.hashed("b4um86eghhds"),
        example.hashed("q04jkcevqvmu"),
    ];
    for (asked, rtype) in [
        ("a.example", "MX"),
        ("x.a.example", "A"),
        ("y.x.a.example", "A"),
    ] {
        let verdict = example.judge(asked, rtype, &response);
        assert_eq!(spelled(&verdict), "bogus denial_incomplete", "{asked}");
    }
}

/// Section 4.1: nor does the record at a DNAME deny what lies below.
#[test]
fn rfc_6840_a_dname_is_not_denied_away() {
    let mut example = Example::rfc4035();
    let moved = nsec("ns1.example.", "ns2.example.", "A DNAME RRSIG NSEC");
    example.records.retain(|record| record.owner != moved.owner);
    example.records.push(moved);
    let response = [
        example.signed("ns1.example.", T::NSEC),
        example.signed("example.", T::NSEC),
    ];
    example.assert("x.ns1.example", "A", &response, "bogus denial_incomplete");
    example.assert("ns1.example", "MX", &response[..1], "nodata");
}

/// Section 4.3: where the CNAME bit is set, the answer would have been the CNAME.
#[test]
fn rfc_6840_a_cname_is_not_denied_away() {
    let mut example = Example::rfc4035();
    let alias = nsec("ns1.example.", "ns2.example.", "CNAME RRSIG NSEC");
    example.records.retain(|record| record.owner != alias.owner);
    example.records.push(alias);
    let response = [example.signed("ns1.example.", T::NSEC)];
    example.assert("ns1.example", "MX", &response, "bogus denial_incomplete");
}

/// Section 4.4: a name that is no delegation is no unsigned one.
#[test]
fn rfc_6840_only_a_delegation_is_shown_to_be_unsigned() {
    let example = Example::rfc4035();
    for owner in ["ns1.example.", "x.w.example.", "example."] {
        let response = [example.signed(owner, T::NSEC)];
        let verdict = example.judge(&format!("mc.{owner}"), "MX", &response);
        assert!(
            !matches!(verdict, Verdict::Insecure(_)),
            "{owner} {verdict:?}"
        );
    }
    let mut example = Example::rfc5155();
    example.close_spans();
    for (start, below) in [
        ("2t7b4g4vsa5s", "mc.ns1.example"),
        ("b4um86eghhds", "mc.x.w.example"),
        ("ji6neoaepv8b", "mc.y.w.example"),
    ] {
        let response = [example.hashed(start)];
        example.assert(below, "MX", &response, "bogus denial_incomplete");
    }
}

/// Section 5.1: the next name of an NSEC is signed in the case that it has, the signer's name of an
/// RRSIG in lower case.
#[test]
fn rfc_6840_the_next_name_keeps_its_case() {
    let example = Example::rfc4035();
    let signed = example
        .zone
        .sign(vec![nsec("ns1.example.", "NS2.Example.", "A RRSIG NSEC")]);
    example.assert("ns1.example", "MX", std::slice::from_ref(&signed), "nodata");
    let mut lowered = signed;
    lowered[0].rdata.make_ascii_lowercase();
    example.assert("ns1.example", "MX", &[lowered], "bogus bad_signature");
}

/// Section 5.2: DS records of unknown digest types count as little as those of unknown algorithms.
#[test]
fn rfc_6840_unknown_digests_are_disregarded() {
    let example = Example::rfc4035();
    let child = Zone::new("a.example.");
    let unknown = child.ds_of(&child.keys[0], 99);
    let answer = child.sign(vec![txt("a.example.", "x")]);
    let alone = [example.zone.sign(vec![unknown.clone()])];
    let expected = "insecure unsupported_algorithm";
    example.assert("a.example", "TXT", &alone, expected);
    let both = [
        example.zone.sign(vec![unknown, child.ds()]),
        child.dnskey(),
        answer,
    ];
    example.assert("a.example", "TXT", &both, "secure");
}

/// Section 5.4: one good signature is enough.
#[test]
fn rfc_6840_any_valid_signature_suffices() {
    let example = Example::rfc4035();
    let answer = example.signed("x.w.example.", T::MX);
    let gibberish = |octet: u8| {
        let mut bad = answer[1].clone();
        *bad.rdata.last_mut().unwrap() ^= octet;
        bad
    };
    let surrounded = vec![
        gibberish(1),
        gibberish(2),
        answer[0].clone(),
        answer[1].clone(),
    ];
    example.assert("x.w.example", "MX", &[surrounded], "secure");
    let none = vec![answer[0].clone(), gibberish(1), gibberish(2)];
    example.assert("x.w.example", "MX", &[none], "bogus bad_signature");
}
