//! What each party of a run saw: counted over the run, and of one lookup side by side.

use std::collections::BTreeSet;

use super::markup::grouped;
use crate::LabError;
use crate::attack::Recorded;
use crate::views::{
    AuthoritySaw, ClientRelay, GatewaySaw, RelayGateway, RelaySaw, ResolverSaw, Towards, Truth,
};

/// Names of one lookup's queries that are shown.
const SHOWN: usize = 4;

/// Different sizes that are listed one by one.
const SIZES: usize = 4;

/// What a party saw in a run.
#[derive(Clone, Debug)]
pub(super) struct Party {
    pub(super) name: &'static str,
    pub(super) rows: usize,
    /// Different addresses of clients.
    pub(super) clients: usize,
    /// Different names asked for.
    pub(super) names: usize,
    /// The octets that it saw, told apart by direction where it has one.
    pub(super) sizes: String,
}

/// What a party saw of one lookup.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    pub(super) party: &'static str,
    /// Who asked, as this party saw it.
    pub(super) who: String,
    /// For whom; `None` where that is sealed.
    pub(super) whom: Option<String>,
    pub(super) when: String,
    pub(super) octets: String,
}

/// What every party saw.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) parties: Vec<Party>,
    /// Of one lookup that the DNS was asked for.
    pub(super) glances: Vec<Glance>,
}

/// Reads every view of a run.
pub(super) fn seen(recorded: &Recorded) -> Result<Seen, LabError> {
    let near: Vec<ClientRelay> = recorded.view()?;
    let relay: Vec<RelaySaw> = recorded.view()?;
    let far: Vec<RelayGateway> = recorded.view()?;
    let gateway: Vec<GatewaySaw> = recorded.view()?;
    let resolver: Vec<ResolverSaw> = recorded.view()?;
    let authority: Vec<AuthoritySaw> = recorded.view()?;

    let near_sizes = directions(
        near.iter().map(|row| (row.towards, row.octets)),
        Towards::Relay,
    );
    let far_sizes = directions(
        far.iter().map(|row| (row.towards, row.octets)),
        Towards::Gateway,
    );
    let relay_sizes = format!(
        "{} → {}",
        sizes(relay.iter().map(|row| row.request_octets)),
        sizes(relay.iter().map(|row| row.answer_octets))
    );
    let parties = vec![
        Party {
            name: "network, client to relay",
            rows: near.len(),
            clients: count(near.iter().map(|row| row.client)),
            names: 0,
            sizes: near_sizes,
        },
        Party {
            name: "relay",
            rows: relay.len(),
            clients: count(relay.iter().map(|row| row.client)),
            names: 0,
            sizes: relay_sizes,
        },
        Party {
            name: "network, relay to gateway",
            rows: far.len(),
            clients: 0,
            names: 0,
            sizes: far_sizes,
        },
        Party {
            name: "gateway",
            rows: gateway.len(),
            clients: 0,
            names: count(gateway.iter().map(|row| &row.name)),
            sizes: sizes(gateway.iter().map(|row| row.answer_octets)),
        },
        Party {
            name: "resolver",
            rows: resolver.len(),
            clients: 0,
            names: count(resolver.iter().map(|row| &row.name)),
            sizes: sizes(resolver.iter().map(|row| row.octets)),
        },
        Party {
            name: "authorities",
            rows: authority.len(),
            clients: 0,
            names: count(authority.iter().map(|row| &row.name)),
            sizes: "not recorded".to_owned(),
        },
    ];

    let asks_dns = |truth: &&Truth| !truth.cached && truth.status == 200;
    let chosen = recorded
        .truth
        .iter()
        .find(asks_dns)
        .or(recorded.truth.first());
    let mut glances = Vec::new();
    if let Some(truth) = chosen {
        let up = recorded.row(&near, truth.up_row)?;
        let down = recorded.row(&near, truth.down_row)?;
        let at_relay = recorded.row(&relay, truth.relay_row)?;
        let inward = recorded.row(&far, truth.in_row)?;
        let out = recorded.row(&far, truth.out_row)?;
        let at_gateway = recorded.row(&gateway, truth.gateway_row)?;
        let client = std::net::Ipv6Addr::from(up.client).to_string();
        let host = String::from(at_relay.relay);
        let during = at_gateway.received_us..=at_gateway.ready_us;
        // Its name and what is above it: others' questions may pass meanwhile.
        let questions = resolver.iter().filter(|row| {
            during.contains(&row.at_us) && at_gateway.name.as_str().ends_with(row.name.as_str())
        });
        let queries = authority.iter().filter(|row| {
            during.contains(&row.at_us) && at_gateway.name.as_str().ends_with(row.name.as_str())
        });
        glances = vec![
            Glance {
                party: "network, client to relay",
                who: client.clone(),
                whom: None,
                when: between(up.at_us, down.at_us),
                octets: exchange(up.octets, down.octets),
            },
            Glance {
                party: "relay",
                who: client,
                whom: None,
                when: between(at_relay.received_us, at_relay.returned_us),
                octets: exchange(at_relay.request_octets, at_relay.answer_octets),
            },
            Glance {
                party: "network, relay to gateway",
                who: host.clone(),
                whom: None,
                when: between(inward.at_us, out.at_us),
                octets: exchange(inward.octets, out.octets),
            },
            Glance {
                party: "gateway",
                who: host,
                whom: Some(format!(
                    "{} {}",
                    at_gateway.name.as_str(),
                    String::from(at_gateway.rtype)
                )),
                when: between(at_gateway.received_us, at_gateway.left_us),
                octets: grouped(u64::from(at_gateway.answer_octets)),
            },
            Glance {
                party: "resolver",
                who: "gateway.test".to_owned(),
                whom: asked(
                    questions
                        .clone()
                        .map(|row| (row.name.as_str().to_owned(), String::from(row.rtype))),
                ),
                when: span(questions.clone().map(|row| row.at_us)),
                octets: sizes(questions.map(|row| row.octets)),
            },
            Glance {
                party: "authorities",
                who: "the gateway's resolver".to_owned(),
                whom: asked(
                    queries
                        .clone()
                        .map(|row| (row.name.as_str().to_owned(), String::from(row.rtype))),
                ),
                when: span(queries.map(|row| row.at_us)),
                octets: "not recorded".to_owned(),
            },
        ];
    }
    Ok(Seen { parties, glances })
}

