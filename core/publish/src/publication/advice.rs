//! What somebody might regret to have published, or never notice.

use sotto_mimi::{Domain, Identifier, Provider, Record};

use super::{DEFAULT_TTL, Placement, Subject};

/// Digits of the shortest account that is taken for a phone number: subscriber numbers are rarely shorter, and
/// the shorter, the more often it is something else.
const PHONE_MIN_DIGITS: usize = 7;

/// Digits of the longest phone number (ITU-T E.164).
const PHONE_MAX_DIGITS: usize = 15;

/// Something that is allowed, and that a person should know before it is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Advice {
    /// An account is a phone number.
    #[error(
        "the account {account:?} at {provider} looks like a phone number: published once, it is public for ever, for whoever asks and archives"
    )]
    PhoneInAccount {
        /// Whose account it is.
        provider: Provider,
        /// The account.
        account: String,
    },
    /// The owner name is taken for secret.
    #[error(
        "the name hides nobody: it is a hash of what stands before the @, and whoever guesses that finds the records"
    )]
    NameHidesNobody,
    /// The identifier is a phone number, which the owner name spells out.
    #[error("the name spells the phone number out: it is public for ever")]
    NumberInName,
    /// Tags are taken for private.
    #[error("the tags of {provider} are public: {}", tags.join(", "))]
    PublicTags {
        /// Whose record it is.
        provider: Provider,
        /// The tags.
        tags: Vec<String>,
    },
    /// The TTL exceeds 24 hours.
    #[error(
        "with a TTL of {0} seconds, a change or a removal takes longer than 24 hours to be seen"
    )]
    LongTtl(u32),
    /// The provider's name is reserved (RFC 6761): no reader that trusts the public root uses it.
    #[error("{0} is a special-use name: nobody but a laboratory takes it for a provider")]
    SpecialUse(Domain),
    /// The wildcard speaks for mailboxes that do not exist, too.
    #[error(
        "every mailbox of {0} that has no records of its own gets this answer, those that do not exist too"
    )]
    SpeaksForAll(Domain),
}

impl Advice {
    /// The advice's stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::PhoneInAccount { .. } => "phone_in_account",
            Self::NameHidesNobody => "name_hides_nobody",
            Self::NumberInName => "number_in_name",
            Self::PublicTags { .. } => "public_tags",
            Self::LongTtl(_) => "long_ttl",
            Self::SpecialUse(_) => "special_use_provider",
            Self::SpeaksForAll(_) => "speaks_for_all",
        }
    }

    /// Whether it is most likely a mistake; otherwise it is something to know.
    #[must_use]
    pub const fn is_warning(&self) -> bool {
        matches!(
            self,
            Self::PhoneInAccount { .. } | Self::LongTtl(_) | Self::SpecialUse(_)
        )
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::PhoneInAccount { .. } => {
                "leave the account out: the provider is asked who has that identifier, and its rules decide who is told"
            }
            Self::NameHidesNobody => "publish only what anybody may know who has the address",
            Self::NumberInName => "publish only a number that stands on a business card",
            Self::PublicTags { .. } => "use code words that say nothing of the person",
            Self::LongTtl(_) => "86400 is 24 hours",
            Self::SpecialUse(_) => "name the provider by its domain in the public DNS",
            Self::SpeaksForAll(_) => "publish an opt-out for each mailbox that must not be found",
        }
    }

    /// All that is to be said of records that can be published.
    #[must_use]
    pub fn of(subject: &Subject, records: &[Record], placement: &Placement) -> Vec<Self> {
        let mut advice: Vec<Self> = records
            .iter()
            .flat_map(|record| Self::of_record(subject, record))
            .collect();
        if placement.ttl > DEFAULT_TTL {
            advice.push(Self::LongTtl(placement.ttl));
        }
        match subject {
            Subject::Person(Identifier::Mailbox(_)) => advice.push(Self::NameHidesNobody),
            Subject::Person(Identifier::Phone(_)) => advice.push(Self::NumberInName),
            Subject::Person(_) => {}
            Subject::EveryMailbox(domain) => advice.push(Self::SpeaksForAll(domain.clone())),
        }
        advice
    }

    /// What is to be said of one record.
    fn of_record(subject: &Subject, record: &Record) -> Vec<Self> {
        let mut advice = Vec::new();
        let account = record.account.as_ref().map(sotto_mimi::Account::as_str);
        if let Some(account) = account.filter(|account| looks_like_phone(account))
            && !is_number_of(subject, account)
        {
            advice.push(Self::PhoneInAccount {
                provider: record.provider.clone(),
                account: account.to_owned(),
            });
        }
        if let Provider::At { domain, .. } = &record.provider
            && domain.is_special_use()
        {
            advice.push(Self::SpecialUse(domain.clone()));
        }
        if !record.tags.is_empty() {
            advice.push(Self::PublicTags {
                provider: record.provider.clone(),
                tags: record
                    .tags
                    .iter()
                    .map(|tag| tag.as_str().to_owned())
                    .collect(),
            });
        }
        advice
    }
}

