//! The answerer over a table of responses with real signatures, and a clock that the tests set.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use sotto_proof::{Name, Record, message::rcode, rdata::key_tag};
use tokio::sync::Semaphore;

use super::*;
use crate::ageing::STALE_SECONDS;

/// A second in the life of the test world.
const NOW: u64 = 1_800_000_000;
const TTL: u32 = 300;
/// Seconds for which signatures are valid before and after [`NOW`].
const VALID: u64 = 10_000;
const ALGORITHM: u8 = 15;

const MIMI: &str = "_mimi.alice.example.";

/// The root with one key, which signs everything: no cut below it is needed here.
struct Root {
    pair: Ed25519KeyPair,
    dnskey: Vec<u8>,
}

impl Root {
    fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let dnskey = [&[1, 1, 3, ALGORITHM], pair.public_key().as_ref()].concat();
        Self { pair, dnskey }
    }

    fn anchors(&self) -> Anchors {
        use std::fmt::Write;
        // A DNSKEY line in the generic form of RFC 3597 would do as well; base64 is short enough.
        let mut bits = String::new();
        for octet in &self.dnskey[4..] {
            write!(bits, "{octet:08b}").unwrap();
        }
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text: String = bits
            .as_bytes()
            .chunks(6)
            .map(|chunk| {
                let padded = format!("{:0<6}", std::str::from_utf8(chunk).unwrap());
                char::from(alphabet[usize::from_str_radix(&padded, 2).unwrap()])
            })
            .collect();
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        Anchors::parse(&format!(". IN DNSKEY 257 3 {ALGORITHM} {text}")).unwrap()
    }

    /// One record and its signature (RFC 4034 section 3.1.8.1).
    fn signed(&self, owner: &str, rtype: RecordType, rdata: &[u8]) -> Vec<Record> {
        let name: Name = owner.parse().unwrap();
        let [inception, expiration] =
            [NOW - VALID, NOW + VALID].map(|at| u32::try_from(at).unwrap().to_be_bytes());
        let mut signature = rtype.0.to_be_bytes().to_vec();
        signature.extend([ALGORITHM, u8::try_from(name.label_count()).unwrap()]);
        signature.extend(TTL.to_be_bytes());
        signature.extend(expiration);
        signature.extend(inception);
        signature.extend(key_tag(&self.dnskey).to_be_bytes());
        signature.push(0);
        let mut data = signature.clone();
        data.extend_from_slice(name.as_wire());
        data.extend(rtype.0.to_be_bytes());
        data.extend([0, 1]);
        data.extend(TTL.to_be_bytes());
        data.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
        data.extend_from_slice(rdata);
        signature.extend_from_slice(self.pair.sign(&data).as_ref());
        let record = |rtype, rdata: &[u8]| Record {
            owner: name.clone(),
            rtype,
            class: 1,
            ttl: TTL,
            rdata: rdata.into(),
        };
        vec![record(rtype, rdata), record(RecordType::RRSIG, &signature)]
    }

    fn keys(&self) -> Vec<Record> {
        self.signed(".", RecordType::DNSKEY, &self.dnskey)
    }

    fn txt(&self) -> Vec<Record> {
        self.signed(MIMI, RecordType::TXT, b"\x09v=MIMI1;x")
    }
}

/// What the upstream says, and how often it was asked.
struct Upstreamed {
    table: Mutex<HashMap<String, Result<Vec<Record>, ResolveError>>>,
    asked: AtomicUsize,
    /// Closed as long as answers are held back.
    gate: Semaphore,
}

struct Table(Arc<Upstreamed>);

impl Upstream for Table {
    fn standings(&self) -> Vec<bool> {
        vec![true]
    }

    async fn ask(&self, question: &Question) -> Result<Response, ResolveError> {
        self.0.asked.fetch_add(1, Ordering::Relaxed);
        let _open = self.0.gate.acquire().await.unwrap();
        let answer = self
            .0
            .table
            .lock()
            .unwrap()
            .get(&question.to_string())
            .cloned();
        Ok(Response {
            rcode: rcode::NOERROR,
            truncated: false,
            answer: answer.unwrap_or(Ok(vec![]))?,
            authority: vec![],
        })
    }
}

