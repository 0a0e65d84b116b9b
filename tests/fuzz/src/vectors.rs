//! The published proofs among the tests of `sotto-proof`, and what anybody signed in them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use sotto_proof::rdata::Rrsig;
use sotto_proof::{Anchors, Limits, Name, Question, Record, RecordType, Verdict, decode, verify};

/// One published proof.
pub struct Vector {
    /// The question that it answers.
    pub question: Question,
    /// When, in Unix seconds.
    pub at: u64,
    /// Under which anchors.
    pub anchors: Anchors,
    /// Its octets.
    pub proof: Vec<u8>,
    /// Its records.
    pub records: Vec<Record>,
    /// What the verifier says of it, as it is.
    pub verdict: Verdict,
}

/// Every published proof, in order of file names.
pub static VECTORS: LazyLock<Vec<Vector>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/proof/tests/vectors");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the vectors are in the repository")
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| read(&std::fs::read_to_string(path).expect("a vector is text")))
        .collect()
});

/// What zones signed in the vectors: nobody can add to it without breaking a signature scheme.
pub static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let mut signed = Signed::default();
    for record in VECTORS.iter().flat_map(|vector| &vector.records) {
        signed.records.insert(essence(record));
    }
    signed
});

/// Records without what no signature covers.
#[derive(Default)]
pub struct Signed {
    records: HashSet<Essence>,
}

/// Owner, type, and RDATA of a record: the owner as it was signed, so without what a wildcard stands for.
type Essence = (Vec<u8>, RecordType, Vec<u8>);

impl Signed {
    /// Whether a zone signed this record, or it is a signature that a zone made.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        let (owner, rtype, rdata) = essence(record);
        if self
            .records
            .contains(&(owner.clone(), rtype, rdata.clone()))
        {
            return true;
        }
        // A wildcard's records come under names that no vector need have; its signature tells.
        rtype != RecordType::RRSIG
            && self
                .records
                .iter()
                .any(|(_, known, signed)| *known == rtype && *signed == rdata)
    }
}

fn essence(record: &Record) -> Essence {
    let rdata = match record.rtype {
        // In the types below only names hold letters that a change of case leaves valid, signatures apart.
        RecordType::NS
        | RecordType::CNAME
        | RecordType::SOA
        | RecordType::PTR
        | RecordType::DNAME => record.rdata.to_ascii_lowercase(),
        RecordType::RRSIG => lowercase_signer(&record.rdata),
        _ => record.rdata.to_vec(),
    };
    (signed_owner(record), record.rtype, rdata)
}

fn lowercase_signer(rdata: &[u8]) -> Vec<u8> {
    let mut rdata = rdata.to_vec();
    if let Some(signer) = Rrsig::parse(&rdata.clone()).map(|rrsig| rrsig.signer) {
        let name = signer.to_lowercase();
        rdata[18..18 + name.as_wire().len()].copy_from_slice(name.as_wire());
    }
    rdata
}

fn signed_owner(record: &Record) -> Vec<u8> {
    let owner = record.owner.to_lowercase();
    let labels = match record.rtype {
        RecordType::RRSIG => Rrsig::parse(&record.rdata).map(|rrsig| usize::from(rrsig.labels)),
        _ => None,
    };
    let owner: Name = labels.map_or(owner.clone(), |labels| owner.ancestor(labels));
    owner.as_wire().to_vec()
}

fn read(text: &str) -> Vector {
    let (head, hex) = text.split_once("\n\n").expect("a head and a proof");
    let field = |name: &str| {
        head.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
            .expect("the head is whole")
    };
    let anchors = match field("anchor") {
        "iana" => Anchors::iana(),
        text => Anchors::parse(text).expect("an anchor"),
    };
    let hex: String = hex.split_ascii_whitespace().collect();
    let proof = HEXLOWER.decode(hex.as_bytes()).expect("lower-case hex");
    let limits = Limits::default();
    let question = Question {
        name: field("name").parse().expect("a name"),
        rtype: field("type").parse().expect("a type"),
    };
    let at = field("at").parse().expect("Unix seconds");
    Vector {
        verdict: verify(&proof, &question, &anchors, at, &limits).verdict,
        records: decode(&proof, &limits).expect("a proof"),
        question,
        at,
        anchors,
        proof,
    }
}