/// Whether an account looks like a phone number: 7 to 15 digits of any script with anything but letters between, and around
/// it what services put there: a scheme in front, an extension behind, or `@` and a domain, parameters, a port.
#[must_use]
pub fn looks_like_phone(account: &str) -> bool {
    let number = number_part(account);
    let has_letters = number
        .chars()
        .any(|character| character.is_alphanumeric() && digit(character).is_none());
    let digits = number.chars().filter_map(digit).count();
    !has_letters && (PHONE_MIN_DIGITS..=PHONE_MAX_DIGITS).contains(&digits)
}

/// Whether `account` repeats the number that the owner name spells out already.
fn is_number_of(subject: &Subject, account: &str) -> bool {
    match subject {
        Subject::Person(Identifier::Phone(phone)) => number_part(account)
            .chars()
            .filter_map(digit)
            .eq(phone.digits().chars().filter_map(digit)),
        _ => false,
    }
}

/// The part of an account that would be a number: without scheme, and only up to a domain, parameters or an extension.
fn number_part(account: &str) -> &str {
    let account = account.trim();
    let account = match account.split_once(':') {
        Some((scheme, rest)) if scheme.bytes().all(|octet| octet.is_ascii_alphabetic()) => rest,
        _ => account,
    };
    let account = account.trim_start().trim_start_matches(['@', '/']);
    let end = account.find(['@', ';', '?', ':', '#']);
    let number = &account[..end.unwrap_or(account.len())];
    let Some(word) = number.find(|character: char| character.is_ascii_alphabetic()) else {
        return number;
    };
    let (before, extension) = number.split_at(word);
    let digits = extension.trim_start_matches(|character: char| character.is_ascii_alphabetic());
    let word = &extension[..extension.len() - digits.len()];
    let is_extension = EXTENSIONS
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known));
    if is_extension && !digits.contains(char::is_alphabetic) {
        before
    } else {
        number
    }
}

/// What stands before an extension (ITU-T E.123 section 3.5, and how it is shortened).
const EXTENSIONS: [&str; 4] = ["ext", "extn", "extension", "x"];

/// The zeros behind which the other nine digits stand, of the scripts that phone numbers are written in (Unicode, general
/// category Nd): ASCII, Arabic, Persian, N'Ko, Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada,
/// Malayalam, Thai, Lao, Tibetan, Burmese, Khmer, Mongolian, full-width.
const ZEROS: [char; 20] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}',
    '\u{17e0}', '\u{1810}', '\u{ff10}',
];

/// The value of a digit.
fn digit(character: char) -> Option<u32> {
    ZEROS.into_iter().find_map(|zero| {
        let value = u32::from(character).checked_sub(u32::from(zero))?;
        (value < 10).then_some(value)
    })
}
