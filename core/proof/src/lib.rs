//! DNSSEC proofs: a sans-IO prover and a pure verifier.

pub mod codec;
pub mod limits;
pub mod message;
pub mod name;
pub mod prove;
pub mod rdata;
pub mod record;

pub use codec::{MAX_PROOF_BYTES, decode, encode};
pub use limits::Limits;
pub use name::{Name, NameError};
pub use prove::{Progress, Proof, ProveError, Prover, ProverLimits};
pub use record::{CLASS_IN, Question, Record, RecordType};
