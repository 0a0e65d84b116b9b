//! What an operator can find out only by asking: resolvers, the keys in the DNS, the certificate as relays see it.

use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use serde::Serialize;

use crate::{
    answer::upstreams,
    config::{Config, Relay},
    keys::Supply,
    resolver::probe::{Flaw, Probed, probe},
    running::{KeyCheck, StartError, check_keys},
};

/// Days before the end of a certificate from which a check warns: certbot renews 30 days before, so by then it has failed
/// for two weeks.
const RENEWED_BY_DAYS: u64 = 16;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something to know.
    Note,
    /// Something to see to: it will fail, or serves badly.
    Warning,
    /// It does not work.
    Error,
}

/// Something amiss.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for programs.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// What was looked at, and what is amiss with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// Its kind: `resolver`, `keys`, `certificate` or `relay`.
    pub kind: &'static str,
    /// Which of them.
    pub name: String,
    /// What is good to know of it, where all is well too.
    pub summary: String,
    /// Milliseconds that a resolver takes for what it has at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Epochs from the present one on that the DNS carries without a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs_published: Option<u64>,
    /// The last second of a certificate's validity, in Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<u64>,
    /// What is amiss.
    pub findings: Vec<Finding>,
}

impl Subject {
    fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            summary: String::new(),
            latency_ms: None,
            epochs_published: None,
            valid_until: None,
            findings: Vec::new(),
        }
    }

    fn find(
        &mut self,
        severity: Severity,
        code: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.findings.push(Finding {
            code,
            severity,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// The gravest of its findings.
    #[must_use]
    pub fn gravest(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// Asks everybody whom `config`, which has nothing wrong in itself, depends on: each resolver, the DNS for the keys, and
/// looks at the certificate and at every relay's entry at the time `now`, in Unix seconds.
///
/// # Errors
///
/// [`StartError`], for what would keep the gateway from starting.
pub async fn check_online(config: &Config, now: u64) -> Result<Vec<Subject>, StartError> {
    let (servers, tls) = upstreams(&config.dns)?;
    let (tls, patience) = (&tls, config.dns.timeout());
    let asked = servers.iter().map(|server| async move {
        resolver(server.to_string(), probe(server, tls, patience / 2).await)
    });
    let (mut subjects, found) = tokio::join!(join_all(asked), check_keys(config, now));
    subjects.push(keys(&config.host, &found?));
    subjects.extend(certificate(config, now)?);
    subjects.extend(config.relay.iter().map(relay));
    Ok(subjects)
}

fn resolver(name: String, probed: Probed) -> Subject {
    use Severity::{Error, Note, Warning};

    const CHOOSE: &str = "name a recursive resolver that passes DNSSEC records on in dns.resolver, best an Unbound of your own on this machine";
    let mut subject = Subject::new("resolver", name);
    if let Some(latency) = probed.latency {
        let millis = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        subject.latency_ms = Some(millis);
        subject.summary = format!("{millis} ms");
    }
    for flaw in probed.flaws {
        match flaw {
            Flaw::Unreachable(error) => subject.find(
                Error,
                "unreachable",
                format!("gives no response: {error}"),
                "see that it runs there, that it takes questions from this machine, and that no filter stands between",
            ),
            Flaw::Refuses(rcode) => subject.find(
                Error,
                "refuses",
                format!("answers a question for the root with RCODE {rcode}"),
                "permit this machine to ask it (Unbound: access-control), and see that it reaches the root itself",
            ),
            Flaw::NoRecursion => subject.find(
                Error,
                "no_recursion",
                "offers no recursion: it is the name server of some zones only",
                CHOOSE,
            ),
            Flaw::CheckingForced => subject.find(
                Warning,
                "ignores_cd",
                "does not heed CD, so that it withholds what it takes for bogus, which clients could prove",
                "Unbound: ignore-cd-flag: no",
            ),
            Flaw::NoSignatures => subject.find(
                Error,
                "no_signatures",
                "gives no signature for the root's SOA, though DO is set: it passes no DNSSEC records on",
                CHOOSE,
            ),
            Flaw::NoDenial => subject.find(
                Error,
                "no_denial",
                "gives no signed NSEC or NSEC3 for a name that does not exist: nobody could prove that there is no record",
                CHOOSE,
            ),
            Flaw::Invents => subject.find(
                Error,
                "invents",
                "has an answer for a name that does not exist",
                CHOOSE,
            ),
            Flaw::NoTcp(error) => subject.find(
                Error,
                "no_tcp",
                format!("gives no response over TCP: {error}"),
                "open 53/tcp to it (RFC 7766): key records and most DNSKEY RRsets come that way",
            ),
            Flaw::KnowsSubnets => subject.find(
                Note,
                "knows_client_subnet",
                "understands EDNS Client Subnet; whether it sends any cannot be seen from here",
                "have it send none. Unbound: module-config: \"validator iterator\"",
            ),
            Flaw::Slow(latency) => subject.find(
                Warning,
                "slow",
                format!("takes {} ms for what it has at hand, so many answers will be late", latency.as_millis()),
                "use one that is nearer, best on this machine",
            ),
        }
    }
    subject
}

fn keys(host: &str, found: &KeyCheck) -> Subject {
    const PUBLISH: &str =
        "publish what `sotto-gateway keys publish` prints, and see why the timer has not";
    let mut subject = Subject::new("keys", host);
    let left = found.epochs_published;
    subject.epochs_published = Some(left);
    subject.summary = format!("{left} epochs in the DNS");
    match (&found.problem, Supply::of(left)) {
        (Some(problem), _) => {
            // Each names its remedy.
            let told = problem.to_string();
            let (what, remedy) = told.split_once("; ").unwrap_or((&told, PUBLISH));
            subject.find(Severity::Error, "keys_unproved", what, remedy);
        }
        (None, Supply::Good) => {}
        (None, Supply::Low) => subject.find(
            Severity::Warning,
            "few_epochs",
            format!("the DNS carries only {left} epochs from now on"),
            PUBLISH,
        ),
        (None, Supply::Ending) => subject.find(
            Severity::Error,
            "hardly_any_epochs",
            format!("the DNS carries only {left} epochs from now on"),
            PUBLISH,
        ),
    }
    subject
}

/// What relays will make of the certificate; `None` without TLS.
fn certificate(config: &Config, now: u64) -> Result<Option<Subject>, StartError> {
    const DAY: u64 = 86_400;
    let (Some(files), Some(certificates)) = (&config.listen.tls, config.listen.certificates()?)
    else {
        return Ok(None);
    };
    let mut subject = Subject::new("certificate", files.certificate.display().to_string());
    let Ok(found) = certificates.inspect(&config.host, now) else {
        subject.find(
            Severity::Error,
            "not_x509",
            "is no X.509 certificate of version 3",
            "have it issued anew",
        );
        return Ok(Some(subject));
    };
    subject.valid_until = found.valid_until;
    let until = found.valid_until.map(|until| {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(until));
        (until, date)
    });
    if let Some((_, date)) = &until {
        subject.summary = format!("until {date}");
    }
    if !found.covers_host {
        subject.find(
            Severity::Error,
            "wrong_host",
            format!(
                "is not for {}, so that relays will not connect",
                config.host
            ),
            "have one issued for the gateway's host",
        );
    }
    match &until {
        _ if !found.is_valid => subject.find(
            Severity::Error,
            "not_valid_now",
            "is not valid now, so that relays will not connect",
            "renew it, and check this machine's clock",
        ),
        Some((until, date)) if until.saturating_sub(now) < RENEWED_BY_DAYS * DAY => subject.find(
            Severity::Warning,
            "ends_soon",
            format!("ends on {date}"),
            "renew it, and see why that has not been done by itself",
        ),
        _ => {}
    }
    if found.is_valid && !found.is_vouched_for {
        subject.find(
            Severity::Note,
            "private_authority",
            "is vouched for by no authority that this machine knows",
            "give relays the authority's certificate for their `ca`, or put the intermediate certificates into the file too",
        );
    }
    Ok(Some(subject))
}

fn relay(relay: &Relay) -> Subject {
    let mut subject = Subject::new("relay", relay.name.clone());
    let pins = relay.certificates.len();
    let mut known_by = Vec::new();
    if pins > 0 {
        known_by.push(format!(
            "{pins} certificate{}",
            if pins == 1 { "" } else { "s" }
        ));
    }
    known_by.extend(relay.token_file.is_some().then(|| "a token".to_owned()));
    subject.summary = format!("known by {}", known_by.join(" and "));
    match relay.requests_per_second {
        Some(rate) => subject.summary += &format!(", {rate} requests a second"),
        None => subject.find(
            Severity::Note,
            "no_rate",
            "may send as much as it likes, so whoever hides behind it can try names as fast as this machine answers",
            "set requests_per_second to several times what it sends when it is busy",
        ),
    }
    subject
}
