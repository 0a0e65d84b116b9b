//! What nobody can prove: a server's own words, and the records of a chain that is missing or broken.

use std::collections::BTreeSet;

use sotto_proof::message::{Response, rcode};
use sotto_proof::rdata::Rrsig;
use sotto_proof::{Name, RecordType};

use super::super::keys::{ds_lines, rdatas};
use super::super::rrset::Rr;
use super::super::signatures::Times;
use super::super::{Code, Finding};
use super::seen::Seen;
use super::{Live, Unknown, dname};
use crate::update::rcode_name;

impl Live<'_> {
    /// Records that nobody can prove: what they say is looked at all the same, to mend both at once.
    pub(super) fn as_seen(
        &self,
        name: &Name,
        seen: &Seen<'_>,
        findings: &mut Vec<Finding>,
        unknown: &mut Vec<Unknown>,
    ) {
        let rrs: Vec<Rr<'_>> = seen
            .records
            .iter()
            .map(|record| Rr {
                rdata: &record.rdata,
                ttl: record.ttl,
                line: None,
            })
            .collect();
        if rrs.is_empty() {
            return;
        }
        self.records(name, &seen.at, &rrs, &seen.path, findings);
        if !seen.is_signed {
            unknown.push(Unknown {
                what: format!("whether the records stand at {} itself", seen.at),
                why: "a wildcard may have made them: only signatures tell, and there are none"
                    .to_owned(),
                lines: Vec::new(),
                is_askable: false,
            });
        }
    }

    /// What an authoritative server says, without the chain above it.
    pub(super) fn unproved(
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
        let seen = Seen::follow(&response.answer, name, self.rtype);
        for (owner, rtype) in &seen.aliases {
            if *rtype == RecordType::DNAME {
                findings.extend(dname(owner, &response.answer));
            }
        }
        match response.rcode {
            rcode::NOERROR | rcode::NXDOMAIN => {}
            other => {
                let what = format!("the server answers with {}", rcode_name(other));
                findings.push(Finding::of(Code::NoAnswer, name, what).with_type(self.rtype));
                return;
            }
        }
        if !seen.records.is_empty() {
            self.as_seen(name, &seen, findings, unknown);
        } else if let Some((owner, rtype)) = seen.aliases.last() {
            let alias = format!("{rtype} at {owner} makes the name an alias of {}", seen.at);
            if response.rcode == rcode::NXDOMAIN {
                let what = format!("{alias}, which does not exist");
                findings.push(Finding::of(Code::NoRecord, name, what).with_type(self.rtype));
            } else {
                unknown.push(Unknown {
                    what: format!("what {} says", seen.at),
                    why: format!("{alias}, for which the server does not answer"),
                    lines: Vec::new(),
                    is_askable: true,
                });
            }
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
                is_askable: true,
            }),
            _ if signatures.is_empty() => {
                let what = "the server gives no signatures with its answer";
                findings.push(Finding::of(Code::Unsigned, name, what));
            }
            _ => unknown.push(Unknown {
                what: "whether the parent vouches for the zone's keys".to_owned(),
                why: why.to_owned(),
                lines: Vec::new(),
                is_askable: true,
            }),
        }
    }
}
