//! Domain names in uncompressed wire form.
//!
//! A [`Name`] keeps the octets it was made from, case included, but compares, orders and hashes
//! without case (RFC 4343), and orders canonically (RFC 4034 section 6.1).

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The most octets a name may have in wire form, root label included (RFC 1035 section 2.3.4).
pub const MAX_NAME_OCTETS: usize = 255;

/// The most octets a label may have (RFC 1035 section 2.3.4).
pub const MAX_LABEL_OCTETS: usize = 63;

/// The most labels that fit into [`MAX_NAME_OCTETS`], root not counted.
const MAX_LABELS: usize = MAX_NAME_OCTETS / 2;

/// An absolute domain name: any octets in its labels, at most 255 octets in wire form.
#[derive(Clone)]
pub struct Name(Box<[u8]>);

/// Why some octets or some text are not a domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The text is empty; the root is written as one dot.
    #[error("a name must not be empty (the root is \".\")")]
    Empty,
    /// A label other than the last has no octets, as in `a..b`.
    #[error("a name must not contain an empty label")]
    EmptyLabel,
    /// A label is longer than [`MAX_LABEL_OCTETS`].
    #[error("a label must not be longer than {MAX_LABEL_OCTETS} octets")]
    LabelTooLong,
    /// The name is longer than [`MAX_NAME_OCTETS`] in wire form.
    #[error("a name must not be longer than {MAX_NAME_OCTETS} octets in wire form")]
    NameTooLong,
    /// A backslash is followed neither by three digits up to 255 nor by a printable character.
    #[error("a backslash must precede three digits up to 255 or one printable character")]
    BadEscape,
    /// The text holds a character outside ASCII, or a control; such octets are written `\DDD`.
    #[error("a name must be written in printable ASCII; other octets as \\DDD")]
    NotPrintable,
    /// The octets end before the root label.
    #[error("a name ends before its root label")]
    Truncated,
    /// Octets follow the root label.
    #[error("octets follow the root label of a name")]
    Trailing,
    /// A length octet has one of its two high bits set: a compression pointer or a reserved form.
    #[error("a name is compressed, or has a reserved label type")]
    Compressed,
}

impl Name {
    /// Returns the root name.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::new([0]))
    }

    /// Reads a whole name in wire form, as in RFC 1035 section 3.1.
    ///
    /// # Errors
    /// [`NameError`] when the octets are not exactly one uncompressed name within the limits.
    pub fn from_wire(octets: &[u8]) -> Result<Self, NameError> {
        let (name, rest) = Self::split_from(octets)?;
        if !rest.is_empty() {
            return Err(NameError::Trailing);
        }
        Ok(name)
    }

    /// Reads the name that `octets` begin with, and returns it with the octets after it.
    ///
    /// # Errors
    /// [`NameError`] when the octets do not begin with an uncompressed name within the limits.
    pub fn split_from(octets: &[u8]) -> Result<(Self, &[u8]), NameError> {
        let mut at = 0;
        loop {
            let length = usize::from(*octets.get(at).ok_or(NameError::Truncated)?);
            if length > MAX_LABEL_OCTETS {
                return Err(NameError::Compressed);
            }
            at += 1 + length;
            if at > MAX_NAME_OCTETS {
                return Err(NameError::NameTooLong);
            }
            if length == 0 {
                break;
            }
        }
        let (name, rest) = octets.split_at_checked(at).ok_or(NameError::Truncated)?;
        Ok((Self(name.into()), rest))
    }

    /// Returns the wire form, root label included, case as it was given.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// Returns the labels from left to right, without the root label.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let (&length, tail) = rest.split_first()?;
            let (label, tail) = tail.split_at(usize::from(length));
            rest = tail;
            (length != 0).then_some(label)
        })
    }

    /// Returns the number of labels, root not counted.
    #[must_use]
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// Tells whether this is the root name.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Tells whether the leftmost label is `*` (RFC 4592 section 2.1.1).
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// Returns the name without its leftmost label, or `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let skip = 1 + usize::from(self.0[0]);
        (skip > 1).then(|| Self(self.0[skip..].into()))
    }

    /// Returns the ancestor (or the name itself) that has the `count` rightmost labels.
    ///
    /// A count above [`Name::label_count`] gives the whole name.
    #[must_use]
    pub fn ancestor(&self, count: usize) -> Self {
        let starts = Starts::of(&self.0);
        let skip = starts.len.saturating_sub(count);
        let at = starts.get(skip).unwrap_or(self.0.len() - 1);
        Self(self.0[at..].into())
    }

    /// Tells whether this name equals `other` or lies below it.
    #[must_use]
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        let Some(at) = self.0.len().checked_sub(other.0.len()) else {
            return false;
        };
        self.0[at..].eq_ignore_ascii_case(&other.0) && Starts::of(&self.0).is_boundary(at, &self.0)
    }

    /// Tells whether this name lies below `other` without being equal to it.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.is_at_or_below(other)
    }

    /// Returns how many labels, counted from the right, this name and `other` have in common.
    #[must_use]
    pub fn common_labels(&self, other: &Self) -> usize {
        let (ours, theirs) = (Starts::of(&self.0), Starts::of(&other.0));
        (1..=ours.len.min(theirs.len))
            .take_while(|&back| {
                ours.label(ours.len - back, &self.0)
                    .eq_ignore_ascii_case(theirs.label(theirs.len - back, &other.0))
            })
            .count()
    }

    /// Returns the name with `label` put to its left.
    ///
    /// # Errors
    /// [`NameError::EmptyLabel`], [`NameError::LabelTooLong`] or [`NameError::NameTooLong`].
    pub fn prepend(&self, label: &[u8]) -> Result<Self, NameError> {
        let mut octets = Vec::with_capacity(1 + label.len() + self.0.len());
        push_label(&mut octets, label)?;
        octets.extend_from_slice(&self.0);
        Self::from_wire(&octets)
    }

    /// Returns this name with its ancestor `from` exchanged for `to`, as a DNAME at `from` does
    /// (RFC 6672 section 2.2); `None` when the name does not lie at or below `from`.
    ///
    /// # Errors
    /// [`NameError::NameTooLong`] when the result has more than 255 octets.
    pub fn rebase(&self, from: &Self, to: &Self) -> Option<Result<Self, NameError>> {
        if !self.is_at_or_below(from) {
            return None;
        }
        let kept = &self.0[..self.0.len() - from.0.len()];
        Some(Self::from_wire(&[kept, &to.0].concat()))
    }

    /// Returns the name with A-Z mapped to a-z, the canonical form of RFC 4034 section 6.2.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        Self(self.0.to_ascii_lowercase().into())
    }
}

