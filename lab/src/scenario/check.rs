//! Which numbers of a scenario make sense.

use sotto_gateway::answer_time::MAX_STEP;

use super::{Arrivals, Padding, Scenario, ScenarioError};

/// Clients and names of the largest scenario: what one machine's memory holds.
const MAX_POPULATION: f64 = 1e6;

/// Lookups of the longest run: what a disk holds of their views.
const MAX_LOOKUPS: f64 = 1e8;

/// The longest delay, in milliseconds: beyond a minute everybody has given up.
const MAX_DELAY_MS: f64 = 60_000.0;

/// The shortest where a logarithm is taken.
const MIN_DELAY_MS: f64 = 0.001;

/// The largest exponent of a Zipf distribution and deviation of a logarithm: beyond, one value is all there is.
const MAX_SHAPE: f64 = 3.0;

/// Seconds that a copy of a key document may be used: a week, beyond which its keys are no longer accepted.
const MAX_REFRESH_SECONDS: f64 = 604_800.0;

/// How far the sum of shares may be from one.
const SHARE_TOLERANCE: f64 = 1e-6;

impl Scenario {
    /// Finds the first number that makes no sense.
    pub(super) fn check(&self) -> Result<(), ScenarioError> {
        self.check_people()?;
        self.check_parties()?;
        self.check_distances()
    }

    fn check_people(&self) -> Result<(), ScenarioError> {
        let (clients, names) = (&self.clients, &self.names);
        within("lookups", self.lookups as f64, 1.0, MAX_LOOKUPS)?;
        within("warm_up", self.warm_up as f64, 0.0, MAX_LOOKUPS)?;
        within("start", self.start as f64, 0.0, f64::from(u32::MAX))?;
        within(
            "clients.count",
            f64::from(clients.count),
            1.0,
            MAX_POPULATION,
        )?;
        within(
            "clients.lookups_per_second",
            clients.lookups_per_second,
            1e-3,
            1e6,
        )?;
        within("clients.skew", clients.skew, 0.0, MAX_SHAPE)?;
        let contacts = f64::from(clients.contacts);
        within("clients.contacts", contacts, 0.0, f64::from(names.count))?;
        let refresh = clients.key_refresh_seconds as f64;
        within(
            "clients.key_refresh_seconds",
            refresh,
            1.0,
            MAX_REFRESH_SECONDS,
        )?;
        if let Arrivals::Bursts { size, gap_ms } = clients.arrivals {
            within("clients.arrivals.bursts.size", f64::from(size), 1.0, 1e5)?;
            within("clients.arrivals.bursts.gap_ms", gap_ms, 0.0, MAX_DELAY_MS)?;
        }
        within("names.count", f64::from(names.count), 1.0, MAX_POPULATION)?;
        within("names.skew", names.skew, 0.0, MAX_SHAPE)?;
        within("names.absent", names.absent, 0.0, 1.0)?;
        within("names.opted_out", names.opted_out, 0.0, 1.0)?;
        within("names.several_services", names.several_services, 0.0, 1.0)?;
        let people = f64::from(names.people_per_domain);
        within("names.people_per_domain", people, 1.0, MAX_POPULATION)?;
        let sum = names.absent + names.opted_out + names.several_services;
        if sum > 1.0 + SHARE_TOLERANCE {
            return Err(ScenarioError::Shares {
                key: "names",
                sum,
                expected: "absent, opted_out and several_services together are at most 1, the rest has one service",
            });
        }
        let zones = names.zones.shares();
        let sum: f64 = zones.iter().sum();
        let is_share = |zone: &f64| (0.0..=1.0).contains(zone);
        if !zones.iter().all(is_share) || (sum - 1.0).abs() > SHARE_TOLERANCE {
            return Err(ScenarioError::Shares {
                key: "names.zones",
                sum,
                expected: "rsa, p256, nsec3, country and phones together are 1",
            });
        }
        Ok(())
    }

    fn check_parties(&self) -> Result<(), ScenarioError> {
        let (relay, gateway) = (&self.relay, &self.gateway);
        within("relay.count", f64::from(relay.count), 1.0, 1_000.0)?;
        let refresh = relay.key_refresh_seconds as f64;
        within(
            "relay.key_refresh_seconds",
            refresh,
            1.0,
            MAX_REFRESH_SECONDS,
        )?;
        relay.policy()?;
        let (step, longest) = (gateway.answer_step_ms as f64, MAX_STEP.as_millis() as f64);
        within("gateway.answer_step_ms", step, 0.0, longest)?;
        if let Padding::Block(block) = gateway.padding {
            within("gateway.padding.block", f64::from(block), 1.0, 65_536.0)?;
        }
        within("gateway.open_us", gateway.open_us, 0.0, 1e6)?;
        within("gateway.verify_us", gateway.verify_us, 0.0, 1e6)?;
        let patience = gateway.patience_ms as f64;
        within("gateway.patience_ms", patience, 1.0, MAX_DELAY_MS)
    }

    fn check_distances(&self) -> Result<(), ScenarioError> {
        let (resolver, network) = (&self.resolver, &self.network);
        let delay = |key, value| within(key, value, 0.0, MAX_DELAY_MS);
        let median = |key, value| within(key, value, MIN_DELAY_MS, MAX_DELAY_MS);
        let spread = |key, value| within(key, value, 0.0, MAX_SHAPE);
        delay("resolver.round_trip_ms", resolver.round_trip_ms)?;
        median("resolver.authority_median_ms", resolver.authority_median_ms)?;
        spread("resolver.authority_sigma", resolver.authority_sigma)?;
        spread("resolver.jitter_sigma", resolver.jitter_sigma)?;
        within("resolver.loss", resolver.loss, 0.0, 0.9)?;
        within(
            "resolver.retransmit_ms",
            resolver.retransmit_ms,
            1.0,
            MAX_DELAY_MS,
        )?;
        median("network.client_relay_ms", network.client_relay_ms)?;
        spread("network.client_relay_sigma", network.client_relay_sigma)?;
        delay("network.relay_gateway_ms", network.relay_gateway_ms)?;
        delay("network.jitter_ms", network.jitter_ms)
    }
}

/// What is no number lies within nothing.
fn within(key: &'static str, value: f64, least: f64, most: f64) -> Result<(), ScenarioError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ScenarioError::Number {
        key,
        value,
        least,
        most,
    })
}
