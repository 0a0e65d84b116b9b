//! A zone: its names, its keys, its signatures and its chain of denial.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;
use domain::utils::base32;

use super::signer::{Algorithm, Role, SigningKey, Window, nsec3_hash};
use super::{DnsError, Name, rdata, suffixes, type_bitmap};

/// Seconds that positive records of the world live.
pub const TTL: u32 = 3_600;

/// Seconds that denials live: the SOA's minimum (RFC 2308, RFC 9077).
pub const NEGATIVE_TTL: u32 = 300;

/// The serial number of every zone: the world never changes a zone that it has signed.
const SERIAL: u32 = 1;

/// The flag of an NSEC3 record that lets unsigned delegations out of the chain.
const OPT_OUT: u8 = 1;

/// One RRset and the signatures over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    /// The type.
    pub rtype: Rtype,
    /// Seconds.
    pub ttl: u32,
    /// RDATA, in canonical order and without duplicates (RFC 4034 section 6.3).
    pub rdatas: Vec<Vec<u8>>,
    /// RDATA of the RRSIG records that cover this RRset.
    pub signatures: Vec<Vec<u8>>,
}

impl Rrset {
    pub(super) fn new(rtype: Rtype, ttl: u32, rdata: Vec<u8>) -> Self {
        Self {
            rtype,
            ttl,
            rdatas: vec![rdata],
            signatures: Vec::new(),
        }
    }

    fn insert(&mut self, rdata: Vec<u8>) {
        if let Err(place) = self.rdatas.binary_search(&rdata) {
            self.rdatas.insert(place, rdata);
        }
    }
}

/// How a zone denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// NSEC (RFC 4034).
    Nsec,
    /// NSEC3 without salt or extra iterations (RFC 5155, RFC 9276).
    Nsec3,
    /// NSEC3 with the opt-out flag, as large TLDs use it: unsigned delegations are left out.
    Nsec3OptOut,
}

/// The keys of a zone.
pub struct ZoneKeys {
    entry: SigningKey,
    zone: Option<SigningKey>,
}

impl ZoneKeys {
    /// One key for everything.
    ///
    /// # Errors
    ///
    /// [`DnsError::Crypto`] if the library refuses.
    pub fn combined(algorithm: Algorithm) -> Result<Self, DnsError> {
        let entry = SigningKey::generate(algorithm, Role::SecureEntryPoint)?;
        Ok(Self { entry, zone: None })
    }

    /// A key that the parent or the client knows, and another that signs the zone.
    ///
    /// # Errors
    ///
    /// [`DnsError::Crypto`] if the library refuses.
    pub fn split(algorithm: Algorithm) -> Result<Self, DnsError> {
        let zone = Some(SigningKey::generate(algorithm, Role::ZoneSigning)?);
        Ok(Self {
            zone,
            ..Self::combined(algorithm)?
        })
    }

    /// The key that the parent's DS or a client's trust anchor names.
    #[must_use]
    pub fn entry(&self) -> &SigningKey {
        &self.entry
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.entry).chain(&self.zone)
    }

    fn signer_of(&self, rtype: Rtype) -> &SigningKey {
        match &self.zone {
            Some(key) if rtype != Rtype::DNSKEY => key,
            _ => &self.entry,
        }
    }
}

/// A zone being written: records go in, [`ZoneBuilder::sign`] turns it into a [`Zone`].
pub struct ZoneBuilder {
    apex: Name,
    negative_ttl: u32,
    nodes: BTreeMap<Name, BTreeMap<Rtype, Rrset>>,
}

impl ZoneBuilder {
    /// A zone with its SOA and one NS, the host `primary`.
    #[must_use]
    pub fn new(apex: Name, primary: &Name) -> Self {
        let soa = rdata::soa(&apex, primary, SERIAL, NEGATIVE_TTL);
        let apex_sets = [
            Rrset::new(Rtype::SOA, TTL, soa),
            Rrset::new(Rtype::NS, TTL, rdata::target(primary)),
        ];
        let node = apex_sets
            .into_iter()
            .map(|rrset| (rrset.rtype, rrset))
            .collect();
        Self {
            nodes: BTreeMap::from([(apex.clone(), node)]),
            negative_ttl: NEGATIVE_TTL,
            apex,
        }
    }

    /// Has denials live for so many seconds in place of [`NEGATIVE_TTL`]. The zone's primary is the host `primary`.
    #[must_use]
    pub fn with_negative_ttl(mut self, seconds: u32, primary: &Name) -> Self {
        let soa = rdata::soa(&self.apex, primary, SERIAL, seconds);
        if let Some(node) = self.nodes.get_mut(&self.apex) {
            node.insert(Rtype::SOA, Rrset::new(Rtype::SOA, TTL, soa));
        }
        self.negative_ttl = seconds;
        self
    }

