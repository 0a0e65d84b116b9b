//! The gateways' keys over two relays, compared: whoever is given a key of their own finds out.
//!
//! A lookup compares what its relay hands out with what was seen within a day. Somebody has to look over another relay for
//! that to mean anything, and it must not be the lookup: a second relay that saw a fetch whenever
//! somebody asks could join its time with the questions that the gateway gets, and would know who asks without
//! the first relay's help. So a [`Comparison`] runs by a schedule of its own, once a day, at a time of day that the client's secret
//! draws, whether anything is asked or not; and it asks the two relays that come first for this client anyway, so that no third
//! learns its address.

use sotto_wire::{EPOCH_SECONDS, media};

use crate::keys::{GatewayKey, KeyRequest, KeySighting, KeysSeen};
use crate::lookup::Memory;
use crate::lookup::route::{Pair, relay_order};
use crate::outcome::Unavailable;
use crate::relay::{DESCRIPTION_MAX_BYTES, RelayFacts};
use crate::response::Response;
use crate::setup::{GatewayEntry, RelayEntry, Setup};
use crate::step::Event;

/// Relays that are compared: two are enough to tell that one of them, or the gateway, has two faces.
const RELAYS_COMPARED: usize = 2;

/// A comparison of keys, driven from outside like a [`crate::Lookup`]; it asks for documents that everybody may have, and never a
/// question.
///
/// ```
/// use sotto_client::{Comparison, Event, Memory, Sent, Setup, ComparisonStep, TransportProblem, TransportProblemKind};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let setup = Setup::builder("https://relay.example", "gateway.example.net")
///     .another_relay("https://relay.example.org")
///     .build()?;
/// let now = 1_790_000_000;
/// let due = Comparison::due(&setup, now).ok_or("there is only one relay")?;
/// assert!(due >= now && due - now < 2 * 86_400);
///
/// let (mut comparison, mut step) = Comparison::start(&setup, &Memory::default(), due);
/// let compared = loop {
///     let event = match step {
///         // Here an HTTP stack does the request. This one has no network.
///         ComparisonStep::Get { .. } => Event::Failed {
///             sent: Sent::Nothing,
///             what: TransportProblem::new(TransportProblemKind::Connect, "no network"),
///         },
///         ComparisonStep::Done(compared) => break compared,
///     };
///     step = comparison.next(event, due);
/// };
/// assert!(compared.alarm.is_none() && compared.views.iter().all(|view| view.keys.is_err()));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Comparison(Option<Box<Running>>);

/// What the driver of a [`Comparison`] does next.
#[derive(Debug)]
#[must_use]
pub enum ComparisonStep {
    /// Fetch `url` and answer with [`Event::Response`] or [`Event::Failed`].
    Get {
        /// Where: always a relay.
        url: String,
        /// The value of the Accept field.
        accept: &'static str,
        /// Octets of content beyond which the driver stops reading and fails.
        max_bytes: usize,
    },
    /// The comparison is over.
    Done(Box<Compared>),
}

/// What a [`Comparison`] came to.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Compared {
    /// What each relay showed of each gateway's keys.
    pub views: Vec<KeyView>,
    /// Two lists for one day, if there are any ([`crate::Code::KeysDiffer`]). Lookups that would use one of them are refused for a day.
    pub alarm: Option<Unavailable>,
}

/// A gateway's keys, as one relay shows them.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyView {
    /// The relay, host and perhaps port.
    pub relay: String,
    /// The gateway's host.
    pub gateway: String,
    /// The proved digest of each day, or why there is none. That two relays show other days is normal.
    pub keys: Result<Vec<KeySighting>, Unavailable>,
}

/// A comparison that is not over.
#[derive(Debug)]
struct Running {
    setup: Setup,
    seen: KeysSeen,
    /// What is still to be looked at, the next first.
    pairs: Vec<Pair>,
    /// What the relay of the next pair says of itself, once it has, and which relay that is.
    description: Option<(usize, Response)>,
    fetching: bool,
    compared: Compared,
}

impl Comparison {
    /// When the next comparison should begin, Unix seconds: at a time of day drawn by this client's secret, anew each day.
    ///
    /// `None` if there is nothing to compare: one relay, or keys of the caller's own alone.
    #[must_use]
    pub fn due(setup: &Setup, now: u64) -> Option<u64> {
        let has_keys = setup
            .gateways()
            .iter()
            .any(|gateway| gateway.keys.is_relay());
        if setup.relays().len() < RELAYS_COMPARED || !has_keys {
            return None;
        }
        let today = now / EPOCH_SECONDS;
        let drawn = |day: u64| {
            let second = setup
                .tie_break()
                .draw("key comparison", &[&day.to_be_bytes()])
                % EPOCH_SECONDS;
            day.saturating_mul(EPOCH_SECONDS).saturating_add(second)
        };
        Some(drawn(today))
            .filter(|due| *due >= now)
            .or_else(|| Some(drawn(today.saturating_add(1))))
    }

