//! The domains of docs/publishing: that of the discovery server, and one for each way to hand names to it or to fail.
//! The pages have their content.

use super::{Delegation, Denial, P256, Server, Signing, Zone, bind, zone};

/// Signed by ldns and served by Knot, as is all that the discovery server's operator runs.
const DISCOVERY: Signing = Signing::Ldns { iterations: None };

const fn domain(origin: &'static str) -> Zone {
    zone(origin, bind(P256, Denial::Nsec), Server::Nsd)
}

/// Every zone, beside those above it.
pub(crate) const PAGES: &[Zone] = &[
    zone("hub.test.", DISCOVERY, Server::Knot),
    domain("orchard.test."),
    zone("_mimi.orchard.test.", DISCOVERY, Server::Knot),
    domain("grove.test."),
    domain("meadow.test."),
    domain("garden.test."),
    domain("park.test."),
    domain("field.test."),
    domain("forgetful.test."),
    zone("_mimi.forgetful.test.", DISCOVERY, Server::Knot).delegated(Delegation::Missing),
    domain("untidy.test."),
    domain("uniform.test."),
    domain("livery.test."),
    domain("catchall.test."),
    domain("parked.test."),
    domain("staying.test."),
    domain("closing.test."),
    zone("leaving.test.", Signing::Online, Server::Knot),
];
