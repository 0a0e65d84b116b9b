//! What is simulated, as a TOML file: who asks, for whom, over which relays, and how far away everything is.
//!
//! Every key is shown, with its default, in `lab/scenarios/town.toml`, which a test parses.

mod check;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use sotto_relay::mixing::{Policy, PolicyError};
use sotto_wire::Mixing;

/// A scenario whose numbers make sense.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is, in a few words.
    pub title: String,
    /// Lookups that are recorded.
    pub lookups: u64,
    /// Lookups that are made before the recording begins, to fill caches.
    #[serde(default)]
    pub warm_up: u64,
    /// When the first lookup is made, in Unix seconds. Keys turn at midnight, UTC.
    #[serde(default = "default_start")]
    pub start: u64,
    /// Who asks.
    pub clients: Clients,
    /// Who is asked for.
    pub names: Names,
    /// What they ask through.
    #[serde(default)]
    pub relay: Relay,
    /// Who answers.
    #[serde(default)]
    pub gateway: Gateway,
    /// Whom the gateway asks.
    #[serde(default)]
    pub resolver: Resolver,
    /// How far clients, relays and the gateway are from one another.
    #[serde(default)]
    pub network: Network,
}

/// Who asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// How many there are.
    pub count: u32,
    /// Lookups in a second, of all clients together.
    pub lookups_per_second: f64,
    /// How unequally they ask: the exponent of a Zipf distribution over clients, 0 for all alike.
    #[serde(default)]
    pub skew: f64,
    /// The names that each client ever asks for, drawn once by popularity; 0 lets everybody ask for anybody.
    #[serde(default)]
    pub contacts: u32,
    /// How lookups follow one another.
    #[serde(default)]
    pub arrivals: Arrivals,
    /// Seconds that a client uses one copy of its relay's key document.
    #[serde(default = "default_key_refresh")]
    pub key_refresh_seconds: u64,
}

/// How lookups follow one another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Arrivals {
    /// Each by itself, at exponential distances.
    #[default]
    Poisson,
    /// One client's at a time, so many on end, as an address book is gone through.
    Bursts {
        /// Lookups of one burst.
        size: u32,
        /// Milliseconds between two of them.
        gap_ms: f64,
    },
}

/// Who is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// How many identifiers are ever asked for.
    pub count: u32,
    /// How unequal their popularity is: the exponent of a Zipf distribution, 0 for all alike.
    #[serde(default = "default_skew")]
    pub skew: f64,
    /// The share that publishes nothing.
    #[serde(default)]
    pub absent: f64,
    /// The share that publishes that they do not want to be reached.
    #[serde(default)]
    pub opted_out: f64,
    /// The share that publishes from two to sixteen services in place of one.
    #[serde(default)]
    pub several_services: f64,
    /// People of one domain.
    #[serde(default = "default_people_per_domain")]
    pub people_per_domain: u32,
    /// How their zones are signed.
    #[serde(default)]
    pub zones: Zones,
}

/// Shares of the names by how their zone is signed; they add up to one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Zones {
    /// RSA with NSEC3 below an RSA top-level domain with NSEC3 and opt-out.
    pub rsa: f64,
    /// P-256 with NSEC below a P-256 top-level domain.
    pub p256: f64,
    /// P-256 with NSEC3 below an RSA top-level domain with NSEC3 and opt-out.
    pub nsec3: f64,
    /// P-256 with NSEC3 below a country code's second level, one link longer.
    pub country: f64,
    /// Phone numbers: one P-256 zone with NSEC3 and deep names.
    pub phones: f64,
}

/// What clients ask through.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Relay {
    /// How many relays there are; each client keeps to one.
    pub count: u16,
    /// How each delays messages, both ways, as its `/.well-known/sotto` says.
    pub mixing: Mixing,
    /// Seconds from one fetch of the gateway's key document to the next.
    pub key_refresh_seconds: u64,
}

