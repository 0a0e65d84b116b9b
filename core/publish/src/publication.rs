//! What one person publishes.

mod advice;
mod error;
mod subject;

pub use advice::{Advice, looks_like_phone};
pub use error::PublicationError;
pub use subject::Subject;

use sotto_mimi::{
    DEFAULT_MIMI_TYPE, Domain, Identifier, OwnerName, PRIVATE_USE_TYPES, Provider, Record,
    RecordForm, limits,
};

/// The RR type TXT (RFC 1035 section 3.2.2).
pub const TXT: u16 = 16;

/// The TTL unless another is chosen, and the highest without a warning, seconds: whoever asks finds out within 24 hours what was published
/// (draft-interop-mimi-discovery-requirements-01, number 20), and what was removed is forgotten as soon.
pub const DEFAULT_TTL: u32 = 86_400;

/// The highest TTL, seconds (RFC 2181 section 8).
pub const TTL_MAX: u32 = i32::MAX as u32;

/// Where and for how long records are published: the same for everybody at a hoster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// TXT, or the private MIMI type.
    pub form: RecordForm,
    /// The private-use number of the MIMI type, 65280 to 65534.
    pub mimi_type: u16,
    /// The TTL, seconds: at most 2^31 - 1.
    pub ttl: u32,
    /// The zone below which phone numbers hang; needed for them only.
    pub phone_zone: Option<Domain>,
}

impl Default for Placement {
    /// As TXT, for 24 hours, and no phone numbers.
    fn default() -> Self {
        Self {
            form: RecordForm::Txt,
            mimi_type: DEFAULT_MIMI_TYPE,
            ttl: DEFAULT_TTL,
            phone_zone: None,
        }
    }
}

impl Placement {
    /// The RR type that records have.
    #[must_use]
    pub const fn rtype(&self) -> u16 {
        match self.form {
            RecordForm::Txt => TXT,
            RecordForm::Mimi => self.mimi_type,
        }
    }

    /// Where the records of `subject` stand.
    ///
    /// # Errors
    ///
    /// [`PublicationError::Identifier`] if there is no such name.
    pub fn owner(&self, subject: &Subject) -> Result<OwnerName, PublicationError> {
        let owner = match subject {
            Subject::Person(identifier) => identifier.owner(self.form, self.phone_zone.as_ref()),
            Subject::EveryMailbox(domain) => OwnerName::every_mailbox(domain),
        };
        owner.map_err(PublicationError::Identifier)
    }

    fn check(&self) -> Result<(), PublicationError> {
        if self.ttl > TTL_MAX {
            return Err(PublicationError::Ttl(self.ttl));
        }
        if !PRIVATE_USE_TYPES.contains(&self.mimi_type) {
            return Err(PublicationError::MimiType(self.mimi_type));
        }
        Ok(())
    }
}

/// The RRset that one person, or every mailbox of a domain, publishes.
///
/// It is valid by construction: whoever reads it gets back exactly the records it was made from, provided that the
/// providers are ones (see [`sotto_mimi::ProviderPolicy`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    owner: OwnerName,
    rtype: u16,
    ttl: u32,
    rdatas: Vec<Vec<u8>>,
}

impl Publication {
    /// What `subject` publishes to be reachable as `records` say, or not at all with one [`opt_out`] record.
    ///
    /// The order of `records` has no influence.
    ///
    /// # Errors
    ///
    /// Whatever would make a reader drop a record, or see other records than these: see [`PublicationError`].
    pub fn new(
        subject: &Subject,
        records: &[Record],
        placement: &Placement,
    ) -> Result<Self, PublicationError> {
        placement.check()?;
        let owner = placement.owner(subject)?;
        check_together(records)?;
        let mut ranked = Vec::with_capacity(records.len());
        for record in records {
            check_alone(record, subject)?;
            let rdata = record
                .publishable()
                .map_err(|error| PublicationError::NotPublishable {
                    provider: record.provider.clone(),
                    error,
                })?;
            ranked.push((record.preference, rdata));
        }
        ranked.sort_unstable();
        Ok(Self {
            owner,
            rtype: placement.rtype(),
            ttl: placement.ttl,
            rdatas: ranked.into_iter().map(|(_, rdata)| rdata).collect(),
        })
    }

    /// Where the RRset stands.
    #[must_use]
    pub const fn owner(&self) -> &OwnerName {
        &self.owner
    }

    /// The RR type: [`TXT`], or the private-use number of MIMI.
    #[must_use]
    pub const fn rtype(&self) -> u16 {
        self.rtype
    }

    /// The TTL, seconds.
    #[must_use]
    pub const fn ttl(&self) -> u32 {
        self.ttl
    }

    /// The RDATA of each RR, the preferred first; at least one, no two equal.
    #[must_use]
    pub fn rdatas(&self) -> &[Vec<u8>] {
        &self.rdatas
    }
}

/// The record of somebody who is deliberately not reachable by MIMI.
#[must_use]
pub const fn opt_out() -> Record {
    Record {
        provider: Provider::OptOut,
        account: None,
        preference: u16::MAX,
        label: None,
        tags: Vec::new(),
    }
}

/// Whether what should be a provider is a URL, which one has at hand rather than a domain.
#[must_use]
pub fn is_url(provider: &str) -> bool {
    provider.contains('/')
}

/// What must hold of the records of one owner together.
fn check_together(records: &[Record]) -> Result<(), PublicationError> {
    if records.is_empty() {
        return Err(PublicationError::NoRecords);
    }
    if records.len() > 1
        && records
            .iter()
            .any(|record| record.provider == Provider::OptOut)
    {
        return Err(PublicationError::OptOutBesideOthers);
    }
    if records.len() > limits::SERVICES_MAX {
        return Err(PublicationError::TooManyServices(records.len()));
    }
    for (at, record) in records.iter().enumerate() {
        if records[..at]
            .iter()
            .any(|other| is_one_service(record, other))
        {
            return Err(PublicationError::SameService(record.provider.clone()));
        }
    }
    Ok(())
}

/// Whether readers would merge the two: one provider, port and account.
fn is_one_service(a: &Record, b: &Record) -> bool {
    let place = |record: &Record| match &record.provider {
        Provider::At { domain, port } => {
            Some((domain.clone(), port.map_or(443, sotto_mimi::Port::number)))
        }
        Provider::OptOut => None,
    };
    place(a) == place(b) && a.account == b.account
}

/// What must hold of each record of `subject`.
fn check_alone(record: &Record, subject: &Subject) -> Result<(), PublicationError> {
    let provider = || record.provider.clone();
    if record.provider == Provider::OptOut {
        return if *record == opt_out() {
            Ok(())
        } else {
            Err(PublicationError::OptOutWithMore)
        };
    }
    if record.tags.len() > limits::TAGS_MAX {
        return Err(PublicationError::TooManyTags {
            provider: provider(),
            count: record.tags.len(),
        });
    }
    if let Some(tag) =
        (1..record.tags.len()).find(|at| record.tags[..*at].contains(&record.tags[*at]))
    {
        return Err(PublicationError::SameTag {
            provider: provider(),
            tag: record.tags[tag].as_str().to_owned(),
        });
    }
    match subject {
        Subject::EveryMailbox(_) if record.account.is_some() => {
            Err(PublicationError::AccountForEverybody(provider()))
        }
        Subject::Person(Identifier::Host(_)) if record.account.is_none() => {
            Err(PublicationError::NoAccountForHost(provider()))
        }
        _ => Ok(()),
    }
}
