//! One MIMI record: its parts, its text, its RDATA.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Domain, DomainError};
use crate::percent;

/// The limits of a record, with their reasons. All are this project's own.
pub mod limits {
    /// Octets of the longest record to publish: a few fit into an answer that UDP carries (RFC 9715).
    pub const PUBLISHED_MAX_OCTETS: usize = 1_024;
    /// Octets of the longest record accepted: generous, and a bound on the work of parsing.
    pub const ACCEPTED_MAX_OCTETS: usize = 4_096;
    /// Octets of the longest account, decoded.
    pub const ACCOUNT_MAX_OCTETS: usize = 255;
    /// Octets of the longest tag name.
    pub const TAG_NAME_MAX_OCTETS: usize = 32;
    /// Tokens of preference of one record, and of records merged; more are cut off.
    pub const TAGS_MAX: usize = 8;
    /// Services of one person; more are cut off.
    pub const SERVICES_MAX: usize = 16;
    /// Octets of the longest character-string (RFC 1035 section 3.3).
    pub const CHARACTER_STRING_MAX_OCTETS: usize = 255;
}

/// The version that makes a record ours.
const VERSION: &str = "MIMI1";

/// The preference of a record that states none.
const DEFAULT_PREFERENCE: u16 = u16::MAX;

/// One MIMI record.
///
/// Its parts are valid by their types, so that [`Record::to_text`] always yields what
/// [`Record::parse_text`] reads back, equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Where the person can be reached, `e`.
    pub provider: Provider,
    /// The account there, `a`.
    pub account: Option<Account>,
    /// The preference, `p`: lower first.
    pub preference: u16,
    /// A short label of the service, `s`: never an identity.
    pub label: Option<Label>,
    /// Tokens of preference, `t`. They are public. Only the first 8 distinct ones are kept and published.
    pub tags: Vec<Tag>,
}

/// The value of `e`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// A MIMI provider.
    At {
        /// The provider's domain: its identity.
        domain: Domain,
        /// The port to connect to, for routing only; `None` means 443.
        port: Option<Port>,
    },
    /// `.`: the person is deliberately not reachable by MIMI.
    OptOut,
}

/// A port that a provider may use: 443, or one above 1023, so that a record cannot point a client at
/// another kind of service (RFC 9460 section 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Port(u16);

/// An account name: 1 to 255 octets of UTF-8 without controls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account(String);

/// A label of a service: not empty, no controls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(String);

/// A token of preference: not empty, no controls, no `,`, `;` or `%`, no white space around it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag(String);

impl Port {
    /// That of `https`, which holds where a record names none.
    pub const HTTPS: Self = Self(443);

