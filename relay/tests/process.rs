//! The relay as a process: loops between relays, ten times the quota, and what SIGHUP changes.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod support;

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use sotto_relay::Refusal;
use sotto_wire::{Problem, RelayDescription};
use support::{GATEWAY, Response, StandIn, numbered, post_octets, read_message, send};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    task::JoinSet,
};

/// A `sotto-relay serve` that ends with the test.
struct Process {
    address: SocketAddr,
    admin: SocketAddr,
    file: PathBuf,
    child: Child,
    log: Arc<Mutex<String>>,
    _folder: TempDir,
}

impl Process {
    /// Starts one before the gateway at `gateway`, with further TOML lines.
    async fn start(gateway: SocketAddr, top: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("relay.toml");
        fs::write(&file, text(gateway, top)).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sotto-relay"))
            .env_clear()
            .env("SOTTO_RELAY__LOG__LEVEL", "trace")
            .args(["serve", "--config", file.to_str().unwrap()])
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let serves = loop {
            let line = lines.next_line().await.unwrap().expect("the relay starts");
            if line.contains("relay serves") {
                break line;
            }
        };
        let addresses: Vec<SocketAddr> = serves
            .split(|letter: char| !letter.is_ascii_digit() && !matches!(letter, '.' | ':'))
            .filter_map(|word| word.parse().ok())
            .collect();
        let told = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut log = told.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self {
            address: addresses[0],
            admin: addresses[1],
            file,
            child,
            log,
            _folder: folder,
        }
    }

    async fn metrics(&self) -> String {
        let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        String::from_utf8(send(self.admin, request).await.octets).unwrap()
    }

