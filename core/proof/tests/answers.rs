//! Positive answers: the chain, keys, times, aliases, wildcards.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use sotto_proof::{ClockHint, Code, Record, RecordType, Secure, Validity, Verdict};
use support::*;

fn secure(verdict: Verdict) -> Secure {
    match verdict {
        Verdict::Secure(secure) => secure,
        other => panic!("not secure: {other:?}"),
    }
}

fn alice(tree: &Tree) -> Vec<Record> {
    [
        tree.to_example(),
        tree.example.sign(vec![txt("alice.example.test.", "hi")]),
    ]
    .concat()
}

#[test]
fn an_rrset_under_three_zones_is_secure_and_carries_what_was_used() {
    let tree = Tree::new();
    let proof = alice(&tree);
    let verification = tree.verify(&proof, &question("Alice.Example.TEST", "TXT"));
    assert_eq!(verification.used, proof);
    assert_eq!(
        verification.validity,
        Some(Validity {
            from: u64::from(FROM),
            until: u64::from(UNTIL)
        })
    );
    assert_eq!(verification.cache_ttl, Some(TTL));
    assert_eq!(verification.leaf_inception, Some(u64::from(FROM)));
    assert_eq!(verification.clock, None);
    assert_eq!(verification.cost.signature_checks, 6);
    assert_eq!(verification.cost.failed_checks, 0);
    let links: Vec<_> = verification.chain.iter().map(ToString::to_string).collect();
    let signed = |what: &str, zone: &Zone| {
        let tag = zone.keys[0].tag();
        format!(
            "{what} signed by {} key {tag} (ED25519), 2027-01-14T04:13:20Z to 2027-01-22T06:40:00Z",
            zone.name
        )
    };
    assert_eq!(
        links,
        [
            signed(". DNSKEY", &tree.root),
            signed("test. DS", &tree.root),
            signed("test. DNSKEY", &tree.test),
            signed("example.test. DS", &tree.test),
            signed("example.test. DNSKEY", &tree.example),
            signed("alice.example.test. TXT", &tree.example),
        ]
    );
    let found = secure(verification.verdict);
    assert_eq!(found.owner, name("alice.example.test"));
    assert_eq!(found.rdatas, [Box::from(&b"\x02hi"[..])]);
    assert!(found.wildcards.is_empty() && found.aliases.is_empty());
}

#[test]
fn order_duplicates_and_stray_records_do_not_matter() {
    let tree = Tree::new();
    let mut proof = alice(&tree);
    let honest = tree.verify(&proof, &question("alice.example.test", "TXT"));
    proof.extend(proof.clone());
    proof.push(nsec("a.example.test", "z.example.test", "TXT"));
    proof.push(txt("stray.test", "stray"));
    proof.push(Record {
        class: 3,
        ..txt("alice.example.test", "another class")
    });
    proof.reverse();
    let verification = tree.verify(&proof, &question("alice.example.test", "TXT"));
    assert_eq!(verification.verdict, honest.verdict);
    assert_eq!(verification.used.len(), honest.used.len());
}

#[test]
fn every_record_left_out_is_missed() {
    let tree = Tree::new();
    let proof = alice(&tree);
    for left_out in 0..proof.len() {
        let mut proof = proof.clone();
        proof.remove(left_out);
        let verdict = tree
            .verify(&proof, &question("alice.example.test", "TXT"))
            .verdict;
        assert!(
            matches!(verdict, Verdict::Bogus(_)),
            "without {left_out}: {verdict:?}"
        );
    }
}

#[test]
fn every_supported_algorithm_and_digest_verifies() {
    for (algorithm, digest) in [(8, 2), (10, 4), (13, 2), (14, 4), (15, 4)] {
        let tree = Tree::new();
        let child = Zone::with_key("child.test.", Key::generate(algorithm));
        let proof = [
            tree.to_test(),
            tree.test.sign(vec![child.ds_of(&child.keys[0], digest)]),
            child.dnskey(),
            child.sign(vec![txt("child.test.", "x")]),
        ]
        .concat();
        assert_verdict(&tree, &proof, "child.test", "TXT", "secure");
    }
}

