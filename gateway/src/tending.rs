//! The gateway's heartbeat: keys in step with the clock, and what the operator is told of them.

use std::sync::Arc;

use serde_json::{Map, json};
use sotto_daemon::admin::Readiness;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

use crate::{
    clock::Time,
    http::Shared,
    keeper::{Standing, Tended},
    key_document::GRACE_SECONDS,
    keys::Supply,
};

/// What tending has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tending {
    /// Rounds that are over.
    pub(crate) rounds: u64,
    /// Whether there is a key document.
    pub(crate) ready: bool,
}

/// Keeps the keys in step with time, and tells whether the gateway is ready.
pub(crate) async fn tend(
    shared: Arc<Shared>,
    time: Time,
    readiness: Readiness,
    told: watch::Sender<Tending>,
) {
    let mut ticks = interval(time.tending);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    let (mut unrenewed, mut last_unrenewed) = (None::<String>, None);
    let mut last_past = Ok(());
    let mut last_supply = Supply::Good;
    loop {
        ticks.tick().await;
        let (now, tending) = ((time.clock)(), Arc::clone(&shared));
        // A task of its own: should it panic, the next one still comes.
        let tended = tokio::spawn(async move { tending.keeper.tend(now).await }).await;
        let (keys, past) = match tended {
            Ok(Tended {
                keys,
                unrenewed: reason,
                past,
            }) => {
                unrenewed = reason.map(|error| error.to_string());
                (
                    keys.map_err(|error| error.to_string()),
                    past.map_err(|error| error.to_string()),
                )
            }
            Err(_) => (
                Err("tending the keys failed; please report this".to_owned()),
                last_past.clone(),
            ),
        };
        let news = match keys {
            Ok(Standing::Waiting) => None,
            Ok(Standing::Proved) => Some(Ok(())),
            Ok(Standing::Over(epoch)) => Some(Err(format!(
                "the DNS carries the keys of no epoch after {epoch}, which is over and is offered for {} hours after its end; \
                 run `sotto-gateway keys publish`",
                GRACE_SECONDS / 3_600
            ))),
            Err(error) => Some(Err(error)),
        };
        let ready = shared.keeper.document().is_some();
        // Once for every change, not once for every tick.
        if news.is_some() && last != news {
            match &news {
                Some(Err(error)) => {
                    tracing::error!(error, "the keys cannot be served as they should be");
                }
                _ => tracing::info!("the keys in use are proved by the DNS"),
            }
            last = news;
        }
        if last_unrenewed != unrenewed {
            if let Some(error) = &unrenewed {
                tracing::warn!(
                    error,
                    "the proof of the key record was not renewed; the one at hand still serves"
                );
            }
            last_unrenewed.clone_from(&unrenewed);
        }
        if last_past != past {
            match &past {
                Err(error) => tracing::error!(
                    "past keys cannot be destroyed: {error}. Whoever gets the state file could open old envelopes"
                ),
                Ok(()) => tracing::info!("past keys are destroyed again"),
            }
        }
        shared.counters.past_keys(past.is_err());
        shared
            .counters
            .resolvers(&shared.keeper.answerer().resolvers());
        last_past = past;
        let left = shared.keeper.epochs_published();
        shared.counters.keys(left.unwrap_or(0), ready);
        // Before the DNS was heard nothing is known.
        if let Some(left) = left.filter(|left| Supply::of(*left) != last_supply) {
            last_supply = Supply::of(left);
            tell(last_supply, left);
        }
        let reason = last
            .clone()
            .and_then(Result::err)
            .or(last_unrenewed.clone());
        let figures = Map::from_iter([("epochs_published".to_owned(), json!(left))]);
        readiness.tell(ready, reason, figures);
        told.send_modify(|tending| {
            tending.rounds += 1;
            tending.ready = ready;
        });
    }
}

/// Tells for how many epochs the DNS vouches, when that has become better or worse.
fn tell(supply: Supply, left: u64) {
    const REMEDY: &str = "run `sotto-gateway keys publish`, and see why it has not run";
    match supply {
        Supply::Good => tracing::info!(left, "the DNS carries the keys of enough epochs again"),
        Supply::Low => tracing::warn!(left, remedy = REMEDY, "few epochs are left in the DNS"),
        Supply::Ending => tracing::error!(
            left,
            remedy = REMEDY,
            "hardly any epochs are left in the DNS"
        ),
    }
}
