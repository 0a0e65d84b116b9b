//! How long authorities take, as seen from a resolver: a documented wide-area distribution.
//!
//! The round trip to each authority is log-normal around 43 ms with a sigma of 0.9, drawn once. Of 100 exchanges 2.5 lose a datagram, which is
//! sent again after 376 ms, then after twice that, and so on: Unbound's timeouts for a server that it does not know yet
//! (nlnetlabs.nl/documentation/unbound/info-timeout). The other numbers are chosen so that two exchanges, what a question costs where a
//! delegation is not known, come to what Google has published of its crawler's resolutions
//! (developers.google.com/speed/public-dns/docs/performance): 130 ms on average where servers respond, and 4 to 6 % that run into a timeout.
//!
//! # Limitations
//!
//! Google's average of all resolutions, 300 to 400 ms, is higher: it counts servers that are dead and domains that are broken. People who
//! publish how to be reached are asked for at domains that work. Scenarios may say otherwise.

use rand::{Rng, RngExt};

use super::log_normal;
use crate::scenario::Resolver;

/// Times that a datagram is sent at most: after these a server counts as down, which none here is.
const MOST_SENT: u32 = 5;

/// Ways to an authority and back, for a response that takes TCP: the query that is told so, the connection, and the query again (RFC 7766).
const TCP_ROUND_TRIPS: f64 = 3.0;

/// One exchange with an authority.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exchange {
    /// What it took.
    pub(super) milliseconds: f64,
    /// Datagrams lost.
    pub(super) lost: u32,
}

/// The round trip to an authority, in milliseconds.
pub(super) fn distance(resolver: &Resolver, random: &mut impl Rng) -> f64 {
    resolver.authority_median_ms * log_normal(resolver.authority_sigma, random)
}

/// An exchange with an authority so far away.
pub(super) fn exchange(
    resolver: &Resolver,
    distance: f64,
    over_tcp: bool,
    random: &mut impl Rng,
) -> Exchange {
    let varied = distance * log_normal(resolver.jitter_sigma, random);
    let trips = if over_tcp { TCP_ROUND_TRIPS } else { 1.0 };
    let (mut waited, mut timeout, mut lost) = (0.0, resolver.retransmit_ms, 0);
    while lost + 1 < MOST_SENT && random.random::<f64>() < resolver.loss {
        waited += timeout;
        timeout *= 2.0;
        lost += 1;
    }
    Exchange {
        milliseconds: waited + trips * varied,
        lost,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn two_exchanges_take_what_the_source_says() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let resolver = Resolver::default();
        let pairs: Vec<[Exchange; 2]> = (0..40_000)
            .map(|_| {
                let mut one = || {
                    let distance = distance(&resolver, &mut random);
                    exchange(&resolver, distance, false, &mut random)
                };
                [one(), one()]
            })
            .collect();
        let (lost, sound): (Vec<_>, Vec<_>) = pairs
            .iter()
            .partition(|pair| pair.iter().any(|one| one.lost > 0));
        let took = |pair: &&[Exchange; 2]| pair.iter().map(|one| one.milliseconds).sum::<f64>();
        let mean = sound.iter().map(took).sum::<f64>() / sound.len() as f64;
        assert!((125.0..135.0).contains(&mean), "{mean} ms");
        let share = lost.len() as f64 / pairs.len() as f64;
        assert!((0.04..0.06).contains(&share), "{share}");
        let quickest = lost.iter().map(took).fold(f64::INFINITY, f64::min);
        assert!(quickest > 376.0, "{quickest} ms");
    }

    #[test]
    fn tcp_takes_three_round_trips() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let still = Resolver {
            jitter_sigma: 0.0,
            loss: 0.0,
            ..Resolver::default()
        };
        let mut took = |over_tcp| exchange(&still, 10.0, over_tcp, &mut random).milliseconds;
        assert_eq!((took(false), took(true)), (10.0, 30.0));
    }
}
