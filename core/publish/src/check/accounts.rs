//! The rows of a file of accounts, before anything is published from them.

use sotto_mimi::ProviderPolicy;
use sotto_proof::{Name, RecordType};

use super::report::Collector;
use super::rrset::{Rr, Rrset};
use super::{Code, Finding, Report};
use crate::accounts::{AccountsError, Entry};

/// A check of one file of accounts, person by person.
#[derive(Debug)]
pub struct AccountsCheck {
    policy: ProviderPolicy,
    collector: Collector,
}

impl AccountsCheck {
    /// Begins a check; `policy` says which domains can be providers.
    #[must_use]
    pub fn new(policy: ProviderPolicy) -> Self {
        Self {
            policy,
            collector: Collector::default(),
        }
    }

    /// Takes what the reader made of the next rows.
    pub fn take(&mut self, entry: &Result<Entry, AccountsError>) {
        match entry {
            Ok(entry) => self.entry(entry),
            Err(error) => {
                let problem = &error.problem;
                let what = match &error.field {
                    Some((column, value)) => format!("column {column}, {value:?}: {problem}"),
                    None => problem.to_string(),
                };
                let finding = Finding::of_file(Code::AccountsRow, what);
                let finding = finding.with_remedy(error.problem.remedy());
                self.collector.push(finding.at_line(error.line));
            }
        }
    }

    fn entry(&mut self, entry: &Entry) {
        let publication = &entry.publication;
        self.collector.count_names(1);
        // An owner name is made of letters, digits, hyphens and underscores.
        let Ok(name) = publication.owner().as_str().parse::<Name>() else {
            return;
        };
        let records: Vec<Rr<'_>> = publication
            .rdatas()
            .iter()
            .map(|rdata| Rr {
                rdata,
                ttl: publication.ttl(),
                line: Some(entry.line),
            })
            .collect();
        for record in &records {
            self.collector.provider_of(record.rdata);
        }
        let mut findings = Vec::new();
        Rrset {
            name: &name,
            rtype: RecordType(publication.rtype()),
            records: &records,
            policy: self.policy,
        }
        .check(&mut findings);
        self.collector.extend(findings);
    }

    /// Ends the check.
    #[must_use]
    pub fn finish(self) -> Report {
        self.collector.finish()
    }
}
