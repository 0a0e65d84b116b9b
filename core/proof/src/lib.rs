//! DNSSEC proofs: a sans-IO prover and a pure verifier.
//!
//! A *proof* is a sequence of resource records without header or compression, the form that RFC
//! 9102 section 2.1 gives a DNSSEC chain: the DNSKEY and DS RRsets from a trust anchor down to a
//! zone, and below them either an RRset with its RRSIG, or the NSEC or NSEC3 records that deny it;
//! with each CNAME and DNAME on the way. Whoever holds the trust anchor needs nothing else, so it
//! does not matter who made the proof or how it travelled.
//!
//! A gateway makes proofs with [`Prover`]; a client judges them with [`verify()`]:
//!
//! ```
//! use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
//!
//! let question = Question { name: "_mimi.example.com".parse()?, rtype: RecordType::TXT };
//! let received = []; // octets from anybody
//! let verification =
//!     verify(&received, &question, &Anchors::iana(), 1_800_000_000, &Limits::default());
//! match verification.verdict {
//!     Verdict::Secure(found) => println!("{} records of {}", found.rdatas.len(), found.owner),
//!     Verdict::NoData | Verdict::NxDomain => println!("proved to be absent"),
//!     Verdict::Insecure(reason) => println!("nothing is signed there: {reason}"),
//!     Verdict::Bogus(reason) => println!("no proof: {reason}"),
//! }
//! # Ok::<(), sotto_proof::NameError>(())
//! ```
//!
//! # What a verdict promises
//!
//! - `Secure`, `NoData` and `NxDomain` are statements of the zone's owner about exactly the name,
//!   class and type asked for, signed for a span that includes `now`. A wildcard counts only with
//!   the proof that nothing closer exists, and is named in the verdict.
//! - `Insecure` is proved as well: a secure zone shows that it delegates without DS, may hide
//!   such a delegation in an opt-out span, or hashes its names more often than validators accept;
//!   or every DS record has an unsupported algorithm. It never carries records.
//! - Anything else is `Bogus`, with a [`Code`] for the rule, and the name at fault. Records that
//!   the verdict does not need are ignored, whatever they are.
//! - The same arguments give the same verdict. Nothing here reads a clock, a file, a global or
//!   randomness, and no input makes the cost exceed [`Limits`].
//!
//! # The next name of a zone
//!
//! Most of what a verification costs is signature checks, and most of them are over the keys of
//! zones already seen. Whoever keeps a [`SignatureMemory`] and calls [`verify_with_memory`] pays for
//! the new signatures alone; the verdict is the same.
//!
//! # Features
//!
//! - `aws-lc-rs`, the default: signatures and hashes by aws-lc, which needs a C compiler.
//! - `rust-crypto`, with the default features off: by crates in Rust alone, several times slower, for
//!   targets that aws-lc does not reach. Both accept exactly the same signatures, which a test shows,
//!   and where both are on aws-lc-rs is used. `wasm32-unknown-unknown` builds, and gives the published
//!   proofs among the tests their verdicts.
//!
//! # Limitations
//!
//! - A proof shows what the zone signed, not what it says now: an older answer still within its
//!   signatures' time verifies. See [`Verification::leaf_inception`].
//! - TTLs are not signed, only their upper bound is: whoever passes a proof on can shorten them.
//! - Algorithms 8, 10, 13, 14 and 15, DS digests 2 and 4 (RFC 8624, RFC 9905); zones that have
//!   nothing else are `Insecure`. RSA keys below 1,024 bits do not count.
//! - A wildcard's answer comes under the name asked for, as servers send it.
//! - A parent that still signs an old denial can show a zone as insecure that has since been
//!   signed, until that denial expires. That is so for every validator.

pub mod anchors;
pub mod codec;
pub mod limits;
pub mod message;
pub mod name;
pub mod prove;
pub mod rdata;
pub mod record;
pub mod verify;

pub use anchors::{AnchorError, AnchorProblem, Anchors};
pub use codec::{MAX_PROOF_BYTES, decode, encode};
pub use limits::Limits;
pub use name::{Name, NameError};
pub use prove::{Progress, Proof, ProveError, Prover, ProverLimits};
pub use record::{CLASS_IN, Question, Record, RecordType};
pub use verify::{
    ClockHint, Code, Cost, Explanation, Link, PathStep, Reason, Secure, SignatureMemory, Utc,
    Validity, Verdict, Verification, explain, verify, verify_with_memory,
};