/// Where each label of a wire-form name starts, without the root label.
struct Starts {
    at: [u8; MAX_LABELS],
    len: usize,
}

impl Starts {
    fn of(wire: &[u8]) -> Self {
        let mut starts = Self {
            at: [0; MAX_LABELS],
            len: 0,
        };
        let mut at = 0u8;
        while wire[usize::from(at)] != 0 {
            starts.at[starts.len] = at;
            starts.len += 1;
            at += 1 + wire[usize::from(at)];
        }
        starts
    }

    fn get(&self, index: usize) -> Option<usize> {
        self.at[..self.len].get(index).map(|&at| usize::from(at))
    }

    fn label<'w>(&self, index: usize, wire: &'w [u8]) -> &'w [u8] {
        let at = usize::from(self.at[index]);
        &wire[at + 1..][..usize::from(wire[at])]
    }

    fn is_boundary(&self, offset: usize, wire: &[u8]) -> bool {
        offset + 1 == wire.len()
            || self.at[..self.len]
                .iter()
                .any(|&at| usize::from(at) == offset)
    }
}

fn push_label(octets: &mut Vec<u8>, label: &[u8]) -> Result<(), NameError> {
    match label.len() {
        0 => Err(NameError::EmptyLabel),
        1..=MAX_LABEL_OCTETS => {
            octets.push(label.len() as u8);
            octets.extend_from_slice(label);
            Ok(())
        }
        _ => Err(NameError::LabelTooLong),
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        // Length octets are below 64, so folding the case of letters cannot confuse them.
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.0.len());
        for octet in &self.0 {
            state.write_u8(octet.to_ascii_lowercase());
        }
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (Starts::of(&self.0), Starts::of(&other.0));
        for back in 1..=ours.len.min(theirs.len) {
            let left = ours.label(ours.len - back, &self.0);
            let right = theirs.label(theirs.len - back, &other.0);
            let order = left
                .iter()
                .map(u8::to_ascii_lowercase)
                .cmp(right.iter().map(u8::to_ascii_lowercase));
            if order.is_ne() {
                return order;
            }
        }
        ours.len.cmp(&theirs.len)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "" => return Err(NameError::Empty),
            "." => return Ok(Self::root()),
            _ => {}
        }
        let mut octets = Vec::with_capacity(text.len() + 2);
        let mut label = Vec::with_capacity(MAX_LABEL_OCTETS);
        let mut rest = text.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            rest = tail;
            match first {
                b'.' => {
                    push_label(&mut octets, &label)?;
                    label.clear();
                }
                b'\\' => {
                    let (octet, tail) = unescape(rest)?;
                    label.push(octet);
                    rest = tail;
                }
                b'!'..=b'~' => label.push(first),
                _ => return Err(NameError::NotPrintable),
            }
        }
        if !label.is_empty() {
            push_label(&mut octets, &label)?;
        }
        octets.push(0);
        if octets.len() > MAX_NAME_OCTETS {
            return Err(NameError::NameTooLong);
        }
        Ok(Self(octets.into()))
    }
}

/// Reads what follows a backslash, and returns the octet it stands for and the octets after it.
fn unescape(rest: &[u8]) -> Result<(u8, &[u8]), NameError> {
    if let Some((digits, tail)) = rest.split_first_chunk::<3>()
        && digits.iter().all(u8::is_ascii_digit)
    {
        let value = digits
            .iter()
            .fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        return Ok((u8::try_from(value).map_err(|_| NameError::BadEscape)?, tail));
    }
    match rest.split_first() {
        Some((&octet, tail)) if octet.is_ascii_graphic() && !octet.is_ascii_digit() => {
            Ok((octet, tail))
        }
        _ => Err(NameError::BadEscape),
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;

        if self.is_root() {
            return f.write_char('.');
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", octet as char)?;
                    }
                    b'!'..=b'~' => f.write_char(octet as char)?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_char('.')?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
