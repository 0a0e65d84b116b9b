//! Every reason names the RRset at fault: a proof broken in each way that there is a code for.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use std::collections::BTreeSet;

use sotto_proof::explain::{Set, State, StepOutcome, explain};
use sotto_proof::{Code, Limits, Question, Reason, Record, RecordType, Verdict, encode};

use support::*;

/// A proof with a fault, what it is asked, and what is to be blamed.
struct Case {
    code: Code,
    proof: Vec<Record>,
    asked: Question,
    /// Owner and type of the RRset at fault.
    at: (String, RecordType),
    /// The verdict where it is not `Bogus`.
    insecure: bool,
    limits: Limits,
}

impl Case {
    /// A case that is asked for a TXT RRset.
    fn new(code: Code, asked: &str, at: (&str, RecordType), proof: Vec<Record>) -> Self {
        Self {
            code,
            proof,
            asked: question(asked, "TXT"),
            at: (at.0.to_owned(), at.1),
            insecure: false,
            limits: Limits::default(),
        }
    }

    fn insecure(self) -> Self {
        Self {
            insecure: true,
            ..self
        }
    }

    fn of_type(mut self, rtype: &str) -> Self {
        self.asked.rtype = rtype.parse().unwrap();
        self
    }

    fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn reason(&self, tree: &Tree) -> Reason {
        let octets = encode(&self.proof);
        let anchors = tree.root.anchors();
        let verification = sotto_proof::verify(&octets, &self.asked, &anchors, NOW, &self.limits);
        match verification.verdict {
            Verdict::Bogus(reason) if !self.insecure => reason,
            Verdict::Insecure(reason) if self.insecure => reason,
            other => panic!("{}: {other:?}", self.code),
        }
    }
}

/// Changes an octet of the signature over an RRset that was just signed.
fn spoiled(mut signed: Vec<Record>) -> Vec<Record> {
    let rrsig = signed.last_mut().unwrap();
    *rrsig.rdata.last_mut().unwrap() ^= 1;
    signed
}

/// Leaves out the signature of an RRset that was just signed.
fn bare(mut signed: Vec<Record>) -> Vec<Record> {
    signed.pop();
    signed
}

fn without(proof: Vec<Record>, owner: &str, rtype: RecordType) -> Vec<Record> {
    let (owner, count) = (name(owner), proof.len());
    let kept: Vec<_> = proof
        .into_iter()
        .filter(|record| record.owner != owner || record.rtype != rtype)
        .collect();
    assert!(kept.len() < count, "{owner} {rtype} was there");
    kept
}

/// What shows an end of the signed part of the tree.
fn insecure(tree: &Tree) -> Vec<Case> {
    use RecordType as T;
    let www = "www.a.example.test";
    let to_test = |more: Vec<Record>| [tree.to_test(), more].concat();
    let to_example = |more: Vec<Record>| [tree.to_example(), more].concat();
    let apex = ("test.", "NS SOA RRSIG DNSKEY");
    let hashed = Nsec3::OPT_OUT.chain("test.", &[apex]);
    let often = Nsec3 {
        iterations: 101,
        ..Nsec3::PLAIN
    };
    let often = often.chain("example.test.", &[("example.test.", "NS SOA")]);
    let no_ds = tree
        .test
        .sign_each(vec![nsec("example.test.", "test.", "NS")]);
    let old = tree
        .test
        .sign(vec![tree.example.ds_of(&tree.example.keys[0], 1)]);
    [
        Case::new(Code::NoDs, www, ("example.test.", T::DS), to_test(no_ds)),
        Case::new(
            Code::OptOut,
            www,
            ("example.test.", T::NSEC3),
            to_test(tree.test.sign_each(hashed)),
        ),
        Case::new(
            Code::UnsupportedAlgorithm,
            www,
            ("example.test.", T::DS),
            to_test([old, tree.example.dnskey()].concat()),
        ),
        Case::new(
            Code::TooManyIterations,
            www,
            ("example.test.", T::NSEC3),
            to_example(tree.example.sign_each(often)),
        ),
    ]
    .map(Case::insecure)
    .into()
}

/// Faults of the proof as a whole, and of the chain of keys above the answer.
fn chains(tree: &Tree) -> Vec<Case> {
    use RecordType as T;
    let (www, dotted) = ("www.a.example.test", "www.a.example.test.");
    let answer = || tree.example.sign(vec![txt(dotted, "x")]);
    let whole = || [tree.to_example(), answer()].concat();
    let strange = Zone::with_key("example.test.", Key::ed25519("another"));
    let swapped = [
        tree.to_test(),
        tree.test.sign(vec![tree.example.ds()]),
        strange.dnskey(),
        strange.sign(vec![txt(dotted, "x")]),
    ]
    .concat();
    let unlabelled = record("mx.example.test.", T::MX, b"\0");
    vec![
        Case::new(
            Code::Malformed,
            www,
            ("mx.example.test.", T::MX),
            [whole(), vec![unlabelled]].concat(),
        ),
        Case::new(Code::UnprovableType, www, (dotted, T::ANY), whole()).of_type("ANY"),
        Case::new(Code::NoAnswer, www, (dotted, T::TXT), tree.to_example()),
        Case::new(
            Code::MissingDnskey,
            www,
            ("test.", T::DNSKEY),
            without(whole(), "test.", T::DNSKEY),
        ),
        Case::new(
            Code::MissingDs,
            www,
            ("example.test.", T::DS),
            without(whole(), "example.test.", T::DS),
        ),
        Case::new(
            Code::NoMatchingKey,
            www,
            ("example.test.", T::DNSKEY),
            swapped,
        ),
    ]
}

