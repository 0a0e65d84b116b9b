//! Octets of a proof flipped one at a time.

#![allow(unreachable_pub, reason = "each test binary has its own support")]

use sotto_proof::{Secure, Verdict, Verification};

/// What a verdict says, TTLs aside: they are not signed, and an attacker may shorten them.
pub fn said(verdict: &Verdict) -> Verdict {
    match verdict.clone() {
        Verdict::Secure(secure) => Verdict::Secure(Secure { ttl: 0, ..secure }),
        other => other,
    }
}

/// Flips each octet of an honest proof by what `masks` gives for its place: what is still accepted
/// says what the honest one says, and may be kept for no longer than `cache_ttl`, or than the honest
/// one without it.
pub fn assert_no_mutant_deceives<const N: usize>(
    octets: &[u8],
    masks: impl Fn(usize) -> [u8; N],
    cache_ttl: Option<u32>,
    mut verify: impl FnMut(&[u8]) -> Verification,
) {
    let honest = verify(octets);
    assert!(
        !matches!(honest.verdict, Verdict::Bogus(_)),
        "{:?}",
        honest.verdict
    );
    let cache_ttl = cache_ttl.or(honest.cache_ttl);
    let mut mutant = octets.to_vec();
    for at in 0..octets.len() {
        for mask in masks(at) {
            mutant[at] ^= mask;
            let verification = verify(&mutant);
            mutant[at] ^= mask;
            if matches!(verification.verdict, Verdict::Bogus(_)) {
                continue;
            }
            assert_eq!(
                said(&verification.verdict),
                said(&honest.verdict),
                "octet {at}"
            );
            assert_eq!(verification.validity, honest.validity, "octet {at}");
            assert_eq!(
                verification.leaf_inception, honest.leaf_inception,
                "octet {at}"
            );
            assert!(verification.cache_ttl <= cache_ttl, "octet {at}");
        }
    }
}
