use sotto_proof::{Anchors, CLASS_IN, Limits, Secure, verify};

use super::*;
use crate::outcome::{Code as ClientCode, Unavailable};

fn domain(text: &str) -> Domain {
    text.parse().unwrap()
}

fn mailboxes() -> Branch {
    Branch::new(BranchKind::Mailboxes(domain("d.example")), RecordType::TXT).unwrap()
}

fn numbers() -> Branch {
    Branch::new(BranchKind::Numbers(domain("n.example")), RecordType::TXT).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record {
        owner: name(owner),
        rtype,
        class: CLASS_IN,
        ttl: 60,
        rdata: rdata.into(),
    }
}

/// A signature over the RRset of type `covered` at `owner`, which had `labels` labels when it was signed.
fn rrsig(owner: &str, covered: RecordType, labels: u8) -> Record {
    let mut rdata = covered.0.to_be_bytes().to_vec();
    rdata.extend([13, labels]);
    rdata.extend([0; 14]);
    rdata.extend(name("d.example.").as_wire());
    rdata.extend([0; 64]);
    record(owner, RecordType::RRSIG, &rdata)
}

fn nsec(owner: &str, next: &str) -> Record {
    let mut rdata = name(next).as_wire().to_vec();
    rdata.extend([0, 1, 0b0110_0000]);
    record(owner, RecordType::NSEC, &rdata)
}

fn nsec3(owner: &str) -> Record {
    record(owner, RecordType::NSEC3, &[1, 0, 0, 0, 0])
}

fn alias(rtype: RecordType, owner: &str) -> Record {
    record(owner, rtype, name("elsewhere.example.").as_wire())
}

fn insecure(code: Code, at: &str) -> Outcome {
    Outcome::Insecure(Reason {
        code,
        name: name(at),
        rtype: RecordType::DS,
    })
}

const NXDOMAIN: Outcome = Outcome::NoRecord(Absence::NxDomain);
const NODATA: Outcome = Outcome::NoRecord(Absence::NoData);

fn finding(branch: &Branch, outcome: Outcome, used: Vec<Record>) -> Finding {
    let mut report = Report::without_question(outcome, None, 0);
    let mut verification = verify(
        &[],
        branch.question(),
        &Anchors::iana(),
        0,
        &Limits::default(),
    );
    verification.used = used;
    report.verification = Some(verification);
    Finding::of(branch, &report)
}

fn absent(absence: Absence) -> Finding {
    Finding::Spared(Spared::Absent(absence))
}

const ASKED: &str = "_user._mimi.d.example.";

#[test]
fn a_name_that_does_not_exist_has_nothing_below() {
    let used = vec![nsec("d.example.", "www.d.example.")];
    assert_eq!(
        finding(&mailboxes(), NXDOMAIN, used),
        absent(Absence::NxDomain)
    );
    // A DNAME above renames everything below the same way.
    let used = vec![alias(RecordType::DNAME, "_mimi.d.example.")];
    assert_eq!(
        finding(&mailboxes(), NXDOMAIN, used),
        absent(Absence::NxDomain)
    );
}

#[test]
fn what_a_cname_leads_to_says_nothing_of_names_below_it() {
    for outcome in [NXDOMAIN, NODATA, insecure(Code::NoDs, "elsewhere.example.")] {
        let used = vec![
            alias(RecordType::CNAME, ASKED),
            rrsig(ASKED, RecordType::CNAME, 4),
        ];
        assert_eq!(finding(&mailboxes(), outcome, used), Finding::Open);
    }
}

#[test]
fn a_name_without_data_may_have_names_below() {
    for used in [
        // It exists.
        vec![nsec(ASKED, "a._user._mimi.d.example.")],
        // In other letters, too.
        vec![nsec("_USER._mimi.D.example.", "www.d.example.")],
        // An empty non-terminal.
        vec![nsec("d.example.", "a._user._mimi.d.example.")],
        // Either, in NSEC3.
        vec![nsec3("2vptu5timamqttgl4luu9kg21e0aor3s.d.example.")],
        // Nothing to conclude from.
        vec![],
    ] {
        assert_eq!(finding(&mailboxes(), NODATA, used), Finding::Open);
    }
}

