//! What a relay or a gateway may hand to the client: key lists, key documents, key records, responses.
//!
//! Asserted: formats that read are written back alike; keys that read can be sealed to, in one size, or are refused;
//! only a list that a record vouches for is used; a response that nobody sealed never opens, and of what a gateway
//! sealed only well-formed HTTP does.

#![no_main]

use std::cell::OnceCell;

use libfuzzer_sys::fuzz_target;
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{KeyConfig, SymmetricSuite};
use sotto_envelope::{
    Epoch, KeyConfigList, KeyDocument, KeyRecord, KeyRecordError, KeyRecords, OpenError,
    ProofQuery, Suite, seal,
};
use sotto_fuzz::keys::{EPOCH, HOST, LIST, config};
use sotto_fuzz::{Input, alter};
use sotto_wire::{
    AnswerClass, EPOCH_SECONDS, KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES, REQUEST_BYTES,
};

/// Octets that encapsulation adds to a response (RFC 9458 section 4.4): nonce and tag.
const RESPONSE_OVERHEAD_BYTES: usize = 32;

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    match input.u8() % 10 {
        0 => list(input.rest()),
        1 => list(&alter::octets(&LIST, &mut input)),
        2 => {
            document(input.rest());
        }
        3 => altered_document(&mut input),
        4 => record(input.rest()),
        5 => record(&text(input.rest())),
        6 => records(&mut input),
        7 => stranger(&mut input),
        8 => response(&mut input),
        _ => message(input.rest()),
    }
});

fn query() -> ProofQuery {
    ProofQuery::new("_mimi.alice.example.com.", "TXT").expect("a question")
}

fn list(octets: &[u8]) {
    let Ok(list) = KeyConfigList::parse(octets) else {
        return;
    };
    assert!(octets.len() <= KEY_LIST_MAX_BYTES);
    assert_eq!(list.as_bytes(), octets);
    for suite in Suite::ALL {
        let Some(config) = list.config(suite) else {
            continue;
        };
        assert_eq!(config.suite(), suite);
        if let Ok((envelope, _)) = seal(&query(), HOST, &config) {
            assert_eq!(envelope.len(), REQUEST_BYTES);
            assert_eq!(envelope[0], config.key_id());
            assert_eq!(envelope[1..3], suite.kem_id().to_be_bytes());
        }
    }
}

fn document(octets: &[u8]) -> Option<KeyDocument> {
    let document = KeyDocument::decode(octets).ok()?;
    assert!(octets.len() <= KEY_DOCUMENT_MAX_BYTES);
    assert_eq!(document.encode().as_deref(), Ok(octets));
    assert!((1..=3).contains(&document.lists.len()));
    Some(document)
}

