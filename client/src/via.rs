//! Over which relay and through which gateway a lookup went, and why those.

use std::fmt;

use sotto_proof::Utc;

use crate::lookup::route::{Pair, gateway_order, period_end, relay_order};
use crate::outcome::Unavailable;
use crate::setup::Setup;

/// Over which relay and through which gateway a lookup went, at last.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Via {
    /// The relay, host and perhaps port.
    pub relay: String,
    /// Why this relay.
    pub relay_chosen: Chosen,
    /// The gateway's host.
    pub gateway: String,
    /// Why this gateway.
    pub gateway_chosen: Chosen,
    /// The pairs that were of no use, in the order in which they were tried.
    pub passed: Vec<Passed>,
}

/// Why a relay or a gateway was chosen. Never because of what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chosen {
    /// There is no other.
    Only,
    /// This client's secret and the weights draw it for now.
    Drawn {
        /// From how many.
        from: usize,
        /// Until when, Unix seconds.
        until: u64,
    },
    /// An earlier lookup had come to it, and less than an hour has passed.
    Remembered,
    /// Those drawn before it were of no use.
    Next,
}

/// A relay and a gateway that were of no use together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Passed {
    /// The relay, host and perhaps port.
    pub relay: String,
    /// The gateway's host.
    pub gateway: String,
    /// Why.
    pub why: Unavailable,
}

impl Via {
    pub(crate) fn new(
        setup: &Setup,
        pair: Pair,
        remembered: bool,
        passed: Vec<Passed>,
        now: u64,
    ) -> Self {
        let chosen = |order: Vec<usize>, place| match order.len() {
            1 => Chosen::Only,
            from if order[0] == place => Chosen::Drawn {
                from,
                until: period_end(now),
            },
            _ if remembered => Chosen::Remembered,
            _ => Chosen::Next,
        };
        Self {
            relay: setup.relays()[pair.relay].url.authority().to_owned(),
            relay_chosen: chosen(relay_order(setup, now), pair.relay),
            gateway: setup.gateways()[pair.gateway].host.clone(),
            gateway_chosen: chosen(gateway_order(setup, now), pair.gateway),
            passed,
        }
    }
}

impl Chosen {
    /// The word for it in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Only => "only",
            Self::Drawn { .. } => "drawn",
            Self::Remembered => "remembered",
            Self::Next => "next",
        }
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => out.write_str("the only one configured"),
            Self::Drawn { from, until } => write!(
                out,
                "drawn from {from} by weight and this client's secret, until {}",
                Utc(*until)
            ),
            Self::Remembered => out.write_str("an earlier lookup had come to it"),
            Self::Next => out.write_str("the next, since those drawn before it were of no use"),
        }
    }
}

impl fmt::Display for Passed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "relay {} for gateway {}: {}",
            self.relay,
            self.gateway,
            self.why.code.summary()
        )?;
        match self.why.context() {
            Some(context) => write!(out, " ({context})"),
            None => Ok(()),
        }
    }
}