/// Who answers.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Milliseconds at multiples of which answers leave (`privacy.answer_step_ms`, D); 0 to answer at once.
    pub answer_step_ms: u64,
    /// How answers are padded.
    pub padding: Padding,
    /// Microseconds of opening a request and sealing an answer.
    pub open_us: f64,
    /// Microseconds of verifying a proof that was gathered.
    pub verify_us: f64,
    /// Milliseconds after which the gateway gives a question up (`dns.timeout_ms`).
    pub patience_ms: u64,
}

/// How answers are padded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Padding {
    /// To one of the two classes: what a gateway does.
    #[default]
    Classes,
    /// Not at all: for comparison, no gateway does.
    None,
    /// To multiples of so many octets: for comparison, no gateway does.
    Block(u32),
}

/// Whom the gateway asks: a resolver beside it, and the authorities far away.
///
/// The delay of an exchange with an authority is the round trip to it, drawn once for each authority from a log-normal
/// distribution and varied a little each time; a lost datagram costs a retransmission timeout, doubled each time.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resolver {
    /// Whether the resolver's other users keep the root, the top-level domains and the country code's second level in its cache.
    pub knows_top: bool,
    /// Milliseconds to the resolver and back.
    pub round_trip_ms: f64,
    /// The median of the round trips to authorities, in milliseconds.
    pub authority_median_ms: f64,
    /// The standard deviation of the logarithm of those round trips.
    pub authority_sigma: f64,
    /// The standard deviation of the logarithm of what varies from one exchange to the next.
    pub jitter_sigma: f64,
    /// The share of exchanges that lose a datagram.
    pub loss: f64,
    /// Milliseconds after which a lost one is sent again, the first time.
    pub retransmit_ms: f64,
}

/// How far clients, relays and the gateway are from one another.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// The median one-way delay from a client to its relay, in milliseconds.
    pub client_relay_ms: f64,
    /// The standard deviation of its logarithm over clients.
    pub client_relay_sigma: f64,
    /// The one-way delay from a relay to the gateway, in milliseconds.
    pub relay_gateway_ms: f64,
    /// The mean of what queues add to each way, exponentially distributed, in milliseconds.
    pub jitter_ms: f64,
}

