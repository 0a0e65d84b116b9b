//! The zones of a population, signed by the world's signer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use domain::base::iana::Rtype;
use domain::base::name::ToName;
use sotto_mimi::{Domain, Identifier, RecordForm};
use sotto_proof::Anchors;
use sotto_world::dns::resolver::Internet;
use sotto_world::dns::signer::{Algorithm, Window};
use sotto_world::dns::zone::{Denial, ZoneBuilder, ZoneKeys};
use sotto_world::dns::{DnsError, Name, export, name, rdata};

use super::{Drawn, Presence, ZoneKind};
use crate::LabError;

/// Seconds that signatures are old when a run begins.
const SIGNED_AGO: u64 = 86_400;

/// Seconds that signatures last from there: what signers commonly choose.
const SIGNED_FOR: u64 = 14 * 86_400;

/// The zone below which phone numbers hang.
const PHONE_ZONE: &str = "phones.test";

/// The signed zones, who serves them, and the owner name of each person.
pub(super) struct Town {
    pub(super) internet: Internet,
    pub(super) anchors: Anchors,
    pub(super) owners: Vec<Name>,
    /// Unix seconds until which every signature is valid.
    pub(super) valid_until: u64,
}

/// Keys are made once for each way of signing: what a proof holds is the same whether zones share them, and RSA keys take long.
struct Keys {
    root: ZoneKeys,
    rsa_top: ZoneKeys,
    rsa: ZoneKeys,
    p256: ZoneKeys,
}

struct Zone<'a> {
    builder: ZoneBuilder,
    keys: &'a ZoneKeys,
    denial: Denial,
}

impl Town {
    pub(super) fn build(people: &[Drawn], start: u64) -> Result<Self, LabError> {
        let keys = Keys {
            root: ZoneKeys::split(Algorithm::RsaSha256)?,
            rsa_top: ZoneKeys::split(Algorithm::RsaSha256)?,
            rsa: ZoneKeys::combined(Algorithm::RsaSha256)?,
            p256: ZoneKeys::combined(Algorithm::EcdsaP256)?,
        };
        let mut zones: BTreeMap<Name, Zone<'_>> = BTreeMap::new();
        let mut add = |apex: &str, keys, denial| open(&mut zones, apex, keys, denial);
        add(".", &keys.root, Denial::Nsec)?;
        add("com", &keys.rsa_top, Denial::Nsec3OptOut)?;
        add("test", &keys.p256, Denial::Nsec)?;
        add("cc", &keys.p256, Denial::Nsec3)?;
        add("co.cc", &keys.p256, Denial::Nsec3)?;
        add(PHONE_ZONE, &keys.p256, Denial::Nsec3)?;
        let mut owners = Vec::with_capacity(people.len());
        for (number, person) in people.iter().enumerate() {
            let (identifier, apex) = identifier(person, number);
            let apex_name = name(&apex)?;
            if !zones.contains_key(&apex_name) {
                let (keys, denial) = match person.kind {
                    ZoneKind::Rsa => (&keys.rsa, Denial::Nsec3),
                    ZoneKind::P256 => (&keys.p256, Denial::Nsec),
                    _ => (&keys.p256, Denial::Nsec3),
                };
                open(&mut zones, &apex, keys, denial)?;
            }
            let owner = name(&owner(&identifier)?)?;
            if let Some(zone) = zones.get_mut(&apex_name) {
                for record in records(person, number) {
                    zone.builder
                        .add(owner.clone(), Rtype::TXT, rdata::txt(&record))?;
                }
            }
            owners.push(owner);
        }
        let window = Window {
            // RRSIG times are 32 bits and wrap around (RFC 4034 section 3.1.5).
            inception: start.saturating_sub(SIGNED_AGO) as u32,
            expiration: (start + SIGNED_FOR) as u32,
        };
        let mut internet = Internet::new();
        for (apex, zone) in zones {
            let signed = zone.builder.sign(zone.keys, zone.denial, window)?;
            internet.serve(server(&apex)?, signed);
        }
        let anchor = export::anchor(&name(".")?, keys.root.entry());
        let anchors =
            Anchors::parse(&anchor).map_err(|error| LabError::Contradiction(error.to_string()))?;
        Ok(Self {
            internet,
            anchors,
            owners,
            valid_until: start + SIGNED_FOR,
        })
    }
}

/// The host that serves a zone.
fn server(apex: &Name) -> Result<Name, DnsError> {
    if apex.is_root() {
        name("a.root")
    } else {
        name(&format!("ns.{apex}"))
    }
}

/// Opens a zone and has the one above delegate to it.
fn open<'a>(
    zones: &mut BTreeMap<Name, Zone<'a>>,
    apex: &str,
    keys: &'a ZoneKeys,
    denial: Denial,
) -> Result<(), DnsError> {
    let apex = name(apex)?;
    let host = server(&apex)?;
    let address = rdata::a(Ipv4Addr::LOCALHOST);
    let above = apex.iter_suffixes().skip(1).find_map(|suffix| {
        let suffix: Name = suffix.to_vec();
        zones.contains_key(&suffix).then_some(suffix)
    });
    if let Some(zone) = above.and_then(|above| zones.get_mut(&above)) {
        zone.builder
            .add(apex.clone(), Rtype::NS, rdata::target(&host))?;
        zone.builder
            .add(apex.clone(), Rtype::DS, keys.entry().ds(&apex))?;
        zone.builder.add(host.clone(), Rtype::A, address.clone())?;
    }
    let mut builder = ZoneBuilder::new(apex.clone(), &host);
    if host.ends_with(&apex) {
        builder.add(host, Rtype::A, address)?;
    }
    zones.insert(
        apex,
        Zone {
            builder,
            keys,
            denial,
        },
    );
    Ok(())
}

/// How somebody is asked for, and the zone that they are in.
fn identifier(person: &Drawn, number: usize) -> (String, String) {
    let domain = person.domain;
    let apex = match person.kind {
        ZoneKind::Rsa => format!("rsa{domain}.com"),
        ZoneKind::P256 => format!("curve{domain}.test"),
        ZoneKind::Nsec3 => format!("hashed{domain}.com"),
        ZoneKind::Country => format!("country{domain}.co.cc"),
        ZoneKind::Phone => return (format!("+4420{number:08}"), PHONE_ZONE.to_owned()),
    };
    (format!("person{number}@{apex}"), apex)
}

fn owner(identifier: &str) -> Result<String, LabError> {
    let zone: Option<Domain> = PHONE_ZONE.parse().ok();
    let contradiction = |what: String| LabError::Contradiction(what);
    identifier
        .parse::<Identifier>()
        .map_err(|error| contradiction(error.to_string()))?
        .owner(RecordForm::Txt, zone.as_ref())
        .map(|owner| owner.as_str().to_owned())
        .map_err(|error| contradiction(error.to_string()))
}

fn records(person: &Drawn, number: usize) -> Vec<String> {
    if person.presence == Presence::OptedOut {
        return vec!["v=MIMI1; e=.".to_owned()];
    }
    (1..=person.services)
        .map(|service| {
            format!("v=MIMI1; p={service}; a=person{number}; e=mimi{service}.harbour.test; s=harbour{service}")
        })
        .collect()
}
