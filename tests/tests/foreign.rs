//! Foreign software on every side: an RFC 9458 client and a relay that know nothing of ours, and another reader of
//! our proofs.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may panic as the test may"
)]

use std::fs;
use std::io::{BufRead, BufReader, Cursor, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use bhttp::{Message, Mode};
use sotto_proof::{Anchors, Limits, Question, Verdict, decode, verify};
use sotto_tests::raw::{RawConnection, RawResponse};
use sotto_tests::{GATEWAY_HOST, Hierarchy, Parties, now, sotto};
use sotto_wire::{AnswerClass, Problem, ProblemType, media, path};

/// Talks to the gateway with the credentials of a relay.
fn gateway() -> (RawConnection, String) {
    let parties = Parties::shared().unwrap();
    let connection =
        RawConnection::open(parties.to_gateway().address(), &parties.gateway_ca()).unwrap();
    (
        connection,
        format!("Authorization: {}\r\n", parties.relay_credentials()),
    )
}

/// Fetches the key configurations as RFC 9540 says, and takes what the library takes: the last one.
fn client(connection: &mut RawConnection, credentials: &str) -> ohttp::ClientRequest {
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {GATEWAY_HOST}\r\n{credentials}",
        path::GATEWAY
    );
    let list = connection.exchange(&head, &[]).unwrap();
    assert_eq!(list.status(), Some(200), "{}", list.head);
    assert!(list.head.contains(media::OHTTP_KEYS), "{}", list.head);
    ohttp::ClientRequest::from_encoded_config_list(&list.body).unwrap()
}

fn post(connection: &mut RawConnection, credentials: &str, envelope: &[u8]) -> RawResponse {
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {GATEWAY_HOST}\r\nContent-Type: {}\r\n{credentials}",
        path::GATEWAY,
        media::OHTTP_REQUEST
    );
    connection.exchange(&head, envelope).unwrap()
}

/// A request with fields, neither padded nor of known length.
fn request(mode: Mode, fields: &[(&str, &str)], target: &str) -> Vec<u8> {
    let [method, scheme, authority, path] =
        ["GET", "https", GATEWAY_HOST, target].map(|text| text.as_bytes().to_vec());
    let mut message = Message::request(method, scheme, authority, path);
    for (name, value) in fields {
        message.put_header(*name, *value);
    }
    let mut octets = Vec::new();
    message.write_bhttp(mode, &mut octets).unwrap();
    octets
}

/// Sends one request in one envelope and reads the answer in it.
fn exchange(message: &[u8]) -> Message {
    let (mut connection, credentials) = gateway();
    let (envelope, response) = client(&mut connection, &credentials)
        .encapsulate(message)
        .unwrap();
    let sealed = post(&mut connection, &credentials, &envelope);
    assert_eq!(
        (sealed.status(), sealed.body.len()),
        (Some(200), AnswerClass::Base.bytes())
    );
    let octets = response.decapsulate(&sealed.body).unwrap();
    Message::read_bhttp(&mut Cursor::new(octets)).unwrap()
}

fn status(message: &Message) -> u16 {
    message.control().status().unwrap().code()
}

const TARGET: &str = "/dnssecproof?d=_mimi.alice.nsec.test.&t=TXT";

#[test]
fn a_foreign_client_is_served_a_proof_in_every_form_of_its_request() {
    let hierarchy = Hierarchy::shared().unwrap();
    let anchors = Anchors::parse(&fs::read_to_string(hierarchy.anchor()).unwrap()).unwrap();
    let question = Question {
        name: "_mimi.alice.nsec.test.".parse().unwrap(),
        rtype: "TXT".parse().unwrap(),
    };
    let fields = [("accept", "*/*"), ("user-agent", "foreign/1")];
    for message in [
        request(Mode::KnownLength, &[], TARGET),
        request(Mode::IndeterminateLength, &[], TARGET),
        request(Mode::KnownLength, &fields, TARGET),
    ] {
        let answer = exchange(&message);
        assert_eq!(status(&answer), 200);
        assert_eq!(
            answer.header().get(b"content-type"),
            Some(media::PROOF.as_bytes())
        );
        let verification = verify(
            answer.content(),
            &question,
            &anchors,
            now(),
            &Limits::default(),
        );
        assert!(matches!(verification.verdict, Verdict::Secure(_)));
    }
}

