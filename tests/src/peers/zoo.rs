//! Small internets of every algorithm and form of denial, with whatever a validator can meet in a zone.
//!
//! Their signatures hold for six decades, so that validators which read the system's clock say the same on every day.

use std::sync::Arc;

use anyhow::{Result, ensure};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use domain::base::iana::Rtype;
use sotto_proof::{Anchors, Question};
use sotto_world::dns::resolver::Internet;
use sotto_world::dns::signer::{Algorithm, Window};
use sotto_world::dns::zone::{Denial, ZoneBuilder, ZoneKeys};
use sotto_world::dns::{Name, export, name, rdata};

use crate::offline;

/// The zones of a chain from the root down; the first three, or all four.
const CHAIN: [&str; 4] = [".", "test", "example.test", "deep.example.test"];

/// Zones beside the chain, delegated by `test`: one for aliases to lead to, one whose signatures are over, and one
/// whose DS has a digest that does not count (RFC 9905).
const OTHER: &str = "other.test";
const LATE: &str = "late.test";
const OLD_DIGEST: &str = "old-digest.test";

/// Keys that a tree needs: one for each zone of the chain and one for the zones beside it.
const KEYS: usize = CHAIN.len() + 1;

/// When to verify, in Unix seconds: any time between the two below would do.
pub const NOW: u64 = 1_800_000_000;

/// From 2020 to 2083, less than the 2^31 seconds that RFC 4034 section 3.1.5 can compare.
const CURRENT: Window = Window {
    inception: 1_577_836_800,
    expiration: 3_577_836_800,
};

/// The year 2001.
const OVER: Window = Window {
    inception: 978_307_200,
    expiration: 1_009_843_200,
};

/// DS digest type 1, SHA-1 (RFC 4034 appendix A.2).
const DS_SHA1: u8 = 1;

/// A type that nobody has assigned.
const UNKNOWN: Rtype = Rtype::from_int(65_400);

/// The form of a mailbox's owner name, which is a hash.
pub const MAILBOX: &str = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._user._mimi.@";

/// What to ask in the last zone of the chain, `@` standing for it: a title, a name, a type.
pub const QUESTIONS: &[(&str, &str, &str)] = &[
    ("answer", "_mimi.@", "TXT"),
    ("answer of an unknown type", "_mimi.@", "TYPE65400"),
    ("keys of the zone", "@", "DNSKEY"),
    ("no such type", "_mimi.@", "A"),
    ("no such name", "nobody.@", "TXT"),
    ("no such name, three labels", "a.b.nobody.@", "TXT"),
    ("wildcard", "x.wild.@", "TXT"),
    ("wildcard, two labels", "y.x.wild.@", "TXT"),
    ("wildcard without the type", "x.wild.@", "A"),
    ("the wildcard itself", "*.wild.@", "TXT"),
    ("empty non-terminal", "empty.@", "TXT"),
    ("alias", "alias.@", "TXT"),
    ("alias to no such type", "alias.@", "A"),
    ("the alias itself", "alias.@", "CNAME"),
    ("DNAME", "_mimi.away.@", "TXT"),
    ("DNAME to no such name", "nobody.away.@", "TXT"),
    ("unsigned child", "_mimi.bare.@", "TXT"),
    ("DS of an unsigned child", "bare.@", "DS"),
    ("expired", "_mimi.late.test", "TXT"),
    ("DS with SHA-1 alone", "_mimi.old-digest.test", "TXT"),
    ("mailbox", MAILBOX, "TXT"),
];

/// The keys of trees of one algorithm; RSA keys take their time.
pub struct Family {
    algorithm: Algorithm,
    keys: Vec<ZoneKeys>,
}

