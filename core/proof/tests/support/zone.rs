//! A zone with one name of each kind, and its chains of NSEC and NSEC3.

use sotto_proof::Record;

use super::{Nsec3, name, nsec};

/// The names of `example.test.` in every zone below, with their types.
///
/// `ent` is an empty non-terminal, `cut` a delegation without DS, `safe` one with DS, `*.wild` a
/// wildcard, `moved` a DNAME.
pub const NAMES: &[(&str, &str)] = &[
    ("example.test.", "NS SOA RRSIG NSEC DNSKEY"),
    ("alias.example.test.", "CNAME RRSIG NSEC"),
    ("cut.example.test.", "NS RRSIG NSEC"),
    ("x.ent.example.test.", "TXT RRSIG NSEC"),
    ("moved.example.test.", "DNAME RRSIG NSEC"),
    ("safe.example.test.", "NS DS RRSIG NSEC"),
    ("txt.example.test.", "TXT RRSIG NSEC"),
    ("*.wild.example.test.", "TXT RRSIG NSEC"),
    ("b.wild.example.test.", "TXT RRSIG NSEC"),
];

/// Makes the whole NSEC chain of a zone from its names and their types.
pub fn nsec_chain(names: &[(&str, &str)]) -> Vec<Record> {
    let mut sorted = names.to_vec();
    sorted.sort_by_key(|(owner, _)| name(owner));
    (0..sorted.len())
        .map(|at| {
            nsec(
                sorted[at].0,
                sorted[(at + 1) % sorted.len()].0,
                sorted[at].1,
            )
        })
        .collect()
}

/// Returns the NSEC3 chain of [`NAMES`], empty non-terminals included.
pub fn nsec3_chain(parameters: Nsec3) -> Vec<Record> {
    let names: Vec<_> = NAMES
        .iter()
        .copied()
        .chain([("ent.example.test.", ""), ("wild.example.test.", "")])
        .collect();
    parameters.chain("example.test.", &names)
}
