//! What is to stand at a name, and what stands there.

use sotto_mimi::{OwnerName, RecordError};
use sotto_proof::rdata::Rrsig;
use sotto_proof::{Name, NameError, Question, Record, RecordType};

use super::obstacle::Obstacle;
use super::wire::Header;
use crate::Publication;

/// Whether RDATA belongs to whoever publishes, so that an update may delete it: [`is_mimi`] for what people publish, and what tells
/// its own records from others' for anything else.
pub type IsOurs = fn(&[u8]) -> bool;

/// Whether RDATA is a MIMI record, well-formed or not.
#[must_use]
pub fn is_mimi(rdata: &[u8]) -> bool {
    !matches!(sotto_mimi::Record::parse(rdata), Err(RecordError::NotMimi))
}

/// What is to stand at one name: those RRs of ours, and no others of ours.
///
/// RRs of the same type that are not ours stay as they are.
#[derive(Clone, Debug)]
pub struct Target {
    /// The owner name.
    pub owner: Name,
    /// The type of the RRs.
    pub rtype: RecordType,
    /// The TTL, seconds. An RRset has only one (RFC 2181 section 5.2): where others' RRs stand too, theirs holds.
    pub ttl: u32,
    /// The RDATA of each RR of ours; none removes what is ours.
    pub rdatas: Vec<Vec<u8>>,
    /// Which RRs are ours.
    pub is_ours: IsOurs,
}

impl Target {
    /// What one person publishes, the MIMI records at its owner name replaced.
    ///
    /// # Errors
    ///
    /// [`NameError`], which no owner name of an identifier gives.
    pub fn of(publication: &Publication) -> Result<Self, NameError> {
        Ok(Self {
            owner: publication.owner().as_str().parse()?,
            rtype: RecordType(publication.rtype()),
            ttl: publication.ttl(),
            rdatas: publication.rdatas().to_vec(),
            is_ours: is_mimi,
        })
    }

    /// Nothing of MIMI at `owner`.
    ///
    /// # Errors
    ///
    /// [`NameError`], which no owner name of an identifier gives.
    pub fn absent(owner: &OwnerName, rtype: u16) -> Result<Self, NameError> {
        Ok(Self {
            owner: owner.as_str().parse()?,
            rtype: RecordType(rtype),
            ttl: 0,
            rdatas: Vec::new(),
            is_ours: is_mimi,
        })
    }

    pub(super) fn question(&self) -> Question {
        Question {
            name: self.owner.clone(),
            rtype: self.rtype,
        }
    }
}

/// What a server serves at the owner name of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The TTL of the RRset, seconds; 0 if there is none.
    pub ttl: u32,
    /// The RDATA of each RR of the target's type.
    pub rdatas: Vec<Box<[u8]>>,
    /// Whether a signature over the RRset is served that has not expired.
    pub is_signed: bool,
    /// Set if what was served may come from a wildcard: nothing is signed that could tell (RFC 4035 section 2.2).
    pub(super) is_doubtful: bool,
    /// Set with `is_doubtful` if what was served is a CNAME.
    pub(super) is_alias: bool,
}

/// Reads what the server of `zone` answers to the question of `target`, at `now` (Unix seconds).
pub(super) fn standing(
    zone: &Name,
    target: &Target,
    header: Header,
    response: &sotto_proof::message::Response,
    now: u64,
) -> Result<Standing, Obstacle> {
    use sotto_proof::message::rcode::{NOERROR, NXDOMAIN};

    if !matches!(response.rcode, NOERROR | NXDOMAIN) {
        return Err(Obstacle::NotAnswered {
            rcode: response.rcode,
        });
    }
    let owner = &target.owner;
    let of_type = |rtype| response.answer.iter().filter(move |rr| rr.rtype == rtype);
    if let Some(dname) = of_type(RecordType::DNAME).find(|dname| owner.is_below(&dname.owner)) {
        return Err(Obstacle::Alias {
            at: dname.owner.clone(),
            rtype: RecordType::DNAME,
        });
    }
    // A referral names the cut; an authoritative denial names the zone that it is of.
    let cut = response.authority.iter().find(|rr| {
        let marks = if header.is_authoritative {
            RecordType::SOA
        } else {
            RecordType::NS
        };
        rr.rtype == marks && rr.owner.is_below(zone) && owner.is_at_or_below(&rr.owner)
    });
    if let Some(cut) = cut {
        return Err(Obstacle::Delegated {
            cut: cut.owner.clone(),
        });
    }
    if !header.is_authoritative {
        return Err(Obstacle::NotAnswered {
            rcode: response.rcode,
        });
    }

    let here = |rtype| of_type(rtype).filter(|rr| rr.owner == *owner);
    for (rtype, is_alias) in [(RecordType::CNAME, true), (target.rtype, false)] {
        let Some(first) = here(rtype).next() else {
            continue;
        };
        let signatures = Signatures::read(here(RecordType::RRSIG), rtype, now);
        if signatures
            .labels
            .is_some_and(|labels| labels < literal_labels(owner))
        {
            return Ok(Standing::default()); // made from a wildcard: nothing stands at the name itself
        }
        if let Some(signer) = signatures.signer.filter(|signer| signer != zone) {
            return Err(Obstacle::Delegated { cut: signer });
        }
        if is_alias && signatures.labels.is_some() {
            return Err(Obstacle::Alias {
                at: owner.clone(),
                rtype,
            });
        }
        return Ok(Standing {
            ttl: first.ttl,
            rdatas: here(rtype)
                .filter(|_| !is_alias)
                .map(|rr| rr.rdata.clone())
                .collect(),
            is_signed: signatures.is_current,
            is_doubtful: signatures.labels.is_none(),
            is_alias,
        });
    }
    Ok(Standing::default())
}

/// What the signatures over an RRset say without being verified.
#[derive(Default)]
struct Signatures {
    labels: Option<usize>,
    signer: Option<Name>,
    is_current: bool,
}

impl Signatures {
    fn read<'a>(records: impl Iterator<Item = &'a Record>, covered: RecordType, now: u64) -> Self {
        let mut read = Self::default();
        for rrsig in records.filter_map(|rr| Rrsig::parse(&rr.rdata)) {
            if rrsig.covered == covered {
                // Serial arithmetic (RFC 4034 section 3.1.5).
                let left = rrsig.expiration.wrapping_sub(now as u32);
                read.is_current |= left < 1 << 31;
                read.labels = Some(usize::from(rrsig.labels));
                read.signer = Some(rrsig.signer);
            }
        }
        read
    }
}

/// The labels of a name as an RRSIG counts them: a wildcard's asterisk does not count (RFC 4034 section 3.1.3).
fn literal_labels(name: &Name) -> usize {
    name.label_count() - usize::from(name.is_wildcard())
}