/// Why a file is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that no scenario has.
    #[error("{path} is no scenario; lab/scenarios/town.toml shows every key")]
    Form {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// A number makes no sense.
    #[error("{key}: {value} is not from {least} to {most}")]
    Number {
        /// The key.
        key: &'static str,
        /// Its value.
        value: f64,
        /// The least that would make sense.
        least: f64,
        /// The most.
        most: f64,
    },
    /// Shares do not add up.
    #[error("{key}: the shares add up to {sum}; {expected}")]
    Shares {
        /// The table.
        key: &'static str,
        /// What they add up to.
        sum: f64,
        /// What they should.
        expected: &'static str,
    },
    /// The mixing is none that a relay would take.
    #[error("relay.mixing")]
    Mixing(#[from] PolicyError),
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`] names the key and what would make sense.
    pub fn read(path: &Path) -> Result<(Self, String), ScenarioError> {
        let shown = || path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::File {
            path: shown(),
            source,
        })?;
        let scenario = Self::parse(&text).map_err(|error| match error {
            ScenarioError::Form { source, .. } => ScenarioError::Form {
                path: shown(),
                source,
            },
            other => other,
        })?;
        Ok((scenario, text))
    }

    /// Reads the text of a scenario.
    ///
    /// # Errors
    ///
    /// [`ScenarioError`], as for [`Self::read`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text).map_err(|source| ScenarioError::Form {
            path: "the scenario".to_owned(),
            source: Box::new(source),
        })?;
        scenario.check()?;
        Ok(scenario)
    }
}

impl Zones {
    /// The shares, in the order of the fields.
    #[must_use]
    pub const fn shares(&self) -> [f64; 5] {
        [self.rsa, self.p256, self.nsec3, self.country, self.phones]
    }
}

impl Relay {
    /// The mixing as the relay's own policy.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] for numbers that no relay takes.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        Policy::new(self.mixing)
    }
}

impl Gateway {
    /// The step D.
    #[must_use]
    pub const fn answer_step(&self) -> Duration {
        Duration::from_millis(self.answer_step_ms)
    }
}

/// 15 January 2027, 08:00 UTC.
const fn default_start() -> u64 {
    1_800_000_000
}

/// What the client keeps to: an hour.
const fn default_key_refresh() -> u64 {
    3_600
}

const fn default_skew() -> f64 {
    0.9
}

const fn default_people_per_domain() -> u32 {
    20
}

impl Default for Zones {
    fn default() -> Self {
        Self {
            rsa: 0.2,
            p256: 0.2,
            nsec3: 0.3,
            country: 0.2,
            phones: 0.1,
        }
    }
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            count: 2,
            mixing: Mixing::Off,
            key_refresh_seconds: 900,
        }
    }
}

/// What a gateway does by default.
impl Default for Gateway {
    fn default() -> Self {
        Self {
            answer_step_ms: sotto_gateway::config::Privacy::default().answer_step_ms,
            padding: Padding::Classes,
            open_us: 80.0,
            verify_us: 900.0,
            patience_ms: sotto_gateway::config::Dns::default().timeout_ms,
        }
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self {
            knows_top: true,
            round_trip_ms: 0.4,
            authority_median_ms: 43.0,
            authority_sigma: 0.9,
            jitter_sigma: 0.15,
            loss: 0.025,
            retransmit_ms: 376.0,
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self {
            client_relay_ms: 20.0,
            client_relay_sigma: 0.6,
            relay_gateway_ms: 8.0,
            jitter_ms: 0.2,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    const SMALL: &str = "title = 'small'\nlookups = 10\n[clients]\ncount = 2\nlookups_per_second = 1\n[names]\ncount = 5\n";

    #[test]
    fn defaults_are_those_of_a_gateway() {
        let scenario = Scenario::parse(SMALL).unwrap();
        assert_eq!(scenario.gateway.answer_step_ms, 250);
        assert_eq!(scenario.gateway.patience_ms, 4_000);
        assert_eq!(scenario.relay.mixing, Mixing::Off);
    }

    #[test]
    fn the_sample_shows_every_key_with_its_default() {
        let scenario = Scenario::parse(include_str!("../scenarios/town.toml")).unwrap();
        let small = Scenario::parse(SMALL).unwrap();
        let defaults = |scenario: &Scenario| {
            format!(
                "{:?} {:?} {:?} {:?} {:?} {}",
                scenario.relay,
                scenario.gateway,
                scenario.resolver,
                scenario.network,
                scenario.names.zones,
                scenario.start,
            )
        };
        assert_eq!(defaults(&scenario), defaults(&small));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (from, to, said) in [
            ("lookups = 10", "lookup = 10", "unknown field `lookup`"),
            ("lookups = 10", "lookups = 0", "lookups: 0 is not from 1"),
            ("count = 5", "count = 0", "names.count: 0"),
            ("count = 5", "count = 5\nskew = -1", "names.skew: -1"),
            (
                "count = 5",
                "count = 5\nabsent = 0.6\nopted_out = 0.6",
                "add up to 1.2",
            ),
            (
                "count = 5",
                "count = 5\n[names.zones]\nrsa = 0.9",
                "names.zones: the shares add up to 1.7",
            ),
            (
                "count = 5",
                "count = 5\n[relay]\nmixing = { timed = { period_ms = 0 } }",
                "relay.mixing: a time of zero",
            ),
            (
                "count = 5",
                "count = 5\n[gateway]\nanswer_step_ms = 5001",
                "gateway.answer_step_ms: 5001",
            ),
            (
                "count = 5",
                "count = 5\n[resolver]\nloss = nan",
                "resolver.loss: NaN",
            ),
            (
                "count = 2",
                "count = 2\ncontacts = 6",
                "clients.contacts: 6 is not from 0 to 5",
            ),
        ] {
            assert!(SMALL.contains(from));
            let error = Scenario::parse(&SMALL.replace(from, to)).unwrap_err();
            let cause = error.source().map(ToString::to_string);
            let told = format!("{error}: {}", cause.unwrap_or_default());
            assert!(told.contains(said), "{to}: {told}");
        }
    }
}
