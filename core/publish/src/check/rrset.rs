//! What one RRset of MIMI records says, as a client would read it.

use std::collections::{BTreeSet, HashMap, HashSet};

use sotto_mimi::{
    DroppedRecord, Identifier, OwnerName, PathStep, Provider, ProviderPolicy, Published, Reading,
    Record, RecordError, RecordForm, TieBreak, join_strings, limits, read,
};
use sotto_proof::{Name, RecordType};

use super::place::Place;
use super::text::{self, NearMiss, Seam};
use super::{Code, Finding};
use crate::publication::{DEFAULT_TTL, looks_like_phone};

/// Octets of an RRset, RDATA alone, beyond which the proof around it leaves the base class of answers: half of 8,192.
/// The other half is for the chain, of which a name in a large TLD with RSA keys needs about 3,200.
const RRSET_MAX_OCTETS: usize = 4_096;

/// One RR, and where it stands in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rr<'a> {
    pub(crate) rdata: &'a [u8],
    pub(crate) ttl: u32,
    pub(crate) line: Option<u64>,
}

/// One RRset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rrset<'a> {
    /// Where it stands.
    pub(crate) name: &'a Name,
    /// The type.
    pub(crate) rtype: RecordType,
    /// Its RRs, at least one.
    pub(crate) records: &'a [Rr<'a>],
    /// Which domains can be providers.
    pub(crate) policy: ProviderPolicy,
}

/// Who reads an RRset: what `sotto_mimi::read` wants to know besides.
pub(crate) struct Reader<'a> {
    pub(crate) identifier: &'a Identifier,
    pub(crate) owner: &'a OwnerName,
    pub(crate) path: &'a [PathStep],
}

