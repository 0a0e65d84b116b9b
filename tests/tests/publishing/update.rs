//! `sotto record publish`.
