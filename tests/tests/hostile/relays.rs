//! Relays that do not keep to the protocol. A relay here is a script over a plain socket, so that it can send
//! any octets at all, and end where it likes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use sotto_client::mimi::RecordForm;
use sotto_client::{Client, Code, Report};
use sotto_envelope::Answer;
use sotto_wire::{AnswerClass, GatewayEntry, Mixing, RelayDescription, media, path};

use crate::gateway::{HOST, RELAY_OPERATOR, Scene};
use crate::{ALICE, alice_at, lookup, provider, unavailable};

/// The three things that a client asks of a relay, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Description,
    Keys,
    Question,
}

const ALL: [Asked; 3] = [Asked::Description, Asked::Keys, Asked::Question];

/// What a relay does.
#[derive(Clone)]
pub(crate) enum Act {
    /// Sends these octets and reads the next request.
    Send(Vec<u8>),
    /// Sends these octets and closes the connection.
    HangUp(Vec<u8>),
    /// Sends nothing until the client goes.
    Wait,
}

/// A relay that follows a script, for as long as the test process lasts.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) questions: Arc<AtomicUsize>,
}

impl Relay {
    pub(crate) fn start(mut act: impl FnMut(Asked, &[u8]) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&questions);
        thread::spawn(move || {
            for stream in listener.incoming() {
                converse(&mut stream.unwrap(), |asked, body| {
                    if asked == Asked::Question {
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    act(asked, body)
                });
            }
        });
        Self { address, questions }
    }

    /// A relay that is honest but for its answer to one request.
    fn honest_but_for(scene: &Scene, wrong: Asked, act: Act) -> Self {
        let mut honest = honest(scene);
        Self::start(move |asked, body| {
            if asked == wrong {
                act.clone()
            } else {
                Act::Send(honest(asked, body))
            }
        })
    }
}

/// Serves one connection to its end.
fn converse(stream: &mut TcpStream, mut act: impl FnMut(Asked, &[u8]) -> Act) {
    let mut received = Vec::new();
    while let Some((head, body)) = next_request(stream, &mut received) {
        let line = head.lines().next().unwrap_or_default();
        let asked = match line {
            line if line.starts_with("POST") => Asked::Question,
            line if line.contains(path::DESCRIPTION) => Asked::Description,
            _ => Asked::Keys,
        };
        let (octets, goes_on) = match act(asked, &body) {
            Act::Send(octets) => (octets, true),
            Act::HangUp(octets) => (octets, false),
            Act::Wait => {
                let _ = stream.read(&mut [0]);
                return;
            }
        };
        // A client that has gone has its reason.
        if stream.write_all(&octets).is_err() || !goes_on {
            return;
        }
    }
}

fn next_request(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    let mut buffer = [0; 4_096];
    loop {
        if let Some(at) = received.windows(4).position(|octets| octets == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..at]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |digits| digits.trim().parse().unwrap());
            let (start, end) = (at + 4, at + 4 + length);
            if received.len() >= end {
                let head = String::from_utf8_lossy(&received[..at]).into_owned();
                let body = received[start..end].to_vec();
                received.drain(..end);
                return Some((head, body));
            }
        }
        match stream.read(&mut buffer) {
            Ok(read @ 1..) => received.extend_from_slice(&buffer[..read]),
            _ => return None,
        }
    }
}

fn response(status: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        content.len()
    );
    [head.as_bytes(), content].concat()
}

/// A key document, as a relay sends it.
pub(crate) fn key_document(document: &[u8]) -> Vec<u8> {
    response("200 OK", media::KEY_DOCUMENT, document)
}

