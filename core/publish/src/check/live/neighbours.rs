//! What the answers for the names around tell: the suffix entered twice, the other form, and how the zone denies.

use std::collections::BTreeSet;

use sotto_mimi::join_strings;
use sotto_proof::rdata::{Nsec, Rrsig};
use sotto_proof::{Limits, Name, Question, Record, RecordType, Verdict, decode};

use super::super::place::Place;
use super::super::zone::lists_names;
use super::super::{Code, Finding};
use super::seen::{Seen, has_mimi};
use super::{Answer, Live, Unknown, unrelated};

impl Live<'_> {
    pub(super) fn doubled(
        &self,
        doubled: &Name,
        answer: &Answer<'_>,
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        match answer {
            Answer::Proved {
                verification,
                proof,
            } => match &verification.verdict {
                Verdict::Secure(secure) => {
                    let rdatas: Vec<&[u8]> = secure.rdatas.iter().map(|rdata| &**rdata).collect();
                    self.at_doubled(doubled, &rdatas, secure.wildcards.clone(), findings);
                }
                Verdict::NoData | Verdict::NxDomain => {}
                Verdict::Insecure(_) | Verdict::Bogus(_) => {
                    let records = decode(proof, &Limits::default()).unwrap_or_default();
                    self.seen_at_doubled(doubled, &records, findings, unknown);
                }
            },
            Answer::Unproved(response) => {
                self.seen_at_doubled(doubled, &response.answer, findings, unknown);
            }
            Answer::Missing(why) => unknown.push(Unknown {
                what: format!("whether something stands at {doubled}, with its suffix twice"),
                why: (*why).to_owned(),
                lines: Vec::new(),
                is_askable: true,
            }),
        }
    }

    /// What stands at the name with its suffix twice, where nobody proves it.
    fn seen_at_doubled(
        &self,
        doubled: &Name,
        records: &[Record],
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        let seen = Seen::follow(records, doubled, self.rtype);
        let rdatas = seen.rdatas();
        let theirs: BTreeSet<Vec<u8>> = rdatas.iter().map(|rdata| rdata.to_vec()).collect();
        let is_same = |name: Name| {
            let ours = seen_rdatas(&self.answer, &name, self.rtype);
            ours.iter().eq(&theirs)
        };
        // Who publishes the same at both names is rarer than one wildcard above both.
        if !seen.is_signed && has_mimi(&rdatas) && self.owner.as_str().parse().is_ok_and(is_same) {
            unknown.push(Unknown {
                what: format!("whether the same records stand at {doubled}, with its suffix twice"),
                why: "a wildcard may have made them: only signatures tell, and there are none"
                    .to_owned(),
                lines: Vec::new(),
                is_askable: false,
            });
            return;
        }
        self.at_doubled(doubled, &rdatas, seen.wildcards().collect(), findings);
    }

    fn at_doubled(
        &self,
        doubled: &Name,
        rdatas: &[&[u8]],
        wildcards: Vec<Name>,
        findings: &mut Vec<Finding>,
    ) {
        if wildcards.is_empty() {
            if has_mimi(rdatas) {
                let what = format!("records stand here; meant was {}", self.owner);
                let finding = Finding::of(Code::DoubledSuffix, doubled, what);
                findings.push(finding.with_type(self.rtype));
            }
            return;
        }
        // The name asked for is no likelier than any other: what answers is a wildcard.
        findings.extend(wildcards.iter().map(unrelated));
    }

    pub(super) fn other_form(
        &self,
        name: &Name,
        question: &Question,
        answer: &Answer<'_>,
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        let theirs = match answer {
            Answer::Missing(why) => {
                unknown.push(Unknown {
                    what: format!("whether {question} says the same"),
                    why: (*why).to_owned(),
                    lines: Vec::new(),
                    is_askable: true,
                });
                return;
            }
            answer => texts_of(answer, question),
        };
        let ours = texts_of(
            &self.answer,
            &Question {
                name: name.clone(),
                rtype: self.rtype,
            },
        );
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours != theirs
        {
            let what = format!("{name} {} and {question} say different things", self.rtype);
            findings.push(Finding::of(Code::FormsDisagree, name, what));
        }
    }

    /// Whether the names of the zone can be listed, as far as the answers show.
    pub(super) fn denial(&self, name: &Name, findings: &mut Vec<Finding>) {
        if !matches!(Place::of(name), Place::Mailbox(_)) {
            return;
        }
        // The zone that holds the records: where names were handed over, another one than the domain's.
        let leaf = match self.answer {
            Answer::Proved { verification, .. } => {
                verification.chain.last().map(|link| link.zone.clone())
            }
            _ => None,
        };
        let answers = [Some(self.answer), self.doubled.map(|(_, answer)| answer)];
        for answer in answers.into_iter().flatten() {
            let records: &[Record] = match answer {
                Answer::Proved { verification, .. } => &verification.used,
                Answer::Unproved(response) => &response.authority,
                Answer::Missing(_) => continue,
            };
            for record in records {
                let zone = signer_of(records, record);
                let is_theirs = |zone: &Name| match &leaf {
                    Some(leaf) => zone == leaf && zone.label_count() > 1,
                    None => is_zone_of(zone, name),
                };
                let Some(zone) = zone.filter(is_theirs) else {
                    continue;
                };
                let (code, what) = match record.rtype {
                    RecordType::NSEC
                        if Nsec::parse(&record.rdata)
                            .is_some_and(|nsec| lists_names(&record.owner, &nsec)) =>
                    {
                        (
                            Code::NsecListsNames,
                            "NSEC lists every name, so the hash of every mailbox",
                        )
                    }
                    RecordType::NSEC3 => (
                        Code::Nsec3Guessable,
                        "NSEC3 hashes the names, which can be collected and guessed",
                    ),
                    _ => continue,
                };
                findings.push(Finding::of(code, &zone, what));
                return;
            }
        }
    }
}

