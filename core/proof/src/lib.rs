//! DNSSEC proofs: a sans-IO prover and a pure verifier.
//!
//! A *proof* is a sequence of resource records that leads from a key which you hold to an answer in
//! the DNS, or to its absence (RFC 9102). Whoever holds the key needs nothing else, so it does not
//! matter who made the proof or how it travelled.
//!
//! A gateway makes proofs with [`Prover`]; a client judges them with [`verify()`]:
//!
//! ```
//! use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
//!
//! let question = Question { name: "_mimi.example.com".parse()?, rtype: RecordType::TXT };
//! let received = []; // octets from anybody
//! let now = 1_800_000_000; // Unix seconds
//!
//! let verification = verify(&received, &question, &Anchors::iana(), now, &Limits::default());
//! match verification.verdict {
//!     Verdict::Secure(found) => println!("{} records of {}", found.rdatas.len(), found.owner),
//!     Verdict::NoData | Verdict::NxDomain => println!("proved to be absent"),
//!     Verdict::Insecure(reason) => println!("nothing is signed there: {reason}"),
//!     Verdict::Bogus(reason) => println!("no proof: {reason}"),
//! }
//! # Ok::<(), sotto_proof::NameError>(())
//! ```
//!
//! # The book
//!
//! | chapter | |
//! |---|---|
//! | [What a proof is](book::proofs) | the octets, and what they say |
//! | [How a proof is made](book::proving) | the prover, and the loop around it |
//! | [What a verdict promises](book::verdicts) | and what it does not; reasons; a second opinion |
//! | [Time, and the clock](book::time) | validity, a wrong clock, age |
//! | [How long a verdict may be kept](book::caching) | and what a verifier may remember |
//! | [Trust anchors, and their rollover](book::anchors) | the IANA root, and keys of your own |
//! | [Limits](book::limits) | what a hostile proof may cost |
//! | [What it costs](book::costs) | an honest one |
//! | [Features](book::features) | the cryptography underneath |
//! | [Limitations](book::limitations) | |
//!
//! Three examples run as they stand: `verify_file`, `prove_name` and `bip353`.
//!
//! # Where to look
//!
//! - Octets and names: [`Question`], [`Record`], [`Name`], [`decode()`], [`encode()`], [`rdata`].
//! - Making a proof: [`Prover`], [`Progress`], [`Proof`], [`message`].
//! - Judging one: [`verify()`], [`Verification`], [`Verdict`], [`Reason`], [`Code`], [`Anchors`],
//!   [`Limits`]; with memory, [`verify_with_memory()`] and [`SignatureMemory`].
//! - Telling a person: [`explain()`] and [the module `explain`](mod@verify::explain).

#[cfg(any(doc, doctest))]
pub mod book;

pub mod anchors;
pub mod codec;
pub mod limits;
pub mod message;
pub mod name;
pub mod prove;
pub mod rdata;
pub mod record;
pub mod verify;

#[doc(inline)]
pub use anchors::{AnchorError, AnchorProblem, Anchors};
#[doc(inline)]
pub use codec::{MAX_PROOF_BYTES, decode, encode};
#[doc(inline)]
pub use limits::Limits;
#[doc(inline)]
pub use name::{Name, NameError};
#[doc(inline)]
pub use prove::{Progress, Proof, ProveError, Prover, ProverLimits};
#[doc(inline)]
pub use record::{CLASS_IN, Question, Record, RecordType};
#[doc(inline)]
pub use verify::{
    ClockHint, Code, Cost, Explanation, Link, PathStep, Reason, Secure, SignatureMemory, Statement,
    Utc, Validity, Verdict, Verification, explain, verify, verify_with_memory,
};
