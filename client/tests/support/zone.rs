//! A signed root zone that holds every name itself, and proves what it holds and what it does not.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};
use sotto_client::proof::{Name, Record, RecordType, encode};

/// The time in every test: 2026-11-22 00:00:00 UTC and a little.
pub const NOW: u64 = 1_795_305_700;

pub const HOUR: u64 = 3_600;
pub const DAY: u64 = 86_400;

const TTL: u32 = 3_600;
const ED25519: u8 = 15;

/// When a signature is made for, and from which wildcard the RRset comes.
#[derive(Clone, Copy)]
pub struct Signing {
    pub from: u64,
    pub until: u64,
    /// The labels of the wildcard's parent; `None` for an exact name.
    pub wildcard_labels: Option<u8>,
    /// Whether the DNSKEY RRset is signed for the same time, or always for a time around [`NOW`].
    pub all: bool,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            from: NOW - DAY,
            until: NOW + 7 * DAY,
            wildcard_labels: None,
            all: false,
        }
    }
}

pub struct Zone {
    key: Ed25519KeyPair,
    rrsets: Vec<(String, RecordType, Vec<Vec<u8>>)>,
}

/// Signed records, which become a proof together with the zone's keys.
pub struct Signed(Vec<Record>);

impl Signed {
    pub fn and(mut self, more: Self) -> Self {
        self.0.extend(more.0);
        self
    }

    pub fn into_proof(self) -> Vec<u8> {
        encode(&self.0)
    }
}

impl Zone {
    pub fn new() -> Self {
        Self {
            key: Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap(),
            rrsets: Vec::new(),
        }
    }

    pub fn add(&mut self, owner: &str, rtype: RecordType, rdatas: Vec<Vec<u8>>) {
        self.rrsets.push((owner.to_owned(), rtype, rdatas));
    }

    /// The DS line of the zone's key.
    pub fn anchor(&self) -> String {
        let mut hash = Sha256::new();
        hash.update([0]);
        hash.update(self.dnskey());
        format!(
            ". IN DS {} {ED25519} 2 {}",
            self.key_tag(),
            hex::encode(hash.finalize())
        )
    }

    /// The proof that an honest gateway makes: an answer, from a wildcard perhaps, or a denial.
    ///
    /// The whole chain of NSEC is one record from `.` to `.`, so every name that has no RRset is denied by it.
    pub fn prove(&self, name: &str, rtype: &str) -> Vec<u8> {
        let rtype: RecordType = rtype.parse().unwrap();
        if let Some((_, _, rdatas)) = self
            .rrsets
            .iter()
            .find(|(owner, held, _)| owner == name && *held == rtype)
        {
            return self
                .signed(name, rtype, rdatas, &Signing::default())
                .into_proof();
        }
        let wildcard = self.rrsets.iter().find(|(owner, held, _)| {
            *held == rtype
                && owner
                    .strip_prefix('*')
                    .is_some_and(|parent| name.ends_with(parent))
        });
        if let Some((owner, _, rdatas)) = wildcard {
            let wildcard_labels = u8::try_from(owner.matches('.').count() - 1).ok();
            let signing = Signing {
                wildcard_labels,
                ..Signing::default()
            };
            // From the wildcard on there is nothing: so not the exact name either.
            return self
                .signed(name, rtype, rdatas, &signing)
                .and(self.nsec(owner, &format!("zz.{}", &owner[2..]), &[rtype]))
                .into_proof();
        }
        if self.rrsets.iter().any(|(owner, ..)| owner == name) {
            return self.nsec(name, ".", &[RecordType::A]).into_proof();
        }
        self.nsec(".", ".", &[RecordType::NS, RecordType::SOA])
            .into_proof()
    }

    /// A denial: nothing between `owner` and `next`, and at `owner` only `types`.
    pub fn nsec(&self, owner: &str, next: &str, types: &[RecordType]) -> Signed {
        self.nsec_signed(owner, next, types, &Signing::default())
    }

