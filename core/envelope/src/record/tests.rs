use super::*;

fn rdata(text: &str) -> Vec<u8> {
    let mut rdata = Vec::new();
    for part in text.as_bytes().chunks(100) {
        rdata.push(u8::try_from(part.len()).unwrap());
        rdata.extend_from_slice(part);
    }
    rdata
}

fn record(operator: &str, epoch: u64, fill: u8) -> KeyRecord {
    KeyRecord {
        operator: operator.to_owned(),
        epoch: Epoch(epoch),
        digest: [fill; 32],
    }
}

#[test]
fn a_record_survives_its_rdata() {
    let long = format!("{}.example", vec!["a".repeat(60); 4].join("."));
    for operator in ["gateway-operator.test", long.as_str()] {
        let record = record(operator, 20_779, 0xab);
        assert_eq!(KeyRecord::parse(&record.to_rdata()), Ok(record));
    }
}

#[test]
fn the_text_is_that_of_the_protocol() {
    let digest = "ab".repeat(32);
    let expected = format!("v=OHTTPKEYS1; o=operator.example; d=20779:{digest}");
    assert_eq!(record("operator.example", 20_779, 0xab).to_text(), expected);
}

#[test]
fn spacing_case_of_the_operator_and_unknown_tags_do_not_matter() {
    let digest = "ab".repeat(32);
    let text = format!("v=OHTTPKEYS1;x=new ;d = 7:{digest}; o=Operator.Example;");
    let expected = record("operator.example", 7, 0xab);
    assert_eq!(KeyRecord::parse(&rdata(&text)), Ok(expected));
}

#[test]
fn what_is_no_record_says_why() {
    let digest = "ab".repeat(32);
    for (text, error) in [
        (String::new(), KeyRecordError::NotOurs),
        ("v=spf1 -all".to_owned(), KeyRecordError::NotOurs),
        (
            format!("v=OHTTPKEYS10; o=a.b; d=7:{digest}"),
            KeyRecordError::NotOurs,
        ),
        ("v=OHTTPKEYS1".to_owned(), KeyRecordError::Tags),
        (format!("v=OHTTPKEYS1; d=7:{digest}"), KeyRecordError::Tags),
        (
            format!("v=OHTTPKEYS1; o=a.b; o=a.b; d=7:{digest}"),
            KeyRecordError::Tags,
        ),
        (
            format!("v=OHTTPKEYS1; o=a.b; d=7:{digest}; junk"),
            KeyRecordError::Tags,
        ),
        (
            format!("v=OHTTPKEYS1; o=a b; d=7:{digest}"),
            KeyRecordError::Operator,
        ),
        (
            format!("v=OHTTPKEYS1; o=; d=7:{digest}"),
            KeyRecordError::Operator,
        ),
        (
            format!("v=OHTTPKEYS1; o=a.b; d=07:{digest}"),
            KeyRecordError::Digest,
        ),
        (
            format!("v=OHTTPKEYS1; o=a.b; d=+7:{digest}"),
            KeyRecordError::Digest,
        ),
        (
            format!("v=OHTTPKEYS1; o=a.b; d=7:{digest}0"),
            KeyRecordError::Digest,
        ),
        (
            format!("v=OHTTPKEYS1; o=a.b; d=7:{}", "AB".repeat(32)),
            KeyRecordError::Digest,
        ),
        (
            format!("v=OHTTPKEYS1; o=a.b; d=7:{digest}; x=é"),
            KeyRecordError::Rdata,
        ),
    ] {
        assert_eq!(KeyRecord::parse(&rdata(&text)), Err(error), "{text}");
    }
    assert_eq!(KeyRecord::parse(&[5, b'v']), Err(KeyRecordError::Rdata));
}

#[test]
fn records_agree_or_are_none() {
    let set = |records: &[KeyRecord]| {
        let ours = records.iter().map(KeyRecord::to_rdata);
        KeyRecords::read(ours.chain([rdata("v=spf1 -all")]))
    };
    let good = set(&[
        record("a.b", 8, 2),
        record("a.b", 7, 1),
        record("a.b", 7, 1),
    ])
    .unwrap();
    assert_eq!(good.operator(), "a.b");
    assert_eq!(good.epochs().collect::<Vec<_>>(), [Epoch(7), Epoch(8)]);
    assert_eq!(good.digest(Epoch(8)), Some([2; 32]));
    assert_eq!(good.digest(Epoch(9)), None);
    assert_eq!(set(&[]), Err(KeyRecordError::Empty));
    let two = [record("a.b", 7, 1), record("a.c", 8, 2)];
    assert_eq!(set(&two), Err(KeyRecordError::Operators));
    let two = [record("a.b", 7, 1), record("a.b", 7, 2)];
    assert_eq!(set(&two), Err(KeyRecordError::Conflict(Epoch(7))));
}

#[test]
fn one_malformed_record_of_ours_spoils_the_set() {
    let good = record("a.b", 7, 1).to_rdata();
    let set = KeyRecords::read([good, rdata("v=OHTTPKEYS1; o=a.b")]);
    assert_eq!(set, Err(KeyRecordError::Tags));
}

#[test]
fn the_owner_name_is_absolute() {
    let expected = "_ohttp-keys.gateway.test.";
    assert_eq!(KeyRecord::owner_name("Gateway.test"), expected);
    assert_eq!(KeyRecord::owner_name("gateway.test."), expected);
}
