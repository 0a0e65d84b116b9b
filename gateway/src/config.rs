//! What an operator decides: the configuration of a gateway, a TOML file.
//!
//! Every key is shown, with its default, in `sotto-gateway.sample.toml`, which a test parses.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use sotto_daemon::{
    ServerLimits,
    config::{self, Admin, ConfigError, Listen},
    logs::Log,
    operator,
    pin::Pin,
};
use sotto_mimi::{Domain, PRIVATE_USE_TYPES};

use crate::{answer_time::MAX_STEP, relays::UNLISTED, resolver::server::one_or_more};

pub use crate::resolver::server::{NotAServer, Server};

/// What the names of environment variables that override a key begin with.
pub const ENV_PREFIX: &str = "SOTTO_GATEWAY";

/// The configuration of a gateway.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway's host name, as clients name it in their questions (`:authority`).
    pub host: String,
    /// The domain of whoever operates the gateway, as published in the key record (`o=`).
    pub operator: String,
    /// Whether relays that present no listed token are admitted too.
    #[serde(default)]
    pub open_to_any_relay: bool,
    /// Requests that all relays without a listed token may send in a second, taken together; as many as they like if
    /// absent.
    #[serde(default)]
    pub unlisted_requests_per_second: Option<NonZeroU32>,
    /// Where the gateway listens for relays.
    pub listen: Listen,
    /// Where health, readiness and metrics are served; nowhere if absent.
    #[serde(default)]
    pub admin: Option<Admin>,
    /// The gateway's own keys.
    pub keys: Keys,
    /// How the gateway asks the DNS.
    #[serde(default)]
    pub dns: Dns,
    /// Which names the gateway proves.
    #[serde(default)]
    pub names: Names,
    /// The relays that are admitted.
    #[serde(default)]
    pub relay: Vec<Relay>,
    /// What is kept of earlier answers.
    #[serde(default)]
    pub cache: Cache,
    /// What keeps relays from learning more than they should.
    #[serde(default)]
    pub privacy: Privacy,
    /// What one gateway takes on.
    #[serde(default)]
    pub limits: Limits,
    /// What is logged, and how.
    #[serde(default)]
    pub log: Log,
}

/// Where the key schedule lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The state file, made by `sotto-gateway keys init`.
    pub state: PathBuf,
}

/// How the gateway asks the DNS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// The recursive resolvers, one or a list, the preferred first; those of `/etc/resolv.conf` if absent.
    #[serde(deserialize_with = "one_or_more")]
    pub resolver: Vec<Server>,
    /// A PEM file of certification authorities that may vouch for resolvers over TLS, beside the system's.
    pub ca: Option<PathBuf>,
    /// A file of DS or DNSKEY lines to verify against; the IANA root if absent.
    pub anchor: Option<PathBuf>,
    /// Milliseconds within which a proof must be gathered.
    pub timeout_ms: u64,
}

/// Which names the gateway proves, beside those under a `_mimi` label and its own key name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    /// The number of the private MIMI type, proved at any name; not proved at all if absent.
    pub mimi_type: Option<u16>,
    /// Sequences of labels such as `user._bitcoin-payment` (BIP 353): TXT at names that contain one is proved.
    pub suffixes: Vec<String>,
}

/// A relay that is admitted, by its certificate, its token, or either.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// The operator's name for it.
    pub name: String,
    /// The file that holds its bearer token, on one line.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The pins of the certificates that it may show over TLS.
    #[serde(default)]
    pub certificates: Vec<Pin>,
    /// Requests that it may send in a second, at once or evenly; as many as it likes if absent.
    #[serde(default)]
    pub requests_per_second: Option<NonZeroU32>,
}

/// What keeps relays from learning more than they should.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Privacy {
    /// Answers leave at multiples of so many milliseconds after their requests came, at most 5,000. At 0 they leave when
    /// they are ready, and tell a relay which names others have just asked for.
    pub answer_step_ms: u64,
    /// Encapsulated keys remembered, so that no envelope is answered twice within ten minutes; 0 remembers none.
    pub replay_entries: usize,
}

