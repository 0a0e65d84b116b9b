//! DNSSEC proofs: a sans-IO prover and a pure verifier.

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
    ClockHint, Code, Cost, Link, Reason, Secure, Validity, Verdict, Verification, verify,
};
