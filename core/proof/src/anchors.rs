//! Trust anchors: the keys at which every chain must begin (RFC 4035 section 5).

mod xml;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use crate::name::{Name, NameError};
use crate::rdata::{Dnskey, Ds, key_tag};
use crate::record::RecordType;
use crate::verify::crypto::{Algorithm, DigestType, PublicKey};

/// The key signing keys of the root zone, as IANA publishes them (RFC 9718) at
/// <https://data.iana.org/root-anchors/root-anchors.xml>, checked in November 2026.
///
/// KSK-2017, tag 20326, valid from 2017-02-02; KSK-2024, tag 38696, valid from 2024-07-18.
const IANA_ROOT: &str = "
. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D
. IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16
";

/// The trust anchors of one verification: DS or DNSKEY records of one or more names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchors(Vec<Anchor>);

/// One trust anchor: the RDATA of a DS or DNSKEY record at a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) zone: Name,
    pub(crate) key: AnchorKey,
}

/// What a trust anchor says of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AnchorKey {
    /// The RDATA of a DS record.
    Ds(Box<[u8]>),
    /// The RDATA of a DNSKEY record.
    Dnskey(Box<[u8]>),
}

/// Why text holds no usable trust anchors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// A line is no DS or DNSKEY record.
    #[error("line {line}: {problem}")]
    Line {
        /// The line at which the record starts, from 1.
        line: usize,
        /// What is wrong with it.
        problem: AnchorProblem,
    },
    /// There is no record at all.
    #[error("no trust anchor: add a DS or DNSKEY line, such as \". IN DS 20326 8 2 E06D...\"")]
    Empty,
    /// There are records, but none that this verifier can use.
    #[error(
        "no usable trust anchor: one needs algorithm 8, 10, 13, 14 or 15, as DS with digest type \
         2 or 4, as DNSKEY with the zone flag and not revoked"
    )]
    NothingUsable,
    /// The text is XML, but not that of RFC 9718.
    #[error("line {line}: {problem}")]
    Xml {
        /// The line at which reading stopped, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// Every key of a `root-anchors.xml` is valid at other times only.
    #[error(
        "no trust anchor of the file is valid at this time: fetch the current root-anchors.xml, and check the clock"
    )]
    NoneValid,
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorProblem {
    /// The owner name is missing or malformed.
    #[error("the owner name {text:?} is refused: {error}")]
    Owner {
        /// The text in its place.
        text: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// The line starts with a blank, and no line before it has an owner name.
    #[error("no owner name, and none before it")]
    NoOwner,
    /// A directive of zone files stands where a record belongs.
    #[error("the directive {0} is not read: remove the line, and write every name in full")]
    Directive(String),
    /// Neither DS nor DNSKEY stands where the type belongs.
    #[error("expected DS or DNSKEY, found {0:?}")]
    Type(String),
    /// A field is missing.
    #[error("the {0} is missing")]
    Missing(&'static str),
    /// A field is not what it must be.
    #[error("the {field} is not {expected}: {text:?}")]
    Field {
        /// The field.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// The text in its place.
        text: String,
    },
    /// The digest is not as long as its type says.
    #[error("the digest has {found} octets instead of {expected}")]
    DigestLength {
        /// Octets of a digest of this type.
        expected: usize,
        /// Octets found.
        found: usize,
    },
    /// A parenthesis is opened or closed without its counterpart.
    #[error("the parentheses do not match")]
    Parentheses,
}

impl Anchors {
    /// Returns the trust anchors of the IANA root, built in.
    #[must_use]
    pub fn iana() -> Self {
        Self::parse(IANA_ROOT).expect("the built-in anchors are well formed, as a test shows")
    }

    /// Reads DS and DNSKEY records in zone-file form.
    ///
    /// Owner names are absolute, with or without the last dot. TTL, class and the last newline
    /// are optional; comments, parentheses and a byte order mark may occur, directives not. In an Unbound `root.key` only keys in
    /// state VALID or MISSING count, as in RFC 5011 section 4. Records that this verifier cannot
    /// use are left out, as long as one remains.
    ///
    /// # Errors
    /// [`AnchorError`], which names the line at fault.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let mut anchors = Vec::new();
        let mut owner = None;
        let mut seen = false;
        for entry in entries(xml::without_mark(text))? {
            let at = |problem| AnchorError::Line {
                line: entry.line,
                problem,
            };
            let anchor = entry.read(&mut owner).map_err(at)?;
            seen = true;
            if entry.trusted && anchor.is_usable() && !anchors.contains(&anchor) {
                anchors.push(anchor);
            }
        }
        Self::from_usable(anchors, seen)
    }

    /// Reads what [`Anchors::parse`] reads, or IANA's `root-anchors.xml` (RFC 9718), of which the
    /// keys count that are valid at `now`, in Unix seconds.
    ///
    /// # Errors
    /// [`AnchorError`], which names the line at fault.
    pub fn parse_at(text: &str, now: u64) -> Result<Self, AnchorError> {
        if !xml::is_xml(text) {
            return Self::parse(text);
        }
        let read = xml::parse(text, now)?;
        let seen = !read.is_empty();
        let mut anchors = Vec::new();
        for anchor in read {
            if anchor.is_usable() && !anchors.contains(&anchor) {
                anchors.push(anchor);
            }
        }
        Self::from_usable(anchors, seen)
    }

    /// Makes the set, unless nothing is left of what was `seen`.
    fn from_usable(anchors: Vec<Anchor>, seen: bool) -> Result<Self, AnchorError> {
        match (anchors.is_empty(), seen) {
            (false, _) => Ok(Self(anchors)),
            (true, true) => Err(AnchorError::NothingUsable),
            (true, false) => Err(AnchorError::Empty),
        }
    }

    /// Tells whether these are exactly the built-in anchors of the IANA root, in any order.
    #[must_use]
    pub fn is_iana(&self) -> bool {
        let iana = Self::iana();
        self.0.len() == iana.0.len() && iana.0.iter().all(|anchor| self.0.contains(anchor))
    }

    /// Returns the anchors of one zone.
    pub(crate) fn of(&self, zone: &Name) -> impl Iterator<Item = &Anchor> {
        self.0.iter().filter(move |anchor| anchor.zone == *zone)
    }

    /// Returns the tags of the keys that the anchors of one zone refer to.
    pub(crate) fn tags_of(&self, zone: &Name) -> Vec<u16> {
        let tag = |anchor: &Anchor| match &anchor.key {
            AnchorKey::Ds(rdata) => Ds::parse(rdata).map(|ds| ds.key_tag),
            AnchorKey::Dnskey(rdata) => Some(key_tag(rdata)),
        };
        self.of(zone).filter_map(tag).collect()
    }

    /// Returns the zone of the anchor that is nearest to `name`, at or above it.
    pub(crate) fn nearest(&self, name: &Name) -> Option<&Name> {
        let zones = self.0.iter().map(|anchor| &anchor.zone);
        zones
            .filter(|zone| name.is_at_or_below(zone))
            .max_by_key(|zone| zone.as_wire().len())
    }
}

impl Anchor {
    fn is_usable(&self) -> bool {
        match &self.key {
            AnchorKey::Ds(rdata) => Ds::parse(rdata).is_some_and(|ds| {
                Algorithm::from_number(ds.algorithm).is_some()
                    && DigestType::from_number(ds.digest_type).is_some()
            }),
            AnchorKey::Dnskey(rdata) => Dnskey::parse(rdata).is_some_and(|dnskey| {
                dnskey.is_zone_key()
                    && Algorithm::from_number(dnskey.algorithm)
                        .and_then(|algorithm| PublicKey::parse(algorithm, dnskey.key))
                        .is_some()
            }),
        }
    }
}

/// One record in zone-file form: its tokens, parentheses resolved and comments left out.
struct Entry<'t> {
    line: usize,
    /// The line starts with a blank, so that its owner may be that of the record before.
    indented: bool,
    tokens: Vec<&'t str>,
    /// Unbound's comment does not say that the key must not be used.
    trusted: bool,
}