/// Faults of one signature, each over an RRset that is not the one asked for where that can be.
fn signatures(tree: &Tree) -> Vec<Case> {
    use RecordType as T;
    let (www, dotted) = ("www.a.example.test", "www.a.example.test.");
    let delegated = |delegation: Vec<Record>| {
        [
            tree.to_test(),
            delegation,
            tree.example.dnskey(),
            tree.example.sign(vec![txt(dotted, "x")]),
        ]
        .concat()
    };
    let alias = || vec![cname(dotted, "b.example.test.")];
    let with = |more: Vec<Record>| [tree.to_example(), more].concat();
    let ds = || vec![tree.example.ds()];
    let terms = |change: fn(&mut Terms)| tree.test.sign_as(ds(), change);
    let at_ds = ("example.test.", T::DS);
    let made_dname = tree
        .example
        .expand(dname("a.example.test.", "b.test."), "example.test.");
    let mut weak = Zone::new("example.test.");
    // A second key of a supported algorithm and no usable size.
    let mut short = Key::ed25519("short");
    short.dnskey.truncate(10);
    weak.keys.push(short);
    let by_weak = weak.sign_by(&weak.keys[1], alias(), |_| ());
    vec![
        Case::new(
            Code::MissingSignature,
            www,
            at_ds,
            delegated(bare(tree.test.sign(ds()))),
        ),
        Case::new(
            Code::WrongSigner,
            www,
            at_ds,
            delegated(tree.example.sign(ds())),
        ),
        Case::new(
            Code::TooManyLabels,
            www,
            at_ds,
            delegated(terms(|terms| terms.labels = 3)),
        ),
        Case::new(
            Code::UnexpectedWildcard,
            www,
            ("a.example.test.", T::DNAME),
            with(made_dname),
        ),
        Case::new(
            Code::SignatureExpired,
            www,
            at_ds,
            delegated(terms(|terms| terms.expiration = NOW as u32 - 1)),
        ),
        Case::new(
            Code::SignatureNotYetValid,
            www,
            at_ds,
            delegated(terms(|terms| terms.inception = NOW as u32 + 1)),
        ),
        Case::new(
            Code::UnsupportedSignature,
            www,
            (dotted, T::CNAME),
            with(tree.example.sign_by(&Key::generate(16), alias(), |_| ())),
        ),
        Case::new(
            Code::UnknownKey,
            www,
            at_ds,
            delegated(terms(|terms| terms.key_tag ^= 1)),
        ),
        Case::new(
            Code::WeakKey,
            www,
            (dotted, T::CNAME),
            [tree.to(&weak), by_weak].concat(),
        ),
        Case::new(
            Code::BadSignature,
            www,
            at_ds,
            delegated(spoiled(tree.test.sign(ds()))),
        ),
    ]
}

/// Faults of aliases, wildcards and denials, and what costs too much.
fn answers(tree: &Tree) -> Vec<Case> {
    use RecordType as T;
    let with = |more: Vec<Record>| [tree.to_example(), more].concat();
    let sign = |record: Record| tree.example.sign(vec![record]);
    let leads = sign(cname("www.example.test.", "b.example.test."));
    let two = vec![
        cname("b.example.test.", "c.test."),
        cname("b.example.test.", "d.test."),
    ];
    let long = ["x".repeat(63).as_str(); 4].join(".")[..250].to_owned() + ".";
    let chain: Vec<Record> = (0..9)
        .flat_map(|step| {
            let next = format!("a{}.example.test.", step + 1);
            sign(cname(&format!("a{step}.example.test."), &next))
        })
        .collect();
    let made = tree
        .example
        .expand(txt("b.example.test.", "any"), "example.test.");
    let span = sign(nsec("example.test.", "a.example.test.", "NS SOA"));
    let deep = format!("{}example.test", "a.".repeat(100));
    let costly = Nsec3 {
        iterations: 100,
        ..Nsec3::PLAIN
    }
    .record("example.test.", &[1; 20], &[2; 20], "TXT");
    let at_costly = costly.owner.to_string();
    let digests = Limits {
        key_digests: 1,
        ..Limits::default()
    };
    let checks = Limits {
        signature_checks: 3,
        ..Limits::default()
    };
    vec![
        Case::new(
            Code::SeveralAliases,
            "www.example.test",
            ("b.example.test.", T::CNAME),
            with([leads.clone(), tree.example.sign(two)].concat()),
        ),
        Case::new(
            Code::AliasTooLong,
            "xxxxxxxxxx.y.example.test",
            ("y.example.test.", T::DNAME),
            with(sign(dname("y.example.test.", &long))),
        ),
        Case::new(
            Code::AliasLoop,
            "www.example.test",
            ("b.example.test.", T::CNAME),
            with(
                [
                    leads.clone(),
                    sign(cname("b.example.test.", "www.example.test.")),
                ]
                .concat(),
            ),
        ),
        Case::new(
            Code::TooManyAliases,
            "a0.example.test",
            ("a8.example.test.", T::CNAME),
            with(chain),
        ),
        Case::new(
            Code::WildcardUnproved,
            "www.example.test",
            ("b.example.test.", T::TXT),
            with([leads.clone(), made].concat()),
        ),
        Case::new(
            Code::DenialIncomplete,
            "www.example.test",
            ("b.example.test.", T::TXT),
            with([leads, span].concat()),
        ),
        Case::new(
            Code::TooManySignatureChecks,
            "www.example.test",
            ("example.test.", T::DS),
            with(vec![txt("www.example.test.", "x")]),
        )
        .within(checks)
        .of_type("DNSKEY")
        .asking("example.test"),
        Case::new(
            Code::TooManyHashes,
            "example.test",
            ("test.", T::DNSKEY),
            with(Vec::new()),
        )
        .of_type("DNSKEY")
        .within(digests),
        Case::new(
            Code::TooManyHashes,
            &deep,
            (&at_costly, T::NSEC3),
            with(sign(costly.clone())),
        ),
    ]
}

