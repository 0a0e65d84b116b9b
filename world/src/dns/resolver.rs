//! A stand-in for a recursive resolver: from the root down, server by server, aliases included.
//!
//! It does not validate, as a gateway's resolver need not: CD is set in every question it gets.

use std::collections::BTreeMap;

use domain::base::iana::{Rcode, Rtype};

use super::Name;
use super::responder::{Entry, Kind, answer};
use super::zone::Zone;

/// Aliases followed for one question; BIND's limit is 16, Unbound's 11.
const MAX_ALIASES: usize = 11;

/// Zones descended for one question: more labels than any name of the world has.
const MAX_REFERRALS: usize = 16;

/// The authorities of the world by host name, and what the resolver lies about.
#[derive(Default)]
pub struct Internet {
    servers: BTreeMap<Name, Vec<Zone>>,
    root_server: Option<Name>,
    lies: Vec<Lie>,
}

/// Something a dishonest resolver, or somebody between it and the authority, puts in place of an
/// RRset. The signatures stay as they are: it has no key.
#[derive(Clone, Debug)]
pub struct Lie {
    /// The owner whose RRset is replaced.
    pub owner: Name,
    /// Its type.
    pub rtype: Rtype,
    /// What is put there.
    pub rdatas: Vec<Vec<u8>>,
}

/// What the resolver found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// NOERROR, NXDOMAIN, or SERVFAIL if an authority could not be asked.
    pub rcode: Rcode,
    /// The aliases in order, then the RRset asked for.
    pub answer: Vec<Entry>,
    /// SOA and every record of denial on the way.
    pub authority: Vec<Entry>,
    /// The hosts asked, in order.
    pub asked: Vec<Name>,
}

impl Resolution {
    /// No more than a response code.
    pub(super) fn empty(rcode: Rcode) -> Self {
        Self {
            rcode,
            answer: Vec::new(),
            authority: Vec::new(),
            asked: Vec::new(),
        }
    }
}

impl Internet {
    /// An internet without a server.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets `host` serve `zone`; the host of the root zone is where every resolution starts.
    pub fn serve(&mut self, host: Name, zone: Zone) {
        if zone.apex().is_root() {
            self.root_server = Some(host.clone());
        }
        self.servers.entry(host).or_default().push(zone);
    }

    /// Makes the resolver lie.
    pub fn lie(&mut self, lie: Lie) {
        self.lies.push(lie);
    }

    /// Every zone, in the order of their servers' names.
    pub fn zones(&self) -> impl Iterator<Item = &Zone> {
        self.servers.values().flatten()
    }

    /// Resolves one question.
    #[must_use]
    pub fn resolve(&self, qname: &Name, qtype: Rtype) -> Resolution {
        let mut resolution = Resolution::empty(Rcode::NOERROR);
        let mut wanted = qname.clone();
        for _ in 0..=MAX_ALIASES {
            match self.descend(&wanted, qtype, &mut resolution) {
                Some(Kind::Alias(target)) => wanted = target,
                Some(kind) => {
                    resolution.rcode = kind.rcode();
                    self.tell_lies(&mut resolution);
                    return resolution;
                }
                None => break,
            }
        }
        Resolution {
            asked: resolution.asked,
            ..Resolution::empty(Rcode::SERVFAIL)
        }
    }

    /// Follows delegations from the root until an authority has an answer, and keeps that;
    /// `None` if no authority could be asked.
    fn descend(&self, qname: &Name, qtype: Rtype, resolution: &mut Resolution) -> Option<Kind> {
        let mut host = self.root_server.clone()?;
        for _ in 0..MAX_REFERRALS {
            resolution.asked.push(host.clone());
            let zone = best_zone(self.servers.get(&host)?, qname, qtype)?;
            let reply = answer(zone, qname, qtype);
            if let Kind::Referral { servers, .. } = &reply.kind {
                host = servers
                    .iter()
                    .find(|&server| self.servers.contains_key(server))?
                    .clone();
                continue;
            }
            resolution.answer.extend(reply.answer);
            for entry in reply.authority {
                if !resolution.authority.contains(&entry) {
                    resolution.authority.push(entry);
                }
            }
            return Some(reply.kind);
        }
        None
    }

    fn tell_lies(&self, resolution: &mut Resolution) {
        for entry in &mut resolution.answer {
            for lie in &self.lies {
                if lie.owner == entry.owner && lie.rtype == entry.rrset.rtype {
                    entry.rrset.rdatas.clone_from(&lie.rdatas);
                }
            }
        }
    }
}

/// The zone of a server that answers for `qname`: the deepest, but for DS the parent's.
fn best_zone<'a>(zones: &'a [Zone], qname: &Name, qtype: Rtype) -> Option<&'a Zone> {
    zones
        .iter()
        .filter(|zone| qname.ends_with(zone.apex()))
        .max_by_key(|zone| {
            let is_child_asked_for_ds = qtype == Rtype::DS && zone.apex() == qname;
            (!is_child_asked_for_ds, zone.apex().label_count())
        })
}
