//! Prints the public API that a rustdoc JSON file describes, an item a line. `scripts/public-api` calls it.

use anyhow::{Context, Result};

#[allow(clippy::print_stdout, reason = "its output is what it is for")]
fn main() -> Result<()> {
    let file = std::env::args_os().nth(1);
    let file = file.context("usage: public_api FILE, made by rustdoc --output-format json")?;
    let api = public_api::Builder::from_rustdoc_json(file)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .context(
            "this rustdoc writes another format than the crate public-api reads: update that crate",
        )?;
    println!("{api}");
    Ok(())
}