/// Whether `zone` can hold `name`, and is no registry above it: a parent's denial of a DS is the parent's.
fn is_zone_of(zone: &Name, name: &Name) -> bool {
    zone.label_count() > 1 && name.is_at_or_below(zone)
}

/// The zone that signed a record.
fn signer_of(records: &[Record], record: &Record) -> Option<Name> {
    records
        .iter()
        .filter(|other| other.rtype == RecordType::RRSIG && other.owner == record.owner)
        .filter_map(|other| Rrsig::parse(&other.rdata))
        .find(|rrsig| rrsig.covered == record.rtype)
        .map(|rrsig| rrsig.signer)
}

/// The texts of an RRset, in one order; `None` if there are none, or none proved.
fn texts_of(answer: &Answer<'_>, question: &Question) -> Option<BTreeSet<Vec<u8>>> {
    let rdatas = proved_rdatas(answer, question)?;
    let texts: BTreeSet<Vec<u8>> = rdatas.into_iter().filter_map(join_strings).collect();
    (!texts.is_empty()).then_some(texts)
}

/// The RDATA that answers a question: proved, or from the server that was chosen for that.
pub(super) fn proved_rdatas<'a>(answer: &Answer<'a>, question: &Question) -> Option<Vec<&'a [u8]>> {
    match answer {
        Answer::Proved { verification, .. } => match &verification.verdict {
            Verdict::Secure(secure) => Some(secure.rdatas.iter().map(|rdata| &**rdata).collect()),
            _ => None,
        },
        Answer::Unproved(response) => {
            Some(Seen::follow(&response.answer, &question.name, question.rtype).rdatas())
        }
        Answer::Missing(_) => None,
    }
}

/// The RDATA that an answer has for a name, whether it is proved or not.
fn seen_rdatas(answer: &Answer<'_>, name: &Name, rtype: RecordType) -> BTreeSet<Vec<u8>> {
    let decoded;
    let records = match answer {
        Answer::Proved { proof, .. } => {
            decoded = decode(proof, &Limits::default()).unwrap_or_default();
            &decoded
        }
        Answer::Unproved(response) => &response.answer,
        Answer::Missing(_) => return BTreeSet::new(),
    };
    let seen = Seen::follow(records, name, rtype);
    seen.rdatas().into_iter().map(<[u8]>::to_vec).collect()
}