    /// The same, signed at another time.
    pub fn nsec_signed(
        &self,
        owner: &str,
        next: &str,
        types: &[RecordType],
        signing: &Signing,
    ) -> Signed {
        let next: Name = next.parse().unwrap();
        let mut bitmap = [0_u8; 32];
        for rtype in types.iter().chain(&[RecordType::RRSIG, RecordType::NSEC]) {
            bitmap[usize::from(rtype.0 / 8)] |= 0x80 >> (rtype.0 % 8);
        }
        let mut rdata = next.as_wire().to_vec();
        rdata.extend([0, 32]);
        rdata.extend(bitmap);
        self.signed(owner, RecordType::NSEC, &[rdata], signing)
    }

    /// An RRset and its signature, with the zone's keys and theirs.
    pub fn signed(
        &self,
        owner: &str,
        rtype: RecordType,
        rdatas: &[Vec<u8>],
        signing: &Signing,
    ) -> Signed {
        let around_now = Signing {
            wildcard_labels: None,
            ..if signing.all {
                *signing
            } else {
                Signing::default()
            }
        };
        let mut records = self.rrset(".", RecordType::DNSKEY, &[self.dnskey()], &around_now);
        records.extend(self.rrset(owner, rtype, rdatas, signing));
        Signed(records)
    }

    fn rrset(
        &self,
        owner: &str,
        rtype: RecordType,
        rdatas: &[Vec<u8>],
        signing: &Signing,
    ) -> Vec<Record> {
        let owner: Name = owner.parse().unwrap();
        let record = |rtype, rdata: &[u8]| Record {
            owner: owner.clone(),
            rtype,
            class: 1,
            ttl: TTL,
            rdata: rdata.into(),
        };
        let mut sorted = rdatas.to_vec();
        sorted.sort();

        let labels = u8::try_from(owner.label_count()).unwrap() - u8::from(owner.is_wildcard());
        let mut rrsig = Vec::new();
        rrsig.extend(rtype.0.to_be_bytes());
        rrsig.extend([ED25519, signing.wildcard_labels.unwrap_or(labels)]);
        rrsig.extend(TTL.to_be_bytes());
        rrsig.extend((signing.until as u32).to_be_bytes());
        rrsig.extend((signing.from as u32).to_be_bytes());
        rrsig.extend(self.key_tag().to_be_bytes());
        rrsig.push(0);

        let signed_owner = match signing.wildcard_labels {
            Some(labels) => owner.ancestor(labels.into()).prepend(b"*").unwrap(),
            None => owner.clone(),
        };
        let mut message = rrsig.clone();
        for rdata in &sorted {
            message.extend(signed_owner.to_lowercase().as_wire());
            message.extend(rtype.0.to_be_bytes());
            message.extend(1_u16.to_be_bytes());
            message.extend(TTL.to_be_bytes());
            message.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
            message.extend(rdata);
        }
        rrsig.extend(self.key.sign(&message).as_ref());
        sorted
            .iter()
            .map(|rdata| record(rtype, rdata))
            .chain([record(RecordType::RRSIG, &rrsig)])
            .collect()
    }

    fn dnskey(&self) -> Vec<u8> {
        let mut rdata = vec![1, 1, 3, ED25519];
        rdata.extend(self.key.public_key().as_ref());
        rdata
    }

    fn key_tag(&self) -> u16 {
        let sum: u32 = self
            .dnskey()
            .chunks(2)
            .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
            .sum();
        ((sum + (sum >> 16)) & 0xffff) as u16
    }
}

/// The RDATA of a TXT record.
pub fn txt(text: &str) -> Vec<u8> {
    let mut rdata = Vec::new();
    for part in text.as_bytes().chunks(255) {
        rdata.push(u8::try_from(part.len()).unwrap());
        rdata.extend(part);
    }
    rdata
}
