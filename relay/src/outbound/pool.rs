//! Which connection to an instance carries a request, and when a further one is opened.
//!
//! Pure: it holds what it is given for each connection and never touches it, and is told the time. [`super::instance`]
//! does what it decides.

use std::time::Duration;

/// Requests that one connection carries at most, whatever its peer permits: as many usual answers as
/// [`super::connect::CONNECTION_WINDOW`] lets a gateway send at once. More would wait for the window, and for one lost packet together.
pub(crate) const STREAMS_MAX: usize = 512;

/// One part in so many of a connection's streams is kept free: where fewer are, a further connection is begun, so that
/// no request waits for it.
const SPARE_DIVISOR: usize = 4;

/// For how long after a failure no connection is opened in advance.
const PAUSE: Duration = Duration::from_secs(1);

/// The connections to one instance. `C` is what a request needs of one.
pub(crate) struct Pool<C> {
    connections: Vec<Connection<C>>,
    /// The most connections at a time, those that are being opened included.
    max: usize,
    opening: usize,
    waiting: usize,
    /// Streams of a connection that is not open yet, by experience.
    expected: usize,
    named: u64,
    failures: u64,
    pause_until: Duration,
    /// How often all connections were forgotten.
    era: u64,
}

/// The name of a connection. None is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Id(u64);

struct Connection<C> {
    id: Id,
    handle: C,
    /// How many requests it may carry at a time.
    streams: usize,
    in_flight: usize,
    /// Since when it carries none.
    idle_since: Duration,
    /// Whether it may have died without a word.
    is_doubted: bool,
}

impl<C> Connection<C> {
    fn room(&self) -> usize {
        if self.is_doubted {
            return 0;
        }
        self.streams.saturating_sub(self.in_flight)
    }
}

impl<C> Pool<C> {
    /// An empty pool of at most `max` connections, which will carry `expected` requests each.
    pub(crate) fn new(max: usize, expected: usize) -> Self {
        Self {
            connections: Vec::new(),
            max,
            opening: 0,
            waiting: 0,
            expected: expected.min(STREAMS_MAX),
            named: 0,
            failures: 0,
            pause_until: Duration::ZERO,
            era: 0,
        }
    }

    /// Takes a place on the oldest connection with room, so that few are in use and the others rest.
    pub(crate) fn board(&mut self) -> Option<(Id, &mut C)> {
        let connection = self.connections.iter_mut().find(|it| it.room() > 0)?;
        connection.in_flight += 1;
        Some((connection.id, &mut connection.handle))
    }

    /// Gives a place back at `now`; what the connection is, if it is still there.
    pub(crate) fn alight(&mut self, id: Id, now: Duration) -> Option<&mut C> {
        let connection = self.find(id)?;
        connection.in_flight -= 1;
        if connection.in_flight == 0 {
            connection.idle_since = now;
        }
        Some(&mut connection.handle)
    }

    /// One more request waits for a place, until [`Self::waited`].
    pub(crate) fn wait(&mut self) {
        self.waiting += 1;
    }

    /// A request has its place, or waits no longer.
    pub(crate) fn waited(&mut self) {
        self.waiting -= 1;
    }

    /// How many connections are to be opened at `now`. Each is to end in [`Self::opened`] or [`Self::not_opened`].
    pub(crate) fn open(&mut self, now: Duration) -> usize {
        // A peer that permits no streams would permit none on another connection.
        if self.connections.iter().any(|it| it.streams == 0) {
            return 0;
        }
        let spare = if now < self.pause_until {
            0
        } else {
            self.expected / SPARE_DIVISOR
        };
        let room: usize = self.connections.iter().map(Connection::room).sum();
        let missing = (self.waiting + spare).saturating_sub(room + self.opening * self.expected);
        let permitted = self
            .max
            .saturating_sub(self.connections.len() + self.opening);
        let begun = missing.div_ceil(self.expected).min(permitted);
        self.opening += begun;
        begun
    }

