//! The proofs that the verifiers are measured on.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use sotto_proof::{Anchors, Progress, Prover, ProverLimits, Question, message};
use sotto_tests::peers::transit::{Tampering, Transit};
use sotto_tests::peers::vectors;
use sotto_tests::peers::zoo::{Family, MAILBOX, NOW, Tree};
use sotto_world::dns::signer::Algorithm;
use sotto_world::dns::zone::Denial;

/// Published proofs under the IANA root, which `dnssec-prover` can read, with a title.
const PUBLISHED: &[(&str, &str)] = &[
    ("iana-txt", "IANA, TXT"),
    ("iana-cname", "IANA, CNAME across zones"),
    ("iana-nsec-wildcard", "IANA, wildcard, NSEC"),
    ("iana-cname-wildcards", "IANA, wildcards, NSEC3"),
];

const ALGORITHMS: &[(Algorithm, &str)] = &[
    (Algorithm::EcdsaP256, "P-256"),
    (Algorithm::RsaSha256, "RSA 2048"),
    (Algorithm::Ed25519, "Ed25519"),
    (Algorithm::EcdsaP384, "P-384"),
];

/// A name that does not exist, and another that does.
const NOBODY: &str = "nobody.@";
const NEIGHBOUR: &str = "_mimi.@";

/// The identifier of every query: there is no network on which somebody could guess it.
const ID: u16 = 1;

/// One proof, with what is needed to verify it.
pub(crate) struct Case {
    pub(crate) title: String,
    pub(crate) question: Question,
    pub(crate) anchors: Anchors,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) proof: Vec<u8>,
    /// The DNS that it is from; a published proof has none.
    pub(crate) origin: Option<Origin>,
}

/// Where a proof is from.
pub(crate) struct Origin {
    pub(crate) transit: Arc<Transit>,
    pub(crate) tree: Arc<Tree>,
    /// The proof of another name in the same zone.
    pub(crate) neighbour: (Question, Vec<u8>),
    /// Every response that the prover needs.
    responses: HashMap<Question, Vec<u8>>,
}

/// Mailboxes and denials in trees of each algorithm, then published proofs.
pub(crate) fn cases() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (algorithm, spelled) in ALGORITHMS {
        let family = Family::new(*algorithm)?;
        for zones in [3, 4] {
            for (denial, form) in [(Denial::Nsec, "NSEC"), (Denial::Nsec3, "NSEC3")] {
                let tree = Arc::new(family.tree(denial, zones)?);
                let title = format!("{spelled}, {zones} zones");
                if denial == Denial::Nsec {
                    cases.push(Case::of(&tree, format!("{title}, mailbox"), MAILBOX)?);
                }
                cases.push(Case::of(&tree, format!("{title}, {form}"), NOBODY)?);
            }
        }
    }
    let published = vectors::all()?;
    for (file, title) in PUBLISHED {
        let vector = published.iter().find(|vector| vector.file == *file);
        let vector = vector.with_context(|| format!("{file} is gone"))?;
        cases.push(Case {
            title: (*title).into(),
            question: vector.question.clone(),
            anchors: vector.anchors.clone(),
            at: vector.at,
            proof: vector.proof.clone(),
            origin: None,
        });
    }
    Ok(cases)
}

impl Case {
    fn of(tree: &Arc<Tree>, title: String, owner: &str) -> Result<Self> {
        let question = tree.question(owner, "TXT")?;
        let neighbour = tree.question(NEIGHBOUR, "TXT")?;
        let internet = Arc::clone(&tree.internet);
        let transit = Transit::new(internet, question.clone(), Tampering::default());
        let mut responses = HashMap::new();
        let proof = prove(&question, |asked, query| {
            let response = transit.respond(query)?;
            responses.insert(asked.clone(), response.clone());
            Some(response)
        })?;
        Ok(Self {
            title,
            anchors: tree.anchors.clone(),
            at: NOW,
            proof,
            origin: Some(Origin {
                transit: Arc::new(transit),
                neighbour: (neighbour.clone(), tree.prove(&neighbour)?),
                tree: Arc::clone(tree),
                responses,
            }),
            question,
        })
    }
}

impl Origin {
    /// Makes the proof again, of responses that are there already.
    pub(crate) fn prove(&self, question: &Question) -> Result<Vec<u8>> {
        prove(question, |asked, _| self.responses.get(asked).cloned())
    }
}

/// The gateway's work but for the network.
fn prove(
    question: &Question,
    mut ask: impl FnMut(&Question, &[u8]) -> Option<Vec<u8>>,
) -> Result<Vec<u8>> {
    let (mut prover, mut open) = Prover::start(question.clone(), ProverLimits::default());
    while let Some(asked) = open.pop() {
        let query = message::query(ID, &asked, u16::MAX);
        let response = ask(&asked, &query).context("a query has a response")?;
        let response = message::parse(&response, ID, &asked)?;
        match prover.respond(&asked, &response)? {
            Progress::Ask(more) => open.extend(more),
            Progress::Wait => {}
            Progress::Done(proof) => return Ok(proof.into_bytes()),
        }
    }
    anyhow::bail!("the prover awaits nothing and is not done")
}
