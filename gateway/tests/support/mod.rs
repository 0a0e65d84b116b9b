//! A gateway on loopback, its resolver, its relay, and foreign clients.

#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod dns;
pub(crate) mod foreign;
pub(crate) mod http;
pub(crate) mod zone;

use std::{
    fs::Permissions,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sotto_daemon::config::{Admin, Listen};
use sotto_envelope::{Epoch, KeyRecord};
use sotto_gateway::{
    Config, Gateway, GatewayView, Observe, Running, StartError,
    clock::Time,
    config::{Cache, Dns, Keys, Limits, Names, Privacy, Relay},
    keys::{StateFile, records},
};
use tempfile::TempDir;

use self::{
    dns::Resolver,
    zone::{RootKey, Zone},
};

pub(crate) const HOST: &str = "gateway.test";
pub(crate) const OPERATOR: &str = "operator.test";
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The first instant of an epoch, in 2027.
pub(crate) const NOW: u64 = 20_900 * 86_400;

/// Days that the signatures of the scripted zone last.
pub(crate) const DAYS: u64 = 20;

/// A clock that tests set.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicU64>);

impl Clock {
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn time(&self) -> Time {
        let clock = self.clone();
        Time {
            clock: Arc::new(move || clock.now()),
            tending: Duration::from_millis(20),
        }
    }
}

/// What a gateway needs to start.
pub(crate) struct Site {
    pub(crate) directory: TempDir,
    pub(crate) clock: Clock,
    pub(crate) resolver: Resolver,
    pub(crate) root: RootKey,
    pub(crate) config: Config,
}

impl Site {
    /// A site whose zone carries the digests of 14 epochs and a few people.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let root = RootKey::generate();
        StateFile::at(path("state"))
            .create(Epoch::at(NOW), [7; 32])
            .unwrap();
        std::fs::write(path("anchor"), root.anchor()).unwrap();
        write_token(&path("token"), TOKEN);
        let resolver = Resolver::start(Zone::sign(&root, &[], NOW, DAYS)).await;
        let loopback: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let config = Config {
            host: HOST.to_owned(),
            operator: OPERATOR.to_owned(),
            open_to_any_relay: false,
            unlisted_requests_per_second: None,
            listen: Listen {
                address: loopback,
                tls: None,
                plain_http: true,
            },
            admin: Some(Admin { address: loopback }),
            keys: Keys {
                state: path("state"),
            },
            dns: Dns {
                resolver: vec![resolver.address.into()],
                ca: None,
                anchor: Some(path("anchor")),
                timeout_ms: 1_000,
            },
            names: Names::default(),
            relay: vec![Relay {
                name: "relay-one".to_owned(),
                token_file: Some(path("token")),
                certificates: Vec::new(),
                requests_per_second: None,
            }],
            cache: Cache::default(),
            privacy: Privacy {
                answer_step_ms: 0,
                ..Privacy::default()
            },
            limits: Limits {
                body_timeout_ms: 500,
                ..Limits::default()
            },
            log: Default::default(),
        };
        let site = Self {
            directory,
            clock: Clock(Arc::new(AtomicU64::new(NOW))),
            resolver,
            root,
            config,
        };
        site.publish(&site.key_texts(Epoch::at(NOW), 14));
        site
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.config.keys.state.clone()
    }

    /// Owner and text of the key records of `count` epochs from `first` on.
    pub(crate) fn key_texts(&self, first: Epoch, count: u64) -> Vec<(String, String)> {
        let ratchet = StateFile::at(self.state()).load().unwrap();
        records(&ratchet, OPERATOR, first, count)
            .unwrap()
            .iter()
            .map(|record| (KeyRecord::owner_name(HOST), record.to_text()))
            .collect()
    }

    /// Signs and serves a zone of `key_texts` and the people, as of the clock.
    pub(crate) fn publish(&self, key_texts: &[(String, String)]) {
        self.publish_for(key_texts, DAYS);
    }

    /// [`Self::publish`], with signatures that last for `days`.
    pub(crate) fn publish_for(&self, key_texts: &[(String, String)], days: u64) {
        let people = [
            (
                "_mimi.alice.test.",
                "v=MIMI1; e=im.example; a=alice".to_owned(),
            ),
            (
                "child._mimi.parent.test.",
                "v=MIMI1; e=im.example".to_owned(),
            ),
            ("_mimi.long.test.", "x".repeat(9_000)),
            ("_mimi.huge.test.", "x".repeat(65_000)),
            ("elsewhere.test.", "not for everybody".to_owned()),
        ];
        let people = people.map(|(owner, text)| (owner.to_owned(), text));
        let texts: Vec<_> = key_texts.iter().cloned().chain(people).collect();
        let zone = Zone::sign(&self.root, &texts, self.clock.now(), days);
        self.resolver.serve(zone);
    }

    pub(crate) async fn try_start(
        &self,
        observer: Option<Arc<dyn Observe>>,
    ) -> Result<Running, StartError> {
        Gateway::start_at(self.config.clone(), observer, self.clock.time()).await
    }

    /// Starts the gateway and waits until the DNS vouches for its keys.
    pub(crate) async fn start(&self) -> Running {
        let running = self.try_start(None).await.unwrap();
        running.ready().await;
        running
    }
}

/// Writes a file that only its owner may read, as a token's has to be.
pub(crate) fn write_token(file: &Path, content: &str) {
    std::fs::write(file, content).unwrap();
    std::fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
}

/// Keeps what a gateway sees.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) std::sync::Mutex<Vec<GatewayView>>);

impl Observe for Seen {
    fn answered(&self, view: &GatewayView) {
        self.0.lock().unwrap().push(view.clone());
    }
}

/// Waits until `holds`, for at most ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain until {what}");
}
