//! A name server of one zone in memory: RFC 2136 to the letter, as far as an updater can tell, with faults on request.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use sotto_proof::{CLASS_IN, Name, RecordType};

use crate::update::TsigKey;
use crate::update::wire::{CLASS_ANY, CLASS_NONE, Reader, last_additional};

/// An RRset: its TTL and the RDATA of each RR.
type RRset = (u32, Vec<Vec<u8>>);

/// The server, and what is wrong with it.
pub(super) struct Server {
    pub(super) zone: Name,
    pub(super) key: TsigKey,
    pub(super) rrsets: BTreeMap<(Name, u16), RRset>,
    pub(super) serial: u32,
    /// Whether answers carry RRSIGs.
    pub(super) is_signed: bool,
    /// The names in whose updates it refuses with this response code.
    pub(super) refused: Vec<(Name, u16)>,
    /// How often somebody else adds an RR here, each time before an update is looked at.
    pub(super) intruder: Option<(Name, u32)>,
    /// So many answers to queries still show what stood before the last update, without signatures.
    pub(super) lag: usize,
    before: BTreeMap<(Name, u16), RRset>,
    /// The updates that came.
    pub(super) updates: usize,
    /// Answers are not signed.
    pub(super) is_mute: bool,
}

struct Rr {
    owner: Name,
    rtype: u16,
    class: u16,
    ttl: u32,
    rdata: Vec<u8>,
}

impl Server {
    pub(super) fn new(zone: &str, key: TsigKey) -> Self {
        Self {
            zone: zone.parse().unwrap(),
            key,
            rrsets: BTreeMap::new(),
            serial: 1,
            is_signed: true,
            refused: Vec::new(),
            intruder: None,
            lag: 0,
            before: BTreeMap::new(),
            updates: 0,
            is_mute: false,
        }
    }

    /// The answer to a message, signed at `now`.
    pub(super) fn answer(&mut self, message: &[u8], now: u64) -> Vec<u8> {
        let last = last_additional(message).unwrap().unwrap();
        let tsig = &message[last.rdata];
        let mut reader = Reader(&message[4..last.start]);
        let counts: Vec<u16> = (0..4).map(|_| reader.u16().unwrap()).collect();
        let start = message.len() - reader.0.len() - (message.len() - last.start);
        let owner = reader.name().unwrap();
        let rtype = reader.u16().unwrap();
        reader.u16().unwrap();
        let question = &message[start..last.start - reader.0.len()];
        let is_update = message[2] & 0x78 == 5 << 3;
        let (rcode, answers) = if is_update {
            assert_eq!((&owner, rtype), (&self.zone, 6));
            let prerequisites: Vec<Rr> = (0..counts[1]).map(|_| rr(&mut reader)).collect();
            let updates: Vec<Rr> = (0..counts[2]).map(|_| rr(&mut reader)).collect();
            assert!(reader.0.is_empty());
            (self.update(&prerequisites, &updates), Vec::new())
        } else {
            (0, self.query(&owner, rtype))
        };
        let mut answer = message[..2].to_vec();
        answer.extend([0x84 | message[2] & 0x78, rcode as u8]);
        for count in [1, answers.len() as u16, 0, 0] {
            answer.extend(count.to_be_bytes());
        }
        answer.extend(question);
        answer.extend(answers.concat());
        if !self.is_mute {
            self.sign(&mut answer, tsig, now);
        }
        answer
    }

    fn query(&mut self, owner: &Name, rtype: u16) -> Vec<Vec<u8>> {
        if rtype == RecordType::SOA.0 && *owner == self.zone {
            let mut rdata = vec![0, 0];
            for number in [self.serial, 1, 1, 1, 1] {
                rdata.extend(number.to_be_bytes());
            }
            return self.rrset(owner, rtype, &(300, vec![rdata]), self.is_signed);
        }
        let lags = self.lag > 0;
        self.lag = self.lag.saturating_sub(1);
        let rrsets = if lags { &self.before } else { &self.rrsets };
        match rrsets.get(&(owner.clone(), rtype)) {
            Some(rrset) => self.rrset(owner, rtype, rrset, self.is_signed && !lags),
            None => Vec::new(),
        }
    }

    fn rrset(&self, owner: &Name, rtype: u16, rrset: &RRset, is_signed: bool) -> Vec<Vec<u8>> {
        let (ttl, rdatas) = rrset;
        let mut lines: Vec<_> = rdatas
            .iter()
            .map(|rdata| record(owner, rtype, *ttl, rdata))
            .collect();
        if is_signed {
            let rdata = rrsig(owner, rtype, &self.zone);
            lines.push(record(owner, RecordType::RRSIG.0, *ttl, &rdata));
        }
        lines
    }

