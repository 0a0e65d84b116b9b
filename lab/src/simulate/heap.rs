//! Events in the order of their time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use super::Micros;

/// Events; of those at one time the one of the lowest rank first, and of those the one that was put in first.
pub(super) struct Heap<E> {
    entries: BinaryHeap<Reverse<Entry<E>>>,
    put: u64,
}

struct Entry<E> {
    at: Micros,
    rank: u64,
    number: u64,
    event: E,
}

impl<E> Default for Heap<E> {
    fn default() -> Self {
        Self {
            entries: BinaryHeap::new(),
            put: 0,
        }
    }
}

impl<E> Heap<E> {
    pub(super) fn push(&mut self, at: Micros, rank: u64, event: E) {
        let number = self.put;
        self.put += 1;
        self.entries.push(Reverse(Entry {
            at,
            rank,
            number,
            event,
        }));
    }

    pub(super) fn pop(&mut self) -> Option<(Micros, E)> {
        let Reverse(entry) = self.entries.pop()?;
        Some((entry.at, entry.event))
    }
}

impl<E> Entry<E> {
    fn key(&self) -> (Micros, u64, u64) {
        (self.at, self.rank, self.number)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_then_rank_then_as_they_were_put_in() {
        let mut heap = Heap::default();
        for (at, rank, event) in [
            (5, 0, 'd'),
            (1, 9, 'b'),
            (1, 2, 'a'),
            (5, 0, 'e'),
            (3, 0, 'c'),
        ] {
            heap.push(at, rank, event);
        }
        let order: String = std::iter::from_fn(|| heap.pop())
            .map(|(_, event)| event)
            .collect();
        assert_eq!(order, "abcde");
    }
}
