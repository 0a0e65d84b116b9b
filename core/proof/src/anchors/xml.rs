//! IANA's `root-anchors.xml` (RFC 9718 section 2): as much of XML as that file needs, strictly.
//!
//! Elements, attributes and comments; no document type, entity, CDATA section or processing
//! instruction, so that nothing in the text can refer to anything else.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use super::{Anchor, AnchorError, AnchorKey, number};
use crate::name::Name;
use crate::rdata::key_tag;
use crate::verify::crypto::DigestType;

/// Octets of the largest file read; IANA's has 2,000.
const MAX_BYTES: usize = 65_536;

/// The depth of the elements: `TrustAnchor`, `KeyDigest`, a field, and one more in what is unknown.
const MAX_DEPTH: usize = 4;

/// The protocol field of every DNSKEY (RFC 4034 section 2.1.2).
const PROTOCOL: u8 = 3;

const DAY: i64 = 86_400;

/// One anchor of the file, with the time in which it may be used.
struct KeyDigest {
    anchor: Anchor,
    from: i64,
    until: Option<i64>,
}

/// Tells whether the text is XML rather than lines of a zone file.
pub(super) fn is_xml(text: &str) -> bool {
    without_mark(text).trim_start().starts_with('<')
}

/// Reads the anchors that may be used at `now`.
pub(super) fn parse(text: &str, now: u64) -> Result<Vec<Anchor>, AnchorError> {
    if text.len() > MAX_BYTES {
        return Err(AnchorError::Xml {
            line: 1,
            problem: format!("more than {MAX_BYTES} octets"),
        });
    }
    let mut reader = Reader {
        text,
        rest: without_mark(text),
    };
    let read = reader.trust_anchor().map_err(|problem| AnchorError::Xml {
        line: reader.line(),
        problem,
    })?;
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let seen = !read.is_empty();
    let usable: Vec<Anchor> = read
        .into_iter()
        .filter(|digest| digest.from <= now && digest.until.is_none_or(|until| now < until))
        .map(|digest| digest.anchor)
        .collect();
    if seen && usable.is_empty() {
        return Err(AnchorError::NoneValid);
    }
    Ok(usable)
}

/// The text without a byte order mark.
pub(super) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// One start tag.
struct Tag<'t> {
    name: &'t str,
    attributes: Vec<(&'t str, &'t str)>,
    /// It has neither content nor end tag.
    empty: bool,
}

/// The fields of one `KeyDigest`.
#[derive(Default)]
struct Fields<'t> {
    key_tag: Option<&'t str>,
    algorithm: Option<&'t str>,
    digest_type: Option<&'t str>,
    digest: Option<&'t str>,
    public_key: Option<&'t str>,
    flags: Option<&'t str>,
}