/// What is kept of earlier answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Octets that cached proofs may take; 0 keeps none.
    pub max_bytes: u64,
}

/// What one gateway takes on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections open at once.
    pub max_connections: usize,
    /// HTTP/2 streams open at once on one connection. A relay sends everything over a few connections, so hyper's
    /// usual 200 would cap it at a few hundred lookups a second.
    pub max_streams: u32,
    /// Requests being answered at once, and requests over HTTP/2 that wait for their turn; beyond either a relay gets 503.
    pub max_requests: usize,
    /// Requests being answered and answers that wait for their time, at once; beyond it a relay gets 503. Each answer
    /// takes 8 KiB.
    pub max_waiting: usize,
    /// Milliseconds within which the content of a request must have arrived.
    pub body_timeout_ms: u64,
}

/// Why a configuration that could be read makes no sense.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigProblem {
    /// `host` or `operator` is not a domain.
    #[error(
        "{key} = \"{value}\" is not a domain ({why}); write it in A-labels, e.g. \"gateway.example.net\""
    )]
    NotADomain {
        /// The key at fault.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// Clients could not tell by `operator` who operates the gateway.
    #[error("operator = \"{domain}\" {source}; {}", operator::REMEDY)]
    NoOperator {
        /// The domain.
        domain: String,
        /// What is wrong with it.
        source: operator::NoOperator,
    },
    /// Nobody could use this gateway.
    #[error(
        "no relay is listed, so nobody could use this gateway; add a [[relay]] with name and certificates or token_file, \
         or set open_to_any_relay = true"
    )]
    NoRelay,
    /// Two relays of one name could not be told apart.
    #[error("two [[relay]] entries are named \"{0}\"; give each a name of its own")]
    RelayTwice(String),
    /// A relay's name says nothing, or that it is not listed.
    #[error(
        "a [[relay]] is named \"{0}\"; name it otherwise, e.g. after its domain: metrics call those \"{UNLISTED}\" that are not listed"
    )]
    RelayName(String),
    /// A relay could not be told from a stranger.
    #[error(
        "[[relay]] \"{0}\" has neither certificates nor token_file, so it could never be admitted; give it one of them"
    )]
    NoCredential(String),
    /// Nobody shows a certificate without TLS.
    #[error(
        "[[relay]] \"{0}\" has certificates, and listen.plain_http = true shows none; use [listen.tls], or a token_file alone"
    )]
    CertificatesInClear(String),
    /// The operator's listener is to use the relays' port.
    #[error("admin.address is the address of listen too; give it a port of its own")]
    OnePort,
    /// An answer would wait for longer than a drain.
    #[error(
        "privacy.answer_step_ms = {0} is more than {limit}, the longest that a relay should wait; leave it out for 250",
        limit = MAX_STEP.as_millis()
    )]
    LongStep(u64),
    /// A limit of zero.
    #[error("{0} = 0 would refuse everything; leave it out for the default")]
    Zero(&'static str),
    /// A MIMI type outside the private-use range.
    #[error(
        "names.mimi_type = {0} is not a private-use RR type (RFC 6895 section 3.1); choose 65280 to 65534, e.g. 65400"
    )]
    NotPrivateUse(u16),
}

