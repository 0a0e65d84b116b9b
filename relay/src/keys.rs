//! The gateways' keys: fetched on the relay's own schedule, whoever asks or not, kept as opaque
//! octets, and given to everybody alike.
//!
//! A client cannot cause a fetch: a relay that fetched on demand would show the gateway when its
//! clients come, and let a gateway answer one of them with a key of its own.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use sotto_daemon::clock::Stopwatch;
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES, media, path};
use tokio::{join, time::timeout};

use crate::{
    body::{self, ReadError},
    config::Origin,
    forward::Gateway,
    headers,
    outbound::{Body, Credential, Report, SendError},
};

/// The wait after a first failure; it doubles with each further one, up to the regular interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// What a gateway offers of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The key document with its DNSSEC proof.
    Document,
    /// The bare list of current key configurations, for foreign clients.
    List,
}

impl Kind {
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Document => media::KEY_DOCUMENT,
            Self::List => media::OHTTP_KEYS,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Document => path::GATEWAY_KEYS,
            Self::List => path::GATEWAY,
        }
    }

    const fn max_bytes(self) -> usize {
        match self {
            Self::Document => KEY_DOCUMENT_MAX_BYTES,
            Self::List => KEY_LIST_MAX_BYTES,
        }
    }
}

/// Octets that were fetched, and when.
struct Fetched {
    content: Bytes,
    at: u64,
}

/// The keys of one gateway.
#[derive(Default)]
pub(crate) struct KeyStore {
    document: ArcSwapOption<Fetched>,
    list: ArcSwapOption<Fetched>,
    /// Whether the gateway has said that it has no document: then it is a foreign one.
    is_foreign: AtomicBool,
}

impl KeyStore {
    /// Whether clients can be helped at `now`. Ours need the document; a list is enough only for a gateway that has no
    /// documents, since ours gives its list to anybody, a relay that it does not admit included.
    fn suffices(&self, now: u64, max_age: u64) -> bool {
        let has = |kind| self.current(kind, now, max_age).is_some();
        has(Kind::Document) || (self.is_foreign.load(Ordering::Relaxed) && has(Kind::List))
    }

    /// What everybody gets at `now`; `None` if there is nothing, or nothing fetched within
    /// `max_age` seconds.
    pub(crate) fn current(&self, kind: Kind, now: u64, max_age: u64) -> Option<Bytes> {
        let fetched = self.slot(kind).load();
        fetched
            .as_ref()
            .filter(|fetched| now.saturating_sub(fetched.at) <= max_age)
            .map(|fetched| fetched.content.clone())
    }

    /// Keeps `content`; true if it differs from what was kept.
    fn keep(&self, kind: Kind, content: Bytes, at: u64) -> bool {
        let before = self.slot(kind).swap(Some(Arc::new(Fetched {
            content: content.clone(),
            at,
        })));
        before.is_none_or(|before| before.content != content)
    }

    fn slot(&self, kind: Kind) -> &ArcSwapOption<Fetched> {
        match kind {
            Kind::Document => &self.document,
            Kind::List => &self.list,
        }
    }
}

/// Why keys were not fetched. It speaks of the gateway alone: no client has a part in a fetch.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The gateway offers none of this kind.
    Absent,
    /// The gateway does not admit this relay.
    NotAdmitted(StatusCode),
    Timeout,
    Transport(SendError),
    Status(StatusCode),
    MediaType,
    Empty,
    Content(ReadError),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the gateway has none (404)"),
            Self::NotAdmitted(status) => write!(
                f,
                "the gateway does not admit this relay ({})",
                status.as_u16()
            ),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Transport(error) => write!(f, "{error}"),
            Self::Status(status) => write!(f, "the gateway answered {}", status.as_u16()),
            Self::MediaType => f.write_str("the answer has another media type"),
            Self::Empty => f.write_str("the answer is empty"),
            Self::Content(ReadError::TooLarge) => f.write_str("the answer is too large"),
            Self::Content(ReadError::Idle) => f.write_str("the answer stopped"),
            Self::Content(ReadError::Broken) => f.write_str("the gateway broke off"),
        }
    }
}

