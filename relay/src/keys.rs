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
use http::StatusCode;
use rustls::crypto::SecureRandom;
use sotto_wire::{KEY_DOCUMENT_MAX_BYTES, KEY_LIST_MAX_BYTES, media, path};
use tokio::{join, time::timeout};

use crate::{
    body::{self, ReadError},
    forward::Gateway,
    headers,
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
enum FetchError {
    /// The gateway offers none of this kind.
    Absent,
    /// The gateway does not admit this relay.
    NotAdmitted(StatusCode),
    Timeout,
    Transport(hyper_util::client::legacy::Error),
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
            Self::Transport(error) => {
                write!(f, "{error}")?;
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    write!(f, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
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
        timeout(self.limits.gateway_timeout(), self.fetch_unbounded(kind))
            .await
            .unwrap_or(Err(FetchError::Timeout))
    }

    async fn fetch_unbounded(&self, kind: Kind) -> Result<Bytes, FetchError> {
        let uri = self.origin.uri(kind.path());
        let request = headers::for_keys(uri, self.credential.field(), kind.media_type());
        let (response, _ride) = self
            .outbound
            .send(request)
            .await
            .map_err(FetchError::Transport)?;
        let (head, incoming) = response.into_parts();
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
        let content = body::read(incoming, kind.max_bytes(), self.limits.gateway_timeout())
            .await
            .map_err(FetchError::Content)?;
        if content.is_empty() {
            return Err(FetchError::Empty);
        }
        Ok(content)
    }

    /// Whether the gateway's keys are enough to help clients at `now`.
    pub(crate) fn has_keys(&self, now: u64) -> bool {
        self.keys.suffices(now, self.limits.key_stale_s)
    }
}

/// How long to wait for the next fetch: the regular interval, or less after failures, give or take
/// a tenth (`jitter` 0 to 255), so that relays do not come to a gateway together.
pub(crate) fn next_fetch(regular: Duration, failures: u32, jitter: u8) -> Duration {
    let wait = match failures {
        0 => regular,
        _ => FIRST_RETRY
            .saturating_mul(2u32.saturating_pow(failures - 1))
            .min(regular),
    };
    wait.mul_f64(0.9 + 0.2 * f64::from(jitter) / 255.0)
}

/// One random octet; the middle if the system has none, since nothing secret hangs on it.
pub(crate) fn jitter(random: &dyn SecureRandom) -> u8 {
    let mut octet = [127];
    let _ = random.fill(&mut octet);
    octet[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tried_again_sooner_and_sooner_no_more() {
        let regular = Duration::from_secs(900);
        let at = |failures| next_fetch(regular, failures, 0).as_secs_f64() / 0.9;
        assert!((at(0) - 900.0).abs() < 0.01);
        assert!((at(1) - 1.0).abs() < 0.01);
        assert!((at(4) - 8.0).abs() < 0.01);
        assert!((at(11) - 900.0).abs() < 0.01);
        assert!((at(u32::MAX) - 900.0).abs() < 0.01);
        for jitter in [0, 1, 127, 255] {
            let wait = next_fetch(regular, 0, jitter).as_secs_f64();
            assert!((810.0..=990.01).contains(&wait), "{wait}");
        }
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