impl Rrset<'_> {
    /// Looks at the RRset as it stands at its own name.
    pub(crate) fn check(&self, findings: &mut Vec<Finding>) {
        let place = Place::of(self.name);
        match &place {
            Place::NoHash(label) => findings.push(self.finding(
                Code::LabelNotHash,
                format!(
                    "{:?} is no hash of a mailbox",
                    text::quoted(label.as_bytes())
                ),
            )),
            Place::Nobody => {
                findings.push(self.finding(Code::NameForNobody, "no client asks for this name"));
            }
            Place::Wide(_) => findings.push(self.finding(
                Code::WildcardWide,
                "the wildcard stands right below _mimi, or deeper than mailboxes do",
            )),
            _ => {}
        }
        let is_bare_host = place == Place::Elsewhere;
        let bare_host = || {
            let host: Identifier = Identifier::Host(self.name.to_string().parse().ok()?);
            let owner = host.owner(RecordForm::Mimi, None).ok()?;
            Some((host, owner))
        };
        let reader = if is_bare_host {
            bare_host()
        } else {
            place.reader()
        };
        if let Some((identifier, owner)) = &reader {
            let path = [PathStep {
                name: owner.as_str().to_owned(),
                owner: self.name.to_string(),
                from_wildcard: self.name.is_wildcard(),
            }];
            let path = &path;
            let _ = self.check_as(
                &Reader {
                    identifier,
                    owner,
                    path,
                },
                findings,
            );
        } else {
            self.check_texts(findings);
        }
        self.check_sizes(findings);
        self.check_provider_is(place.domain(), findings);
    }

    /// Looks at the RRset as the answer to somebody's question.
    pub(crate) fn check_as(&self, reader: &Reader<'_>, findings: &mut Vec<Finding>) -> Reading {
        self.check_texts(findings);
        let rdatas: Vec<&[u8]> = self.records.iter().map(|record| record.rdata).collect();
        let reading = read(
            reader.identifier,
            reader.owner,
            Published {
                rdatas: &rdatas,
                path: reader.path,
            },
            &TieBreak::new([0; 16]),
            self.policy,
        );
        match &reading {
            Reading::Found(found) => {
                self.dropped(&found.dropped, findings);
                let mut tied: Vec<u16> = Vec::new();
                for pair in found.services.windows(2) {
                    let preference = pair[0].preference;
                    if preference == pair[1].preference && !tied.contains(&preference) {
                        tied.push(preference);
                    }
                }
                for preference in tied {
                    let tied = found
                        .services
                        .iter()
                        .filter(|service| service.preference == preference);
                    let count = tied.clone().count();
                    let names: BTreeSet<&str> =
                        tied.map(|service| service.provider.as_str()).collect();
                    let names = Vec::from_iter(names).join(" and ");
                    let what = format!(
                        "{count} services at {names} have the same preference, p={preference}"
                    );
                    findings.push(self.finding(Code::PreferenceTie, what));
                }
            }
            Reading::Invalid(dropped) => self.dropped(dropped, findings),
            Reading::OptedOut | Reading::NoRecord(_) => self.alone(findings),
        }
        reading
    }

    /// What is wrong with records that a client would not even look at, since something else decides.
    fn alone(&self, findings: &mut Vec<Finding>) {
        let dropped: Vec<DroppedRecord> = self
            .records
            .iter()
            .filter_map(|record| {
                let error = Record::parse(record.rdata).err()?;
                (error != RecordError::NotMimi).then(|| DroppedRecord {
                    rdata: record.rdata.into(),
                    error,
                })
            })
            .collect();
        self.dropped(&dropped, findings);
    }

    fn dropped(&self, dropped: &[DroppedRecord], findings: &mut Vec<Finding>) {
        // Of records that are the same, the first.
        let lines: HashMap<&[u8], Option<u64>> = self
            .records
            .iter()
            .rev()
            .map(|record| (record.rdata, record.line))
            .collect();
        for record in dropped {
            let line = lines.get(&*record.rdata).copied().flatten();
            // The strings are at fault, not what became of them.
            if matches!(text::seam(&record.rdata), Some(Seam::RunTogether(_))) {
                continue;
            }
            let what = match text::culprit(&record.rdata, &record.error) {
                Some((place, part)) => {
                    format!("{}: octet {place}, {part:?}", record.error)
                }
                None => format!(
                    "{}: {:?}",
                    record.error,
                    text::quoted(record.text().as_bytes())
                ),
            };
            let code = code_of(&record.error);
            findings.push(self.finding(code, what).at_line(line));
        }
    }

    /// What can be said of each record by itself, and of all of them together.
    fn check_texts(&self, findings: &mut Vec<Finding>) {
        let mut opted_out = None;
        let mut others = 0;
        let mut seen = HashSet::new();
        for record in self.records {
            let mut found = |code, what: String| {
                findings.push(self.finding(code, what).at_line(record.line));
            };
            if !seen.insert(record.rdata) {
                found(
                    Code::DuplicateRecord,
                    format!("{:?} is there already", shown(record.rdata)),
                );
                continue;
            }
            match text::seam(record.rdata) {
                Some(Seam::RunTogether(at)) => found(
                    Code::StringsRunTogether,
                    format!("two strings become {at:?}, one value"),
                ),
                Some(Seam::Space(at)) => found(
                    Code::SpaceAtBoundary,
                    format!("two strings become {at:?}, with the space"),
                ),
                None => {}
            }
            match Record::parse(record.rdata) {
                Ok(parsed) => {
                    match parsed.provider {
                        Provider::OptOut => opted_out = Some(record.line),
                        Provider::At { .. } => others += 1,
                    }
                    let account = parsed.account.as_ref().map(sotto_mimi::Account::as_str);
                    if let Some(account) = account.filter(|account| looks_like_phone(account)) {
                        found(
                            Code::AccountPhone,
                            format!("the account {account:?} looks like a phone number"),
                        );
                    }
                }
                Err(RecordError::NotMimi) => {
                    let joined = join_strings(record.rdata).unwrap_or_default();
                    let code = match text::near_miss(&joined) {
                        Some(NearMiss::Quotes) => Code::LiteralQuotes,
                        Some(NearMiss::Version) => Code::VersionMisspelt,
                        None => Code::NotMimi,
                    };
                    found(
                        code,
                        format!("{:?} is no MIMI record", text::quoted(&joined)),
                    );
                }
                Err(_) => others += 1,
            }
            let octets = join_strings(record.rdata).map_or(0, |text| text.len());
            if (limits::PUBLISHED_MAX_OCTETS + 1..=limits::ACCEPTED_MAX_OCTETS).contains(&octets) {
                found(Code::RecordLong, format!("the record has {octets} octets"));
            }
        }
        if let Some(line) = opted_out
            && others > 0
        {
            let what = format!("e=. stands beside {others} more, none of which counts");
            findings.push(self.finding(Code::OptOutBesideOthers, what).at_line(line));
        }
    }

    /// TTL, and octets of the whole.
    fn check_sizes(&self, findings: &mut Vec<Finding>) {
        let Some(longest) = self.records.iter().max_by_key(|record| record.ttl) else {
            return;
        };
        if longest.ttl > DEFAULT_TTL {
            let what = format!("the TTL is {} seconds, {}", longest.ttl, days(longest.ttl));
            findings.push(self.finding(Code::TtlOverDay, what).at_line(longest.line));
        }
        if let Some(other) = self.records.iter().find(|record| record.ttl != longest.ttl) {
            let what = format!("one record has TTL {}, another {}", other.ttl, longest.ttl);
            findings.push(self.finding(Code::TtlDiffers, what).at_line(other.line));
        }
        let octets: usize = self.records.iter().map(|record| record.rdata.len()).sum();
        if octets > RRSET_MAX_OCTETS {
            let what = format!(
                "the records have {octets} octets; with the chain around them they will not fit into 8,192"
            );
            findings.push(self.finding(Code::AnswerOverflow, what));
        }
    }

    /// Whether a provider is the domain itself.
    fn check_provider_is(&self, domain: Option<&Name>, findings: &mut Vec<Finding>) {
        let Some(domain) = domain.map(ToString::to_string) else {
            return;
        };
        let domain = domain.trim_end_matches('.');
        for record in self.records {
            if let Ok(Record {
                provider: Provider::At {
                    domain: provider, ..
                },
                ..
            }) = Record::parse(record.rdata)
                && provider.as_str().eq_ignore_ascii_case(domain)
            {
                let what = format!("e={provider} is the domain of the records itself");
                let finding = self.finding(Code::ProviderIsDomain, what);
                findings.push(finding.at_line(record.line));
            }
        }
    }

    /// TTL, sizes and providers of an answer, whose name is that of `domain`'s.
    pub(crate) fn check_around(&self, domain: Option<&Name>, findings: &mut Vec<Finding>) {
        self.check_sizes(findings);
        self.check_provider_is(domain, findings);
    }

    fn finding(&self, code: Code, what: impl Into<String>) -> Finding {
        let first = self.records.first().and_then(|record| record.line);
        Finding::of(code, self.name, what)
            .with_type(self.rtype)
            .at_line(first)
    }
}

