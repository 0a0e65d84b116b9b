//! Which relay and which gateway a lookup goes through, and which come next.
//!
//! Every client draws its own order of the relays, and of the gateways, by weight and by its secret, anew every
//! [`PERIOD_EPOCHS`] days. The order is no function of the question, nor of what came of earlier ones: a choice by name would
//! show the name to whoever sees the choice, and a choice for each lookup would take every client through every pair, the one
//! that colludes among them. Everybody turns at the same time, so that a gateway cannot tell for longer than a period
//! who comes through which relay; within it, those who share a relay are its crowd.

use sotto_mimi::TieBreak;
use sotto_wire::EPOCH_SECONDS;

use crate::setup::Setup;

/// Days for which a client keeps to its relay and its gateway.
///
/// Long, since each turn shows the client's address to another relay, and its questions to another gateway. Finite, since who stays for
/// ever gathers at one place all that he ever did.
pub const PERIOD_EPOCHS: u64 = 28;

/// How often one relay is tried, each time only because nothing was sent the time before.
const TRIES_PER_RELAY: u8 = 2;

/// A relay and a gateway, by their places in the setup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) relay: usize,
    pub(crate) gateway: usize,
}

/// The way of one lookup: where it is, and where it may still go.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// Gateways, in the order in which they come; the first is in use.
    gateways: Vec<usize>,
    /// Relays in this client's order.
    relays: Vec<usize>,
    /// The place in `relays` of the one that was first.
    start: usize,
    /// The place in `relays` of the one in use.
    at: usize,
    /// How often each of `relays` may still be tried for the gateway in use.
    tries: Vec<u8>,
}

impl Route {
    /// The way that this client's secret draws, or the one that begins with `first`.
    pub(super) fn new(setup: &Setup, first: Option<Pair>, now: u64) -> Self {
        let relays = relay_order(setup, now);
        let mut gateways = gateway_order(setup, now);
        let mut at = 0;
        if let Some(first) = first {
            at = relays
                .iter()
                .position(|&relay| relay == first.relay)
                .unwrap_or(0);
            gateways.retain(|&gateway| gateway != first.gateway);
            gateways.insert(0, first.gateway);
        }
        Self {
            tries: vec![TRIES_PER_RELAY; relays.len()],
            gateways,
            relays,
            start: at,
            at,
        }
    }

    /// The pair in use.
    pub(super) fn pair(&self) -> Pair {
        Pair {
            relay: self.relays[self.at],
            gateway: self.gateways[0],
        }
    }

    /// Counts a try that reached nobody; with `for_good` the relay is not tried again.
    pub(super) fn spend(&mut self, for_good: bool) {
        let left = &mut self.tries[self.at];
        *left = if for_good { 0 } else { left.saturating_sub(1) };
    }

    /// Goes on to the next relay that may be tried, the one in use last of all; and says whether all that are left have had their turn.
    pub(super) fn next_relay(&mut self) -> Option<RoundOver> {
        let count = self.relays.len();
        let next = (1..=count)
            .map(|step| (self.at + step) % count)
            .find(|&at| self.tries[at] > 0)?;
        let turn = |at: usize| (at + count - self.start) % count;
        let round_over = turn(next) <= turn(self.at);
        self.at = next;
        Some(RoundOver(round_over))
    }

    /// Goes on to the next gateway, with every relay before it again.
    pub(super) fn next_gateway(&mut self) -> bool {
        if self.gateways.len() < 2 {
            return false;
        }
        self.gateways.remove(0);
        (self.start, self.at) = (0, 0);
        self.tries.fill(TRIES_PER_RELAY);
        true
    }
}

/// Whether every relay that is left has had its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RoundOver(pub(super) bool);

/// The relays of a setup, in this client's order.
pub(crate) fn relay_order(setup: &Setup, now: u64) -> Vec<usize> {
    let relays = setup.relays().iter();
    order(
        setup.tie_break(),
        "relay order",
        relays.map(|relay| (relay.url.authority(), relay.weight)),
        now,
    )
}

/// The gateways of a setup, in this client's order.
pub(crate) fn gateway_order(setup: &Setup, now: u64) -> Vec<usize> {
    let gateways = setup.gateways().iter();
    order(
        setup.tie_break(),
        "gateway order",
        gateways.map(|gateway| (gateway.host.as_str(), gateway.weight)),
        now,
    )
}

/// When the order of this time ends, Unix seconds.
pub(crate) fn period_end(now: u64) -> u64 {
    let seconds = PERIOD_EPOCHS * EPOCH_SECONDS;
    (now / seconds).saturating_add(1).saturating_mul(seconds)
}

