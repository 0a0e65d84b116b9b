//! The zones of the world, their keys and who serves them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use domain::base::iana::Rtype;
use sotto_mimi::{DEFAULT_MIMI_TYPE, RecordForm};

use crate::WorldError;
use crate::dns::resolver::{Internet, Lie};
use crate::dns::signer::{Algorithm, Window};
use crate::dns::zone::{Denial, NEGATIVE_TTL, ZoneBuilder, ZoneKeys};
use crate::dns::{DnsError, Name, export, name, rdata};
use crate::people;

/// Seconds that signatures are already old when the world begins: a client's clock may be behind.
const SIGNED_AGO: u64 = 86_400;

/// Seconds that signatures last from now: what signers commonly choose.
const SIGNED_FOR: u64 = 14 * 86_400;

/// How a zone is signed.
#[derive(Clone, Copy)]
enum Signing {
    Unsigned,
    /// One key.
    Combined(Algorithm, Denial),
    /// A key for the DNSKEY RRset and one for the rest.
    Split(Algorithm, Denial),
    /// One key, and signatures that ran out yesterday.
    Expired(Algorithm, Denial),
}

struct Spec {
    apex: &'static str,
    /// The host that serves the zone.
    server: &'static str,
    signing: Signing,
}

const fn zone(apex: &'static str, server: &'static str, signing: Signing) -> Spec {
    Spec {
        apex,
        server,
        signing,
    }
}

use Algorithm::{EcdsaP256, Ed25519, RsaSha256};
use Denial::{Nsec, Nsec3, Nsec3OptOut};
use Signing::{Combined, Expired, Split, Unsigned};

/// A host that no server of the world has.
const DEAD_SERVER: &str = "ns.lame.test";

/// Every zone, parents before children.
const ZONES: &[Spec] = &[
    // RSA at the root and at one TLD, as in the public DNS, because of its large answers.
    zone(".", "a.root", Split(RsaSha256, Nsec)),
    zone("com", "ns.com", Split(RsaSha256, Nsec3OptOut)),
    zone("test", "ns.test", Split(EcdsaP256, Nsec)),
    zone("example.com", "ns.example.com", Combined(RsaSha256, Nsec3)),
    zone("unsigned.com", "ns.unsigned.com", Unsigned),
    zone("example.test", "ns.example.test", Combined(EcdsaP256, Nsec)),
    zone("curve.test", "ns.curve.test", Combined(Ed25519, Nsec3)),
    zone("hotel.test", "ns.hotel.test", Combined(EcdsaP256, Nsec3)),
    zone("parked.test", "ns.parked.test", Combined(EcdsaP256, Nsec)),
    zone(
        "discovery.test",
        "ns.discovery.test",
        Combined(EcdsaP256, Nsec),
    ),
    zone("mail.test", "ns.mail.test", Combined(EcdsaP256, Nsec)),
    zone(
        "_mimi.mail.test",
        "ns.discovery.test",
        Combined(Ed25519, Nsec3),
    ),
    zone("corp.test", "ns.corp.test", Combined(EcdsaP256, Nsec)),
    zone("phones.test", "ns.phones.test", Combined(EcdsaP256, Nsec3)),
    zone("unsigned.test", "ns.unsigned.test", Unsigned),
    zone("expired.test", "ns.expired.test", Expired(EcdsaP256, Nsec)),
    zone("lame.test", DEAD_SERVER, Combined(EcdsaP256, Nsec)),
    zone("gateway.test", "ns.gateway.test", Combined(EcdsaP256, Nsec)),
];

/// The zones, signed and served, and the key that everything hangs from.
pub struct Plan {
    /// The authorities and the resolver over them.
    pub internet: Internet,
    /// The root's key, as a line of Unbound's `root.key`.
    pub anchor: String,
}

/// A record of the world that is not a person's: owner, type, RDATA.
pub type Extra = (Name, Rtype, Vec<u8>);

/// Builds every zone with signatures around `now`, Unix seconds, and `extras` put into the zones
/// they belong to. Half a second of work, most of it for RSA keys.
///
/// # Errors
///
/// What the cryptographic library refuses, or what the world's own tables spell wrong.
pub fn build(now: u64, extras: Vec<Extra>) -> Result<Plan, WorldError> {
    build_with_negative_ttl(now, extras, NEGATIVE_TTL)
}

