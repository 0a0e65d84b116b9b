use sotto_daemon::metrics::Metrics;
use tokio::{sync::Semaphore, task::JoinSet};

use super::*;

const COUNT: usize = 20;

fn mixer(mixing: Mixing) -> Arc<Mixer> {
    let policy = Policy::new(mixing).unwrap();
    let random = sotto_daemon::tls::provider().secure_random;
    Mixer::new(policy, random, crate::metrics::held(&Metrics::new()))
}

/// In which order messages leave that come one after the other.
async fn order(mixing: Mixing) -> Vec<usize> {
    let (mixer, room) = (mixer(mixing), Arc::new(Semaphore::new(COUNT)));
    let left = Arc::new(Mutex::new(Vec::new()));
    let mut messages = JoinSet::new();
    for number in 0..COUNT {
        let (mixer, left) = (Arc::clone(&mixer), Arc::clone(&left));
        let place = Arc::new(Arc::clone(&room).try_acquire_owned().unwrap());
        messages.spawn(async move {
            mixer.hold(&place).await.unwrap();
            left.lock().unwrap().push(number);
        });
    }
    while messages.join_next().await.is_some() {}
    assert_eq!(room.available_permits(), COUNT, "every place is free again");
    assert!(mixer.queue().messages.is_empty());
    let left = left.lock().unwrap();
    left.clone()
}

/// Twenty messages keep their order by chance once in 20! = 2e18.
#[tokio::test]
async fn mixed_messages_leave_in_an_order_of_their_own() {
    let arrival: Vec<usize> = (0..COUNT).collect();
    assert_eq!(order(Mixing::Off).await, arrival);
    for mixing in [
        Mixing::Timed { period_ms: 100 },
        Mixing::Exponential {
            mean_ms: 20,
            cap_ms: 100,
        },
    ] {
        let mut left = order(mixing).await;
        assert_ne!(left, arrival, "{mixing:?}");
        left.sort_unstable();
        assert_eq!(left, arrival, "{mixing:?}");
    }
}

#[tokio::test]
async fn a_message_keeps_its_place_until_it_would_have_left() {
    let mixer = mixer(Mixing::Timed { period_ms: 50 });
    let room = Arc::new(Semaphore::new(1));
    let place = Arc::new(Arc::clone(&room).try_acquire_owned().unwrap());
    let holder = Arc::clone(&mixer);
    let task = tokio::spawn(async move { holder.hold(&place).await });
    while mixer.queue().messages.is_empty() {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    {
        let queue = mixer.queue();
        assert_eq!(room.available_permits(), 1 - queue.messages.len());
    }
    assert!(room.acquire().await.is_ok(), "and no longer");
}

/// A system without randomness.
#[derive(Debug)]
struct Barren;

impl SecureRandom for Barren {
    fn fill(&self, _: &mut [u8]) -> Result<(), rustls::crypto::GetRandomFailed> {
        Err(rustls::crypto::GetRandomFailed)
    }
}

#[tokio::test]
async fn without_randomness_nothing_is_let_go_unmixed() {
    let policy = Policy::new(Mixing::Timed { period_ms: 50 }).unwrap();
    let mixer = Mixer::new(policy, &Barren, crate::metrics::held(&Metrics::new()));
    let room = Arc::new(Semaphore::new(1));
    let place = Arc::new(Arc::clone(&room).try_acquire_owned().unwrap());
    assert_eq!(mixer.hold(&place).await, Err(NoRandomness));
}
