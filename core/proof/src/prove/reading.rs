//! What the prover reads from RDATA. It only chooses records by it; nothing is believed.

use data_encoding::BASE32HEX_NOPAD;

use crate::limits::Limits;
use crate::name::Name;
use crate::rdata::{Nsec, Nsec3, Rrsig, TypeBitmap};
use crate::record::{Record, RecordType};
use crate::verify::crypto::nsec3_hash;

/// Reads an RRSIG by a zone that could sign it: one at or above its owner. `None` for everything else.
pub(super) fn signature(record: &Record) -> Option<Rrsig<'_>> {
    if record.rtype != RecordType::RRSIG {
        return None;
    }
    Rrsig::parse(&record.rdata).filter(|signature| record.owner.is_at_or_below(&signature.signer))
}

/// True if the RRset at `owner` was made from a wildcard: the Labels field counts fewer labels
/// than the owner has, the asterisk of a wildcard itself not counted (RFC 4034 section 3.1.3).
pub(super) fn is_expanded(signature: &Rrsig<'_>, owner: &Name) -> bool {
    usize::from(signature.labels) < owner.label_count() - usize::from(owner.is_wildcard())
}

/// True if `record` can take part in a denial of `name`: the SOA of a zone above it, any NSEC3 of
/// such a zone, or an NSEC that matches or covers the name or `wildcard`, which could make it.
pub(super) fn may_deny(record: &Record, name: &Name, wildcard: Option<&Name>) -> bool {
    match record.rtype {
        RecordType::SOA => name.is_at_or_below(&record.owner),
        RecordType::NSEC3 => record
            .owner
            .parent()
            .is_some_and(|zone| name.is_at_or_below(&zone)),
        RecordType::NSEC => Nsec::parse(&record.rdata).is_some_and(|nsec| {
            let denies = |wanted: &Name| matches_or_covers(&record.owner, &nsec.next, wanted);
            denies(name) || wildcard.is_some_and(denies)
        }),
        _ => false,
    }
}

/// The labels of the closest encloser of `name` if `record` is an NSEC that matches or covers it:
/// what the name has in common with one end of the span (RFC 4035 section 5.4).
pub(super) fn encloser(record: &Record, name: &Name) -> Option<usize> {
    let nsec = Nsec::parse(&record.rdata)?;
    matches_or_covers(&record.owner, &nsec.next, name).then(|| {
        let common = |end: &Name| end.common_labels(name);
        common(&record.owner).max(common(&nsec.next))
    })
}

/// True if `wanted` lies at `owner` or before `next`; the last NSEC of a zone points to its apex,
/// which comes first (RFC 4034 section 4.1.1).
fn matches_or_covers(owner: &Name, next: &Name, wanted: &Name) -> bool {
    if owner < next {
        owner <= wanted && wanted < next
    } else {
        owner <= wanted && wanted.is_at_or_below(next)
    }
}

/// True if a denial of DS at `name` shows a delegation without one: an NSEC or NSEC3 for the name
/// with NS and without SOA, or an NSEC3 span that may hide it (RFC 5155 section 6).
pub(super) fn shows_unsigned_cut(section: &[Record], name: &Name) -> bool {
    let matching_nsec = section.iter().any(|record| {
        record.rtype == RecordType::NSEC
            && record.owner == *name
            && Nsec::parse(&record.rdata).is_some_and(|nsec| is_cut(nsec.types))
    });
    matching_nsec || nsec3_shows_unsigned_cut(section, name)
}

/// Does so for NSEC3. One that matches the name says what is there, whatever its opt-out flag: the
/// flag is about the names after it (RFC 5155 section 3.1.2.1), and a registry with opt-out may
/// have delegations below names that are none.
fn nsec3_shows_unsigned_cut(section: &[Record], name: &Name) -> bool {
    let nsec3s = || {
        let all = section.iter().filter(|r| r.rtype == RecordType::NSEC3);
        all.filter_map(|record| Some((record, Nsec3::parse(&record.rdata)?)))
    };
    // A response has one chain, so one hash will do, however many records somebody puts in.
    let Some((_, chain)) = nsec3s().next() else {
        return false;
    };
    if chain.iterations > Limits::default().nsec3_iterations {
        // The name counts as unsigned for that alone (RFC 9276 section 3.2).
        return true;
    }
    let name = name.to_lowercase();
    let hash = nsec3_hash(name.as_wire(), chain.salt, chain.iterations);
    let label = BASE32HEX_NOPAD.encode(&hash);
    let matches = |record: &Record| {
        let first = record.owner.labels().next();
        first.is_some_and(|first| first.eq_ignore_ascii_case(label.as_bytes()))
    };
    match nsec3s().find(|(record, _)| matches(record)) {
        Some((_, nsec3)) => is_cut(nsec3.types),
        None => nsec3s().any(|(_, nsec3)| nsec3.is_opt_out()),
    }
}

fn is_cut(types: TypeBitmap<'_>) -> bool {
    types.contains(RecordType::NS) && !types.contains(RecordType::SOA)
}