#[test]
fn unsupported_algorithms_and_digests_are_insecure_only_when_alone() {
    let tree = Tree::new();
    for (algorithm, digest) in [(5, 2), (7, 2), (16, 2), (253, 2), (13, 1), (13, 3)] {
        let child = Zone::with_key("child.test.", Key::generate(algorithm));
        let ds = child.ds_of(&child.keys[0], digest);
        let proof = [
            tree.to_test(),
            tree.test.sign(vec![ds.clone()]),
            child.dnskey(),
            child.sign(vec![txt("a.child.test.", "x")]),
        ]
        .concat();
        let verdict = "insecure unsupported_algorithm";
        assert_verdict(&tree, &proof, "a.child.test", "TXT", verdict);
        // The proof of the delegation is enough.
        let delegation = [tree.to_test(), tree.test.sign(vec![ds.clone()])].concat();
        assert_verdict(&tree, &delegation, "a.child.test", "TXT", verdict);
        assert_verdict(&tree, &delegation, "child.test", "TXT", verdict);
        // Unsigned, the DS RRset shows nothing.
        let forged = [tree.to_test(), vec![ds.clone()]].concat();
        assert_verdict(&tree, &forged, "a.child.test", "TXT", "bogus no_answer");
        // A second DS that is supported must be honoured.
        let both = tree.test.sign(vec![ds, child.ds_of(&Key::generate(15), 2)]);
        let proof = [
            tree.to_test(),
            both,
            child.dnskey(),
            child.sign(vec![txt("child.test.", "x")]),
        ];
        assert_verdict(
            &tree,
            &proof.concat(),
            "child.test",
            "TXT",
            "bogus no_matching_key",
        );
    }
}

#[test]
fn a_signature_of_an_unsupported_algorithm_does_not_excuse_a_supported_one() {
    let tree = Tree::new();
    let foreign = Key::generate(16);
    let mut zone = Zone::new("example.test.");
    zone.keys.push(Key::generate(16));
    let proof = [
        tree.to_test(),
        tree.test.sign(vec![tree.example.ds()]),
        zone.dnskey(),
        zone.sign_by(&foreign, vec![txt("a.example.test.", "x")], |_| ()),
    ]
    .concat();
    assert_verdict(
        &tree,
        &proof,
        "a.example.test",
        "TXT",
        "bogus unsupported_signature",
    );
}

#[test]
fn keys_count_only_as_zone_keys_that_are_not_revoked() {
    let tree = Tree::new();
    for (flags, protocol, expected) in [
        (257, 3, "secure"),
        (256, 3, "secure"),
        (1, 3, "bogus no_matching_key"),
        (257 | 128, 3, "bogus no_matching_key"),
        (257, 2, "bogus no_matching_key"),
    ] {
        let mut key = Key::ed25519("flags").with_flags(flags);
        key.dnskey[2] = protocol;
        let child = Zone::with_key("child.test.", key);
        let proof = [tree.to(&child), child.sign(vec![txt("child.test.", "x")])].concat();
        assert_verdict(&tree, &proof, "child.test", "TXT", expected);
    }
    // A revoked second key signs nothing but the DNSKEY RRset.
    let mut zone = Zone::new("example.test.");
    zone.keys.push(Key::ed25519("second").with_flags(256 | 128));
    let answer = zone.sign_by(&zone.keys[1], vec![txt("example.test.", "x")], |_| ());
    let proof = [tree.to(&zone), answer].concat();
    assert_verdict(&tree, &proof, "example.test", "TXT", "bogus unknown_key");
}

#[test]
fn an_rsa_key_below_1024_bits_does_not_count() {
    let tree = Tree::new();
    let mut key = Key::generate(16);
    key.algorithm = 8;
    key.dnskey.truncate(2);
    key.dnskey.extend([3, 8, 3, 1, 0, 1]);
    key.dnskey.extend([0xc5; 64]);
    let child = Zone::with_key("child.test.", key);
    let proof = [tree.to(&child), child.sign(vec![txt("child.test.", "x")])].concat();
    assert_verdict(&tree, &proof, "child.test", "TXT", "bogus weak_key");
}

#[test]
fn a_key_signing_key_may_sign_keys_alone() {
    let tree = Tree::new();
    let mut zone = Zone::new("example.test.");
    zone.keys
        .push(Key::ed25519("zone signing key").with_flags(256));
    let answer = zone.sign_by(&zone.keys[1], vec![txt("example.test.", "x")], |_| ());
    let proof = [tree.to(&zone), answer.clone()].concat();
    assert_verdict(&tree, &proof, "example.test", "TXT", "secure");
    // The DNSKEY RRset signed by a key that no DS vouches for.
    let keys = zone.sign_by(&zone.keys[1], zone.dnskey_records(), |_| ());
    let proof = [
        tree.to_test(),
        tree.test.sign(vec![zone.ds()]),
        keys,
        answer,
    ]
    .concat();
    assert_verdict(&tree, &proof, "example.test", "TXT", "bogus unknown_key");
}

