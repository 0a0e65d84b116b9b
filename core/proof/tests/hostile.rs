//! Proofs made to deceive or to cost: mutations, KeyTrap, exhaustion.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

#[path = "support/mutants.rs"]
mod mutants;
mod support;

use sotto_proof::{
    Code, Limits, Name, Record, RecordType, SignatureMemory, Verdict, Verification, encode, verify,
};
use support::*;

/// Flips octets of a proof one at a time, with and without a memory of good signatures.
fn assert_no_mutant_deceives(tree: &Tree, proof: &[Record], name: &str, rtype: &str) {
    let asked = question(name, rtype);
    let anchors = tree.root.anchors();
    let mut memory = SignatureMemory::default();
    mutants::assert_no_mutant_deceives(
        &encode(proof),
        |at| [1 << (at % 8), 0x20],
        None,
        |octets| verify_both(octets, &asked, &anchors, NOW, &mut memory),
    );
}

#[test]
fn no_mutant_of_an_answer_deceives() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example
            .sign(vec![cname("www.example.test.", "a.moved.test.")]),
        tree.test.sign(vec![dname("moved.test.", "example.test.")]),
        tree.example.sign(vec![
            txt("a.example.test.", "one"),
            txt("a.example.test.", "two"),
        ]),
    ]
    .concat();
    assert_no_mutant_deceives(&tree, &proof, "www.example.test", "TXT");
}

#[test]
fn no_mutant_of_a_wildcard_deceives() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example
            .expand(txt("x.a.example.test.", "any"), "example.test."),
        tree.example.sign(vec![nsec(
            "*.example.test.",
            "b.example.test.",
            "TXT NSEC RRSIG",
        )]),
    ]
    .concat();
    assert_no_mutant_deceives(&tree, &proof, "x.a.example.test", "TXT");
}

#[test]
fn no_mutant_of_a_denial_deceives() {
    let tree = Tree::new();
    let names = [
        ("example.test.", "NS SOA RRSIG DNSKEY"),
        ("b.example.test.", "TXT RRSIG"),
        ("cut.example.test.", "NS RRSIG"),
    ];
    let nsec3 = Nsec3::PLAIN.chain("example.test.", &names);
    let nsec3 = [tree.to_example(), tree.example.sign_each(nsec3)].concat();
    assert_no_mutant_deceives(&tree, &nsec3, "a.example.test", "TXT");
    assert_no_mutant_deceives(&tree, &nsec3, "b.example.test", "A");
    assert_no_mutant_deceives(&tree, &nsec3, "x.cut.example.test", "TXT");
    // The minimum is the TTL of the NSEC, as RFC 9077 wants: whoever drops the SOA gains nothing.
    let nsec = vec![
        nsec(
            "example.test.",
            "b.example.test.",
            "NS SOA RRSIG NSEC DNSKEY",
        ),
        soa("example.test.", TTL),
    ];
    let nsec = [tree.to_example(), tree.example.sign_each(nsec)].concat();
    assert_no_mutant_deceives(&tree, &nsec, "a.example.test", "TXT");
}

#[test]
fn a_ttl_with_the_top_bit_set_is_no_time_at_all() {
    let tree = Tree::new();
    let mut answer = tree.example.sign(vec![txt("a.example.test.", "x")]);
    for record in &mut answer {
        record.ttl = 0x8000_0000 | TTL;
    }
    let proof = [tree.to_example(), answer].concat();
    let verification = verify_all(&tree, &proof, "a.example.test");
    assert!(matches!(&verification.verdict, Verdict::Secure(found) if found.ttl == 0));
    assert_eq!(verification.cache_ttl, Some(0));
}

#[test]
fn every_truncation_is_a_verdict() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    let octets = encode(&proof);
    let asked = question("a.example.test", "TXT");
    let anchors = tree.root.anchors();
    for end in 0..octets.len() {
        let verdict = verify(&octets[..end], &asked, &anchors, NOW, &Limits::default()).verdict;
        assert!(matches!(verdict, Verdict::Bogus(_)), "{end}: {verdict:?}");
    }
    for octets in [vec![0; 65_535], vec![0xff; 65_535], vec![0; 65_536]] {
        let verdict = verify(&octets, &asked, &anchors, NOW, &Limits::default()).verdict;
        match verdict {
            Verdict::Bogus(reason) => assert_eq!(reason.code, Code::Malformed),
            other => panic!("{other:?}"),
        }
    }
}

