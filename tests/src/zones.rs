//! The zones: which exist, how they are signed, who serves them. Their content is in `zones/`.

/// A zone of the hierarchy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    /// The origin, absolute.
    pub(crate) origin: &'static str,
    /// How it is signed.
    pub(crate) signing: Signing,
    /// Who serves it.
    pub(crate) server: Server,
}

/// How a zone is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signing {
    /// Not at all.
    None,
    /// By dnssec-signzone.
    Bind {
        /// The mnemonic that dnssec-keygen knows.
        algorithm: &'static str,
        denial: Denial,
        validity: Validity,
        keys: Keys,
    },
    /// By ldns-signzone: P-256 under NSEC.
    Ldns,
}

/// How absence is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    Nsec,
    Nsec3,
    /// NSEC3 that leaves insecure delegations out.
    OptOut,
}

/// When the signatures hold, in seconds from the start of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// How many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// One that signs everything.
    Combined,
    /// A key-signing and a zone-signing key, as the root and most TLDs have.
    Split,
}

/// Which software serves a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Server {
    Nsd,
    Knot,
}

const DAY: i64 = 86_400;

/// From an hour ago for a fortnight, as live zones are.
pub(crate) const CURRENT: Validity = Validity {
    from: -3_600,
    until: 14 * DAY,
};

const EXPIRED: Validity = Validity {
    from: -40 * DAY,
    until: -10 * DAY,
};

const fn bind(algorithm: &'static str, denial: Denial) -> Signing {
    Signing::Bind {
        algorithm,
        denial,
        validity: CURRENT,
        keys: Keys::Combined,
    }
}

const fn registry(algorithm: &'static str, denial: Denial) -> Signing {
    Signing::Bind {
        algorithm,
        denial,
        validity: CURRENT,
        keys: Keys::Split,
    }
}

const P256: &str = "ECDSAP256SHA256";
const RSA: &str = "RSASHA256";

/// Every zone. A parent and its child are served by different software wherever possible.
pub(crate) const ZONES: &[Zone] = &[
    zone(".", registry(RSA, Denial::Nsec), Server::Nsd),
    zone("test.", registry(RSA, Denial::Nsec3), Server::Knot),
    zone("example.", registry(P256, Denial::Nsec), Server::Nsd),
    zone("optout.", registry(P256, Denial::OptOut), Server::Knot),
    zone("gateway.test.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("nsec.test.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("nsec3.test.", bind(RSA, Denial::Nsec3), Server::Knot),
    zone(
        "ed25519.example.",
        bind("ED25519", Denial::Nsec3),
        Server::Knot,
    ),
    zone("ldns.example.", Signing::Ldns, Server::Knot),
    zone("unsigned.test.", Signing::None, Server::Nsd),
    zone("plain.optout.", Signing::None, Server::Nsd),
    zone("signed.optout.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("delegated.test.", bind(P256, Denial::Nsec), Server::Nsd),
    zone(
        "_mimi.delegated.test.",
        bind("ED25519", Denial::Nsec3),
        Server::Knot,
    ),
    zone("dname.test.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("provider.example.", bind(P256, Denial::Nsec3), Server::Knot),
    zone("cname.test.", bind("ED25519", Denial::Nsec), Server::Nsd),
    zone("hoster.test.", bind(P256, Denial::Nsec), Server::Knot),
    zone("expired.test.", EXPIRED_SIGNING, Server::Nsd),
    zone("phones.example.", bind(P256, Denial::Nsec3), Server::Knot),
];

const EXPIRED_SIGNING: Signing = Signing::Bind {
    algorithm: P256,
    denial: Denial::Nsec,
    validity: EXPIRED,
    keys: Keys::Combined,
};

const fn zone(origin: &'static str, signing: Signing, server: Server) -> Zone {
    Zone {
        origin,
        signing,
        server,
    }
}

impl Zone {
    /// A file name for the zone.
    pub(crate) fn file_name(&self) -> String {
        match self.origin {
            "." => "root.zone".to_owned(),
            origin => format!("{origin}zone"),
        }
    }

    /// The closest zone above, of those in [`ZONES`].
    pub(crate) fn parent(&self) -> Option<&'static Self> {
        ZONES
            .iter()
            .filter(|zone| zone.origin != self.origin)
            .filter(|zone| {
                zone.origin == "." || self.origin.ends_with(&format!(".{}", zone.origin))
            })
            .max_by_key(|zone| zone.origin.len())
            .filter(|_| self.origin != ".")
    }

    /// Children, whose delegations the zone holds.
    pub(crate) fn children(&self) -> impl Iterator<Item = &'static Self> + '_ {
        let is_child = |zone: &&Self| {
            zone.parent()
                .is_some_and(|parent| parent.origin == self.origin)
        };
        ZONES.iter().filter(is_child)
    }

    /// The name of the zone's name server.
    pub(crate) fn name_server(&self) -> String {
        match self.origin {
            "." => "ns.".to_owned(),
            origin => format!("ns.{origin}"),
        }
    }

    /// Every zone, children before their parents.
    pub(crate) fn bottom_up() -> Vec<&'static Self> {
        let mut zones: Vec<_> = ZONES.iter().collect();
        zones.sort_by_key(|zone| {
            std::cmp::Reverse(zone.origin.matches('.').count() * usize::from(zone.origin != "."))
        });
        zones
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_but_the_root_has_a_parent_that_is_signed_after_it() {
        let order = Zone::bottom_up();
        let place = |origin: &str| order.iter().position(|zone| zone.origin == origin);
        for zone in ZONES.iter().filter(|zone| zone.origin != ".") {
            let parent = zone.parent().unwrap();
            assert!(place(zone.origin) < place(parent.origin), "{}", zone.origin);
        }
        assert!(order.last().is_some_and(|zone| zone.origin == "."));
        assert!(order.last().unwrap().parent().is_none());
    }

    #[test]
    fn the_closest_zone_above_is_the_parent() {
        let child = ZONES
            .iter()
            .find(|zone| zone.origin == "_mimi.delegated.test.")
            .unwrap();
        assert_eq!(child.parent().unwrap().origin, "delegated.test.");
    }
}