    /// A connection stands since `now`, for `streams` requests at a time.
    pub(crate) fn opened(&mut self, handle: C, streams: usize, now: Duration) -> Id {
        self.opening -= 1;
        self.named += 1;
        self.expected = streams.clamp(1, STREAMS_MAX);
        let id = Id(self.named);
        self.connections.push(Connection {
            id,
            handle,
            streams: streams.min(STREAMS_MAX),
            in_flight: 0,
            idle_since: now,
            is_doubted: false,
        });
        id
    }

    /// A connection came to nothing at `now`.
    pub(crate) fn not_opened(&mut self, now: Duration) {
        self.opening -= 1;
        self.failures += 1;
        self.pause_until = now + PAUSE;
    }

    /// How often [`Self::not_opened`] was called: whoever waits and sees it grow need not wait on.
    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// The peer permits `streams` at a time from now on (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 section 6.5.2).
    pub(crate) fn permit(&mut self, id: Id, streams: usize) {
        if let Some(connection) = self.find(id) {
            connection.streams = streams.min(STREAMS_MAX);
            self.expected = streams.clamp(1, STREAMS_MAX);
        }
    }

    /// Nothing more goes over a connection, until [`Self::trust`]; what it is, if it is still there.
    pub(crate) fn doubt(&mut self, id: Id) -> Option<&mut C> {
        let connection = self.find(id)?;
        connection.is_doubted = true;
        Some(&mut connection.handle)
    }

    /// A connection is alive.
    pub(crate) fn trust(&mut self, id: Id) {
        if let Some(connection) = self.find(id) {
            connection.is_doubted = false;
        }
    }

    /// Nothing more is to go over a connection. What it carries is not its business.
    pub(crate) fn forget(&mut self, id: Id) {
        self.connections.retain(|it| it.id != id);
    }

    /// As [`Self::forget`], for all.
    pub(crate) fn forget_all(&mut self) {
        self.connections.clear();
        self.era += 1;
    }

    /// What [`Self::forget_all`] changes: a connection that was begun in another era is of the forgotten ones.
    pub(crate) fn era(&self) -> u64 {
        self.era
    }

    /// As [`Self::forget`], for those that have carried nothing for longer than their own `limit`.
    pub(crate) fn forget_idle(&mut self, now: Duration, limit: impl Fn(&C) -> Duration) {
        self.connections
            .retain(|it| it.in_flight > 0 || now.saturating_sub(it.idle_since) < limit(&it.handle));
    }

    /// How many connections stand.
    pub(crate) fn len(&self) -> usize {
        self.connections.len()
    }