    async fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args([name, &process]).status().await;
        assert!(sent.unwrap().success());
    }

    async fn until_logged(&self, words: &str) {
        while !self.log.lock().unwrap().contains(words) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn text(gateway: SocketAddr, top: &str) -> String {
    format!(
        "operator = \"relay-one.test\"\ncontact = \"mailto:noc@relay-one.test\"\n{top}\n\
         [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n[admin]\naddress = \"127.0.0.1:0\"\n\
         [[gateway]]\nhost = \"{GATEWAY}\"\nurl = \"http://{gateway}\"\n"
    )
}

/// A proxy that leads the gateway resource to a relay, told later: somebody's mistake with an address or a rewriting rule.
struct Detour {
    address: SocketAddr,
    to: tokio::sync::watch::Sender<Option<SocketAddr>>,
}

impl Detour {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (to, told) = tokio::sync::watch::channel(None::<SocketAddr>);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut told = told.clone();
                tokio::spawn(async move {
                    let mut buffer = Vec::new();
                    while let Some((head, content)) = read_message(&mut stream, &mut buffer).await {
                        let answer = if head.starts_with("POST ") {
                            let to = told.wait_for(Option::is_some).await.unwrap().unwrap();
                            send(to, &post_octets("", &content)).await.octets
                        } else {
                            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec()
                        };
                        if stream.write_all(&answer).await.is_err() || head.starts_with("POST ") {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, to }
    }

    fn leads_to(&self, relay: SocketAddr) {
        self.to.send_replace(Some(relay));
    }
}

fn problem(response: &Response) -> Option<Problem> {
    Problem::from_json(response.content())
}

/// How often requests to a relay's gateway ended in a loop there.
async fn loops(relay: &Process) -> String {
    let metrics = relay.metrics().await;
    let line = "{gateway=\"gateway.test\",outcome=\"loop\"} ";
    let (_, count) = metrics.split_once(line).unwrap();
    count.split('\n').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_envelope_that_goes_round_ends_where_it_comes_by_again() {
    // A relay whose gateway is the relay itself.
    let detour = Detour::start().await;
    let relay = Process::start(detour.address, "").await;
    detour.leads_to(relay.address);
    let answer = send(relay.address, &post_octets("", &numbered(1))).await;
    assert_eq!(
        (answer.status(), problem(&answer)),
        (508, Some(Refusal::Loop.problem()))
    );
    assert_eq!(
        loops(&relay).await,
        "2",
        "the one inside, and the one that it was told to"
    );

    // Two relays, each of which takes the other for its gateway, one of them slow to hand on.
    let (to_one, to_other) = (Detour::start().await, Detour::start().await);
    let mixing = "mixing = { exponential = { mean_ms = 20, cap_ms = 100 } }\nconnections = { drain_ms = 30000 }";
    let one = Process::start(to_other.address, mixing).await;
    let other = Process::start(to_one.address, "").await;
    to_one.leads_to(one.address);
    to_other.leads_to(other.address);
    let answer = send(one.address, &post_octets("", &numbered(2))).await;
    assert_eq!(
        (answer.status(), problem(&answer)),
        (508, Some(Refusal::Loop.problem()))
    );
    assert_eq!(
        (loops(&one).await, loops(&other).await),
        ("2".to_owned(), "1".to_owned())
    );
}

#[tokio::test]
async fn a_relay_that_is_its_own_gateway_by_its_address_has_no_such_resource() {
    let first = StandIn::start().await;
    let relay = Process::start(first.address, "").await;
    let itself = text(relay.address, "");
    fs::write(&relay.file, itself).unwrap();
    relay.signal("-HUP").await;
    relay.until_logged("configuration replaced").await;
    let answer = send(relay.address, &post_octets("", &numbered(1))).await;
    assert_eq!(problem(&answer), Some(Refusal::Nonsense.problem()));
}

/// One network asks ten times what it may, all at once; another is served meanwhile. Nothing of either is told anywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_the_quota_is_held_to_the_quota() {
    const BURST: u32 = 60;
    const FLOOD: &str = "198.51.100.77";
    const NEIGHBOUR: &str = "198.51.100.78";
    let gateway = StandIn::start().await;
    // One token in ten seconds: as good as none while this lasts, whatever the machine does.
    let top = format!(
        "quota = {{ per_minute = 6, burst = {BURST} }}\n\
         proxy = {{ addresses = [\"127.0.0.1\"], header = \"x-real-ip\" }}\n\
         mixing = {{ timed = {{ period_ms = 50 }} }}\nconnections = {{ drain_ms = 30000 }}"
    );
    let relay = Process::start(gateway.address, &top).await;
    let at = relay.address;
    let ask = move |client: &'static str, number: u32| async move {
        let fields = format!("x-real-ip: {client}\r\n");
        send(at, &post_octets(&fields, &numbered(number)))
            .await
            .status()
    };
    let mut flood = JoinSet::new();
    for number in 0..10 * BURST {
        flood.spawn(ask(FLOOD, number));
    }
    assert_eq!(ask(NEIGHBOUR, 1_000).await, 200);
    let answers = flood.join_all().await;
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    let (served, refused) = (count(200), count(429));
    assert_eq!(served + refused, 10 * BURST as usize);
    // The burst, and what came in meanwhile: less than a tenth of it even if this took a minute.
    let burst = BURST as usize;
    assert!((burst..=burst + 6).contains(&served), "{served}");
    assert_eq!(ask(NEIGHBOUR, 1_001).await, 200);

    let metrics = relay.metrics().await;
    relay.signal("-TERM").await;
    relay.until_logged("ending").await;
    let log = relay.log.lock().unwrap().clone();
    for address in [FLOOD, NEIGHBOUR, "198.51", "c633:644d"] {
        assert!(
            !log.contains(address) && !metrics.contains(address),
            "{address}"
        );
    }
}

#[tokio::test]
async fn sighup_reads_the_configuration_and_keeps_the_old_one_where_it_must() {
    let gateway = StandIn::start().await;
    let relay = Process::start(gateway.address, "").await;
    let description = async || {
        let get = b"GET /.well-known/sotto HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let answer = send(relay.address, get).await;
        serde_json::from_slice::<RelayDescription>(answer.content()).unwrap()
    };
    let policy = "policy = \"https://relay-one.test/privacy\"";
    let wrong = text(gateway.address, policy).replace("contact", "contacts");
    fs::write(&relay.file, wrong).unwrap();
    relay.signal("-HUP").await;
    relay.until_logged("configuration not replaced").await;
    assert_eq!(description().await.policy, None);

    let moved = text(gateway.address, policy).replace("127.0.0.1:0", "127.0.0.2:0");
    fs::write(&relay.file, moved).unwrap();
    relay.signal("-HUP").await;
    relay.until_logged("configuration replaced").await;
    relay.until_logged("counts from a restart on").await;
    assert_eq!(
        description().await.policy.as_deref(),
        Some("https://relay-one.test/privacy")
    );
    assert!(TcpStream::connect(relay.address).await.is_ok());
}
