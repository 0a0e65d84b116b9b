//! What a person types to name somebody, in every accepted spelling.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;

use crate::domain::{Domain, DomainError};
use crate::owner::{HOST_MAX_OCTETS, MAILBOX_DOMAIN_MAX_OCTETS};
use crate::percent;
use crate::record::Account;
use crate::service::mimi_uri;

/// Octets of the longest local part, after normalisation (RFC 5321 section 4.5.3.1.1).
const LOCAL_PART_MAX_OCTETS: usize = 64;

/// Digits of the longest international number (ITU-T E.164).
const PHONE_MAX_DIGITS: usize = 15;

/// Octets of the longest identifier that is looked at: generous to percent-encoding and quoting, and a
/// bound on the work that hostile input can cause.
const IDENTIFIER_MAX_OCTETS: usize = 4_096;

/// Somebody to look up.
///
/// # Accepted spellings
///
/// - a bare host: `alice.example.com`
/// - a mailbox: `hugh@example.com`, quoted local parts included
/// - a phone number that begins with `+`, with spaces, `-`, `.`, `/` and parentheses as separators
/// - `mailto:`, `im:`, `acct:` and `xmpp:` URIs of a mailbox, the latter with its resource dropped; none with header
///   fields or a query
/// - `tel:` URIs of a global number; without `ext`, `isub` or `phone-context`
/// - `mimi://<provider>/u/<account>`, which is resolved already
///
/// White space around the identifier is ignored. [`Display`](fmt::Display) prints the canonical
/// spelling, which parses to an equal value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// A host.
    Host(Domain),
    /// A mailbox.
    Mailbox(Mailbox),
    /// A phone number.
    Phone(Phone),
    /// A MIMI URI of a user.
    Uri(MimiUri),
}

/// A mailbox, `local part@domain`.
///
/// The local part is free of quotes and quoted-pairs, in Unicode NFC, with A-Z (and nothing else) in
/// lower case; 1 to 64 octets without controls. Dots and `+tags` are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mailbox {
    local: String,
    domain: Domain,
}

/// An international phone number of 1 to 15 digits (ITU-T E.164).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Phone(String);

/// A MIMI URI of a user, `mimi://<provider>/u/<account>` (draft-ietf-mimi-protocol-06 section 3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MimiUri {
    provider: Domain,
    account: Account,
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(IdentifierError::Empty);
        }
        if text.len() > IDENTIFIER_MAX_OCTETS {
            return Err(IdentifierError::TooLong);
        }
        if let Some((scheme, rest)) = split_scheme(text)? {
            return scheme.parse(rest);
        }
        if text.contains('@') || text.starts_with('"') {
            text.parse().map(Self::Mailbox)
        } else if text.starts_with('+') || is_national_number(text) {
            text.parse().map(Self::Phone)
        } else {
            let host: Domain = text.parse()?;
            check_length(&host, HOST_MAX_OCTETS)?;
            Ok(Self::Host(host))
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
            Self::Phone(phone) => phone.fmt(f),
            Self::Uri(uri) => uri.fmt(f),
        }
    }
}

/// Whether text without `+` can only be meant as a number: nothing but digits and separators, and no
/// IPv4 address.
fn is_national_number(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || is_separator(c))
        && text.parse::<Ipv4Addr>().is_err()
}

/// A URI scheme that identifies people.
#[derive(Clone, Copy)]
enum Scheme {
    Acct,
    Im,
    Mailto,
    Mimi,
    Tel,
    Xmpp,
}

