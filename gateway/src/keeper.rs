//! Keeps the keys and their proof in step with the clock and the DNS.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use sotto_envelope::Epoch;
use sotto_proof::Anchors;

use crate::{
    answer::Answerer,
    key_document::{DocumentError, Offer, Publication, PublicationError, question},
    keys::{ActiveKeys, KeySchedule, ScheduleError, StateFileError},
};

/// Seconds to wait after the DNS did not vouch for our keys before asking it again: soon, since nobody is served
/// meanwhile, and not so often that it burdens a resolver that fails.
const RETRY_SECONDS: u64 = 15;

/// What keeps the keys from being served; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The schedule does not go along with the clock.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The resolver gave no proof of the key record.
    #[error(
        "no proof of the key record could be had (status {0}); check that the resolver in the configuration answers and passes DNSSEC records on"
    )]
    NoProof(u16),
    /// The proof does not vouch for keys.
    #[error(transparent)]
    Publication(#[from] PublicationError),
    /// What it vouches for is not ours, or not of this time.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Writing the state file panicked or was cancelled.
    #[error("the key state could not be written: the process is ending")]
    Ending,
}

/// How things stand after tending.
#[derive(Debug)]
pub(crate) struct Tended {
    /// The keys in use and their proof. What could be brought up to date is; what can no longer be served is not.
    pub(crate) keys: Result<Standing, KeeperError>,
    /// Why the proof at hand, which still serves, was not renewed when that was last tried.
    pub(crate) unrenewed: Option<Arc<KeeperError>>,
    /// Whether keys that are over were destroyed, as far as it was time to. It has no part in what is served.
    pub(crate) past: Result<(), StateFileError>,
}

/// How it stands with the key document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// There is a key document.
    Proved,
    /// There is one, of an epoch that is over: the DNS carries neither today's nor the next. It will be asked again soon.
    Over(Epoch),
    /// There is none, for the reason told when the DNS was last asked; it will be asked again soon.
    Waiting,
}

/// The keys, the proof of them, and the document made of both.
pub(crate) struct Keeper {
    host: String,
    operator: String,
    anchors: Anchors,
    schedule: Arc<KeySchedule>,
    answerer: Answerer,
    publication: ArcSwapOption<Publication>,
    document: ArcSwapOption<Bytes>,
    last_asked: Mutex<Option<u64>>,
    unrenewed: ArcSwapOption<KeeperError>,
}

impl Keeper {
    /// A keeper that has not asked the DNS yet, so that there is no document.
    #[must_use]
    pub(crate) fn new(
        host: String,
        operator: String,
        anchors: Anchors,
        schedule: KeySchedule,
        answerer: Answerer,
    ) -> Self {
        Self {
            host,
            operator,
            anchors,
            schedule: Arc::new(schedule),
            answerer,
            publication: ArcSwapOption::empty(),
            document: ArcSwapOption::empty(),
            last_asked: Mutex::new(None),
            unrenewed: ArcSwapOption::empty(),
        }
    }

    /// The keys in use.
    #[must_use]
    pub(crate) fn keys(&self) -> Arc<ActiveKeys> {
        self.schedule.active()
    }

    /// Who answers questions, the keeper's own among them.
    #[must_use]
    pub(crate) fn answerer(&self) -> &Answerer {
        &self.answerer
    }

    /// The key document, if the DNS vouches for a list that is offered now.
    #[must_use]
    pub(crate) fn document(&self) -> Option<Bytes> {
        self.document.load().as_deref().cloned()
    }

    /// How many epochs from the clock's on the DNS carries without a gap; `None` if it was never heard.
    #[must_use]
    pub(crate) fn epochs_published(&self) -> Option<u64> {
        let current = self.keys().epoch;
        self.publication.load().as_ref().map(|publication| {
            (0..)
                .take_while(|ahead| publication.records().digest(current.plus(*ahead)).is_some())
                .count() as u64
        })
    }