impl Family {
    /// Generates them.
    ///
    /// # Errors
    ///
    /// What the cryptographic library says.
    pub fn new(algorithm: Algorithm) -> Result<Self> {
        let keys = (0..KEYS).map(|_| ZoneKeys::combined(algorithm));
        Ok(Self {
            algorithm,
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    /// Builds and signs every zone of a tree whose chain has that many zones, 3 or 4, the root included.
    ///
    /// # Errors
    ///
    /// That a zone cannot be signed, or that `zones` is neither.
    pub fn tree(&self, denial: Denial, zones: usize) -> Result<Tree> {
        ensure!(
            (3..=CHAIN.len()).contains(&zones),
            "a chain has 3 or 4 zones"
        );
        let chain = &CHAIN[..zones];
        let beside = &self.keys[CHAIN.len()];
        let mut internet = Internet::new();
        for (at, apex) in chain.iter().enumerate() {
            let mut zone = zone(apex)?;
            if let Some(child) = chain.get(at + 1) {
                let ds = self.keys[at + 1].entry().ds(&name(child)?);
                delegate(&mut zone, child, Some(ds))?;
            }
            if *apex == "test" {
                for child in [OTHER, LATE] {
                    let ds = beside.entry().ds(&name(child)?);
                    delegate(&mut zone, child, Some(ds))?;
                }
                delegate(&mut zone, OLD_DIGEST, Some(sha1_ds(beside, OLD_DIGEST)?))?;
            }
            if at + 1 == zones {
                fill(&mut zone, apex)?;
            }
            // The real root has NSEC, and hickory asserts that no root has NSEC3.
            let denial = if at == 0 { Denial::Nsec } else { denial };
            internet.serve(server(apex)?, zone.sign(&self.keys[at], denial, CURRENT)?);
        }
        for (apex, window) in [(OTHER, CURRENT), (LATE, OVER), (OLD_DIGEST, CURRENT)] {
            let mut zone = zone(apex)?;
            zone.add(name(&format!("_mimi.{apex}"))?, Rtype::TXT, text(apex))?;
            internet.serve(server(apex)?, zone.sign(beside, denial, window)?);
        }
        let bare = format!("bare.{}", chain[zones - 1]);
        let mut unsigned = zone(&bare)?;
        unsigned.add(name(&format!("_mimi.{bare}"))?, Rtype::TXT, text(&bare))?;
        internet.serve(server(&bare)?, unsigned.unsigned());

        let root = self.keys[0].entry();
        let anchor = export::anchor(&name(".")?, root);
        Ok(Tree {
            title: format!("{:?}, {denial:?}, {zones} zones", self.algorithm),
            internet: Arc::new(internet),
            anchors: Anchors::parse(&anchor)?,
            anchor,
            root_key: root.dnskey().to_vec(),
            last: chain[zones - 1],
        })
    }
}

/// An internet, and what to trust in it.
pub struct Tree {
    /// Algorithm, denial and depth.
    pub title: String,
    /// Its zones.
    pub internet: Arc<Internet>,
    /// The root's key.
    pub anchors: Anchors,
    /// The same as a line of a zone file.
    pub anchor: String,
    /// The same as RDATA.
    pub root_key: Vec<u8>,
    last: &'static str,
}

impl Tree {
    /// A question with `@` as in [`QUESTIONS`].
    ///
    /// # Errors
    ///
    /// That name or type are none.
    pub fn question(&self, owner: &str, rtype: &str) -> Result<Question> {
        Ok(Question {
            name: owner.replace('@', self.last).parse()?,
            rtype: rtype.parse()?,
        })
    }

    /// The proof that an honest gateway makes.
    ///
    /// # Errors
    ///
    /// That it makes none.
    pub fn prove(&self, question: &Question) -> Result<Vec<u8>> {
        let owner = question.name.to_string();
        offline::prove(&self.internet, &owner, &question.rtype.to_string())
    }
}

fn server(apex: &str) -> Result<Name> {
    Ok(name(&format!("ns.{apex}").replace("..", "."))?)
}

fn zone(apex: &str) -> Result<ZoneBuilder> {
    Ok(ZoneBuilder::new(name(apex)?, &server(apex)?))
}

fn text(apex: &str) -> Vec<u8> {
    rdata::txt(&format!("v=MIMI1; p=10; e=mimi.{apex}"))
}

fn delegate(zone: &mut ZoneBuilder, child: &str, ds: Option<Vec<u8>>) -> Result<()> {
    zone.add(name(child)?, Rtype::NS, rdata::target(&server(child)?))?;
    if let Some(ds) = ds {
        zone.add(name(child)?, Rtype::DS, ds)?;
    }
    Ok(())
}

fn sha1_ds(keys: &ZoneKeys, child: &str) -> Result<Vec<u8>> {
    let key = keys.entry();
    let mut ds = key.ds(&name(child)?)[..3].to_vec();
    ds.push(DS_SHA1);
    let octets = [name(child)?.as_slice(), key.dnskey()].concat();
    ds.extend_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &octets).as_ref());
    Ok(ds)
}

/// What [`QUESTIONS`] ask for.
fn fill(zone: &mut ZoneBuilder, apex: &str) -> Result<()> {
    let under = |label: &str| name(&format!("{label}.{apex}"));
    // Several records, so that their order matters.
    for record in [text(apex), rdata::txt("v=MIMI1; p=20; e=other.test")] {
        zone.add(under("_mimi")?, Rtype::TXT, record)?;
    }
    zone.add(under("_mimi")?, UNKNOWN, vec![1, 2, 3])?;
    zone.add(name(&MAILBOX.replace('@', apex))?, Rtype::TXT, text(apex))?;
    zone.add(under("*.wild")?, Rtype::TXT, text("wild.test"))?;
    zone.add(under("full.empty")?, Rtype::TXT, text("full.test"))?;
    let target = rdata::target(&name(&format!("_mimi.{OTHER}"))?);
    zone.add(under("alias")?, Rtype::CNAME, target)?;
    zone.add(under("away")?, Rtype::DNAME, rdata::target(&name(OTHER)?))?;
    delegate(zone, &format!("bare.{apex}"), None)
}