#[test]
fn a_wildcard_without_data_answers_for_every_name_below() {
    for used in [
        vec![nsec("*.d.example.", "www.d.example.")],
        vec![
            nsec("*.d.example.", "a.d.example."),
            nsec("d.example.", "*.d.example."),
        ],
        vec![
            nsec3("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.d.example."),
            nsec3("b4um86eghhds6nea196smvmlo4ors995.d.example."),
        ],
    ] {
        assert_eq!(
            finding(&mailboxes(), NODATA, used.clone()),
            absent(Absence::NoData),
            "{used:?}"
        );
        // Behind a DNAME the name is another.
        let renamed = [used, vec![alias(RecordType::DNAME, "_mimi.d.example.")]].concat();
        assert_eq!(finding(&mailboxes(), NODATA, renamed), Finding::Open);
    }
}

#[test]
fn a_wildcard_above_mimi_speaks_for_nobody() {
    let secure = || {
        Outcome::Secure(Secure {
            owner: name(ASKED),
            rtype: RecordType::TXT,
            ttl: 60,
            rdatas: Vec::new(),
            wildcards: Vec::new(),
            aliases: Vec::new(),
            path: Vec::new(),
        })
    };
    // `*.d.example` has two labels besides the asterisk.
    let used = vec![rrsig(ASKED, RecordType::TXT, 2)];
    assert_eq!(
        finding(&mailboxes(), secure(), used),
        absent(Absence::UnrelatedWildcard)
    );
    // Wherever its alias leads, and whatever is there.
    for outcome in [
        secure(),
        NODATA,
        NXDOMAIN,
        insecure(Code::NoDs, "elsewhere.example."),
    ] {
        let used = vec![
            alias(RecordType::CNAME, ASKED),
            rrsig(ASKED, RecordType::CNAME, 2),
        ];
        assert_eq!(
            finding(&mailboxes(), outcome, used),
            absent(Absence::UnrelatedWildcard)
        );
    }
    // `*._mimi.d.example` was meant, and what is published at the name itself is no wildcard.
    for labels in [3, 4] {
        let used = vec![rrsig(ASKED, RecordType::TXT, labels)];
        assert_eq!(finding(&mailboxes(), secure(), used), Finding::Open);
    }
}

#[test]
fn an_unsigned_zone_proves_nothing_below() {
    for (code, at) in [
        (Code::NoDs, "d.example."),
        (Code::UnsupportedAlgorithm, "d.example."),
        (Code::OptOut, ASKED),
    ] {
        assert!(
            matches!(
                finding(&mailboxes(), insecure(code, at), vec![]),
                Finding::Spared(Spared::Unsigned(reason)) if reason.code == code
            ),
            "{code}"
        );
    }
    // Iterations spoil denials, not the proof of a mailbox that exists.
    let outcome = insecure(Code::TooManyIterations, "d.example.");
    assert_eq!(finding(&mailboxes(), outcome, vec![]), Finding::Open);
}

#[test]
fn of_numbers_only_what_is_said_of_their_zone_counts() {
    let spares = |outcome, used| matches!(finding(&numbers(), outcome, used), Finding::Spared(_));
    assert!(spares(insecure(Code::NoDs, "n.example."), vec![]));
    assert!(spares(insecure(Code::NoDs, "example."), vec![]));
    // Of the name that was asked: numbers stand beside it.
    assert!(!spares(insecure(Code::NoDs, "_mimi.n.example."), vec![]));
    assert!(!spares(insecure(Code::OptOut, "_mimi.n.example."), vec![]));
    assert!(!spares(NXDOMAIN, vec![nsec("n.example.", "1.n.example.")]));
    for rtype in [RecordType::CNAME, RecordType::DNAME] {
        let used = vec![alias(rtype, "_mimi.n.example.")];
        assert!(!spares(insecure(Code::NoDs, "example."), used));
    }
}

#[test]
fn no_answer_is_no_finding() {
    let failed = |outcome| finding(&mailboxes(), outcome, vec![]);
    assert_eq!(
        failed(Unavailable::new(ClientCode::TimedOut).into()),
        Finding::Failed { again: true }
    );
    assert_eq!(
        failed(Unavailable::new(ClientCode::SameOperator).into()),
        Finding::Failed { again: false }
    );
    let lie = Outcome::Bogus(Reason {
        code: Code::BadSignature,
        name: name("d.example."),
        rtype: RecordType::DNSKEY,
    });
    assert_eq!(failed(lie), Finding::Failed { again: false });

    // A proof is what a conclusion needs.
    let report = Report::without_question(NXDOMAIN, None, 0);
    assert_eq!(Finding::of(&mailboxes(), &report), Finding::Open);
}
