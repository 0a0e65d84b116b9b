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

/// Whether an account looks like a phone number: 7 to 15 digits with the usual separators, with or without `+` or `tel:`
/// in front, or `@` and a domain behind, as some services name their accounts.
#[must_use]
pub fn looks_like_phone(account: &str) -> bool {
    let (count, all) = phone_digits(account).fold((0, true), |(count, all), character| {
        (
            count + usize::from(character.is_ascii_digit()),
            all && is_part_of_number(character),
        )
    });
    all && (PHONE_MIN_DIGITS..=PHONE_MAX_DIGITS).contains(&count)
}

/// Whether `account` repeats the number that the owner name spells out already.
fn is_number_of(subject: &Subject, account: &str) -> bool {
    match subject {
        Subject::Person(Identifier::Phone(phone)) => phone_digits(account)
            .filter(char::is_ascii_digit)
            .eq(phone.digits().chars()),
        _ => false,
    }
}

/// The characters of an account that would be those of a number.
fn phone_digits(account: &str) -> impl Iterator<Item = char> + '_ {
    let account = account.trim();
    let number = match account.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => &account[4..],
        _ => account,
    };
    number.split('@').next().unwrap_or_default().chars()
}

fn is_part_of_number(character: char) -> bool {
    character.is_ascii_digit()
        || matches!(
            character,
            '+' | ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2010}'
                ..='\u{2013}' | '\u{202f}'
        )
}
