//! Every kind of name, signed by BIND or ldns, served by NSD or Knot, resolved by Unbound: our proof, our
//! verdict, and the opinions of delv and Unbound.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;

use sotto_proof::{Anchors, Limits, Question, Verdict, verify};
use sotto_tests::oracle::{self, Opinion};
use sotto_tests::{Hierarchy, now};

/// What must come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Secure,
    NoData,
    NxDomain,
    Insecure,
    Bogus,
}

use Expected::{Bogus, Insecure, NoData, NxDomain, Secure};

const CASES: &[(&str, &str, Expected)] = &[
    // NSEC, P-256
    ("_mimi.alice.nsec.test.", "TXT", Secure),
    ("_MIMI.Alice.NSEC.test.", "TXT", Secure),
    ("_mimi.split.nsec.test.", "TXT", Secure),
    (HUGH_NSEC, "TXT", Secure),
    (HUGH_NSEC, "TYPE65400", Secure),
    ("alice.nsec.test.", "TYPE65400", Secure),
    ("alice.nsec.test.", "TXT", NoData),
    ("_user._mimi.nsec.test.", "TXT", NoData),
    ("_mimi.nobody.nsec.test.", "TXT", NxDomain),
    ("nobody._user._mimi.nsec.test.", "TXT", NxDomain),
    // NSEC3, RSA, a wildcard
    ("_mimi.bob.nsec3.test.", "TXT", Secure),
    ("anybody._user._mimi.nsec3.test.", "TXT", Secure),
    ("anybody._user._mimi.nsec3.test.", "AAAA", NoData),
    ("any.body._user._mimi.nsec3.test.", "TXT", Secure),
    ("anybody.wild.nsec3.test.", "TYPE65400", Secure),
    ("bob.nsec3.test.", "TXT", NoData),
    ("_mimi.nobody.nsec3.test.", "TXT", NxDomain),
    // Ed25519, and ldns as the signer
    ("_mimi.dora.ed25519.example.", "TXT", Secure),
    ("_mimi.nobody.ed25519.example.", "TXT", NxDomain),
    ("_mimi.emil.ldns.example.", "TXT", Secure),
    ("_mimi.nobody.ldns.example.", "TXT", NxDomain),
    // Unsigned children, with and without opt-out
    ("_mimi.frank.unsigned.test.", "TXT", Insecure),
    ("_mimi.nobody.unsigned.test.", "TXT", Insecure),
    ("_mimi.gina.plain.optout.", "TXT", Insecure),
    (IN_OPT_OUT_SPAN, "TXT", Insecure),
    ("_mimi.hans.signed.optout.", "TXT", Secure),
    // Delegation of _mimi by NS and of _user._mimi by DNAME
    ("_mimi.delegated.test.", "TXT", Secure),
    (IDA, "TXT", Secure),
    ("nobody._user._mimi.delegated.test.", "TXT", NxDomain),
    (JANA, "TXT", Secure),
    ("nobody._user._mimi.dname.test.", "TXT", NxDomain),
    // Aliases across zones, and the wildcard of a web hoster
    ("_mimi.karl.cname.test.", "TXT", Secure),
    ("_mimi.gone.cname.test.", "TXT", NxDomain),
    ("_mimi.www.hoster.test.", "TXT", Secure),
    // Phones
    (
        "_mimi.8.4.1.0.6.4.9.7.0.2.4.4.phones.example.",
        "TXT",
        Secure,
    ),
    (
        "_mimi.7.4.1.0.6.4.9.7.0.2.4.4.phones.example.",
        "TXT",
        NxDomain,
    ),
    // The gateway's own key record, the root and a TLD
    ("_ohttp-keys.gateway.test.", "TXT", Secure),
    (".", "SOA", Secure),
    ("test.", "SOA", Secure),
    ("nosuchtld.", "TXT", NxDomain),
    // Signatures that have ended
    ("_mimi.lena.expired.test.", "TXT", Bogus),
];

const IN_OPT_OUT_SPAN: &str = "_mimi.nobody.missing.optout.";
const HUGH_NSEC: &str =
    "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.nsec.test.";
const IDA: &str =
    "bb6b24bf13999272b27006f7711965f77861a326a30b43b9b1852a50._user._mimi.delegated.test.";
const JANA: &str =
    "be480d3210e56e785947940fedd007ad4eb049b849e5def041dd9059._user._mimi.dname.test.";

fn anchors(hierarchy: &Hierarchy) -> Anchors {
    Anchors::parse(&fs::read_to_string(hierarchy.anchor()).unwrap()).unwrap()
}

#[test]
fn the_oracles_agree_with_what_was_signed() {
    let hierarchy = Hierarchy::shared().unwrap();
    let mut wrong = Vec::new();
    for (name, rtype, expected) in CASES {
        let agreed = match expected {
            Secure | NoData | NxDomain => Opinion::Secure,
            Insecure => Opinion::Insecure,
            Bogus => Opinion::Bogus,
        };
        let delv = match oracle::delv(hierarchy, name, rtype).unwrap() {
            // delv takes an opt-out span for a denial, which RFC 5155 section 9.2 forbids.
            Opinion::Secure if *name == IN_OPT_OUT_SPAN => Opinion::Insecure,
            opinion => opinion,
        };
        let unbound = oracle::unbound(hierarchy, name, rtype).unwrap();
        if (delv, unbound) != (agreed, agreed) {
            wrong.push(format!(
                "{name} {rtype}: delv {delv:?}, Unbound {unbound:?}, not {agreed:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn our_verdict_on_our_proof_is_what_was_signed() {
    let hierarchy = Hierarchy::shared().unwrap();
    let anchors = anchors(hierarchy);
    let mut wrong = Vec::new();
    for (name, rtype, expected) in CASES {
        let proof = hierarchy.prove(name, rtype).unwrap();
        let question = Question {
            name: name.parse().unwrap(),
            rtype: rtype.parse().unwrap(),
        };
        let verification = verify(&proof, &question, &anchors, now(), &Limits::default());
        let found = match verification.verdict {
            Verdict::Secure(_) => Secure,
            Verdict::NoData => NoData,
            Verdict::NxDomain => NxDomain,
            Verdict::Insecure(_) => Insecure,
            Verdict::Bogus(_) => Bogus,
        };
        if found != *expected {
            wrong.push(format!(
                "{name} {rtype}: {:?}, not {expected:?}",
                verification.verdict
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
