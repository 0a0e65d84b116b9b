//! A small signer: zones with keys, and the records that a server would answer with.
//!
//! Keys are Ed25519 from a seed that the zone's name gives, unless a test asks for another
//! algorithm. Every signature is valid from [`FROM`] to [`UNTIL`], and tests verify at [`NOW`].

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its part of the support"
)]

pub mod zone;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaKeyPair,
};
use aws_lc_rs::{digest, rsa};
use data_encoding::{BASE32HEX_NOPAD, HEXLOWER};
use sotto_proof::{
    Anchors, CLASS_IN, Code, Limits, Name, PathStep, Question, Record, RecordType, SignatureMemory,
    Verdict, Verification, codec, rdata, verify, verify_with_memory,
};

/// The time at which tests verify, in Unix seconds.
pub const NOW: u64 = 1_800_000_000;
/// When signatures begin.
pub const FROM: u32 = 1_799_900_000;
/// When signatures end.
pub const UNTIL: u32 = 1_800_600_000;
/// The TTL of every record.
pub const TTL: u32 = 3_600;

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// What settled `at`, published at `owner`, which is no wildcard.
pub fn path_step(at: &str, owner: &str) -> PathStep {
    PathStep {
        name: name(at),
        owner: name(owner),
        from_wildcard: false,
    }
}

pub fn question(name: &str, rtype: &str) -> Question {
    Question {
        name: name.parse().unwrap(),
        rtype: rtype.parse().unwrap(),
    }
}

pub fn record(owner: &str, rtype: RecordType, rdata: &[u8]) -> Record {
    Record {
        owner: name(owner),
        rtype,
        class: CLASS_IN,
        ttl: TTL,
        rdata: rdata.into(),
    }
}

pub fn txt(owner: &str, text: &str) -> Record {
    let rdata = [&[text.len() as u8], text.as_bytes()].concat();
    record(owner, RecordType::TXT, &rdata)
}

pub fn cname(owner: &str, target: &str) -> Record {
    record(owner, RecordType::CNAME, name(target).as_wire())
}

pub fn dname(owner: &str, target: &str) -> Record {
    record(owner, RecordType::DNAME, name(target).as_wire())
}

pub fn soa(zone: &str, minimum: u32) -> Record {
    let numbers = [1, 2, 3, 4, minimum].map(u32::to_be_bytes).concat();
    let server = name(zone).prepend(b"ns").unwrap();
    let rdata = [server.as_wire(), server.as_wire(), &numbers].concat();
    record(zone, RecordType::SOA, &rdata)
}

/// Writes a type bitmap from mnemonics.
pub fn bitmap(types: &str) -> Vec<u8> {
    let mut types: Vec<u16> = types
        .split_whitespace()
        .map(|text| text.parse::<RecordType>().unwrap().0)
        .collect();
    types.sort_unstable();
    let mut octets = Vec::new();
    for window in types.chunk_by(|a, b| a >> 8 == b >> 8) {
        let mut bits = [0u8; 32];
        for rtype in window {
            bits[usize::from(rtype & 0xff) / 8] |= 0x80 >> (rtype % 8);
        }
        let length = 32 - bits.iter().rev().take_while(|&&octet| octet == 0).count();
        octets.extend([(window[0] >> 8) as u8, length as u8]);
        octets.extend(&bits[..length]);
    }
    octets
}

pub fn nsec(owner: &str, next: &str, types: &str) -> Record {
    let rdata = [name(next).as_wire(), &bitmap(types)].concat();
    record(owner, RecordType::NSEC, &rdata)
}

/// The parameters of an NSEC3 chain.
#[derive(Clone, Copy)]
pub struct Nsec3 {
    pub iterations: u16,
    pub salt: &'static [u8],
    pub opt_out: bool,
}

impl Nsec3 {
    pub const PLAIN: Self = Self {
        iterations: 0,
        salt: b"",
        opt_out: false,
    };
    pub const OPT_OUT: Self = Self {
        iterations: 0,
        salt: b"",
        opt_out: true,
    };

