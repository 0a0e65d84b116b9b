//! Dynamic updates (RFC 2136).