/// What an honest relay with an honest gateway sends, as whole responses.
pub(crate) fn honest(scene: &Scene) -> impl FnMut(Asked, &[u8]) -> Vec<u8> + Send + use<> {
    let description = RelayDescription {
        version: RelayDescription::VERSION,
        operator: RELAY_OPERATOR.to_owned(),
        contact: format!("mailto:noc@{RELAY_OPERATOR}"),
        policy: None,
        gateways: vec![GatewayEntry {
            host: HOST.to_owned(),
            resource: format!("/{HOST}"),
        }],
        mixing: Mixing::Off,
    };
    let edition = scene.publish(&alice_at("im.test"));
    let document = scene.document(&edition).encode().unwrap();
    let ring = scene.ring();
    move |asked, body| match asked {
        Asked::Description => response(
            "200 OK",
            media::JSON,
            &serde_json::to_vec(&description).unwrap(),
        ),
        Asked::Keys => key_document(&document),
        Asked::Question => {
            let (request, sealer) = ring.open(body).unwrap();
            let query = request.query(HOST).unwrap();
            let answer = Answer::proof(edition.prove(&query.name, &query.rtype));
            response(
                "200 OK",
                media::OHTTP_RESPONSE,
                &sealer.seal(&answer).unwrap(),
            )
        }
    }
}

async fn through(scene: &Scene, relay: &Relay) -> Report {
    lookup(
        scene
            .setup(relay.address)
            .request_timeout(1)
            .build()
            .unwrap(),
    )
    .await
}

/// Looks alice up through a relay that does one thing wrong, and gives the reason and how many questions
/// the relay got.
async fn with(wrong: Asked, act: Act) -> (Code, usize) {
    let scene = Scene::new();
    let relay = Relay::honest_but_for(&scene, wrong, act);
    let code = unavailable(&through(&scene, &relay).await);
    (code, relay.questions.load(Ordering::SeqCst))
}

/// Questions that a relay gets if it does wrong at a step: none before that step, and one for good.
fn one_question_at_most(wrong: Asked) -> usize {
    usize::from(wrong == Asked::Question)
}

#[tokio::test]
async fn the_script_of_an_honest_relay_works() {
    let scene = Scene::new();
    let mut honest = honest(&scene);
    let relay = Relay::start(move |asked, body| Act::Send(honest(asked, body)));
    assert_eq!(provider(&through(&scene, &relay).await), "im.test");
}

#[tokio::test]
async fn html_is_not_taken_for_an_answer() {
    for wrong in ALL {
        for (status, expected) in [
            ("200 OK", Code::UnexpectedMediaType),
            ("403 Forbidden", Code::RelayRefused),
            ("500 Internal Server Error", Code::UnexpectedStatus),
        ] {
            let page = response(status, "text/html", b"<html>Please log in</html>");
            let (code, questions) = with(wrong, Act::Send(page)).await;
            assert_eq!(code, expected, "{wrong:?} {status}");
            assert_eq!(questions, one_question_at_most(wrong), "{wrong:?} {status}");
        }
    }
}

#[tokio::test]
async fn redirects_are_never_followed() {
    // Whoever connects here has followed.
    let trap = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    trap.set_nonblocking(true).unwrap();
    let elsewhere = trap.local_addr().unwrap();
    for wrong in ALL {
        for status in [
            "301 Moved Permanently",
            "302 Found",
            "303 See Other",
            "307 Temporary Redirect",
            "308 Permanent Redirect",
        ] {
            let octets = format!(
                "HTTP/1.1 {status}\r\nLocation: http://{elsewhere}/\r\nContent-Length: 0\r\n\r\n"
            );
            let (code, questions) = with(wrong, Act::Send(octets.into_bytes())).await;
            assert_eq!(code, Code::Redirected, "{wrong:?} {status}");
            assert_eq!(questions, one_question_at_most(wrong), "{wrong:?} {status}");
        }
    }
    assert!(trap.accept().is_err(), "a redirect was followed");
}

#[tokio::test]
async fn a_relay_that_hangs_up_is_not_asked_again() {
    let class = AnswerClass::Base.bytes();
    let half = response("200 OK", media::OHTTP_RESPONSE, &vec![0; class]);
    let cut = half[..half.len() - class / 2].to_vec();
    for wrong in ALL {
        for (octets, what) in [
            (Vec::new(), "nothing"),
            (b"HTTP/1.1 200 OK\r\nContent-".to_vec(), "half a head"),
            (cut.clone(), "half of the content"),
            (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "another protocol"),
        ] {
            let (code, questions) = with(wrong, Act::HangUp(octets)).await;
            assert_eq!(code, Code::ConnectionLost, "{wrong:?} {what}");
            assert_eq!(questions, one_question_at_most(wrong), "{wrong:?} {what}");
        }
    }
}

