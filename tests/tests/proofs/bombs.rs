//! Proofs made to cost, beside an honest one: none takes more work than ten of those.
//!
//! Work is counted in operations, not in seconds. The signer is the laboratory's, which shares no code with the verifier.

use std::fmt::Write;

use domain::base::iana::Rtype;
use domain::utils::base32;
use sotto_proof::{Anchors, Cost, Limits, Question, RecordType, Verdict, verify};
use sotto_world::dns::signer::{Algorithm, Role, SigningKey, Window};
use sotto_world::dns::zone::Rrset;
use sotto_world::dns::{Name, name, rdata};

/// How many invocations of SHA-1 take as long as one check of a P-256 signature does, or fewer: 50 us to 0.2 us.
const HASHES_PER_CHECK: usize = 200;

/// How much more than an honest proof a hostile one may cost.
const TIMES: usize = 10;

const NOW: u64 = 1_800_000_000;
const TTL: u32 = 300;
const WINDOW: Window = Window {
    inception: 1_799_000_000,
    expiration: 1_801_000_000,
};

/// Octets of a proof that is being written.
#[derive(Default)]
struct Draft(Vec<u8>);

impl Draft {
    fn record(&mut self, owner: &Name, rtype: Rtype, rdata: &[u8]) {
        self.0.extend_from_slice(owner.as_slice());
        self.0.extend_from_slice(&rtype.to_int().to_be_bytes());
        self.0.extend_from_slice(&1_u16.to_be_bytes());
        self.0.extend_from_slice(&TTL.to_be_bytes());
        let length = u16::try_from(rdata.len()).unwrap();
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(rdata);
    }
}

struct Zone {
    apex: Name,
    key: SigningKey,
    /// DNSKEY records beside the one that signs.
    others: Vec<Vec<u8>>,
}

impl Zone {
    fn new(apex: &str) -> Self {
        Self {
            apex: name(apex).unwrap(),
            key: SigningKey::generate(Algorithm::EcdsaP256, Role::SecureEntryPoint).unwrap(),
            others: Vec::new(),
        }
    }

    /// Writes an RRset that was signed as `source`, the owner itself or a wildcard; gives the RRSIG.
    fn expand(
        &self,
        draft: &mut Draft,
        owner: &Name,
        source: &Name,
        rtype: Rtype,
        mut rdatas: Vec<Vec<u8>>,
    ) -> Vec<u8> {
        rdatas.sort();
        for rdata in &rdatas {
            draft.record(owner, rtype, rdata);
        }
        let set = Rrset {
            rtype,
            ttl: TTL,
            rdatas,
            signatures: Vec::new(),
        };
        let rrsig = self.key.rrsig(&self.apex, source, &set, WINDOW).unwrap();
        draft.record(owner, Rtype::RRSIG, &rrsig);
        rrsig
    }

    fn sign(&self, draft: &mut Draft, owner: &Name, rtype: Rtype, rdata: Vec<u8>) -> Vec<u8> {
        self.expand(draft, owner, owner, rtype, vec![rdata])
    }

    fn keys(&self, draft: &mut Draft) {
        let mut keys = self.others.clone();
        keys.push(self.key.dnskey().to_vec());
        self.expand(draft, &self.apex, &self.apex, Rtype::DNSKEY, keys);
    }

    /// Writes the delegation to `child`, and the keys of that.
    fn delegate(&self, draft: &mut Draft, child: &Self) {
        self.sign(draft, &child.apex, Rtype::DS, child.key.ds(&child.apex));
        child.keys(draft);
    }
}

/// A root and a zone below it, with which every proof begins.
struct Top {
    root: Zone,
    tld: Zone,
}

impl Top {
    fn new() -> Self {
        Self {
            root: Zone::new("."),
            tld: Zone::new("test."),
        }
    }

    fn draft(&self) -> Draft {
        let mut draft = Draft::default();
        self.root.keys(&mut draft);
        self.root.delegate(&mut draft, &self.tld);
        draft
    }

    fn judge(&self, draft: &Draft, owner: &Name) -> (Verdict, Cost) {
        let mut anchor = ". DS".to_owned();
        let ds = self.root.key.ds(&self.root.apex);
        write!(anchor, " {} {} {} ", self.root.key.tag(), ds[2], ds[3]).unwrap();
        for octet in &ds[4..] {
            write!(anchor, "{octet:02x}").unwrap();
        }
        let question = Question {
            name: sotto_proof::Name::from_wire(owner.as_slice()).unwrap(),
            rtype: RecordType::TXT,
        };
        let anchors = Anchors::parse(&anchor).unwrap();
        let verification = verify(&draft.0, &question, &anchors, NOW, &Limits::default());
        (verification.verdict, verification.cost)
    }
}

fn work(cost: &Cost) -> usize {
    cost.signature_checks * HASHES_PER_CHECK
        + cost.key_digests
        + cost.nsec3_hashes
        + cost.nsec3_lookups
}

/// The work of a plain answer three zones down, without alias, wildcard or denial: nothing honest costs less.
fn honest() -> usize {
    let (top, zone) = (Top::new(), Zone::new("honest.test."));
    let mut draft = top.draft();
    top.tld.delegate(&mut draft, &zone);
    let owner = name("_mimi.honest.test.").unwrap();
    zone.sign(&mut draft, &owner, Rtype::TXT, rdata::txt("x"));
    let (verdict, cost) = top.judge(&draft, &owner);
    assert!(matches!(verdict, Verdict::Secure(_)), "{verdict:?}");
    assert_eq!(cost.signature_checks, 6);
    work(&cost)
}

