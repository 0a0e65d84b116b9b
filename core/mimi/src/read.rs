//! From a proved RRset to what it means.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::domain::Domain;
use crate::identifier::Identifier;
use crate::owner::OwnerName;
use crate::record::{Provider, Record, RecordError, add_token, join_strings, limits};
use crate::service::Service;
use crate::tie_break::TieBreak;

/// A proved RRset.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// The RDATA of each RR, in any order.
    pub rdatas: &'a [&'a [u8]],
    /// The names from the owner name on: each alias, and at last the name of the RRset, as proved.
    pub path: &'a [PathStep],
}

/// One name on the way to an RRset, and where what settled it was published. Names are absolute, in presentation form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The name.
    pub name: String,
    /// The owner of the alias, or of the RRset, as its zone has it: the name itself, the wildcard that it was made
    /// from, or for a DNAME a name above.
    pub owner: String,
    /// Whether it was made from a wildcard.
    pub from_wildcard: bool,
}

/// Which domains can be providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProviderPolicy {
    /// Those of the public DNS: no special-use names (RFC 6761). Right under the IANA root.
    #[default]
    Public,
    /// Any but `localhost`: under a private root, `.test` and the like are that world's names.
    PrivateRoot,
}

impl ProviderPolicy {
    /// Whether `domain` can be a provider, or the host of one of its endpoints.
    #[must_use]
    pub fn admits(self, domain: &Domain) -> bool {
        match self {
            Self::Public => !domain.is_special_use(),
            Self::PrivateRoot => !domain.is_loopback(),
        }
    }
}

/// What a proved RRset means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reading {
    /// One or more ways to reach the person.
    Found(Found),
    /// The person is deliberately not reachable by MIMI.
    OptedOut,
    /// Nothing is published for the person.
    NoRecord(NoRecordReason),
    /// Something is published, and none of it is usable: each RR and what is wrong with it.
    Invalid(Vec<DroppedRecord>),
}

/// One or more ways to reach a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// 1 to 16 services, the best first.
    pub services: Vec<Service>,
    /// The MIMI records that were not used, and why.
    pub dropped: Vec<DroppedRecord>,
}

/// Why an RRset that exists says nothing of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoRecordReason {
    /// The RRset holds no MIMI record.
    NoMimiRecord,
    /// The answer, or an alias that leads to it, comes from a wildcard above the `_mimi` label, which was not meant for
    /// MIMI.
    UnrelatedWildcard,
}

/// A MIMI record that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedRecord {
    /// The RDATA, as proved.
    pub rdata: Box<[u8]>,
    /// What is wrong with it.
    pub error: RecordError,
}

