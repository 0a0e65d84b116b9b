//! What the DNS answers for an identifier.

mod blame;
mod neighbours;
mod open;
mod seen;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use sotto_mimi::{NoRecordReason, OwnerName, PathStep, ProviderPolicy, Reading};
use sotto_proof::message::Response;
use sotto_proof::rdata::Rrsig;
use sotto_proof::{
    Limits, Name, Question, Record, RecordType, Secure, Verdict, Verification, decode,
};

use self::blame::insecure;
use self::neighbours::proved_rdatas;
use self::seen::Seen;
use super::keys::rdatas;
use super::place::{self, Place, mimi_domain};
use super::report::Collector;
use super::rrset::{Reader, Rr, Rrset};
use super::signatures::Times;
use super::{Code, Finding, Report};
use crate::Subject;

/// Octets of the largest proof in an answer of the base class: 8,192 less the encapsulation (32) and the head of the
/// Binary HTTP response around it (45).
pub const BASE_PROOF_MAX_OCTETS: usize = 8_192 - 32 - 45;

/// What came of a question.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// A proof, and what the verifier makes of it.
    Proved {
        /// The verification.
        verification: &'a Verification,
        /// The proof: an RFC 9102 sequence of RRs.
        proof: &'a [u8],
    },
    /// A server's response, with no chain to verify it by.
    Unproved(&'a Response),
    /// None, and why.
    Missing(&'a str),
}

/// What the DNS answers for an identifier, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct Live<'a> {
    /// Whom it is about.
    pub subject: &'a Subject,
    /// The name asked for.
    pub owner: &'a OwnerName,
    /// The type asked for.
    pub rtype: RecordType,
    /// Which domains can be providers.
    pub policy: ProviderPolicy,
    /// The time, Unix seconds.
    pub now: u64,
    /// What came of it.
    pub answer: Answer<'a>,
    /// The same for the other form of the records, if that was asked for.
    pub other_form: Option<(&'a Question, Answer<'a>)>,
    /// The same for the name with its suffix twice ([`with_doubled_suffix`]), if that was asked for.
    pub doubled: Option<(&'a Name, Answer<'a>)>,
    /// What a server says of the keys of the zone, where it was asked directly.
    pub keys: Option<(&'a Name, &'a Response)>,
}

/// Something that the answers do not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What, as a clause that begins with "whether" or "what".
    pub what: String,
    /// Why it is not known.
    pub why: String,
    /// Lines that help to find it out.
    pub lines: Vec<String>,
    /// Whether a resolver that is asked in the open could tell.
    pub is_askable: bool,
}

/// The name under which `owner` is found if its whole name was entered where the provider's form adds the zone: its
/// zone is what `answer` tells, else the domain of the name.
#[must_use]
pub fn with_doubled_suffix(owner: &Name, answer: &Answer<'_>) -> Option<Name> {
    let domain = mimi_domain(owner)?;
    let known: Vec<Name> = match answer {
        Answer::Proved { verification, .. } => match &verification.verdict {
            Verdict::Insecure(reason) | Verdict::Bogus(reason) => vec![reason.name.clone()],
            _ => verification
                .chain
                .iter()
                .map(|link| link.zone.clone())
                .collect(),
        },
        Answer::Unproved(response) => response
            .authority
            .iter()
            .filter(|record| record.rtype == RecordType::SOA)
            .map(|record| record.owner.clone())
            .collect(),
        Answer::Missing(_) => Vec::new(),
    };
    let zone = known
        .into_iter()
        // Nobody enters records into a form of a top-level domain.
        .filter(|zone| zone.label_count() > 1 && domain.is_at_or_below(zone))
        .max_by_key(Name::label_count)
        .unwrap_or(domain);
    place::with_doubled_suffix(owner, &zone)
}