    /// The port, if a provider may use it.
    #[must_use]
    pub const fn new(port: u16) -> Option<Self> {
        match port {
            443 | 1_024.. => Some(Self(port)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

impl Account {
    /// The account named `text`.
    ///
    /// # Errors
    ///
    /// [`RecordError::Empty`], [`RecordError::LongAccount`] or [`RecordError::Control`].
    pub fn new(text: &str) -> Result<Self, RecordError> {
        check_text("a", text)?;
        match text.len() {
            0 => Err(RecordError::Empty("a")),
            octets if octets > limits::ACCOUNT_MAX_OCTETS => Err(RecordError::LongAccount(octets)),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Label {
    /// The label `text`.
    ///
    /// # Errors
    ///
    /// [`RecordError::Empty`] or [`RecordError::Control`].
    pub fn new(text: &str) -> Result<Self, RecordError> {
        check_text("s", text)?;
        if text.is_empty() {
            return Err(RecordError::Empty("s"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// The token `text`.
    ///
    /// # Errors
    ///
    /// [`RecordError::Empty`], [`RecordError::Control`] or, for what no token can hold, [`RecordError::Percent`] and
    /// [`RecordError::Syntax`].
    pub fn new(text: &str) -> Result<Self, RecordError> {
        check_text("t", text)?;
        if text.is_empty() {
            Err(RecordError::Empty("t"))
        } else if text.contains('%') {
            Err(RecordError::Percent("t"))
        } else if text.contains([',', ';']) || text.starts_with(' ') || text.ends_with(' ') {
            Err(RecordError::Syntax)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The token.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_text(tag: &'static str, text: &str) -> Result<(), RecordError> {
    if text.chars().any(char::is_control) {
        return Err(RecordError::Control(tag));
    }
    Ok(())
}

impl FromStr for Provider {
    type Err = RecordError;

    fn from_str(text: &str) -> Result<Self, RecordError> {
        if text == "." {
            return Ok(Self::OptOut);
        }
        let (domain, port) = match text.split_once(':') {
            Some((domain, port)) => {
                let number = decimal(port).and_then(Port::new);
                (
                    domain,
                    Some(number.ok_or_else(|| RecordError::Port(port.to_owned()))?),
                )
            }
            None => (text, None),
        };
        Ok(Self::At {
            domain: domain.parse()?,
            port,
        })
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OptOut => f.write_str("."),
            Self::At { domain, port: None } => domain.fmt(f),
            Self::At {
                domain,
                port: Some(port),
            } => write!(f, "{domain}:{}", port.0),
        }
    }
}

/// 0 to 65535 in one to five digits.
fn decimal(text: &str) -> Option<u16> {
    // `u16::from_str` alone would take a sign.
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|octet| octet.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

impl Record {
    /// Reads the RDATA of a TXT RR, or of one of the private MIMI type: character-strings.
    ///
    /// # Errors
    ///
    /// [`RecordError::NotMimi`] if the RR is not ours, RDATA that is no sequence of character-strings included; anything else
    /// if it is ours and malformed.
    pub fn parse(rdata: &[u8]) -> Result<Self, RecordError> {
        Self::parse_text(&join_strings(rdata).ok_or(RecordError::NotMimi)?)
    }

    /// Reads the text of a record: its character-strings with nothing between.
    ///
    /// # Errors
    ///
    /// As [`Record::parse`].
    pub fn parse_text(text: &[u8]) -> Result<Self, RecordError> {
        let mut parts = text.split(|octet| *octet == b';');
        if !is_version(parts.next().unwrap_or_default()) {
            return Err(RecordError::NotMimi);
        }
        if text.len() > limits::ACCEPTED_MAX_OCTETS {
            return Err(RecordError::TooLong(text.len()));
        }
        let mut values = Values::default();
        for part in parts {
            let part = trim(part);
            if !part.is_empty() {
                values.take(part)?;
            }
        }
        values.finish()
    }

    /// The text to publish; [`Record::parse_text`] reads it back.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("v={VERSION}");
        let mut tag = |name: &str, value: &str| {
            text.push_str("; ");
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        };
        if self.preference != DEFAULT_PREFERENCE {
            tag("p", &self.preference.to_string());
        }
        if let Some(account) = &self.account {
            tag("a", &encode(&account.0));
        }
        tag("e", &self.provider.to_string());
        if let Some(label) = &self.label {
            tag("s", &encode(&label.0));
        }
        let mut tags: Vec<&str> = Vec::new();
        for token in &self.tags {
            add_token(&mut tags, token.as_str());
        }
        if !tags.is_empty() {
            tag("t", &tags.join(","));
        }
        text
    }

    /// The RDATA to publish: the text as character-strings of at most 255 octets.
    #[must_use]
    pub fn to_rdata(&self) -> Vec<u8> {
        let text = self.to_text();
        let mut rdata =
            Vec::with_capacity(text.len() + 1 + text.len() / limits::CHARACTER_STRING_MAX_OCTETS);
        for string in text.as_bytes().chunks(limits::CHARACTER_STRING_MAX_OCTETS) {
            rdata.push(string.len() as u8);
            rdata.extend_from_slice(string);
        }
        rdata
    }

    /// The RDATA, if the record is short enough to publish.
    ///
    /// # Errors
    ///
    /// [`RecordError::TooLong`] if the text exceeds 1,024 octets.
    pub fn publishable(&self) -> Result<Vec<u8>, RecordError> {
        let octets = self.to_text().len();
        if octets > limits::PUBLISHED_MAX_OCTETS {
            return Err(RecordError::TooLong(octets));
        }
        Ok(self.to_rdata())
    }
}

/// Joins the character-strings of TXT RDATA (RFC 1035 section 3.3.14) with nothing between.
///
/// `None` if the RDATA is not made of them: one runs over the end, or there is none.
#[must_use]
pub fn join_strings(rdata: &[u8]) -> Option<Vec<u8>> {
    character_strings(rdata).map(|strings| strings.concat())
}

/// The character-strings that TXT RDATA is made of (RFC 1035 section 3.3.14).
///
/// `None` if the RDATA is not made of them: one runs over the end, or there is none.
#[must_use]
pub fn character_strings(rdata: &[u8]) -> Option<Vec<&[u8]>> {
    let mut strings = Vec::new();
    let mut rest = rdata;
    while let [length, octets @ ..] = rest {
        let (string, after) = octets.split_at_checked(usize::from(*length))?;
        strings.push(string);
        rest = after;
    }
    (!rdata.is_empty()).then_some(strings)
}

/// Adds `token` unless it is there already or there are enough.
pub(crate) fn add_token<'a>(tokens: &mut Vec<&'a str>, token: &'a str) {
    if tokens.len() < limits::TAGS_MAX && !tokens.contains(&token) {
        tokens.push(token);
    }
}

/// Whether `part`, the text before the first `;`, matches the `version` production.
fn is_version(part: &[u8]) -> bool {
    part.strip_prefix(b"v")
        .map(trim)
        .and_then(|rest| rest.strip_prefix(b"="))
        .is_some_and(|rest| trim(rest) == VERSION.as_bytes())
}

/// Removes WSP (RFC 5234) from both ends.
fn trim(text: &[u8]) -> &[u8] {
    let is_wsp = |octet: &u8| matches!(octet, b' ' | b'\t');
    let start = text
        .iter()
        .position(|octet| !is_wsp(octet))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|octet| !is_wsp(octet))
        .map_or(start, |last| last + 1);
    &text[start..end]
}

/// Percent-encodes what the grammar or its trimming of values would not let through.
fn encode(text: &str) -> String {
    let last = text.len().saturating_sub(1);
    percent::encode(text, |at, octet| match octet {
        b';' | b'%' => false,
        b' ' => at != 0 && at != last,
        _ => true,
    })
}

/// The tags of a record as they come.
#[derive(Default)]
struct Values {
    names: Vec<String>,
    provider: Option<Provider>,
    account: Option<Account>,
    preference: Option<u16>,
    label: Option<Label>,
    tags: Vec<Tag>,
}

impl Values {
    /// Takes one tag, without WSP around it.
    fn take(&mut self, part: &[u8]) -> Result<(), RecordError> {
        let equals = part
            .iter()
            .position(|octet| *octet == b'=')
            .ok_or(RecordError::Syntax)?;
        let name = tag_name(trim(&part[..equals]))?;
        if self.names.iter().any(|known| known == name) {
            return Err(RecordError::DuplicateTag(name.to_owned()));
        }
        self.names.push(name.to_owned());

        let value = trim(&part[equals + 1..]);
        match name {
            "e" => self.provider = Some(literal("e", value)?.parse()?),
            "p" => {
                let text = literal("p", value)?;
                self.preference =
                    Some(decimal(text).ok_or_else(|| RecordError::Preference(text.to_owned()))?);
            }
            "a" => self.account = Some(Account::new(&encoded("a", value)?)?),
            "s" => {
                let text = encoded("s", value)?;
                self.label = if text.is_empty() {
                    None
                } else {
                    Some(Label::new(&text)?)
                };
            }
            "t" => self.tags = tokens(value)?,
            // Ignored, and yet part of the grammar.
            _ => drop(
                percent::decode(checked(name, value)?.as_bytes())
                    .map_err(|_| RecordError::BadHex)?,
            ),
        }
        Ok(())
    }

    fn finish(self) -> Result<Record, RecordError> {
        Ok(Record {
            provider: self.provider.ok_or(RecordError::NoProvider)?,
            account: self.account,
            preference: self.preference.unwrap_or(DEFAULT_PREFERENCE),
            label: self.label,
            tags: self.tags,
        })
    }
}

fn tag_name(name: &[u8]) -> Result<&str, RecordError> {
    let first = name.first().is_some_and(u8::is_ascii_lowercase);
    let all = name
        .iter()
        .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || *octet == b'_');
    if !first || !all || name.len() > limits::TAG_NAME_MAX_OCTETS {
        return Err(RecordError::Syntax);
    }
    str::from_utf8(name).map_err(|_| RecordError::Syntax)
}

/// A value as UTF-8 without ASCII controls, nothing decoded.
fn checked<'a>(tag: &str, value: &'a [u8]) -> Result<&'a str, RecordError> {
    let text = str::from_utf8(value).map_err(|_| RecordError::NotUtf8)?;
    if text.bytes().any(|octet| octet.is_ascii_control()) {
        return Err(RecordError::Control(known_tag(tag)));
    }
    Ok(text)
}

/// A value that is taken as it stands: neither empty nor percent-encoded.
fn literal<'a>(tag: &'static str, value: &'a [u8]) -> Result<&'a str, RecordError> {
    let text = checked(tag, value)?;
    if text.is_empty() {
        return Err(RecordError::Empty(tag));
    }
    if text.contains('%') {
        return Err(RecordError::Percent(tag));
    }
    check_text(tag, text)?;
    Ok(text)
}

/// A value that may be percent-encoded, decoded.
fn encoded(tag: &'static str, value: &[u8]) -> Result<String, RecordError> {
    let decoded =
        percent::decode(checked(tag, value)?.as_bytes()).map_err(|_| RecordError::BadHex)?;
    String::from_utf8(decoded).map_err(|_| RecordError::NotUtf8)
}

/// The first 8 distinct tokens between commas; none if the value is empty.
fn tokens(value: &[u8]) -> Result<Vec<Tag>, RecordError> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let text = literal("t", value)?;
    let mut distinct = Vec::new();
    for token in text.split(',').map(|token| token.trim_matches(' ')) {
        if !token.is_empty() {
            add_token(&mut distinct, token);
        }
    }
    distinct.into_iter().map(Tag::new).collect()
}

/// The tag's name for an error; an unknown one is not worth carrying.
fn known_tag(tag: &str) -> &'static str {
    ["a", "e", "p", "s", "t"]
        .into_iter()
        .find(|known| *known == tag)
        .unwrap_or("(unknown)")
}

/// Why an RR was not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It does not begin with the version: not a MIMI record at all.
    #[error("it does not begin with v=MIMI1")]
    NotMimi,
    /// Its text is too long.
    #[error("it has {0} octets, too many")]
    TooLong(usize),
    /// A part between semicolons is not `name=value`.
    #[error("a part is not of the form name=value")]
    Syntax,
    /// A tag occurs twice.
    #[error("the tag {0:?} occurs twice")]
    DuplicateTag(String),
    /// There is no `e`.
    #[error("it names no provider (e)")]
    NoProvider,
    /// `a`, `e` or `p` is there and empty.
    #[error("the tag {0:?} is empty")]
    Empty(&'static str),
    /// A value holds `%` where nothing is percent-encoded.
    #[error("the tag {0:?} holds %, which only a and s may")]
    Percent(&'static str),
    /// A `%` is not followed by two hexadecimal digits.
    #[error("a % is not followed by two hexadecimal digits")]
    BadHex,
    /// A value is not UTF-8, as it stands or decoded.
    #[error("a value is not UTF-8")]
    NotUtf8,
    /// A value holds a control, as it stands or decoded.
    #[error("the tag {0:?} holds a control")]
    Control(&'static str),
    /// The account exceeds 255 octets.
    #[error("the account has {0} octets, more than {max}", max = limits::ACCOUNT_MAX_OCTETS)]
    LongAccount(usize),
    /// The preference is not a number from 0 to 65535.
    #[error("the preference {0:?} is not a number from 0 to 65535")]
    Preference(String),
    /// The provider is not a domain name.
    #[error("the provider is not one: {0}")]
    Provider(#[from] DomainError),
    /// The port is neither 443 nor above 1023.
    #[error("the port {0:?} is neither 443 nor 1024 to 65535")]
    Port(String),
    /// The provider's name is reserved, so that it cannot be one.
    #[error("the provider {0} has a special-use name")]
    SpecialUse(Domain),
    /// An account would be shared by everybody whom a wildcard covers.
    #[error("it comes from a wildcard and names an account (a)")]
    AccountInWildcard,
    /// A host identifies nobody to a provider, so that the account cannot be asked for.
    #[error("it belongs to a host and names no account (a)")]
    NoAccountForHost,
    /// Enough services came before it.
    #[error("it comes after the first {max} services", max = limits::SERVICES_MAX)]
    BeyondLimit,
}

impl RecordError {
    /// The error's stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotMimi => "record_not_mimi",
            Self::TooLong(_) => "record_too_long",
            Self::Syntax => "record_syntax",
            Self::DuplicateTag(_) => "record_duplicate_tag",
            Self::NoProvider => "record_no_provider",
            Self::Empty(_) => "record_empty_tag",
            Self::Percent(_) => "record_percent",
            Self::BadHex => "record_bad_hex",
            Self::NotUtf8 => "record_not_utf8",
            Self::Control(_) => "record_control",
            Self::LongAccount(_) => "record_long_account",
            Self::Preference(_) => "record_preference",
            Self::Provider(_) => "record_provider",
            Self::Port(_) => "record_port",
            Self::SpecialUse(_) => "record_special_use",
            Self::AccountInWildcard => "record_account_in_wildcard",
            Self::NoAccountForHost => "record_no_account_for_host",
            Self::BeyondLimit => "record_beyond_limit",
        }
    }
}
