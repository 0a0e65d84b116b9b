//! What a check finds, as data.

use std::fmt;

use sotto_proof::{Name, RecordType};

use super::Code;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nobody can use what is there, or nobody finds it.
    Error,
    /// It works, but not as whoever published it will have meant, or not for long.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub code: Code,
    /// The name it is about; `None` for a whole file.
    pub name: Option<Name>,
    /// The type of the RRset it is about, where there is one.
    pub rtype: Option<RecordType>,
    /// The line of the file, from 1, where it is known.
    pub line: Option<u64>,
    /// The file that the line is in if that is not the one checked but one that it includes, as it is called there.
    pub file: Option<Box<str>>,
    /// What was found, in one sentence without a full stop. It may quote what was published: escape it
    /// before it is shown.
    pub what: String,
    /// Lines to paste or to compare: DS records, most of all.
    pub lines: Vec<String>,
    /// What to do about it, where more can be said than [`Code::remedy`].
    pub special_remedy: Option<Box<str>>,
}

impl Finding {
    /// A finding about a name.
    #[must_use]
    pub fn of(code: Code, name: &Name, what: impl Into<String>) -> Self {
        Self {
            name: Some(name.clone()),
            ..Self::of_file(code, what)
        }
    }

    /// A finding about a whole file, or a line of it.
    #[must_use]
    pub fn of_file(code: Code, what: impl Into<String>) -> Self {
        Self {
            code,
            name: None,
            rtype: None,
            line: None,
            file: None,
            what: what.into(),
            lines: Vec::new(),
            special_remedy: None,
        }
    }

    /// The same, about an RRset of this type.
    #[must_use]
    pub fn with_type(self, rtype: RecordType) -> Self {
        Self {
            rtype: Some(rtype),
            ..self
        }
    }

    /// The same, at a line of a file.
    #[must_use]
    pub fn at_line(self, line: impl Into<Option<u64>>) -> Self {
        Self {
            line: line.into(),
            ..self
        }
    }

    /// The same, with lines to paste or to compare.
    #[must_use]
    pub fn with_lines(self, lines: Vec<String>) -> Self {
        Self { lines, ..self }
    }

    /// The same, with a remedy of its own.
    #[must_use]
    pub fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            special_remedy: Some(remedy.into().into_boxed_str()),
            ..self
        }
    }

    /// What to do about it, in one sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> &str {
        let special = self.special_remedy.as_deref();
        special.unwrap_or_else(|| self.code.remedy())
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Where it stands in a report: by name in canonical order (RFC 4034 section 6.1), what concerns the
    /// whole file first, then by line, then the worst first.
    fn rank(&self) -> (Option<&Name>, Option<u64>, Severity, Code, &str) {
        let severity = self.severity();
        (
            self.name.as_ref(),
            self.line,
            severity,
            self.code,
            &self.what,
        )
    }
}

/// Puts findings into the order of a report, the same whatever order they were found in, each once.
pub(super) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|one, other| one.rank().cmp(&other.rank()));
    findings.dedup();
}

/// How many findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Errors.
    pub errors: u64,
    /// Warnings.
    pub warnings: u64,
    /// Notes.
    pub notes: u64,
}

impl Counts {
    /// Counts one more.
    pub const fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
    }

    /// The counts of some findings.
    #[must_use]
    pub fn of(findings: &[Finding]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            counts.add(finding.severity());
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_report_does_not_depend_on_the_order_of_finding() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let mut findings = vec![
            Finding::of(Code::PreferenceTie, &name("b.example"), "tie"),
            Finding::of(Code::RecordSyntax, &name("b.example"), "syntax"),
            Finding::of(Code::RecordSyntax, &name("a.b.example"), "syntax").at_line(7),
            Finding::of(Code::RecordSyntax, &name("a.b.example"), "syntax").at_line(3),
            Finding::of_file(Code::ZoneInclude, "include").at_line(9),
        ];
        findings.push(findings[0].clone());
        let mut reversed: Vec<_> = findings.iter().rev().cloned().collect();
        sort(&mut findings);
        sort(&mut reversed);
        assert_eq!(findings, reversed);
        let codes: Vec<_> = findings
            .iter()
            .map(|finding| (finding.code, finding.line))
            .collect();
        assert_eq!(
            codes,
            [
                (Code::ZoneInclude, Some(9)),
                (Code::RecordSyntax, None),
                (Code::PreferenceTie, None),
                (Code::RecordSyntax, Some(3)),
                (Code::RecordSyntax, Some(7)),
            ]
        );
        assert_eq!(
            Counts::of(&findings),
            Counts {
                errors: 3,
                warnings: 1,
                notes: 1
            }
        );
    }
}