impl Config {
    /// Reads the file at `path`, and environment variables over it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], naming the file, the place and the remedy.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        config::load(path, ENV_PREFIX)
    }

    /// Checks what the form of the file cannot express, and brings host and operator into canonical form.
    ///
    /// # Errors
    ///
    /// The first [`ConfigProblem`] found.
    pub fn checked(self) -> Result<Self, ConfigProblem> {
        let (config, problems) = self.examined();
        problems.into_iter().next().map_or(Ok(config), Err)
    }

    /// [`Self::checked`], but telling every [`ConfigProblem`] there is.
    #[must_use]
    pub fn examined(mut self) -> (Self, Vec<ConfigProblem>) {
        let mut problems = Vec::new();
        match domain("host", &self.host) {
            Ok(host) => self.host = host,
            Err(problem) => problems.push(problem),
        }
        match domain("operator", &self.operator) {
            Ok(operator) => {
                self.operator = operator;
                problems.extend(operator::check(&self.operator).err().map(|source| {
                    ConfigProblem::NoOperator {
                        domain: self.operator.clone(),
                        source,
                    }
                }));
            }
            Err(problem) => problems.push(problem),
        }
        if self.relay.is_empty() && !self.open_to_any_relay {
            problems.push(ConfigProblem::NoRelay);
        }
        if self.listen.collides_with(self.admin.as_ref()) {
            problems.push(ConfigProblem::OnePort);
        }
        for (index, relay) in self.relay.iter().enumerate() {
            if self.relay[..index]
                .iter()
                .any(|earlier| earlier.name == relay.name)
            {
                problems.push(ConfigProblem::RelayTwice(relay.name.clone()));
            }
            if relay.name.trim().is_empty() || relay.name == UNLISTED {
                problems.push(ConfigProblem::RelayName(relay.name.clone()));
            }
            if relay.token_file.is_none() && relay.certificates.is_empty() {
                problems.push(ConfigProblem::NoCredential(relay.name.clone()));
            }
            if self.listen.plain_http && !relay.certificates.is_empty() {
                problems.push(ConfigProblem::CertificatesInClear(relay.name.clone()));
            }
        }
        let numbers = [
            ("dns.timeout_ms", self.dns.timeout_ms),
            ("limits.max_connections", self.limits.max_connections as u64),
            ("limits.max_streams", u64::from(self.limits.max_streams)),
            ("limits.max_requests", self.limits.max_requests as u64),
            ("limits.max_waiting", self.limits.max_waiting as u64),
            ("limits.body_timeout_ms", self.limits.body_timeout_ms),
        ];
        let zeros = numbers.into_iter().filter(|(_, value)| *value == 0);
        problems.extend(zeros.map(|(key, _)| ConfigProblem::Zero(key)));
        if self.privacy.answer_step() > MAX_STEP {
            problems.push(ConfigProblem::LongStep(self.privacy.answer_step_ms));
        }
        if let Some(number) = self.names.mimi_type
            && !PRIVATE_USE_TYPES.contains(&number)
        {
            problems.push(ConfigProblem::NotPrivateUse(number));
        }
        (self, problems)
    }
}

fn domain(key: &'static str, value: &str) -> Result<String, ConfigProblem> {
    match value.parse::<Domain>() {
        Ok(domain) => Ok(domain.as_str().to_owned()),
        Err(error) => Err(ConfigProblem::NotADomain {
            key,
            value: value.to_owned(),
            why: error.to_string(),
        }),
    }
}

impl Dns {
    /// The time within which a proof must be gathered.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Privacy {
    /// The time between two instants at which an answer may leave; zero for none.
    #[must_use]
    pub fn answer_step(&self) -> Duration {
        Duration::from_millis(self.answer_step_ms)
    }
}

impl Limits {
    /// The limits of the listener for relays.
    #[must_use]
    pub fn server(&self) -> ServerLimits {
        ServerLimits {
            max_connections: self.max_connections,
            max_streams: self.max_streams,
            ..ServerLimits::default()
        }
    }

