//! `sotto record new`.
