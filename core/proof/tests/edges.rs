//! Honest proofs at the edges: rollovers, islands, minimal spans, extreme clocks and keys.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

mod support;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use sotto_proof::rdata::key_tag;
use sotto_proof::{Anchors, Limits, RecordType, Verdict, codec, verify};
use support::*;

/// What RFC 4470 section 3 makes: NSEC records around one name.
#[test]
fn minimally_covering_nsec_records_deny() {
    let tree = Tree::new();
    let around =
        |before: &str, after: &str| tree.example.sign(vec![nsec(before, after, "RRSIG NSEC")]);
    let name_and_wildcard = [
        around("l~.example.test.", "m-.example.test."),
        around("\\)~.example.test.", "+.example.test."),
    ];
    let proof = [tree.to_example(), name_and_wildcard.concat()].concat();
    assert_verdict(&tree, &proof, "m.example.test", "TXT", "nxdomain");
    assert_verdict(&tree, &proof, "a.b.m.example.test", "TXT", "nxdomain");
    for one in name_and_wildcard {
        let proof = [tree.to_example(), one].concat();
        assert_verdict(
            &tree,
            &proof,
            "m.example.test",
            "TXT",
            "bogus denial_incomplete",
        );
    }
}

/// Rollovers as RFC 6781 section 4.1 describes them: keys that sign nothing yet, a standby key in
/// the DS RRset alone, two algorithms of which one signs, and a revoked key.
#[test]
fn keys_in_the_middle_of_a_rollover_do_not_disturb() {
    let tree = Tree::new();
    let mut zone = Zone::new("example.test.");
    zone.keys.push(Key::ed25519("prepublished").with_flags(256));
    zone.keys.push(Key::generate(13));
    zone.keys.push(Key::generate(16));
    zone.keys
        .push(Key::ed25519("revoked").with_flags(257 | 128));
    let standby = Key::generate(13);
    let delegation = vec![
        zone.ds_of(&standby, 2),
        zone.ds_of(&zone.keys[3], 2),
        zone.ds_of(&zone.keys[0], 1),
        zone.ds_of(&zone.keys[0], 4),
    ];
    let keys = zone.dnskey_records();
    let signed_by = |key: &Key| zone.sign_by(key, keys.clone(), |_| ()).pop().unwrap();
    let proof = [
        tree.to_test(),
        tree.test.sign(delegation),
        keys.clone(),
        // The first that a verifier meets are by the wrong keys.
        vec![
            signed_by(&zone.keys[4]),
            signed_by(&zone.keys[2]),
            signed_by(&zone.keys[0]),
        ],
        zone.sign_by(&zone.keys[1], vec![txt("a.example.test.", "x")], |_| ()),
    ]
    .concat();
    let verification = tree.verify(&proof, &question("a.example.test", "TXT"));
    assert_eq!(spelled(&verification.verdict), "secure");
    assert_eq!(verification.cost.failed_checks, 0);
    // A revoked key signs nothing but its own revocation (RFC 5011 section 2.1).
    let by_revoked = zone.sign_by(&zone.keys[4], vec![txt("b.example.test.", "x")], |_| ());
    let proof = [proof, by_revoked].concat();
    assert_verdict(&tree, &proof, "b.example.test", "TXT", "bogus unknown_key");
}

/// Below an anchor nobody above it has a say, and above it nothing is proved.
#[test]
fn an_island_stands_on_its_own_anchor() {
    let tree = Tree::new();
    let island = Zone::new("island.test.");
    let both = Anchors::parse(&format!("{}\n{}", tree.root.anchor(), island.anchor())).unwrap();
    let cut = nsec("island.test.", "zz.test.", "NS RRSIG NSEC");
    let proof = [
        tree.to_test(),
        tree.test.sign(vec![cut]),
        tree.test
            .sign(vec![nsec("test.", "a.test.", "NS SOA RRSIG NSEC DNSKEY")]),
        island.dnskey(),
        island.sign(vec![txt("a.island.test.", "x")]),
        tree.test.sign(vec![txt("b.island.test.", "by the parent")]),
    ]
    .concat();
    let said = |asked: &str, rtype: &str, anchors: &Anchors| {
        let octets = codec::encode(&proof);
        spelled(
            &verify(
                &octets,
                &question(asked, rtype),
                anchors,
                NOW,
                &Limits::default(),
            )
            .verdict,
        )
    };
    assert_eq!(said("a.island.test", "TXT", &both), "secure");
    assert_eq!(said("b.island.test", "TXT", &both), "bogus wrong_signer");
    assert_eq!(said("c.island.test", "TXT", &both), "bogus no_answer");
    assert_eq!(said("island.test", "DS", &both), "nodata");
    assert_eq!(said("island.test", "NSEC", &both), "bogus no_answer");
    // The parent's NSEC at the cut does deny what comes after it.
    assert_eq!(said("jane.test", "TXT", &both), "nxdomain");
    assert_eq!(said("a.island.test", "TXT", &island.anchors()), "secure");
    assert_eq!(
        said("island.test", "DS", &island.anchors()),
        "bogus no_anchor"
    );
    assert_eq!(
        said("a.island.test", "TXT", &tree.root.anchors()),
        "insecure no_ds"
    );
}