/// Makes `count` different DNSKEY records with one tag: the tag is a sum, so that moving one from
/// an octet to another of the same parity keeps it.
fn same_tag(key: &Key, count: usize) -> Vec<Key> {
    (0..count)
        .map(|at| {
            let mut twin = Key::ed25519("twin");
            twin.dnskey = key.dnskey.clone();
            let (low, high) = (4 + 2 * (at % 13), 4 + 2 * (at % 13) + 2 + 2 * (at / 13 % 2));
            let step = (at / 26 + 1) as u8;
            twin.dnskey[low] = twin.dnskey[low].wrapping_add(step);
            twin.dnskey[high] = twin.dnskey[high].wrapping_sub(step);
            twin
        })
        .filter(|twin| twin.tag() == key.tag())
        .collect()
}

fn verify_all(tree: &Tree, proof: &[Record], name: &str) -> Verification {
    let octets = encode(proof);
    let asked = question(name, "TXT");
    verify(
        &octets,
        &asked,
        &tree.root.anchors(),
        NOW,
        &Limits::default(),
    )
}

#[test]
fn keytrap_costs_no_more_than_a_few_honest_proofs() {
    let tree = Tree::new();
    let mut zone = Zone::new("example.test.");
    let twins = same_tag(&zone.keys[0], 300);
    assert!(twins.len() > 100, "{}", twins.len());
    zone.keys.extend(twins);
    // 300 signatures over the answer, all by the one tag, none good.
    let good = zone.sign(vec![txt("a.example.test.", "x")]);
    let mut trap = [tree.to(&zone), vec![good[0].clone()]].concat();
    for at in 0..300u16 {
        let mut bad = good[1].clone();
        let last = bad.rdata.len() - 2;
        bad.rdata[last..].copy_from_slice(&at.to_be_bytes());
        trap.push(bad);
    }
    let verification = verify_all(&tree, &trap, "a.example.test");
    let limits = Limits::default();
    assert!(matches!(verification.verdict, Verdict::Bogus(_)));
    assert!(verification.cost.failed_checks <= limits.failed_checks);
    assert!(verification.cost.signature_checks <= 5 + limits.failed_checks);
    assert!(verification.cost.key_digests <= limits.key_digests);
}

#[test]
fn many_ds_times_many_keys_of_one_tag_are_cut_short() {
    let tree = Tree::new();
    let mut zone = Zone::new("example.test.");
    let twins = same_tag(&zone.keys[0], 300);
    let forged: Vec<_> = (0..200u8)
        .map(|at| {
            let mut ds = zone.ds();
            ds.rdata[4] ^= at + 1;
            ds
        })
        .collect();
    zone.keys.extend(twins);
    let proof = [tree.to_test(), tree.test.sign(forged), zone.dnskey()].concat();
    let verification = verify_all(&tree, &proof, "a.example.test");
    let limits = Limits::default();
    assert!(matches!(verification.verdict, Verdict::Bogus(_)));
    assert!(verification.cost.key_digests <= limits.key_digests);
    assert!(verification.cost.signature_checks <= limits.signature_checks);
}

#[test]
fn bad_signatures_over_many_denials_are_cut_short() {
    let tree = Tree::new();
    let mut proof = tree.to_example();
    for at in 0..100 {
        let owner = format!("a{at:03}.example.test.");
        let mut signed = tree
            .example
            .sign(vec![nsec(&owner, "z.example.test.", "TXT")]);
        let last = signed[1].rdata.len() - 1;
        signed[1].rdata[last] ^= 1;
        proof.extend(signed);
    }
    let verification = verify_all(&tree, &proof, "b.example.test");
    assert_eq!(
        spelled(&verification.verdict),
        "bogus too_many_signature_checks"
    );
    assert_eq!(
        verification.cost.failed_checks,
        Limits::default().failed_checks
    );
}

