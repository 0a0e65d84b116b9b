//! Both ends of an exchange, in memory: sizes, refusals, and what neither end lets pass.

mod support;

use sotto_envelope::{
    Answer, Epoch, KeyConfigList, KeyDocument, KeyListError, KeyRecord, KeyRecords, KeyRing,
    OpenError, OpenRefusal, ProofQuery, SealError, Suite, seal,
};
use sotto_wire::{AnswerClass, Problem, ProblemType, REQUEST_BYTES};
use support::{EPOCH, HOST, foreign_request, keys, long_query, query, ring, sealed};

#[test]
fn a_question_arrives_and_its_answer_returns() {
    for suite in Suite::ALL {
        let (envelope, opener) = sealed(suite, &query());
        let (request, sealer) = ring().open(&envelope).unwrap();
        assert_eq!(request.query(HOST).unwrap(), query());
        assert_eq!(request.date(), None);
        let answer = Answer::proof(b"proof".to_vec());
        assert_eq!(opener.open(&sealer.seal(&answer).unwrap()), Ok(answer));
    }
}

#[test]
fn every_request_has_one_size() {
    for suite in Suite::ALL {
        for query in [query(), ProofQuery::new(".", "A").unwrap(), long_query()] {
            assert_eq!(sealed(suite, &query).0.len(), REQUEST_BYTES);
        }
    }
}

#[test]
fn two_envelopes_for_one_question_share_nothing_but_the_header() {
    let (a, b) = (
        sealed(Suite::XWing, &query()).0,
        sealed(Suite::XWing, &query()).0,
    );
    assert_eq!(a[..7], b[..7]);
    let equal = a[7..].iter().zip(&b[7..]).filter(|(a, b)| a == b).count();
    assert!(
        equal < 64,
        "{equal} of 2,041 octets are equal, chance says 8"
    );
}

#[test]
fn every_answer_has_one_of_two_sizes() {
    let refusal = Problem::new(
        ProblemType::Blank,
        403,
        "this gateway does not prove that name",
    );
    for (answer, class) in [
        (Answer::proof(Vec::new()), AnswerClass::Base),
        (Answer::proof(vec![1; 8_000]), AnswerClass::Base),
        (Answer::proof(vec![1; 8_192]), AnswerClass::Overflow),
        (Answer::proof(vec![1; 65_000]), AnswerClass::Overflow),
        (Answer::problem(refusal), AnswerClass::Base),
    ] {
        let (envelope, opener) = sealed(Suite::XWing, &query());
        let (_, sealer) = ring().open(&envelope).unwrap();
        let response = sealer.seal(&answer).unwrap();
        assert_eq!(
            (answer.class(), response.len()),
            (Some(class), class.bytes())
        );
        assert_eq!(opener.open(&response), Ok(answer));
    }
}

#[test]
fn the_classes_are_used_to_their_last_octet() {
    let fits = |bytes: usize| Answer::proof(vec![0; bytes]).class();
    let edge = (7_000..8_192)
        .rev()
        .find(|bytes| fits(*bytes) == Some(AnswerClass::Base))
        .unwrap();
    let (envelope, opener) = sealed(Suite::X25519, &query());
    let (_, sealer) = ring().open(&envelope).unwrap();
    let answer = Answer::proof(vec![9; edge]);
    let response = sealer.seal(&answer).unwrap();
    assert_eq!(response.len(), 8_192);
    assert_eq!(opener.open(&response), Ok(answer));
    assert_eq!(fits(edge + 1), Some(AnswerClass::Overflow));
}

#[test]
fn an_answer_that_fits_no_class_is_refused_and_known_beforehand() {
    let answer = Answer::proof(vec![0; 65_535]);
    assert_eq!(answer.class(), None);
    let (envelope, _) = sealed(Suite::X25519, &query());
    let (_, sealer) = ring().open(&envelope).unwrap();
    assert_eq!(sealer.seal(&answer), Err(SealError::TooLarge));
}

