//! A zone file, a line at a time.

mod entry;
mod lines;
mod node;

use std::collections::{BTreeMap, HashSet};

use sotto_mimi::{ProviderPolicy, Record, RecordError};
use sotto_proof::rdata::{Nsec, Rrsig};
use sotto_proof::{Name, RecordType};

use self::entry::{Entries, Entry, Head, Kind, seconds};
use self::lines::Lines;
use self::node::Node;
use super::place::{Place, mimi_domain, without_doubled_suffix};
use super::report::Collector;
use super::signatures::Times;
use super::{Code, Finding, Report};

/// Additional iterations of NSEC3 above which validators give up (RFC 9276 section 3.2).
const ITERATIONS_MAX: u16 = 100;

/// Files that may be open one within the other: a file that includes itself would never end.
pub const INCLUDE_DEPTH_MAX: usize = 8;

/// Files that one zone file may include, counted as often as they are: together with [`INCLUDE_DEPTH_MAX`] the end of
/// files that include each other again and again.
pub const INCLUDES_MAX: usize = 1_000;

/// What a check of a zone file has to know besides.
#[derive(Clone, Debug)]
pub struct ZoneOptions {
    /// The name of the zone, where the file does not say it.
    pub origin: Option<Name>,
    /// Which domains can be providers.
    pub policy: ProviderPolicy,
    /// The private-use number of the type MIMI.
    pub mimi_type: RecordType,
    /// The time at which signatures are to hold, Unix seconds.
    pub now: u64,
}

/// A check of one zone file.
///
/// Lines go in, in their order; [`ZoneCheck::finish`] gives the report. Where a line asks for another file
/// ([`ZoneCheck::line`]), [`ZoneCheck::enter`] and [`ZoneCheck::leave`] enclose the lines of that file. What is kept of the file is what stands at and
/// below `_mimi` labels, and the owners of delegations.
#[derive(Debug)]
pub struct ZoneCheck {
    options: ZoneOptions,
    entries: Entries,
    lines: Lines,
    /// The files around the one that is being read.
    outer: Vec<Outer>,
    /// The file that the last line asked for.
    wanted: Option<Wanted>,
    origin: Option<Name>,
    ttl: Option<u32>,
    last_ttl: Option<u32>,
    last_owner: Option<Name>,
    apex: Option<Name>,
    nodes: BTreeMap<Name, Node>,
    /// NS and DNAME: what hands names over to somebody else.
    cuts: BTreeMap<Name, (RecordType, u64)>,
    wildcards: Vec<(Name, RecordType, u64)>,
    nsec: Option<u64>,
    nsec3: Option<u64>,
    signed: Signed,
    collector: Collector,
}

/// A file that waits for the end of one that it includes.
#[derive(Debug)]
struct Outer {
    entries: Entries,
    place: (Option<usize>, u64),
    origin: Option<Name>,
    last_owner: Option<Name>,
}

/// A file that a line asks for.
#[derive(Debug)]
struct Wanted {
    file: String,
    line: u64,
    origin: Option<Name>,
}

/// What was seen of the signatures of RRsets that matter.
#[derive(Debug, Default)]
struct Signed {
    /// Whether there is any.
    any: bool,
    /// What they cover of the RRsets that matter.
    covered: HashSet<(Name, RecordType)>,
    /// By what is wrong: the first that has it, and how many do.
    troubles: BTreeMap<Code, (Finding, u64)>,
}

impl ZoneCheck {
    /// Begins a check.
    #[must_use]
    pub fn new(options: ZoneOptions) -> Self {
        Self {
            origin: options.origin.clone(),
            options,
            entries: Entries::default(),
            lines: Lines::new(),
            outer: Vec::new(),
            wanted: None,
            ttl: None,
            last_ttl: None,
            last_owner: None,
            apex: None,
            nodes: BTreeMap::new(),
            cuts: BTreeMap::new(),
            wildcards: Vec::new(),
            nsec: None,
            nsec3: None,
            signed: Signed::default(),
            collector: Collector::default(),
        }
    }

    /// Takes the next line of the file, with or without its line break. Gives the file that it asks for, if it does
    /// (`$INCLUDE`): whoever does not [enter](Self::enter) that one leaves it unchecked, which is a finding.
    pub fn line(&mut self, line: &[u8]) -> Option<&str> {
        self.refuse("is not followed");
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let at = self.lines.next();
        match self.entries.line(at, line) {
            Some((_, Ok(entry))) => self.entry(&entry),
            Some((number, Err(problem))) => self.syntax(number, problem.as_str().to_owned()),
            None => {}
        }
        self.wanted.as_ref().map(|wanted| wanted.file.as_str())
    }