#[test]
fn hashing_is_cut_short() {
    let tree = Tree::new();
    // A hundred labels at a hundred iterations would be ten thousand invocations.
    let deep = format!("{}example.test.", "a.".repeat(100));
    let parameters = Nsec3 {
        iterations: 100,
        ..Nsec3::PLAIN
    };
    let denials = vec![parameters.record("example.test.", &[1; 20], &[2; 20], "TXT")];
    let proof = [tree.to_example(), tree.example.sign_each(denials)].concat();
    let verification = verify_all(&tree, &proof, &deep);
    assert_eq!(spelled(&verification.verdict), "bogus too_many_hashes");
    assert!(verification.cost.nsec3_hashes <= Limits::default().nsec3_hashes);
    // Nor do many chains of different salt help.
    let mut proof = tree.to_example();
    for at in 0..=255u8 {
        let mut record = Nsec3 {
            iterations: 100,
            salt: b"x",
            opt_out: false,
        }
        .record("example.test.", &[at; 20], &[2; 20], "TXT");
        record.rdata[5] = at;
        proof.push(record.clone());
        let rrsig = tree
            .example
            .sign(vec![nsec("example.test.", "example.test.", "")]);
        let mut rdata = rrsig[1].rdata.clone();
        rdata[..2].copy_from_slice(&RecordType::NSEC3.0.to_be_bytes());
        rdata[3] = 3;
        proof.push(Record {
            rtype: RecordType::RRSIG,
            rdata,
            ..record
        });
    }
    let verification = verify_all(&tree, &proof, "a.b.c.example.test");
    assert!(matches!(verification.verdict, Verdict::Bogus(_)));
    assert!(verification.cost.nsec3_hashes <= Limits::default().nsec3_hashes);
}

#[test]
fn a_chain_of_seventy_zones_ends_in_a_verdict() {
    let tree = Tree::new();
    let mut zones = vec![Zone::new("test.")];
    for depth in 1..70 {
        zones.push(Zone::new(&format!("{}test.", "a.".repeat(depth))));
    }
    let mut proof = tree.to_test();
    for pair in zones.windows(2) {
        proof.extend(pair[0].sign(vec![pair[1].ds()]));
        proof.extend(pair[1].dnskey());
    }
    let deepest = &zones[zones.len() - 1];
    let leaf = deepest.name.to_string();
    proof.extend(deepest.sign(vec![txt(&leaf, "x")]));
    let verification = verify_all(&tree, &proof, &leaf);
    assert_eq!(
        spelled(&verification.verdict),
        "bogus too_many_signature_checks"
    );
    // Without a root the chain hangs in the air, and the way up is as long.
    let verification = verify_all(&tree, &proof[2..], &leaf);
    assert_eq!(
        spelled(&verification.verdict),
        "bogus too_many_signature_checks"
    );
    assert!(verification.cost.zones <= Limits::default().zones);
}

#[test]
fn signers_at_every_label_and_many_chains_cost_no_more_than_a_few_honest_proofs() {
    const LABELS: usize = 126;
    const CHAINS: u8 = 31;
    let tree = Tree::new();
    let deep = "a.".repeat(LABELS);
    let owner: Name = deep.parse().unwrap();
    // The signature is empty: all this needs no key.
    let forged = |owner: &Name, covered: RecordType, signer: &Name, labels: usize| {
        let mut rdata = covered.0.to_be_bytes().to_vec();
        rdata.extend([15, u8::try_from(labels).unwrap()]);
        for word in [TTL, UNTIL, FROM] {
            rdata.extend(word.to_be_bytes());
        }
        rdata.extend([0, 1]);
        rdata.extend(signer.as_wire());
        Record {
            owner: owner.clone(),
            rtype: RecordType::RRSIG,
            class: 1,
            ttl: TTL,
            rdata: rdata.into(),
        }
    };
    let mut proof = tree.root.dnskey();
    proof.push(txt(&deep, "x"));
    for salt in 0..CHAINS {
        let mut hash = [0; 20];
        hash[0] = salt;
        let mut nsec3 = Nsec3::PLAIN.record(".", &hash, &hash, "");
        let mut rdata = nsec3.rdata.to_vec();
        rdata.splice(4..5, [1, salt]);
        nsec3.rdata = rdata.into();
        let rrsig = forged(&nsec3.owner, RecordType::NSEC3, &Name::root(), 1);
        proof.extend([nsec3, rrsig]);
    }
    for labels in 1..=LABELS {
        let signer = owner.ancestor(labels);
        proof.push(forged(&owner, RecordType::TXT, &signer, LABELS));
    }
    let verification = verify_all(&tree, &proof, &deep);
    assert!(matches!(verification.verdict, Verdict::Bogus(_)));
    let (cost, limits) = (verification.cost, Limits::default());
    assert!(cost.zones <= limits.zones, "{cost:?}");
    assert_eq!(
        cost.nsec3_lookups, limits.nsec3_lookups,
        "nothing is looked for"
    );
}

