//! `sotto record check`.
