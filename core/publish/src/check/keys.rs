//! Keys of a zone, and what a parent says of them.

use data_encoding::HEXUPPER;
use sha2::{Digest, Sha256};
use sotto_proof::rdata::{Dnskey, Ds, key_tag};
use sotto_proof::{Name, Record, RecordType};

/// The digest type SHA-1 (RFC 3658), which does not count any more (RFC 8624 section 3.3).
const SHA1: u8 = 1;

/// The digest type SHA-256 (RFC 4509).
const SHA256: u8 = 2;

/// The bit of a key that a parent vouches for (RFC 4034 section 2.1.1).
const SECURE_ENTRY_POINT: u16 = 1;

/// The bit of a zone key.
const ZONE_KEY: u16 = 256;

/// The bit of a revoked key (RFC 5011 section 3).
const REVOKED: u16 = 128;

/// The DS line of a key with SHA-256 (RFC 4034 section 5.1.4), as a registrar's form or a parent's zone wants it.
pub(crate) fn ds_line(zone: &Name, dnskey: &[u8]) -> Option<String> {
    let key = Dnskey::parse(dnskey)?;
    let digest = Sha256::new()
        .chain_update(zone.to_lowercase().as_wire())
        .chain_update(dnskey)
        .finalize();
    Some(format!(
        "{zone} IN DS {} {} {SHA256} {}",
        key_tag(dnskey),
        key.algorithm,
        HEXUPPER.encode(&digest)
    ))
}

/// The DS lines of the keys of `zone` that a parent should vouch for: those meant for it, or all if none is marked.
pub(crate) fn ds_lines(zone: &Name, keys: &[&[u8]]) -> Vec<String> {
    let flagged = |bits: u16| -> Vec<&[u8]> {
        keys.iter()
            .copied()
            .filter(|key| {
                Dnskey::parse(key).is_some_and(|key| key.flags & (bits | REVOKED) == bits)
            })
            .collect()
    };
    let mut chosen = flagged(ZONE_KEY | SECURE_ENTRY_POINT);
    if chosen.is_empty() {
        chosen = flagged(ZONE_KEY);
    }
    let mut lines: Vec<String> = chosen
        .into_iter()
        .filter_map(|key| ds_line(zone, key))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// The RDATA of the RRset of type `rtype` at `owner`.
pub(crate) fn rdatas<'a>(records: &'a [Record], owner: &Name, rtype: RecordType) -> Vec<&'a [u8]> {
    records
        .iter()
        .filter(|record| record.rtype == rtype && record.owner == *owner)
        .map(|record| &*record.rdata)
        .collect()
}

/// Whether a parent vouches by SHA-1 alone.
pub(crate) fn is_sha1_only(ds: &[&[u8]]) -> bool {
    !ds.is_empty()
        && ds
            .iter()
            .all(|ds| Ds::parse(ds).is_some_and(|ds| ds.digest_type == SHA1))
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;

    #[test]
    fn the_ds_of_rfc_4509_comes_out() {
        // RFC 4509 section 2.3.
        let key = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==";
        let rdata = [&[1, 0, 3, 5][..], &BASE64.decode(key.as_bytes()).unwrap()].concat();
        let zone = "dskey.example.com".parse().unwrap();
        assert_eq!(
            ds_lines(&zone, &[&rdata]),
            [
                "dskey.example.com. IN DS 60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"
            ]
        );
        assert!(ds_lines(&zone, &[b"\x01\x80\x03\x05key", b"x"]).is_empty());
    }

    #[test]
    fn sha1_alone_does_not_count() {
        assert!(is_sha1_only(&[b"\0\x01\x08\x01aa"]));
        assert!(!is_sha1_only(&[b"\0\x01\x08\x01aa", b"\0\x01\x08\x02aa"]));
        assert!(!is_sha1_only(&[]));
    }
}