impl Case {
    fn asking(mut self, asked: &str) -> Self {
        self.asked.name = name(asked);
        self
    }
}

fn cases(tree: &Tree) -> Vec<Case> {
    [
        insecure(tree),
        chains(tree),
        signatures(tree),
        answers(tree),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_reason_names_the_rrset_at_fault() {
    let tree = Tree::new();
    let mut seen = BTreeSet::new();
    for case in cases(&tree) {
        let reason = case.reason(&tree);
        let told = (reason.code, reason.name.to_string(), reason.rtype);
        assert_eq!(told, (case.code, case.at.0, case.at.1), "{reason}");
        seen.insert(case.code);
    }
    // Without an anchor at or above the name nothing can be looked at.
    let asked = question("www.example.test", "TXT");
    let elsewhere = Zone::new("elsewhere.").anchors();
    for (proof, at) in [
        (Vec::new(), ("www.example.test.", RecordType::TXT)),
        (
            tree.example
                .sign(vec![cname("www.example.test.", "b.example.test.")]),
            ("www.example.test.", RecordType::CNAME),
        ),
    ] {
        let octets = encode(&proof);
        let limits = Limits::default();
        match sotto_proof::verify(&octets, &asked, &elsewhere, NOW, &limits).verdict {
            Verdict::Bogus(reason) => {
                let told = (reason.code, reason.name.to_string(), reason.rtype);
                assert_eq!(told, (Code::NoAnchor, at.0.to_owned(), at.1), "{reason}");
                seen.insert(reason.code);
            }
            other => panic!("{other:?}"),
        }
    }
    // The second opinion is the caller's: the verifier never says so.
    let unseen: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !seen.contains(code))
        .collect();
    assert_eq!(unseen, [&Code::SecondOpinion]);
}

/// An explanation shows the break, or the end, where the reason says that it is.
#[test]
fn every_reason_is_shown_where_it_is() {
    let tree = Tree::new();
    for case in cases(&tree) {
        let octets = encode(&case.proof);
        let anchors = tree.root.anchors();
        let explanation = explain(&octets, &case.asked, &anchors, NOW, &case.limits);
        let reason = case.reason(&tree);
        let last = &explanation.steps.last().unwrap().outcome;
        let told = match last {
            StepOutcome::Broken(told) | StepOutcome::Unsigned(told) => told,
            other => panic!("{}: {other:?}", case.code),
        };
        assert_eq!(*told, reason);
        if explanation.zones.is_empty() {
            // Nothing was read, so there is nothing to show it at.
            let unread = [Code::Malformed, Code::UnprovableType];
            assert!(unread.contains(&case.code), "{reason}");
            continue;
        }
        let is_blamed = |state: &State| match state {
            State::Broken(blamed) | State::Unsigned(blamed) => *blamed == reason,
            State::Held | State::Unreached => false,
        };
        let sets = explanation.zones.iter().flat_map(|zone| &zone.sets);
        let at = |set: &Set| {
            // A zone that hashes too often is shown at each of its records that say so.
            let hashes = reason.code == Code::TooManyIterations && set.owner.is_below(&reason.name);
            (set.owner == reason.name || hashes) && set.rtype == reason.rtype
        };
        let shown = sets.clone().any(|set| is_blamed(&set.state) && at(set))
            || (explanation.zones.iter())
                .any(|zone| is_blamed(&zone.state) && zone.name == reason.name);
        assert!(shown, "{reason}\n{explanation:#?}");
        // One RRset is shown once.
        let shown: Vec<_> = sets.map(|set| (&set.owner, set.rtype)).collect();
        let distinct: BTreeSet<_> = shown.iter().collect();
        assert_eq!(shown.len(), distinct.len(), "{reason}: {shown:?}");
    }
}
