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

/// Type and RDATA of a record, and of an RRSIG the owner as it was signed, so without what a wildcard stands for.
type Essence = (RecordType, Vec<u8>, Option<Name>);

impl Signed {
    /// Whether a zone signed such a record, under some name; or made this signature, for that name.
    #[must_use]
    pub fn holds(&self, record: &Record) -> bool {
        self.records.contains(&essence(record))
    }
}

fn essence(record: &Record) -> Essence {
    match record.rtype {
        // No signature covers the case of names. (The numbers of an SOA are compared a little less strictly by this.)
        RecordType::NS
        | RecordType::CNAME
        | RecordType::SOA
        | RecordType::PTR
        | RecordType::DNAME => (record.rtype, record.rdata.to_ascii_lowercase(), None),
        RecordType::RRSIG => {
            let labels = Rrsig::parse(&record.rdata).map_or(0, |rrsig| rrsig.labels);
            let owner = record.owner.ancestor(labels.into());
            (record.rtype, lowercase_signer(&record.rdata), Some(owner))
        }
        _ => (record.rtype, record.rdata.to_vec(), None),
    }
}

/// Where the signer's name begins in the RDATA of an RRSIG (RFC 4034 section 3.1).
const SIGNER_AT: usize = 18;

fn lowercase_signer(original: &[u8]) -> Vec<u8> {
    let mut rdata = original.to_vec();
    if let Some(signer) = Rrsig::parse(original).map(|rrsig| rrsig.signer) {
        let name = signer.to_lowercase();
        rdata[SIGNER_AT..][..name.as_wire().len()].copy_from_slice(name.as_wire());
    }
    rdata
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
