//! Everything that one check found.

use std::collections::BTreeMap;

use sotto_mimi::{Domain, Port, Provider, Record};

use super::{Code, Counts, Finding};

/// Findings of one code that a report carries: who has a thousand of a kind mends the cause, not each, and a
/// zone of a million names must not need the memory for a million findings. The counts are of all.
pub const FINDINGS_PER_CODE_MAX: usize = 1_000;

/// Providers that a report carries: whoever wants to contact more of them is no check any more.
pub const PROVIDERS_MAX: usize = 64;

/// Everything that one check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The findings, by name, then line, then the worst first; at most [`FINDINGS_PER_CODE_MAX`] of each code.
    pub findings: Vec<Finding>,
    /// How many there are, those left out included.
    pub counts: Counts,
    /// How many were left out.
    pub omitted: u64,
    /// How many names were looked at.
    pub names: u64,
    /// Whether a zone file has signatures; `None` if none was checked.
    pub is_signed: Option<bool>,
    /// The providers that the records name, with their ports, each once: the first [`PROVIDERS_MAX`].
    pub providers: Vec<(Domain, Option<Port>)>,
}

impl Report {
    /// Adds what was found out besides.
    pub fn add(&mut self, finding: Finding) {
        self.counts.add(finding.severity());
        self.findings.push(finding);
        super::finding::sort(&mut self.findings);
    }
}

/// A report being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector {
    report: Report,
    of_code: BTreeMap<Code, usize>,
}

impl Collector {
    /// Takes a finding.
    pub(crate) fn push(&mut self, finding: Finding) {
        self.report.counts.add(finding.severity());
        let count = self.of_code.entry(finding.code).or_default();
        *count += 1;
        if *count > FINDINGS_PER_CODE_MAX {
            self.report.omitted += 1;
        } else {
            self.report.findings.push(finding);
        }
    }

    /// Takes findings, in the order of a report and each once.
    pub(crate) fn extend(&mut self, mut findings: Vec<Finding>) {
        super::finding::sort(&mut findings);
        for finding in findings {
            self.push(finding);
        }
    }

    /// Takes note that names were looked at.
    pub(crate) const fn count_names(&mut self, names: u64) {
        self.report.names += names;
    }

    /// Takes note of the provider that a record names, if it can be read.
    pub(crate) fn provider_of(&mut self, rdata: &[u8]) {
        let providers = &mut self.report.providers;
        if providers.len() < PROVIDERS_MAX
            && let Ok(Record {
                provider: Provider::At { domain, port },
                ..
            }) = Record::parse(rdata)
            && !providers.contains(&(domain.clone(), port))
        {
            providers.push((domain, port));
        }
    }

    /// The report.
    pub(crate) fn finish(mut self) -> Report {
        super::finding::sort(&mut self.report.findings);
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let mut collector = Collector::default();
        for line in 0..FINDINGS_PER_CODE_MAX as u64 + 5 {
            collector.push(Finding::of_file(Code::ZoneSyntax, "no record").at_line(line));
        }
        collector.push(Finding::of_file(Code::ZoneInclude, "another file"));
        let report = collector.finish();
        assert_eq!(report.findings.len(), FINDINGS_PER_CODE_MAX + 1);
        assert_eq!(
            (report.counts.errors, report.counts.warnings, report.omitted),
            (1_005, 1, 5)
        );
    }
}