#[tokio::test]
async fn a_relay_that_says_nothing_is_given_up_in_time() {
    for wrong in ALL {
        let (code, questions) = with(wrong, Act::Wait).await;
        assert_eq!(code, Code::TimedOut, "{wrong:?}");
        assert_eq!(questions, one_question_at_most(wrong), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_answer_of_no_class_is_refused() {
    let answer = |octets: usize| {
        let content = vec![7; octets];
        Act::Send(response("200 OK", media::OHTTP_RESPONSE, &content))
    };
    let (base, overflow) = (AnswerClass::Base.bytes(), AnswerClass::Overflow.bytes());
    for octets in [0, 1, 1_000, base - 1, base + 1, overflow - 1] {
        let (code, _) = with(Asked::Question, answer(octets)).await;
        assert_eq!(code, Code::AnswerSize, "{octets}");
    }
    for octets in [overflow + 1, 4 * overflow] {
        let (code, _) = with(Asked::Question, answer(octets)).await;
        assert_eq!(code, Code::ResponseTooLarge, "{octets}");
    }
    for octets in [base, overflow] {
        let (code, _) = with(Asked::Question, answer(octets)).await;
        assert_eq!(code, Code::AnswerUnreadable, "unsealed garbage, {octets}");
    }
}

#[tokio::test]
async fn a_description_or_document_without_end_is_not_read_to_it() {
    for wrong in [Asked::Description, Asked::Keys] {
        let media_type = match wrong {
            Asked::Description => media::JSON,
            _ => media::KEY_DOCUMENT,
        };
        let endless = Act::HangUp(response("200 OK", media_type, &vec![b' '; 1 << 20]));
        let (code, questions) = with(wrong, endless).await;
        assert_eq!((code, questions), (Code::ResponseTooLarge, 0), "{wrong:?}");
    }
}

#[tokio::test]
async fn an_answer_belongs_to_one_envelope() {
    let scene = Scene::new();
    let mut honest = honest(&scene);
    let first = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&first);
    // Answers every question with the answer to the first one.
    let relay = Relay::start(move |asked, body| {
        let octets = honest(asked, body);
        if asked != Asked::Question {
            return Act::Send(octets);
        }
        Act::Send(kept.lock().unwrap().get_or_insert(octets).clone())
    });
    let client = Client::new(scene.setup(relay.address).build().unwrap()).unwrap();
    let ask = || client.lookup(ALICE.parse().unwrap(), RecordForm::Txt);
    assert_eq!(provider(&ask().await), "im.test");
    assert_eq!(unavailable(&ask().await), Code::AnswerUnreadable);
    assert!(first.lock().unwrap().is_some());
}

#[tokio::test]
async fn a_description_that_points_elsewhere_or_lies_is_refused() {
    let scene = Scene::new();
    let good: serde_json::Value = {
        let octets = honest(&scene)(Asked::Description, &[]);
        let at = octets
            .windows(4)
            .position(|octets| octets == b"\r\n\r\n")
            .unwrap();
        serde_json::from_slice(&octets[at + 4..]).unwrap()
    };
    let with_resource = |resource: &str| {
        let mut description = good.clone();
        description["gateways"][0]["resource"] = resource.into();
        description
    };
    let mut of_nobody = good.clone();
    of_nobody["operator"] = "".into();
    let mut newer = good.clone();
    newer["version"] = 2.into();
    for (description, expected) in [
        (with_resource("//evil.test/g"), Code::DescriptionInvalid),
        (with_resource(".evil.test/g"), Code::DescriptionInvalid),
        (with_resource("/../g"), Code::DescriptionInvalid),
        (of_nobody, Code::OperatorUnknown),
        (newer, Code::DescriptionInvalid),
        (serde_json::json!([]), Code::DescriptionInvalid),
    ] {
        let octets = serde_json::to_vec(&description).unwrap();
        let act = Act::Send(response("200 OK", media::JSON, &octets));
        let (code, questions) = with(Asked::Description, act).await;
        assert_eq!((code, questions), (expected, 0), "{description}");
    }
}
