//! Holds messages until they leave: the shell around a [`Policy`].

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::crypto::SecureRandom;
use sotto_daemon::{clock::Stopwatch, metrics::Gauge};
use sotto_wire::Mixing;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, oneshot},
    time::sleep,
};

use super::{Departure, Policy};

/// The room that one request takes in the relay, from its arrival until the last octet of its answer has left.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// The system gave no randomness, without which nothing is mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRandomness;

/// What is held, and who lets it go.
pub(crate) struct Mixer {
    policy: Policy,
    origin: Stopwatch,
    random: &'static dyn SecureRandom,
    queue: Mutex<Queue>,
    sooner: Notify,
    held: Gauge,
}

#[derive(Default)]
struct Queue {
    messages: BinaryHeap<Reverse<Message>>,
    /// Whether a task lets messages go. It ends when there is none.
    is_served: bool,
}

/// One message that is held. Its place is taken for as long, even if the client goes away, so that all of them together
/// are never more than the relay has room for.
struct Message {
    departure: Departure,
    go: oneshot::Sender<()>,
    _place: Place,
}

impl Mixer {
    pub(crate) fn new(policy: Policy, random: &'static dyn SecureRandom, held: Gauge) -> Arc<Self> {
        Arc::new(Self {
            policy,
            origin: Stopwatch::start(),
            random,
            queue: Mutex::default(),
            sooner: Notify::new(),
            held,
        })
    }

    /// Waits until the message that has just come may leave.
    pub(crate) async fn hold(self: &Arc<Self>, place: &Place) -> Result<(), NoRandomness> {
        if self.policy.mixing() == Mixing::Off {
            return Ok(());
        }
        let random = self.draw().ok_or(NoRandomness)?;
        let departure = self.policy.departure(self.origin.elapsed(), random);
        let (go, gone) = oneshot::channel();
        let message = Message {
            departure,
            go,
            _place: Arc::clone(place),
        };
        self.keep(message);
        // The sender is dropped only with the message, as the process ends.
        let _ = gone.await;
        Ok(())
    }

    fn draw(&self) -> Option<[u64; 2]> {
        let mut octets = [0; 16];
        self.random.fill(&mut octets).ok()?;
        let (delay, rank) = octets.split_at(8);
        Some([delay, rank].map(|half| {
            half.iter()
                .fold(0, |number, octet| number << 8 | u64::from(*octet))
        }))
    }

    fn keep(self: &Arc<Self>, message: Message) {
        let departure = message.departure;
        let mut queue = self.queue();
        queue.messages.push(Reverse(message));
        self.held.increment(1.0);
        let is_first = queue.messages.peek().map(|first| first.0.departure) == Some(departure);
        if !std::mem::replace(&mut queue.is_served, true) {
            tokio::spawn(Arc::clone(self).serve());
        } else if is_first {
            self.sooner.notify_one();
        }
    }

    async fn serve(self: Arc<Self>) {
        while let Some(wait) = self.release() {
            tokio::select! {
                () = sleep(wait) => {}
                () = self.sooner.notified() => {}
            }
        }
    }

    /// Lets go what is due, in the order of departure; the wait for the next, if there is one.
    fn release(&self) -> Option<Duration> {
        let mut queue = self.queue();
        let now = self.origin.elapsed();
        while let Some(Reverse(first)) = queue.messages.peek() {
            if first.departure.at > now {
                return Some(first.departure.at - now);
            }
            if let Some(Reverse(message)) = queue.messages.pop() {
                self.held.decrement(1.0);
                // A client that has gone away has nobody listen.
                let _ = message.go.send(());
            }
        }
        queue.is_served = false;
        None
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ord for Message {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.departure.cmp(&other.departure)
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.departure == other.departure
    }
}

impl Eq for Message {}

#[cfg(test)]
mod tests;