/// The file, read so far; what is wrong is at the start of `rest`, or just before.
struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn line(&self) -> usize {
        let read = self.text.len() - self.rest.len();
        1 + self.text[..read].matches('\n').count()
    }

    fn trust_anchor(&mut self) -> Result<Vec<KeyDigest>, String> {
        if let Some(rest) = self.rest.trim_start().strip_prefix("<?xml ") {
            self.rest = rest
                .split_once("?>")
                .ok_or("the XML declaration has no end")?
                .1;
        }
        let root = self.start()?.ok_or("there is no TrustAnchor element")?;
        if root.name != "TrustAnchor" || root.empty {
            return Err(format!(
                "expected a TrustAnchor element with content, found {:?}",
                root.name
            ));
        }
        let (mut zone, mut digests) = (None, Vec::new());
        while let Some(tag) = self.start()? {
            match tag.name {
                "Zone" => {
                    let text = self.content(&tag)?;
                    let name = text
                        .parse::<Name>()
                        .map_err(|error| format!("the Zone {text:?} is refused: {error}"))?;
                    if zone.replace(name).is_some() {
                        return Err("there are two Zone elements".into());
                    }
                }
                "KeyDigest" => {
                    let zone = zone.as_ref().ok_or("a KeyDigest stands before the Zone")?;
                    digests.push(self.key_digest(&tag, zone)?);
                }
                _ => self.skip(&tag, 1)?,
            }
        }
        self.end("TrustAnchor")?;
        self.blanks()?;
        match self.rest.is_empty() {
            true => Ok(digests),
            false => Err("something follows the TrustAnchor element".into()),
        }
    }

    fn key_digest(&mut self, tag: &Tag<'t>, zone: &Name) -> Result<KeyDigest, String> {
        let attribute = |wanted: &str| tag.attributes.iter().find(|(name, _)| *name == wanted);
        let from = attribute("validFrom").ok_or("a KeyDigest has no validFrom")?;
        let until = attribute("validUntil")
            .map(|(_, text)| seconds(text))
            .transpose()?;
        let from = seconds(from.1)?;
        if tag.empty {
            return Err("a KeyDigest has no content".into());
        }
        let mut fields = Fields::default();
        while let Some(field) = self.start()? {
            let place = match field.name {
                "KeyTag" => &mut fields.key_tag,
                "Algorithm" => &mut fields.algorithm,
                "DigestType" => &mut fields.digest_type,
                "Digest" => &mut fields.digest,
                "PublicKey" => &mut fields.public_key,
                "Flags" => &mut fields.flags,
                _ => {
                    self.skip(&field, 2)?;
                    continue;
                }
            };
            if place.replace(self.content(&field)?).is_some() {
                return Err(format!("a KeyDigest has two {} elements", field.name));
            }
        }
        self.end("KeyDigest")?;
        Ok(KeyDigest {
            anchor: fields.anchor(zone)?,
            from,
            until,
        })
    }

    /// Reads the next start tag, or `None` before an end tag or the end of the text.
    fn start(&mut self) -> Result<Option<Tag<'t>>, String> {
        self.blanks()?;
        if self.rest.is_empty() || self.rest.starts_with("</") {
            return Ok(None);
        }
        let inside = self
            .rest
            .strip_prefix('<')
            .ok_or("there is text between the elements")?;
        let (name, mut inside) =
            word(inside).ok_or("only elements, attributes and comments may stand here")?;
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        loop {
            let trimmed = inside.trim_start_matches(BLANKS);
            let ends = [("/>", true), (">", false)];
            for (end, empty) in ends {
                if let Some(rest) = trimmed.strip_prefix(end) {
                    self.rest = rest;
                    return Ok(Some(Tag {
                        name,
                        attributes,
                        empty,
                    }));
                }
            }
            let broken = || format!("the tag {name} cannot be read");
            if trimmed.len() == inside.len() {
                return Err(broken());
            }
            let (attribute, rest) = word(trimmed).ok_or_else(broken)?;
            let rest = rest
                .trim_start_matches(BLANKS)
                .strip_prefix('=')
                .ok_or_else(broken)?;
            let rest = rest.trim_start_matches(BLANKS);
            let quote = rest
                .chars()
                .next()
                .filter(|&quote| quote == '"' || quote == '\'')
                .ok_or_else(broken)?;
            let (value, rest) = rest[1..].split_once(quote).ok_or_else(broken)?;
            if value.contains(['<', '&']) || attributes.iter().any(|(known, _)| *known == attribute)
            {
                return Err(broken());
            }
            attributes.push((attribute, value));
            inside = rest;
        }
    }

    fn end(&mut self, name: &str) -> Result<(), String> {
        let rest = self
            .rest
            .strip_prefix("</")
            .and_then(|rest| rest.strip_prefix(name))
            .and_then(|rest| rest.trim_start_matches(BLANKS).strip_prefix('>'));
        self.rest = rest.ok_or_else(|| format!("the element {name} has no end where it should"))?;
        Ok(())
    }

    /// Reads the text of an element that holds nothing else, and its end tag.
    fn content(&mut self, tag: &Tag<'t>) -> Result<&'t str, String> {
        if tag.empty {
            return Err(format!("the element {} is empty", tag.name));
        }
        let end = self
            .rest
            .find('<')
            .ok_or_else(|| format!("the element {} has no end", tag.name))?;
        let (text, rest) = self.rest.split_at(end);
        if text.contains('&') {
            return Err(format!(
                "the element {} holds an entity, which is not read",
                tag.name
            ));
        }
        self.rest = rest;
        self.end(tag.name)?;
        Ok(text.trim_matches(BLANKS))
    }

    /// Passes over an unknown element, which is held to the same syntax.
    fn skip(&mut self, tag: &Tag<'t>, depth: usize) -> Result<(), String> {
        if tag.empty {
            return Ok(());
        }
        if depth >= MAX_DEPTH {
            return Err(format!("the element {} lies too deep", tag.name));
        }
        if !self.rest.trim_start_matches(BLANKS).starts_with('<') {
            return self.content(tag).map(|_| ());
        }
        while let Some(inner) = self.start()? {
            self.skip(&inner, depth + 1)?;
        }
        self.end(tag.name)
    }

    /// Passes over blanks and comments.
    fn blanks(&mut self) -> Result<(), String> {
        loop {
            self.rest = self.rest.trim_start_matches(BLANKS);
            let Some(comment) = self.rest.strip_prefix("<!--") else {
                return Ok(());
            };
            self.rest = comment.split_once("-->").ok_or("a comment has no end")?.1;
        }
    }
}