    /// Takes what comes next for the lines of the file that was asked for.
    pub fn enter(&mut self) {
        let Some(wanted) = self.wanted.take() else {
            return;
        };
        self.outer.push(Outer {
            entries: std::mem::take(&mut self.entries),
            place: self.lines.here(),
            origin: self.origin.clone(),
            last_owner: self.last_owner.clone(),
        });
        self.lines.enter(wanted.file);
        self.origin = wanted.origin;
    }

    /// Ends the file that was entered last. What it says of the origin ends with it (RFC 1035 section 5.1).
    pub fn leave(&mut self) {
        self.refuse("is not followed");
        self.end_of_file();
        if let Some(outer) = self.outer.pop() {
            self.entries = outer.entries;
            self.origin = outer.origin;
            self.last_owner = outer.last_owner;
            self.lines.back_to(outer.place);
        }
    }

    /// Leaves the file that was asked for unchecked; `why` says what became of it, as in "cannot be read".
    pub fn refuse(&mut self, why: &str) {
        if let Some(Wanted { file, line, .. }) = self.wanted.take() {
            let what = format!("$INCLUDE of {file:?} {why}: what it adds is not checked");
            let finding = Finding::of_file(Code::ZoneInclude, what);
            self.collector.push(finding.at_line(line));
        }
    }

    fn include(&mut self, file: &str, origin: Option<&str>, line: u64) -> Result<(), Finding> {
        let origin = match origin {
            Some(text) => Some(self.absolute(text)?),
            None => self.origin.clone(),
        };
        self.wanted = Some(Wanted {
            file: file.to_owned(),
            line,
            origin,
        });
        if self.outer.len() >= INCLUDE_DEPTH_MAX {
            self.refuse(&format!("is more than {INCLUDE_DEPTH_MAX} files deep"));
        } else if self.lines.included() >= INCLUDES_MAX {
            self.refuse(&format!("is one more than {INCLUDES_MAX}"));
        }
        Ok(())
    }

    fn end_of_file(&mut self) {
        if let Some((line, problem)) = std::mem::take(&mut self.entries).end() {
            self.syntax(line, problem.as_str().to_owned());
        }
    }

    fn entry(&mut self, entry: &Entry) {
        match entry.read() {
            Ok(Kind::Origin(text)) => match self.absolute(text) {
                Ok(name) => self.origin = Some(name),
                Err(finding) => self.collector.push(finding.at_line(entry.line)),
            },
            Ok(Kind::Ttl(text)) => match seconds(text) {
                Some(ttl) => self.ttl = Some(ttl),
                None => self.syntax(entry.line, format!("{text:?} is no TTL")),
            },
            Ok(Kind::Include(file, origin)) => {
                if let Err(finding) = self.include(file, origin, entry.line) {
                    self.collector.push(finding.at_line(entry.line));
                }
            }
            Ok(Kind::Directive(directive)) => {
                let what = format!("{directive} is not followed: what it adds is not checked");
                let finding = Finding::of_file(Code::ZoneInclude, what);
                self.collector.push(finding.at_line(entry.line));
            }
            Ok(Kind::Record(head)) => {
                if let Err(finding) = self.record(&head, entry.line) {
                    self.collector.push(finding.at_line(entry.line));
                }
            }
            Err(problem) => self.syntax(entry.line, problem),
        }
    }