impl Scheme {
    const ALL: [Self; 6] = [
        Self::Acct,
        Self::Im,
        Self::Mailto,
        Self::Mimi,
        Self::Tel,
        Self::Xmpp,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Acct => "acct",
            Self::Im => "im",
            Self::Mailto => "mailto",
            Self::Mimi => "mimi",
            Self::Tel => "tel",
            Self::Xmpp => "xmpp",
        }
    }

    fn parse(self, rest: &str) -> Result<Identifier, IdentifierError> {
        match self {
            Self::Mimi => MimiUri::parse(rest).map(Identifier::Uri),
            Self::Tel => Phone::from_tel(rest).map(Identifier::Phone),
            Self::Mailto | Self::Im => {
                self.refuse_extras(rest)?;
                decode(rest)?.parse().map(Identifier::Mailbox)
            }
            // Without quoting (RFC 7565 section 7, RFC 7622 section 3.3): what is decoded is literal.
            Self::Acct | Self::Xmpp => {
                self.refuse_extras(rest)?;
                let (local, host) = rest.rsplit_once('@').ok_or(IdentifierError::NoLocalPart)?;
                let host = match self {
                    Self::Xmpp => host.split_once('/').map_or(host, |(host, _resource)| host),
                    _ => host,
                };
                Mailbox::new(&decode(local)?, decode(host)?.parse()?).map(Identifier::Mailbox)
            }
        }
    }

    fn refuse_extras(self, rest: &str) -> Result<(), IdentifierError> {
        let refuse = |part| {
            Err(IdentifierError::UriPart {
                scheme: self.name(),
                part,
            })
        };
        if rest.starts_with("//") {
            refuse("an authority (//)")
        } else if rest.contains('?') {
            refuse("header fields or a query (?)")
        } else if rest.contains('#') {
            refuse("a fragment (#)")
        } else {
            Ok(())
        }
    }
}

/// The scheme of `text` and what follows its colon; `None` if it is no URI.
fn split_scheme(text: &str) -> Result<Option<(Scheme, &str)>, IdentifierError> {
    // A quoted local part may hold whatever looks like a scheme.
    let Some((before, rest)) = text.split_once(':').filter(|_| !text.starts_with('"')) else {
        return Ok(None);
    };
    let known = Scheme::ALL
        .into_iter()
        .find(|scheme| scheme.name().eq_ignore_ascii_case(before));
    match known {
        Some(scheme) => Ok(Some((scheme, rest))),
        None if rest.starts_with("//") => Err(IdentifierError::UnknownScheme(before.to_owned())),
        // The parser of the form at hand refuses the colon.
        None => Ok(None),
    }
}

fn decode(text: &str) -> Result<String, IdentifierError> {
    percent::decode(text.as_bytes())
        .ok()
        .and_then(|octets| String::from_utf8(octets).ok())
        .ok_or(IdentifierError::PercentEncoding)
}

/// Refuses a domain that leaves no room for the labels in front of it.
pub(crate) fn check_length(domain: &Domain, most: usize) -> Result<(), IdentifierError> {
    let octets = domain.as_str().len();
    if octets > most {
        return Err(IdentifierError::LongDomain { octets, most });
    }
    Ok(())
}

impl Mailbox {
    /// A mailbox from a local part without quoting, whose normal form is kept, and a domain.
    ///
    /// # Errors
    ///
    /// If the local part does not have 1 to 64 octets in its normal form or holds a control, or the domain more than
    /// 184 octets.
    pub fn new(local: &str, domain: Domain) -> Result<Self, IdentifierError> {
        check_length(&domain, MAILBOX_DOMAIN_MAX_OCTETS)?;
        if let Some(control) = local.chars().find(|c| c.is_control()) {
            return Err(IdentifierError::LocalPartCharacter(control));
        }
        let mut local: String = local.nfc().collect();
        local.make_ascii_lowercase();
        match local.len() {
            0 => Err(IdentifierError::NoLocalPart),
            octets if octets > LOCAL_PART_MAX_OCTETS => Err(IdentifierError::LongLocalPart(octets)),
            _ => Ok(Self { local, domain }),
        }
    }

    /// The local part in its normal form, without quotes: what is hashed.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// The domain.
    #[must_use]
    pub const fn domain(&self) -> &Domain {
        &self.domain
    }
}

impl FromStr for Mailbox {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let (local, domain) = if let Some(quoted) = text.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let (local, domain) = text.rsplit_once('@').ok_or(IdentifierError::NoLocalPart)?;
            if let Some(special) = local.chars().find(|c| !is_atom_character(*c) && *c != '.') {
                return Err(IdentifierError::LocalPartCharacter(special));
            }
            (local.to_owned(), domain)
        };
        Self::new(&local, domain.parse()?)
    }
}

/// Takes a quoted string apart behind its first quote (RFC 5322 section 3.2.4), and the domain behind it.
fn unquote(text: &str) -> Result<(String, &str), IdentifierError> {
    let mut local = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                let domain = characters
                    .as_str()
                    .strip_prefix('@')
                    .ok_or(IdentifierError::Quoting)?;
                return Ok((local, domain));
            }
            '\\' => local.push(characters.next().ok_or(IdentifierError::Quoting)?),
            _ => local.push(character),
        }
    }
    Err(IdentifierError::Quoting)
}