    /// The zone's name.
    #[must_use]
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Adds one record.
    ///
    /// # Errors
    ///
    /// [`DnsError::OutOfZone`] if `owner` does not lie at or below the apex.
    pub fn add(&mut self, owner: Name, rtype: Rtype, rdata: Vec<u8>) -> Result<(), DnsError> {
        if !owner.ends_with(&self.apex) {
            return Err(DnsError::OutOfZone {
                owner,
                apex: self.apex.clone(),
            });
        }
        self.nodes
            .entry(owner)
            .or_default()
            .entry(rtype)
            .and_modify(|rrset| rrset.insert(rdata.clone()))
            .or_insert_with(|| Rrset::new(rtype, TTL, rdata));
        Ok(())
    }

    /// Hands the zone out as it is, without a signature.
    #[must_use]
    pub fn unsigned(self) -> Zone {
        Zone {
            apex: self.apex,
            negative_ttl: self.negative_ttl,
            nodes: self.nodes,
            denial: None,
            nsec3: BTreeMap::new(),
        }
    }

    /// Adds the keys, the chain of denial and the signatures.
    ///
    /// # Errors
    ///
    /// [`DnsError::Crypto`] if the library refuses to sign.
    pub fn sign(
        mut self,
        keys: &ZoneKeys,
        denial: Denial,
        window: Window,
    ) -> Result<Zone, DnsError> {
        for key in keys.all() {
            self.add(self.apex.clone(), Rtype::DNSKEY, key.dnskey().to_vec())?;
        }
        if denial != Denial::Nsec {
            // SHA-1, no flags, no iterations, no salt.
            self.add(self.apex.clone(), Rtype::NSEC3PARAM, vec![1, 0, 0, 0, 0])?;
        }
        let mut zone = self.unsigned();
        zone.denial = Some(denial);
        match denial {
            Denial::Nsec => zone.chain_nsec(),
            Denial::Nsec3 => zone.chain_nsec3(0)?,
            Denial::Nsec3OptOut => zone.chain_nsec3(OPT_OUT)?,
        }
        zone.sign_all(keys, window)?;
        Ok(zone)
    }
}

/// A zone as its authority serves it.
pub struct Zone {
    apex: Name,
    negative_ttl: u32,
    nodes: BTreeMap<Name, BTreeMap<Rtype, Rrset>>,
    denial: Option<Denial>,
    /// The NSEC3 chain by hash, with each record's owner name.
    nsec3: BTreeMap<[u8; 20], (Name, Rrset)>,
}

impl Zone {
    /// The zone's name.
    #[must_use]
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Seconds that its denials live.
    pub(super) fn negative_ttl(&self) -> u32 {
        self.negative_ttl
    }

    /// How the zone denies; `None` if it is not signed.
    #[must_use]
    pub fn denial(&self) -> Option<Denial> {
        self.denial
    }

    /// Every RRset with its owner: the zone in canonical order, then the NSEC3 chain.
    pub fn rrsets(&self) -> impl Iterator<Item = (&Name, &Rrset)> {
        let plain = self
            .nodes
            .iter()
            .flat_map(|(owner, node)| node.values().map(move |rrset| (owner, rrset)));
        plain.chain(self.nsec3.values().map(|(owner, rrset)| (owner, rrset)))
    }

    pub(super) fn rrset(&self, owner: &Name, rtype: Rtype) -> Option<&Rrset> {
        self.nodes.get(owner)?.get(&rtype)
    }

    /// Whether `name` owns a record or lies above a name that does (RFC 8020: an empty
    /// non-terminal exists).
    pub(super) fn exists(&self, name: &Name) -> bool {
        // In canonical order what lies below a name follows it directly.
        self.nodes
            .range(name.clone()..)
            .next()
            .is_some_and(|(found, _)| found.ends_with(name))
    }

    /// The NSEC record at `name`, or else the one that covers it, with its owner.
    pub(super) fn nsec_for(&self, name: &Name) -> Option<(&Name, &Rrset)> {
        self.nodes
            .range(..=name.clone())
            .rev()
            .find_map(|(owner, node)| Some((owner, node.get(&Rtype::NSEC)?)))
    }

    /// The NSEC3 record whose hash is that of `name`.
    pub(super) fn nsec3_matching(&self, name: &Name) -> Option<(&Name, &Rrset)> {
        let (owner, rrset) = self.nsec3.get(&nsec3_hash(name))?;
        Some((owner, rrset))
    }

    /// The NSEC3 record whose span covers the hash of `name`.
    pub(super) fn nsec3_covering(&self, name: &Name) -> Option<(&Name, &Rrset)> {
        let hash = nsec3_hash(name);
        let before = self.nsec3.range(..hash).next_back();
        let (_, (owner, rrset)) = before.or_else(|| self.nsec3.last_key_value())?;
        Some((owner, rrset))
    }