struct World {
    answerer: Arc<Answerer<Table>>,
    upstream: Arc<Upstreamed>,
    time: Arc<AtomicU64>,
}

impl World {
    fn new(root: &Root) -> Self {
        let text = "host = 'gateway.test'\noperator = 'operator.test'\nopen_to_any_relay = true\n\
                    [listen]\naddress = '127.0.0.1:0'\nplain_http = true\n[keys]\nstate = 'unused'";
        let config: Config = toml::from_str(text).unwrap();
        let upstream = Arc::new(Upstreamed {
            table: Mutex::default(),
            asked: AtomicUsize::new(0),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let time = Arc::new(AtomicU64::new(NOW));
        let told = Arc::clone(&time);
        let clock: Clock = Arc::new(move || told.load(Ordering::Relaxed));
        let answerer =
            Answerer::over(Table(Arc::clone(&upstream)), &config, root.anchors(), clock).unwrap();
        let world = Self {
            answerer: Arc::new(answerer),
            upstream,
            time,
        };
        world.say(". DNSKEY", Ok(root.keys()));
        world.say(&format!("{MIMI} TXT"), Ok(root.txt()));
        world
    }

    fn say(&self, question: &str, answer: Result<Vec<Record>, ResolveError>) {
        self.upstream
            .table
            .lock()
            .unwrap()
            .insert(question.to_owned(), answer);
    }

    fn at(&self, now: u64) {
        self.time.store(now, Ordering::Relaxed);
    }

    /// Questions that reached the upstream since the last call.
    fn asked(&self) -> usize {
        self.upstream.asked.swap(0, Ordering::Relaxed)
    }

    async fn ask(&self) -> Answered {
        self.ask_for(MIMI, "TXT").await
    }

    async fn ask_for(&self, name: &str, rtype: &str) -> Answered {
        let query = ProofQuery {
            name: name.to_owned(),
            rtype: rtype.to_owned(),
        };
        self.answerer.answer(&query).await
    }
}

fn verdict(root: &Root, answered: &Answered, now: u64) -> Verdict {
    let question = Question {
        name: MIMI.parse().unwrap(),
        rtype: RecordType::TXT,
    };
    verify(
        &answered.proof,
        &question,
        &root.anchors(),
        now,
        &Limits::default(),
    )
    .verdict
}

#[tokio::test]
async fn a_proof_is_gathered_once_and_kept_by_its_ttl() {
    let root = Root::new(1);
    let world = World::new(&root);
    let first = world.ask().await;
    assert_eq!((first.status, first.cached, world.asked()), (200, false, 2));
    assert!(matches!(verdict(&root, &first, NOW), Verdict::Secure(_)));

    world.at(NOW + u64::from(TTL) * 9 / 10 - 1);
    let second = world.ask_for("_MIMI.Alice.example.", "txt").await;
    assert_eq!(
        (second.status, second.cached, world.asked()),
        (200, true, 0)
    );
    assert_eq!(second.proof, first.proof);

    world.at(NOW + u64::from(TTL));
    let third = world.ask().await;
    assert_eq!((third.status, third.cached, world.asked()), (200, false, 2));
}

#[tokio::test]
async fn keys_are_shared_between_names_with_the_ttl_that_is_left() {
    let root = Root::new(1);
    let world = World::new(&root);
    world.ask().await;
    assert_eq!(world.asked(), 2);
    world.at(NOW + 100);
    let bob = "_mimi.bob.example.";
    world.say(
        &format!("{bob} TXT"),
        Ok(root.signed(bob, RecordType::TXT, b"\x01x")),
    );
    assert_eq!(world.ask_for(bob, "TXT").await.status, 200);
    assert_eq!(world.asked(), 1, "only the name itself");
    // The keys have 200 s left, and so has a proof that uses them.
    world.at(NOW + 299);
    assert!(world.ask_for(bob, "TXT").await.cached);
    world.at(NOW + 300);
    assert!(!world.ask_for(bob, "TXT").await.cached);
}

#[tokio::test]
async fn what_does_not_verify_is_sent_and_not_kept() {
    let root = Root::new(1);
    let world = World::new(&root);
    world.say(&format!("{MIMI} TXT"), Ok(Root::new(2).txt()));
    let answered = world.ask().await;
    assert_eq!(answered.status, 200);
    assert!(matches!(verdict(&root, &answered, NOW), Verdict::Bogus(_)));
    assert_eq!(world.asked(), 2);
    assert!(!world.ask().await.cached);
    assert_eq!(world.asked(), 2, "neither the proof nor the keys were kept");
}

#[tokio::test]
async fn keys_that_no_longer_fit_are_asked_for_again() {
    let (old, new) = (Root::new(1), Root::new(2));
    let world = World::new(&old);
    world.ask().await;
    assert_eq!(world.asked(), 2);
    // The zone changes its key earlier than the TTL of the old one allows. This gateway trusts
    // only the old one, so the proof stays bogus; what counts is that it tried with the new keys.
    world.say(". DNSKEY", Ok(new.keys()));
    let bob = "_mimi.bob.example.";
    world.say(
        &format!("{bob} TXT"),
        Ok(new.signed(bob, RecordType::TXT, b"\x01x")),
    );
    let answered = world.ask_for(bob, "TXT").await;
    assert_eq!(world.asked(), 3, "the name, then the name and the keys");
    assert!(
        answered
            .proof
            .windows(32)
            .any(|window| window == &new.dnskey[4..36])
    );
}

#[tokio::test]
async fn a_stale_proof_serves_for_an_hour_if_nothing_newer_can_be_had() {
    let root = Root::new(1);
    let world = World::new(&root);
    world.ask().await;
    world.say(&format!("{MIMI} TXT"), Err(ResolveError::Timeout));
    let ttl = u64::from(TTL);
    for (now, status) in [
        (NOW + ttl, 200),
        (NOW + ttl + STALE_SECONDS - 1, 200),
        (NOW + ttl + STALE_SECONDS, 504),
    ] {
        world.at(now);
        assert_eq!(world.ask().await.status, status, "{}", now - NOW);
    }
}

#[tokio::test]
async fn nothing_is_kept_past_its_signatures() {
    let root = Root::new(1);
    let world = World::new(&root);
    world.at(NOW + VALID - 10);
    world.ask().await;
    world.say(&format!("{MIMI} TXT"), Err(ResolveError::Timeout));
    world.at(NOW + VALID - 1);
    assert_eq!(world.ask().await.status, 200);
    world.at(NOW + VALID + 1);
    assert_eq!(world.ask().await.status, 504);
}

#[tokio::test]
async fn all_who_ask_at_once_wait_for_one_proof() {
    let root = Root::new(1);
    let world = Arc::new(World::new(&root));
    world.upstream.gate.forget_permits(Semaphore::MAX_PERMITS);
    let askers: Vec<_> = (0..5)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.ask().await })
        })
        .collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    world.upstream.gate.add_permits(100);
    for asker in askers {
        assert_eq!(asker.await.unwrap().status, 200);
    }
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn failures_have_their_status_and_are_not_kept() {
    let root = Root::new(1);
    let world = World::new(&root);
    assert_eq!(world.ask_for("alice.example.", "TXT").await.status, 403);
    assert_eq!(world.ask_for(MIMI, "DNSKEY").await.status, 403);
    assert_eq!(world.ask_for("_mimi..example.", "TXT").await.status, 400);
    assert_eq!(world.ask_for(MIMI, "NOPE").await.status, 400);
    assert_eq!(world.asked(), 0);
    for (error, status) in [
        (ResolveError::Timeout, 504),
        (ResolveError::Io(io::ErrorKind::ConnectionRefused), 502),
    ] {
        world.say(&format!("{MIMI} TXT"), Err(error));
        let answered = world.ask().await;
        assert_eq!((answered.status, answered.proof.len()), (status, 0));
    }
    world.say(&format!("{MIMI} TXT"), Ok(root.txt()));
    assert_eq!(world.ask().await.status, 200);
}
