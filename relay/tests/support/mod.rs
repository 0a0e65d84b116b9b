//! A relay on loopback and, behind it, a gateway that does whatever a test tells it to.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use std::{
    fs::Permissions,
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use sotto_relay::{Config, Observe, Relay, Running};
use sotto_wire::{REQUEST_BYTES, media, path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
};

/// The name of the gateway in every test.
pub const GATEWAY: &str = "gateway.test";

/// The fields of every answer.
pub const FIELDS: [&str; 5] = [
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "content-length",
    "content-type",
];

/// What a gateway does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Writes these octets and waits for the next request.
    Write(Vec<u8>),
    /// Writes these octets and closes.
    Close(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Says nothing.
    Silence,
}

/// One request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub content: Vec<u8>,
    pub peer: SocketAddr,
}

impl Seen {
    /// The names of the header fields, sorted, in lower case.
    pub fn fields(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.to_ascii_lowercase())
            .collect();
        names.sort();
        names
    }

    fn is_for(&self, start: &str) -> bool {
        self.head.starts_with(start)
    }
}

/// How the gateway answers each of the three things that a relay asks.
#[derive(Clone, Debug)]
pub struct Script {
    pub post: Reply,
    pub document: Reply,
    pub list: Reply,
}

/// A gateway under the control of a test, HTTP/1.1 octet by octet.
pub struct StandIn {
    pub address: SocketAddr,
    pub script: Arc<Mutex<Script>>,
    seen: mpsc::UnboundedReceiver<Seen>,
    pub posts: Vec<Seen>,
    pub fetches: Vec<Seen>,
}

impl StandIn {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script {
            post: sealed(8_192),
            document: response(200, media::KEY_DOCUMENT, b"the document"),
            list: response(200, media::OHTTP_KEYS, b"the list"),
        }));
        let (sender, seen) = mpsc::unbounded_channel();
        let told = Arc::clone(&script);
        tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                tokio::spawn(converse(stream, peer, Arc::clone(&told), sender.clone()));
            }
        });
        Self {
            address,
            script,
            seen,
            posts: Vec::new(),
            fetches: Vec::new(),
        }
    }

    pub fn answer(&self, post: Reply) {
        self.script.lock().unwrap().post = post;
    }

    /// Sorts what has come so far.
    pub fn look(&mut self) {
        while let Ok(seen) = self.seen.try_recv() {
            self.sort(seen);
        }
    }

    /// Waits for the next POST.
    pub async fn next_post(&mut self) -> Seen {
        let before = self.posts.len();
        while self.posts.len() == before {
            let seen = self.seen.recv().await.unwrap();
            self.sort(seen);
        }
        self.posts[before].clone()
    }

    /// Waits for the next fetch of keys.
    pub async fn next_fetch(&mut self) -> Seen {
        let before = self.fetches.len();
        while self.fetches.len() == before {
            let seen = self.seen.recv().await.unwrap();
            self.sort(seen);
        }
        self.fetches[before].clone()
    }

    fn sort(&mut self, seen: Seen) {
        if seen.is_for("POST ") {
            self.posts.push(seen);
        } else {
            self.fetches.push(seen);
        }
    }
}

async fn converse(
    mut stream: TcpStream,
    peer: SocketAddr,
    script: Arc<Mutex<Script>>,
    sender: mpsc::UnboundedSender<Seen>,
) {
    let mut buffer = Vec::new();
    while let Some((head, content)) = read_message(&mut stream, &mut buffer).await {
        let seen = Seen {
            head,
            content,
            peer,
        };
        let reply = {
            let script = script.lock().unwrap();
            if seen.is_for("POST ") {
                script.post.clone()
            } else if seen.is_for(&format!("GET {} ", path::GATEWAY_KEYS)) {
                script.document.clone()
            } else {
                script.list.clone()
            }
        };
        let _ = sender.send(seen);
        match reply {
            Reply::Write(octets) => {
                if stream.write_all(&octets).await.is_err() {
                    return;
                }
            }
            Reply::Close(octets) => {
                let _ = stream.write_all(&octets).await;
                let _ = stream.shutdown().await;
                return;
            }
            Reply::Reset => {
                let _ = stream.set_zero_linger();
                return;
            }
            Reply::Silence => std::future::pending().await,
        }
    }
}

/// Reads one message with a Content-Length, leaving in `buffer` what came after it.
pub async fn read_message(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> Option<(String, Vec<u8>)> {
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, value)| value.trim().parse().unwrap());
    while buffer.len() < end + length {
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
    let content = buffer[end..end + length].to_vec();
    buffer.drain(..end + length);
    Some((head, content))
}

/// A response of a gateway.
pub fn response(status: u16, media_type: &str, content: &[u8]) -> Reply {
    Reply::Write(response_octets(status, media_type, "", content))
}