#[test]
fn previous_and_next_epochs_are_served_and_no_others() {
    for offset in [-1_i64, 0, 1] {
        let epoch = Epoch(EPOCH.0.saturating_add_signed(offset));
        let list = KeyConfigList::parse(keys(epoch).list()).unwrap();
        let (envelope, _) = seal(&query(), HOST, &list.config(Suite::XWing).unwrap()).unwrap();
        assert!(ring().open(&envelope).is_ok(), "{offset}");
    }
    let list = KeyConfigList::parse(keys(EPOCH.plus(2)).list()).unwrap();
    let (envelope, _) = seal(&query(), HOST, &list.config(Suite::XWing).unwrap()).unwrap();
    assert!(matches!(
        ring().open(&envelope),
        Err(OpenRefusal::UnknownKey)
    ));
}

#[test]
fn all_that_fails_before_decryption_looks_the_same_outside() {
    let (envelope, _) = sealed(Suite::XWing, &query());
    let honest = envelope.into_bytes();
    let altered = |at: usize| {
        let mut octets = honest.clone();
        octets[at] ^= 1;
        octets
    };
    let chacha = {
        let mut octets = honest.clone();
        octets[6] = 3;
        octets
    };
    // Key identifier, KEM, KDF, AEAD, an AEAD that was not advertised, enc, ciphertext, tag.
    let mut refused = [0, 1, 4, 6, 7, 1_130, 2_047].map(altered).to_vec();
    refused.extend([
        chacha,
        Vec::new(),
        honest[..7].to_vec(),
        honest[..1_127].to_vec(),
    ]);
    for octets in refused {
        let refusal = ring().open(&octets).map(|_| ()).unwrap_err();
        let problem = refusal.problem();
        assert_eq!(
            (problem.status, problem.kind()),
            (400, Some(ProblemType::OhttpKey))
        );
        assert_eq!(problem.title, "key configuration not usable");
    }
}

#[test]
fn a_request_longer_than_any_client_sends_is_refused_unopened() {
    let refusal = ring().open(&[0; 4_097]).map(|_| ()).unwrap_err();
    assert_eq!(refusal.problem().status, 413);
}

#[test]
fn a_replay_shows_the_same_encapsulated_key() {
    let (envelope, _) = sealed(Suite::XWing, &query());
    let ring = ring();
    let key = ring.encapsulated_key(&envelope).unwrap();
    assert_eq!((key.len(), key), (1_120, &envelope[7..1_127]));
    let (other, _) = sealed(Suite::XWing, &query());
    assert_ne!(ring.encapsulated_key(&other), Some(key));
    assert_eq!(ring.encapsulated_key(&envelope[..1_000]), None);
    assert_eq!(ring.encapsulated_key(&[]), None);
}

#[test]
fn what_is_no_http_request_is_told_under_seal() {
    let (octets, response) = foreign_request(b"\x07not Binary HTTP");
    let Err(refusal) = ring().open(&octets) else {
        panic!("garbage was served");
    };
    let problem = refusal.problem();
    let OpenRefusal::Malformed { sealer, .. } = refusal else {
        panic!("{refusal}");
    };
    let sealed = sealer.seal(&Answer::problem(problem.clone())).unwrap();
    assert_eq!(sealed.len(), AnswerClass::Base.bytes());
    assert!(response.decapsulate(&sealed).is_ok());
    assert_eq!(problem.status, 400);
}

#[test]
fn questions_that_are_none_get_a_sealed_400() {
    let path = |path: &str| {
        (
            String::from("GET"),
            String::from("https"),
            HOST.to_owned(),
            path.to_owned(),
        )
    };
    let good = "/dnssecproof?d=a.example.&t=TXT";
    let mut refused = [
        "/",
        "/dnssecproof",
        "/dnssecproof?",
        "/dnssecproofs?d=a.&t=A",
        "/dnssecproof?d=a.example.",
        "/dnssecproof?t=TXT",
        "/dnssecproof?d=a.&d=b.&t=A",
        "/dnssecproof?d=a.&t=A&t=A",
        "/dnssecproof?d=a.&t=A&x=1",
        "/dnssecproof?d=a.&t=A&",
        "/dnssecproof?d=a.example&t=A",
        "/dnssecproof?d=a%2e.&t=A",
        "/dnssecproof?d=a.&t=",
        "/dnssecproof?d=&t=A",
        "https://gateway.test/dnssecproof?d=a.&t=A",
        "/dnssecproof?d=a.&t=A#f",
    ]
    .map(path)
    .to_vec();
    for (method, scheme, authority) in [
        ("POST", "https", HOST),
        ("get", "https", HOST),
        ("GET", "http", HOST),
        ("GET", "https", "other.test"),
        ("GET", "https", ""),
        ("GET", "https", "gateway.test:8443"),
        ("GET", "https", "user@gateway.test"),
    ] {
        refused.push((method.into(), scheme.into(), authority.into(), good.into()));
    }
    for (method, scheme, authority, path) in refused {
        let message = support::request(&method, &scheme, &authority, &path);
        let (octets, _) = foreign_request(&message);
        let (request, _) = ring().open(&octets).unwrap();
        let problem = request.query(HOST).unwrap_err();
        assert_eq!(problem.status, 400, "{method} {scheme} {authority} {path}");
    }
}