impl Live<'_> {
    /// What is wrong, and what is not known.
    #[must_use]
    pub fn check(&self) -> (Report, Vec<Unknown>) {
        let mut collector = Collector::default();
        let mut unknown = Vec::new();
        let Ok(name) = self.owner.as_str().parse::<Name>() else {
            return (collector.finish(), unknown);
        };
        let mut findings = Vec::new();
        collector.count_names(1);
        match &self.answer {
            Answer::Proved {
                verification,
                proof,
            } => {
                let records = decode(proof, &Limits::default()).unwrap_or_default();
                self.proved(&name, verification, &records, &mut findings, &mut unknown);
                if proof.len() > BASE_PROOF_MAX_OCTETS {
                    let what = format!(
                        "the proof has {} octets, more than the {BASE_PROOF_MAX_OCTETS} that fit into an answer of 8,192",
                        proof.len()
                    );
                    findings.push(Finding::of(Code::AnswerOverflow, &name, what));
                }
            }
            Answer::Unproved(response) => {
                self.unproved(&name, response, &mut findings, &mut unknown);
            }
            Answer::Missing(why) => {
                findings.push(Finding::of(Code::NoAnswer, &name, *why).with_type(self.rtype));
            }
        }
        let question = Question {
            name: name.clone(),
            rtype: self.rtype,
        };
        for rdata in proved_rdatas(&self.answer, &question).unwrap_or_default() {
            collector.provider_of(rdata);
        }
        if let Some((doubled, answer)) = &self.doubled {
            self.doubled(doubled, answer, &mut findings, &mut unknown);
        }
        if let Some((question, answer)) = &self.other_form {
            self.other_form(&name, question, answer, &mut findings, &mut unknown);
        }
        self.denial(&name, &mut findings);
        collector.extend(findings);
        (collector.finish(), unknown)
    }

    /// A proof: of records, of their absence, of insecurity, or of nothing.
    fn proved(
        &self,
        name: &Name,
        verification: &Verification,
        records: &[Record],
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        let as_seen = |findings: &mut Vec<Finding>, unknown: &mut Vec<Unknown>| {
            let seen = Seen::follow(records, name, self.rtype);
            self.as_seen(name, &seen, findings, unknown);
        };
        match &verification.verdict {
            Verdict::Secure(secure) => {
                let rrs: Vec<Rr<'_>> = secure
                    .rdatas
                    .iter()
                    .map(|rdata| Rr {
                        rdata,
                        ttl: published_ttl(secure, verification),
                        line: None,
                    })
                    .collect();
                let path: Vec<PathStep> = secure.path.iter().map(as_read).collect();
                self.records(name, &secure.owner, &rrs, &path, findings);
                handed_over(secure, verification, findings);
            }
            Verdict::NoData | Verdict::NxDomain => {
                let what = if verification.verdict == Verdict::NoData {
                    format!("the name exists, without {}", self.rtype)
                } else {
                    "the name does not exist".to_owned()
                };
                findings.push(Finding::of(Code::NoRecord, name, what).with_type(self.rtype));
            }
            Verdict::Insecure(reason) => {
                findings.push(insecure(reason, records));
                as_seen(findings, unknown);
            }
            Verdict::Bogus(reason) => {
                findings.push(self.bogus(name, reason, verification, records));
                as_seen(findings, unknown);
            }
        }
        self.signatures(verification, findings);
    }

    /// What the RRset says that answers for `name`, and stands at `at`.
    fn records(
        &self,
        name: &Name,
        at: &Name,
        rrs: &[Rr<'_>],
        path: &[PathStep],
        findings: &mut Vec<Finding>,
    ) {
        let rrset = Rrset {
            name: at,
            rtype: self.rtype,
            records: rrs,
            policy: self.policy,
        };
        let somebody = Place::of(name).reader();
        let identifier = match (self.subject, &somebody) {
            (Subject::Person(identifier), _) => identifier,
            (Subject::EveryMailbox(_), Some((somebody, _))) => somebody,
            (Subject::EveryMailbox(_), None) => return,
        };
        let reader = Reader {
            identifier,
            owner: self.owner,
            path,
        };
        let mut of_records = Vec::new();
        match rrset.check_as(&reader, &mut of_records) {
            Reading::NoRecord(NoRecordReason::UnrelatedWildcard) => {
                for step in path.iter().filter(|step| step.from_wildcard) {
                    findings.extend(step.owner.parse().ok().as_ref().map(unrelated));
                }
                let what = "only a wildcard answers that does not count";
                findings.push(Finding::of(Code::NoRecord, name, what).with_type(self.rtype));
                // What it says is not about MIMI.
                return;
            }
            Reading::NoRecord(NoRecordReason::NoMimiRecord) => {
                let what = "none of the records there is a MIMI record";
                findings.push(Finding::of(Code::NoRecord, name, what).with_type(self.rtype));
            }
            Reading::Found(_) | Reading::OptedOut | Reading::Invalid(_) => {}
        }
        findings.append(&mut of_records);
        rrset.check_around(Place::of(name).domain(), findings);
    }

    /// How long the signatures over the answer hold, and how good the keys are.
    fn signatures(&self, verification: &Verification, findings: &mut Vec<Finding>) {
        let Some(leaf) = verification.chain.last() else {
            return;
        };
        let ttl = match &verification.verdict {
            Verdict::Secure(secure) => secure.ttl,
            _ => 0,
        };
        let mut said = BTreeSet::new();
        let own = verification
            .chain
            .iter()
            .filter(|link| link.zone == leaf.zone);
        // The signature over the answer says most; that of the keys counts where it ends earlier.
        for link in own.rev() {
            let times = Times {
                from: link.validity.from,
                until: link.validity.until,
            };
            for (code, what) in times.judge(self.now, ttl) {
                if said.insert(code) {
                    let what = format!("the signatures of {} {what}", leaf.zone);
                    findings.push(Finding::of(code, &link.owner, what).with_type(link.rtype));
                }
            }
            if let Some(bits) = link.weak_bits
                && said.insert(Code::KeyWeak)
            {
                let what = format!("key {} has only {bits} bits", link.key_tag);
                let finding = Finding::of(Code::KeyWeak, &leaf.zone, what);
                findings.push(finding.with_type(RecordType::DNSKEY));
            }
        }
    }
}