impl DroppedRecord {
    /// The record's text, character-strings joined; what is not UTF-8 is replaced. Escape it before it
    /// is shown: it may hold controls.
    #[must_use]
    pub fn text(&self) -> String {
        let text =
            join_strings(&self.rdata).map_or_else(|| Cow::Borrowed(&*self.rdata), Cow::Owned);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Reads what a proved RRset says of `identifier`.
///
/// The caller has validated the whole chain, aliases and wildcards included. Then, in this order:
///
/// 1. A wildcard counts only if it was meant for MIMI: it lies below the `_mimi` label, or an alias published at or
///    below that label led to it. A DNAME above the label renames the label with everything else, and hands nothing
///    over. For the private MIMI type at a bare host no wildcard counts. Otherwise:
///    [`NoRecordReason::UnrelatedWildcard`].
/// 2. RRs that do not begin with the version are not ours. None left: [`NoRecordReason::NoMimiRecord`].
/// 3. A malformed RR is dropped and reported, the others stay.
/// 4. Any `e=.` left wins: [`Reading::OptedOut`].
/// 5. RRs of one provider, port and account are merged: the lowest preference and its label, all tags, first 8.
/// 6. Services are sorted by preference, ties by `tie_break`.
/// 7. Only the first 16 by (preference, RDATA) are kept, the same for every client.
/// 8. Nothing left: [`Reading::Invalid`].
///
/// The order of the RRs has no influence on the outcome.
pub fn read(
    identifier: &Identifier,
    owner: &OwnerName,
    published: Published<'_>,
    tie_break: &TieBreak,
    provider_policy: ProviderPolicy,
) -> Reading {
    if !owner.is_meant_by(published.path) {
        return Reading::NoRecord(NoRecordReason::UnrelatedWildcard);
    }

    let context = Context {
        is_host: matches!(identifier, Identifier::Host(_)),
        from_wildcard: published.path.iter().any(|step| step.from_wildcard),
        provider_policy,
    };
    let mut rdatas = published.rdatas.to_vec();
    rdatas.sort_unstable();
    rdatas.dedup();

    let mut usable = Vec::new();
    let mut dropped = Vec::new();
    for rdata in rdatas {
        match Record::parse(rdata).and_then(|record| context.check(record)) {
            Ok(record) => usable.push((record, rdata)),
            Err(RecordError::NotMimi) => {}
            Err(error) => dropped.push(DroppedRecord {
                rdata: rdata.into(),
                error,
            }),
        }
    }

    if usable.is_empty() {
        return match dropped.is_empty() {
            true => Reading::NoRecord(NoRecordReason::NoMimiRecord),
            false => Reading::Invalid(dropped),
        };
    }
    if usable
        .iter()
        .any(|(record, _)| record.provider == Provider::OptOut)
    {
        return Reading::OptedOut;
    }

    let mut merged = merge(usable);
    if merged.len() > limits::SERVICES_MAX {
        dropped.extend(
            merged
                .split_off(limits::SERVICES_MAX)
                .into_iter()
                .map(|(_, rdata)| DroppedRecord {
                    rdata: rdata.into(),
                    error: RecordError::BeyondLimit,
                }),
        );
    }
    let mut services: Vec<Service> = merged.into_iter().map(|(service, _)| service).collect();
    // Stable: should two hashes be equal, the order of the RDATA decides.
    services.sort_by_key(|service| (service.preference, tie_break.rank(identifier, service)));
    Reading::Found(Found { services, dropped })
}

/// What a record may say depends on whom it is for and where it comes from.
struct Context {
    is_host: bool,
    from_wildcard: bool,
    provider_policy: ProviderPolicy,
}

impl Context {
    fn check(&self, record: Record) -> Result<Record, RecordError> {
        if self.from_wildcard && record.account.is_some() {
            return Err(RecordError::AccountInWildcard);
        }
        if let Provider::At { domain, .. } = &record.provider {
            if !self.provider_policy.admits(domain) {
                return Err(RecordError::SpecialUse(domain.clone()));
            }
            if self.is_host && record.account.is_none() {
                return Err(RecordError::NoAccountForHost);
            }
        }
        Ok(record)
    }
}

/// Merges records of one provider, port and account, each with the RDATA that states its preference; sorted by
/// (preference, RDATA).
fn merge(mut records: Vec<(Record, &[u8])>) -> Vec<(Service, &[u8])> {
    records.sort_by(|(a, a_rdata), (b, b_rdata)| {
        (a.preference, a_rdata).cmp(&(b.preference, b_rdata))
    });

    let mut services: Vec<(Service, &[u8])> = Vec::new();
    let mut places = BTreeMap::new();
    for (record, rdata) in records {
        let Some(service) = to_service(record) else {
            continue;
        };
        let key = (
            service.provider.clone(),
            service.effective_port(),
            service.account.clone(),
        );
        if let Some(place) = places.get(&key) {
            let (known, _): &mut (Service, &[u8]) = &mut services[*place];
            let mut tags = Vec::new();
            for token in known.tags.iter().chain(&service.tags) {
                add_token(&mut tags, token);
            }
            known.tags = tags.into_iter().map(str::to_owned).collect();
        } else {
            places.insert(key, services.len());
            services.push((service, rdata));
        }
    }
    services
}

/// The service that a record names; none for a refusal.
fn to_service(record: Record) -> Option<Service> {
    let Provider::At { domain, port } = record.provider else {
        return None;
    };
    Some(Service {
        provider: domain,
        port: port.map(crate::record::Port::number),
        account: record.account.map(|account| account.as_str().to_owned()),
        preference: record.preference,
        label: record.label.map(|label| label.as_str().to_owned()),
        tags: record
            .tags
            .iter()
            .map(|tag| tag.as_str().to_owned())
            .collect(),
    })
}
