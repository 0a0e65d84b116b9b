//! Master files (RFC 1035 section 5): RRsets as lines that mean the same wherever they are pasted.
//!
//! Every line is complete: absolute owner, TTL, class, type, RDATA. No `$ORIGIN` or `$TTL` above it, and no line
//! before it, has any influence.

mod software;
mod zone;

pub use software::Software;
pub use zone::{Zone, ZoneError};

use std::fmt::Write;

use sotto_mimi::character_strings;

use crate::publication::{Publication, TXT};

/// The type of an RR as a mnemonic that every name server knows, or as `TYPEnnn` (RFC 3597 section 5).
#[must_use]
pub fn type_text(rtype: u16) -> String {
    match rtype {
        TXT => "TXT".to_owned(),
        _ => format!("TYPE{rtype}"),
    }
}

/// RDATA as it is written: TXT as quoted character-strings, any other type in the generic form.
#[must_use]
pub fn rdata_text(rtype: u16, rdata: &[u8]) -> String {
    match rtype {
        TXT => quoted(rdata).unwrap_or_else(|| generic(rdata)),
        _ => generic(rdata),
    }
}

/// RDATA in the form that is read without knowledge of the type (RFC 3597 section 5).
#[must_use]
pub fn generic(rdata: &[u8]) -> String {
    let mut text = format!("\\# {}", rdata.len());
    if !rdata.is_empty() {
        text.push(' ');
    }
    for octet in rdata {
        // A String takes everything.
        let _ = write!(text, "{octet:02x}");
    }
    text
}

/// Character-strings, each in quotes, with a space between; `None` if the RDATA is not made of them.
fn quoted(rdata: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(rdata.len() + 2);
    for string in character_strings(rdata)? {
        if !text.is_empty() {
            text.push(' ');
        }
        push_quoted(&mut text, string);
    }
    Some(text)
}

/// One character-string: printable ASCII as it is, quote and backslash behind a backslash, anything else as three
/// decimal digits, so that no server and no editor has to agree on an encoding.
fn push_quoted(text: &mut String, string: &[u8]) {
    text.push('"');
    for octet in string {
        match octet {
            b'"' | b'\\' => {
                text.push('\\');
                text.push(char::from(*octet));
            }
            b' '..=b'~' => text.push(char::from(*octet)),
            _ => {
                let _ = write!(text, "\\{octet:03}");
            }
        }
    }
    text.push('"');
}

/// The lines of an RRset, each with its end.
#[must_use]
pub fn lines(publication: &Publication) -> String {
    let (owner, ttl, rtype) = (publication.owner(), publication.ttl(), publication.rtype());
    let mut lines = String::new();
    for rdata in publication.rdatas() {
        let _ = writeln!(
            lines,
            "{owner} {ttl} IN {} {}",
            type_text(rtype),
            rdata_text(rtype, rdata)
        );
    }
    lines
}
