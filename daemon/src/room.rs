//! Room for connections: how many may be open, and who gives way when there is none left.
//!
//! A connection on which nothing is being asked gives way to one that comes, the one that has rested longest first. So
//! whoever opens connections and leaves them lying drives out their own before anybody else's.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::metrics::{Counter, Gauge, Metrics};

/// What is counted of connections.
#[derive(Clone)]
pub(crate) struct Counters {
    open: Gauge,
    refused: Counter,
    displaced: Counter,
    unaccepted: Counter,
}

impl Counters {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            open: metrics.gauge(
                "sotto_connections_open",
                "Connections of clients open now.",
                &[],
            ),
            refused: metrics.counter(
                "sotto_connections_refused_total",
                "Connections closed at once since as many as allowed were open, and all of them busy.",
                &[],
            ),
            displaced: metrics.counter(
                "sotto_connections_displaced_total",
                "Connections at rest that were closed to make room for new ones.",
                &[],
            ),
            unaccepted: metrics.counter(
                "sotto_accept_failures_total",
                "Times that the system could not give a connection: no descriptors or memory left.",
                &[],
            ),
        }
    }
}

/// The connections of one listener.
#[derive(Clone)]
pub(crate) struct Room(Arc<Shared>);

struct Shared {
    size: usize,
    connections: Mutex<Connections>,
    counters: Option<Counters>,
}

#[derive(Default)]
struct Connections {
    /// All that take up room; those that have been told to give way do not.
    open: usize,
    /// Those at rest, the longest first.
    at_rest: BTreeMap<u64, Arc<Notify>>,
    rests: u64,
}

impl Connections {
    /// Tells the connection that has rested longest to give way; false if none is at rest.
    fn displace(&mut self) -> bool {
        let Some((_, leaves)) = self.at_rest.pop_first() else {
            return false;
        };
        self.open -= 1;
        leaves.notify_one();
        true
    }
}

impl Room {
    /// Room for `size` connections.
    pub(crate) fn new(size: usize, counters: Option<Counters>) -> Self {
        Self(Arc::new(Shared {
            size,
            connections: Mutex::default(),
            counters,
        }))
    }

    /// Takes up room for one more connection, at the cost of another if need be; `None` if all of them are busy.
    pub(crate) fn enter(&self) -> Option<Place> {
        let mut connections = self.0.lock();
        if connections.open >= self.0.size {
            if !connections.displace() {
                self.0.count(|counters| &counters.refused);
                return None;
            }
            self.0.count(|counters| &counters.displaced);
        }
        connections.open += 1;
        drop(connections);
        if let Some(counters) = &self.0.counters {
            counters.open.increment(1.0);
        }
        let mut place = Place {
            room: Arc::clone(&self.0),
            leaves: Arc::default(),
            rest: None,
            is_displaced: false,
        };
        place.rest();
        Some(place)
    }

    /// Makes the system some room, which has none left for a connection; false if no connection is at rest.
    pub(crate) fn relieve(&self) -> bool {
        self.0.count(|counters| &counters.unaccepted);
        let displaced = self.0.lock().displace();
        if displaced {
            self.0.count(|counters| &counters.displaced);
        }
        displaced
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        // A panic elsewhere leaves it whole.
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, counter: impl Fn(&Counters) -> &Counter) {
        if let Some(counters) = &self.counters {
            counter(counters).increment(1);
        }
    }
}

/// The room that one connection takes up, at rest until it is told otherwise.
pub(crate) struct Place {
    room: Arc<Shared>,
    leaves: Arc<Notify>,
    /// Since when the connection rests, counted in rests; `None` while it is busy.
    rest: Option<u64>,
    is_displaced: bool,
}

impl Place {
    /// Something is being asked: the connection does not give way.
    pub(crate) fn work(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.is_displaced |= self.room.lock().at_rest.remove(&rest).is_none();
        }
    }

    /// All that was asked is answered, and the answers are on their way.
    pub(crate) fn rest(&mut self) {
        if self.rest.is_none() && !self.is_displaced {
            let mut connections = self.room.lock();
            connections.rests += 1;
            let rest = connections.rests;
            connections.at_rest.insert(rest, Arc::clone(&self.leaves));
            self.rest = Some(rest);
        }
    }

    /// The word to give way.
    pub(crate) fn leaves(&self) -> Arc<Notify> {
        Arc::clone(&self.leaves)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work();
        if !self.is_displaced {
            self.room.lock().open -= 1;
        }
        if let Some(counters) = &self.room.counters {
            counters.open.decrement(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn is_told_to_leave(place: &Place) -> bool {
        place.leaves.notified().now_or_never().is_some()
    }

    #[test]
    fn who_has_rested_longest_gives_way() {
        let metrics = Metrics::new();
        let room = Room::new(3, Some(Counters::new(&metrics)));
        let mut places: Vec<_> = (0..3).map(|_| room.enter().unwrap()).collect();
        places[0].work();
        places[0].rest();
        places[1].work();
        let fourth = room.enter().unwrap();
        let told: Vec<_> = places.iter().map(is_told_to_leave).collect();
        assert_eq!(told, [false, false, true], "the first has rested since");
        drop(room.enter().unwrap());
        assert!(is_told_to_leave(&places[0]));
        let fifth = room.enter().unwrap();
        assert!(!is_told_to_leave(&fourth), "there was room");
        drop((fourth, fifth));
        let text = metrics.render();
        assert!(
            text.contains("sotto_connections_displaced_total 2"),
            "{text}"
        );
        assert!(text.contains("sotto_connections_open 3"), "{text}");
    }

    #[test]
    fn the_busy_do_not_give_way() {
        let room = Room::new(2, None);
        let mut places: Vec<_> = (0..2).map(|_| room.enter().unwrap()).collect();
        places.iter_mut().for_each(Place::work);
        assert!(room.enter().is_none() && !room.relieve());
        places[1].rest();
        assert!(room.relieve());
        assert!(is_told_to_leave(&places[1]));
    }

    /// However the two cross, the room is counted once.
    #[test]
    fn one_that_is_told_to_leave_while_it_begins_to_work_is_not_counted_twice() {
        let room = Room::new(1, None);
        let mut first = room.enter().unwrap();
        let second = room.enter().unwrap();
        first.work();
        first.rest();
        assert!(room.enter().is_some(), "the second is at rest");
        drop((first, second));
        assert_eq!(room.0.lock().open, 0);
        assert!(room.0.lock().at_rest.is_empty());
    }
}