/// Indexes in an order drawn by weight.
///
/// Each entry holds as many tickets as it weighs, and its best counts: so it comes first as often as it weighs, and
/// whoever joins or leaves the list moves no others against each other.
fn order<'a>(
    secret: &TieBreak,
    purpose: &str,
    entries: impl Iterator<Item = (&'a str, u8)>,
    now: u64,
) -> Vec<usize> {
    let period = (now / (PERIOD_EPOCHS * EPOCH_SECONDS)).to_be_bytes();
    let mut drawn: Vec<_> = entries
        .enumerate()
        .map(|(index, (name, weight))| {
            let best = (0..weight)
                .map(|ticket| secret.draw(purpose, &[&period, name.as_bytes(), &[ticket]]))
                .max();
            (best, index)
        })
        .collect();
    drawn.sort_unstable_by(|one, other| other.cmp(one));
    drawn.into_iter().map(|(_, index)| index).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::Relay;

    const NOW: u64 = 1_795_305_700;
    const PERIOD: u64 = PERIOD_EPOCHS * EPOCH_SECONDS;

    fn setup(secret: u64, weights: &[u8]) -> Setup {
        let relay = |index: usize| Relay::new(format!("https://relay-{index}.example"));
        let mut builder =
            Setup::builder(relay(0).weight(weights[0]), "g.example").another_gateway("h.example");
        for (index, weight) in weights.iter().enumerate().skip(1) {
            builder = builder.another_relay(relay(index).weight(*weight));
        }
        let mut octets = [0; 16];
        octets[..8].copy_from_slice(&secret.to_be_bytes());
        builder.tie_break(TieBreak::new(octets)).build().unwrap()
    }

    #[test]
    fn clients_spread_over_relays_by_weight() {
        let weights = [1, 2, 5];
        let (mut first, mut second) = ([0; 3], [0; 3]);
        for secret in 0..4_000 {
            let order = relay_order(&setup(secret, &weights), NOW);
            first[order[0]] += 1;
            second[order[1]] += 1;
        }
        // Expected: 500, 1000, 2500; five standard deviations are below 160.
        for (count, expected) in first.into_iter().zip([500_i32, 1_000, 2_500]) {
            assert!((count - expected).abs() < 160, "{first:?}");
        }
        // The second is drawn by weight from those that are left: 4000 (2/8 1/6 + 5/8 1/3 ...).
        assert!(second.iter().all(|count| *count > 900), "{second:?}");
    }

    #[test]
    fn a_client_keeps_to_its_relay_for_a_period_and_no_longer() {
        let setup = setup(7, &[1; 8]);
        let begin = NOW / PERIOD * PERIOD;
        let order = relay_order(&setup, begin);
        for now in [begin + 1, begin + PERIOD / 2, begin + PERIOD - 1] {
            assert_eq!(relay_order(&setup, now), order);
            assert_eq!(period_end(now), begin + PERIOD);
        }
        let firsts: std::collections::HashSet<_> = (0..40)
            .map(|turn| relay_order(&setup, begin + turn * PERIOD)[0])
            .collect();
        assert!(firsts.len() > 5, "{firsts:?}");
    }

    #[test]
    fn relay_and_gateway_are_drawn_apart() {
        let mut pairs = [[0; 2]; 2];
        for secret in 0..1_000 {
            let setup = setup(secret, &[1, 1]);
            let pair = Route::new(&setup, None, NOW).pair();
            pairs[pair.relay][pair.gateway] += 1;
        }
        // Expected: 250 each; five standard deviations are below 70.
        assert!(
            pairs
                .as_flattened()
                .iter()
                .all(|count| (180..320).contains(count)),
            "{pairs:?}"
        );
    }

    #[test]
    fn a_relay_that_joins_moves_no_others() {
        for secret in 0..200 {
            let with = relay_order(&setup(secret, &[1, 1, 1, 1]), NOW);
            let without = relay_order(&setup(secret, &[1, 1, 1]), NOW);
            let others: Vec<_> = with.into_iter().filter(|index| *index != 3).collect();
            assert_eq!(others, without);
        }
    }

    #[test]
    fn every_relay_is_tried_twice_in_turn() {
        let setup = setup(1, &[1, 1, 1]);
        let mut route = Route::new(&setup, None, NOW);
        let mut visited = vec![route.pair().relay];
        let mut rounds = Vec::new();
        loop {
            route.spend(false);
            let Some(round) = route.next_relay() else {
                break;
            };
            visited.push(route.pair().relay);
            rounds.push(round.0);
        }
        assert_eq!(visited.len(), 6);
        assert_eq!(visited[..3], visited[3..]);
        assert_eq!(rounds, [false, false, true, false, false]);
    }

    #[test]
    fn what_is_of_no_use_is_not_tried_again() {
        let setup = setup(1, &[1, 1]);
        let mut route = Route::new(&setup, None, NOW);
        let first = route.pair();
        route.spend(true);
        assert_eq!(route.next_relay(), Some(RoundOver(false)));
        route.spend(false);
        assert!(route.next_relay().is_some());
        assert_ne!(route.pair().relay, first.relay);
        route.spend(false);
        assert_eq!(route.next_relay(), None);
        assert!(route.next_gateway());
        assert_eq!(route.pair().relay, relay_order(&setup, NOW)[0]);
        assert_ne!(route.pair().gateway, first.gateway);
        assert!(!route.next_gateway());
    }

    #[test]
    fn a_lookup_may_begin_where_another_ended() {
        let setup = setup(1, &[1, 1, 1]);
        for relay in 0..3 {
            for gateway in 0..2 {
                let first = Pair { relay, gateway };
                assert_eq!(Route::new(&setup, Some(first), NOW).pair(), first);
            }
        }
    }
}
