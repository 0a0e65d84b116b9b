//! The zones: which exist, how they are signed, who serves them. Their content is in `zones/`.

mod pages;
mod zoo;

pub(crate) use pages::PAGES;
pub(crate) use zoo::ZOO;

/// A zone of the hierarchy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    /// The origin, absolute.
    pub(crate) origin: &'static str,
    /// How it is signed.
    pub(crate) signing: Signing,
    /// Who serves it.
    pub(crate) server: Server,
    /// What its parent says of its keys.
    pub(crate) delegation: Delegation,
}

/// How a zone is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signing {
    /// Not at all.
    None,
    /// By dnssec-signzone.
    Bind(Bind),
    /// By ldns-signzone with a P-256 key: under NSEC3 hashed once and so many times more, or under NSEC.
    Ldns { iterations: Option<&'static str> },
    /// By Knot while it serves, with a P-256 key: compact denial (RFC 9824) without the type NXNAME, which Knot 3.2
    /// does not know yet.
    Online,
    /// By the world's own signer with a P-256 key: compact denial with NXNAME, for the names of a list.
    Compact(CompactZone),
}

/// All of a zone with compact denial; owner names are relative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompactZone {
    /// TXT records.
    pub(crate) texts: &'static [(&'static str, &'static str)],
    /// CNAME records, with absolute targets.
    pub(crate) aliases: &'static [(&'static str, &'static str)],
    /// Names that own nothing, above others.
    pub(crate) empty: &'static [&'static str],
    /// Names that are denied.
    pub(crate) absent: &'static [&'static str],
}

/// What dnssec-signzone is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bind {
    /// Each makes keys of its own, and all of them sign.
    pub(crate) algorithms: &'static [Algorithm],
    pub(crate) denial: Denial,
    pub(crate) validity: Validity,
    pub(crate) keys: Keys,
}

/// An algorithm of DNSSEC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Algorithm {
    /// The mnemonic that dnssec-keygen knows.
    pub(crate) mnemonic: &'static str,
    /// The length of an RSA key.
    pub(crate) bits: Option<&'static str>,
}

/// How absence is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    Nsec,
    Nsec3,
    /// NSEC3 with a salt and ten iterations, as many older zones have.
    Salted,
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
    /// One that signs everything and one that is published for later, both with a DS record.
    StandBy,
}

