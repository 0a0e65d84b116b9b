//! The zoo: zones of every kind that a verifier meets, most of them healthy, below a TLD of their own.

use super::{
    Algorithm, CompactZone, DAY, Delegation, Denial, ED25519, Keys, P256, RSA, Server, Signing,
    Validity, Zone, bind, registry, zone,
};

const FUTURE: Validity = Validity {
    from: 10 * DAY,
    until: 40 * DAY,
};

const RSA1024: &[Algorithm] = &[Algorithm::rsa("RSASHA256", "1024")];
const RSASHA512: &[Algorithm] = &[Algorithm::rsa("RSASHA512", "2048")];
const RSASHA1: &[Algorithm] = &[Algorithm::rsa("RSASHA1", "2048")];
const NSEC3RSASHA1: &[Algorithm] = &[Algorithm::rsa("NSEC3RSASHA1", "2048")];
const ED448: &[Algorithm] = &[Algorithm::named("ED448")];
const P384: &[Algorithm] = &[Algorithm::named("ECDSAP384SHA384")];
const P256_AND_RSA: &[Algorithm] = &[P256[0], RSA[0]];

/// A key of a good algorithm that nobody has: tag, algorithm 13, SHA-256.
const LOST: Delegation =
    Delegation::Only("4711 13 2 8f3f0a5f0dc3a7be9e3a9cd0c6e5b7a6d1f0b1e2d3c4b5a69788776655443322");

/// A key of an algorithm that nobody has assigned.
const UNKNOWN_ALGORITHM: Delegation =
    Delegation::Only("4711 200 2 8f3f0a5f0dc3a7be9e3a9cd0c6e5b7a6d1f0b1e2d3c4b5a69788776655443322");

/// A digest of a type that nobody has assigned.
const UNKNOWN_DIGEST: Delegation = Delegation::Only("4711 13 200 8f3f0a5f0dc3a7be9e3a9cd0c6e5b7a6");

/// A second algorithm in the DS RRset, without a key (RFC 6840 section 5.11).
const SECOND_ALGORITHM: Delegation =
    Delegation::And("4711 8 2 8f3f0a5f0dc3a7be9e3a9cd0c6e5b7a6d1f0b1e2d3c4b5a69788776655443322");

/// Every zone of the zoo, beside those that every test has.
pub(crate) const ZOO: &[Zone] = &[
    zone("zoo.", registry(P256, Denial::Nsec3), Server::Knot),
    // Algorithms
    zone("rsa1024.zoo.", bind(RSA1024, Denial::Nsec), Server::Nsd),
    zone("sha512.zoo.", bind(RSASHA512, Denial::Nsec3), Server::Nsd),
    zone("sha1.zoo.", bind(RSASHA1, Denial::Nsec), Server::Nsd),
    zone(
        "nsec3sha1.zoo.",
        bind(NSEC3RSASHA1, Denial::Nsec3),
        Server::Knot,
    ),
    zone("ed448.zoo.", bind(ED448, Denial::Nsec), Server::Nsd),
    zone("p384.zoo.", bind(P384, Denial::Nsec3), Server::Nsd)
        .delegated(Delegation::Digests(&["-a", "SHA-384"])),
    zone(
        "two-algorithms.zoo.",
        bind(P256_AND_RSA, Denial::Nsec),
        Server::Nsd,
    ),
    zone("one-of-two.zoo.", bind(P256, Denial::Nsec), Server::Knot).delegated(SECOND_ALGORITHM),
    zone("unknown.zoo.", Signing::None, Server::Nsd).delegated(UNKNOWN_ALGORITHM),
    // Keys and digests
    zone("split.zoo.", registry(ED25519, Denial::Nsec3), Server::Nsd),
    zone(
        "stand-by.zoo.",
        bind(P256, Denial::Nsec).keys(Keys::StandBy),
        Server::Nsd,
    ),
    zone("ds1.zoo.", bind(P256, Denial::Nsec), Server::Nsd).delegated(Delegation::Digests(&["-1"])),
    zone("ds12.zoo.", bind(P256, Denial::Nsec), Server::Nsd)
        .delegated(Delegation::Digests(&["-1", "-2"])),
    zone("ds200.zoo.", bind(P256, Denial::Nsec), Server::Knot).delegated(UNKNOWN_DIGEST),
    zone("no-ds.zoo.", bind(P256, Denial::Nsec), Server::Nsd).delegated(Delegation::Missing),
    zone("lost.zoo.", bind(P256, Denial::Nsec), Server::Nsd).delegated(LOST),
    zone("stripped.zoo.", Signing::None, Server::Knot).delegated(LOST),
    // Times
    zone(
        "future.zoo.",
        bind(P256, Denial::Nsec3).valid(FUTURE),
        Server::Nsd,
    ),
    // Denial
    zone("salted.zoo.", bind(P256, Denial::Salted), Server::Nsd),
    zone("iterations.zoo.", ITERATIONS, Server::Nsd),
    zone("plain.iterations.zoo.", Signing::None, Server::Knot),
    zone("online.zoo.", Signing::Online, Server::Knot),
    zone("plain.online.zoo.", Signing::None, Server::Nsd),
    zone("compact.zoo.", COMPACT, Server::Nsd),
    // Shapes
    zone("four.zoo.", bind(ED25519, Denial::Nsec), Server::Nsd),
    zone("levels.four.zoo.", bind(P384, Denial::Nsec3), Server::Knot),
    zone("no.cut.zoo.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("plain.zoo.", Signing::None, Server::Nsd),
    zone("island.plain.zoo.", bind(P256, Denial::Nsec), Server::Knot),
    zone("odd.zoo.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("odd3.zoo.", bind(P256, Denial::Nsec3), Server::Knot),
    // Wildcards and aliases
    zone("wild.zoo.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("wild3.zoo.", bind(P256, Denial::Nsec3), Server::Knot),
    zone("alias.zoo.", bind(P256, Denial::Nsec), Server::Nsd),
    zone("alias3.zoo.", bind(ED25519, Denial::Nsec3), Server::Knot),
];

const ITERATIONS: Signing = Signing::Ldns {
    iterations: Some("150"),
};

const COMPACT: Signing = Signing::Compact(CompactZone {
    texts: &[
        ("_mimi.olga", "v=MIMI1; a=olga; e=im.telegram.example"),
        ("x.empty", "v=MIMI1; a=x; e=im.telegram.example"),
    ],
    aliases: &[("_mimi.away", "_mimi.nobody.compact.zoo.")],
    empty: &["_mimi", "empty"],
    absent: &["_mimi.nobody", "nobody", "nobody.empty"],
});