/// An honest document, altered, against honest records or records of the input's choice.
fn altered_document(input: &mut Input<'_>) {
    let lists = vec![(EPOCH, LIST.clone()), (EPOCH.next(), LIST.clone())];
    let proof = input.short().to_vec();
    let honest = KeyDocument { lists, proof }
        .encode()
        .expect("an honest document");
    let now = (EPOCH.start() + EPOCH_SECONDS / 2)
        .saturating_add_signed(i64::from(input.u8() as i8) * 43_200);
    let vouched = KeyRecord {
        operator: "operator.test".to_owned(),
        epoch: Epoch(EPOCH.0 + u64::from(input.u8() % 2)),
        digest: sha256(&LIST),
    };
    let records = KeyRecords::read([vouched.to_rdata()]).expect("an honest record");
    let Some(document) = document(&alter::octets(&honest, input)) else {
        return;
    };
    if let Some((epoch, list)) = document.usable(&records, now) {
        assert_eq!(epoch, vouched.epoch, "a day that no record vouches for");
        assert_eq!(list.as_bytes(), *LIST, "a list that no record vouches for");
        assert!(epoch.0.abs_diff(Epoch::at(now).0) <= 1);
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(octets).into()
}

fn record(rdata: &[u8]) {
    match KeyRecord::parse(rdata) {
        Ok(record) => {
            assert_eq!(KeyRecord::parse(&record.to_rdata()).as_ref(), Ok(&record));
            assert!(
                !record
                    .operator
                    .bytes()
                    .any(|octet| octet.is_ascii_uppercase())
            );
            let owner = KeyRecord::owner_name(&record.operator);
            assert!(owner.starts_with("_ohttp-keys.") && owner.ends_with('.'));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// RDATA of a TXT record that holds any text.
fn text(octets: &[u8]) -> Vec<u8> {
    octets
        .chunks(255)
        .flat_map(|part| [&[part.len() as u8], part].concat())
        .collect()
}

/// An RRset of key records, and others.
fn records(input: &mut Input<'_>) {
    let mut rdatas = Vec::new();
    while !input.is_empty() && rdatas.len() < 20 {
        rdatas.push(match input.u8() % 4 {
            0 => text(input.short()),
            kind => {
                let record = KeyRecord {
                    operator: (*input.pick(&["a.test", "b.test"])).to_owned(),
                    epoch: Epoch(u64::from(input.u8() % 8)),
                    digest: [input.u8() % 4; 32],
                };
                match kind {
                    1 => alter::octets(&record.to_rdata(), input),
                    _ => record.to_rdata(),
                }
            }
        });
    }
    let parsed: Vec<_> = rdatas.iter().map(|rdata| KeyRecord::parse(rdata)).collect();
    let read = KeyRecords::read(&rdatas);
    rdatas.reverse();
    assert_eq!(KeyRecords::read(&rdatas).ok(), read.clone().ok());
    let Ok(records) = read else { return };
    assert!(records.epochs().is_sorted() && records.epochs().next().is_some());
    for parsed in parsed {
        match parsed {
            Ok(record) => {
                assert_eq!(record.operator, records.operator());
                assert_eq!(records.digest(record.epoch), Some(record.digest));
            }
            Err(error) => assert_eq!(error, KeyRecordError::NotOurs, "ours, and malformed"),
        }
    }
}

/// A response that nobody sealed.
fn stranger(input: &mut Input<'_>) {
    let (_, opener) = seal(&query(), HOST, &config(Suite::X25519)).expect("honest");
    let kind = input.u8() % 4;
    let mut response = input.rest().to_vec();
    match kind {
        0 => {}
        1 => response.resize(AnswerClass::Overflow.bytes(), 0),
        _ => response.resize(AnswerClass::Base.bytes(), 0),
    }
    let bytes = response.len();
    let expected = match AnswerClass::of_size(bytes) {
        Some(_) => OpenError::Undecryptable,
        None => OpenError::Size { bytes },
    };
    assert_eq!(opener.open(&response), Err(expected));
}

thread_local! {
    /// A gateway that is not ours, and seals anything.
    static FOREIGN: OnceCell<(ohttp::Server, sotto_envelope::KeyConfig)> = const { OnceCell::new() };
}

/// Any octets as the message of an honest response.
fn message(octets: &[u8]) {
    let foreign = || {
        let suite = SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm);
        let keys = KeyConfig::derive(1, Kem::X25519Sha256, vec![suite], &[5; 32]).expect("a key");
        let list = KeyConfig::encode_list(&[&keys]).expect("a list");
        let config = KeyConfigList::parse(&list)
            .expect("a list")
            .config(Suite::X25519);
        let server = ohttp::Server::new(keys).expect("a server");
        (server, config.expect("a configuration"))
    };
    let (sealer, opener) = FOREIGN.with(|cell| {
        let (server, config) = cell.get_or_init(foreign);
        let (envelope, opener) = seal(&query(), HOST, config).expect("honest");
        let (_, sealer) = server.decapsulate(&envelope).expect("honest");
        (sealer, opener)
    });
    let mut padded = octets.to_vec();
    let class = AnswerClass::ALL
        .into_iter()
        .find(|class| class.bytes() >= octets.len() + RESPONSE_OVERHEAD_BYTES);
    if let Some(class) = class {
        padded.resize(class.bytes() - RESPONSE_OVERHEAD_BYTES, 0);
    }
    let sealed = sealer
        .encapsulate(&padded)
        .expect("any octets can be sealed");
    match opener.open(&sealed) {
        Ok(answer) => {
            assert!((200..=599).contains(&answer.status), "{}", answer.status);
            for field in [&answer.media_type, &answer.date].into_iter().flatten() {
                assert!(field.is_ascii() && !field.contains(['\r', '\n', '\0']));
            }
            assert!(answer.body.len() < padded.len());
            assert!(answer.class().is_some());
            let _ = answer.as_problem();
        }
        Err(OpenError::Message(error)) => assert!(!error.to_string().is_empty()),
        Err(other) => assert!(class.is_none(), "{other}"),
    }
}

/// A Binary HTTP response (RFC 9292 section 3.1), altered perhaps.
fn response(input: &mut Input<'_>) {
    let status = 0x4000 | (input.u16() % 1_024);
    let fields = input.short();
    let content = input.short();
    let mut octets = vec![1];
    octets.extend(status.to_be_bytes());
    for part in [fields, content, &[]] {
        octets.extend((0x4000 | part.len() as u16).to_be_bytes());
        octets.extend_from_slice(part);
    }
    message(&alter::octets(&octets, input));
}