    /// Takes one record.
    fn record(&mut self, head: &Head<'_>, line: u64) -> Result<(), Finding> {
        let owner = match head.owner {
            Some(text) => self.absolute(text)?,
            None => self.last_owner.clone().ok_or_else(|| {
                Finding::of_file(
                    Code::ZoneSyntax,
                    "the line begins with a blank, and no record stands before it",
                )
            })?,
        };
        self.last_owner = Some(owner.clone());
        // RFC 2308 section 4: $TTL for those without; before there was one, the last stated.
        let ttl = head.ttl.or(self.ttl).or(self.last_ttl).unwrap_or(0);
        self.last_ttl = head.ttl.or(self.last_ttl);

        let rtype = head.rtype;
        match rtype {
            RecordType::SOA => self.apex = self.apex.take().or_else(|| Some(owner.clone())),
            RecordType::NS | RecordType::DNAME => {
                self.cuts.entry(owner.clone()).or_insert((rtype, line));
            }
            _ => {}
        }
        let is_text = rtype == RecordType::TXT || rtype == self.options.mimi_type;
        let is_mimi = mimi_domain(&owner).is_some();
        let origin = self.origin.clone().unwrap_or_else(Name::root);
        let rdata = || {
            head.rdata(&origin)
                .map_err(|reason| Finding::of(Code::ZoneSyntax, &owner, reason).with_type(rtype))
        };
        if owner.is_wildcard() && !is_mimi {
            let speaks = match rtype {
                RecordType::CNAME => true,
                _ if is_text => Record::parse(&rdata()?) != Err(RecordError::NotMimi),
                _ => false,
            };
            if speaks {
                self.wildcards.push((owner.clone(), rtype, line));
            }
        }
        if rtype == RecordType::RRSIG {
            self.signed.any = true;
            let covered = head.first().and_then(|word| word.parse().ok());
            if let Some(covered) =
                covered.filter(|covered| is_mimi || *covered == self.options.mimi_type)
            {
                self.signed.covered.insert((owner.clone(), covered));
            }
        }
        match rtype {
            RecordType::NSEC if self.nsec.is_none() => {
                let rdata = rdata()?;
                if Nsec::parse(&rdata).is_some_and(|nsec| lists_names(&owner, &nsec)) {
                    self.nsec = Some(line);
                }
            }
            RecordType::NSEC3 => self.nsec3 = self.nsec3.or(Some(line)),
            RecordType::NSEC3PARAM => {
                let rdata = rdata()?;
                if let [_, _, high, low, ..] = rdata[..]
                    && u16::from_be_bytes([high, low]) > ITERATIONS_MAX
                {
                    let iterations = u16::from_be_bytes([high, low]);
                    let what = format!("names are hashed {iterations} additional times");
                    let finding = Finding::of(Code::TooManyIterations, &owner, what);
                    self.collector.push(finding.with_type(rtype).at_line(line));
                }
            }
            RecordType::RRSIG if is_mimi || self.apex.as_ref() == Some(&owner) => {
                let rdata = rdata()?;
                self.signature(&owner, &rdata, line);
            }
            _ => {}
        }
        let is_private = rtype == self.options.mimi_type && !owner.is_wildcard();
        if (is_mimi || is_private) && !matches!(rtype, RecordType::RRSIG | RecordType::NSEC) {
            let rdata = if is_text { Some(rdata()?) } else { None };
            let node = self.nodes.entry(owner).or_default();
            node.add(rtype, ttl, line, rdata);
        }
        Ok(())
    }

    fn signature(&mut self, owner: &Name, rdata: &[u8], line: u64) {
        let Some(rrsig) = Rrsig::parse(rdata) else {
            return;
        };
        let times = Times::around(rrsig.inception, rrsig.expiration, self.options.now);
        for (code, what) in times.judge(self.options.now, rrsig.original_ttl) {
            let what = format!("the signatures {what}");
            let finding = Finding::of(code, owner, what)
                .with_type(rrsig.covered)
                .at_line(line);
            let trouble = self.signed.troubles.entry(code).or_insert((finding, 0));
            trouble.1 += 1;
        }
    }

    /// The name that `text` means here.
    fn absolute(&self, text: &str) -> Result<Name, Finding> {
        let no_origin = || {
            let what = format!("{text:?} is relative, and no origin is known yet");
            Finding::of_file(Code::ZoneNoOrigin, what)
        };
        if text == "@" {
            return self.origin.clone().ok_or_else(no_origin);
        }
        let refused = |error: sotto_proof::NameError| {
            Finding::of_file(
                Code::ZoneSyntax,
                format!("the name {text:?} is refused: {error}"),
            )
        };
        let name: Name = text.parse().map_err(refused)?;
        if is_absolute(text) {
            return Ok(name);
        }
        let origin = self.origin.as_ref().ok_or_else(no_origin)?;
        match name.rebase(&Name::root(), origin) {
            Some(name) => name.map_err(refused),
            None => Ok(name),
        }
    }

    fn syntax(&mut self, line: u64, problem: String) {
        let finding = Finding::of_file(Code::ZoneSyntax, problem);
        self.collector.push(finding.at_line(line));
    }