/// Times at the edges of what 32 and 64 bits hold.
#[test]
fn extreme_clocks_are_survived() {
    let tree = Tree::new();
    let signed = |inception: u32, expiration: u32| {
        tree.example
            .sign_as(vec![txt("a.example.test.", "x")], |terms| {
                (terms.inception, terms.expiration) = (inception, expiration);
            })
    };
    for (inception, expiration) in [(0, u32::MAX), (u32::MAX, 0), (1 << 31, (1 << 31) - 1)] {
        let proof = [tree.to_example(), signed(inception, expiration)].concat();
        for now in [
            0,
            1,
            NOW,
            u64::from(u32::MAX),
            1 << 32,
            u64::MAX - 1,
            u64::MAX,
        ] {
            let asked = question("a.example.test", "TXT");
            let verification = tree.verify_at(&proof, &asked, now);
            let _ = format!("{verification:?}");
            if now != NOW {
                assert!(matches!(verification.verdict, Verdict::Bogus(_)), "{now}");
            }
        }
    }
    // What ends before it begins was never valid.
    let proof = [tree.to_example(), signed(NOW as u32 + 5, NOW as u32 - 5)].concat();
    let verdict = tree
        .verify(&proof, &question("a.example.test", "TXT"))
        .verdict;
    assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
}

/// RSA keys as older zones have them: an exponent of 3 with a modulus of 1,031 bits, and the largest
/// exponent that BIND has made, 2^32 + 1. Each is made and signs by OpenSSL, over its own DNSKEY.
#[test]
fn rsa_exponents_of_any_honest_size_verify() {
    let keys_and_signatures = [
        (
            "AQN1yYsNRoV6Q82vMx0mw+0r/EgE+QzfwAkqGtzSjSxd8Xbq6wqzyRngqGRjAFfXeE06b6brFAE/IXuH\
             n2JfD8veVpxupzFyU+qntWRfKX28xHgC/Sl2N8qthrih2dk62tl3SN6lYUyXpZ2balt9EQbzJBrVb+ba\
             DxqIEGfD3x4Q+uE=",
            "JXrVmdkiOFzDEBuVPddxPAvWXhU0N3g5sRXTikHvO9paSTPqHd3vr1y+rzFjzhWV6B7wZ7pWVI1hm2tV\
             wpeOGv/83IMsrconAw7UPE5w3i03KKUs1k+5AkSQCNQcQBXVsqNMzK+DjkjynDS4vwHZvx/upkyRifqb\
             8jproIaG87E9",
        ),
        (
            "BQEAAAABk/2OTVc5XMhDfzmnTik56ue1mVy7DyubiFqzAoqGzjC8PrcYqfZcG2ggxixEY+GdPiWZEH2X\
             vNLiORAGhqcOU1XaZ/umqTaOsO4CjlN3tRzvLqh2Me8c77SGGG2rlPSX7Rv2lRIGhvmw8o7fI1z4Dqa9\
             SiwE5TtL6su/CgrubJ8=",
            "b9mtdFnEm9Q2uGsrF+VIrqsQGVyh3gnhTRYQAGa3aAcZKsdto1AdVE6afYzjQ2D346qb9vfy5kiS69JF\
             w1p4CCebXhtT74Ei7S3OL5afshaPpQi0Vg9x6UrahMBPgBjq4cIfTCYpruCLy6MQROhpPb4mB08ezuAz\
             s8GAarut5SU=",
        ),
    ];
    for (key, signature) in keys_and_signatures {
        let octets = |text: &str| BASE64.decode(text.as_bytes()).unwrap();
        let tree = Tree::new();
        let dnskey = [&[1, 1, 3, 8][..], &octets(key)].concat();
        let tag = key_tag(&dnskey).to_be_bytes();
        let owner = name("example.test.");
        let times = [TTL, UNTIL, FROM].map(u32::to_be_bytes).concat();
        let rrsig = [
            &[0, 48, 8, 2][..],
            &times,
            &tag,
            owner.as_wire(),
            &octets(signature),
        ];
        let digest = digest(&SHA256, &[owner.as_wire(), &dnskey].concat());
        let ds = [&tag[..], &[8, 2], digest.as_ref()].concat();
        let proof = [
            tree.to_test(),
            tree.test
                .sign(vec![record("example.test.", RecordType::DS, &ds)]),
            vec![record("example.test.", RecordType::DNSKEY, &dnskey)],
            vec![record("example.test.", RecordType::RRSIG, &rrsig.concat())],
        ]
        .concat();
        assert_verdict(&tree, &proof, "example.test", "DNSKEY", "secure");
    }
}
