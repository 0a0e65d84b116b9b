//! A DNS in memory whose keys are at hand: the same zone can be signed again, with other content and for
//! other times, which no gateway could do and an archive of yesterday's answers amounts to.

use std::ops::Range;

use domain::base::iana::Rtype;
use sotto_client::proof::Anchors;
use sotto_tests::offline;
use sotto_world::dns::resolver::Internet;
use sotto_world::dns::signer::{Algorithm, Window};
use sotto_world::dns::zone::{Denial, ZoneBuilder, ZoneKeys};
use sotto_world::dns::{Name, export, name, rdata};

/// The zone that is not signed; names below it go there, all others into the root.
const UNSIGNED: &str = "unsigned.test";

/// Names and their TXT RDATA.
pub(crate) type Records = Vec<(String, Vec<u8>)>;

/// The keys of the root.
pub(crate) struct Realm(ZoneKeys);

/// What the zones held at one time.
pub(crate) struct Edition(Internet);

impl Realm {
    pub(crate) fn new() -> Self {
        Self(ZoneKeys::combined(Algorithm::EcdsaP256).unwrap())
    }

    /// The root's key, as in a file of trust anchors.
    pub(crate) fn anchor(&self) -> String {
        export::anchor(&Name::root_vec(), self.0.entry())
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::parse(&self.anchor()).unwrap()
    }

    /// Signs `records` for `validity`, Unix seconds.
    pub(crate) fn publish(&self, records: &Records, validity: Range<u64>) -> Edition {
        let (apex, child) = (Name::root_vec(), name(UNSIGNED).unwrap());
        let (server, child_server) = (name("ns.root").unwrap(), name("ns.unsigned.test").unwrap());
        let mut root = ZoneBuilder::new(apex, &server);
        root.add(child.clone(), Rtype::NS, rdata::target(&child_server))
            .unwrap();
        let mut unsigned = ZoneBuilder::new(child.clone(), &child_server);
        for (owner, rdata) in records {
            let owner = name(owner).unwrap();
            let zone = if owner.ends_with(&child) {
                &mut unsigned
            } else {
                &mut root
            };
            zone.add(owner, Rtype::TXT, rdata.clone()).unwrap();
        }
        let window = Window {
            inception: u32::try_from(validity.start).unwrap(),
            expiration: u32::try_from(validity.end).unwrap(),
        };
        let mut internet = Internet::new();
        internet.serve(server, root.sign(&self.0, Denial::Nsec, window).unwrap());
        internet.serve(child_server, unsigned.unsigned());
        Edition(internet)
    }
}

impl Edition {
    /// The proof that an honest gateway makes of this edition.
    pub(crate) fn prove(&self, name: &str, rtype: &str) -> Vec<u8> {
        offline::prove(&self.0, name, rtype).unwrap()
    }
}
