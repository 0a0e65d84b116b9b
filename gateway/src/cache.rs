//! What is kept of earlier answers, and how one answer is made for all who wait for it.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::{Expiry, sync::Cache};
use sotto_proof::Question;
use tokio::sync::watch;

use crate::ageing::{Age, Life, Span};

/// Octets that an entry takes beside its value: the question twice, and what the map needs.
const ENTRY_OVERHEAD: usize = 512;

/// Values by question, bounded in octets, none given out after its time.
///
/// The time is always an argument. The map's own clock only frees memory early.
pub(crate) struct AgingCache<V> {
    entries: Cache<Question, Entry<V>>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    octets: usize,
    span: Span,
}

/// A value found in an [`AgingCache`].
pub(crate) struct Kept<V> {
    /// The value.
    pub(crate) value: V,
    /// What it is good for.
    pub(crate) age: Age,
}

impl<V: Clone + Send + Sync + 'static> AgingCache<V> {
    /// A cache whose entries take at most `max_octets`; 0 keeps nothing.
    pub(crate) fn new(max_octets: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(max_octets)
            .weigher(|_, entry: &Entry<V>| {
                u32::try_from(entry.octets + ENTRY_OVERHEAD).unwrap_or(u32::MAX)
            })
            .expire_after(ByLife)
            .build();
        Self { entries }
    }

    pub(crate) fn get(&self, question: &Question, now: u64) -> Option<Kept<V>> {
        let entry = self.entries.get(question)?;
        let age = entry.span.at(now)?;
        Some(Kept {
            value: entry.value,
            age,
        })
    }

    /// Keeps a value of `octets` from `now` on, in place of an earlier one.
    pub(crate) fn put(&self, question: Question, value: V, octets: usize, now: u64, life: Life) {
        let entry = Entry {
            value,
            octets,
            span: Span::new(now, life),
        };
        self.entries.insert(question, entry);
    }
}

struct ByLife;

impl<V> Expiry<Question, Entry<V>> for ByLife {
    fn expire_after_create(&self, _: &Question, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(entry.span.seconds()))
    }

    fn expire_after_update(
        &self,
        question: &Question,
        entry: &Entry<V>,
        updated_at: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(question, entry, updated_at)
    }
}

/// Work under way, by question: whoever asks for the same waits for the same.
///
/// The work is a task of its own, so that it outlives whoever began it.
pub(crate) struct Flights<V> {
    open: Open<V>,
    max: usize,
}

type Open<V> = Arc<Mutex<HashMap<Question, watch::Receiver<Option<V>>>>>;

/// Why a flight has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoOutcome {
    /// As much work as allowed is under way.
    Full,
    /// The work panicked.
    Lost,
}

impl<V: Clone + Send + Sync + 'static> Flights<V> {
    /// At most `max` pieces of work at once.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            open: Arc::default(),
            max,
        }
    }

    /// Waits for the outcome of the work on `question`, which `work` begins if nobody has yet.
    pub(crate) async fn join<F>(
        &self,
        question: Question,
        work: impl FnOnce() -> F,
    ) -> Result<V, NoOutcome>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut outcome = self.begin(question, work)?;
        let told = outcome
            .wait_for(Option::is_some)
            .await
            .map_err(|_| NoOutcome::Lost)?;
        told.clone().ok_or(NoOutcome::Lost)
    }

    /// Has `work` begin on `question` if nobody has yet; where the outcome will be told.
    pub(crate) fn begin<F>(
        &self,
        question: Question,
        work: impl FnOnce() -> F,
    ) -> Result<watch::Receiver<Option<V>>, NoOutcome>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut open = locked(&self.open);
        if let Some(outcome) = open.get(&question) {
            return Ok(outcome.clone());
        }
        if open.len() >= self.max {
            return Err(NoOutcome::Full);
        }
        let (sender, outcome) = watch::channel(None);
        open.insert(question.clone(), outcome.clone());
        let landing = Landing {
            open: Arc::clone(&self.open),
            question,
        };
        let work = work();
        tokio::spawn(async move {
            let value = work.await;
            // First nobody can join any more, then those who did are told.
            drop(landing);
            sender.send_replace(Some(value));
        });
        Ok(outcome)
    }
}

