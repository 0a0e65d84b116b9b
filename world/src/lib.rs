//! A private internet in one process.
