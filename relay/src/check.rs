//! `sotto-relay check`: everything that would keep the relay from starting, and with `--online` what only the network tells.

use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::Result;
use serde_json::{Map, Value, json};
use sotto_daemon::{clock, command, config::ConfigError};
use sotto_relay::{
    Config, Online, Relay,
    online::{Certificate, InstanceState},
};

/// What a relay cannot know.
const UNVERIFIED: &str = "key documents are not verified here: a relay holds no DNSSEC. A client does, and so does `sotto query`";

pub(crate) fn run(
    path: &Path,
    config: Result<Config, ConfigError>,
    online: bool,
    json: bool,
) -> Result<ExitCode> {
    let config = match config {
        Ok(config) => config,
        Err(error) => return command::report_check(path, &[error], json, ""),
    };
    let mut problems: Vec<String> = Relay::check(&config)
        .iter()
        .map(ToString::to_string)
        .collect();
    let pins = Relay::pins(&config);
    let mut more = Map::new();
    if !pins.is_empty() {
        let pins: Vec<Value> = pins
            .iter()
            .map(|(host, pin)| json!({ "gateway": host, "certificate": pin.to_string() }))
            .collect();
        more.insert("pins".to_owned(), pins.into());
    }
    if !json {
        for (host, pin) in &pins {
            command::print(format!(
                "for the operator of {host}: certificates = [\"{pin}\"]\n"
            ))?;
        }
    }
    // What is wrong already would be found again, less clearly.
    if online && problems.is_empty() {
        let found = look(&config)?;
        more.insert("online".to_owned(), serde_json::to_value(&found)?);
        if !json {
            command::print(told(&found))?;
        }
        problems.extend(found.problems);
    }
    command::report_check_and(path, &problems, json, "", more)
}

#[tokio::main(flavor = "current_thread")]
async fn look(config: &Config) -> Result<Online> {
    Ok(Online::look(config, clock::now()).await)
}

fn told(found: &Online) -> String {
    let mut lines = Vec::new();
    if let Some(certificate) = &found.certificate {
        lines.push(format!("certificate: {}", certificate_told(certificate)));
    }
    let mut has_document = false;
    for gateway in &found.gateways {
        for instance in &gateway.instances {
            has_document |= instance.key_document.is_some();
            lines.push(format!("{}: {}", gateway.host, instance_told(instance)));
        }
    }
    if has_document {
        lines.push(UNVERIFIED.to_owned());
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn instance_told(instance: &InstanceState) -> String {
    let mut facts = vec![instance.origin.clone()];
    if !instance.reachable {
        facts.push("not reachable".to_owned());
    }
    if let Some(version) = instance.tls {
        let agreed = instance.key_exchange.as_deref().unwrap_or("RSA");
        facts.push(format!("TLS {version} with {agreed}"));
    }
    if let Some(version) = instance.http {
        facts.push(format!("HTTP/{version}"));
    }
    if let Some(certificate) = &instance.certificate {
        facts.push(format!("certificate {}", certificate_told(certificate)));
    }
    match instance.admitted {
        Some(true) => facts.push("admits this relay".to_owned()),
        Some(false) => facts.push("does not admit this relay".to_owned()),
        None => {}
    }
    if let Some(document) = &instance.key_document {
        let epochs: Vec<_> = document.epochs.iter().map(u64::to_string).collect();
        facts.push(format!(
            "key document of {} octets for epochs {}, {} of which are left",
            document.octets,
            epochs.join(" and "),
            document.epochs_left
        ));
    }
    if let Some(octets) = instance.key_list_octets {
        facts.push(format!("key list of {octets} octets"));
    }
    facts.join(", ")
}

fn certificate_told(certificate: &Certificate) -> String {
    let until = UNIX_EPOCH + Duration::from_secs(certificate.valid_until);
    let until = httpdate::fmt_http_date(until);
    format!("for {} until {until}", certificate.names.join(" and "))
}
