use super::*;

/// RFC 9292 section 5.1 in its shortest form: GET https://example.com/, everything else omitted.
const MINIMAL: &[u8] = b"\x00\x03GET\x05https\x0bexample.com\x01/";

fn request_with(name: &str, value: &[u8]) -> Vec<u8> {
    let mut message = Message::request(
        b"GET".to_vec(),
        b"https".to_vec(),
        b"example.com".to_vec(),
        b"/".to_vec(),
    );
    message.put_header(name, value);
    encode(&message).unwrap()
}

fn written(answer: &Answer) -> Result<Vec<u8>, MessageError> {
    let mut octets = Vec::new();
    ResponseMessage::new(answer)?.write(&mut octets);
    Ok(octets)
}

#[test]
fn a_message_that_omits_its_end_reads_with_and_without_padding() {
    for padding in [0, 1, 2, 3, 100] {
        let padded = pad(MINIMAL.to_vec(), MINIMAL.len() + padding).unwrap();
        let head = read_request(&padded).unwrap_or_else(|error| panic!("{padding}: {error}"));
        assert_eq!(
            (head.authority.as_str(), head.path.as_str()),
            ("example.com", "/")
        );
    }
}

#[test]
fn padding_must_be_zero() {
    let mut padded = pad(MINIMAL.to_vec(), 100).unwrap();
    *padded.last_mut().unwrap() = 1;
    assert_eq!(read_request(&padded).err(), Some(MessageError::Padding));
}

#[test]
fn padding_never_cuts() {
    assert_eq!(pad(MINIMAL.to_vec(), MINIMAL.len() - 1), None);
}

#[test]
fn fields_that_are_not_http_are_refused() {
    for (name, value) in [
        (":method", b"PUT".as_slice()),
        (":path", b"/other"),
        ("Date", b"upper case"),
        ("a b", b"space"),
        ("a", b"cr\rlf"),
        ("a", b"cr\nlf"),
        ("a", b"nul\0"),
        ("a", b" leading"),
        ("a", b"trailing\t"),
    ] {
        let octets = request_with(name, value);
        assert_eq!(
            read_request(&octets).err(),
            Some(MessageError::Field),
            "{name}"
        );
    }
    assert!(read_request(&request_with("accept", b"*/*")).is_ok());
}

#[test]
fn control_data_that_is_not_http_is_refused() {
    for octets in [
        b"\x00\x04GE T\x05https\x01a\x01/".as_slice(),
        b"\x00\x03GET\x05http\n\x01a\x01/",
        b"\x00\x03GET\x05https\x02a\r\x01/",
        b"\x00\x03GET\x05https\x01a\x03/ b",
        b"\x00\x03GET\x05https\x01a\x02/\xff",
        b"\x00\x00\x05https\x01a\x01/",
    ] {
        assert_eq!(read_request(octets).err(), Some(MessageError::Control));
    }
}

#[test]
fn a_date_may_occur_once() {
    let mut message = Message::request(vec![b'G'], vec![b'h'], Vec::new(), vec![b'/']);
    message.put_header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let once = read_request(&encode(&message).unwrap()).unwrap();
    assert_eq!(once.date.as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    message.put_header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let twice = read_request(&encode(&message).unwrap());
    assert_eq!(twice.err(), Some(MessageError::RepeatedField));
}

#[test]
fn a_flood_of_fields_is_refused() {
    let mut message = Message::request(vec![b'G'], vec![b'h'], Vec::new(), vec![b'/']);
    for _ in 0..=FIELDS_MAX {
        message.put_header("a", "b");
    }
    let octets = encode(&message).unwrap();
    assert_eq!(read_request(&octets).err(), Some(MessageError::Field));
}

#[test]
fn request_and_response_are_not_mistaken_for_one_another() {
    let answer = Answer::proof(vec![1, 2, 3]);
    let response = written(&answer).unwrap();
    assert_eq!(read_request(&response).err(), Some(MessageError::WrongKind));
    assert_eq!(read_response(MINIMAL).err(), Some(MessageError::WrongKind));
    assert_eq!(read_response(&response), Ok(answer));
}

#[test]
fn only_final_statuses_are_written() {
    for status in [0, 99, 100, 199, 600, u16::MAX] {
        let mut answer = Answer::proof(Vec::new());
        answer.status = status;
        assert_eq!(written(&answer), Err(MessageError::Control), "{status}");
    }
}

#[test]
fn a_proof_is_written_as_its_answer_is() {
    for octets in [0, 63, 64, 3_200, 16_384] {
        let answer = Answer::proof(vec![7; octets]);
        let mut proof = Vec::new();
        ResponseMessage::proof(&answer.body).write(&mut proof);
        assert_eq!(Ok(proof), written(&answer), "{octets}");
    }
}

#[test]
fn an_answer_cannot_smuggle_a_field() {
    let answer = Answer::proof(Vec::new()).with_date("now\r\nset-cookie: a=b");
    assert_eq!(written(&answer), Err(MessageError::Field));
}

#[test]
fn responses_are_written_as_another_implementation_writes_them() {
    for octets in [0, 1, 63, 64, 8_000, 16_383, 16_384, 65_000] {
        for status in [200, 403, 599] {
            let mut answer = Answer::proof(vec![7; octets]);
            answer.status = status;
            if octets % 2 == 1 {
                answer = answer.with_date("Sun, 06 Nov 1994 08:49:37 GMT");
            }
            let mut message = Message::response(StatusCode::try_from(status).unwrap());
            message.put_header("content-type", answer.media_type.clone().unwrap());
            if let Some(date) = &answer.date {
                message.put_header("date", date.as_str());
            }
            message.write_content(&answer.body);
            assert_eq!(
                written(&answer),
                Ok(encode(&message).unwrap()),
                "{status} {octets}"
            );
        }
    }
}

#[test]
fn the_class_is_known_before_the_message_is_written() {
    for octets in (0..65_600).step_by(41).chain(8_050..8_130) {
        let answer = Answer::proof(vec![0; octets]);
        let sealed = written(&answer).unwrap().len() + RESPONSE_OVERHEAD_BYTES;
        let smallest = AnswerClass::ALL
            .into_iter()
            .find(|class| sealed <= class.bytes());
        assert_eq!(answer.class(), smallest, "{octets}");
        assert_eq!(Answer::class_of_proof(&answer.body), smallest, "{octets}");
    }
}