    pub fn hash(self, name: &Name) -> Vec<u8> {
        let sha1 = |octets: &[u8]| {
            let octets = [octets, self.salt].concat();
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &octets)
                .as_ref()
                .to_vec()
        };
        let first = sha1(name.to_lowercase().as_wire());
        (0..self.iterations).fold(first, |hash, _| sha1(&hash))
    }

    /// Makes the whole chain of a zone from its names and their types.
    pub fn chain(self, zone: &str, names: &[(&str, &str)]) -> Vec<Record> {
        let mut hashed: Vec<_> = names
            .iter()
            .map(|(owner, types)| (self.hash(&name(owner)), *types))
            .collect();
        hashed.sort();
        (0..hashed.len())
            .map(|at| {
                let next = &hashed[(at + 1) % hashed.len()].0;
                self.record(zone, &hashed[at].0, next, hashed[at].1)
            })
            .collect()
    }

    pub fn record(self, zone: &str, hash: &[u8], next: &[u8], types: &str) -> Record {
        let label = BASE32HEX_NOPAD.encode(hash).to_lowercase();
        let owner = name(zone).prepend(label.as_bytes()).unwrap();
        let mut rdata = vec![1, u8::from(self.opt_out)];
        rdata.extend(self.iterations.to_be_bytes());
        rdata.push(self.salt.len() as u8);
        rdata.extend(self.salt);
        rdata.push(next.len() as u8);
        rdata.extend(next);
        rdata.extend(bitmap(types));
        record(&owner.to_string(), RecordType::NSEC3, &rdata)
    }
}

/// Returns the hash one above or below.
pub fn step(hash: &[u8], up: bool) -> Vec<u8> {
    let mut hash = hash.to_vec();
    for octet in hash.iter_mut().rev() {
        *octet = if up {
            octet.wrapping_add(1)
        } else {
            octet.wrapping_sub(1)
        };
        if *octet != if up { 0 } else { 0xff } {
            break;
        }
    }
    hash
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    /// Signs with zeros, for algorithms that are not supported.
    None,
}

/// A key pair as a zone's combined signing key.
pub struct Key {
    pair: Pair,
    pub algorithm: u8,
    /// The RDATA of its DNSKEY record.
    pub dnskey: Vec<u8>,
}

impl Key {
    pub const FLAGS: u16 = 257;

    pub fn ed25519(seed: &str) -> Self {
        let seed = digest::digest(&digest::SHA256, seed.as_bytes());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap();
        let public = pair.public_key().as_ref().to_vec();
        Self::new(Pair::Ed25519(pair), 15, &public)
    }

    /// Generates a key of any algorithm; unsupported ones get octets that look like a key.
    pub fn generate(algorithm: u8) -> Self {
        match algorithm {
            8 | 10 => {
                let pair = RsaKeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
                // DER of RSAPublicKey: the modulus of 256 octets, then 65537 as the last three.
                let der = pair.public_key().as_ref();
                let (modulus, exponent) = (&der[9..265], &der[der.len() - 3..]);
                let key = [&[3], exponent, modulus].concat();
                Self::new(Pair::Rsa(pair), algorithm, &key)
            }
            13 | 14 => {
                let signing = match algorithm {
                    13 => &ECDSA_P256_SHA256_FIXED_SIGNING,
                    _ => &ECDSA_P384_SHA384_FIXED_SIGNING,
                };
                let pair = EcdsaKeyPair::generate(signing).unwrap();
                let public = pair.public_key().as_ref()[1..].to_vec();
                Self::new(Pair::Ecdsa(pair), algorithm, &public)
            }
            15 => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let public = pair.public_key().as_ref().to_vec();
                Self::new(Pair::Ed25519(pair), algorithm, &public)
            }
            _ => Self::new(Pair::None, algorithm, &[algorithm; 57]),
        }
    }

    fn new(pair: Pair, algorithm: u8, public: &[u8]) -> Self {
        let dnskey = [&Self::FLAGS.to_be_bytes()[..], &[3, algorithm], public].concat();
        Self {
            pair,
            algorithm,
            dnskey,
        }
    }

    pub fn with_flags(mut self, flags: u16) -> Self {
        self.dnskey[..2].copy_from_slice(&flags.to_be_bytes());
        self
    }

    pub fn tag(&self) -> u16 {
        rdata::key_tag(&self.dnskey)
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Ecdsa(pair) => pair
                .sign(&SystemRandom::new(), message)
                .unwrap()
                .as_ref()
                .to_vec(),
            Pair::Rsa(pair) => {
                let padding = if self.algorithm == 8 {
                    &RSA_PKCS1_SHA256
                } else {
                    &RSA_PKCS1_SHA512
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .unwrap();
                signature
            }
            Pair::None => vec![0; 114],
        }
    }
}

/// What a signature says; tests change it before signing.
#[derive(Clone)]
pub struct Terms {
    pub labels: u8,
    pub original_ttl: u32,
    pub inception: u32,
    pub expiration: u32,
    pub key_tag: u16,
    pub signer: Name,
}

/// A signed zone.
pub struct Zone {
    pub name: Name,
    pub keys: Vec<Key>,
}

