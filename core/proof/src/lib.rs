//! DNSSEC proofs: a sans-IO prover and a pure verifier.
