//! Every octet flipped of a proof of every kind that the zones of `support/kinds.rs` give.

#![allow(clippy::unwrap_used, reason = "a test may stop at what must not fail")]

#[path = "support/kinds.rs"]
mod kinds;
#[path = "support/mutants.rs"]
mod mutants;
mod support;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;

use sotto_proof::{Limits, RecordType, SignatureMemory, Verdict, verify_with_memory};
use support::*;

#[test]
fn no_mutant_of_any_kind_of_proof_deceives() {
    let world = kinds::world();
    let anchors = kinds::anchors(&world);
    let limits = Limits::default();
    let mut kinds_seen = BTreeSet::new();
    let mut verdicts_seen = BTreeSet::new();
    for asked in kinds::questions(&world) {
        // The zones differ in how they deny and delegate.
        let zone = world
            .zones
            .iter()
            .map(|zone| &zone.zone.name)
            .filter(|zone| asked.name.is_at_or_below(zone))
            .max_by_key(|zone| zone.label_count());
        let proof = kinds::prove(&world, &asked).into_bytes();
        let mut memory = SignatureMemory::default();
        let mut judge =
            |octets: &[u8]| verify_with_memory(octets, &asked, &anchors, NOW, &limits, &mut memory);
        let honest = judge(&proof);
        let (aliases, wildcards) = match &honest.verdict {
            Verdict::Bogus(_) => continue,
            Verdict::Secure(found) => (!found.aliases.is_empty(), !found.wildcards.is_empty()),
            _ => (false, false),
        };
        let kind = (
            zone.unwrap().to_string(),
            spelled(&honest.verdict),
            aliases,
            wildcards,
            asked.rtype == RecordType::DS,
        );
        if kinds_seen.insert(kind) {
            verdicts_seen.insert(spelled(&honest.verdict));
            // Whoever leaves out the SOA leaves out its minimum too; the TTL of the NSEC stays.
            let cache_ttl = Some(TTL);
            mutants::assert_no_mutant_deceives(&proof, |at| [1 << (at % 8)], cache_ttl, judge);
        }
    }
    assert!(kinds_seen.len() > 40, "{kinds_seen:#?}");
    for verdict in [
        "secure",
        "nodata",
        "nxdomain",
        "insecure no_ds",
        "insecure opt_out",
    ] {
        assert!(verdicts_seen.contains(verdict), "{verdicts_seen:?}");
    }
}
