//! Octets from strangers: whatever they are, a result comes back and nothing panics.

mod support;

use proptest::collection::vec;
use proptest::prelude::*;
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, KeyConfigList, KeyDocument, KeyRecord, ProofQuery, Suite, seal};
use support::{EPOCH, HOST, foreign_request, keys, query, ring, sealed};

/// Alterations of honest octets: octets overwritten and, one time in four, a cut.
fn mutate(
    honest: &[u8],
    flips: &[(prop::sample::Index, u8)],
    cut: &prop::sample::Index,
) -> Vec<u8> {
    let mut octets = honest.to_vec();
    for (at, value) in flips {
        let at = at.index(octets.len());
        octets[at] = *value;
    }
    if cut.index(4) == 0 {
        octets.truncate(cut.index(honest.len()));
    }
    octets
}

fn flips() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec(any::<(prop::sample::Index, u8)>(), 1..6)
}

/// Whatever a list says, those of its configurations that it yields can be sealed with or refuse.
fn exercise_list(octets: &[u8]) {
    let Ok(list) = KeyConfigList::parse(octets) else {
        return;
    };
    assert_eq!(list.as_bytes(), octets);
    for config in Suite::ALL
        .into_iter()
        .filter_map(|suite| list.config(suite))
    {
        let _ =
            seal(&query(), HOST, &config).map(|(envelope, _)| assert_eq!(envelope.len(), 2_048));
    }
}

/// A document that reads is written back octet for octet.
fn exercise_document(octets: &[u8]) {
    if let Ok(document) = KeyDocument::decode(octets) {
        assert_eq!(document.encode().as_deref(), Ok(octets));
    }
}

fn exercise_message(octets: &[u8]) {
    let (envelope, _) = foreign_request(octets);
    if let Ok((request, sealer)) = ring().open(&envelope) {
        let _ = request.query(HOST);
        let _ = request.date();
        assert!(sealer.seal(&Answer::proof(Vec::new())).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn key_lists(octets in vec(any::<u8>(), 0..300)) {
        exercise_list(&octets);
    }

    #[test]
    fn altered_key_lists(flips in flips(), cut: prop::sample::Index) {
        exercise_list(&mutate(keys(EPOCH).list(), &flips, &cut));
    }

    #[test]
    fn key_documents(octets in vec(any::<u8>(), 0..300)) {
        exercise_document(&octets);
        exercise_document(&[b"SKD1", octets.as_slice()].concat());
    }

    #[test]
    fn altered_key_documents(flips in flips(), cut: prop::sample::Index) {
        let lists = vec![(EPOCH, vec![1; 40]), (EPOCH.next(), vec![2; 40])];
        let honest = KeyDocument { lists, proof: vec![3; 40] }.encode().unwrap();
        exercise_document(&mutate(&honest, &flips, &cut));
    }

    #[test]
    fn key_records(octets in vec(any::<u8>(), 0..300)) {
        if let Ok(record) = KeyRecord::parse(&octets) {
            prop_assert_eq!(KeyRecord::parse(&record.to_rdata()), Ok(record));
        }
    }

    #[test]
    fn key_record_texts(text in "v=OHTTPKEYS1(; ?[od]=[a-z0-9.:]{0,8}){0,3}") {
        let octets = [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        let _ = KeyRecord::parse(&octets);
    }

    #[test]
    fn state_files(text in any::<String>()) {
        prop_assert!(Ratchet::from_state(&text).is_err());
    }

    #[test]
    fn altered_state_files(flips in flips(), cut: prop::sample::Index) {
        let honest = Ratchet::new(EPOCH, [7; 32]).to_state();
        let octets = mutate(honest.as_bytes(), &flips, &cut);
        let text = String::from_utf8_lossy(&octets);
        if let Ok(ratchet) = Ratchet::from_state(&text) {
            // What still reads is the same state in another spelling.
            prop_assert_eq!(ratchet.to_state(), honest);
        }
    }

    #[test]
    fn questions(name in any::<String>(), rtype in any::<String>()) {
        let _ = ProofQuery::new(name, rtype);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn envelopes(octets in vec(any::<u8>(), 0..4_200)) {
        prop_assert!(ring().open(&octets).is_err());
    }

    #[test]
    fn envelopes_under_an_honest_header(octets in vec(any::<u8>(), 0..3_000)) {
        for suite in Suite::ALL {
            let header = sealed(suite, &query()).0[..7].to_vec();
            prop_assert!(ring().open(&[header, octets.clone()].concat()).is_err());
        }
    }

    #[test]
    fn messages(octets in vec(any::<u8>(), 0..600)) {
        exercise_message(&octets);
    }

    #[test]
    fn altered_messages(flips in flips(), cut: prop::sample::Index) {
        let honest = support::request("GET", "https", HOST, "/dnssecproof?d=a.example.&t=TXT");
        exercise_message(&mutate(&honest, &flips, &cut));
    }

    #[test]
    fn answers(octets in vec(any::<u8>(), 0..64)) {
        let mut response = octets;
        response.resize(8_192, 0);
        let (_, opener) = sealed(Suite::X25519, &query());
        prop_assert!(opener.open(&response).is_err());
    }
}
