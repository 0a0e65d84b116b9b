//! What others have published, to print beside our rows. None of it was measured here.

/// A published figure for a padding of answers.
pub(super) struct Padded {
    /// What the padding is called there.
    pub(super) theirs: &'static str,
    /// What it is called in our findings.
    pub(super) ours: &'static str,
    /// F1 of a classifier of web sites.
    pub(super) f1: f64,
}

/// Siby, Juarez, Diaz, Vallina-Rodriguez and Troncoso, "Encrypted DNS ⇒ Privacy? A Traffic Analysis Perspective", NDSS 2020.
pub(super) const SIBY: [Padded; 4] = [
    Padded {
        theirs: "none",
        ours: "none",
        f1: 0.908,
    },
    Padded {
        theirs: "EDNS(0), to 128 octets",
        ours: "multiples of 128",
        f1: 0.691,
    },
    Padded {
        theirs: "EDNS(0), to 468 octets",
        ours: "multiples of 468",
        f1: 0.430,
    },
    Padded {
        theirs: "perfect",
        ours: "classes of 8,192 and 65,536",
        f1: 0.066,
    },
];

/// What a simulation of ours, before this one and independent of it, came to: bits of 13.3 that padded sizes of 10,000 proofs tell.
pub(super) const PROOFS: [(&str, f64); 5] = [
    ("none", 10.3),
    ("multiples of 128", 3.55),
    ("multiples of 468", 2.1),
    ("multiples of 1024", 0.87),
    ("multiples of 4096", 0.0),
];

/// The same simulation: requests a second at a relay, and top-1 where delays are exponential with a mean of 50 ms.
pub(super) const DELAYED: [(u32, f64); 4] = [(1, 0.95), (10, 0.65), (100, 0.17), (1_000, 0.015)];

/// The same simulation: top-1 at 100 requests a second where messages leave in batches of a second.
pub(super) const BATCHED: f64 = 0.010;