#[test]
fn a_foreign_client_is_told_under_seal_what_is_wrong() {
    for (message, expected) in [
        (request(Mode::KnownLength, &[], "/"), 400),
        (
            request(Mode::KnownLength, &[], "/dnssecproof?d=example.com.&t=A"),
            403,
        ),
        (b"garbage".to_vec(), 400),
    ] {
        let answer = exchange(&message);
        assert_eq!(status(&answer), expected);
        assert!(Problem::from_json(answer.content()).is_some());
    }
}

#[test]
fn a_date_that_is_far_off_is_the_date_problem_with_the_gateway_s_date() {
    let date = [("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let answer = exchange(&request(Mode::KnownLength, &date, TARGET));
    assert_eq!(status(&answer), 400);
    let problem = Problem::from_json(answer.content()).unwrap();
    assert_eq!(problem.kind(), Some(ProblemType::Date));
    assert!(answer.header().get(b"date").is_some());
}

#[test]
fn an_envelope_for_no_key_of_the_gateway_is_the_key_problem_in_the_open() {
    let (mut connection, credentials) = gateway();
    let (mut envelope, _) = client(&mut connection, &credentials)
        .encapsulate(b"anything")
        .unwrap();
    envelope[0] ^= 0x80;
    let refused = post(&mut connection, &credentials, &envelope);
    assert_eq!(refused.status(), Some(400));
    assert!(refused.head.contains(media::PROBLEM), "{}", refused.head);
    let problem = Problem::from_json(&refused.body).unwrap();
    assert_eq!(problem.kind(), Some(ProblemType::OhttpKey));
}

#[test]
fn a_relay_without_credentials_is_not_admitted() {
    let (mut connection, _) = gateway();
    for credentials in ["", "Authorization: Bearer guess\r\n"] {
        let refused = post(&mut connection, credentials, &[0; 2_048]);
        assert_eq!(refused.status(), Some(401), "{}", refused.head);
    }
}

/// A relay as RFC 9458 has it and no more: one resource, nothing well known, HTTP/1.1 in clear on loopback.
fn foreign_relay() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // A client that goes away early is no concern of the relay's.
            let _ = relay_one(client);
        }
    });
    address
}

fn relay_one(client: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.to_ascii_lowercase());
    }
    let field = |name: &str| {
        lines
            .iter()
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    let is_resource = lines
        .first()
        .is_some_and(|line| line.starts_with("post /ohttp "));
    let response = if is_resource && field("content-type:") == Some(media::OHTTP_REQUEST) {
        let mut envelope = vec![0; field("content-length:").unwrap_or("0").parse().unwrap()];
        reader.read_exact(&mut envelope)?;
        let (mut connection, credentials) = gateway();
        let body = post(&mut connection, &credentials, &envelope).body;
        let media_type = media::OHTTP_RESPONSE;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        [head.into_bytes(), body].concat()
    } else {
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
    };
    (&client).write_all(&response)
}

#[test]
fn a_foreign_relay_can_stand_between_with_keys_from_a_file() {
    let hierarchy = Hierarchy::shared().unwrap();
    let (mut connection, credentials) = gateway();
    let head = format!(
        "GET {} HTTP/1.1\r\nHost: {GATEWAY_HOST}\r\n{credentials}",
        path::GATEWAY_KEYS
    );
    let document = connection.exchange(&head, &[]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("keys");
    fs::write(&file, document.body).unwrap();
    let relay = format!("http://{}/ohttp", foreign_relay());
    let (anchor, file) = (
        hierarchy.anchor().display().to_string(),
        file.display().to_string(),
    );
    let arguments = [
        "lookup",
        "alice.nsec.test",
        "--json",
        "--allow-http",
        "--relay",
        &relay,
        "--gateway",
        GATEWAY_HOST,
        "--anchor",
        &anchor,
        "--key-document",
        &file,
        "--relay-operator",
        "foreign-relay.test",
    ];
    let ran = sotto::run(&arguments).unwrap();
    let report = ran.json().unwrap();
    assert_eq!(
        (ran.code, report["outcome"].as_str()),
        (0, Some("found")),
        "{ran:?}"
    );
    assert_eq!(report["private"], true, "{ran:?}");
}

/// A gateway as RFC 9458 has it and no more, over the `ohttp` crate: it answers with the path asked for, and gives its
/// relay every reason to say who asked. The heads of all requests that reach it go to `heads`.
fn foreign_gateway(heads: mpsc::Sender<String>) -> SocketAddr {
    let suite =
        ohttp::SymmetricSuite::new(ohttp::hpke::Kdf::HkdfSha256, ohttp::hpke::Aead::Aes128Gcm);
    let key = ohttp::KeyConfig::new(7, ohttp::hpke::Kem::X25519Sha256, vec![suite]).unwrap();
    let list = ohttp::KeyConfig::encode_list(&[&key]).unwrap();
    let server = ohttp::Server::new(key).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for relay in listener.incoming().flatten() {
            // A relay that goes away early is no concern of the gateway's.
            let _ = open_one(relay, &server, &list, &heads);
        }
    });
    address
}

