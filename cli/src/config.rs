//! What the command is told once: by flags, then the environment, then the configuration file.

mod parties;
mod refused;

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Deserialize;
use sotto_client::{Setup, SetupBuilder};
use sotto_mimi::{DEFAULT_MIMI_TYPE, Domain};
use sotto_proof::RecordType;

use self::parties::{GatewaySetting, Keys, RelaySetting, WhenGatewayFails, keys};
use crate::args::Form;
use crate::failure::Failure;
use crate::store::Kept;
use crate::{clock, files};

/// Whom to ask, and on what terms: flags and environment by clap, the configuration file by serde, one definition for
/// both. Keys of the file are the flags with `_` for `-`.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[command(next_help_heading = "Whom to ask, and on what terms")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// A relay: its origin, or its resource for the gateway. Given again: another to choose from, and to go to while nothing was sent.
    #[arg(
        long,
        env = "SOTTO_RELAY",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "parties::one_or_more")]
    relay: Vec<RelaySetting>,
    /// The gateway's host name. Given again: another to choose from.
    #[arg(
        long,
        env = "SOTTO_GATEWAY",
        hide_env_values = true,
        value_name = "HOST",
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "parties::one_or_more")]
    gateway: Vec<GatewaySetting>,
    /// Whether a lookup may leave its gateway for another where it is of no use.
    #[arg(
        long,
        env = "SOTTO_ANOTHER_GATEWAY",
        hide_env_values = true,
        value_name = "WHEN"
    )]
    another_gateway: Option<WhenGatewayFails>,
    /// Trust anchors: DS or DNSKEY lines, Unbound's root.key, or IANA's root-anchors.xml. The default is the IANA root.
    #[arg(
        long,
        env = "SOTTO_ANCHOR",
        hide_env_values = true,
        value_name = "FILE"
    )]
    anchor: Option<PathBuf>,
    /// The form of the records; a flag of `lookup` alone.
    #[arg(skip)]
    #[serde(rename = "type")]
    pub(crate) form: Option<Form>,
    /// The private-use number of the type MIMI, 65400 by default.
    #[arg(
        long,
        env = "SOTTO_MIMI_TYPE",
        hide_env_values = true,
        value_name = "NUMBER"
    )]
    mimi_type: Option<u16>,
    /// The zone below which phone numbers are looked up; a flag of `lookup` alone.
    #[arg(skip)]
    pub(crate) phone_zone: Option<String>,
    /// Certification authorities, PEM, that may vouch for a relay besides the system's.
    #[arg(long, env = "SOTTO_CA", hide_env_values = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The gateway's keys: a key document, or a list (application/ohttp-keys) that you vouch for.
    #[arg(
        long,
        env = "SOTTO_KEY_DOCUMENT",
        hide_env_values = true,
        value_name = "FILE"
    )]
    key_document: Option<PathBuf>,
    /// The SHA-256 of the one list of keys to believe, in place of its DNSSEC proof.
    #[arg(
        long,
        env = "SOTTO_KEY_DIGEST",
        hide_env_values = true,
        value_name = "HEX"
    )]
    key_digest: Option<String>,
    /// Refuse answers whose signatures are older.
    #[arg(
        long,
        env = "SOTTO_MAX_AGE",
        hide_env_values = true,
        value_name = "SECONDS"
    )]
    max_age: Option<u64>,
    /// What is kept between runs, in place of ~/.local/state/sotto/store: answers while they last, and how new they were.
    #[arg(long, env = "SOTTO_STORE", hide_env_values = true, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Keep nothing, and use nothing that was kept: equally preferred services then come in everybody's order.
    #[arg(long, env = "SOTTO_NO_STORE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_store: bool,
    /// Ask even where an answer is kept that may still be used.
    #[arg(long, env = "SOTTO_ASK_ANEW", hide_env_values = true, value_parser = BoolishValueParser::new())]
    ask_anew: bool,
    /// Do not have a second, independent validator check the answer.
    #[arg(long, env = "SOTTO_NO_SECOND_OPINION", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_second_opinion: bool,
    /// Permit plain HTTP to the relay: for loopback, or behind a proxy that speaks TLS.
    #[arg(long, env = "SOTTO_ALLOW_HTTP", hide_env_values = true, value_parser = BoolishValueParser::new())]
    allow_http: bool,
    /// Permit a relay and a gateway of one operator, or of an unknown one: privacy is gone.
    #[arg(long, env = "SOTTO_NOT_PRIVATE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    not_private: bool,
    /// Seconds for a connection to a relay, TLS included: 10 by default.
    #[arg(
        long,
        env = "SOTTO_CONNECT_TIMEOUT",
        hide_env_values = true,
        value_name = "SECONDS"
    )]
    connect_timeout: Option<u64>,
    /// Seconds for one request, connection included: 20 by default.
    #[arg(
        long,
        env = "SOTTO_REQUEST_TIMEOUT",
        hide_env_values = true,
        value_name = "SECONDS"
    )]
    request_timeout: Option<u64>,
    /// Seconds for a whole lookup: 60 by default.
    #[arg(
        long,
        env = "SOTTO_LOOKUP_TIMEOUT",
        hide_env_values = true,
        value_name = "SECONDS"
    )]
    lookup_timeout: Option<u64>,
    /// Who runs the relays, for those that do not say.
    #[arg(
        long,
        env = "SOTTO_RELAY_OPERATOR",
        hide_env_values = true,
        value_name = "DOMAIN"
    )]
    relay_operator: Option<String>,
    /// Who runs the gateway, for keys that prove no operator.
    #[arg(
        long,
        env = "SOTTO_GATEWAY_OPERATOR",
        hide_env_values = true,
        value_name = "DOMAIN"
    )]
    gateway_operator: Option<String>,
    /// The configuration file, in place of ~/.config/sotto/config.toml.
    #[arg(
        long,
        env = "SOTTO_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    #[serde(skip)]
    config: Option<PathBuf>,
}