    /// Ends the check.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.refuse("is not followed");
        self.end_of_file();
        let apex = self.apex.clone().or_else(|| self.origin.clone());
        let nodes = std::mem::take(&mut self.nodes);
        self.collector.count_names(nodes.len() as u64);
        let mut has_mailboxes = false;
        for (name, node) in &nodes {
            has_mailboxes |= matches!(Place::of(name), Place::Mailbox(_));
            for rdata in node.rdatas() {
                self.collector.provider_of(rdata);
            }
            let mut findings = Vec::new();
            let misplaced = apex
                .as_ref()
                .and_then(|apex| self.misplaced(name, node, apex));
            match misplaced {
                // Where the name is wrong, what it is for is wrong as well.
                Some(finding) => findings.push(finding),
                None => {
                    node.check(name, &self.options, &self.lines, &mut findings);
                    self.check_covered(name, node, &mut findings);
                }
            }
            self.collector.extend(findings);
        }
        if nodes.is_empty() {
            let what = "nothing in the file is for MIMI";
            self.collector
                .push(Finding::of_file(Code::ZoneWithoutRecords, what));
        }
        self.around(apex.as_ref(), has_mailboxes);
        let mut report = self.collector.finish();
        report.is_signed = Some(self.signed.any);
        for finding in &mut report.findings {
            if let Some(at) = finding.line {
                let (file, line) = self.lines.resolve(at);
                finding.file = file.map(Into::into);
                finding.line = Some(line);
            }
        }
        report
    }

    /// In a zone that is signed, every RRset has to be.
    fn check_covered(&self, name: &Name, node: &Node, findings: &mut Vec<Finding>) {
        if !self.signed.any {
            return;
        }
        for (rtype, line) in node.text_types() {
            if !self.signed.covered.contains(&(name.clone(), rtype)) {
                let what = "the records have no signature, though the zone is signed";
                let finding = Finding::of(Code::Unsigned, name, what).with_remedy(
                    "have the zone signed anew, and load what the signer writes: records added by hand behind it are not covered",
                );
                findings.push(finding.with_type(rtype).at_line(line));
            }
        }
    }

    /// A name outside the zone, with its suffix twice, or handed over to somebody else.
    fn misplaced(&self, name: &Name, node: &Node, apex: &Name) -> Option<Finding> {
        let line = node.line();
        if !name.is_at_or_below(apex) {
            let what = format!("the name lies outside the zone {apex}");
            return Some(Finding::of(Code::ZoneOutside, name, what).at_line(line));
        }
        if let Some(meant) = without_doubled_suffix(name, apex) {
            let what = format!("the name ends with {apex} twice; meant was {meant}");
            return Some(Finding::of(Code::DoubledSuffix, name, what).at_line(line));
        }
        let above = (apex.label_count() + 1..=name.label_count()).map(|count| name.ancestor(count));
        for ancestor in above {
            let Some((rtype, at)) = self.cuts.get(&ancestor) else {
                continue;
            };
            // A delegation takes its own name along; a DNAME does not.
            let is_hidden = match *rtype {
                RecordType::NS => node.is_more_than_a_cut(),
                _ => name != &ancestor,
            };
            if is_hidden {
                let what = format!(
                    "{ancestor} {rtype} in {} hands the name over to somebody else",
                    self.lines.say(*at)
                );
                return Some(Finding::of(Code::Occluded, name, what).at_line(line));
            }
        }
        None
    }

    /// What concerns the zone rather than one name of it.
    fn around(&mut self, apex: Option<&Name>, has_mailboxes: bool) {
        for (name, (rtype, line)) in &self.cuts {
            if mimi_domain(name).is_none() || Some(name) == apex {
                continue;
            }
            let (code, what) = match *rtype {
                RecordType::NS => (
                    Code::MimiDelegated,
                    "the name and everything below it is delegated",
                ),
                _ => (
                    Code::MimiDname,
                    "everything below the name is looked up elsewhere",
                ),
            };
            let finding = Finding::of(code, name, what).with_type(*rtype);
            self.collector.push(finding.at_line(*line));
        }
        for (name, rtype, line) in std::mem::take(&mut self.wildcards) {
            let what =
                "the wildcard stands above _mimi and answers for every name that does not exist";
            let finding = Finding::of(Code::WildcardUnrelated, &name, what).with_type(rtype);
            self.collector.push(finding.at_line(line));
        }
        for (_, (mut finding, count)) in std::mem::take(&mut self.signed.troubles) {
            if count > 1 {
                finding.what = format!("{} ({count} in all; this is the first)", finding.what);
            }
            self.collector.push(finding);
        }
        let zone = |code, what: &str, line: u64| {
            let finding = match apex {
                Some(apex) => Finding::of(code, apex, what),
                None => Finding::of_file(code, what),
            };
            finding.at_line(line)
        };
        if has_mailboxes {
            if let Some(line) = self.nsec {
                let what = "NSEC lists every name, so the hash of every mailbox";
                self.collector.push(zone(Code::NsecListsNames, what, line));
            } else if let Some(line) = self.nsec3 {
                let what = "NSEC3 hashes the names, which can be collected and guessed";
                self.collector.push(zone(Code::Nsec3Guessable, what, line));
            }
        }
    }
}

/// Whether text ends with a dot that is not escaped.
fn is_absolute(text: &str) -> bool {
    text.strip_suffix('.').is_some_and(|rest| {
        let slashes = rest
            .bytes()
            .rev()
            .take_while(|octet| *octet == b'\\')
            .count();
        slashes % 2 == 0
    })
}

/// Whether an NSEC leads to another name of its zone, rather than to one made up for the answer (RFC 4470, RFC 9824).
pub(super) fn lists_names(owner: &Name, nsec: &Nsec<'_>) -> bool {
    let is_made_up = nsec.next.is_below(owner)
        && nsec
            .next
            .labels()
            .next()
            .is_some_and(|label| label == b"\0");
    !is_made_up && !nsec.types.contains(RecordType::NXNAME)
}