/// The DS records at the parent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delegation {
    /// Those of the zone's entry keys, with the digests that these arguments of dnssec-dsfromkey name.
    Digests(&'static [&'static str]),
    /// SHA-256, and one more.
    And(&'static str),
    /// This one, whatever keys there are.
    Only(&'static str),
    /// None, signed or not.
    Missing,
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

const P256: &[Algorithm] = &[Algorithm::named("ECDSAP256SHA256")];
const RSA: &[Algorithm] = &[Algorithm::rsa("RSASHA256", "2048")];
const ED25519: &[Algorithm] = &[Algorithm::named("ED25519")];

/// The zones that every test has. A parent and its child are served by different software wherever possible.
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
        bind(ED25519, Denial::Nsec3),
        Server::Knot,
    ),
    zone("ldns.example.", LDNS, Server::Knot),
    zone("unsigned.test.", Signing::None, Server::Nsd),
    zone("plain.optout.", Signing::None, Server::Nsd),
    zone("signed.optout.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("delegated.test.", bind(P256, Denial::Nsec), Server::Nsd),
    zone(
        "_mimi.delegated.test.",
        bind(ED25519, Denial::Nsec3),
        Server::Knot,
    ),
    zone("dname.test.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("provider.example.", bind(P256, Denial::Nsec3), Server::Knot),
    zone("cname.test.", bind(ED25519, Denial::Nsec), Server::Nsd),
    zone("hoster.test.", bind(P256, Denial::Nsec), Server::Knot),
    zone(
        "expired.test.",
        bind(P256, Denial::Nsec).valid(EXPIRED),
        Server::Nsd,
    ),
    zone("phones.example.", bind(P256, Denial::Nsec3), Server::Knot),
];

const LDNS: Signing = Signing::Ldns { iterations: None };

const fn bind(algorithms: &'static [Algorithm], denial: Denial) -> Signing {
    Signing::Bind(Bind {
        algorithms,
        denial,
        validity: CURRENT,
        keys: Keys::Combined,
    })
}

const fn registry(algorithms: &'static [Algorithm], denial: Denial) -> Signing {
    bind(algorithms, denial).keys(Keys::Split)
}

const fn zone(origin: &'static str, signing: Signing, server: Server) -> Zone {
    Zone {
        origin,
        signing,
        server,
        delegation: Delegation::Digests(&["-2"]),
    }
}

impl Algorithm {
    const fn named(mnemonic: &'static str) -> Self {
        Self {
            mnemonic,
            bits: None,
        }
    }

    const fn rsa(mnemonic: &'static str, bits: &'static str) -> Self {
        Self {
            mnemonic,
            bits: Some(bits),
        }
    }
}

impl Signing {
    const fn keys(self, keys: Keys) -> Self {
        match self {
            Self::Bind(bind) => Self::Bind(Bind { keys, ..bind }),
            other => other,
        }
    }

    const fn valid(self, validity: Validity) -> Self {
        match self {
            Self::Bind(bind) => Self::Bind(Bind { validity, ..bind }),
            other => other,
        }
    }
}

impl Zone {
    const fn delegated(self, delegation: Delegation) -> Self {
        Self { delegation, ..self }
    }

    /// A file name for the zone.
    pub(crate) fn file_name(&self) -> String {
        match self.origin {
            "." => "root.zone".to_owned(),
            origin => format!("{origin}zone"),
        }
    }

    /// The closest zone above, of those in `zones`.
    pub(crate) fn parent(&self, zones: &[Self]) -> Option<Self> {
        zones
            .iter()
            .filter(|zone| zone.origin != self.origin)
            .filter(|zone| {
                zone.origin == "." || self.origin.ends_with(&format!(".{}", zone.origin))
            })
            .max_by_key(|zone| zone.origin.len())
            .filter(|_| self.origin != ".")
            .copied()
    }

    /// Children among `zones`, whose delegations the zone holds.
    pub(crate) fn children(&self, zones: &[Self]) -> Vec<Self> {
        let is_child = |zone: &&Self| {
            zone.parent(zones)
                .is_some_and(|parent| parent.origin == self.origin)
        };
        zones.iter().filter(is_child).copied().collect()
    }

    /// The name of the zone's name server.
    pub(crate) fn name_server(&self) -> String {
        match self.origin {
            "." => "ns.".to_owned(),
            origin => format!("ns.{origin}"),
        }
    }

    /// Labels of the origin.
    pub(crate) fn depth(&self) -> usize {
        self.origin
            .split('.')
            .filter(|label| !label.is_empty())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_but_the_root_has_a_parent() {
        let all = [ZONES, ZOO].concat();
        for zone in all.iter().filter(|zone| zone.origin != ".") {
            let parent = zone.parent(&all).unwrap();
            assert!(parent.depth() < zone.depth(), "{}", zone.origin);
        }
        assert!(ZONES[0].parent(&all).is_none());
    }

    #[test]
    fn the_closest_zone_above_is_the_parent() {
        let child = ZONES
            .iter()
            .find(|zone| zone.origin == "_mimi.delegated.test.")
            .unwrap();
        assert_eq!(child.parent(ZONES).unwrap().origin, "delegated.test.");
    }

    #[test]
    fn every_content_belongs_to_a_zone() {
        let known: Vec<_> = [ZONES, ZOO].concat().iter().map(Zone::file_name).collect();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/zones");
        for entry in std::fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            assert!(known.contains(&file), "{file}");
        }
    }
}
