//! Who learnt what, in numbers, counted over everything that each party saw.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sotto_world::RELAY_OPERATORS;

use crate::account::Account;

/// What the parties learnt in all.
#[derive(Debug, Serialize)]
pub(crate) struct Tally {
    pub(crate) lookups: usize,
    pub(crate) as_expected: usize,
    pub(crate) outcomes: BTreeMap<&'static str, usize>,
    pub(crate) parties: Vec<Party>,
    /// Octets of every request, as the relays saw them.
    pub(crate) request_octets: BTreeSet<usize>,
    /// Octets of every answer.
    pub(crate) answer_octets: BTreeSet<usize>,
    /// Octets of the proofs inside the answers, which no relay saw.
    pub(crate) proof_octets: Option<(usize, usize)>,
}

/// What one party learnt.
#[derive(Debug, Serialize)]
pub(crate) struct Party {
    pub(crate) party: &'static str,
    pub(crate) exchanges: usize,
    /// Distinct names asked for that this party saw.
    pub(crate) names: usize,
    /// Distinct addresses of clients that this party saw.
    pub(crate) client_addresses: usize,
    /// Exchanges in which it saw both, and so who asked for whom.
    pub(crate) both: usize,
}

impl Tally {
    /// Counts by searching everything that a party noted for every name and every client's address,
    /// so that a leak in any field would show.
    pub(crate) fn of(accounts: &[Account]) -> Self {
        let names: BTreeSet<&str> = accounts
            .iter()
            .filter_map(|account| account.gateway.as_ref())
            .map(|gateway| gateway.name.trim_end_matches('.'))
            .collect();
        let clients: BTreeSet<String> = accounts
            .iter()
            .filter_map(|account| account.relay.as_ref())
            .map(|relay| relay.client.to_string())
            .collect();
        let party = |party, notes: Vec<String>| Party {
            party,
            exchanges: notes.len(),
            names: mentioned(names.iter().copied(), &notes),
            client_addresses: mentioned(clients.iter().map(String::as_str), &notes),
            both: notes
                .iter()
                .filter(|note| names.iter().any(|name| note.contains(name)))
                .filter(|note| clients.iter().any(|client| note.contains(client)))
                .count(),
        };
        let relays = RELAY_OPERATORS.into_iter().map(|name| {
            let saw = accounts.iter().filter_map(|account| account.relay.as_ref());
            party(
                name,
                saw.filter(|relay| relay.relay == name)
                    .map(|view| format!("{view:?}"))
                    .collect(),
            )
        });
        let gateway = accounts
            .iter()
            .filter_map(|account| account.gateway.as_ref())
            .map(|view| format!("{view:?}"));
        let resolver = accounts
            .iter()
            .flat_map(|account| &account.resolver)
            .map(|view| format!("{view:?}"));
        let parties = relays
            .chain([
                party("gateway.test", gateway.collect()),
                party("resolver", resolver.collect()),
            ])
            .collect();

        let mut outcomes = BTreeMap::new();
        for account in accounts {
            *outcomes.entry(account.client.outcome).or_default() += 1;
        }
        let relay_views = || accounts.iter().filter_map(|account| account.relay.as_ref());
        let proofs = || {
            accounts
                .iter()
                .filter_map(|account| account.client.proof_octets)
        };
        Self {
            lookups: accounts.len(),
            as_expected: accounts
                .iter()
                .filter(|account| account.client.as_expected)
                .count(),
            outcomes,
            parties,
            request_octets: relay_views().map(|view| view.request_octets).collect(),
            answer_octets: relay_views().map(|view| view.answer_octets).collect(),
            proof_octets: proofs().min().zip(proofs().max()),
        }
    }
}

fn mentioned<'a>(needles: impl Iterator<Item = &'a str>, notes: &[String]) -> usize {
    needles
        .filter(|needle| notes.iter().any(|note| note.contains(needle)))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_address_in_any_note_counts_once() {
        let notes = [
            "GatewaySaw { name: \"a.test.\" }".to_owned(),
            "a.test 127.0.0.1:7".to_owned(),
        ];
        assert_eq!(mentioned(["a.test", "b.test"].into_iter(), &notes), 1);
        assert_eq!(mentioned(["127.0.0.1:7"].into_iter(), &notes), 1);
        assert_eq!(mentioned(["127.0.0.1:8"].into_iter(), &notes), 0);
    }
}