#[test]
fn a_forged_signature_is_told_where_it_stands() {
    let tree = Tree::new();
    let asked = question("alice.example.test", "TXT");
    let honest = alice(&tree);
    let places = [
        ".",
        "test.",
        "test.",
        "example.test.",
        "example.test.",
        "alice.example.test.",
    ];
    let signed: Vec<_> = (0..honest.len())
        .filter(|&at| honest[at].rtype == RecordType::RRSIG)
        .collect();
    for (&at, place) in signed.iter().zip(places) {
        let mut proof = honest.clone();
        let last = proof[at].rdata.len() - 1;
        proof[at].rdata[last] ^= 1;
        // A DS RRset that does not verify leaves the zone without one.
        assert_bogus(&tree, &proof, &asked, Code::BadSignature, place);
    }
}

#[test]
fn times_are_checked_on_what_is_used_alone() {
    let tree = Tree::new();
    let asked = question("a.example.test", "TXT");
    let at = |inception, expiration| {
        let answer = tree
            .example
            .sign_as(vec![txt("a.example.test.", "x")], |terms| {
                terms.inception = inception;
                terms.expiration = expiration;
            });
        [tree.to_example(), answer].concat()
    };
    let now = NOW as u32;
    for (inception, expiration, expected) in [
        (now, now, "secure"),
        (now + 1, now + 2, "bogus signature_not_yet_valid"),
        (now - 2, now - 1, "bogus signature_expired"),
        (now + 2, now - 2, "bogus signature_expired"),
    ] {
        let verification = tree.verify(&at(inception, expiration), &asked);
        assert_eq!(spelled(&verification.verdict), expected);
        assert_eq!(verification.clock, None);
    }
    // A stale spare beside a good signature does no harm.
    let stale = at(now - 2, now - 1);
    let proof = [at(now - 5, now + 5), vec![stale.last().unwrap().clone()]].concat();
    let verification = tree.verify(&proof, &asked);
    assert_eq!(spelled(&verification.verdict), "secure");
    assert_eq!(
        verification.validity,
        Some(Validity {
            from: NOW - 5,
            until: NOW + 5
        })
    );
    assert_eq!(verification.cache_ttl, Some(5));
    assert_eq!(verification.leaf_inception, Some(NOW - 5));
}

#[test]
fn a_wrong_clock_is_named() {
    let tree = Tree::new();
    let asked = question("alice.example.test", "TXT");
    let late = tree.verify_at(&alice(&tree), &asked, u64::from(UNTIL) + 1);
    assert_eq!(
        late.clock,
        Some(ClockHint::Ahead {
            signed_until: UNTIL.into()
        })
    );
    let early = tree.verify_at(&alice(&tree), &asked, 0);
    assert_eq!(
        early.clock,
        Some(ClockHint::Behind {
            signed_from: FROM.into()
        })
    );
    assert_eq!(spelled(&early.verdict), "bogus signature_not_yet_valid");
}

#[test]
fn serial_arithmetic_carries_times_past_2106() {
    let tree = Tree::new();
    let wrapped = (1 << 32) + 1_000;
    let sign = |zone: &Zone, records| {
        zone.sign_as(records, |terms| {
            terms.inception = u32::MAX - 1_000;
            terms.expiration = 5_000;
        })
    };
    let proof = [
        sign(&tree.root, tree.root.dnskey_records()),
        sign(&tree.root, vec![txt("a.", "x")]),
    ]
    .concat();
    let verification = tree.verify_at(&proof, &question("a", "TXT"), wrapped);
    assert_eq!(spelled(&verification.verdict), "secure");
    let validity = Validity {
        from: (1 << 32) - 1_001,
        until: (1 << 32) + 5_000,
    };
    assert_eq!(verification.validity, Some(validity));
}

