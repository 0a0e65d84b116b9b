//! Why records cannot be published.

use sotto_mimi::{IdentifierError, Provider, RecordError, limits};

use super::TTL_MAX;

/// Why records cannot be published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicationError {
    /// There is no record.
    #[error("there is no record to publish")]
    NoRecords,
    /// The identifier has no owner name.
    #[error(transparent)]
    Identifier(IdentifierError),
    /// A refusal stands beside services, which it would overrule.
    #[error("a refusal (e=.) stands beside services, and would overrule them")]
    OptOutBesideOthers,
    /// A refusal has an account, a preference, a label or tags.
    #[error("a refusal (e=.) has neither account, preference, label nor tags")]
    OptOutWithMore,
    /// There are more services than a reader keeps.
    #[error("there are {0} services, more than the {max} that are read", max = limits::SERVICES_MAX)]
    TooManyServices(usize),
    /// Two records name one provider, port and account, and would be read as one.
    #[error("the provider {0} is named twice with one account")]
    SameService(Provider),
    /// A record has more tags than are read.
    #[error("the record of {provider} has {count} tags, more than the {max} that are read", max = limits::TAGS_MAX)]
    TooManyTags {
        /// Whose record it is.
        provider: Provider,
        /// How many there are.
        count: usize,
    },
    /// A record has one tag twice.
    #[error("the record of {provider} has the tag {tag:?} twice")]
    SameTag {
        /// Whose record it is.
        provider: Provider,
        /// The tag.
        tag: String,
    },
    /// A host identifies nobody to a provider, so that the account cannot be asked for.
    #[error("the record of {0} names no account, which a host needs")]
    NoAccountForHost(Provider),
    /// An account would be shared by every mailbox.
    #[error("the record of {0} names an account, which every mailbox of the domain would share")]
    AccountForEverybody(Provider),
    /// A record cannot be published as it is: it is too long.
    #[error("the record of {provider} cannot be published: {error}")]
    NotPublishable {
        /// Whose record it is.
        provider: Provider,
        /// What is wrong with it.
        error: RecordError,
    },
    /// The TTL exceeds 31 bits.
    #[error("the TTL {0} exceeds {TTL_MAX} seconds")]
    Ttl(u32),
    /// The number of the MIMI type is not for private use.
    #[error("the RR type {0} is not for private use")]
    MimiType(u16),
}

impl PublicationError {
    /// The error's stable name, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRecords => "publish_no_records",
            Self::Identifier(error) => error.code(),
            Self::OptOutBesideOthers => "publish_opt_out_beside_others",
            Self::OptOutWithMore => "publish_opt_out_with_more",
            Self::TooManyServices(_) => "publish_too_many_services",
            Self::SameService(_) => "publish_same_service",
            Self::TooManyTags { .. } => "publish_too_many_tags",
            Self::SameTag { .. } => "publish_same_tag",
            Self::NoAccountForHost(_) => "publish_no_account_for_host",
            Self::AccountForEverybody(_) => "publish_account_for_everybody",
            Self::NotPublishable { .. } => "publish_too_long",
            Self::Ttl(_) => "publish_ttl",
            Self::MimiType(_) => "publish_mimi_type",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NoRecords => "name a service, or opt out".to_owned(),
            Self::Identifier(error) => error.remedy().to_owned(),
            Self::OptOutBesideOthers => {
                "leave the refusal out, or the services: a person is reachable or is not".to_owned()
            }
            Self::OptOutWithMore => "leave everything but the refusal out".to_owned(),
            Self::TooManyServices(_) => "keep those that are preferred".to_owned(),
            Self::SameService(_) => "merge the two: one preference, one label, all tags".to_owned(),
            Self::TooManyTags { .. } => "keep those that matter; each is public".to_owned(),
            Self::SameTag { .. } => "name it once".to_owned(),
            Self::NoAccountForHost(_) => "add the account at that provider".to_owned(),
            Self::AccountForEverybody(_) => {
                "leave the account out: the provider is asked who has that mailbox".to_owned()
            }
            Self::NotPublishable { .. } => format!(
                "shorten label and tags until the record has at most {} octets",
                limits::PUBLISHED_MAX_OCTETS
            ),
            Self::Ttl(_) => "86400 is 24 hours, and right for most".to_owned(),
            Self::MimiType(_) => {
                "choose the number that readers are configured for, 65280 to 65534".to_owned()
            }
        }
    }
}
