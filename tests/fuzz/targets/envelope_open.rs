//! The gateway's side of an envelope: arbitrary envelopes, honest ones altered, and any message inside an honest one.
//!
//! Asserted: what is not honest does not open, and all of it is refused alike; what opens is a question or a sealed
//! refusal; every answer has one of the two sizes, whatever was asked, and opens to what was sealed.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sotto_envelope::{Answer, OpenRefusal, ProofQuery, Request, Sealer, Suite, seal};
use sotto_fuzz::keys::{HOST, RING, config, foreign_request};
use sotto_fuzz::{Input, alter};
use sotto_wire::{AnswerClass, FOREIGN_REQUEST_MAX_BYTES, Problem, ProblemType, REQUEST_BYTES};

/// One honest envelope of each suite.
static HONEST: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let query = ProofQuery::new("_mimi.alice.example.com.", "TXT").expect("a question");
    Suite::ALL.map(|suite| {
        let sealed = seal(&query, HOST, &config(suite)).expect("an honest question");
        sealed.0.into_bytes()
    })
});

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    match input.u8() % 8 {
        0 => stranger(input.rest()),
        1 => {
            let honest = &HONEST[input.below(2)];
            let altered = alter::octets(honest, &mut input);
            if altered != *honest {
                stranger(&altered);
            }
        }
        2 => question(&mut input),
        3 => answer(&mut input),
        4 => {
            let message = alter::octets(&request(&mut input), &mut input);
            inside(&message, false);
        }
        5 => {
            let mut message = request(&mut input);
            message.resize(message.len() + usize::from(input.u8()), 0);
            inside(&message, true);
        }
        _ => inside(input.rest(), false),
    }
});

/// An envelope that nobody sealed.
fn stranger(envelope: &[u8]) {
    let Err(refusal) = RING.open(envelope) else {
        panic!("an envelope opens that nobody sealed");
    };
    let problem = refusal.problem();
    match refusal {
        OpenRefusal::TooLarge => {
            assert!(envelope.len() > FOREIGN_REQUEST_MAX_BYTES);
            assert_eq!(problem.status, 413);
        }
        OpenRefusal::UnknownKey | OpenRefusal::Undecryptable => {
            assert_eq!(problem.status, 400);
            assert_eq!(problem.kind(), Some(ProblemType::OhttpKey));
            if matches!(refusal, OpenRefusal::UnknownKey) {
                assert_eq!(RING.encapsulated_key(envelope), None);
            }
        }
        OpenRefusal::Malformed { .. } => panic!("an envelope decrypts that nobody sealed"),
    }
}

/// Any octets as the message of an honest envelope.
fn inside(message: &[u8], is_request: bool) {
    let (envelope, response) = foreign_request(message);
    let (sealer, problem) = match RING.open(&envelope) {
        Ok((request, sealer)) => (sealer, look_at(&request).err()),
        Err(refusal) => {
            let problem = refusal.problem();
            match refusal {
                OpenRefusal::Malformed { sealer, error } => {
                    assert!(!is_request, "{error}");
                    (*sealer, Some(problem))
                }
                OpenRefusal::TooLarge => {
                    assert!(envelope.len() > FOREIGN_REQUEST_MAX_BYTES);
                    return;
                }
                other => panic!("{other}"),
            }
        }
    };
    if let Some(problem) = &problem {
        assert_eq!(
            (problem.status, problem.kind()),
            (400, Some(ProblemType::Blank))
        );
    }
    let answer = problem.map_or_else(|| Answer::proof(message.to_vec()), Answer::problem);
    let sealed = sized(sealer, &answer).expect("a proof or problem this small can be sealed");
    let opened = response
        .decapsulate(&sealed)
        .expect("sealed for this client");
    assert!(opened.len() < sealed.len());
}

/// The question that a request is, or the problem with it.
fn look_at(request: &Request) -> Result<ProofQuery, Problem> {
    assert_eq!(format!("{request:?}"), "Request([redacted])");
    if let Some(date) = request.date() {
        assert!(date.is_ascii());
    }
    let query = request.query(HOST)?;
    let again = ProofQuery::new(query.name.clone(), query.rtype.clone());
    assert_eq!(again.as_ref(), Ok(&query));
    assert!(query.name.len() <= 254 && query.name.ends_with('.'));
    assert!(!query.name.contains(['%', '&', '=', '/', '?']));
    Ok(query)
}

