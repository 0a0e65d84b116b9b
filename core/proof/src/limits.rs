//! What one verification may cost at most: the answer to KeyTrap (CVE-2023-50387) and to the
//! exhaustion of NSEC3 (CVE-2023-50868).

use crate::codec::MAX_PROOF_BYTES;

/// Upper bounds on the work that one proof may cause.
///
/// Whoever writes a proof chooses how much is in it; these bound what reading it costs. Exceeding
/// one makes the verdict `Bogus`, except for the iterations of NSEC3, which make it `Insecure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the proof. Range 1 to 65,535: RFC 9102 section 2.1 gives a chain a 16-bit length.
    pub bytes: usize,
    /// Records in the proof. Honest proofs hold 15 to 60; 65,535 octets could hold 5,957.
    pub records: usize,
    /// RRSIGs tried per RRset; Unbound tries 8 (MAX_VALIDATE_RRSIGS).
    pub rrsigs_per_rrset: usize,
    /// DNSKEYs tried per key tag and algorithm. A zone that has two by chance still verifies;
    /// RFC 4034 appendix B makes more than two a matter of malice.
    pub keys_per_tag: usize,
    /// Signature checks, good and bad together: ten times the 6 of a plain answer three zones down.
    /// A proof of 8 aliases, each to a wildcard in a zone two cuts below the last common one, needs
    /// 51.
    pub signature_checks: usize,
    /// Failing signature checks after which the proof is given up; honest proofs have none but by
    /// a collision of key tags.
    pub failed_checks: usize,
    /// Digests of DNSKEYs computed to compare them with DS records.
    pub key_digests: usize,
    /// Zones whose keys are looked for. Each takes two signature checks, over its DS and over its
    /// DNSKEY RRset, so more than half of `signature_checks` could not be verified anyway.
    pub zones: usize,
    /// Names looked for in the NSEC3 chains of zones. The denial of a name takes one for each of its
    /// labels and a few; that of the longest name there is, of 127 labels, takes 260.
    pub nsec3_lookups: usize,
    /// SHA-1 invocations for NSEC3, iterations included. A phone name of 20 labels at the most
    /// iterations that count needs 2,200; each costs about 0.2 us.
    pub nsec3_hashes: usize,
    /// Iterations of NSEC3 above which a zone counts as unsigned: RFC 9276 section 3.2 lets a
    /// validator choose, and section 3.1 wants 0; the large public resolvers have chosen 100 or 50.
    pub nsec3_iterations: u16,
    /// CNAME and DNAME records followed in one answer; resolvers allow 8 to 16.
    pub aliases: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: MAX_PROOF_BYTES,
            records: 1_024,
            rrsigs_per_rrset: 8,
            keys_per_tag: 2,
            signature_checks: 60,
            failed_checks: 16,
            key_digests: 64,
            zones: 32,
            nsec3_lookups: 1_024,
            nsec3_hashes: 4_096,
            nsec3_iterations: 100,
            aliases: 8,
        }
    }
}