/// Splits text into records.
fn entries(text: &str) -> Result<Vec<Entry<'_>>, AnchorError> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let at = |problem| AnchorError::Line {
            line: index + 1,
            problem,
        };
        let (content, comment) = line.split_once(';').unwrap_or((line, ""));
        if content.trim().is_empty() {
            continue;
        }
        if !open {
            let indented = content.starts_with([' ', '\t']);
            let tokens = Vec::new();
            entries.push(Entry {
                line: index + 1,
                indented,
                tokens,
                trusted: true,
            });
        }
        let entry = entries
            .last_mut()
            .expect("a record is begun before a line is read into it");
        for piece in content.split_inclusive(['(', ')']) {
            entry
                .tokens
                .extend(piece.trim_end_matches(['(', ')']).split_ascii_whitespace());
            match (piece.chars().last(), open) {
                (Some('('), false) => open = true,
                (Some(')'), true) => open = false,
                (Some('(' | ')'), _) => return Err(at(AnchorProblem::Parentheses)),
                _ => {}
            }
        }
        entry.trusted &= unbound_state_is_trusted(comment);
    }
    match (open, entries.last()) {
        (true, Some(entry)) => Err(AnchorError::Line {
            line: entry.line,
            problem: AnchorProblem::Parentheses,
        }),
        _ => Ok(entries),
    }
}