#[test]
fn a_zone_above_a_secure_one_cannot_make_it_insecure() {
    let tree = Tree::new();
    let many = Nsec3 {
        iterations: 500,
        ..Nsec3::PLAIN
    };
    let above = tree
        .test
        .sign_each(vec![many.record("test.", &[1; 20], &[2; 20], "TXT")]);
    let unsigned = vec![txt("a.example.test.", "forged")];
    let proof = [tree.to_example(), above.clone(), unsigned].concat();
    assert_verdict(
        &tree,
        &proof,
        "a.example.test",
        "TXT",
        "bogus missing_signature",
    );
    assert_verdict(&tree, &proof, "b.example.test", "TXT", "bogus no_answer");
    // Of a name that the proof does not show to be delegated it does speak.
    assert_verdict(
        &tree,
        &proof,
        "elsewhere.test",
        "TXT",
        "insecure too_many_iterations",
    );
}

#[test]
fn an_honest_long_proof_stays_within_the_limits() {
    let tree = Tree::new();
    let mut proof = tree.to_test();
    let mut zones = Vec::new();
    for step in 0..8 {
        let zone = Zone::new(&format!("z{step}.test."));
        proof.extend(tree.test.sign(vec![zone.ds()]));
        proof.extend(zone.dnskey());
        zones.push(zone);
    }
    for (step, zone) in zones.iter().enumerate() {
        let owner = format!("x.w.z{step}.test.");
        let apex = format!("z{step}.test.");
        let target = format!("x.w.z{}.test.", step + 1);
        let record = if step < 7 {
            cname(&owner, &target)
        } else {
            txt(&owner, "end")
        };
        proof.extend(zone.expand(record, &format!("w.{apex}")));
        let denial = nsec(&format!("*.w.{apex}"), &apex, "CNAME TXT RRSIG NSEC");
        proof.extend(zone.sign(vec![denial]));
    }
    let verification = verify_all(&tree, &proof, "x.w.z0.test");
    assert_eq!(spelled(&verification.verdict), "secure");
    assert_eq!(verification.cost.signature_checks, 3 + 8 * 4);
    assert_eq!(verification.used.len(), proof.len());
}

#[test]
fn limits_are_the_callers() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    let octets = encode(&proof);
    let asked = question("a.example.test", "TXT");
    let verdict = |limits: Limits| {
        let verdict = verify(&octets, &asked, &tree.root.anchors(), NOW, &limits).verdict;
        spelled(&verdict)
    };
    let limits = Limits::default();
    assert_eq!(
        verdict(Limits {
            signature_checks: 6,
            ..limits
        }),
        "secure"
    );
    let checks = "bogus too_many_signature_checks";
    assert_eq!(
        verdict(Limits {
            signature_checks: 5,
            ..limits
        }),
        checks
    );
    assert_eq!(
        verdict(Limits {
            records: proof.len(),
            ..limits
        }),
        "secure"
    );
    assert_eq!(
        verdict(Limits {
            records: proof.len() - 1,
            ..limits
        }),
        "bogus malformed"
    );
    assert_eq!(
        verdict(Limits {
            bytes: octets.len(),
            ..limits
        }),
        "secure"
    );
    assert_eq!(
        verdict(Limits {
            bytes: octets.len() - 1,
            ..limits
        }),
        "bogus malformed"
    );
    assert_eq!(
        verdict(Limits {
            key_digests: 2,
            ..limits
        }),
        "bogus too_many_hashes"
    );
}

#[test]
fn other_questions_get_nothing_out_of_a_proof() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    for (name, rtype) in [
        ("b.example.test", "TXT"),
        ("a.example.test", "A"),
        ("x.a.example.test", "TXT"),
        ("example.test", "TXT"),
        ("test", "TXT"),
        (".", "TXT"),
        ("a.example.tset", "TXT"),
    ] {
        assert_verdict(&tree, &proof, name, rtype, "bogus no_answer");
    }
    assert_verdict(&tree, &proof, "example.test", "DNSKEY", "secure");
    assert_verdict(&tree, &proof, "test", "DS", "secure");
}