    /// Starts to compare what two relays show, and what `memory` holds of the last day.
    pub fn start(setup: &Setup, memory: &Memory, now: u64) -> (Self, ComparisonStep) {
        let relays = relay_order(setup, now).into_iter().take(RELAYS_COMPARED);
        let gateways = || {
            let all = setup.gateways().iter().enumerate();
            all.filter(|(_, gateway)| gateway.keys.is_relay())
                .map(|(index, _)| index)
        };
        let mut seen = memory.keys_seen().clone();
        if let Some(store) = setup.store() {
            seen.extend(store.keys_seen().iter().cloned());
        }
        let mut running = Box::new(Running {
            setup: setup.clone(),
            seen,
            pairs: relays
                .flat_map(|relay| gateways().map(move |gateway| Pair { relay, gateway }))
                .collect(),
            description: None,
            fetching: false,
            compared: Compared {
                views: Vec::new(),
                alarm: None,
            },
        });
        match running.step(now) {
            Some(step) => (Self(Some(running)), step),
            None => (Self(None), running.done()),
        }
    }

    /// Takes what came of the last step, and says what to do next.
    ///
    /// An event that belongs to no step ends the comparison, with nothing to show.
    pub fn next(&mut self, event: Event, now: u64) -> ComparisonStep {
        let Some(mut running) = self.0.take() else {
            return ComparisonStep::Done(Box::new(Compared {
                views: Vec::new(),
                alarm: None,
            }));
        };
        running.advance(event, now);
        match running.step(now) {
            Some(step) => {
                self.0 = Some(running);
                step
            }
            None => running.done(),
        }
    }
}

impl Running {
    /// The request for the next pair; pairs that need none are done with.
    fn step(&mut self, now: u64) -> Option<ComparisonStep> {
        while let Some(&pair) = self.pairs.first() {
            let Some((_, description)) = self
                .description
                .as_ref()
                .filter(|(of, _)| *of == pair.relay)
            else {
                self.fetching = false;
                return Some(ComparisonStep::Get {
                    url: self.relay(pair).url.description(),
                    accept: media::JSON,
                    max_bytes: DESCRIPTION_MAX_BYTES,
                });
            };
            let (relay, gateway) = (self.relay(pair), self.gateway(pair));
            match RelayFacts::read(description.clone(), relay, &gateway.host) {
                Ok(facts) => {
                    let request = KeyRequest::new(gateway, &relay.url, &facts);
                    self.fetching = true;
                    return Some(ComparisonStep::Get {
                        url: request.url,
                        accept: request.accept,
                        max_bytes: request.max_bytes,
                    });
                }
                Err(why) => self.show(Err(why), now),
            }
        }
        None
    }

    fn advance(&mut self, event: Event, now: u64) {
        let Some(&pair) = self.pairs.first() else {
            return;
        };
        let response = match event {
            Event::Response {
                status,
                media_type,
                retry_after,
                body,
            } => Response {
                status,
                media_type,
                retry_after,
                body,
            },
            Event::Failed { what, .. } => {
                // The same would come of the relay's other resources.
                while self
                    .pairs
                    .first()
                    .is_some_and(|next| next.relay == pair.relay)
                {
                    self.show(Err(Unavailable::on_the_way(&what)), now);
                }
                return;
            }
            Event::Woke => {
                self.pairs.clear();
                return;
            }
        };
        if self.fetching {
            let key = GatewayKey::read(response, self.gateway(pair), &self.setup, None, now);
            self.show(key, now);
        } else {
            self.description = Some((pair.relay, response));
        }
    }

    /// Notes what the first pair shows, holds it against what was seen before, and is done with the pair.
    fn show(&mut self, key: Result<GatewayKey, Unavailable>, now: u64) {
        let pair = self.pairs.remove(0);
        let (relay, gateway) = (
            self.relay(pair).url.authority().to_owned(),
            self.gateway(pair).host.clone(),
        );
        let blamed = |why: Unavailable| why.between(Some(&relay), &gateway);
        let keys = key
            .map(|key| key.sightings(&gateway, &relay, now))
            .map_err(blamed);
        for sighting in keys.iter().flatten() {
            if let Err(alarm) = self.seen.check(sighting) {
                self.compared.alarm.get_or_insert_with(|| blamed(alarm));
            }
            self.seen.add(sighting.clone());
        }
        self.compared.views.push(KeyView {
            relay,
            gateway,
            keys,
        });
    }

    fn relay(&self, pair: Pair) -> &RelayEntry {
        &self.setup.relays()[pair.relay]
    }

    fn gateway(&self, pair: Pair) -> &GatewayEntry {
        &self.setup.gateways()[pair.gateway]
    }

    fn done(self: Box<Self>) -> ComparisonStep {
        ComparisonStep::Done(Box::new(self.compared))
    }
}

impl Compared {
    /// Everything that was proved, for a [`Memory`] or a store.
    pub fn sightings(&self) -> impl Iterator<Item = &KeySighting> {
        self.views
            .iter()
            .flat_map(|view| view.keys.iter().flatten())
    }
}
