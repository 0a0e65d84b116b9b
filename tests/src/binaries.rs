//! Our own programs, as `cargo build` left them.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The path of one of our binaries: beside the directory of the running test executable.
///
/// # Errors
///
/// That it has not been built, with the remedy.
pub fn find(name: &str) -> Result<PathBuf> {
    let test = env::current_exe().context("the test does not know where it is")?;
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .context("the test does not lie in a target directory")?;
    let binary = profile
        .join(name)
        .with_extension(env::consts::EXE_EXTENSION);
    if !binary.is_file() {
        bail!(
            "{} has not been built; `cargo build --workspace --bins` first, as scripts/test does",
            binary.display()
        );
    }
    Ok(binary)
}
