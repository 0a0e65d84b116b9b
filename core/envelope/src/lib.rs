//! One oblivious exchange of fixed size.