    fn update(&mut self, prerequisites: &[Rr], updates: &[Rr]) -> u16 {
        self.updates += 1;
        if let Some((owner, times)) = &mut self.intruder
            && *times > 0
        {
            *times -= 1;
            let text = format!("x{times}");
            let rdata = [&[text.len() as u8], text.as_bytes()].concat();
            let rrset = self.rrsets.entry((owner.clone(), 16)).or_default();
            rrset.1.push(rdata);
        }
        let mut expected: BTreeMap<(Name, u16), Vec<Vec<u8>>> = BTreeMap::new();
        for rr in prerequisites {
            let key = (rr.owner.clone(), rr.rtype);
            match rr.class {
                CLASS_NONE if self.rrsets.contains_key(&key) => return 7,
                CLASS_NONE => {}
                CLASS_IN => expected.entry(key).or_default().push(rr.rdata.clone()),
                other => panic!("class {other}"),
            }
        }
        for (key, mut rdatas) in expected {
            let mut standing = self
                .rrsets
                .get(&key)
                .map(|(_, set)| set.clone())
                .unwrap_or_default();
            standing.sort();
            rdatas.sort();
            if standing != rdatas {
                return 8;
            }
        }
        if let Some((_, rcode)) = self
            .refused
            .iter()
            .find(|(owner, _)| updates.iter().any(|rr| rr.owner == *owner))
        {
            return *rcode;
        }
        self.before = self.rrsets.clone();
        self.serial += 1;
        for rr in updates {
            let key = (rr.owner.clone(), rr.rtype);
            let rrset = self.rrsets.entry(key.clone()).or_default();
            rrset.1.retain(|rdata| *rdata != rr.rdata);
            if rr.class == CLASS_IN {
                *rrset = (
                    rr.ttl,
                    [&rrset.1[..], std::slice::from_ref(&rr.rdata)].concat(),
                );
            }
            if rrset.1.is_empty() {
                self.rrsets.remove(&key);
            }
        }
        0
    }

    /// Signs as RFC 8945 section 5.3.1 says, from the text and not from the code under test.
    fn sign(&self, answer: &mut Vec<u8>, request: &[u8], now: u64) {
        let mut reader = Reader(request);
        let algorithm = reader.name().unwrap();
        reader.take(8).unwrap();
        let length = reader.u16().unwrap();
        let request_mac = reader.take(length.into()).unwrap();
        let time = &now.to_be_bytes()[2..];
        let mut signed = length.to_be_bytes().to_vec();
        signed.extend(request_mac);
        signed.extend(&answer[..]);
        signed.extend(self.key.name().as_wire());
        signed.extend([0, 255, 0, 0, 0, 0]);
        signed.extend(algorithm.as_wire());
        signed.extend(time);
        signed.extend([1, 44, 0, 0, 0, 0]);
        let mac = hmac::sign(self.key.secret(), &signed);
        let mac = mac.as_ref();

        let id = answer[..2].to_vec();
        answer[11] += 1;
        let rdata = [
            algorithm.as_wire(),
            time,
            &[1, 44],
            &(mac.len() as u16).to_be_bytes(),
            mac,
            &id,
            &[0, 0, 0, 0],
        ]
        .concat();
        let mut tsig = record(self.key.name(), 250, 0, &rdata);
        let class_at = self.key.name().as_wire().len() + 2;
        tsig[class_at..class_at + 2].copy_from_slice(&CLASS_ANY.to_be_bytes());
        answer.extend(tsig);
    }
}

/// An RR of class IN.
pub(super) fn record(owner: &Name, rtype: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let mut octets = owner.as_wire().to_vec();
    octets.extend(rtype.to_be_bytes());
    octets.extend(CLASS_IN.to_be_bytes());
    octets.extend(ttl.to_be_bytes());
    octets.extend((rdata.len() as u16).to_be_bytes());
    octets.extend(rdata);
    octets
}

/// The RDATA of an RRSIG that never expires, its signature nonsense.
pub(super) fn rrsig(owner: &Name, covered: u16, signer: &Name) -> Vec<u8> {
    let labels = owner.label_count() - usize::from(owner.is_wildcard());
    let mut rdata = covered.to_be_bytes().to_vec();
    rdata.extend([13, labels as u8]);
    rdata.extend([0; 4]);
    rdata.extend((super::NOW as u32 + 1_000).to_be_bytes());
    rdata.extend([0; 6]);
    rdata.extend(signer.as_wire());
    rdata.extend([0; 64]);
    rdata
}

fn rr(reader: &mut Reader<'_>) -> Rr {
    let owner = reader.name().unwrap();
    let rtype = reader.u16().unwrap();
    let class = reader.u16().unwrap();
    let ttl = u32::from(reader.u16().unwrap()) << 16 | u32::from(reader.u16().unwrap());
    let length = reader.u16().unwrap();
    let rdata = reader.take(length.into()).unwrap().to_vec();
    Rr {
        owner,
        rtype,
        class,
        ttl,
        rdata,
    }
}