/// `atext` of RFC 5322 section 3.2.3, and what RFC 6531 section 3.3 adds, spaces excepted.
fn is_atom_character(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        _ if c.is_ascii() => "!#$%&'*+-/=?^_`{|}~".contains(c),
        _ => !c.is_whitespace() && !c.is_control(),
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_dot_atom = self
            .local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character));
        if is_dot_atom {
            f.write_str(&self.local)?;
        } else {
            f.write_str("\"")?;
            for character in self.local.chars() {
                if matches!(character, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{character}")?;
            }
            f.write_str("\"")?;
        }
        write!(f, "@{}", self.domain)
    }
}

impl Phone {
    /// The digits, without the `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }

    fn from_tel(rest: &str) -> Result<Self, IdentifierError> {
        let mut parts = rest.split(';');
        let number = decode(parts.next().unwrap_or_default())?;
        for parameter in parts {
            let name = parameter
                .split_once('=')
                .map_or(parameter, |(name, _)| name);
            // They name something behind or beside the number; other parameters (RFC 3966 section 3) do not.
            for refused in ["ext", "isub", "phone-context"] {
                if name.eq_ignore_ascii_case(refused) {
                    return Err(IdentifierError::UriPart {
                        scheme: Scheme::Tel.name(),
                        part: refused,
                    });
                }
            }
        }
        number.parse()
    }
}

/// Whether people write it between the digits of a number.
fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '-' | '\u{2011}' | '.' | '/' | '(' | ')')
}

impl FromStr for Phone {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let number = text
            .strip_prefix('+')
            .ok_or(IdentifierError::NotInternational)?;
        if number.contains("(0)") {
            return Err(IdentifierError::TrunkPrefix);
        }
        let digits: String = number.chars().filter(|c| !is_separator(*c)).collect();
        if let Some(strange) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(IdentifierError::PhoneCharacter(strange));
        }
        match digits.len() {
            1..=PHONE_MAX_DIGITS => Ok(Self(digits)),
            count => Err(IdentifierError::PhoneDigits(count)),
        }
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl MimiUri {
    /// The provider.
    #[must_use]
    pub const fn provider(&self) -> &Domain {
        &self.provider
    }

    /// The account at the provider.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }

    fn parse(rest: &str) -> Result<Self, IdentifierError> {
        let (provider, path) = rest
            .strip_prefix("//")
            .and_then(|rest| rest.split_once('/'))
            .ok_or(IdentifierError::NotAUser)?;
        let account = path.strip_prefix("u/").ok_or(IdentifierError::NotAUser)?;
        // Dot segments would vanish in whatever resolves the URI (RFC 3986 section 5.2.4).
        if account.contains(['/', '?', '#']) || matches!(account, "." | "..") {
            return Err(IdentifierError::NotAUser);
        }
        Ok(Self {
            provider: provider.parse()?,
            account: Account::new(&decode(account)?).map_err(|_| IdentifierError::NotAUser)?,
        })
    }
}

impl fmt::Display for MimiUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mimi_uri(&self.provider, self.account.as_str()))
    }
}