impl Fields<'_> {
    /// Makes the DS record, which has to agree with the public key where there is one.
    fn anchor(&self, zone: &Name) -> Result<Anchor, String> {
        let told = |error: super::AnchorProblem| error.to_string();
        let tag: u16 = number(self.key_tag, "KeyTag").map_err(told)?;
        let algorithm: u8 = number(self.algorithm, "Algorithm").map_err(told)?;
        let digest_type: u8 = number(self.digest_type, "DigestType").map_err(told)?;
        let text = without_blanks(self.digest.ok_or("the Digest is missing")?);
        let digest = HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .map_err(|_| format!("the Digest is not hexadecimal: {text:?}"))?;
        let known = DigestType::from_number(digest_type);
        if let Some(known) = known
            && digest.len() != known.octets()
        {
            return Err(format!(
                "the Digest has {} octets instead of {}",
                digest.len(),
                known.octets()
            ));
        }
        match (self.public_key, self.flags, known) {
            (Some(key), Some(_), Some(known)) => {
                let flags: u16 = number(self.flags, "Flags").map_err(told)?;
                let key = BASE64
                    .decode(without_blanks(key).as_bytes())
                    .map_err(|_| "the PublicKey is not base64")?;
                let dnskey = [&flags.to_be_bytes()[..], &[PROTOCOL, algorithm], &key].concat();
                let owner = zone.to_lowercase();
                let agrees = key_tag(&dnskey) == tag
                    && known.digest(&[owner.as_wire(), &dnskey])[..] == digest[..];
                if !agrees {
                    return Err(format!(
                        "the PublicKey is not the one of KeyTag {tag} and its Digest"
                    ));
                }
            }
            (Some(_), None, _) | (None, Some(_), _) => {
                return Err("PublicKey and Flags come together (RFC 9718 section 2.1)".into());
            }
            _ => {}
        }
        let rdata = [&tag.to_be_bytes()[..], &[algorithm, digest_type], &digest].concat();
        Ok(Anchor {
            zone: zone.clone(),
            key: AnchorKey::Ds(rdata.into()),
        })
    }
}

/// What XML calls white space.
const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn without_blanks(text: &str) -> String {
    text.chars()
        .filter(|character| !BLANKS.contains(character))
        .collect()
}

/// Splits the name of an element or attribute from what follows.
fn word(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ['_', '-', ':', '.'].contains(&c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts.then(|| text.split_at(end))
}

/// Reads a `dateTime` of XML Schema, whose time zone must be given, as Unix seconds.
fn seconds(text: &str) -> Result<i64, String> {
    read_seconds(text).ok_or_else(|| {
        format!("{text:?} is no date and time with a time zone, such as 2017-02-02T00:00:00+00:00")
    })
}

fn read_seconds(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (time, zone) = rest.split_at_checked(8)?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let zone = match zone.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            (zone.len() < fraction.len()).then_some(zone)?
        }
        None => zone,
    };
    let offset = match zone {
        "Z" => 0,
        _ => {
            let sign = if zone.starts_with('+') { 1 } else { -1 };
            let [hours, minutes] = numbers(zone.strip_prefix(['+', '-'])?, ':', [2, 2])?;
            (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))?
        }
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return None,
    };
    if !(1..=days_of_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970, with years that begin in March so that the leap day comes last.
    let (shifted, month_from_march) = (year - i64::from(month <= 2), (month + 9) % 12);
    let leap_days = shifted.div_euclid(4) - shifted.div_euclid(100) + shifted.div_euclid(400);
    let days = 365 * shifted + leap_days + (153 * month_from_march + 2) / 5 + day - 1 - 719_468;
    Some(days * DAY + hour * 3_600 + minute * 60 + second - offset)
}

/// Reads numbers of so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut read = [0; N];
    for (place, count) in read.iter_mut().zip(digits) {
        let part = parts.next()?;
        let plain = part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
        *place = plain.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then_some(read)
}

#[cfg(test)]
mod tests;
