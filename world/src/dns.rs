//! The DNS side of the world: signed zones, their authorities, and a resolver over them.
//!
//! Everything here is a pure function of zones and questions; sockets are in [`server`].

pub mod export;
pub mod message;
pub mod resolver;
pub mod responder;
pub mod server;
pub mod signer;
pub mod zone;

use std::str::FromStr;

use domain::base::iana::Rtype;
use domain::base::name::ToName;

/// An absolute domain name; its order is the canonical one (RFC 4034 section 6.1).
///
/// It is the name type of the `domain` crate and not that of `sotto_proof`, so that the zones that
/// test our verifier do not share its ideas about names.
pub type Name = domain::base::Name<Vec<u8>>;

/// Why a world could not be built.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// A text is not a domain name.
    #[error("`{0}` is not a domain name")]
    Name(String),
    /// The cryptographic library refused to make or use a key.
    #[error("the cryptographic library refused to {0}")]
    Crypto(&'static str),
    /// A zone was given a record outside of its own names.
    #[error("{owner} does not lie in the zone {apex}")]
    OutOfZone {
        /// The owner of the record.
        owner: Name,
        /// The zone it was put into.
        apex: Name,
    },
}

/// Reads an absolute name from its presentation form; the trailing dot is optional.
///
/// # Errors
///
/// [`DnsError::Name`] names the text.
pub fn name(text: &str) -> Result<Name, DnsError> {
    Name::from_str(text).map_err(|_| DnsError::Name(text.to_owned()))
}

/// The name and all its ancestors, the name itself first and the root last.
pub(crate) fn suffixes(name: &Name) -> impl Iterator<Item = Name> + '_ {
    name.iter_suffixes().map(|suffix| suffix.to_vec())
}

/// The wildcard directly below `parent`, if it is not too long for a name.
pub(crate) fn wildcard_below(parent: &Name) -> Option<Name> {
    let mut wire = vec![1, b'*'];
    wire.extend_from_slice(parent.as_slice());
    Name::from_octets(wire).ok()
}

/// The labels of `name` without the root, as RRSIG and NSEC3 count them.
pub(crate) fn label_count(name: &Name) -> usize {
    name.label_count() - 1
}

/// RDATA of the types that the world writes.
pub mod rdata {
    use super::Name;

    /// The RDATA of an A record.
    #[must_use]
    pub fn a(address: std::net::Ipv4Addr) -> Vec<u8> {
        address.octets().to_vec()
    }

    /// The RDATA of NS, CNAME and DNAME: one name, uncompressed.
    #[must_use]
    pub fn target(name: &Name) -> Vec<u8> {
        name.as_slice().to_vec()
    }

    /// The RDATA of a TXT record that holds `text`, in character-strings of at most 255 octets.
    #[must_use]
    pub fn txt(text: &str) -> Vec<u8> {
        let mut rdata = Vec::new();
        for string in text.as_bytes().chunks(255) {
            rdata.push(string.len() as u8);
            rdata.extend_from_slice(string);
        }
        rdata
    }

    /// The RDATA of a SOA record with the timers that every zone of the world has.
    #[must_use]
    pub fn soa(apex: &Name, primary: &Name, serial: u32, minimum: u32) -> Vec<u8> {
        let mut rdata = primary.as_slice().to_vec();
        rdata.extend_from_slice(b"\x0ahostmaster");
        rdata.extend_from_slice(apex.as_slice());
        for timer in [serial, 3_600, 600, 86_400, minimum] {
            rdata.extend_from_slice(&timer.to_be_bytes());
        }
        rdata
    }
}

/// The type bitmap of NSEC and NSEC3 (RFC 4034 section 4.1.2).
fn type_bitmap(types: impl IntoIterator<Item = Rtype>) -> Vec<u8> {
    let mut numbers: Vec<u16> = types.into_iter().map(Rtype::to_int).collect();
    numbers.sort_unstable();
    let mut bitmap = Vec::new();
    for window in numbers.chunk_by(|a, b| a >> 8 == b >> 8) {
        let mut octets = [0_u8; 32];
        let mut used = 0;
        for number in window {
            let low = usize::from(number & 0xff);
            octets[low / 8] |= 0x80 >> (low % 8);
            used = low / 8 + 1;
        }
        bitmap.extend_from_slice(&[window[0].to_be_bytes()[0], used as u8]);
        bitmap.extend_from_slice(&octets[..used]);
    }
    bitmap
}