fn count<T: Ord>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<BTreeSet<_>>().len()
}

/// The sizes of requests and of answers.
fn directions(messages: impl Iterator<Item = (Towards, u32)> + Clone, there: Towards) -> String {
    let requests = messages.clone().filter(|(towards, _)| *towards == there);
    let answers = messages.filter(|(towards, _)| *towards != there);
    format!(
        "{} → {}",
        sizes(requests.map(|message| message.1)),
        sizes(answers.map(|message| message.1))
    )
}

fn sizes(octets: impl Iterator<Item = u32>) -> String {
    let sizes: BTreeSet<u32> = octets.collect();
    let shown = |size: &u32| grouped(u64::from(*size));
    match (sizes.first(), sizes.last()) {
        (Some(least), Some(most)) if sizes.len() > SIZES => format!(
            "{} sizes, {} to {}",
            grouped(sizes.len() as u64),
            shown(least),
            shown(most)
        ),
        (Some(_), _) => sizes.iter().map(shown).collect::<Vec<_>>().join(", "),
        (None, _) => "none".to_owned(),
    }
}

fn exchange(request: u32, answer: u32) -> String {
    format!(
        "{} → {}",
        grouped(u64::from(request)),
        grouped(u64::from(answer))
    )
}

fn seconds(at_us: u64) -> String {
    format!("{:.4}", at_us as f64 / 1_000_000.0)
}

fn between(from: u64, to: u64) -> String {
    format!("{} to {} s", seconds(from), seconds(to))
}

fn span(times: impl Iterator<Item = u64> + Clone) -> String {
    match (times.clone().min(), times.max()) {
        (Some(first), Some(last)) => between(first, last),
        _ => "never".to_owned(),
    }
}

fn asked(questions: impl Iterator<Item = (String, String)>) -> Option<String> {
    let asked: BTreeSet<String> = questions
        .map(|(name, rtype)| format!("{name} {rtype}"))
        .collect();
    let more = asked.len().saturating_sub(SHOWN);
    let mut shown: Vec<String> = asked.into_iter().collect();
    // The whole name first, the root last.
    shown.sort_by_key(|question| std::cmp::Reverse(question.len()));
    shown.truncate(SHOWN);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    (!shown.is_empty()).then(|| shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_sizes_are_listed_and_many_counted() {
        assert_eq!(sizes([8_192, 8_192].into_iter()), "8,192");
        assert_eq!(sizes([2, 1].into_iter()), "1, 2");
        assert_eq!(sizes(1..=1_000), "1,000 sizes, 1 to 1,000");
        assert_eq!(sizes(std::iter::empty()), "none");
    }
}
