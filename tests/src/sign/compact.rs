//! Compact denial of existence with NXNAME (RFC 9824) in a zone file, which no tool that we know writes: servers
//! that deny so sign each denial when it is asked for. Here the names to be denied are listed, each has its NSEC
//! record, and an ordinary server gives the same responses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anyhow::{Context, Result};
use domain::base::iana::Rtype;
use sotto_world::dns::signer::{Algorithm, Role, SigningKey, Window};
use sotto_world::dns::zone::Rrset;
use sotto_world::dns::{Name, name, rdata};

use super::Outcome;
use crate::zones::{CURRENT, CompactZone, Zone};

/// The pseudo-type in the bitmap of a name that does not exist (RFC 9824 section 3.2).
const NXNAME: u16 = 128;

/// Seconds that all records live.
const TTL: u32 = 300;

pub(super) fn sign(zone: &Zone, now: u64, content: &CompactZone) -> Result<Outcome> {
    let apex = name(zone.origin)?;
    let below = |owner: &str| name(&format!("{owner}.{}", zone.origin));
    let server = name(&zone.name_server())?;
    let key = SigningKey::generate(Algorithm::EcdsaP256, Role::SecureEntryPoint)?;

    let mut sets = BTreeMap::new();
    let mut add = |owner: Name, rtype: Rtype, rdata: Vec<u8>| {
        sets.insert((owner, rtype.to_int()), rdata);
    };
    add(apex.clone(), Rtype::SOA, rdata::soa(&apex, &server, 1, TTL));
    add(apex.clone(), Rtype::NS, rdata::target(&server));
    add(apex.clone(), Rtype::DNSKEY, key.dnskey().to_vec());
    add(server, Rtype::A, rdata::a([127, 0, 0, 1].into()));
    for (owner, text) in content.texts {
        add(below(owner)?, Rtype::TXT, rdata::txt(text));
    }
    for (owner, target) in content.aliases {
        add(below(owner)?, Rtype::CNAME, rdata::target(&name(target)?));
    }
    let owners: BTreeSet<Name> = sets.keys().map(|(owner, _)| owner.clone()).collect();
    let mut denials = Vec::new();
    for owner in owners {
        let types = sets.keys().filter(|(other, _)| *other == owner);
        let types = types.map(|(_, rtype)| *rtype).collect();
        denials.push((owner, types));
    }
    for owner in content.empty {
        denials.push((below(owner)?, Vec::new()));
    }
    for owner in content.absent {
        denials.push((below(owner)?, vec![NXNAME]));
    }
    for (owner, types) in denials {
        let rdata = nsec(&owner, types);
        sets.insert((owner, Rtype::NSEC.to_int()), rdata);
    }

    let time = |offset| {
        let time = now.checked_add_signed(offset);
        u32::try_from(time.context("the clock stands near 1970")?).context("it is past 2106")
    };
    let window = Window {
        inception: time(CURRENT.from)?,
        expiration: time(CURRENT.until)?,
    };
    let mut text = String::new();
    for ((owner, rtype), rdata) in sets {
        let set = Rrset {
            rtype: Rtype::from_int(rtype),
            ttl: TTL,
            rdatas: vec![rdata],
            signatures: Vec::new(),
        };
        let signature = key.rrsig(&apex, &owner, &set, window)?;
        for rdata in &set.rdatas {
            line(&mut text, &owner, rtype, rdata)?;
        }
        line(&mut text, &owner, Rtype::RRSIG.to_int(), &signature)?;
    }
    let mut ds = String::new();
    line(&mut ds, &apex, Rtype::DS.to_int(), &key.ds(&apex))?;
    Ok(Outcome {
        zone: *zone,
        text,
        ds,
        key: String::new(),
    })
}

/// RDATA that leaves no room behind `owner` (RFC 9824 section 3): types of the first window, NSEC and RRSIG.
fn nsec(owner: &Name, mut types: Vec<u16>) -> Vec<u8> {
    types.extend([Rtype::NSEC.to_int(), Rtype::RRSIG.to_int()]);
    let mut rdata = [b"\x01\x00", owner.as_slice()].concat();
    let mut bitmap = [0_u8; 32];
    let mut length = 0;
    for rtype in types.into_iter().map(usize::from) {
        bitmap[rtype / 8] |= 0x80 >> (rtype % 8);
        length = length.max(rtype / 8 + 1);
    }
    rdata.extend_from_slice(&[0, length as u8]);
    rdata.extend_from_slice(&bitmap[..length]);
    rdata
}

/// One record, in the form that holds any type (RFC 3597 section 5).
fn line(text: &mut String, owner: &Name, rtype: u16, rdata: &[u8]) -> Result<()> {
    let owner = owner.fmt_with_dot();
    write!(text, "{owner} {TTL} IN TYPE{rtype} \\# {} ", rdata.len())?;
    for octet in rdata {
        write!(text, "{octet:02x}")?;
    }
    text.push('\n');
    Ok(())
}