#[test]
fn ttl_is_the_lower_of_received_and_original() {
    let tree = Tree::new();
    for (original, received, expected) in [(100, 3_600, 100), (3_600, 50, 50)] {
        let mut answer = tree
            .example
            .sign_as(vec![txt("a.example.test.", "x")], |terms| {
                terms.original_ttl = original;
            });
        answer[0].ttl = received;
        let proof = [tree.to_example(), answer].concat();
        let verification = tree.verify(&proof, &question("a.example.test", "TXT"));
        assert_eq!(verification.cache_ttl, Some(expected));
        assert_eq!(secure(verification.verdict).ttl, expected);
    }
}

#[test]
fn signers_must_be_zones_that_can_hold_the_rrset() {
    let tree = Tree::new();
    let sibling = Zone::new("sibling.test.");
    let forged = sibling.sign(vec![txt("a.example.test.", "x")]);
    let proof = [tree.to_example(), tree.to(&sibling), forged].concat();
    assert_verdict(&tree, &proof, "a.example.test", "TXT", "bogus wrong_signer");
    // The child must not sign its own DS.
    let own = tree.example.sign(vec![tree.example.ds()]);
    let proof = [tree.to_example(), own.clone()].concat();
    assert_verdict(&tree, &proof, "example.test", "DS", "secure");
    let proof = [tree.to_test(), own, tree.example.dnskey()].concat();
    assert_verdict(&tree, &proof, "example.test", "DS", "bogus wrong_signer");
    // More labels than the owner has.
    let forged = tree
        .example
        .sign_as(vec![txt("a.example.test.", "x")], |terms| terms.labels = 4);
    let proof = [tree.to_example(), forged].concat();
    assert_verdict(
        &tree,
        &proof,
        "a.example.test",
        "TXT",
        "bogus too_many_labels",
    );
}

#[test]
fn labels_without_a_cut_cost_nothing() {
    let tree = Tree::new();
    let deep = Zone::new("a.b.c.d.test.");
    let proof = [
        tree.to(&deep),
        deep.sign(vec![txt("x.y.a.b.c.d.test.", "x")]),
    ]
    .concat();
    let verification = tree.verify(&proof, &question("x.y.a.b.c.d.test", "TXT"));
    assert_eq!(spelled(&verification.verdict), "secure");
    assert_eq!(verification.cost.signature_checks, 6);
}

#[test]
fn cname_and_dname_are_followed_across_zones() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.example
            .sign(vec![cname("www.example.test.", "a.b.moved.test.")]),
        tree.test.sign(vec![dname("moved.test.", "example.test.")]),
        tree.example.sign(vec![txt("a.b.example.test.", "found")]),
    ]
    .concat();
    let verification = tree.verify(&proof, &question("www.example.test", "TXT"));
    assert_eq!(verification.used.len(), proof.len());
    let found = secure(verification.verdict);
    assert_eq!(found.owner, name("a.b.example.test"));
    assert_eq!(
        found.aliases,
        [name("www.example.test"), name("a.b.moved.test")]
    );
    // A DNAME stands above the names that it moves.
    let path = [
        ("www.example.test", "www.example.test"),
        ("a.b.moved.test", "moved.test"),
        ("a.b.example.test", "a.b.example.test"),
    ];
    assert_eq!(found.path, path.map(|(at, owner)| path_step(at, owner)));
    // The types that are aliases themselves are answered as such.
    assert_verdict(&tree, &proof, "www.example.test", "CNAME", "secure");
    assert_verdict(&tree, &proof, "moved.test", "DNAME", "secure");
    // A DNAME says nothing of its own owner.
    assert_verdict(&tree, &proof, "moved.test", "TXT", "bogus no_answer");
}

#[test]
fn a_cname_that_a_server_made_of_a_dname_needs_no_signature() {
    let tree = Tree::new();
    let proof = [
        tree.to_example(),
        tree.test.sign(vec![dname("moved.test.", "example.test.")]),
        vec![cname("a.moved.test.", "evil.test.")],
        tree.example.sign(vec![txt("a.example.test.", "found")]),
    ]
    .concat();
    assert_verdict(&tree, &proof, "a.moved.test", "TXT", "secure");
}