/// The beginning of a record's text.
fn shown(rdata: &[u8]) -> String {
    text::quoted(&join_strings(rdata).unwrap_or_default())
}

/// Seconds as days and hours.
fn days(seconds: u32) -> String {
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3_600);
    let days_word = if days == 1 { "day" } else { "days" };
    match hours {
        0 => format!("{days} {days_word}"),
        hours => format!("{days} {days_word} and {hours} h"),
    }
}

/// The finding for a record that clients drop.
const fn code_of(error: &RecordError) -> Code {
    match error {
        RecordError::NotMimi => Code::NotMimi,
        RecordError::TooLong(_) => Code::RecordTooLong,
        RecordError::Syntax => Code::RecordSyntax,
        RecordError::DuplicateTag(_) => Code::RecordDuplicateTag,
        RecordError::NoProvider => Code::RecordNoProvider,
        RecordError::Empty(_) => Code::RecordEmptyTag,
        RecordError::Percent(_) => Code::RecordPercent,
        RecordError::BadHex => Code::RecordBadHex,
        RecordError::NotUtf8 => Code::RecordNotUtf8,
        RecordError::Control(_) => Code::RecordControl,
        RecordError::LongAccount(_) => Code::RecordLongAccount,
        RecordError::Preference(_) => Code::RecordPreference,
        RecordError::Provider(_) => Code::RecordProvider,
        RecordError::Port(_) => Code::RecordPort,
        RecordError::SpecialUse(_) => Code::RecordSpecialUse,
        RecordError::AccountInWildcard => Code::RecordAccountInWildcard,
        RecordError::NoAccountForHost => Code::RecordNoAccountForHost,
        RecordError::BeyondLimit => Code::RecordBeyondLimit,
    }
}
