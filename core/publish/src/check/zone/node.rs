//! What a zone file has at one name.

use sotto_mimi::ProviderPolicy;
use sotto_proof::{Name, RecordType};

use super::super::rrset::{Rr, Rrset};
use super::super::{Code, Finding};
use super::ZoneOptions;
use super::lines::Lines;

/// One record of the types that are read.
#[derive(Debug)]
struct Text {
    rtype: RecordType,
    ttl: u32,
    line: u64,
    rdata: Box<[u8]>,
}

/// What a zone file has at one name.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Each type, with the line at which it occurs first.
    types: Vec<(RecordType, u64)>,
    texts: Vec<Text>,
}

impl Node {
    /// Takes a record, with its RDATA if that is read.
    pub(super) fn add(&mut self, rtype: RecordType, ttl: u32, line: u64, rdata: Option<Vec<u8>>) {
        if !self.types.iter().any(|(known, _)| *known == rtype) {
            self.types.push((rtype, line));
        }
        if let Some(rdata) = rdata {
            self.texts.push(Text {
                rtype,
                ttl,
                line,
                rdata: rdata.into(),
            });
        }
    }

    /// The line of the first record.
    pub(super) fn line(&self) -> Option<u64> {
        self.types.iter().map(|(_, line)| *line).min()
    }

    /// Whether anything stands here that a delegation hides: all but the delegation itself and addresses of name servers.
    pub(super) fn is_more_than_a_cut(&self) -> bool {
        self.types.iter().any(|(rtype, _)| {
            !matches!(
                *rtype,
                RecordType::NS | RecordType::DS | RecordType::A | RecordType::AAAA
            )
        })
    }

    /// The types that are read, each with its first line.
    pub(super) fn text_types(&self) -> impl Iterator<Item = (RecordType, u64)> {
        let is_read = |rtype| self.texts.iter().any(|text| text.rtype == rtype);
        self.types
            .iter()
            .copied()
            .filter(move |(rtype, _)| is_read(*rtype))
    }

    /// The RDATA of every record of the types that are read.
    pub(super) fn rdatas(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().map(|text| &*text.rdata)
    }

    /// Looks at everything here.
    pub(super) fn check(
        &self,
        name: &Name,
        options: &ZoneOptions,
        lines: &Lines,
        findings: &mut Vec<Finding>,
    ) {
        self.check_alias(name, lines, findings);
        let sets = [RecordType::TXT, options.mimi_type].map(|rtype| self.set(rtype));
        for (rtype, records) in [RecordType::TXT, options.mimi_type].iter().zip(&sets) {
            if !records.is_empty() {
                self.check_set(name, *rtype, records, options.policy, findings);
            }
        }
        if let [txt, private] = &sets
            && !txt.is_empty()
            && !private.is_empty()
            && !is_same(txt, private)
        {
            let what = format!("TXT and {} say different things", options.mimi_type);
            let finding = Finding::of(Code::FormsDisagree, name, what);
            findings.push(finding.at_line(private[0].line));
        }
    }

    fn check_set(
        &self,
        name: &Name,
        rtype: RecordType,
        records: &[Rr<'_>],
        policy: ProviderPolicy,
        findings: &mut Vec<Finding>,
    ) {
        Rrset {
            name,
            rtype,
            records,
            policy,
        }
        .check(findings);
    }

    /// A CNAME suffers nothing beside it but what signs it (RFC 2181 section 10.1).
    fn check_alias(&self, name: &Name, lines: &Lines, findings: &mut Vec<Finding>) {
        let line_of = |wanted: RecordType| {
            let mut types = self.types.iter();
            types
                .find(|(rtype, _)| *rtype == wanted)
                .map(|(_, line)| *line)
        };
        let Some(line) = line_of(RecordType::CNAME) else {
            return;
        };
        let other = self
            .types
            .iter()
            .find(|(rtype, _)| *rtype != RecordType::CNAME);
        if let Some((rtype, at)) = other {
            let what = format!(
                "CNAME stands beside {rtype}, which is in {}",
                lines.say(*at)
            );
            let finding = Finding::of(Code::CnameBesideOthers, name, what);
            findings.push(finding.with_type(RecordType::CNAME).at_line(line));
        }
    }

    fn set(&self, rtype: RecordType) -> Vec<Rr<'_>> {
        let texts = self.texts.iter().filter(|text| text.rtype == rtype);
        texts
            .map(|text| Rr {
                rdata: &text.rdata,
                ttl: text.ttl,
                line: Some(text.line),
            })
            .collect()
    }
}

/// Whether two RRsets hold the same records.
fn is_same(one: &[Rr<'_>], other: &[Rr<'_>]) -> bool {
    let sorted = |records: &[Rr<'_>]| {
        let mut rdatas: Vec<_> = records
            .iter()
            .map(|record| sotto_mimi::join_strings(record.rdata))
            .collect();
        rdatas.sort();
        rdatas.dedup();
        rdatas
    };
    sorted(one) == sorted(other)
}