/// Where in `text` the error is, as far as it says.
fn line_of(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    before.map_or_else(String::new, |before| {
        let above = before.matches('\n').count();
        let line = text.lines().nth(above).unwrap_or_default();
        format!(", line {}, `{}`", above + 1, line.trim())
    })
}

impl Settings {
    /// These settings, completed from the configuration file.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds what it must not. No file at the usual place is no error.
    pub(crate) fn completed(&self) -> Result<Self, Failure> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => match usual_path() {
                Some(path) if path.exists() => path,
                _ => return Ok(self.clone()),
            },
        };
        let text = files::read_text("the configuration file", &path)?;
        let file = Self::parse(&text, &path)?;
        Ok(self.clone().or(file))
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failure> {
        let mut file: Self = toml::from_str(text).map_err(|error| {
            Failure::usage(
                "config_invalid",
                format!(
                    "the configuration file {}{}: {}",
                    path.display(),
                    line_of(&error, text),
                    error.message().trim_end()
                ),
                "correct that key; sotto lookup --help lists them all, as flags",
            )
        })?;
        if file.key_document.is_some() && file.key_digest.is_some() {
            return Err(refused::two_key_sources());
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let paths = [
            &mut file.anchor,
            &mut file.ca,
            &mut file.key_document,
            &mut file.store,
        ];
        for path in paths
            .into_iter()
            .flatten()
            .chain(file.gateway.iter_mut().filter_map(GatewaySetting::path))
        {
            *path = folder.join(&*path);
        }
        Ok(file)
    }

    /// These settings where they say something, `other` elsewhere.
    fn or(self, other: Self) -> Self {
        // Either names the whole source of the keys.
        let (key_document, key_digest) = match (self.key_document, self.key_digest) {
            (None, None) => (other.key_document, other.key_digest),
            own => own,
        };
        Self {
            relay: if self.relay.is_empty() {
                other.relay
            } else {
                self.relay
            },
            gateway: if self.gateway.is_empty() {
                other.gateway
            } else {
                self.gateway
            },
            another_gateway: self.another_gateway.or(other.another_gateway),
            connect_timeout: self.connect_timeout.or(other.connect_timeout),
            request_timeout: self.request_timeout.or(other.request_timeout),
            lookup_timeout: self.lookup_timeout.or(other.lookup_timeout),
            anchor: self.anchor.or(other.anchor),
            form: self.form.or(other.form),
            mimi_type: self.mimi_type.or(other.mimi_type),
            phone_zone: self.phone_zone.or(other.phone_zone),
            ca: self.ca.or(other.ca),
            key_document,
            key_digest,
            max_age: self.max_age.or(other.max_age),
            no_store: self.no_store || (self.store.is_none() && other.no_store),
            store: self.store.or(other.store),
            ask_anew: self.ask_anew || other.ask_anew,
            no_second_opinion: self.no_second_opinion || other.no_second_opinion,
            allow_http: self.allow_http || other.allow_http,
            not_private: self.not_private || other.not_private,
            relay_operator: self.relay_operator.or(other.relay_operator),
            gateway_operator: self.gateway_operator.or(other.gateway_operator),
            config: self.config,
        }
    }

    /// Settings that name a store, perhaps, and nothing else.
    pub(crate) fn of_store(store: Option<PathBuf>, config: Option<PathBuf>) -> Self {
        Self {
            store,
            config,
            ..Self::default()
        }
    }

    /// The store, if one is named.
    pub(crate) fn store(&self) -> Option<&Path> {
        self.store.as_deref()
    }

    /// Whether nothing is to be kept.
    pub(crate) fn keeps_nothing(&self) -> bool {
        self.no_store
    }

    /// Whether to ask even where an answer is kept.
    pub(crate) fn asks_anew(&self) -> bool {
        self.ask_anew
    }

    /// The file of trust anchors, if one is named.
    pub(crate) fn anchor(&self) -> Option<&Path> {
        self.anchor.as_deref()
    }

    /// The file of further certification authorities, if one is named.
    pub(crate) fn ca(&self) -> Option<&Path> {
        self.ca.as_deref()
    }

    /// The type that `MIMI` stands for.
    pub(crate) fn mimi_type(&self) -> RecordType {
        RecordType(self.mimi_type.unwrap_or(DEFAULT_MIMI_TYPE))
    }

    /// What the client is told.
    ///
    /// # Errors
    ///
    /// If something is missing, cannot be read, or cannot be used.
    pub(crate) fn setup(&self, phone_zone: Option<Domain>, kept: &Kept) -> Result<Setup, Failure> {
        let missing = |code, what: &str, remedy: &str| {
            Failure::usage(code, format!("no {what} is configured"), remedy)
        };
        let (relay, more_relays) = self.relay.split_first().ok_or_else(|| {
            missing(
                "relay_missing",
                "relay",
                "give --relay URL, or set relay in ~/.config/sotto/config.toml",
            )
        })?;
        let (gateway, more_gateways) = self.gateway.split_first().ok_or_else(|| {
            missing(
                "gateway_missing",
                "gateway",
                "give --gateway HOST, or set gateway in ~/.config/sotto/config.toml",
            )
        })?;

        let mut builder = Setup::builder(relay.relay(), gateway.gateway()?)
            .allow_http_not_private(self.allow_http)
            .not_private(self.not_private)
            .second_opinion(!self.no_second_opinion)
            .anchors(files::anchors(self.anchor.as_deref(), clock::now())?)
            .mimi_type(self.mimi_type().0);
        builder = kept.given_to(builder);
        for relay in more_relays {
            builder = builder.another_relay(relay.relay());
        }
        for gateway in more_gateways {
            builder = builder.another_gateway(gateway.gateway()?);
        }
        if let Some(when) = self.another_gateway {
            builder = builder.when_gateway_fails(when.into());
        }
        for (seconds, set) in [
            (
                self.connect_timeout,
                SetupBuilder::connect_timeout as fn(SetupBuilder, u64) -> SetupBuilder,
            ),
            (self.request_timeout, SetupBuilder::request_timeout),
            (self.lookup_timeout, SetupBuilder::lookup_timeout),
        ] {
            if let Some(seconds) = seconds {
                builder = set(builder, seconds);
            }
        }
        if let Some(zone) = phone_zone {
            builder = builder.phone_zone(zone);
        }
        if let Some(path) = &self.ca {
            builder = builder.authorities(files::read(
                "the file of certification authorities",
                path,
                files::TEXT_MAX_OCTETS,
            )?);
        }
        let own_keys = keys(self.key_document.as_deref(), self.key_digest.as_deref())?;
        if own_keys.is_some() && !more_gateways.is_empty() {
            return Err(refused::keys_of_several());
        }
        builder = match own_keys {
            Some(Keys::Document(octets)) => builder.key_document(&octets),
            Some(Keys::Digest(digest)) => builder.key_digest(digest),
            None => builder,
        };
        if let Some(seconds) = self.max_age {
            builder = builder.max_age(seconds);
        }
        if let Some(domain) = &self.relay_operator {
            builder = builder.relay_operator(domain);
        }
        if let Some(domain) = &self.gateway_operator {
            builder = builder.gateway_operator(domain);
        }
        builder
            .build()
            .map_err(|error| refused::setup(&error, self.key_document.as_deref()))
    }
}

/// `$XDG_CONFIG_HOME/sotto/config.toml`, by default `~/.config/sotto/config.toml`.
fn usual_path() -> Option<PathBuf> {
    Some(
        folder("XDG_CONFIG_HOME", ".config")?
            .join("sotto")
            .join("config.toml"),
    )
}

/// The folder that the absolute path in `variable` names, or `beside` in the home folder (XDG Base
/// Directory Specification).
pub(crate) fn folder(variable: &str, beside: &str) -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(beside)))
}

#[cfg(test)]
mod tests;