#[test]
fn harmless_variants_of_a_question_are_served() {
    for (authority, path) in [
        ("GATEWAY.test", "/dnssecproof?d=a.example.&t=txt"),
        ("gateway.test:443", "/dnssecproof?t=TXT&d=a.example."),
    ] {
        let (octets, _) = foreign_request(&support::request("GET", "HTTPS", authority, path));
        let (request, _) = ring().open(&octets).unwrap();
        let query = request.query(HOST).unwrap();
        assert_eq!(query.name, "a.example.");
    }
}

#[test]
fn an_answer_of_another_size_or_to_another_envelope_is_refused() {
    let (envelope, opener) = sealed(Suite::XWing, &query());
    let (_, sealer) = ring().open(&envelope).unwrap();
    let mut response = sealer.seal(&Answer::proof(vec![1])).unwrap();
    response.push(0);
    assert_eq!(
        opener.open(&response),
        Err(OpenError::Size { bytes: 8_193 })
    );
    response.pop();
    let (_, another) = sealed(Suite::XWing, &query());
    assert_eq!(another.open(&response), Err(OpenError::Undecryptable));
}

#[test]
fn a_host_or_a_question_that_is_none_is_not_sealed() {
    let list = KeyConfigList::parse(keys(EPOCH).list()).unwrap();
    let config = list.config(Suite::XWing).unwrap();
    for host in ["", "gateway.test.", "gateway.test:443", "a/b", "a\r\nb"] {
        assert_eq!(
            seal(&query(), host, &config).err(),
            Some(SealError::Host),
            "{host}"
        );
    }
    let bare = ProofQuery {
        name: "a b".into(),
        rtype: "TXT".into(),
    };
    assert!(matches!(
        seal(&bare, HOST, &config),
        Err(SealError::Query(_))
    ));
}

#[test]
fn debug_output_holds_neither_question_nor_answer() {
    let question = ProofQuery::new("canary.example.", "TXT").unwrap();
    let (envelope, opener) = sealed(Suite::XWing, &question);
    let (request, sealer) = ring().open(&envelope).unwrap();
    let answer = Answer::proof(b"canary".to_vec());
    let shown = format!(
        "{envelope:?} {opener:?} {request:?} {sealer:?} {answer:?} {:?}",
        ring()
    );
    assert!(
        !shown.contains("canary") && !shown.contains("99, 97"),
        "{shown}"
    );
}

/// RFC 9458 section 3.1 in pieces.
fn configuration(kem: u16, public_key: &[u8], symmetric: &[[u16; 2]]) -> Vec<u8> {
    let mut encoded = vec![1];
    encoded.extend_from_slice(&kem.to_be_bytes());
    encoded.extend_from_slice(public_key);
    encoded.extend_from_slice(
        &u16::try_from(4 * symmetric.len())
            .expect("short")
            .to_be_bytes(),
    );
    for id in symmetric.iter().flatten() {
        encoded.extend_from_slice(&id.to_be_bytes());
    }
    encoded
}

fn list(configurations: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for encoded in configurations {
        list.extend_from_slice(&u16::try_from(encoded.len()).expect("short").to_be_bytes());
        list.extend_from_slice(encoded);
    }
    list
}