/// Ends a flight when dropped, by a panic too.
struct Landing<V> {
    open: Open<V>,
    question: Question,
}

impl<V> Drop for Landing<V> {
    fn drop(&mut self) {
        locked(&self.open).remove(&self.question);
    }
}

/// The map is whole between any two of its methods, so a panic elsewhere has not harmed it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use sotto_proof::RecordType;
    use tokio::sync::Notify;

    use super::*;

    fn question(owner: &str) -> Question {
        Question {
            name: owner.parse().unwrap(),
            rtype: RecordType::TXT,
        }
    }

    const LIFE: Life = Life {
        fresh: 10,
        usable: 20,
    };

    #[test]
    fn a_value_is_found_by_its_question_until_its_time_is_over() {
        let cache = AgingCache::new(10_000);
        cache.put(question("a."), 7, 1, 1_000, LIFE);
        let at = |now| {
            cache
                .get(&question("A."), now)
                .map(|kept| (kept.value, kept.age.seconds, kept.age.is_fresh))
        };
        assert_eq!(at(1_009), Some((7, 9, true)));
        assert_eq!(at(1_019), Some((7, 19, false)));
        assert_eq!(at(1_020), None);
    }

    #[test]
    fn the_octets_are_bounded() {
        let cache = AgingCache::new(10 * 1_512);
        for index in 0..200 {
            cache.put(question(&format!("n{index}.")), index, 1_000, 0, LIFE);
        }
        cache.entries.run_pending_tasks();
        assert!(cache.entries.weighted_size() <= 10 * 1_512);
        let nothing = AgingCache::new(0);
        nothing.put(question("a."), 7, 1, 0, LIFE);
        nothing.entries.run_pending_tasks();
        assert!(nothing.get(&question("a."), 0).is_none());
    }

    #[tokio::test]
    async fn work_is_done_once_for_all_who_wait() {
        let flights = Arc::new(Flights::new(8));
        let begun = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Notify::new());
        let joiners: Vec<_> = (0..4)
            .map(|_| {
                let (flights, begun, gate) =
                    (Arc::clone(&flights), Arc::clone(&begun), Arc::clone(&gate));
                tokio::spawn(async move {
                    flights
                        .join(question("a."), || async move {
                            begun.fetch_add(1, Ordering::Relaxed);
                            gate.notified().await;
                            42
                        })
                        .await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        gate.notify_one();
        for joiner in joiners {
            assert_eq!(joiner.await.unwrap(), Ok(42));
        }
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        assert!(locked(&flights.open).is_empty());
    }

    #[tokio::test]
    async fn work_outlives_whoever_began_it() {
        let flights = Arc::new(Flights::new(8));
        let gate = Arc::new(Notify::new());
        let (begun, opened) = (Arc::clone(&flights), Arc::clone(&gate));
        let first = tokio::spawn(async move {
            let work = || async move {
                opened.notified().await;
                1
            };
            begun.join(question("a."), work).await
        });
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        gate.notify_one();
        assert_eq!(flights.join(question("a."), || async { 2 }).await, Ok(1));
    }

    #[tokio::test]
    async fn too_much_work_and_work_that_panics_are_told() {
        let flights = Flights::new(1);
        let lost = flights.join(question("a."), || async { panic!("as it should") });
        assert_eq!(lost.await, Err::<u8, _>(NoOutcome::Lost));
        let full = Flights::<u8>::new(0);
        assert_eq!(
            full.join(question("b."), || async { 1 }).await,
            Err(NoOutcome::Full)
        );
        assert_eq!(flights.join(question("a."), || async { 1 }).await, Ok(1));
    }
}
