//! The published proofs among the tests of `sotto-proof`: RFC 9102 appendix A, and real ones under the IANA root.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use sotto_proof::{Anchors, Question};

/// Where they are.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/proof/tests/vectors");

/// One published proof.
#[derive(Debug, Clone)]
pub struct Vector {
    /// The file, without its folder and ending.
    pub file: String,
    /// What it answers.
    pub question: Question,
    /// When it is to be verified, in Unix seconds.
    pub at: u64,
    /// What it hangs from.
    pub anchors: Anchors,
    /// The octets.
    pub proof: Vec<u8>,
}

/// Reads all, in the order of their names.
///
/// # Errors
///
/// Which file cannot be read, and why.
pub fn all() -> Result<Vec<Vector>> {
    let mut vectors = Vec::new();
    for entry in fs::read_dir(FOLDER).context(FOLDER)? {
        let path = entry?.path();
        vectors.push(read(&path).with_context(|| path.display().to_string())?);
    }
    vectors.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(vectors)
}

fn read(path: &Path) -> Result<Vector> {
    let text = fs::read_to_string(path)?;
    let (head, hex) = text.split_once("\n\n").context("no empty line")?;
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .with_context(|| format!("no {name}"))
    };
    Ok(Vector {
        file: path
            .file_stem()
            .context("no name")?
            .to_string_lossy()
            .into_owned(),
        question: Question {
            name: field("name")?.parse()?,
            rtype: field("type")?.parse()?,
        },
        at: field("at")?.parse()?,
        anchors: match field("anchor")? {
            "iana" => Anchors::iana(),
            text => Anchors::parse(text)?,
        },
        proof: unhex(hex).context("no hexadecimal digits")?,
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| letter.to_digit(16))
        .collect();
    digits?
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high << 4 | low).ok(),
            _ => None,
        })
        .collect()
}
