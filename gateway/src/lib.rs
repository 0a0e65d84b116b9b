//! An Oblivious HTTP gateway that answers with DNSSEC proofs.