/// A wildcard that answers without being meant for MIMI.
fn unrelated(wildcard: &Name) -> Finding {
    let what = "the wildcard stands above _mimi and answers for every name that does not exist";
    Finding::of(Code::WildcardUnrelated, wildcard, what)
}

/// A step of the verifier's in the words of the reading.
fn as_read(step: &sotto_proof::verify::PathStep) -> PathStep {
    PathStep {
        name: step.name.to_string(),
        owner: step.owner.to_string(),
        // Who asks for the wildcard itself is told what it says to those whom it covers.
        from_wildcard: step.from_wildcard || step.owner.is_wildcard(),
    }
}

/// Where the names were handed over to others: by NS at `_mimi`, or by DNAME.
fn handed_over(secure: &Secure, verification: &Verification, findings: &mut Vec<Finding>) {
    for record in &verification.used {
        if record.rtype == RecordType::DNAME {
            findings.extend(dname(&record.owner, &verification.used));
        }
    }
    let leaf = verification.chain.last().map(|link| &link.zone);
    if let Some(zone) =
        leaf.filter(|zone| mimi_domain(zone).is_some() && secure.owner.is_at_or_below(zone))
    {
        let what = "the name and everything below it is delegated";
        let finding = Finding::of(Code::MimiDelegated, zone, what);
        findings.push(finding.with_type(RecordType::NS));
    }
}

/// A DNAME at or below a `_mimi` label.
fn dname(owner: &Name, records: &[Record]) -> Option<Finding> {
    mimi_domain(owner)?;
    let target = rdatas(records, owner, RecordType::DNAME);
    let to = Name::from_wire(target.first()?).ok()?;
    let what = format!("everything below the name is looked up at {to}");
    Some(Finding::of(Code::MimiDname, owner, what).with_type(RecordType::DNAME))
}

/// The TTL that was signed: caches on the way count the other down.
fn published_ttl(secure: &Secure, verification: &Verification) -> u32 {
    verification
        .used
        .iter()
        .filter(|record| record.rtype == RecordType::RRSIG && record.owner == secure.owner)
        .filter_map(|record| Rrsig::parse(&record.rdata))
        .find(|rrsig| rrsig.covered == secure.rtype)
        .map_or(secure.ttl, |rrsig| rrsig.original_ttl)
}
