//! One lookup, told from every side.

use std::net::SocketAddr;

use anyhow::Context;
use serde::Serialize;
use sotto_client::{Client, Outcome, Report};
use sotto_daemon::clock::Stopwatch;
use sotto_mimi::{RecordForm, Service};
use sotto_world::{Expected, Person, RELAY_OPERATORS, Views, World};

/// One lookup: what the client got, and what the others saw.
#[derive(Debug, Serialize)]
pub(crate) struct Account {
    pub(crate) identifier: &'static str,
    #[serde(rename = "type")]
    pub(crate) form: &'static str,
    pub(crate) story: &'static str,
    pub(crate) client: ClientGot,
    pub(crate) relay: Option<RelaySaw>,
    pub(crate) gateway: Option<GatewaySaw>,
    pub(crate) resolver: Vec<ResolverSaw>,
}

/// What the client got.
#[derive(Debug, Serialize)]
pub(crate) struct ClientGot {
    pub(crate) outcome: &'static str,
    /// Whether this is what the person stands for.
    pub(crate) as_expected: bool,
    pub(crate) services: Vec<ServiceLine>,
    pub(crate) reason: Option<Reason>,
    pub(crate) proof_octets: Option<usize>,
    /// Signatures that the verdict rests on.
    pub(crate) signatures: usize,
    /// Unix seconds until which every signature used is valid.
    pub(crate) valid_until: Option<u64>,
    /// Unix seconds.
    pub(crate) at: u64,
    pub(crate) milliseconds: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServiceLine {
    pub(crate) provider: String,
    pub(crate) port: Option<u16>,
    pub(crate) account: Option<String>,
    pub(crate) preference: u16,
    pub(crate) label: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) mimi_uri: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Reason {
    pub(crate) code: &'static str,
    pub(crate) rule: String,
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) rtype: Option<String>,
}

/// What the relay saw.
#[derive(Debug, Serialize)]
pub(crate) struct RelaySaw {
    pub(crate) relay: &'static str,
    pub(crate) client: SocketAddr,
    pub(crate) gateway: String,
    pub(crate) key_id: u8,
    pub(crate) request_octets: usize,
    pub(crate) answer_octets: usize,
    pub(crate) status: u16,
}

/// What the gateway saw.
#[derive(Debug, Serialize)]
pub(crate) struct GatewaySaw {
    pub(crate) relay: String,
    pub(crate) peer: SocketAddr,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) rtype: String,
    pub(crate) status: u16,
    pub(crate) answer_octets: usize,
    pub(crate) cached: bool,
}

/// One question that the resolver saw.
#[derive(Debug, Serialize)]
pub(crate) struct ResolverSaw {
    pub(crate) asker: SocketAddr,
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) rtype: String,
    pub(crate) rcode: String,
}

/// The name of a form as one types it.
pub(crate) const fn form_name(form: RecordForm) -> &'static str {
    match form {
        RecordForm::Txt => "TXT",
        RecordForm::Mimi => "MIMI",
    }
}

impl Account {
    /// Looks a person up and asks everybody what they saw of it.
    pub(crate) async fn of(
        person: &Person,
        client: &Client,
        world: &World,
    ) -> anyhow::Result<Self> {
        // What the world's own upkeep asked meanwhile is not of this lookup.
        let _ = world.take_views();
        let watch = Stopwatch::start();
        let report = client.lookup(person.identifier()?, person.form).await;
        let milliseconds =
            u64::try_from(watch.elapsed().as_millis()).context("a lookup without end")?;
        let Views {
            relays,
            gateway,
            resolver,
        } = world.take_views();
        let relay = RELAY_OPERATORS
            .into_iter()
            .zip(relays)
            .find_map(|(relay, views)| Some((relay, views.into_iter().next()?)))
            .map(|(relay, view)| RelaySaw {
                relay,
                client: view.client,
                gateway: view.gateway,
                key_id: view.key_id,
                request_octets: view.request_bytes,
                answer_octets: view.answer_bytes,
                status: view.status,
            });
        let gateway = gateway.into_iter().next().map(|view| GatewaySaw {
            relay: view.relay,
            peer: view.peer,
            name: view.name,
            rtype: view.rtype,
            status: view.status,
            answer_octets: view.answer_bytes,
            cached: view.cached,
        });
        let resolver = resolver
            .into_iter()
            .map(|view| ResolverSaw {
                asker: view.asker,
                name: view.name,
                rtype: view.rtype,
                rcode: view.rcode,
            })
            .collect();
        Ok(Self {
            identifier: person.identifier,
            form: form_name(person.form),
            story: person.story,
            client: ClientGot::new(&report, person.expected, milliseconds),
            relay,
            gateway,
            resolver,
        })
    }
}

impl ClientGot {
    fn new(report: &Report, expected: Expected, milliseconds: u64) -> Self {
        let services: &[Service] = match &report.outcome {
            Outcome::Found(found) => &found.services,
            _ => &[],
        };
        Self {
            outcome: report.outcome.as_str(),
            as_expected: is_expected(&report.outcome, expected),
            services: services.iter().map(ServiceLine::new).collect(),
            reason: reason(&report.outcome),
            proof_octets: report.proof.as_ref().map(Vec::len),
            signatures: report
                .verification
                .as_ref()
                .map_or(0, |verification| verification.chain.len()),
            valid_until: report.validity().map(|validity| validity.until),
            at: report.at,
            milliseconds,
        }
    }
}

impl ServiceLine {
    fn new(service: &Service) -> Self {
        Self {
            provider: service.provider.to_string(),
            port: service.port,
            account: service.account.clone(),
            preference: service.preference,
            label: service.label.clone(),
            tags: service.tags.clone(),
            mimi_uri: service.mimi_uri(),
        }
    }
}

fn reason(outcome: &Outcome) -> Option<Reason> {
    let explanation = outcome.explanation()?;
    let rule = match outcome {
        Outcome::Invalid(dropped) => {
            let faults: Vec<String> = dropped
                .iter()
                .map(|record| record.error.to_string())
                .collect();
            format!("{}: {}", explanation.rule, faults.join("; "))
        }
        _ => explanation.rule.to_owned(),
    };
    Some(Reason {
        code: explanation.code,
        rule,
        name: explanation.name,
        rtype: explanation.rtype,
    })
}

fn is_expected(outcome: &Outcome, expected: Expected) -> bool {
    match (outcome, expected) {
        (Outcome::Found(found), Expected::Found(services)) => found.services.len() == services,
        (Outcome::OptedOut, Expected::OptedOut)
        | (Outcome::NoRecord(_), Expected::NoRecord)
        | (Outcome::Invalid(_), Expected::Invalid)
        | (Outcome::Insecure(_), Expected::Insecure)
        | (Outcome::Bogus(_), Expected::Bogus)
        | (Outcome::Unavailable(_), Expected::Unavailable) => true,
        _ => false,
    }
}
