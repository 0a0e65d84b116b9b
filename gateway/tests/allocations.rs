//! What an answer from the cache takes of the heap: allocations and octets, counted, with HTTP and all.
//!
//! Gateway and resolver run on the thread of the test, whose allocations alone are counted; the client has a thread of its own.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
};

use allocation_counter::AllocationInfo;
use sotto_wire::{AnswerClass, path};
use support::{HOST, Site, TOKEN, foreign};
use tokio::{runtime, sync::oneshot};

/// Answers over which the mean is taken, so that what happens now and then has its share.
const ANSWERS: usize = 256;

/// Allocations of one answer at most.
const ALLOCATIONS: u64 = 48;

/// Octets allocated for one answer at most: 8 KiB that leave, as much for what comes in, and as much again for all else.
const OCTETS: u64 = 3 * 8_192;

#[test]
fn an_answer_from_the_cache_takes_no_more_of_the_heap_than_is_argued() {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let site = runtime.block_on(Site::new());
    let running = runtime.block_on(site.start());
    let address = running.address;
    // The first lookups put the proof into the cache, and fill what is filled once.
    let envelopes = |count: usize| {
        runtime.block_on(async {
            let mut requests = Vec::new();
            for _ in 0..count {
                let (envelope, _) =
                    foreign::seal(address, &foreign::question("_mimi.alice.test.")).await;
                requests.push(request(&envelope));
            }
            requests
        })
    };
    let mut client = Client::connect(address);
    let [first, second] = [64, ANSWERS].map(envelopes);
    client = counted(&runtime, client, first).1;
    let (spent, _) = counted(&runtime, client, second);
    let (allocations, octets) = (
        spent.count_total / ANSWERS as u64,
        spent.bytes_total / ANSWERS as u64,
    );
    assert!(allocations <= ALLOCATIONS, "{allocations} allocations");
    assert!(octets <= OCTETS, "{octets} octets");
    runtime.block_on(running.shutdown());
}

/// Has `client` send `requests` while the runtime runs on this thread, and tells what this thread allocated.
fn counted(
    runtime: &runtime::Runtime,
    mut client: Client,
    requests: Vec<Vec<u8>>,
) -> (AllocationInfo, Client) {
    let (done, ended) = oneshot::channel();
    let client = thread::spawn(move || {
        for request in &requests {
            client.ask(request);
        }
        done.send(()).unwrap();
        client
    });
    let spent = allocation_counter::measure(|| runtime.block_on(ended).unwrap());
    (spent, client.join().unwrap())
}

/// The POST of an envelope.
fn request(envelope: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: message/ohttp-req\r\n\
         content-length: {}\r\n\r\n",
        path::GATEWAY,
        envelope.len()
    );
    [head.as_bytes(), envelope].concat()
}

struct Client {
    stream: TcpStream,
    response: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            response: vec![0; 2 * AnswerClass::Base.bytes()],
        }
    }

    /// Sends a request and reads its answer whole.
    fn ask(&mut self, request: &[u8]) {
        self.stream.write_all(request).unwrap();
        let mut read = 0;
        let head = loop {
            read += self.stream.read(&mut self.response[read..]).unwrap();
            let head = self.response[..read]
                .windows(4)
                .position(|end| end == b"\r\n\r\n");
            if let Some(head) = head {
                break head + 4;
            }
        };
        assert!(self.response.starts_with(b"HTTP/1.1 200"), "an answer");
        while read < head + AnswerClass::Base.bytes() {
            read += self.stream.read(&mut self.response[read..]).unwrap();
        }
        assert_eq!(read, head + AnswerClass::Base.bytes());
    }
}