    /// Brings everything up to the time `now`: the keys, the proof of the key record if it is due, the document.
    pub(crate) async fn tend(&self, now: u64) -> Tended {
        let (turned, past) = match self.turn(now).await {
            Err(KeeperError::Schedule(ScheduleError::State(error))) => (Ok(()), Err(error)),
            turned => (turned, Ok(())),
        };
        Tended {
            keys: self.renew(now, turned).await,
            unrenewed: self.unrenewed.load_full(),
            past,
        }
    }

    async fn renew(
        &self,
        now: u64,
        turned: Result<(), KeeperError>,
    ) -> Result<Standing, KeeperError> {
        let mut made = self.make_document(now);
        let mut asked = None;
        let is_good = matches!(made, Ok(Standing::Proved));
        if (!is_good || self.is_stale(now)) && self.may_ask(now) {
            asked = Some(self.ask(now).await);
            made = self.make_document(now);
        }
        turned?;
        match (made, asked) {
            (Ok(standing), Some(Err(error))) => {
                self.unrenewed.store(Some(Arc::new(error)));
                Ok(standing)
            }
            (Ok(standing), asked) => {
                if asked.is_some() {
                    self.unrenewed.store(None);
                }
                Ok(standing)
            }
            (Err(_), Some(Err(error))) => Err(error),
            (Err(error), Some(Ok(()))) => Err(error.into()),
            (Err(_), None) => Ok(Standing::Waiting),
        }
    }

    /// Asks the DNS what it carries at the time `now`, and changes nothing: the state file stays as it is.
    ///
    /// # Errors
    ///
    /// [`KeeperError`]: what would keep the keys from being served.
    pub(crate) async fn look(&self, now: u64) -> Result<Standing, KeeperError> {
        self.ask(now).await?;
        Ok(self.make_document(now)?)
    }

    async fn turn(&self, now: u64) -> Result<(), KeeperError> {
        let schedule = Arc::clone(&self.schedule);
        // What has expired by the clock does not bear witness for it.
        let published: Option<Epoch> = self
            .publication
            .load()
            .as_ref()
            .filter(|publication| now <= publication.valid_until)
            .and_then(|publication| publication.newest());
        tokio::task::spawn_blocking(move || schedule.turn_to(now, published))
            .await
            .map_err(|_| KeeperError::Ending)?
            .map_err(KeeperError::from)
    }

    fn is_stale(&self, now: u64) -> bool {
        let publication = self.publication.load();
        publication
            .as_ref()
            .is_none_or(|publication| publication.stale_from <= now)
    }

    /// Whether the DNS may be asked (again) at the time `now`; if so, not once more for a while.
    fn may_ask(&self, now: u64) -> bool {
        let mut last = self
            .last_asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not silence us until it catches up.
        let too_soon = last.is_some_and(|last| last.abs_diff(now) < RETRY_SECONDS);
        if !too_soon {
            *last = Some(now);
        }
        !too_soon
    }

    /// Asks the DNS for the key record.
    async fn ask(&self, now: u64) -> Result<(), KeeperError> {
        // What is at hand may be a proof that nothing is published, or an old publication: it is because of it that we ask.
        let answered = self.answerer.answer_anew(question(&self.host)?).await;
        if answered.status != 200 {
            return Err(KeeperError::NoProof(answered.status));
        }
        let publication = Publication::read(
            answered.proof.to_vec(),
            &self.host,
            &self.operator,
            &self.anchors,
            now,
        )?;
        self.publication.store(Some(Arc::new(publication)));
        Ok(())
    }

    fn make_document(&self, now: u64) -> Result<Standing, DocumentError> {
        let made = match self.publication.load().as_ref() {
            Some(publication) => publication.document(&self.keys(), now),
            None => Err(DocumentError::NotPublished(Epoch::at(now))),
        };
        match made {
            Ok(Offer { document, over }) => {
                self.document.store(Some(Arc::new(document)));
                Ok(over.map_or(Standing::Proved, Standing::Over))
            }
            Err(error) => {
                self.document.store(None);
                Err(error)
            }
        }
    }
}