/// An encapsulated response of `octets`.
pub fn sealed(octets: usize) -> Reply {
    response(200, media::OHTTP_RESPONSE, &vec![7; octets])
}

/// A response with further header `fields`, each ended by CR LF.
pub fn response_octets(status: u16, media_type: &str, fields: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!(
        "HTTP/1.1 {status} Some\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n{fields}\r\n"
    );
    [head.as_bytes(), content].concat()
}

/// The configuration of a relay before a gateway at `address`, with further TOML lines of the
/// gateway's table and of the top.
pub fn config(address: SocketAddr, gateway: &str, top: &str) -> Config {
    let text = format!(
        r#"
        operator = "relay-one.test"
        contact = "mailto:noc@relay-one.test"
        listen = {{ address = "127.0.0.1:0", plain_http = true }}
        admin = {{ address = "127.0.0.1:0" }}
        {top}
        [[gateway]]
        host = "{GATEWAY}"
        url = "http://{address}"
        {gateway}
        "#
    );
    toml::from_str(&text).unwrap()
}

/// What was logged.
#[derive(Clone, Default)]
pub struct Captured(pub Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    /// As text.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Writes a file that only its owner may read, as a token's has to be.
pub fn write_token(file: &Path, content: &str) {
    std::fs::write(file, content).unwrap();
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

/// A relay with its gateway.
pub struct Pair {
    pub gateway: StandIn,
    pub relay: Running,
}

impl Pair {
    pub async fn start() -> Self {
        Self::with("", "", None).await
    }

    pub async fn with(gateway_lines: &str, top: &str, observer: Option<Arc<dyn Observe>>) -> Self {
        let gateway = StandIn::start().await;
        let config = config(gateway.address, gateway_lines, top);
        let relay = Relay::start(config, observer).await.unwrap();
        Self { gateway, relay }
    }

    /// POSTs an envelope of the right size.
    pub async fn post(&self) -> Response {
        self.send(&post_octets("", &envelope())).await
    }

    pub async fn get(&self, path: &str) -> Response {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: relay.test\r\nconnection: close\r\n\r\n");
        self.send(request.as_bytes()).await
    }

    pub async fn send(&self, octets: &[u8]) -> Response {
        send(self.relay.address, octets).await
    }

    /// The operator's metrics.
    pub async fn metrics(&self) -> String {
        let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let octets = send(self.relay.admin.unwrap(), request).await.octets;
        String::from_utf8(octets).unwrap()
    }
}

/// An envelope: what the relay must take for opaque.
pub fn envelope() -> Vec<u8> {
    (0..REQUEST_BYTES)
        .map(|index| (index % 251) as u8)
        .collect()
}

/// [`envelope`], another one for each number.
pub fn numbered(number: u32) -> Vec<u8> {
    let mut envelope = envelope();
    envelope[1..5].copy_from_slice(&number.to_be_bytes());
    envelope
}

/// A POST to the relay resource with further header `fields`, each ended by CR LF.
pub fn post_octets(fields: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let media_type = media::OHTTP_REQUEST;
    let head = format!(
        "POST /{GATEWAY} HTTP/1.1\r\nhost: relay.test\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n"
    );
    [head.as_bytes(), content].concat()
}

/// What a client got, octet by octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub octets: Vec<u8>,
}

impl Response {
    pub fn status(&self) -> u16 {
        let text = String::from_utf8_lossy(&self.octets);
        text.split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0)
    }

    pub fn head(&self) -> String {
        let end = self
            .octets
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or(0);
        String::from_utf8(self.octets[..end].to_vec()).unwrap()
    }

    pub fn content(&self) -> &[u8] {
        let end = self
            .octets
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        &self.octets[end + 4..]
    }

    /// The header fields but for the connection's own, sorted.
    pub fn fields(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .head()
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.to_ascii_lowercase())
            .filter(|name| name != "connection")
            .collect();
        names.sort();
        names
    }
}

/// Sends octets on a new connection and reads until it is closed.
pub async fn send(address: SocketAddr, octets: &[u8]) -> Response {
    let stream = TcpStream::connect(address).await.unwrap();
    send_on(stream, octets).await
}

/// As [`send`], from the loopback address `source`.
pub async fn send_from(source: &str, address: SocketAddr, octets: &[u8]) -> Response {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(address).await.unwrap();
    send_on(stream, octets).await
}

async fn send_on(mut stream: TcpStream, octets: &[u8]) -> Response {
    // The relay may refuse, and close, before it has read all.
    let _ = stream.write_all(octets).await;
    let mut octets = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut octets))
        .await
        .expect("the relay answers");
    Response { octets }
}