    /// The time within which the content of a request must have arrived.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            resolver: Vec::new(),
            ca: None,
            anchor: None,
            timeout_ms: 4_000,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            max_bytes: 256 << 20,
        }
    }
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            answer_step_ms: 250,
            replay_entries: 4_194_304,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 4_096,
            max_streams: 16_384,
            max_requests: 4_096,
            max_waiting: 32_768,
            body_timeout_ms: 5_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../sotto-gateway.sample.toml");

    fn parse(text: &str) -> Result<Config, String> {
        let path = Path::new("gateway.toml");
        let config = config::parse::<Config>(path, text, ENV_PREFIX, [])
            .map_err(|error| error.to_string())?;
        config.checked().map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_sample_is_a_configuration_and_shows_the_defaults() {
        let sample = parse(SAMPLE).unwrap();
        assert_eq!(sample.host, "gateway.example.net");
        assert_eq!(sample.relay[0].name, "relay.example");
        let (limits, defaults) = (sample.limits, Limits::default());
        assert_eq!(format!("{limits:?}"), format!("{defaults:?}"));
        let (privacy, defaults) = (sample.privacy, Privacy::default());
        assert_eq!(format!("{privacy:?}"), format!("{defaults:?}"));
        assert_eq!(sample.cache.max_bytes, Cache::default().max_bytes);
        assert_eq!(sample.dns.timeout_ms, Dns::default().timeout_ms);
        assert_eq!(sample.log, Log::default());
    }

    #[test]
    fn what_the_sample_comments_out_is_a_configuration_too() {
        let text = SAMPLE
            .replace("# plain_http = true", "")
            .replace("# anchor =", "anchor =")
            .replace("# resolver =", "resolver =")
            .replace("resolver = \"127.0.0.1:53\"\n", "")
            .replace("# ca =", "ca =")
            .replace("# mimi_type =", "mimi_type =")
            .replace("# requests_per_second =", "requests_per_second =")
            .replace("# certificates =", "certificates =")
            .replace("# unlisted_requests", "unlisted_requests");
        let config = parse(&text).unwrap();
        assert_eq!(config.names.mimi_type, Some(65_400));
        assert_eq!(
            config.dns.anchor.as_deref(),
            Some(Path::new("/etc/sotto/root.key"))
        );
    }

    #[test]
    fn every_mistake_is_named_with_its_remedy() {
        let cases = [
            (
                "host = \"gateway.example.net\"",
                "host = \"not a domain\"",
                "not a domain",
                "A-labels",
            ),
            (
                "timeout_ms = 4000",
                "timeout_ms = 0",
                "dns.timeout_ms",
                "default",
            ),
            (
                "max_requests = 4096",
                "max_requests = 0",
                "limits.max_requests",
                "default",
            ),
            (
                "answer_step_ms = 250",
                "answer_step_ms = 5001",
                "privacy.answer_step_ms = 5001",
                "5000",
            ),
            ("# mimi_type = 65400", "mimi_type = 16", "16", "65400"),
            ("max_bytes", "max_octets", "max_octets", "spelling"),
            (
                "name = \"relay.example\"",
                "name = \"unlisted\"",
                "named \"unlisted\"",
                "name it otherwise",
            ),
            (
                "name = \"relay.example\"",
                "name = \" \"",
                "named \" \"",
                "name it otherwise",
            ),
            (
                "operator = \"operator.example\"",
                "operator = \"co.uk\"",
                "\"co.uk\" is a public suffix",
                "give the domain",
            ),
            (
                "[[relay]]",
                "[[relay]]\nname = \"x.example\"\ntoken_file = \"t\"\n[[relay]]\n",
                "",
                "",
            ),
        ];
        for (right, wrong, culprit, remedy) in cases {
            let text = SAMPLE.replacen(right, wrong, 1);
            assert_ne!(text, SAMPLE, "{right}");
            match parse(&text) {
                Ok(_) => assert_eq!(culprit, "", "{wrong}"),
                Err(error) => assert!(error.contains(culprit) && error.contains(remedy), "{error}"),
            }
        }
        let (before, relays_on) = SAMPLE.split_once("[[relay]]").unwrap();
        let after = relays_on.split_once("[cache]").unwrap().1;
        let without = format!("{before}[cache]{after}");
        assert!(
            parse(&without)
                .unwrap_err()
                .contains("open_to_any_relay = true")
        );
        let twice = SAMPLE.replace(
            "[cache]",
            "[[relay]]\nname = \"relay.example\"\ntoken_file = \"t\"\n[cache]",
        );
        assert!(parse(&twice).unwrap_err().contains("relay.example"));
        let open = without.replace("open_to_any_relay = false", "open_to_any_relay = true");
        parse(&open).unwrap();
    }
}
