//! What a verdict needs and nobody can leave out: its signature checks and NSEC3 hashes, with everything at hand.

use std::hint::black_box;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use sotto_proof::rdata::{Dnskey, Rrsig, key_tag};
use sotto_proof::{Record, RecordType, Verification};

/// Octets that one NSEC3 hash reads: a name of typical length, without salt (RFC 9276).
const HASHED_BYTES: usize = 40;

/// Octets before the signature's zone in RRSIG RDATA (RFC 4034 section 3.1).
const RRSIG_FIXED: usize = 18;

/// One signature check, ready to be made.
struct Check {
    algorithm: u8,
    /// The key as the library takes it.
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

/// The bare work under one verdict.
pub(crate) struct Floor {
    checks: Vec<Check>,
    hashes: usize,
}

impl Floor {
    /// Prepares the checks under a verdict.
    pub(crate) fn of(verification: &Verification) -> Result<Self> {
        let used = &verification.used;
        let rrsigs = used
            .iter()
            .filter(|record| record.rtype == RecordType::RRSIG);
        let checks: Vec<_> = rrsigs
            .map(|record| Check::new(record, used))
            .collect::<Result<_>>()?;
        ensure!(
            checks.len() == verification.chain.len(),
            "{} signatures among the records used, {} in the chain",
            checks.len(),
            verification.chain.len()
        );
        let floor = Self {
            checks,
            hashes: verification.cost.nsec3_hashes,
        };
        ensure!(floor.run(), "a bare check fails");
        Ok(floor)
    }

    /// Signatures to check.
    pub(crate) fn signatures(&self) -> usize {
        self.checks.len()
    }

    /// Does the work once; whether every signature is good.
    pub(crate) fn run(&self) -> bool {
        for _ in 0..self.hashes {
            black_box(digest(&SHA1_FOR_LEGACY_USE_ONLY, &[0x5a; HASHED_BYTES]));
        }
        self.checks.iter().all(Check::is_good)
    }
}

impl Check {
    fn new(rrsig: &Record, used: &[Record]) -> Result<Self> {
        let fields = Rrsig::parse(&rrsig.rdata).context("an RRSIG cannot be read")?;
        let keys = used.iter().filter(|record| {
            record.rtype == RecordType::DNSKEY
                && record.owner == fields.signer
                && key_tag(&record.rdata) == fields.key_tag
        });
        let dnskey = keys.map(|record| Dnskey::parse(&record.rdata)).next();
        let dnskey = dnskey.flatten().context("no key of that tag")?;
        let mut key = dnskey.key.to_vec();
        if matches!(fields.algorithm, 13 | 14) {
            // The octet for an uncompressed point, which DNSKEY leaves out (RFC 6605 section 4).
            key.insert(0, 4);
        }
        Ok(Self {
            algorithm: fields.algorithm,
            key,
            message: message(rrsig, &fields, used),
            signature: fields.signature.to_vec(),
        })
    }

    fn is_good(&self) -> bool {
        let (message, signature) = (&self.message, &self.signature);
        match self.algorithm {
            8 | 10 => {
                let padding = if self.algorithm == 8 {
                    &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
                } else {
                    &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
                };
                // RFC 3110 section 2, with an exponent of less than 256 octets.
                let (e, n) = self.key[1..].split_at(usize::from(self.key[0]));
                let key = RsaPublicKeyComponents { n, e };
                key.verify(padding, message, signature).is_ok()
            }
            13 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.key)
                .verify(message, signature)
                .is_ok(),
            14 => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &self.key)
                .verify(message, signature)
                .is_ok(),
            _ => UnparsedPublicKey::new(&ED25519, &self.key)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

/// What was signed (RFC 4034 section 3.1.8.1); the measured zones hold nothing in upper case.
fn message(rrsig: &Record, fields: &Rrsig<'_>, used: &[Record]) -> Vec<u8> {
    let fixed = RRSIG_FIXED + fields.signer.as_wire().len();
    let mut message = rrsig.rdata[..fixed].to_vec();
    let mut rdatas: Vec<_> = used
        .iter()
        .filter(|record| record.rtype == fields.covered && record.owner == rrsig.owner)
        .map(|record| &record.rdata)
        .collect();
    rdatas.sort();
    let labels = usize::from(fields.labels);
    let owner = rrsig.owner.to_lowercase();
    let owner = if labels < owner.label_count() - usize::from(owner.is_wildcard()) {
        [b"\x01*", owner.ancestor(labels).as_wire()].concat()
    } else {
        owner.as_wire().to_vec()
    };
    for rdata in rdatas {
        message.extend_from_slice(&owner);
        message.extend_from_slice(&fields.covered.0.to_be_bytes());
        message.extend_from_slice(&1_u16.to_be_bytes());
        message.extend_from_slice(&fields.original_ttl.to_be_bytes());
        message.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
        message.extend_from_slice(rdata);
    }
    message
}
