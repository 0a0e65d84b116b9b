//! A resolver that does as it is told, over UDP and TCP.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use sotto_proof::{Name, Record, encode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
    task::JoinSet,
};

use super::zone::Zone;

/// Octets of the largest response over UDP, as the gateway asks for.
const UDP_PAYLOAD: usize = 1_232;

/// The flags of a response: QR and RA.
const RESPONSE: u16 = 0x8080;

/// The flag TC.
const TRUNCATED: u16 = 0x0200;

/// How the resolver treats a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Answers it.
    Honest,
    /// Says nothing.
    Silent,
    /// SERVFAIL.
    Fails,
    /// Truncates over UDP, so that everything goes over TCP.
    Truncates,
    /// Leaves every signature out.
    Strips,
    /// Octets that are no message.
    Garbage,
    /// An answer to another query.
    Stray,
    /// Answers over UDP alone.
    NoStreams,
    /// Has an address for every name that does not exist.
    Invents,
}

#[derive(Clone)]
struct Script(Arc<Mutex<(Zone, Manner, u64)>>);

/// The resolver; it ends when dropped.
pub(crate) struct Resolver {
    pub(crate) address: SocketAddr,
    script: Script,
    _tasks: JoinSet<()>,
}

impl Resolver {
    pub(crate) async fn start(zone: Zone) -> Self {
        let script = Script(Arc::new(Mutex::new((zone, Manner::Honest, 0))));
        // One port for both: a free one for TCP is tried for UDP until that works.
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let address = tcp.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        let over_udp = script.clone();
        tasks.spawn(async move {
            let mut query = [0; 2_048];
            loop {
                let (length, from) = udp.recv_from(&mut query).await.unwrap();
                if let Some(response) = over_udp.respond(&query[..length], true) {
                    let _ = udp.send_to(&response, from).await;
                }
            }
        });
        let over_tcp = script.clone();
        tasks.spawn(async move {
            loop {
                let (mut stream, _) = tcp.accept().await.unwrap();
                let script = over_tcp.clone();
                tokio::spawn(async move {
                    while let Ok(length) = stream.read_u16().await {
                        let mut query = vec![0; usize::from(length)];
                        if stream.read_exact(&mut query).await.is_err() {
                            break;
                        }
                        let Some(response) = script.respond(&query, false) else {
                            continue;
                        };
                        let framed =
                            [&(response.len() as u16).to_be_bytes()[..], &response].concat();
                        if stream.write_all(&framed).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Self {
            address,
            script,
            _tasks: tasks,
        }
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.script.0.lock().unwrap().1 = manner;
    }

    pub(crate) fn serve(&self, zone: Zone) {
        self.script.0.lock().unwrap().0 = zone;
    }

    /// Questions asked so far.
    pub(crate) fn asked(&self) -> u64 {
        self.script.0.lock().unwrap().2
    }
}

impl Script {
    fn respond(&self, query: &[u8], udp: bool) -> Option<Vec<u8>> {
        let mut script = self.0.lock().unwrap();
        script.2 += 1;
        let (zone, manner) = (&script.0, script.1);
        let (name, rest) = Name::split_from(&query[12..]).unwrap();
        let rtype = u16::from_be_bytes([rest[0], rest[1]]);
        let question = &query[12..query.len() - rest.len() + 4];
        let (mut rcode, mut answer, mut authority) = zone.look_up(&name, rtype);
        match manner {
            Manner::Honest | Manner::Stray | Manner::Truncates => {}
            Manner::NoStreams if udp => {}
            Manner::Silent | Manner::NoStreams => return None,
            Manner::Invents => {
                if rcode == 3 {
                    rcode = 0;
                    answer = zone.look_up(&Name::root(), 6).1;
                }
            }
            Manner::Garbage => return Some(vec![0xff; 40]),
            Manner::Fails => {
                rcode = 2;
                answer.clear();
                authority.clear();
            }
            Manner::Strips => {
                answer.retain(|record| record.rtype.0 != 46);
                authority.retain(|record| record.rtype.0 != 46);
            }
        }
        let id = match manner {
            Manner::Stray => [!query[0], !query[1]],
            _ => [query[0], query[1]],
        };
        let message = |flags: u16, answer: &[Record], authority: &[Record]| {
            let mut message = id.to_vec();
            for word in [
                flags | rcode,
                1,
                answer.len() as u16,
                authority.len() as u16,
                0,
            ] {
                message.extend_from_slice(&word.to_be_bytes());
            }
            message.extend_from_slice(question);
            message.extend_from_slice(&encode(answer));
            message.extend_from_slice(&encode(authority));
            message
        };
        let whole = message(RESPONSE, &answer, &authority);
        Some(
            if udp && (manner == Manner::Truncates || whole.len() > UDP_PAYLOAD) {
                message(RESPONSE | TRUNCATED, &[], &[])
            } else {
                whole
            },
        )
    }
}
