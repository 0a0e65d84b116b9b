//! A client that asks for every name of a dictionary, as fast as its relay lets it.
//!
//! The relay's own quota judges an hour of asking from one network, and beside it every lookup of the run, each client its own network:
//! what it costs those who only look people up.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rand::RngExt;
use sotto_relay::quota::{Key, Prefix, Quota, Rate};

use super::{Attack, Control, Cost, Finding, Found, Options, Recorded};
use crate::LabError;
use crate::simulate::random;

/// Requests that a client sends in a second if nobody stops it.
const PER_SECOND: u32 = 1_000;

/// How long it goes on.
const HOUR: Duration = Duration::from_secs(3_600);

/// What one household asks for in a minute, at most, without being anybody's enemy: an address book of a thousand in an hour.
const HONEST_PER_MINUTE: u32 = 20;

const KEY: u64 = 181;

/// Judges how many names one network gets out of a relay in an hour.
pub(super) fn attack(recorded: &Recorded, options: &Options) -> Result<Found, LabError> {
    let mut draws = random(options.seed, KEY);
    let mut quota = |rate| Quota::new(rate, Key::new(draws.random()), Duration::ZERO);
    let unlimited = || Rate::new(0, 1).map_err(|error| LabError::Contradiction(error.to_string()));
    let granted = asked(&mut quota(Rate::default()), PER_SECOND * 60);
    let without = asked(&mut quota(unlimited()?), PER_SECOND * 60);
    let household = asked(&mut quota(Rate::default()), HONEST_PER_MINUTE);
    let refused = refused(recorded, &mut quota(Rate::default()));
    let exists = recorded
        .truth
        .iter()
        .filter(|truth| truth.presence.exists())
        .count();
    let existing = exists as f64 / (recorded.truth.len() as f64).max(1.0);
    let finding = Finding {
        attack: Attack::Enumeration,
        run: recorded.run.clone(),
        observer: "any client",
        target: "who publishes how to be reached".to_owned(),
        condition: "the relay's default quota, one network".to_owned(),
        metric: "names in an hour",
        value: Some(f64::from(granted)),
        interval: None,
        chance: None,
        cost: Cost::default(),
        beside: BTreeMap::from([
            ("without_a_quota", f64::from(without)),
            ("found_of_those", f64::from(granted) * existing),
            ("refused_of_this_run_share", refused),
        ]),
        lookups: recorded.truth.len(),
    };
    let control = |what, must_leak, value: u32, held| Control {
        attack: Attack::Enumeration,
        run: recorded.run.clone(),
        what,
        must_leak,
        value: Some(f64::from(value)),
        held,
    };
    let all = PER_SECOND * HOUR.as_secs() as u32;
    let honest = HONEST_PER_MINUTE * HOUR.as_secs() as u32 / 60;
    let controls = vec![
        control(
            "no quota: every request is answered",
            true,
            without,
            without == all,
        ),
        control(
            "the default quota: hardly any is",
            false,
            granted,
            granted < all / 20,
        ),
        control(
            "a household's address book: every one is",
            true,
            household,
            household == honest,
        ),
    ];
    Ok(Found {
        findings: vec![finding],
        controls,
    })
}

/// Requests that are let through in an hour of so many a minute, at even distances.
fn asked(quota: &mut Quota, per_minute: u32) -> u32 {
    let prefix = Prefix::of(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let total = per_minute * HOUR.as_secs() as u32 / 60;
    let granted = (0..total).filter(|number| quota.take(prefix, HOUR * *number / total));
    granted.count() as u32
}

/// The share of a run's lookups that would be refused.
fn refused(recorded: &Recorded, quota: &mut Quota) -> f64 {
    let mut asked: Vec<(u64, u32)> = recorded
        .truth
        .iter()
        .map(|truth| (truth.asked_us, truth.client.number()))
        .collect();
    asked.sort_unstable();
    let refused = asked.iter().filter(|(at, client)| {
        let prefix = Prefix::of(IpAddr::V4(Ipv4Addr::from_bits(*client)));
        !quota.take(prefix, Duration::from_micros(*at))
    });
    refused.count() as f64 / (asked.len() as f64).max(1.0)
}
