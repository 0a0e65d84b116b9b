//! The resolver against servers that misbehave, on loopback.

use sotto_daemon::roots;
use sotto_proof::{
    RecordType,
    message::{self, MessageError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

use super::{transport::MAX_STRAYS, *};

const PATIENCE: Duration = Duration::from_secs(4);

fn at(servers: Vec<SocketAddr>, patience: Duration) -> Resolver {
    let servers = servers.into_iter().map(Server::from).collect();
    Resolver::new(servers, patience, &roots::believes_nobody())
}

fn question() -> Question {
    Question {
        name: "_mimi.alice.example.".parse().unwrap(),
        rtype: RecordType::TXT,
    }
}

/// A NOERROR response to a query, with one TXT record.
fn answer_to(query: &[u8]) -> Vec<u8> {
    // Header and question, without the OPT record that ends the query.
    let mut response = query[..query.len() - 11].to_vec();
    response[2] = 0x81;
    response[6..12].copy_from_slice(&[0, 1, 0, 0, 0, 0]);
    response.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 1, 44, 0, 2, 1, b'x']);
    response
}

fn with_rcode(query: &[u8], rcode: u8) -> Vec<u8> {
    let mut response = answer_to(query);
    response.truncate(query.len() - 11);
    response[3] = rcode;
    response[7] = 0;
    response
}

fn truncated(query: &[u8]) -> Vec<u8> {
    let mut response = with_rcode(query, 0);
    response[2] |= 0x02;
    response
}

/// What a server sends back for the n-th query over UDP, and what for one over TCP.
#[derive(Clone, Copy)]
struct Behaviour {
    udp: fn(usize, &[u8]) -> Vec<Vec<u8>>,
    tcp: fn(&[u8]) -> Option<Vec<u8>>,
}

const NO_TCP: fn(&[u8]) -> Option<Vec<u8>> = |_| None;

/// A server of that behaviour on a port of UDP and TCP.
async fn server(behaviour: Behaviour) -> SocketAddr {
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        // The same port may be taken for TCP: draw again.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4_096];
        for count in 0.. {
            let (length, peer) = udp.recv_from(&mut buffer).await.unwrap();
            for datagram in (behaviour.udp)(count, &buffer[..length]) {
                udp.send_to(&datagram, peer).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = tcp.accept().await.unwrap();
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await.unwrap();
            if let Some(response) = (behaviour.tcp)(&query) {
                let length = u16::try_from(response.len()).unwrap();
                let octets = [&length.to_be_bytes()[..], &response].concat();
                // The other end may have gone.
                let _: io::Result<()> = stream.write_all(&octets).await;
            }
        }
    });
    address
}

async fn ask(behaviour: Behaviour) -> Result<Response, ResolveError> {
    at(vec![server(behaviour).await], PATIENCE)
        .ask(&question())
        .await
}

#[tokio::test]
async fn a_response_is_the_one_to_the_question() {
    let behaviour = Behaviour {
        udp: |_, query| vec![answer_to(query)],
        tcp: NO_TCP,
    };
    let response = ask(behaviour).await.unwrap();
    assert_eq!(response.answer.len(), 1);
    assert_eq!(response.answer[0].owner, question().name);
}