#[track_caller]
fn assert_bounded(cost: &Cost) {
    let (work, honest) = (work(cost), honest());
    assert!(work <= TIMES * honest, "{work} of {honest}: {cost:?}");
}

/// Another key with the tag of `dnskey`: the tag is a sum of 16-bit words, so what one gains another loses.
fn twin(dnskey: &[u8], at: usize) -> Vec<u8> {
    let mut twin = dnskey.to_vec();
    let (from, step) = (4 + 2 * (at % 30), (at / 30 + 1) as u16);
    let word = |twin: &[u8], at: usize| u16::from_be_bytes([twin[at], twin[at + 1]]);
    let (gain, lose) = (word(&twin, from), word(&twin, from + 2));
    let step = step.min(u16::MAX - gain).min(lose);
    twin[from..from + 2].copy_from_slice(&(gain + step).to_be_bytes());
    twin[from + 2..from + 4].copy_from_slice(&(lose - step).to_be_bytes());
    twin
}

/// CVE-2023-50387: every signature by every key of its tag.
#[test]
fn keytrap_costs_no_more_than_ten_honest_proofs() {
    for twins in [30, 300] {
        let (top, mut zone) = (Top::new(), Zone::new("trap.test."));
        zone.others = (0..twins).map(|at| twin(zone.key.dnskey(), at)).collect();
        let mut draft = top.draft();
        top.tld.delegate(&mut draft, &zone);
        let owner = name("_mimi.trap.test.").unwrap();
        let text = rdata::txt("x");
        let good = zone.sign(&mut Draft::default(), &owner, Rtype::TXT, text.clone());
        draft.record(&owner, Rtype::TXT, &text);
        for at in 0..300_u16 {
            let mut bad = good.clone();
            let end = bad.len();
            bad[end - 2..].copy_from_slice(&at.to_be_bytes());
            draft.record(&owner, Rtype::RRSIG, &bad);
        }
        let (verdict, cost) = top.judge(&draft, &owner);
        assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
        // So many keys of one tag are given up before a signature is tried, some are not.
        let sprung = cost.failed_checks > 1 || twins == 300 && cost.key_digests > 30;
        assert!(sprung, "{twins}: {cost:?}");
        assert_bounded(&cost);
    }
}

/// CVE-2023-50868: a name of many labels in a zone that hashes as often as counts.
#[test]
fn many_iterations_cost_no_more_than_ten_honest_proofs() {
    let (top, zone) = (Top::new(), Zone::new("hash.test."));
    let mut draft = top.draft();
    top.tld.delegate(&mut draft, &zone);
    let iterations = Limits::default().nsec3_iterations;
    for at in 0..20_u8 {
        let label = base32::encode_string_hex(&[at; 20]);
        let owner = name(&format!("{label}.hash.test.")).unwrap();
        let mut rdata = vec![1, 0];
        rdata.extend_from_slice(&iterations.to_be_bytes());
        rdata.extend_from_slice(&[1, at, 20]);
        rdata.extend_from_slice(&[at + 1; 20]);
        zone.sign(&mut draft, &owner, Rtype::NSEC3, rdata);
    }
    let owner = name(&format!("{}hash.test.", "a.".repeat(110))).unwrap();
    let (verdict, cost) = top.judge(&draft, &owner);
    assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
    let labels = usize::from(iterations) * 10;
    assert!(cost.nsec3_hashes > labels, "nothing is hashed: {cost:?}");
    assert_bounded(&cost);
}

/// Eight aliases that each end in a wildcard of a zone far down a chain of its own.
#[test]
fn aliases_through_deep_zones_cost_no_more_than_ten_honest_proofs() {
    let top = Top::new();
    let mut draft = top.draft();
    let owner = |step: usize| name(&format!("x.w.e.d.c.b.a{step}.test.")).unwrap();
    for step in 0..=Limits::default().aliases {
        let zones: Vec<_> = ["", "b.", "c.b.", "d.c.b.", "e.d.c.b."]
            .map(|above| Zone::new(&format!("{above}a{step}.test.")))
            .into();
        top.tld.delegate(&mut draft, &zones[0]);
        for pair in zones.windows(2) {
            pair[0].delegate(&mut draft, &pair[1]);
        }
        let deepest = &zones[zones.len() - 1];
        let wildcard = name(&format!("*.w.{}", deepest.apex.fmt_with_dot())).unwrap();
        let target = rdata::target(&owner(step + 1));
        deepest.expand(
            &mut draft,
            &owner(step),
            &wildcard,
            Rtype::CNAME,
            vec![target],
        );
        let mut nsec = rdata::target(&deepest.apex);
        nsec.extend_from_slice(&[0, 1, 0x06]);
        deepest.sign(&mut draft, &wildcard, Rtype::NSEC, nsec);
    }
    let (verdict, cost) = top.judge(&draft, &owner(0));
    assert!(matches!(verdict, Verdict::Bogus(_)), "{verdict:?}");
    assert!(cost.signature_checks > 40, "no chain is long: {cost:?}");
    assert_bounded(&cost);
}
