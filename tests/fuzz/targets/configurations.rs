//! Text that operators, users and relays write: TOML configurations, JSON documents, trust anchors, key states, URLs.
//!
//! Asserted: what reads is written back alike, or leads to what its type promises; every refusal says something, on
//! one line, and repeats no value of an environment variable.

#![no_main]

use std::ffi::OsString;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use sotto_client::Setup;
use sotto_daemon::config::{ConfigError, parse};
use sotto_envelope::schedule::Ratchet;
use sotto_fuzz::keys::ratchet;
use sotto_fuzz::{Input, alter};
use sotto_proof::{Anchors, Limits, Question, RecordType, Verdict, verify};
use sotto_wire::{Problem, RelayDescription};

/// The configurations that the binaries ship, from which alterations start.
const RELAY_SAMPLE: &str = include_str!("../../../relay/sotto-relay.sample.toml");
const GATEWAY_SAMPLE: &str = include_str!("../../../gateway/sotto-gateway.sample.toml");

/// What a value from the environment begins with: no error may show it.
const SECRET: &str = "canary-93b1";

fuzz_target!(|octets: &[u8]| {
    let mut input = Input::new(octets);
    match input.u8() % 10 {
        0 => relay(&text(input.rest()), &[]),
        1 => relay(
            &text(&alter::octets(RELAY_SAMPLE.as_bytes(), &mut input)),
            &[],
        ),
        2 => gateway(&text(input.rest()), &[]),
        3 => gateway(
            &text(&alter::octets(GATEWAY_SAMPLE.as_bytes(), &mut input)),
            &[],
        ),
        4 => environment(&mut input),
        5 => description(input.rest()),
        6 => problem(input.rest()),
        7 => anchors(&text(input.rest())),
        8 => state(&mut input),
        _ => urls(&mut input),
    }
});

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

fn load<T: DeserializeOwned>(
    text: &str,
    prefix: &str,
    environment: &[(OsString, OsString)],
) -> Result<T, ConfigError> {
    parse(Path::new("fuzz.toml"), text, prefix, environment.to_vec()).inspect_err(|error| {
        let shown = error.to_string();
        assert!(shown.starts_with("fuzz.toml"), "{shown}");
        assert!(!shown.contains(SECRET), "{shown}");
        // An error about line 0, or behind the end, leads nowhere.
        if let Some(line) = error.line() {
            assert!((1..=text.split('\n').count()).contains(&line), "{shown}");
        }
    })
}

fn relay(text: &str, environment: &[(OsString, OsString)]) {
    let Ok(config) = load::<sotto_relay::Config>(text, "SOTTO_RELAY", environment) else {
        return;
    };
    let description = config.description();
    for gateway in &config.gateways {
        let uri = gateway.origin().uri(sotto_wire::path::GATEWAY);
        assert_eq!(uri.path(), sotto_wire::path::GATEWAY);
        assert!(description.resource_for(gateway.host.as_str()).is_some());
    }
    match config.check() {
        Ok(()) => assert!(!config.gateways.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let json = serde_json::to_vec(&description).expect("it can be written");
    assert_eq!(
        serde_json::from_slice::<RelayDescription>(&json).ok(),
        Some(description)
    );
}

fn gateway(text: &str, environment: &[(OsString, OsString)]) {
    use sotto_gateway::config::{Config, ENV_PREFIX};

    let Ok(config) = load::<Config>(text, ENV_PREFIX, environment) else {
        return;
    };
    match config.checked() {
        Ok(config) => {
            assert!(!config.dns.timeout().is_zero());
            let again = config.clone().checked().expect("what was checked is sound");
            assert_eq!((again.host, again.operator), (config.host, config.operator));
        }
        Err(problem) => assert!(!problem.to_string().is_empty()),
    }
}

/// A sample under any variables.
fn environment(input: &mut Input<'_>) {
    let is_relay = input.bool();
    let prefix = if is_relay {
        "SOTTO_RELAY"
    } else {
        "SOTTO_GATEWAY"
    };
    let mut variables = Vec::new();
    for _ in 0..input.u8() % 4 {
        let key = match input.u8() % 4 {
            0 => input.text(),
            _ => (*input.pick(&[
                "LISTEN__ADDRESS",
                "GATEWAY__0__HOST",
                "RELAY__0__TOKEN_FILE",
                "RELAY__1__NAME",
                "LIMITS__KEY_STALE_S",
                "NAMES__SUFFIXES__0",
                "HOST",
                "KEYS",
            ]))
            .to_owned(),
        };
        let value = match input.u8() % 3 {
            0 => input.text(),
            1 => format!("{SECRET}{}", input.text()),
            _ => format!("{{ a = \"{SECRET}{}\" }}", input.text()),
        };
        variables.push((format!("{prefix}__{key}").into(), value.into()));
    }
    if is_relay {
        relay(RELAY_SAMPLE, &variables);
    } else {
        gateway(GATEWAY_SAMPLE, &variables);
    }
}

fn description(json: &[u8]) {
    let Ok(description) = serde_json::from_slice::<RelayDescription>(json) else {
        return;
    };
    let written = serde_json::to_vec(&description).expect("it can be written");
    let again: RelayDescription = serde_json::from_slice(&written).expect("it can be read");
    assert_eq!(again, description);
    for gateway in &description.gateways {
        assert!(
            description
                .resource_for(&gateway.host.to_ascii_uppercase())
                .is_some()
        );
    }
}

fn problem(json: &[u8]) {
    let Some(problem) = Problem::from_json(json) else {
        return;
    };
    assert_eq!(
        Problem::from_json(problem.to_json().as_bytes()).as_ref(),
        Some(&problem)
    );
    if let Some(kind) = problem.kind() {
        assert_eq!(kind.uri(), problem.uri);
    }
}

/// Whatever anchors a user gives: nothing is proved by an empty proof.
fn anchors(text: &str) {
    match Anchors::parse(text) {
        Ok(anchors) => {
            let question = Question {
                name: "example.test".parse().expect("a name"),
                rtype: RecordType::TXT,
            };
            let verdict = verify(&[], &question, &anchors, 0, &Limits::default()).verdict;
            assert!(matches!(verdict, Verdict::Bogus(_)));
            assert_eq!(anchors.is_iana(), anchors == Anchors::iana());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The state of the key schedule, altered: refused, or the same state in another spelling.
fn state(input: &mut Input<'_>) {
    let honest = ratchet().to_state();
    let altered = text(&alter::octets(honest.as_bytes(), input));
    match Ratchet::from_state(&altered) {
        Ok(ratchet) => assert_eq!(ratchet.to_state(), honest),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Whatever a user names as relay and gateway.
fn urls(input: &mut Input<'_>) {
    let (relay, gateway) = (input.text(), input.text());
    let builder = Setup::builder(&relay, &gateway).allow_http_not_private(input.bool());
    match builder.build() {
        Ok(setup) => {
            let host = setup.gateway_hosts().next().unwrap_or_default();
            assert_eq!(host, host.to_ascii_lowercase());
            assert!(host.contains('.'));
            assert!(
                setup
                    .relay_hosts()
                    .all(|host| !host.is_empty() && !host.contains('@'))
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
