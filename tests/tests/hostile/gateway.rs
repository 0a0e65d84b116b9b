//! A gateway that holds its keys and answers as it is told, and a real relay in front of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use http::header;
use sotto_client::{Setup, SetupBuilder};
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, EpochKeys, KeyDocument, KeyRecord, KeyRing, ProofQuery};
use sotto_relay::{Relay, Running};
use sotto_tests::now;
use sotto_wire::{media, path};

use crate::realm::{Edition, Realm, Records};

pub(crate) const HOST: &str = "gateway.test";
pub(crate) const OPERATOR: &str = "gateway-operator.test";
pub(crate) const RELAY_OPERATOR: &str = "relay-operator.test";

pub(crate) const DAY: u64 = 86_400;

/// Days of key lists that the gateway's zone names, from five days ago on.
const PAST_DAYS: u64 = 5;

/// Whoever looks up, whoever is looked up, and the gateway's keys.
pub(crate) struct Scene {
    pub(crate) realm: Realm,
    pub(crate) host: String,
    pub(crate) ratchet: Ratchet,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::at(HOST)
    }

    /// A scene whose gateway has this host name.
    pub(crate) fn at(host: &str) -> Self {
        Self {
            realm: Realm::new(),
            host: host.to_owned(),
            ratchet: Ratchet::new(Epoch(Epoch::at(now()).0 - PAST_DAYS), [7; 32]),
        }
    }

    pub(crate) fn keys(&self, epoch: Epoch) -> EpochKeys {
        self.ratchet.keys(epoch).unwrap()
    }

    /// The key records at the owner name that belongs to `host`.
    pub(crate) fn key_records(&self, host: &str) -> Records {
        let first = Epoch::at(now()).0 - PAST_DAYS;
        (first..first + PAST_DAYS + 3)
            .map(|epoch| {
                let record = KeyRecord {
                    operator: OPERATOR.to_owned(),
                    epoch: Epoch(epoch),
                    digest: self.keys(Epoch(epoch)).digest(),
                };
                (KeyRecord::owner_name(host), record.to_rdata())
            })
            .collect()
    }

    /// An edition signed an hour ago, with the key records and `more`.
    pub(crate) fn publish(&self, more: &Records) -> Edition {
        let records = [self.key_records(&self.host), more.clone()].concat();
        self.realm
            .publish(&records, now() - 3_600..now() + 14 * DAY)
    }

    /// The lists of today and tomorrow.
    pub(crate) fn lists(&self) -> Vec<(Epoch, Vec<u8>)> {
        let today = Epoch::at(now());
        [today, today.next()]
            .map(|epoch| (epoch, self.keys(epoch).list().to_vec()))
            .to_vec()
    }

    /// The document that an honest gateway makes of an edition.
    pub(crate) fn document(&self, edition: &Edition) -> KeyDocument {
        KeyDocument {
            lists: self.lists(),
            proof: edition.prove(&KeyRecord::owner_name(&self.host), "TXT"),
        }
    }

    /// Starts the gateway with a document and answers of its own, and a relay in front.
    pub(crate) async fn start(
        &self,
        document: Vec<u8>,
        answer: impl Fn(&ProofQuery) -> Answer + Send + Sync + 'static,
    ) -> Parties {
        let asked = Arc::new(AtomicUsize::new(0));
        let router = self.router(document, Arc::clone(&asked), answer);
        let gateway = serve(router).await;
        let config = format!(
            "operator = \"{RELAY_OPERATOR}\"\ncontact = \"mailto:noc@{RELAY_OPERATOR}\"\n\
             listen = {{ address = \"127.0.0.1:0\", plain_http = true }}\n\
             [[gateway]]\nhost = \"{}\"\nurl = \"http://{gateway}\"\n",
            self.host
        );
        let relay = Relay::start(toml::from_str(&config).unwrap(), None)
            .await
            .unwrap();
        Parties { asked, relay }
    }

    /// A client's setup for a relay at `address`.
    pub(crate) fn setup(&self, address: SocketAddr) -> SetupBuilder {
        Setup::builder(format!("http://{address}"), self.host.as_str())
            .allow_http_not_private(true)
            .anchors(self.realm.anchors())
    }

    /// Opens envelopes of yesterday, today and tomorrow.
    pub(crate) fn ring(&self) -> KeyRing {
        let today = Epoch::at(now());
        let epochs = [today.previous(), today, today.next()];
        KeyRing::new(epochs.map(|epoch| self.keys(epoch)).to_vec())
    }

    fn router(
        &self,
        document: Vec<u8>,
        asked: Arc<AtomicUsize>,
        answer: impl Fn(&ProofQuery) -> Answer + Send + Sync + 'static,
    ) -> Router {
        let list = self.keys(Epoch::at(now())).list().to_vec();
        let (ring, answer, host) = (
            Arc::new(self.ring()),
            Arc::new(answer),
            Arc::new(self.host.clone()),
        );
        let exchange = move |envelope: Bytes| {
            asked.fetch_add(1, Ordering::SeqCst);
            let (ring, answer, host) = (Arc::clone(&ring), Arc::clone(&answer), Arc::clone(&host));
            async move {
                let (request, sealer) = ring.open(&envelope).unwrap();
                let sealed = sealer
                    .seal(&answer(&request.query(&host).unwrap()))
                    .unwrap();
                ([(header::CONTENT_TYPE, media::OHTTP_RESPONSE)], sealed)
            }
        };
        let octets = |media_type: &'static str, content: Vec<u8>| {
            get(move || async move { ([(header::CONTENT_TYPE, media_type)], content) })
        };
        Router::new()
            .route(
                path::GATEWAY,
                octets(media::OHTTP_KEYS, list).post(exchange),
            )
            .route(path::GATEWAY_KEYS, octets(media::KEY_DOCUMENT, document))
    }
}

/// A relay that forwards and a gateway that does as it likes.
pub(crate) struct Parties {
    asked: Arc<AtomicUsize>,
    relay: Running,
}

impl Parties {
    pub(crate) fn relay(&self) -> SocketAddr {
        self.relay.address
    }

    /// How many envelopes the gateway has received.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