/// Reads `state=N` from the comment that Unbound's autotrust writes behind a key; a comment
/// without it says nothing against the key.
fn unbound_state_is_trusted(comment: &str) -> bool {
    let state = comment
        .split_once(";state=")
        .map(|(_, rest)| rest.trim_start());
    // The states of RFC 5011 section 4.1 as Unbound numbers them: 2 VALID, 3 MISSING.
    state.is_none_or(|state| state.starts_with(['2', '3']))
}

impl Entry<'_> {
    fn read(&self, last_owner: &mut Option<Name>) -> Result<Anchor, AnchorProblem> {
        let mut tokens = self.tokens.iter().copied().peekable();
        let inherits = self.indented
            && tokens
                .peek()
                .is_some_and(|first| is_ttl_or_class(first) || key_type(first).is_some());
        if !inherits {
            let text = tokens.next().unwrap_or_default();
            if text.starts_with('$') {
                return Err(AnchorProblem::Directive(text.into()));
            }
            let owner = text.parse().map_err(|error| AnchorProblem::Owner {
                text: text.into(),
                error,
            });
            *last_owner = Some(owner?);
        }
        let zone = last_owner.clone().ok_or(AnchorProblem::NoOwner)?;
        while tokens.next_if(|token| is_ttl_or_class(token)).is_some() {}
        let text = tokens.next().ok_or(AnchorProblem::Missing("type"))?;
        let rtype = key_type(text).ok_or_else(|| AnchorProblem::Type(text.into()))?;
        let key = if rtype == RecordType::DS {
            AnchorKey::Ds(read_ds(tokens)?)
        } else {
            AnchorKey::Dnskey(read_dnskey(tokens)?)
        };
        Ok(Anchor { zone, key })
    }
}

fn is_ttl_or_class(token: &str) -> bool {
    let ttl = token.starts_with(|c: char| c.is_ascii_digit())
        && token
            .bytes()
            .all(|b| b.is_ascii_digit() || b"smhdwSMHDW".contains(&b));
    ttl || token.eq_ignore_ascii_case("IN")
}

fn key_type(token: &str) -> Option<RecordType> {
    let rtype = token.parse().ok()?;
    [RecordType::DS, RecordType::DNSKEY]
        .contains(&rtype)
        .then_some(rtype)
}

fn read_ds<'t>(mut tokens: impl Iterator<Item = &'t str>) -> Result<Box<[u8]>, AnchorProblem> {
    let tag: u16 = number(tokens.next(), "key tag")?;
    let algorithm: u8 = number(tokens.next(), "algorithm")?;
    let digest_type: u8 = number(tokens.next(), "digest type")?;
    let text: String = tokens.collect();
    if text.is_empty() {
        return Err(AnchorProblem::Missing("digest"));
    }
    let digest = HEXLOWER_PERMISSIVE
        .decode(text.as_bytes())
        .map_err(|_| AnchorProblem::Field {
            field: "digest",
            expected: "hexadecimal",
            text,
        })?;
    if let Some(expected) = DigestType::from_number(digest_type).map(DigestType::octets)
        && digest.len() != expected
    {
        return Err(AnchorProblem::DigestLength {
            expected,
            found: digest.len(),
        });
    }
    Ok([&tag.to_be_bytes()[..], &[algorithm, digest_type], &digest]
        .concat()
        .into())
}

fn read_dnskey<'t>(mut tokens: impl Iterator<Item = &'t str>) -> Result<Box<[u8]>, AnchorProblem> {
    let flags: u16 = number(tokens.next(), "flags field")?;
    let protocol: u8 = number(tokens.next(), "protocol")?;
    let algorithm: u8 = number(tokens.next(), "algorithm")?;
    let text: String = tokens.collect();
    if text.is_empty() {
        return Err(AnchorProblem::Missing("public key"));
    }
    let key = BASE64
        .decode(text.as_bytes())
        .map_err(|_| AnchorProblem::Field {
            field: "public key",
            expected: "base64",
            text,
        })?;
    Ok([&flags.to_be_bytes()[..], &[protocol, algorithm], &key]
        .concat()
        .into())
}

fn number<N: std::str::FromStr>(
    token: Option<&str>,
    field: &'static str,
) -> Result<N, AnchorProblem> {
    let text = token.ok_or(AnchorProblem::Missing(field))?;
    text.parse().map_err(|_| AnchorProblem::Field {
        field,
        expected: "a number in range",
        text: text.into(),
    })
}

#[cfg(test)]
mod tests;
