//! The gateway's resources, as relays reach them over HTTP.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::{FromRequestParts, Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use http_body_util::LengthLimitError;
use sotto_daemon::{PeerAddress, PeerKey, Stranger};
use sotto_wire::{FOREIGN_REQUEST_MAX_BYTES, media, path};
use tokio::{sync::Semaphore, time::sleep_until};

use crate::{
    answer_time::leaves_after,
    clock::{self, Clock},
    config::Limits,
    keeper::Keeper,
    metrics::Counters,
    oblivious::{Arrival, Oblivious},
    observe::Observe,
    refusal::Refusal,
    relays::{Admitted, Relays},
    replays::Replays,
};

/// What every request of one gateway has in common.
pub(crate) struct Shared {
    /// The gateway's host.
    pub(crate) host: String,
    /// The keys and their document, and who answers questions.
    pub(crate) keeper: Keeper,
    /// The relays that are admitted; replaced as a whole on reload.
    pub(crate) relays: ArcSwap<Relays>,
    /// Who watches, in the laboratory.
    pub(crate) observer: Option<Arc<dyn Observe>>,
    /// What is counted.
    pub(crate) counters: Counters,
    /// Envelopes that have been answered.
    pub(crate) replays: Replays,
    /// Requests that may be answered at once.
    pub(crate) permits: Semaphore,
    /// Requests that may be answered, and answers that may wait for their time, at once.
    pub(crate) waiting: Semaphore,
    /// The time between two instants at which an answer may leave.
    pub(crate) answer_step: Duration,
    /// What one gateway takes on.
    pub(crate) limits: Limits,
    /// The time.
    pub(crate) clock: Clock,
}

impl Shared {
    /// Counts a refusal, on its way out.
    pub(crate) fn refused(&self, refusal: Refusal) -> Refusal {
        self.counters.refused(refusal);
        refusal
    }
}

/// The resources of the gateway: all but the list of keys, which is public, for admitted relays.
///
/// There is no layer: each would take an allocation or two, and copies of what is going on, for every request.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    type Stated = State<Arc<Shared>>;
    Router::new()
        .route(path::GATEWAY, get(key_list).post(exchange))
        .route(path::GATEWAY_KEYS, get(key_document))
        .fallback(async |State(shared): Stated| shared.refused(Refusal::Path))
        .method_not_allowed_fallback(async |State(shared): Stated| shared.refused(Refusal::Method))
        .with_state(shared)
}

/// Only an admitted relay is let through.
impl FromRequestParts<Arc<Shared>> for Admitted {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        let key = parts.extensions.get::<PeerKey>().map(|key| &key.0);
        let admitted = shared.relays.load().admit(key, &parts.headers);
        let admitted = admitted.ok_or_else(|| shared.refused(Refusal::Relay))?;
        if let Some(stranger) = parts.extensions.get::<Stranger>() {
            stranger.is_admitted();
        }
        Ok(admitted)
    }
}

/// POST at the gateway resource (RFC 9458 section 5.2).
async fn exchange(
    State(shared): State<Arc<Shared>>,
    relay: Admitted,
    Extension(PeerAddress(peer)): Extension<PeerAddress>,
    request: Request,
) -> Result<Response, Refusal> {
    answered(&shared, &relay, peer, request)
        .await
        .map_err(|refusal| shared.refused(refusal))
}

async fn answered(
    shared: &Shared,
    relay: &Admitted,
    peer: SocketAddr,
    request: Request,
) -> Result<Response, Refusal> {
    if !shared.relays.load().takes_on(relay) {
        shared.counters.limited(relay);
        return Err(Refusal::Rate);
    }
    let _waiting = shared.waiting.try_acquire().map_err(|_| Refusal::Busy)?;
    let permit = shared.permits.try_acquire().map_err(|_| Refusal::Busy)?;
    let envelope = content(&shared.limits, request).await?;
    let arrived = clock::instant();
    let keys = shared.keeper.keys();
    let oblivious = Oblivious {
        host: &shared.host,
        keys: &keys,
        answerer: shared.keeper.answerer(),
        replays: &shared.replays,
        observer: shared.observer.as_deref(),
    };
    let arrival = Arrival {
        relay,
        peer,
        at: (shared.clock)(),
    };
    let sealed = oblivious.exchange(&envelope, arrival).await?;
    shared.counters.sealed(relay, sealed.status);
    if let Some(cached) = sealed.cached {
        shared.counters.proof(cached);
    }
    // An answer that waits holds its memory and nothing else.
    drop(permit);
    if !shared.answer_step.is_zero() {
        let (after, late) = leaves_after(arrived.elapsed(), shared.answer_step);
        if late {
            shared.counters.late();
        }
        sleep_until(arrived + after).await;
    }
    Ok(of_type(media::OHTTP_RESPONSE, sealed.octets.into()))
}

/// GET at the gateway resource (RFC 9540 section 3): the list of the current epoch, for foreign clients.
async fn key_list(State(shared): State<Arc<Shared>>) -> Result<Response, Refusal> {
    let keys = shared.keeper.keys();
    let current = keys.current();
    let current = current.ok_or_else(|| shared.refused(Refusal::NoKeys))?;
    Ok(of_type(media::OHTTP_KEYS, current.list.clone()))
}

/// GET of the key document, for the relays' own clients.
async fn key_document(
    State(shared): State<Arc<Shared>>,
    _relay: Admitted,
) -> Result<Response, Refusal> {
    let document = shared.keeper.document();
    let document = document.ok_or_else(|| shared.refused(Refusal::NoKeys))?;
    Ok(of_type(media::KEY_DOCUMENT, document))
}

/// The content of a request, if it can be an encapsulated request.
async fn content(limits: &Limits, request: Request) -> Result<Bytes, Refusal> {
    let headers = request.headers();
    if !headers
        .get(header::CONTENT_TYPE)
        .is_some_and(is_encapsulated)
        || headers.contains_key(header::CONTENT_ENCODING)
    {
        return Err(Refusal::MediaType);
    }
    let stated = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|octets| octets > FOREIGN_REQUEST_MAX_BYTES) {
        return Err(Refusal::Size);
    }
    let reading = to_bytes(request.into_body(), FOREIGN_REQUEST_MAX_BYTES);
    match tokio::time::timeout(limits.body_timeout(), reading).await {
        Ok(Ok(content)) => Ok(content),
        Ok(Err(error)) if is_too_long(&error) => Err(Refusal::Size),
        Ok(Err(_)) | Err(_) => Err(Refusal::Content),
    }
}

fn is_encapsulated(value: &HeaderValue) -> bool {
    let essence = value
        .as_bytes()
        .split(|octet| *octet == b';')
        .next()
        .unwrap_or_default();
    essence
        .trim_ascii()
        .eq_ignore_ascii_case(media::OHTTP_REQUEST.as_bytes())
}

fn is_too_long(error: &axum::Error) -> bool {
    error
        .source()
        .is_some_and(<dyn Error>::is::<LengthLimitError>)
}

fn of_type(media_type: &'static str, content: Bytes) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))];
    (StatusCode::OK, headers, Body::from(content)).into_response()
}