#[test]
fn bad_aliases_are_refused() {
    let tree = Tree::new();
    let with = |records| [tree.to_example(), records].concat();
    let looped = with(
        [
            tree.example
                .sign(vec![cname("a.example.test.", "b.example.test.")]),
            tree.example
                .sign(vec![cname("b.example.test.", "a.example.test.")]),
        ]
        .concat(),
    );
    assert_verdict(&tree, &looped, "a.example.test", "TXT", "bogus alias_loop");
    let own = with(
        tree.example
            .sign(vec![cname("a.example.test.", "a.example.test.")]),
    );
    assert_verdict(&tree, &own, "a.example.test", "TXT", "bogus alias_loop");
    let two = vec![
        cname("a.example.test.", "b.test."),
        cname("a.example.test.", "c.test."),
    ];
    let several = with(tree.example.sign(two));
    assert_verdict(
        &tree,
        &several,
        "a.example.test",
        "TXT",
        "bogus several_aliases",
    );
    let label = "x".repeat(63);
    let long = format!("{label}.{label}.{label}.test.");
    let too_long = with(tree.test.sign(vec![dname("d.test.", &long)]));
    let asked = format!("{}.d.test", "y".repeat(60));
    assert_verdict(&tree, &too_long, &asked, "TXT", "bogus alias_too_long");
    let endless = with(tree.test.sign(vec![dname("d.test.", "d.d.test.")]));
    assert_verdict(&tree, &endless, "a.d.test", "TXT", "bogus too_many_aliases");
    let unsigned = with(vec![cname("a.example.test.", "b.example.test.")]);
    assert_verdict(
        &tree,
        &unsigned,
        "a.example.test",
        "TXT",
        "bogus missing_signature",
    );
    let wildcard = with(
        tree.example
            .expand(dname("d.example.test.", "b.test."), "example.test."),
    );
    assert_verdict(
        &tree,
        &wildcard,
        "a.d.example.test",
        "TXT",
        "bogus unexpected_wildcard",
    );
}

#[test]
fn eight_aliases_are_followed_and_nine_are_not() {
    for (count, expected) in [(8, "secure"), (9, "bogus too_many_aliases")] {
        let tree = Tree::new();
        let mut proof = tree.to_example();
        for step in 0..count {
            let (from, to) = (
                format!("a{step}.example.test."),
                format!("a{}.example.test.", step + 1),
            );
            proof.extend(tree.example.sign(vec![cname(&from, &to)]));
        }
        proof.extend(
            tree.example
                .sign(vec![txt(&format!("a{count}.example.test."), "end")]),
        );
        assert_verdict(&tree, &proof, "a0.example.test", "TXT", expected);
    }
}

#[test]
fn the_nearest_anchor_decides() {
    let tree = Tree::new();
    let asked = question("a.example.test", "TXT");
    let proof = [
        tree.example.dnskey(),
        tree.example.sign(vec![txt("a.example.test.", "x")]),
    ]
    .concat();
    let octets = sotto_proof::encode(&proof);
    let limits = sotto_proof::Limits::default();
    let verdict =
        |anchors| spelled(&sotto_proof::verify(&octets, &asked, &anchors, NOW, &limits).verdict);
    assert_eq!(verdict(tree.example.anchors()), "secure");
    assert_eq!(verdict(tree.root.anchors()), "bogus missing_ds");
    assert_eq!(verdict(tree.test.anchors()), "bogus missing_ds");
    assert_eq!(
        verdict(Zone::new("elsewhere.").anchors()),
        "bogus no_anchor"
    );
    // Another key for the zone, beside the right one for the root: the nearest counts.
    let other = Zone::with_key("example.test.", Key::ed25519("other"));
    let both = format!("{}\n{}", text(&tree.root), text(&other));
    let full = sotto_proof::encode(&alice(&tree));
    let anchors = sotto_proof::Anchors::parse(&both).unwrap();
    let asked = question("alice.example.test", "TXT");
    let verdict = sotto_proof::verify(&full, &asked, &anchors, NOW, &limits).verdict;
    assert_eq!(spelled(&verdict), "bogus no_matching_key");
}

fn text(zone: &Zone) -> String {
    use data_encoding::BASE64;
    let key = &zone.keys[0].dnskey;
    format!(
        "{} IN DNSKEY 257 3 15 {}",
        zone.name,
        BASE64.encode(&key[4..])
    )
}

#[test]
fn what_no_signature_covers_is_not_asked_for() {
    let tree = Tree::new();
    let proof = alice(&tree);
    for rtype in [
        "RRSIG",
        "ANY",
        "OPT",
        "AXFR",
        "NXNAME",
        "TYPE0",
        "TYPE65535",
    ] {
        assert_verdict(
            &tree,
            &proof,
            "alice.example.test",
            rtype,
            "bogus unprovable_type",
        );
    }
    assert_verdict(&tree, &[], "alice.example.test", "TXT", "bogus no_answer");
}
