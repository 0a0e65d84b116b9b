//! Verifying proofs of the private internet, beside the bare signature checks that they need.

use std::collections::BTreeMap;
use std::hint::black_box;

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use sotto_client::Client;
use sotto_client::mimi::RecordForm;
use sotto_proof::{Limits, Question, Verdict, verify};
use sotto_world::{Options, World};

use super::clock::median_us;
use crate::Row;

const CALLS: u32 = 10;

/// Octets that a typical RRSIG covers.
const SIGNED_BYTES: usize = 300;

pub(crate) fn rows() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (proofs, anchors) = runtime.block_on(proofs())?;
    let checks = bare_checks()?;
    proofs
        .into_iter()
        .map(|(operation, question, proof)| {
            let now = sotto_tests::now();
            let limits = Limits::default();
            let once = verify(&proof, &question, &anchors, now, &limits);
            ensure!(
                !matches!(once.verdict, Verdict::Bogus(_)),
                "{operation}: {:?}",
                once.verdict
            );
            let floor_cost = once
                .chain
                .iter()
                .map(|link| checks.get(&link.algorithm).copied())
                .sum::<Option<f64>>()
                .context("the world signs with another algorithm")?;
            Ok(Row {
                operation,
                cost: median_us(CALLS, || {
                    let _ = black_box(verify(&proof, &question, &anchors, now, &limits));
                }),
                floor: "its signature checks alone",
                floor_cost,
                target: Some(1.2),
            })
        })
        .collect()
}

type Proofs = Vec<(&'static str, Question, Vec<u8>)>;

/// Proofs as a client of the private internet gets them.
async fn proofs() -> Result<(Proofs, sotto_proof::Anchors)> {
    let world = World::start(Options::default()).await?;
    let setup = world.client_setup(0)?;
    let anchors = setup.anchors().clone();
    let client = Client::new(setup)?;
    let mut proofs = Proofs::new();
    for (operation, identifier) in [
        ("verify a mailbox's record", "hugh@example.test"),
        ("verify an absence", "nobody-here@example.test"),
    ] {
        let report = client.lookup(identifier.parse()?, RecordForm::Txt).await;
        let question = report.question.context("a question was asked")?;
        let proof = report.proof.context("a proof was given")?;
        proofs.push((operation, question, proof.to_vec()));
    }
    world.shutdown().await;
    Ok((proofs, anchors))
}

/// The CPU time of one bare check by the number of its algorithm, microseconds.
fn bare_checks() -> Result<BTreeMap<u8, f64>> {
    let message = [0x5a; SIGNED_BYTES];
    let random = SystemRandom::new();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).context("an RSA key")?;
    let mut rsa_signature = vec![0; rsa.public_modulus_len()];
    rsa.sign(&RSA_PKCS1_SHA256, &random, &message, &mut rsa_signature)
        .context("an RSA signature")?;
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("a P-256 key")?;
    let p256_signature = p256.sign(&random, &message).context("a P-256 signature")?;
    let ed25519 = Ed25519KeyPair::generate().context("an Ed25519 key")?;
    let ed25519_signature = ed25519.sign(&message);

    let check = |algorithm: &'static dyn VerificationAlgorithm, key: &[u8], signature: &[u8]| {
        let key = UnparsedPublicKey::new(algorithm, key);
        median_us(CALLS, || {
            black_box(key.verify(&message, signature)).expect("an honest signature");
        })
    };
    Ok(BTreeMap::from([
        (
            8,
            check(
                &RSA_PKCS1_2048_8192_SHA256,
                rsa.public_key().as_ref(),
                &rsa_signature,
            ),
        ),
        (
            13,
            check(
                &ECDSA_P256_SHA256_FIXED,
                p256.public_key().as_ref(),
                p256_signature.as_ref(),
            ),
        ),
        (
            15,
            check(
                &aws_lc_rs::signature::ED25519,
                ed25519.public_key().as_ref(),
                ed25519_signature.as_ref(),
            ),
        ),
    ]))
}
