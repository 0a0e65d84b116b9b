//! What the fuzz targets share. Each target is a file under `targets/`, which says what it asserts.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod alter;
pub mod input;
pub mod keys;
pub mod vectors;

pub use input::Input;