    /// Whether `name` is a delegation point: NS anywhere but at the apex.
    pub(super) fn is_cut(&self, name: &Name) -> bool {
        *name != self.apex && self.rrset(name, Rtype::NS).is_some()
    }

    /// Whether `name` lies below a delegation point, where the zone has only glue.
    fn is_glue(&self, name: &Name) -> bool {
        suffixes(name)
            .skip(1)
            .take_while(|ancestor| *ancestor != self.apex && ancestor.ends_with(&self.apex))
            .any(|ancestor| self.is_cut(&ancestor))
    }

    /// Whether this zone signs `rtype` at `owner`: not glue, and at a cut only DS and NSEC.
    fn is_authoritative(&self, owner: &Name, rtype: Rtype) -> bool {
        !self.is_glue(owner) && (!self.is_cut(owner) || matches!(rtype, Rtype::DS | Rtype::NSEC))
    }

    fn chain_nsec(&mut self) {
        let owners: Vec<Name> = self
            .nodes
            .keys()
            .filter(|name| !self.is_glue(name))
            .cloned()
            .collect();
        let next_owners = owners.iter().cycle().skip(1);
        for (owner, next) in owners.iter().zip(next_owners) {
            let Some(node) = self.nodes.get_mut(owner) else {
                continue;
            };
            let types = node.keys().copied().chain([Rtype::NSEC, Rtype::RRSIG]);
            let mut nsec = next.as_slice().to_vec();
            nsec.extend_from_slice(&type_bitmap(types));
            node.insert(
                Rtype::NSEC,
                Rrset::new(Rtype::NSEC, self.negative_ttl, nsec),
            );
        }
    }

    fn chain_nsec3(&mut self, flags: u8) -> Result<(), DnsError> {
        let mut names = BTreeSet::new();
        for owner in self.nodes.keys().filter(|name| !self.is_glue(name)) {
            let unsigned_cut = self.is_cut(owner) && self.rrset(owner, Rtype::DS).is_none();
            if flags & OPT_OUT != 0 && unsigned_cut {
                continue;
            }
            // Empty non-terminals have a place in the chain too (RFC 5155 section 7.1).
            names.extend(suffixes(owner).take_while(|name| name.ends_with(&self.apex)));
        }
        let mut hashed: Vec<([u8; 20], Name)> = names
            .into_iter()
            .map(|name| (nsec3_hash(&name), name))
            .collect();
        hashed.sort();
        let next_hashes = hashed.iter().map(|(hash, _)| *hash).cycle().skip(1);
        for ((hash, name), next) in hashed.iter().zip(next_hashes) {
            let mut nsec3 = vec![1, flags, 0, 0, 0, 20];
            nsec3.extend_from_slice(&next);
            nsec3.extend_from_slice(&type_bitmap(self.nsec3_types(name)));
            let owner = hashed_owner(hash, &self.apex)?;
            self.nsec3.insert(
                *hash,
                (owner, Rrset::new(Rtype::NSEC3, self.negative_ttl, nsec3)),
            );
        }
        Ok(())
    }

    fn nsec3_types(&self, name: &Name) -> Vec<Rtype> {
        let mut types: Vec<Rtype> = self
            .nodes
            .get(name)
            .into_iter()
            .flat_map(|node| node.keys().copied())
            .collect();
        if types
            .iter()
            .any(|rtype| self.is_authoritative(name, *rtype))
        {
            types.push(Rtype::RRSIG);
        }
        types
    }

    fn sign_all(&mut self, keys: &ZoneKeys, window: Window) -> Result<(), DnsError> {
        let mut nodes = self.nodes.clone();
        for (owner, node) in &mut nodes {
            for rrset in node.values_mut() {
                if self.is_authoritative(owner, rrset.rtype) {
                    let key = keys.signer_of(rrset.rtype);
                    let signature = key.rrsig(&self.apex, owner, rrset, window)?;
                    rrset.signatures.push(signature);
                }
            }
        }
        self.nodes = nodes;
        for (owner, rrset) in self.nsec3.values_mut() {
            let signature = keys
                .signer_of(Rtype::NSEC3)
                .rrsig(&self.apex, owner, rrset, window)?;
            rrset.signatures.push(signature);
        }
        Ok(())
    }
}

/// The owner of an NSEC3 record: the hash in base32 as the first label (RFC 5155 section 3).
fn hashed_owner(hash: &[u8; 20], apex: &Name) -> Result<Name, DnsError> {
    let label = base32::encode_string_hex(hash).to_lowercase();
    let mut wire = vec![label.len() as u8];
    wire.extend_from_slice(label.as_bytes());
    wire.extend_from_slice(apex.as_slice());
    Name::from_octets(wire).map_err(|_| DnsError::Name(label))
}