/// Why a text is not an [`Identifier`], or an identifier has no owner name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Nothing is there.
    #[error("no identifier was given")]
    Empty,
    /// It exceeds 4,096 octets.
    #[error("the identifier has more than {IDENTIFIER_MAX_OCTETS} octets")]
    TooLong,
    /// The domain, host or provider is none.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The owner name would exceed the limit of the DNS.
    #[error(
        "the domain has {octets} octets, more than the {most} that leave room for the labels in front of it"
    )]
    LongDomain {
        /// Octets of the domain as A-labels.
        octets: usize,
        /// The most that fit.
        most: usize,
    },
    /// Nothing stands before the `@`, or there is none where one is needed.
    #[error("there is no local part before an @")]
    NoLocalPart,
    /// The local part exceeds 64 octets in its normal form.
    #[error("the local part has {0} octets, more than {LOCAL_PART_MAX_OCTETS}")]
    LongLocalPart(usize),
    /// The local part holds a control, or, outside of quotes, a special character.
    #[error("the local part holds {0:?}, which is not allowed there")]
    LocalPartCharacter(char),
    /// The quotes do not enclose the whole local part.
    #[error("the quotes do not enclose the whole local part")]
    Quoting,
    /// A number does not begin with `+`.
    #[error("the number does not begin with +")]
    NotInternational,
    /// A number has no digits or more than 15.
    #[error("the number has {0} digits, not 1 to {PHONE_MAX_DIGITS}")]
    PhoneDigits(usize),
    /// A number holds what is neither a digit nor a usual separator.
    #[error("the number holds {0:?}")]
    PhoneCharacter(char),
    /// A number holds `(0)`, the trunk prefix that must not be dialled from abroad.
    #[error("the number holds the trunk prefix (0)")]
    TrunkPrefix,
    /// The scheme is none of the accepted ones.
    #[error("{0:?} is not a scheme that identifies people")]
    UnknownScheme(String),
    /// A URI holds a part that would have to be ignored.
    #[error("the {scheme}: URI holds {part}")]
    UriPart {
        /// The scheme.
        scheme: &'static str,
        /// The part.
        part: &'static str,
    },
    /// A `%` is not followed by two hexadecimal digits, or the decoded octets are not UTF-8.
    #[error("the percent-encoding is not valid UTF-8")]
    PercentEncoding,
    /// A `mimi:` URI is not that of a user.
    #[error("the mimi: URI does not name a user")]
    NotAUser,
    /// A `mimi://` URI needs no lookup.
    #[error("a mimi:// URI is resolved already and has no owner name")]
    AlreadyResolved,
    /// A phone was to be looked up without a phone zone.
    #[error("no phone zone is configured")]
    NoPhoneZone,
}

impl IdentifierError {
    /// The error's stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "identifier_empty",
            Self::TooLong => "identifier_too_long",
            Self::Domain(_) => "domain_invalid",
            Self::LongDomain { .. } => "domain_too_long",
            Self::NoLocalPart => "local_part_missing",
            Self::LongLocalPart(_) => "local_part_too_long",
            Self::LocalPartCharacter(_) => "local_part_character",
            Self::Quoting => "local_part_quoting",
            Self::NotInternational => "phone_not_international",
            Self::PhoneDigits(_) => "phone_digits",
            Self::PhoneCharacter(_) => "phone_character",
            Self::TrunkPrefix => "phone_trunk_prefix",
            Self::UnknownScheme(_) => "scheme_unknown",
            Self::UriPart { .. } => "uri_part_refused",
            Self::PercentEncoding => "percent_encoding",
            Self::NotAUser => "mimi_uri_not_a_user",
            Self::AlreadyResolved => "already_resolved",
            Self::NoPhoneZone => "phone_zone_missing",
        }
    }

    /// What the person who gave the identifier can do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong | Self::UnknownScheme(_) => {
                "give a host, a mailbox, a number that begins with +, or a mimi:, mailto:, tel:, acct:, im: or xmpp: URI"
            }
            Self::Domain(_) => "write the domain with at least two labels, as in example.com",
            Self::LongDomain { .. } => "a name this long cannot be published; check the domain",
            Self::NoLocalPart => "write the mailbox as name@example.com",
            Self::LongLocalPart(_) => {
                "check the mailbox: no mail server accepts a local part this long"
            }
            Self::LocalPartCharacter(_) => {
                "give the bare mailbox, without a display name; a local part with spaces or special characters needs quotes"
            }
            Self::Quoting => {
                "quote the whole local part or nothing of it: \"john doe\"@example.com"
            }
            Self::NotInternational => {
                "write + and the country code, as in +44 20 7946 0148, in place of a leading 00 or 0"
            }
            Self::PhoneDigits(_) | Self::PhoneCharacter(_) => {
                "write the number in its international form: + and 1 to 15 digits"
            }
            Self::TrunkPrefix => "leave (0) out: +44 (0)20 is +44 20",
            Self::UriPart { .. } => "give the plain address or number alone",
            Self::PercentEncoding => {
                "write each % as %25, or the identifier without its URI scheme"
            }
            Self::NotAUser => "write it as mimi://provider.example/u/account",
            Self::AlreadyResolved => "use the provider and account that the URI names",
            Self::NoPhoneZone => {
                "configure the zone that publishes numbers (--phone-zone): there is no default, and the public e164.arpa would \
                 see the bare number"
            }
        }
    }
}
