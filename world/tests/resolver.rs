//! The resolver stand-in on its sockets, asked with the messages that a gateway sends.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use sotto_proof::message::{self, Response};
use sotto_proof::{Name, Question, RecordType};
use sotto_world::dns::message::Transport;
use sotto_world::dns::server::ResolverServer;
use sotto_world::plan;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

const NOW: u64 = 1_790_000_000;
const ID: u16 = 0x1234;

async fn start() -> ResolverServer {
    let plan = plan::build(NOW, Vec::new()).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ResolverServer::start(Arc::new(plan.internet), address)
        .await
        .unwrap()
}

fn question(name: &str, rtype: RecordType) -> Question {
    Question {
        name: name.parse::<Name>().unwrap(),
        rtype,
    }
}

async fn over_udp(server: &ResolverServer, query: &[u8]) -> Vec<u8> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    socket.connect(server.address()).await.unwrap();
    socket.send(query).await.unwrap();
    let mut buffer = vec![0; 4_096];
    let length = socket.recv(&mut buffer).await.unwrap();
    buffer.truncate(length);
    buffer
}

async fn over_tcp(server: &ResolverServer, query: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_u16(query.len() as u16).await.unwrap();
    stream.write_all(query).await.unwrap();
    let mut buffer = vec![0; stream.read_u16().await.unwrap().into()];
    stream.read_exact(&mut buffer).await.unwrap();
    buffer
}

fn parse(bytes: &[u8], question: &Question) -> Response {
    message::parse(bytes, ID, question).unwrap()
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_comes_over_tcp() {
    let server = start().await;
    // Two RSA keys and a signature.
    let question = question(".", RecordType::DNSKEY);
    let small = message::query(ID, &question, 512);
    let cut = over_udp(&server, &small).await;
    assert!(cut.len() <= 512);
    let response = parse(&cut, &question);
    assert!(response.truncated && response.answer.is_empty());

    let response = parse(&over_tcp(&server, &small).await, &question);
    assert!(!response.truncated);
    assert_eq!(response.answer.len(), 3);

    let whole = parse(
        &over_udp(&server, &message::query(ID, &question, 4_096)).await,
        &question,
    );
    assert_eq!(whole.answer.len(), 3);

    let seen = server.log().take();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].truncated && seen[0].transport == Transport::Udp);
    assert!(!seen[1].truncated && seen[1].transport == Transport::Tcp);
    assert!(
        seen.iter()
            .all(|view| view.name == "." && view.rtype == "DNSKEY" && view.dnssec)
    );
    assert!(server.log().take().is_empty());
}

#[tokio::test]
async fn aliases_are_followed_across_zones() {
    let server = start().await;
    let question = question("_mimi.old-name.example.test", RecordType::TXT);
    let bytes = over_tcp(&server, &message::query(ID, &question, 1_232)).await;
    let response = parse(&bytes, &question);
    let types: Vec<_> = response.answer.iter().map(|record| record.rtype).collect();
    assert_eq!(
        types,
        [
            RecordType::CNAME,
            RecordType::RRSIG,
            RecordType::TXT,
            RecordType::TXT,
            RecordType::RRSIG
        ]
    );
    let asked = &server.log().take()[0].asked;
    assert_eq!(
        asked.join(" "),
        "a.root. ns.test. ns.example.test. a.root. ns.com. ns.example.com."
    );
}

#[tokio::test]
async fn a_dead_authority_is_a_failure_and_not_an_absence() {
    let server = start().await;
    let question = question("_mimi.lame.test", RecordType::TXT);
    let bytes = over_udp(&server, &message::query(ID, &question, 1_232)).await;
    assert_eq!(parse(&bytes, &question).rcode, 2);
}

#[tokio::test]
async fn what_is_no_question_is_refused_or_ignored() {
    let server = start().await;
    let good = message::query(ID, &question("example.test", RecordType::SOA), 1_232);
    let rcode = |bytes: &[u8]| bytes[3] & 0x0f;

    let mut update = good.clone();
    update[2] |= 5 << 3;
    assert_eq!(rcode(&over_udp(&server, &update).await), 4, "NOTIMP");

    let mut no_question = good[..12].to_vec();
    no_question[4..12].fill(0);
    assert_eq!(rcode(&over_udp(&server, &no_question).await), 1, "FORMERR");

    let mut chaos = good.clone();
    let class = good.len() - 11 - 1;
    chaos[class] = 3;
    assert_eq!(rcode(&over_udp(&server, &chaos).await), 5, "REFUSED");

    // Neither a response nor a stub of a header gets an answer; the server goes on.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut response = good.clone();
    response[2] |= 0x80;
    socket.send_to(&response, server.address()).await.unwrap();
    socket.send_to(&good[..7], server.address()).await.unwrap();
    assert_eq!(rcode(&over_udp(&server, &good).await), 0);
}