impl Zone {
    pub fn new(zone: &str) -> Self {
        Self {
            name: name(zone),
            keys: vec![Key::ed25519(zone)],
        }
    }

    pub fn with_key(zone: &str, key: Key) -> Self {
        Self {
            name: name(zone),
            keys: vec![key],
        }
    }

    fn text(&self) -> String {
        self.name.to_string()
    }

    /// Signs one RRset with the first key, and returns it with its RRSIG.
    pub fn sign(&self, records: Vec<Record>) -> Vec<Record> {
        self.sign_as(records, |_| ())
    }

    /// Signs each record as an RRset of its own.
    pub fn sign_each(&self, records: Vec<Record>) -> Vec<Record> {
        records
            .into_iter()
            .flat_map(|record| self.sign(vec![record]))
            .collect()
    }

    /// Signs one RRset under changed terms.
    pub fn sign_as(&self, records: Vec<Record>, change: impl Fn(&mut Terms)) -> Vec<Record> {
        self.sign_by(&self.keys[0], records, change)
    }

    /// Signs one RRset with a given key.
    pub fn sign_by(
        &self,
        key: &Key,
        mut records: Vec<Record>,
        change: impl Fn(&mut Terms),
    ) -> Vec<Record> {
        let owner = records[0].owner.to_lowercase();
        let labels = owner.label_count() - usize::from(owner.is_wildcard());
        let mut terms = Terms {
            labels: labels as u8,
            original_ttl: records[0].ttl,
            inception: FROM,
            expiration: UNTIL,
            key_tag: key.tag(),
            signer: self.name.clone(),
        };
        change(&mut terms);
        let covered = records[0].rtype;
        let mut fixed = covered.0.to_be_bytes().to_vec();
        fixed.extend([key.algorithm, terms.labels]);
        fixed.extend(terms.original_ttl.to_be_bytes());
        fixed.extend(terms.expiration.to_be_bytes());
        fixed.extend(terms.inception.to_be_bytes());
        fixed.extend(terms.key_tag.to_be_bytes());
        fixed.extend(terms.signer.as_wire());

        let signed_owner = if usize::from(terms.labels) < labels {
            [b"\x01*", owner.ancestor(terms.labels.into()).as_wire()].concat()
        } else {
            owner.as_wire().to_vec()
        };
        // Tests use no RDATA whose canonical form differs, but by lower case at the source.
        let mut rdatas: Vec<_> = records.iter().map(|record| record.rdata.clone()).collect();
        rdatas.sort();
        rdatas.dedup();
        let mut message = fixed.clone();
        for rdata in rdatas {
            message.extend(&signed_owner);
            message.extend(covered.0.to_be_bytes());
            message.extend(CLASS_IN.to_be_bytes());
            message.extend(terms.original_ttl.to_be_bytes());
            message.extend((rdata.len() as u16).to_be_bytes());
            message.extend(&rdata);
        }
        fixed.extend(key.sign(&message));
        let mut rrsig = record(&owner.to_string(), RecordType::RRSIG, &fixed);
        rrsig.ttl = records[0].ttl;
        records.push(rrsig);
        records
    }

    /// Returns what a wildcard makes for `owner`: the RRset and RRSIG of `*.<encloser>`.
    pub fn expand(&self, record: Record, encloser: &str) -> Vec<Record> {
        let labels = name(encloser).label_count() as u8;
        self.sign_as(vec![record], |terms| terms.labels = labels)
    }

    pub fn dnskey_records(&self) -> Vec<Record> {
        let dnskey = |key: &Key| record(&self.text(), RecordType::DNSKEY, &key.dnskey);
        self.keys.iter().map(dnskey).collect()
    }

    /// Returns the signed DNSKEY RRset.
    pub fn dnskey(&self) -> Vec<Record> {
        self.sign(self.dnskey_records())
    }

    /// Returns the DS record of the first key, with a SHA-256 digest.
    pub fn ds(&self) -> Record {
        self.ds_of(&self.keys[0], 2)
    }

    pub fn ds_of(&self, key: &Key, digest_type: u8) -> Record {
        let algorithm = match digest_type {
            1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            4 => &digest::SHA384,
            _ => &digest::SHA256,
        };
        let owner = self.name.to_lowercase();
        let digest = digest::digest(algorithm, &[owner.as_wire(), &key.dnskey].concat());
        let head = [&key.tag().to_be_bytes()[..], &[key.algorithm, digest_type]].concat();
        record(
            &self.text(),
            RecordType::DS,
            &[&head[..], digest.as_ref()].concat(),
        )
    }