#[test]
fn configurations_we_cannot_use_are_skipped() {
    let aes_256_only = configuration(0x20, &[9; 32], &[[1, 2]]);
    let unknown_kdf_first = configuration(0x20, &[9; 32], &[[0xfff0, 1], [1, 0xfff0], [1, 1]]);
    let unknown_kem = configuration(0xfff0, b"?", &[[1, 1]]);
    let parsed = KeyConfigList::parse(&list(&[aes_256_only.clone(), unknown_kem.clone()])).unwrap();
    assert!(parsed.config(Suite::X25519).is_none());
    let mixed = list(&[aes_256_only, unknown_kem, unknown_kdf_first]);
    let parsed = KeyConfigList::parse(&mixed).unwrap();
    assert!(parsed.config(Suite::X25519).is_some());
    assert!(parsed.config(Suite::XWing).is_none());
    assert!(
        KeyConfigList::parse(&[])
            .unwrap()
            .config(Suite::XWing)
            .is_none()
    );
}

#[test]
fn malformed_lists_are_refused_as_a_whole() {
    let good = configuration(0x20, &[9; 32], &[[1, 1]]);
    let mut trailing = good.clone();
    trailing.push(0);
    let no_algorithm = configuration(0x20, &[9; 32], &[]);
    let short_key = configuration(0x20, &[9; 8], &[[1, 1]]);
    for bad in [trailing, no_algorithm, short_key, vec![1], Vec::new()] {
        let error = KeyConfigList::parse(&list(&[good.clone(), bad])).unwrap_err();
        assert_eq!(error, KeyListError::Malformed { index: 1 });
    }
    let overlong = configuration(0x647a, &[0xff; 1_216], &[[1, 1]]);
    let error = KeyConfigList::parse(&list(&[overlong])).unwrap_err();
    assert_eq!(error, KeyListError::PublicKey { index: 0 });
    assert_eq!(
        KeyConfigList::parse(&[0]).unwrap_err(),
        KeyListError::Truncated
    );
    assert_eq!(
        KeyConfigList::parse(&[0, 9, 1]).unwrap_err(),
        KeyListError::Truncated
    );
    assert_eq!(
        KeyConfigList::parse(&[0; 8_193]).unwrap_err(),
        KeyListError::TooLong
    );
}

#[test]
fn a_public_key_of_low_order_is_an_error_and_no_panic() {
    let parsed = KeyConfigList::parse(&list(&[configuration(0x20, &[0; 32], &[[1, 1]])]));
    if let Some(config) = parsed.ok().and_then(|list| list.config(Suite::X25519)) {
        assert_eq!(
            seal(&query(), HOST, &config).err(),
            Some(SealError::Encapsulation)
        );
    }
}

#[test]
fn a_key_document_yields_the_first_list_that_its_records_prove() {
    let (current, next) = (keys(EPOCH), keys(EPOCH.next()));
    let document = KeyDocument {
        lists: vec![
            (EPOCH, current.list().to_vec()),
            (EPOCH.next(), next.list().to_vec()),
        ],
        proof: b"proof".to_vec(),
    };
    let document = KeyDocument::decode(&document.encode().unwrap()).unwrap();
    let record = |keys: &sotto_envelope::EpochKeys| KeyRecord {
        operator: "operator.test".into(),
        epoch: keys.epoch(),
        digest: keys.digest(),
    };
    let both = KeyRecords::read([&current, &next].map(|keys| record(keys).to_rdata())).unwrap();
    let chosen =
        |records: &KeyRecords, now: u64| document.usable(records, now).map(|(epoch, _)| epoch);
    assert_eq!(chosen(&both, EPOCH.start()), Some(EPOCH));
    assert_eq!(chosen(&both, EPOCH.plus(2).start()), Some(EPOCH.next()));
    assert_eq!(chosen(&both, EPOCH.plus(3).start()), None);
    assert_eq!(chosen(&both, EPOCH.previous().previous().start()), None);
    let swapped = KeyRecord {
        digest: [0; 32],
        ..record(&current)
    };
    let swapped = KeyRecords::read([swapped.to_rdata(), record(&next).to_rdata()]).unwrap();
    assert_eq!(chosen(&swapped, EPOCH.start()), Some(EPOCH.next()));
}

#[test]
fn ring_lists_its_epochs() {
    let epochs: Vec<_> = ring().epochs().collect();
    assert_eq!(epochs, [EPOCH.previous(), EPOCH, EPOCH.next()]);
    assert!(KeyRing::new(Vec::new()).open(&[0; 2_048]).is_err());
}
