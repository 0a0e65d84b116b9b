use super::*;

const ID: u16 = 0x5107;

fn question() -> Question {
    Question {
        name: "_mimi.alice.example.com.".parse().unwrap(),
        rtype: RecordType::TXT,
    }
}

/// A response header and question for [`question`], then `rest`.
fn response(flags: u16, counts: [u16; 3], rest: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for value in [
        ID,
        flags | FLAG_RESPONSE,
        1,
        counts[0],
        counts[1],
        counts[2],
    ] {
        push_u16(&mut message, value);
    }
    message.extend_from_slice(question().name.as_wire());
    push_u16(&mut message, question().rtype.0);
    push_u16(&mut message, CLASS_IN);
    message.extend_from_slice(rest);
    message
}

fn rr(owner: &[u8], rtype: u16, class: u16, ttl: u32, rdata: &[u8]) -> Vec<u8> {
    let mut record = owner.to_vec();
    push_u16(&mut record, rtype);
    push_u16(&mut record, class);
    record.extend_from_slice(&ttl.to_be_bytes());
    push_u16(&mut record, u16::try_from(rdata.len()).unwrap());
    record.extend_from_slice(rdata);
    record
}

/// A pointer to the name of the question.
const TO_QUESTION: &[u8] = &[0xc0, 12];

#[test]
fn a_query_asks_for_signatures_and_for_no_validation() {
    let message = query(ID, &question(), 1_232);
    assert_eq!(message[..2], ID.to_be_bytes());
    assert_eq!(message[2..4], [0x01, 0x10], "RD and CD, nothing else");
    assert_eq!(message[4..12], [0, 1, 0, 0, 0, 0, 0, 1]);
    let opt = &message[message.len() - 11..];
    assert_eq!(
        opt,
        [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0],
        "DO, no option"
    );
}

#[test]
fn names_in_owner_and_data_are_decompressed() {
    // CNAME to "x." plus the question's name from its second label on.
    let rdata = [1, b'x', 0xc0, 12 + 6];
    let message = response(0, [1, 0, 0], &rr(TO_QUESTION, 5, 1, 300, &rdata));
    let read = parse(&message, ID, &question()).unwrap();
    assert_eq!(read.answer.len(), 1);
    assert_eq!(read.answer[0].owner, question().name);
    let target: Name = "x.alice.example.com.".parse().unwrap();
    assert_eq!(*read.answer[0].rdata, *target.as_wire());
}

#[test]
fn the_case_of_the_question_is_not_looked_at() {
    let mut message = response(0, [0, 0, 0], &[]);
    message[13] = message[13].to_ascii_uppercase();
    message[14..18].make_ascii_uppercase();
    assert!(parse(&message, ID, &question()).is_ok());
}

#[test]
fn what_was_not_asked_is_unrelated() {
    let good = response(0, [0, 0, 0], &[]);
    assert_eq!(
        parse(&good, ID ^ 1, &question()),
        Err(MessageError::WrongId)
    );
    let other = Question {
        rtype: RecordType::A,
        ..question()
    };
    assert_eq!(parse(&good, ID, &other), Err(MessageError::WrongQuestion));
    assert_eq!(
        parse(&query(ID, &question(), 1_232), ID, &question()),
        Err(MessageError::NotAResponse)
    );
    assert_eq!(
        parse(&good[..11], ID, &question()),
        Err(MessageError::Length(11))
    );
    for error in [
        MessageError::WrongId,
        MessageError::WrongQuestion,
        MessageError::NotAResponse,
    ] {
        assert!(error.is_unrelated());
    }
    assert!(!MessageError::Name.is_unrelated());
}

#[test]
fn a_truncated_response_has_no_sections() {
    let mut message = response(
        FLAG_TRUNCATED,
        [1, 0, 0],
        &rr(TO_QUESTION, 16, 1, 300, b"\x01a"),
    );
    message.truncate(message.len() - 1);
    let read = parse(&message, ID, &question()).unwrap();
    assert!(read.truncated && read.answer.is_empty());
}

#[test]
fn the_response_code_is_extended_by_edns() {
    // BADVERS is 16: the high octet is in the OPT record.
    let message = response(0, [0, 0, 1], &rr(&[0], 41, 1_232, 0x0100_0000, &[]));
    assert_eq!(parse(&message, ID, &question()).unwrap().rcode, 16);
}

#[test]
fn an_error_need_not_repeat_the_question() {
    let mut message = Vec::new();
    for value in [ID, FLAG_RESPONSE | 1, 0, 0, 0, 0] {
        push_u16(&mut message, value);
    }
    assert_eq!(parse(&message, ID, &question()).unwrap().rcode, 1);
    message[3] = 0;
    assert_eq!(
        parse(&message, ID, &question()),
        Err(MessageError::WrongQuestion)
    );
}