impl Gateway {
    /// Fetches both kinds once; true if there is nothing to try again soon.
    ///
    /// The age of the keys, in the metrics, is that of the document where the gateway has one.
    pub(crate) async fn fetch_keys(&self, now: fn() -> u64) -> bool {
        let (document, list) = join!(self.fetch(Kind::Document), self.fetch(Kind::List));
        let absent = |fetched: &Result<_, _>| matches!(fetched, Err(FetchError::Absent));
        let is_foreign = absent(&document);
        let leading = if is_foreign { &list } else { &document };
        let fetched = leading.is_ok();
        // A gateway of ours has both, a foreign one no document.
        let good = fetched && (list.is_ok() || absent(&list));
        if is_foreign || document.is_ok() {
            self.keys.is_foreign.store(is_foreign, Ordering::Relaxed);
        }
        if is_foreign && absent(&list) {
            tracing::warn!(
                gateway = %self.host,
                remedy = "see that `url` leads to a gateway, and not to this relay",
                "keys not fetched: there are none (404)"
            );
        }
        for (kind, result) in [(Kind::Document, document), (Kind::List, list)] {
            match result {
                Ok(content) => {
                    let octets = content.len();
                    if self.keys.keep(kind, content, now()) {
                        tracing::info!(gateway = %self.host, ?kind, octets, "new keys");
                    }
                }
                Err(FetchError::Absent) => {
                    tracing::debug!(gateway = %self.host, ?kind, "the gateway has none");
                }
                Err(error @ FetchError::NotAdmitted(_)) => {
                    let remedy = self.credential.remedy();
                    tracing::error!(gateway = %self.host, ?kind, %error, remedy, "keys not fetched");
                }
                Err(error) => {
                    tracing::warn!(gateway = %self.host, ?kind, %error, "keys not fetched");
                }
            }
        }
        if fetched {
            #[allow(clippy::cast_precision_loss, reason = "seconds are far below 2^52")]
            self.metrics.keys_at.set(now() as f64);
        }
        if good {
            self.metrics.keys_fetched.increment(1);
        } else {
            self.metrics.keys_failed.increment(1);
        }
        good
    }

    async fn fetch(&self, kind: Kind) -> Result<Bytes, FetchError> {
        let limit = self.limits.gateway_timeout();
        let begun = Stopwatch::start();
        let request = request(&self.origin, &self.credential, kind);
        let (response, seat) =
            self.outbound
                .send(&request, limit)
                .await
                .map_err(|error| match error {
                    SendError::Timeout => FetchError::Timeout,
                    error => FetchError::Transport(error),
                })?;
        let left = limit.saturating_sub(begun.elapsed());
        let content = timeout(left, read(kind, response, limit))
            .await
            .unwrap_or(Err(FetchError::Timeout));
        seat.report(match content {
            Ok(_) | Err(FetchError::Absent) => Report::Good,
            Err(_) => Report::Trouble,
        });
        content
    }

    /// Whether the gateway's keys are enough to help clients at `now`.
    pub(crate) fn has_keys(&self, now: u64) -> bool {
        self.keys.suffices(now, self.limits.key_stale_s)
    }
}

/// The request for the keys of the gateway at `origin`.
pub(crate) fn request(origin: &Origin, credential: &Credential, kind: Kind) -> Request<Bytes> {
    let uri = origin.uri(kind.path());
    headers::for_keys(uri, credential.field(), kind.media_type())
}

/// The keys that an answer to their fetch holds.
pub(crate) async fn read(
    kind: Kind,
    response: Response<Body>,
    idle: Duration,
) -> Result<Bytes, FetchError> {
    let (head, body) = response.into_parts();
    match head.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => return Err(FetchError::Absent),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            return Err(FetchError::NotAdmitted(status));
        }
        status => return Err(FetchError::Status(status)),
    }
    if !headers::has_media_type(&head.headers, kind.media_type()) {
        return Err(FetchError::MediaType);
    }
    let content = body::read(body, kind.max_bytes(), idle)
        .await
        .map_err(FetchError::Content)?;
    if content.is_empty() {
        return Err(FetchError::Empty);
    }
    Ok(content)
}

/// How long to wait for the next fetch, more or less: the regular interval, or less after failures.
pub(crate) fn next_fetch(regular: Duration, failures: u32) -> Duration {
    match failures {
        0 => regular,
        _ => FIRST_RETRY
            .saturating_mul(2u32.saturating_pow(failures - 1))
            .min(regular),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_sooner_and_sooner_no_more() {
        let regular = Duration::from_secs(900);
        let waits = [0, 1, 4, 11, u32::MAX].map(|failures| next_fetch(regular, failures).as_secs());
        assert_eq!(waits, [900, 1, 8, 900, 900]);
    }

    #[test]
    fn old_keys_are_given_to_nobody() {
        let store = KeyStore::default();
        assert_eq!(store.current(Kind::Document, 100, 10), None);
        assert!(store.keep(Kind::Document, Bytes::from_static(b"keys"), 100));
        assert!(!store.keep(Kind::Document, Bytes::from_static(b"keys"), 101));
        assert_eq!(
            store.current(Kind::Document, 111, 10).as_deref(),
            Some(&b"keys"[..])
        );
        assert_eq!(store.current(Kind::Document, 112, 10), None);
        assert_eq!(store.current(Kind::List, 101, 10), None);
    }

    #[test]
    fn a_list_helps_only_where_there_is_no_document() {
        let store = KeyStore::default();
        assert!(store.keep(Kind::List, Bytes::from_static(b"list"), 100));
        assert!(!store.suffices(100, 10));
        store.is_foreign.store(true, Ordering::Relaxed);
        assert!(store.suffices(110, 10));
        assert!(!store.suffices(111, 10));
        store.is_foreign.store(false, Ordering::Relaxed);
        assert!(store.keep(Kind::Document, Bytes::from_static(b"document"), 105));
        assert!(store.suffices(115, 10));
    }
}
