//! A root zone of one key, signed with ECDSA P-256 (RFC 6605): the smallest tree that has real proofs.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use sotto_proof::{CLASS_IN, Name, Record, RecordType};

const ALGORITHM: u8 = 13;
pub(crate) const TTL: u32 = 3_600;

/// The key of the root, which outlives changes of the zone's content.
pub(crate) struct RootKey {
    pair: EcdsaKeyPair,
    dnskey: Vec<u8>,
}

impl RootKey {
    pub(crate) fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        // Flags 257, protocol 3; the point without its leading "uncompressed" octet.
        let mut dnskey = vec![1, 1, 3, ALGORITHM];
        dnskey.extend_from_slice(&pair.public_key().as_ref()[1..]);
        Self { pair, dnskey }
    }

    /// The DS line for an anchor file.
    pub(crate) fn anchor(&self) -> String {
        let hashed = digest(&SHA256, &[&[0][..], &self.dnskey].concat());
        let hashed: String = hashed
            .as_ref()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        format!(". IN DS {} {ALGORITHM} 2 {hashed}\n", self.tag())
    }

    fn tag(&self) -> u16 {
        // RFC 4034 appendix B.
        let sum: u32 = self
            .dnskey
            .iter()
            .enumerate()
            .map(|(index, octet)| u32::from(*octet) << (if index % 2 == 0 { 8 } else { 0 }))
            .sum();
        ((sum + (sum >> 16)) & 0xffff) as u16
    }
}

/// A signed root zone.
#[derive(Clone)]
pub(crate) struct Zone {
    rrsets: BTreeMap<(Name, u16), Vec<Record>>,
    owners: BTreeSet<Name>,
}

/// What a text begins with that stands for a CNAME record to the name behind it.
pub(crate) const ALIAS_TO: &str = "alias to ";

impl Zone {
    /// Signs a zone that holds TXT records of `texts` (owner, text), from an hour before `now` on for `days`.
    pub(crate) fn sign(key: &RootKey, texts: &[(String, String)], now: u64, days: u64) -> Self {
        let mut plain: BTreeMap<(Name, u16), Vec<Vec<u8>>> = BTreeMap::new();
        let root = Name::root();
        let mut soa = vec![0, 0];
        for number in [1_u32, 7_200, 3_600, 1_209_600, 300] {
            soa.extend_from_slice(&number.to_be_bytes());
        }
        plain.insert((root.clone(), RecordType::SOA.0), vec![soa]);
        plain.insert(
            (root.clone(), RecordType::DNSKEY.0),
            vec![key.dnskey.clone()],
        );
        for (owner, text) in texts {
            if let Some(target) = text.strip_prefix(ALIAS_TO) {
                let target: Name = target.parse().unwrap();
                let at = (owner.parse().unwrap(), RecordType::CNAME.0);
                plain.insert(at, vec![target.as_wire().to_vec()]);
                continue;
            }
            let mut rdata = Vec::new();
            for string in text.as_bytes().chunks(255) {
                rdata.push(u8::try_from(string.len()).unwrap());
                rdata.extend_from_slice(string);
            }
            let at = (owner.parse().unwrap(), RecordType::TXT.0);
            plain.entry(at).or_default().push(rdata);
        }
        let owners: BTreeSet<Name> = plain.keys().map(|(owner, _)| owner.clone()).collect();
        let ring: Vec<&Name> = owners.iter().collect();
        for (index, owner) in ring.iter().enumerate() {
            let next = ring[(index + 1) % ring.len()];
            let types = plain
                .keys()
                .filter(|(name, _)| name == *owner)
                .map(|(_, rtype)| *rtype);
            let types = types.chain([RecordType::RRSIG.0, RecordType::NSEC.0]);
            let mut bitmap = [0_u8; 8];
            for rtype in types {
                bitmap[usize::from(rtype) / 8] |= 0x80 >> (rtype % 8);
            }
            let used = bitmap.iter().rposition(|octet| *octet != 0).unwrap() + 1;
            let mut rdata = next.as_wire().to_vec();
            rdata.extend([0, used as u8]);
            rdata.extend_from_slice(&bitmap[..used]);
            plain.insert(((*owner).clone(), RecordType::NSEC.0), vec![rdata]);
        }
        let rrsets = plain
            .into_iter()
            .map(|((owner, rtype), mut rdatas)| {
                rdatas.sort();
                let rrsig = rrsig(key, &owner, rtype, &rdatas, now, days);
                let records = rdatas
                    .into_iter()
                    .map(|rdata| record(&owner, rtype, rdata))
                    .chain([record(&owner, RecordType::RRSIG.0, rrsig)])
                    .collect();
                ((owner, rtype), records)
            })
            .collect();
        Self { rrsets, owners }
    }

    /// The response code, the answer and the authority section for a question.
    pub(crate) fn look_up(&self, name: &Name, rtype: u16) -> (u16, Vec<Record>, Vec<Record>) {
        if let Some(answer) = self.rrsets.get(&(name.clone(), rtype)) {
            return (0, answer.clone(), Vec::new());
        }
        if let Some(alias) = self.rrsets.get(&(name.clone(), RecordType::CNAME.0)) {
            return (0, alias.clone(), Vec::new());
        }
        let exists = self.owners.iter().any(|owner| owner.is_at_or_below(name));
        let of_type = |rtype: RecordType| {
            self.rrsets
                .iter()
                .filter(move |((_, known), _)| *known == rtype.0)
        };
        // Every NSEC there is: few, and whichever is needed is among them.
        let authority = of_type(RecordType::SOA)
            .chain(of_type(RecordType::NSEC))
            .flat_map(|(_, records)| records.clone())
            .collect();
        (if exists { 0 } else { 3 }, Vec::new(), authority)
    }
}

fn record(owner: &Name, rtype: u16, rdata: Vec<u8>) -> Record {
    Record {
        owner: owner.clone(),
        rtype: RecordType(rtype),
        class: CLASS_IN,
        ttl: TTL,
        rdata: rdata.into(),
    }
}

/// RFC 4034 section 3.1.
fn rrsig(
    key: &RootKey,
    owner: &Name,
    rtype: u16,
    rdatas: &[Vec<u8>],
    now: u64,
    days: u64,
) -> Vec<u8> {
    let mut rrsig = rtype.to_be_bytes().to_vec();
    rrsig.extend([ALGORITHM, owner.label_count() as u8]);
    rrsig.extend_from_slice(&TTL.to_be_bytes());
    for time in [now + days * 86_400, now - 3_600] {
        rrsig.extend_from_slice(&(time as u32).to_be_bytes());
    }
    rrsig.extend_from_slice(&key.tag().to_be_bytes());
    rrsig.push(0);
    let mut signed = rrsig.clone();
    for rdata in rdatas {
        signed.extend_from_slice(owner.to_lowercase().as_wire());
        signed.extend_from_slice(&rtype.to_be_bytes());
        signed.extend_from_slice(&CLASS_IN.to_be_bytes());
        signed.extend_from_slice(&TTL.to_be_bytes());
        signed.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        signed.extend_from_slice(rdata);
    }
    let signature = key.pair.sign(&SystemRandom::new(), &signed).unwrap();
    rrsig.extend_from_slice(signature.as_ref());
    rrsig
}