#[test]
fn pointers_go_backwards_only() {
    let owner_at = u8::try_from(response(0, [0; 3], &[]).len()).unwrap();
    for pointer in [[0xc0, owner_at], [0xc0, owner_at + 1], [0xff, 0xff]] {
        let message = response(0, [1, 0, 0], &rr(&pointer, 16, 1, 300, b"\x01a"));
        assert_eq!(parse(&message, ID, &question()), Err(MessageError::Name));
    }
    // "x" and a pointer to that very "x": each turn would add a label for ever.
    let message = response(
        0,
        [1, 0, 0],
        &rr(&[1, b'x', 0xc0, owner_at], 16, 1, 300, b"\x01a"),
    );
    assert_eq!(parse(&message, ID, &question()), Err(MessageError::Name));
}

#[test]
fn data_that_ends_early_or_late_is_refused() {
    let cut = response(0, [1, 0, 0], &rr(TO_QUESTION, 16, 1, 300, b"\x05abcde"));
    assert_eq!(
        parse(&cut[..cut.len() - 1], ID, &question()),
        Err(MessageError::Truncated)
    );
    // The name of a CNAME runs past the length of its data.
    let mut long = rr(TO_QUESTION, 5, 1, 300, &[1, b'x']);
    long.push(0);
    let message = response(0, [1, 0, 0], &long);
    assert_eq!(
        parse(&message, ID, &question()),
        Err(MessageError::Rdata(RecordType::CNAME))
    );
    let short = response(0, [1, 0, 0], &rr(TO_QUESTION, 46, 1, 300, &[0; 17]));
    assert_eq!(
        parse(&short, ID, &question()),
        Err(MessageError::Rdata(RecordType::RRSIG))
    );
}

#[test]
fn other_classes_are_left_out() {
    let message = response(0, [1, 0, 0], &rr(TO_QUESTION, 16, 3, 300, b"\x01a"));
    assert!(parse(&message, ID, &question()).unwrap().answer.is_empty());
}

#[test]
fn no_cut_of_a_response_panics() {
    let mut sections = rr(TO_QUESTION, 5, 1, 300, &[1, b'x', 0xc0, 12]);
    sections.extend(rr(
        &[0xc0, 18],
        6,
        1,
        300,
        &[&[0xc0, 18, 0xc0, 24][..], &[0; 20]].concat(),
    ));
    sections.extend(rr(&[0], 41, 1_232, 0x8000, &[]));
    let message = response(0, [1, 1, 1], &sections);
    assert!(parse(&message, ID, &question()).is_ok());
    for end in 0..message.len() {
        assert!(parse(&message[..end], ID, &question()).is_err());
    }
}

/// RFC 7830 section 3: one option of zeros, and its length said twice.
#[test]
fn a_padded_query_is_a_query_that_fills_its_block() {
    for (name, block) in [
        ("a.test", 1),
        ("a.test", 128),
        ("a.longer.test", 128),
        (".", 468),
    ] {
        let asked = Question {
            name: name.parse().unwrap(),
            rtype: RecordType::TXT,
        };
        let bare = query(7, &asked, 1_232);
        let padded = padded_query(7, &asked, 1_232, block);
        assert_eq!(padded.len() % block, 0, "{name} {block}");
        let (query, option) = padded.split_at(bare.len());
        assert!(option.len() < 4 + block);
        let (query, length) = query.split_last_chunk::<2>().unwrap();
        assert_eq!(query, &bare[..bare.len() - 2]);
        assert_eq!(usize::from(u16::from_be_bytes(*length)), option.len());
        assert_eq!(option[..2], 12u16.to_be_bytes());
        assert_eq!(option[2..4], (option.len() as u16 - 4).to_be_bytes());
        assert!(option[4..].iter().all(|&octet| octet == 0));
    }
}

/// RFC 6891 section 6.1.2: code, length, data, one after the other.
#[test]
fn the_options_of_a_message_are_told_by_their_codes() {
    let bare = query(ID, &question(), 1_232);
    assert_eq!(edns_options(&bare), Ok(vec![]));
    let padded = padded_query(ID, &question(), 1_232, 128);
    assert_eq!(edns_options(&padded), Ok(vec![EDNS_PADDING]));
    let options = [0, 8, 0, 4, 0, 1, 0, 0, 0, 10, 0, 0];
    let mut two = bare[..bare.len() - 2].to_vec();
    push_u16(&mut two, options.len() as u16);
    two.extend_from_slice(&options);
    assert_eq!(edns_options(&two), Ok(vec![8, 10]));
    // An option that is longer than its record, and messages that end early.
    let last = two.len() - 1;
    two[last] = 1;
    assert_eq!(edns_options(&two), Err(MessageError::Truncated));
    for end in 0..padded.len() {
        assert!(edns_options(&padded[..end]).is_err(), "{end}");
    }
    // Without an OPT record there are none.
    let mut plain = bare[..bare.len() - 11].to_vec();
    plain[10..12].copy_from_slice(&[0, 0]);
    assert_eq!(edns_options(&plain), Ok(vec![]));
}
