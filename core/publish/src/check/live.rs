//! What the DNS answers for an identifier.

use std::collections::BTreeSet;

use sotto_mimi::{
    Identifier, NoRecordReason, OwnerName, PathStep, ProviderPolicy, Reading, join_strings,
};
use sotto_proof::message::{Response, rcode};
use sotto_proof::rdata::{Nsec, Rrsig};
use sotto_proof::verify::Code as ProofCode;
use sotto_proof::{
    ClockHint, Limits, Name, Question, Reason, Record, RecordType, Secure, Utc, Verdict,
    Verification, decode,
};

use super::keys::{ds_lines, is_sha1_only, rdatas};
use super::place::{self, Place, mimi_domain};
use super::report::Collector;
use super::rrset::{Reader, Rr, Rrset};
use super::signatures::Times;
use super::zone::lists_names;
use super::{Code, Finding, Report};

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
    pub identifier: &'a Identifier,
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
                self.proved(&name, verification, &records, &mut findings);
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
    ) {
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
                self.as_seen(name, records, findings);
            }
            Verdict::Bogus(reason) => {
                findings.push(self.bogus(name, reason, verification, records));
                self.as_seen(name, records, findings);
            }
        }
        self.signatures(verification, findings);
    }

    /// Records that nobody can prove: what they say is looked at all the same, to mend both at once.
    fn as_seen(&self, name: &Name, records: &[Record], findings: &mut Vec<Finding>) {
        let rrs: Vec<Rr<'_>> = records
            .iter()
            .filter(|record| record.owner == *name && record.rtype == self.rtype)
            .map(|record| Rr {
                rdata: &record.rdata,
                ttl: record.ttl,
                line: None,
            })
            .collect();
        if !rrs.is_empty() {
            let path = [PathStep {
                name: name.to_string(),
                owner: name.to_string(),
                from_wildcard: false,
            }];
            self.records(name, name, &rrs, &path, findings);
        }
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
        let reader = Reader {
            identifier: self.identifier,
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

    fn bogus(
        &self,
        name: &Name,
        reason: &Reason,
        verification: &Verification,
        records: &[Record],
    ) -> Finding {
        let at = &reason.name;
        match reason.code {
            ProofCode::SignatureExpired | ProofCode::SignatureNotYetValid => {
                let (code, what) = if reason.code == ProofCode::SignatureExpired {
                    (Code::SignatureExpired, "have run out")
                } else {
                    (Code::SignatureNotYetValid, "are not valid yet")
                };
                let clock = match verification.clock {
                    Some(ClockHint::Ahead { signed_until }) => {
                        format!(
                            ", as has every other on the way: this clock says {}, the first ended on {}",
                            Utc(self.now),
                            Utc(signed_until)
                        )
                    }
                    Some(ClockHint::Behind { signed_from }) => {
                        format!(
                            ", as every other on the way: this clock says {}, the last begins on {}",
                            Utc(self.now),
                            Utc(signed_from)
                        )
                    }
                    None => times_of(records, at, self.now),
                };
                Finding::of(code, at, format!("the signatures {what}{clock}"))
            }
            ProofCode::NoMatchingKey => {
                let what = "the parent's DS records match none of the keys that the zone has";
                let keys = rdatas(records, at, RecordType::DNSKEY);
                Finding::of(Code::DsMatchesNoKey, at, what)
                    .with_type(RecordType::DS)
                    .with_lines(ds_lines(at, &keys))
            }
            _ => Finding::of(Code::ChainBroken, name, reason.to_string()),
        }
    }

    /// What an authoritative server says, without the chain above it.
    fn unproved(
        &self,
        name: &Name,
        response: &Response,
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        let signatures: Vec<Rrsig<'_>> = response
            .answer
            .iter()
            .chain(&response.authority)
            .filter(|record| record.rtype == RecordType::RRSIG)
            .filter_map(|record| Rrsig::parse(&record.rdata))
            .collect();
        let mut said = BTreeSet::new();
        for signature in &signatures {
            let times = Times::around(signature.inception, signature.expiration, self.now);
            for (code, what) in times.judge(self.now, signature.original_ttl) {
                if said.insert(code) {
                    let what = format!("the signatures of {} {what}", signature.signer);
                    findings.push(Finding::of(code, name, what).with_type(signature.covered));
                }
            }
        }
        match response.rcode {
            rcode::NOERROR | rcode::NXDOMAIN => {}
            other => {
                let what = format!("the server answers with response code {other}");
                findings.push(Finding::of(Code::NoAnswer, name, what).with_type(self.rtype));
                return;
            }
        }
        if response
            .answer
            .iter()
            .any(|record| record.rtype == self.rtype)
        {
            self.as_seen(name, &response.answer, findings);
        } else {
            let what = format!("the server has no {} there", self.rtype);
            findings.push(Finding::of(Code::NoRecord, name, what).with_type(self.rtype));
        }
        let why = "the server does not answer for the zones above";
        match self.keys {
            Some((zone, keys)) if !signatures.is_empty() => unknown.push(Unknown {
                what: format!("whether the parent of {zone} vouches for its keys"),
                why: why.to_owned(),
                lines: ds_lines(zone, &rdatas(&keys.answer, zone, RecordType::DNSKEY)),
            }),
            _ if signatures.is_empty() => {
                let what = "the server gives no signatures with its answer";
                findings.push(Finding::of(Code::Unsigned, name, what));
            }
            _ => unknown.push(Unknown {
                what: "whether the parent vouches for the zone's keys".to_owned(),
                why: why.to_owned(),
                lines: Vec::new(),
            }),
        }
    }

    fn doubled(
        &self,
        doubled: &Name,
        answer: &Answer<'_>,
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        let found = |findings: &mut Vec<Finding>| {
            let what = format!("records stand here; meant was {}", self.owner);
            findings.push(Finding::of(Code::DoubledSuffix, doubled, what).with_type(self.rtype));
        };
        match answer {
            Answer::Proved {
                verification,
                proof,
            } => match &verification.verdict {
                // The name asked for is no likelier than any other: what answers is a wildcard.
                Verdict::Secure(secure) if !secure.wildcards.is_empty() => {
                    for wildcard in &secure.wildcards {
                        findings.push(unrelated(wildcard));
                    }
                }
                Verdict::Secure(_) => found(findings),
                Verdict::NoData | Verdict::NxDomain => {}
                Verdict::Insecure(_) | Verdict::Bogus(_) => {
                    let records = decode(proof, &Limits::default()).unwrap_or_default();
                    if !rdatas(&records, doubled, self.rtype).is_empty() {
                        found(findings);
                    }
                }
            },
            Answer::Unproved(response) => {
                if !rdatas(&response.answer, doubled, self.rtype).is_empty() {
                    found(findings);
                }
            }
            Answer::Missing(why) => unknown.push(Unknown {
                what: format!("whether something stands at {doubled}, with its suffix twice"),
                why: (*why).to_owned(),
                lines: Vec::new(),
            }),
        }
    }

    fn other_form(
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
    fn denial(&self, name: &Name, findings: &mut Vec<Finding>) {
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

/// Why nothing can be proved, and what is missing at the registrar.
fn insecure(reason: &Reason, records: &[Record]) -> Finding {
    let at = &reason.name;
    let ds = rdatas(records, at, RecordType::DS);
    match reason.code {
        ProofCode::UnsupportedAlgorithm if is_sha1_only(&ds) => {
            let keys = rdatas(records, at, RecordType::DNSKEY);
            Finding::of(
                Code::DsSha1Only,
                at,
                "every DS record at the parent has digest type 1 (SHA-1)",
            )
            .with_type(RecordType::DS)
            .with_lines(ds_lines(at, &keys))
        }
        ProofCode::UnsupportedAlgorithm => Finding::of(
            Code::AlgorithmUnsupported,
            at,
            "no DS record at the parent has an algorithm and digest that clients support",
        )
        .with_type(RecordType::DS),
        ProofCode::TooManyIterations => {
            Finding::of(Code::TooManyIterations, at, reason.code.rule())
                .with_type(RecordType::NSEC3)
        }
        _ => match signed_below(at, records) {
            Some((zone, lines)) => {
                let what = format!(
                    "{zone} is signed, but its parent has no DS record for it: the step at the registrar is missing"
                );
                Finding::of(Code::DsMissing, &zone, what)
                    .with_type(RecordType::DS)
                    .with_lines(lines)
            }
            None if reason.code == ProofCode::OptOut => Finding::of(
                Code::Unsigned,
                at,
                "the registry does not know the domain as signed, if it exists at all",
            ),
            None => Finding::of(Code::Unsigned, at, "the domain is not signed"),
        },
    }
}

/// The zone at or below `cut` that has keys and signs with them, and the DS lines of its keys. Nothing of it is proved.
fn signed_below(cut: &Name, records: &[Record]) -> Option<(Name, Vec<String>)> {
    let mut signers: Vec<Name> = records
        .iter()
        .filter(|record| record.rtype == RecordType::RRSIG)
        .filter_map(|record| Some(Rrsig::parse(&record.rdata)?.signer))
        .filter(|signer| signer.is_at_or_below(cut))
        .collect();
    signers.sort();
    signers.into_iter().find_map(|zone| {
        let lines = ds_lines(&zone, &rdatas(records, &zone, RecordType::DNSKEY));
        (!lines.is_empty()).then_some((zone, lines))
    })
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
        from_wildcard: step.from_wildcard,
    }
}

/// Where the names were handed over to others: by NS at `_mimi`, or by DNAME.
fn handed_over(secure: &Secure, verification: &Verification, findings: &mut Vec<Finding>) {
    for record in &verification.used {
        if record.rtype == RecordType::DNAME && mimi_domain(&record.owner).is_some() {
            let to =
                Name::from_wire(&record.rdata).map_or_else(|_| String::new(), |to| to.to_string());
            let what = format!("everything below the name is looked up at {to}");
            let finding = Finding::of(Code::MimiDname, &record.owner, what);
            findings.push(finding.with_type(RecordType::DNAME));
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

/// Between which times the signatures at `name` hold that do not hold now, in words.
fn times_of(records: &[Record], name: &Name, now: u64) -> String {
    let idle = records
        .iter()
        .filter(|record| record.rtype == RecordType::RRSIG && record.owner == *name)
        .filter_map(|record| Rrsig::parse(&record.rdata))
        .map(|rrsig| Times::around(rrsig.inception, rrsig.expiration, now))
        .find(|times| !(times.from..=times.until).contains(&now));
    match idle {
        Some(times) => format!(
            ": they hold from {} to {}",
            Utc(times.from),
            Utc(times.until)
        ),
        None => String::new(),
    }
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
fn proved_rdatas<'a>(answer: &Answer<'a>, question: &Question) -> Option<Vec<&'a [u8]>> {
    match answer {
        Answer::Proved { verification, .. } => match &verification.verdict {
            Verdict::Secure(secure) => Some(secure.rdatas.iter().map(|rdata| &**rdata).collect()),
            _ => None,
        },
        Answer::Unproved(response) => {
            Some(rdatas(&response.answer, &question.name, question.rtype))
        }
        Answer::Missing(_) => None,
    }
}