    /// Returns the zone's first key as a trust anchor.
    pub fn anchors(&self) -> Anchors {
        Anchors::parse(&self.anchor()).unwrap()
    }

    /// Returns the line of a trust anchor for the zone's first key.
    pub fn anchor(&self) -> String {
        let ds = self.ds();
        let rdata = rdata::Ds::parse(&ds.rdata).unwrap();
        format!(
            "{} DS {} {} {} {}",
            self.name,
            rdata.key_tag,
            rdata.algorithm,
            rdata.digest_type,
            HEXLOWER.encode(rdata.digest)
        )
    }
}

/// Root, `test.` and `example.test.`, each delegated by the one above: what most tests need.
pub struct Tree {
    pub root: Zone,
    pub test: Zone,
    pub example: Zone,
}

impl Tree {
    pub fn new() -> Self {
        Self {
            root: Zone::new("."),
            test: Zone::new("test."),
            example: Zone::new("example.test."),
        }
    }

    /// Returns the DNSKEY and DS RRsets that lead to the keys of `test.`.
    pub fn to_test(&self) -> Vec<Record> {
        [
            self.root.dnskey(),
            self.root.sign(vec![self.test.ds()]),
            self.test.dnskey(),
        ]
        .concat()
    }

    /// Returns the DNSKEY and DS RRsets that lead to the keys of `example.test.`.
    pub fn to_example(&self) -> Vec<Record> {
        self.to(&self.example)
    }

    /// Returns the DNSKEY and DS RRsets that lead to the keys of a child of `test.`.
    pub fn to(&self, child: &Zone) -> Vec<Record> {
        [
            self.to_test(),
            self.test.sign(vec![child.ds()]),
            child.dnskey(),
        ]
        .concat()
    }

    pub fn verify(&self, proof: &[Record], asked: &Question) -> Verification {
        self.verify_at(proof, asked, NOW)
    }

    pub fn verify_at(&self, proof: &[Record], asked: &Question, now: u64) -> Verification {
        let (octets, anchors) = (codec::encode(proof), self.root.anchors());
        let mut memory = SignatureMemory::default();
        let _ = verify_both(&octets, asked, &anchors, now, &mut memory);
        verify_both(&octets, asked, &anchors, now, &mut memory)
    }
}

/// Verifies under the default limits, and asserts that a memory, whatever is in it, changes nothing
/// but what is checked again.
#[track_caller]
pub fn verify_both(
    proof: &[u8],
    asked: &Question,
    anchors: &Anchors,
    now: u64,
    memory: &mut SignatureMemory,
) -> Verification {
    let limits = Limits::default();
    let alone = verify(proof, asked, anchors, now, &limits);
    let mut remembering = verify_with_memory(proof, asked, anchors, now, &limits, memory);
    let good = alone.cost.signature_checks - alone.cost.failed_checks;
    assert!(remembering.cost.remembered_checks <= good);
    assert!(memory.len() <= memory.capacity());
    remembering.cost.remembered_checks = 0;
    assert_eq!(remembering, alone);
    alone
}

/// Spells a verdict in one word, with the code of its reason.
pub fn spelled(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Secure(_) => "secure".into(),
        Verdict::NoData => "nodata".into(),
        Verdict::NxDomain => "nxdomain".into(),
        Verdict::Insecure(reason) => format!("insecure {}", reason.code),
        Verdict::Bogus(reason) => format!("bogus {}", reason.code),
    }
}

/// Asserts what the tree says of a proof.
#[track_caller]
pub fn assert_verdict(tree: &Tree, proof: &[Record], name: &str, rtype: &str, expected: &str) {
    let verification = tree.verify(proof, &question(name, rtype));
    assert_eq!(
        spelled(&verification.verdict),
        expected,
        "{:?}",
        verification.verdict
    );
    let bogus = matches!(verification.verdict, Verdict::Bogus(_));
    assert_eq!(verification.used.is_empty(), bogus);
    assert_eq!(verification.validity.is_none(), bogus);
    assert_eq!(verification.cache_ttl.is_none(), bogus);
}

/// Asserts that the verdict is `Bogus` for one reason, at one name.
#[track_caller]
pub fn assert_bogus(tree: &Tree, proof: &[Record], asked: &Question, code: Code, at: &str) {
    match tree.verify(proof, asked).verdict {
        Verdict::Bogus(reason) => {
            assert_eq!(
                (reason.code, reason.name.clone()),
                (code, name(at)),
                "{reason}"
            );
        }
        other => panic!("{other:?} instead of {code}"),
    }
}