    fn find(&mut self, id: Id) -> Option<&mut Connection<C>> {
        self.connections.iter_mut().find(|it| it.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(7);

    /// A pool with one connection for each of `streams`.
    fn standing(streams: &[usize]) -> Pool<()> {
        let mut pool = Pool::new(usize::MAX, STREAMS_MAX);
        for streams in streams {
            pool.opening += 1;
            pool.opened((), *streams, NOW);
        }
        pool
    }

    fn boarded(pool: &mut Pool<()>, requests: usize) -> Vec<Id> {
        (0..requests)
            .map(|_| pool.board().expect("there is room").0)
            .collect()
    }

    #[test]
    fn a_further_connection_is_begun_before_the_streams_run_out() {
        let mut pool = standing(&[100]);
        boarded(&mut pool, 75);
        assert_eq!(pool.open(NOW), 0, "a quarter is free");
        boarded(&mut pool, 1);
        assert_eq!(pool.open(NOW), 1);
        assert_eq!(pool.open(NOW), 0, "it is on its way");
        boarded(&mut pool, 24);
        assert!(pool.board().is_none());
        let second = pool.opened((), 100, NOW);
        assert_eq!(pool.board().expect("there is room").0, second);
    }

    #[test]
    fn the_oldest_connection_is_filled_first_and_the_others_rest() {
        let mut pool = standing(&[2, 2]);
        let ids = boarded(&mut pool, 4);
        assert_eq!((ids[0], ids[2]), (ids[1], ids[3]));
        assert_ne!(ids[0], ids[2]);
        let later = NOW + Duration::from_secs(10);
        for id in &ids {
            assert!(pool.alight(*id, later).is_some());
        }
        assert_eq!(boarded(&mut pool, 1), [ids[0]]);
        let end = later + Duration::from_secs(5);
        pool.forget_idle(end, |()| Duration::from_secs(6));
        assert_eq!(pool.len(), 2);
        pool.forget_idle(end, |()| Duration::from_secs(5));
        assert_eq!(pool.len(), 1, "the one that carries something stays");
    }

    #[test]
    fn whoever_waits_for_the_first_connection_learns_how_many_more_it_takes() {
        let mut pool = Pool::<()>::new(usize::MAX, STREAMS_MAX);
        for _ in 0..300 {
            pool.wait();
        }
        assert_eq!(pool.open(NOW), 1);
        pool.opened((), 100, NOW);
        boarded(&mut pool, 100);
        for _ in 0..100 {
            pool.waited();
        }
        assert_eq!(pool.open(NOW), 3, "for 200, and a spare quarter");
    }

    #[test]
    fn a_connection_of_http_1_1_carries_one_request_and_none_is_spare() {
        let mut pool = Pool::<()>::new(3, 1);
        pool.wait();
        assert_eq!(pool.open(NOW), 1);
        pool.opened((), 1, NOW);
        boarded(&mut pool, 1);
        pool.waited();
        assert_eq!(pool.open(NOW), 0);
        for _ in 0..5 {
            pool.wait();
        }
        assert_eq!(pool.open(NOW), 2, "three is the most");
    }

    #[test]
    fn what_the_peer_permits_may_change() {
        let mut pool = standing(&[10]);
        let id = boarded(&mut pool, 5)[0];
        pool.permit(id, 3);
        assert!(pool.board().is_none());
        pool.permit(id, 0);
        pool.wait();
        assert_eq!(pool.open(NOW), 0, "another would carry none either");
        pool.permit(id, usize::MAX);
        boarded(&mut pool, STREAMS_MAX - 5);
        assert!(pool.board().is_none());
    }

    #[test]
    fn after_a_failure_connections_are_opened_for_those_alone_who_wait() {
        let mut pool = standing(&[4]);
        boarded(&mut pool, 4);
        assert_eq!(pool.open(NOW), 1);
        pool.not_opened(NOW);
        assert_eq!(pool.failures(), 1);
        assert_eq!(pool.open(NOW), 0);
        pool.wait();
        assert_eq!(pool.open(NOW), 1);
        pool.not_opened(NOW);
        pool.waited();
        assert_eq!(pool.open(NOW + PAUSE), 1);
    }

    #[test]
    fn a_doubted_connection_takes_nobody_until_it_is_trusted() {
        let mut pool = standing(&[10]);
        let id = boarded(&mut pool, 1)[0];
        assert!(pool.doubt(id).is_some());
        assert!(pool.board().is_none());
        pool.wait();
        assert_eq!(pool.open(NOW), 1, "whoever waits gets another");
        pool.trust(id);
        assert_eq!(boarded(&mut pool, 1), [id]);
    }

    #[test]
    fn a_forgotten_connection_takes_nobody_and_is_not_missed() {
        let mut pool = standing(&[10, 10]);
        let id = boarded(&mut pool, 1)[0];
        pool.forget(id);
        assert!(pool.alight(id, NOW).is_none());
        assert_ne!(boarded(&mut pool, 1), [id]);
        let era = pool.era();
        pool.forget_all();
        assert!(pool.board().is_none());
        assert_ne!(pool.era(), era);
    }
}