#[tokio::test]
async fn strays_are_passed_over() {
    let behaviour = Behaviour {
        udp: |_, query| {
            let mut wrong_id = answer_to(query);
            wrong_id[0] ^= 1;
            let mut wrong_question = answer_to(query);
            wrong_question[13] ^= 1;
            vec![
                b"garbage".to_vec(),
                query.to_vec(),
                wrong_id,
                wrong_question,
                answer_to(query),
            ]
        },
        tcp: NO_TCP,
    };
    assert!(ask(behaviour).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_guesses_moves_the_question_to_tcp() {
    let behaviour = Behaviour {
        udp: |_, query| {
            let mut wrong_id = answer_to(query);
            wrong_id[0] ^= 1;
            let mut flood = vec![wrong_id; MAX_STRAYS];
            flood.push(with_rcode(query, 3));
            flood
        },
        tcp: |query| Some(answer_to(query)),
    };
    assert_eq!(ask(behaviour).await.unwrap().answer.len(), 1);
}

#[tokio::test]
async fn truncation_moves_the_question_to_tcp() {
    let behaviour = Behaviour {
        udp: |_, query| vec![truncated(query)],
        tcp: |query| {
            let mut response = answer_to(query);
            // 1,000 more: far more than UDP carries.
            response[6..8].copy_from_slice(&1_001u16.to_be_bytes());
            let record = response[response.len() - 14..].to_vec();
            response.extend(record.repeat(1_000));
            Some(response)
        },
    };
    assert_eq!(ask(behaviour).await.unwrap().answer.len(), 1_001);
}

#[tokio::test]
async fn garbage_after_the_question_moves_it_to_tcp() {
    let behaviour = Behaviour {
        udp: |_, query| {
            let mut cut = answer_to(query);
            cut.truncate(cut.len() - 1);
            vec![cut]
        },
        tcp: |query| Some(answer_to(query)),
    };
    assert!(ask(behaviour).await.is_ok());
}

#[tokio::test]
async fn tcp_is_not_believed_either() {
    let wrong_id = Behaviour {
        udp: |_, query| vec![truncated(query)],
        tcp: |query| {
            let mut response = answer_to(query);
            response[0] ^= 1;
            Some(response)
        },
    };
    assert_eq!(
        ask(wrong_id).await,
        Err(ResolveError::Message(MessageError::WrongId))
    );
    let still_truncated = Behaviour {
        tcp: |query| Some(truncated(query)),
        ..wrong_id
    };
    assert_eq!(
        ask(still_truncated).await,
        Err(ResolveError::Message(MessageError::Truncated))
    );
    let closes = Behaviour {
        tcp: NO_TCP,
        ..wrong_id
    };
    assert_eq!(
        ask(closes).await,
        Err(ResolveError::Io(io::ErrorKind::UnexpectedEof))
    );
}

#[tokio::test]
async fn a_lost_datagram_is_asked_for_again() {
    let behaviour = Behaviour {
        udp: |count, query| {
            if count == 0 {
                vec![]
            } else {
                vec![answer_to(query)]
            }
        },
        tcp: NO_TCP,
    };
    let resolver = async {
        let address = server(behaviour).await;
        at(vec![address], Duration::from_secs(1))
            .ask(&question())
            .await
    };
    assert!(resolver.await.is_ok());
}

#[tokio::test]
async fn silence_ends() {
    let behaviour = Behaviour {
        udp: |_, _| vec![],
        tcp: NO_TCP,
    };
    let resolver = async {
        let address = server(behaviour).await;
        at(vec![address], Duration::from_millis(40))
            .ask(&question())
            .await
    };
    assert_eq!(resolver.await, Err(ResolveError::Timeout));
}

#[tokio::test]
async fn servfail_is_told_unless_another_resolver_knows() {
    let fails = Behaviour {
        udp: |_, query| vec![with_rcode(query, 2)],
        tcp: NO_TCP,
    };
    assert_eq!(ask(fails).await.unwrap().rcode, rcode::SERVFAIL);
    let knows = Behaviour {
        udp: |_, query| vec![answer_to(query)],
        tcp: NO_TCP,
    };
    let second_knows = async {
        let servers = vec![server(fails).await, server(knows).await];
        at(servers, PATIENCE).ask(&question()).await
    };
    assert_eq!(second_knows.await.unwrap().rcode, rcode::NOERROR);
}

#[tokio::test]
async fn nobody_listening_is_told_at_once() {
    let outcome = async {
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        at(vec![address], PATIENCE).ask(&question()).await
    };
    let outcome = outcome.await;
    assert_eq!(
        outcome,
        Err(ResolveError::Io(io::ErrorKind::ConnectionRefused))
    );
}

#[test]
fn resolvers_are_read_from_the_system() {
    let text = "# comment\nsearch example\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 \nnameserver nonsense\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n";
    let listed: Vec<String> = listed_resolvers(text)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(listed, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"]);
    assert_eq!(listed_resolvers("")[0].to_string(), "127.0.0.1:53");
}

#[tokio::test]
async fn a_resolver_that_fails_is_passed_over_and_others_are_asked_first() {
    let answers = Behaviour {
        udp: |_, query| vec![answer_to(query)],
        tcp: NO_TCP,
    };
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let dead = free.local_addr().unwrap();
    drop(free);
    let alive = server(answers).await;
    let resolver = at(vec![dead, alive], PATIENCE);
    assert_eq!(resolver.health().order(Duration::ZERO), [0, 1]);
    assert!(resolver.ask(&question()).await.is_ok());
    assert_eq!(resolver.health().order(Duration::ZERO), [1, 0]);
    assert_eq!(resolver.standings(), [false, true]);
}

#[test]
fn a_question_over_tls_says_nothing_by_its_length() {
    for labels in 1..6 {
        let name = "mailbox.".repeat(labels * 6);
        let question = Question {
            name: name.parse().unwrap(),
            rtype: RecordType::TXT,
        };
        let padded = message::padded_query(7, &question, 1_232, 128);
        assert_eq!(padded.len() % 128, 0, "{labels}");
        let bare = message::query(7, &question, 1_232);
        assert!(padded.len() < bare.len() + 4 + 128);
        assert_eq!(padded[..bare.len() - 2], bare[..bare.len() - 2]);
        let option = &padded[bare.len() - 2..];
        let length = u16::from_be_bytes([option[0], option[1]]);
        assert_eq!(usize::from(length), option.len() - 2);
        assert_eq!(option[2..4], [0, 12]);
        assert!(option[6..].iter().all(|octet| *octet == 0));
    }
}
