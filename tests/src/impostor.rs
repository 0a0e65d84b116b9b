//! A gateway that holds the right keys, or not, and does wrong with them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use http::{StatusCode, header};
use sotto_envelope::schedule::Ratchet;
use sotto_envelope::{Answer, Epoch, EpochKeys, KeyDocument, KeyRecord, KeyRing, ProofQuery};
use sotto_wire::{media, path};

use crate::{GATEWAY_HOST, Hierarchy, now};

/// What an impostor sends back.
#[derive(Debug)]
pub enum Reply {
    /// An answer under seal.
    Sealed(Answer),
    /// Status and content of its own, under the media type of an encapsulated response.
    Open(u16, Vec<u8>),
    /// Status and a problem.
    Problem(u16, String),
}

/// Whose keys an impostor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The gateway's own.
    Stolen,
    /// Others, under the gateway's proof.
    Swapped,
}

/// A gateway that does as it pleases, over plain HTTP, for as long as the test process lasts.
#[derive(Debug)]
pub struct Impostor {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Impostor {
    /// Starts one. `behave` sees the question and the honest proof.
    ///
    /// # Errors
    ///
    /// That loopback has no port left, or the keys cannot be read.
    pub fn start(
        hierarchy: &'static Hierarchy,
        keys: Keys,
        behave: impl FnMut(&ProofQuery, Vec<u8>) -> Reply + Send + 'static,
    ) -> Result<Self> {
        let epoch = Epoch::at(now());
        let ratchet = match keys {
            Keys::Stolen => hierarchy.keys().ratchet()?,
            Keys::Swapped => Ratchet::new(epoch, [1; 32]),
        };
        let epochs = vec![ratchet.keys(epoch)?, ratchet.keys(epoch.next())?];
        let document = KeyDocument {
            lists: epochs
                .iter()
                .map(|keys| (keys.epoch(), keys.list().to_vec()))
                .collect(),
            proof: hierarchy.prove(&KeyRecord::owner_name(GATEWAY_HOST), "TXT")?,
        };
        let asked = Arc::new(AtomicUsize::new(0));
        let router = router(
            hierarchy,
            epochs,
            document.encode()?,
            Arc::clone(&asked),
            behave,
        );
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free TCP port")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, router).await
            })
        });
        Ok(Self { address, asked })
    }

    /// How many envelopes it has received.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn router(
    hierarchy: &'static Hierarchy,
    epochs: Vec<EpochKeys>,
    document: Vec<u8>,
    asked: Arc<AtomicUsize>,
    behave: impl FnMut(&ProofQuery, Vec<u8>) -> Reply + Send + 'static,
) -> Router {
    let list = epochs[0].list().to_vec();
    let ring = Arc::new(KeyRing::new(epochs));
    let behave = Arc::new(Mutex::new(behave));
    let exchange = move |envelope: Bytes| {
        asked.fetch_add(1, Ordering::SeqCst);
        let (ring, behave) = (Arc::clone(&ring), Arc::clone(&behave));
        async move {
            let (request, sealer) = ring.open(&envelope).expect("our client seals well");
            let query = request.query(GATEWAY_HOST).expect("our client asks well");
            let proof = hierarchy
                .prove(&query.name, &query.rtype)
                .expect("the hierarchy stands");
            let reply = (behave.lock().expect("one question at a time"))(&query, proof);
            let (status, media_type, content) = match reply {
                Reply::Sealed(answer) => (
                    200,
                    media::OHTTP_RESPONSE,
                    sealer.seal(&answer).expect("the answer fits"),
                ),
                Reply::Open(status, content) => (status, media::OHTTP_RESPONSE, content),
                Reply::Problem(status, content) => (status, media::PROBLEM, content.into_bytes()),
            };
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::CONTENT_TYPE, media_type)], content)
        }
    };
    let serve = |media_type: &'static str, content: Vec<u8>| {
        get(move || async move { ([(header::CONTENT_TYPE, media_type)], content) })
    };
    Router::new()
        .route(path::GATEWAY, serve(media::OHTTP_KEYS, list).post(exchange))
        .route(path::GATEWAY_KEYS, serve(media::KEY_DOCUMENT, document))
}