/// The same with denials, and proofs by wildcards, that live for `negative_ttl` seconds.
///
/// # Errors
///
/// Those of [`build`].
pub fn build_with_negative_ttl(
    now: u64,
    extras: Vec<Extra>,
    negative_ttl: u32,
) -> Result<Plan, WorldError> {
    let keys = generate_keys()?;
    let mut builders = BTreeMap::new();
    for (spec, keys) in ZONES.iter().zip(&keys) {
        let (apex, server) = (name(spec.apex)?, name(spec.server)?);
        delegate(&mut builders, &apex, &server, keys.as_ref())?;
        let mut builder = ZoneBuilder::new(apex, &server).with_negative_ttl(negative_ttl, &server);
        add_host(&mut builder, &server)?;
        builders.insert(builder.apex().clone(), builder);
    }
    furnish(&mut builders, extras)?;

    let mut internet = Internet::new();
    let mut anchor = String::new();
    for (spec, keys) in ZONES.iter().zip(&keys) {
        let apex = name(spec.apex)?;
        let Some(builder) = builders.remove(&apex) else {
            continue;
        };
        if let (true, Some(keys)) = (apex.is_root(), keys) {
            anchor = export::anchor(&apex, keys.entry());
        }
        let zone = match (spec.signing, keys) {
            (Combined(_, denial) | Split(_, denial), Some(keys)) => {
                builder.sign(keys, denial, window(now))?
            }
            (Expired(_, denial), Some(keys)) => builder.sign(
                keys,
                denial,
                window(now.saturating_sub(SIGNED_FOR + SIGNED_AGO)),
            )?,
            _ => builder.unsigned(),
        };
        if spec.server != DEAD_SERVER {
            internet.serve(name(spec.server)?, zone);
        }
    }
    let (owner, rdata) = people::swapped()?;
    internet.lie(Lie {
        owner,
        rtype: Rtype::TXT,
        rdatas: vec![rdata],
    });
    Ok(Plan { internet, anchor })
}

/// The RR type of a form in this world.
#[must_use]
pub fn rtype_of(form: RecordForm) -> Rtype {
    match form {
        RecordForm::Txt => Rtype::TXT,
        RecordForm::Mimi => Rtype::from_int(DEFAULT_MIMI_TYPE),
    }
}

/// The keys of every zone, in the order of [`ZONES`]. RSA keys take long, so all are made at once.
fn generate_keys() -> Result<Vec<Option<ZoneKeys>>, DnsError> {
    let generate = |signing| match signing {
        Unsigned => Ok(None),
        Combined(algorithm, _) | Expired(algorithm, _) => ZoneKeys::combined(algorithm).map(Some),
        Split(algorithm, _) => ZoneKeys::split(algorithm).map(Some),
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = ZONES
            .iter()
            .map(|spec| scope.spawn(move || generate(spec.signing)))
            .collect();
        started
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or(Err(DnsError::Crypto("generate a key")))
            })
            .collect()
    })
}

fn window(now: u64) -> Window {
    // RRSIG times are 32 bits and wrap around (RFC 4034 section 3.1.5).
    Window {
        inception: now.saturating_sub(SIGNED_AGO) as u32,
        expiration: (now + SIGNED_FOR) as u32,
    }
}

/// Tells the zone above `apex` who serves it and by which key.
fn delegate(
    builders: &mut BTreeMap<Name, ZoneBuilder>,
    apex: &Name,
    server: &Name,
    keys: Option<&ZoneKeys>,
) -> Result<(), DnsError> {
    let Some(parent) = enclosing(builders, apex) else {
        return Ok(());
    };
    parent.add(apex.clone(), Rtype::NS, rdata::target(server))?;
    if let Some(keys) = keys {
        parent.add(apex.clone(), Rtype::DS, keys.entry().ds(apex))?;
    }
    if server.ends_with(apex) {
        add_host(parent, server)?;
    }
    Ok(())
}

/// The address of a server, if its host lies in the zone. Nobody connects to it: the resolver
/// knows its servers by name.
fn add_host(builder: &mut ZoneBuilder, server: &Name) -> Result<(), DnsError> {
    if server.ends_with(builder.apex()) {
        builder.add(server.clone(), Rtype::A, rdata::a(Ipv4Addr::LOCALHOST))?;
    }
    Ok(())
}

/// Puts the people and everything else into the zones.
fn furnish(
    builders: &mut BTreeMap<Name, ZoneBuilder>,
    extras: Vec<Extra>,
) -> Result<(), WorldError> {
    let people = people::publications()?
        .into_iter()
        .map(|(owner, rtype, rdata)| (owner, Rtype::from_int(rtype), rdata));
    let fixed = [
        (
            people::owner("old-name.example.test", RecordForm::Txt)?,
            Rtype::CNAME,
            rdata::target(&people::owner("mymimi.example.com", RecordForm::Txt)?),
        ),
        // For the private type, the host exists and has none.
        (
            name("old-name.example.test")?,
            Rtype::A,
            rdata::a(Ipv4Addr::LOCALHOST),
        ),
        // What hosting companies do: every name of the domain answers.
        (
            name("*.parked.test")?,
            Rtype::TXT,
            rdata::txt("v=MIMI1; p=10; a=shop; e=mimi.attacker.test"),
        ),
        (
            name("_user._mimi.corp.test")?,
            Rtype::DNAME,
            rdata::target(&name("_user._mimi.corp.discovery.test")?),
        ),
    ];
    for (owner, rtype, rdata) in people.chain(fixed).chain(extras) {
        if let Some(builder) = enclosing(builders, &owner) {
            builder.add(owner, rtype, rdata)?;
        }
    }
    Ok(())
}

/// The deepest zone that `name` lies in.
fn enclosing<'a>(
    builders: &'a mut BTreeMap<Name, ZoneBuilder>,
    name: &Name,
) -> Option<&'a mut ZoneBuilder> {
    builders
        .values_mut()
        .filter(|builder| name.ends_with(builder.apex()))
        .max_by_key(|builder| builder.apex().label_count())
}