/// Seals, and asserts that the size is that of the class and of nothing else.
fn sized(sealer: Sealer, answer: &Answer) -> Option<Vec<u8>> {
    let class = answer.class();
    let sealed = sealer.seal(answer).ok();
    assert_eq!(sealed.as_ref().map(Vec::len), class.map(AnswerClass::bytes));
    sealed
}

/// Any name and type, asked by our client.
fn question(input: &mut Input<'_>) {
    let suite = Suite::ALL[input.below(2)];
    let (name, rtype) = (input.text(), input.text());
    let Ok(query) = ProofQuery::new(name, rtype) else {
        return;
    };
    let (envelope, opener) =
        seal(&query, HOST, &config(suite)).expect("every question fits the envelope");
    assert_eq!(envelope.len(), REQUEST_BYTES);
    let (request, sealer) = RING.open(&envelope).expect("honest");
    assert_eq!(request.date(), None);
    assert_eq!(look_at(&request).as_ref(), Ok(&query));
    let answer = Answer::proof(input.rest().to_vec());
    let sealed = sized(sealer, &answer).expect("a proof this small can be sealed");
    assert_eq!(opener.open(&sealed).as_ref(), Ok(&answer));
}

/// Any answer, sealed by the gateway and opened by our client, or refused before.
fn answer(input: &mut Input<'_>) {
    let query = ProofQuery::new(".", "TXT").expect("a question");
    let (envelope, opener) = seal(&query, HOST, &config(Suite::X25519)).expect("honest");
    let (_, sealer) = RING.open(&envelope).expect("honest");
    let optional = |input: &mut Input<'_>| input.bool().then(|| input.text());
    let answer = Answer {
        status: input.u16() % 1_024,
        media_type: optional(input),
        date: optional(input),
        body: vec![input.u8(); usize::from(input.u16())],
    };
    if let Some(sealed) = sized(sealer, &answer) {
        match opener.open(&sealed) {
            Ok(opened) => assert_eq!(opened, answer),
            // A gateway's own mistake: our client reads ASCII alone.
            Err(error) => {
                let fields = [&answer.media_type, &answer.date];
                assert!(
                    fields.into_iter().flatten().any(|text| !text.is_ascii()),
                    "{error}"
                );
            }
        }
    }
}

/// A Binary HTTP request (RFC 9292 section 3.1) for nearly what is asked of a gateway.
fn request(input: &mut Input<'_>) -> Vec<u8> {
    let method: &[u8] = *input.pick(&[b"GET".as_slice(), b"GET", b"POST", b"HEAD"]);
    let scheme: &[u8] = *input.pick(&[b"https".as_slice(), b"HTTPS", b"http"]);
    let authority: &[u8] = *input.pick(&[
        HOST.as_bytes(),
        b"gateway.test:443",
        b"GATEWAY.test",
        b"",
        b"other.test",
    ]);
    let graphic = |octets: &[u8]| octets.iter().map(|octet| 0x21 + octet % 94).collect();
    let path: Vec<u8> = match input.u8() % 4 {
        0 => graphic(input.short()),
        1 => [b"/dnssecproof?", graphic(input.short()).as_slice()].concat(),
        2 => [b"/dnssecproof?t=TXT&d=", graphic(input.short()).as_slice()].concat(),
        _ => b"/dnssecproof?d=_mimi.a.example.&t=TXT".to_vec(),
    };
    let mut fields = Vec::new();
    for _ in 0..input.u8() % 4 {
        let name: &[u8] = *input.pick(&[b"date".as_slice(), b"accept", b"x", b"content-type"]);
        string(&mut fields, name);
        // At the ends of a value there is no white space (RFC 9110 section 5.5).
        string(&mut fields, &graphic(input.short()));
    }
    let content = match input.u8() % 4 {
        0 => input.short(),
        _ => &[],
    };
    // Date twice is malformed, whatever else holds.
    if fields
        .windows(5)
        .filter(|octets| octets == b"\x04date")
        .count()
        > 1
    {
        fields.clear();
    }
    // Known length, request.
    let mut octets = vec![0];
    for part in [method, scheme, authority, &path] {
        string(&mut octets, part);
    }
    string(&mut octets, &fields);
    string(&mut octets, content);
    string(&mut octets, &[]);
    octets
}

/// A length (RFC 9000 section 16) and so many octets.
fn string(octets: &mut Vec<u8>, part: &[u8]) {
    match part.len() {
        length @ 0..0x40 => octets.push(length as u8),
        length => octets.extend((0x4000 | length as u16).to_be_bytes()),
    }
    octets.extend_from_slice(part);
}