fn open_one(
    relay: TcpStream,
    server: &ohttp::Server,
    list: &[u8],
    heads: &mpsc::Sender<String>,
) -> anyhow::Result<()> {
    let mut reader = BufReader::new(relay.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut envelope = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut envelope)?;
    let (status, media_type, body) = if head.starts_with(&format!("GET {} ", path::GATEWAY)) {
        ("200 OK", media::OHTTP_KEYS, list.to_vec())
    } else if head.starts_with(&format!("POST {} ", path::GATEWAY)) {
        let (request, response) = server.decapsulate(&envelope)?;
        let request = Message::read_bhttp(&mut Cursor::new(request))?;
        let mut answer = Message::response(bhttp::StatusCode::OK);
        answer.write_content(request.control().path().unwrap_or_default());
        let mut octets = Vec::new();
        answer.write_bhttp(Mode::KnownLength, &mut octets)?;
        (
            "200 OK",
            media::OHTTP_RESPONSE,
            response.encapsulate(&octets)?,
        )
    } else {
        ("404 Not Found", "text/plain", Vec::new())
    };
    heads.send(head)?;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nSet-Cookie: who=you\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (&relay).write_all(&[head.as_bytes(), &body].concat())?;
    Ok(())
}

#[test]
fn a_foreign_client_reaches_a_foreign_gateway_through_our_relay() {
    let (sender, heads) = mpsc::channel();
    let parties = Parties::before_foreign(foreign_gateway(sender)).unwrap();
    let mut relay = RawConnection::open(parties.to_relay().address(), &parties.ca()).unwrap();
    let resource = format!("/{GATEWAY_HOST}");
    let list = relay
        .exchange(&format!("GET {resource} HTTP/1.1\r\nHost: relay\r\n"), &[])
        .unwrap();
    assert_eq!(list.status(), Some(200), "{}", list.head);

    let client = ohttp::ClientRequest::from_encoded_config_list(&list.body).unwrap();
    let (envelope, opener) = client
        .encapsulate(&request(Mode::KnownLength, &[], "/anything"))
        .unwrap();
    let head = format!(
        "POST {resource} HTTP/1.1\r\nHost: relay\r\nContent-Type: {}\r\nCookie: me=me\r\nUser-Agent: me\r\n",
        media::OHTTP_REQUEST
    );
    let answer = relay.exchange(&head, &envelope).unwrap();
    assert_eq!(answer.status(), Some(200), "{}", answer.head);
    assert!(
        !answer.head.to_ascii_lowercase().contains("cookie"),
        "{}",
        answer.head
    );
    let message = opener.decapsulate(&answer.body).unwrap();
    let message = Message::read_bhttp(&mut Cursor::new(message)).unwrap();
    assert_eq!(message.content(), b"/anything");

    drop(parties);
    for head in heads.try_iter() {
        let head = head.to_ascii_lowercase();
        assert!(
            !head.contains("cookie") && !head.contains("me=me") && !head.contains("user-agent: me"),
            "{head}"
        );
    }
}

#[test]
fn another_implementation_reads_our_positive_proofs() {
    let hierarchy = Hierarchy::shared().unwrap();
    for (name, rtype) in [
        ("_mimi.alice.nsec.test.", "TXT"),
        ("_mimi.bob.nsec3.test.", "TXT"),
        ("_mimi.dora.ed25519.example.", "TXT"),
        ("_mimi.emil.ldns.example.", "TXT"),
        ("anybody._user._mimi.nsec3.test.", "TXT"),
        ("_mimi.karl.cname.test.", "TXT"),
        ("ns.nsec.test.", "A"),
    ] {
        let proof = hierarchy.prove(name, rtype).unwrap();
        let ours = decode(&proof, &Limits::default()).unwrap();
        let theirs = dnssec_prover::ser::parse_rr_stream(&proof)
            .unwrap_or_else(|()| panic!("{name} {rtype}"));
        assert_eq!(theirs.len(), ours.len(), "{name} {rtype}");
    }
}
