//! What the command is told once: by flags, then the environment, then the configuration file.

use std::env;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::BoolishValueParser;
use serde::{Deserialize, Deserializer};
use sotto_client::{Setup, SetupError};
use sotto_mimi::{DEFAULT_MIMI_TYPE, Domain, TieBreak};
use sotto_proof::RecordType;
use sotto_wire::KEY_DOCUMENT_MAX_BYTES;

use crate::args::Form;
use crate::failure::Failure;
use crate::{clock, files};

/// Whom to ask, and on what terms: flags and environment by clap, the configuration file by serde, one definition for
/// both. Keys of the file are the flags with `_` for `-`.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[command(next_help_heading = "Whom to ask, and on what terms")]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// A relay: its origin, or its resource for the gateway. Given again: the next to try while nothing was sent.
    #[arg(
        long,
        env = "SOTTO_RELAY",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "one_or_more")]
    relay: Vec<String>,
    /// The gateway's host name.
    #[arg(
        long,
        env = "SOTTO_GATEWAY",
        hide_env_values = true,
        value_name = "HOST"
    )]
    gateway: Option<String>,
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
    /// Do not have a second, independent validator check the answer.
    #[arg(long, env = "SOTTO_NO_SECOND_OPINION", hide_env_values = true, value_parser = BoolishValueParser::new())]
    no_second_opinion: bool,
    /// Permit plain HTTP to the relay: for loopback, or behind a proxy that speaks TLS.
    #[arg(long, env = "SOTTO_ALLOW_HTTP", hide_env_values = true, value_parser = BoolishValueParser::new())]
    allow_http: bool,
    /// Permit a relay and a gateway of one operator, or of an unknown one: privacy is gone.
    #[arg(long, env = "SOTTO_NOT_PRIVATE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    not_private: bool,
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

/// `relay = "..."`, or `relay = ["...", "..."]`.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a URL or a list of URLs")]
    enum OneOrMore {
        One(String),
        More(Vec<String>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::One(url) => vec![url],
        OneOrMore::More(urls) => urls,
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
            return Err(two_key_sources());
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        for path in [&mut file.anchor, &mut file.ca, &mut file.key_document]
            .into_iter()
            .flatten()
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
            gateway: self.gateway.or(other.gateway),
            anchor: self.anchor.or(other.anchor),
            form: self.form.or(other.form),
            mimi_type: self.mimi_type.or(other.mimi_type),
            phone_zone: self.phone_zone.or(other.phone_zone),
            ca: self.ca.or(other.ca),
            key_document,
            key_digest,
            max_age: self.max_age.or(other.max_age),
            no_second_opinion: self.no_second_opinion || other.no_second_opinion,
            allow_http: self.allow_http || other.allow_http,
            not_private: self.not_private || other.not_private,
            relay_operator: self.relay_operator.or(other.relay_operator),
            gateway_operator: self.gateway_operator.or(other.gateway_operator),
            config: self.config,
        }
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
    pub(crate) fn setup(
        &self,
        phone_zone: Option<Domain>,
        tie_break: TieBreak,
    ) -> Result<Setup, Failure> {
        let missing = |code, what: &str, remedy: &str| {
            Failure::usage(code, format!("no {what} is configured"), remedy)
        };
        let (first, others) = self.relay.split_first().ok_or_else(|| {
            missing(
                "relay_missing",
                "relay",
                "give --relay URL, or set relay in ~/.config/sotto/config.toml",
            )
        })?;
        let gateway = self.gateway.as_deref().ok_or_else(|| {
            missing(
                "gateway_missing",
                "gateway",
                "give --gateway HOST, or set gateway in ~/.config/sotto/config.toml",
            )
        })?;

        let mut builder = Setup::builder(first, gateway)
            .allow_http_not_private(self.allow_http)
            .not_private(self.not_private)
            .second_opinion(!self.no_second_opinion)
            .anchors(files::anchors(self.anchor.as_deref(), clock::now())?)
            .mimi_type(self.mimi_type().0)
            .tie_break(tie_break);
        for url in others {
            builder = builder.another_relay(url);
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
        match (&self.key_document, &self.key_digest) {
            (Some(_), Some(_)) => return Err(two_key_sources()),
            (Some(path), None) => {
                builder = builder.key_document(&files::read(
                    "the key document",
                    path,
                    KEY_DOCUMENT_MAX_BYTES,
                )?);
            }
            (None, Some(text)) => builder = builder.key_digest(digest(text)?),
            (None, None) => {}
        }
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
            .map_err(|error| refused(&error, self.key_document.as_deref()))
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

fn digest(text: &str) -> Result<[u8; 32], Failure> {
    let mut digest = [0; 32];
    hex::decode_to_slice(text, &mut digest).map_err(|_| {
        Failure::usage(
            "key_digest_invalid",
            format!("the key digest {text:?} is not a SHA-256 in hexadecimal"),
            "give 64 hexadecimal digits",
        )
    })?;
    Ok(digest)
}

fn two_key_sources() -> Failure {
    Failure::usage(
        "two_key_sources",
        "both a key document and a key digest are given",
        "give --key-document or --key-digest, not both",
    )
}

/// Why a setup is refused, as a failure; `key_document` is the file that the keys came from.
fn refused(error: &SetupError, key_document: Option<&Path>) -> Failure {
    let (code, remedy) = match error {
        SetupError::RelayUrl { .. } => (
            "relay_invalid",
            "give the relay as in https://relay.example",
        ),
        SetupError::TooManyRelays => ("too_many_relays", "name fewer relays"),
        SetupError::GatewayHost(_) => (
            "gateway_invalid",
            "give the gateway's host name, as in gateway.example.net",
        ),
        SetupError::Operator(_) => (
            "operator_invalid",
            "give the operator's domain, as in example.net",
        ),
        SetupError::KeySize { .. } | SetupError::KeyDocument(_) | SetupError::KeyList(_) => {
            let file = key_document.unwrap_or(Path::new("")).display();
            return Failure::usage(
                "key_document_invalid",
                format!("the key document {file}: {error}"),
                "give a key document, or an application/ohttp-keys list",
            );
        }
        SetupError::MimiType(_) => ("mimi_type_invalid", "choose a type from 65280 to 65534"),
        _ => (
            "setup_invalid",
            "sotto lookup --help says what each flag takes",
        ),
    };
    Failure::usage(code, error, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, Failure> {
        Settings::parse(text, Path::new("/folder/config.toml"))
    }

    fn setup(text: &str) -> Result<Setup, Failure> {
        parse(text)?.setup(None, TieBreak::new([0; 16]))
    }

    const PAIR: &str = "relay = \"https://relay.example\"\ngateway = \"gateway.example.net\"\n";

    #[test]
    fn flags_come_before_the_file() {
        let file = parse("relay = [\"https://a.example\", \"https://b.example\"]\ngateway = \"g.example\"\nkey_digest = \"00\"\nallow_http = true").unwrap();
        let flags = Settings {
            gateway: Some("other.example".to_owned()),
            key_document: Some("keys".into()),
            ..Settings::default()
        };
        let merged = flags.or(file);
        assert_eq!(merged.relay.len(), 2);
        assert_eq!(merged.gateway.as_deref(), Some("other.example"));
        assert!(merged.key_digest.is_none() && merged.allow_http);
    }

    #[test]
    fn paths_start_at_the_file_s_folder() {
        let file = parse("anchor = \"root.key\"\nca = \"/etc/ca.pem\"").unwrap();
        assert_eq!(file.anchor.as_deref(), Some(Path::new("/folder/root.key")));
        assert_eq!(file.ca.as_deref(), Some(Path::new("/etc/ca.pem")));
    }

    #[test]
    fn refusals_name_the_file_and_the_key() {
        for (text, culprit) in [
            ("relays = \"x\"", "relays"),
            ("relay = 1", "URL"),
            ("type = \"A\"", "A"),
            ("max_age = -1", "max_age"),
            ("gateway", "gateway"),
            ("config = \"x\"", "config"),
        ] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.code, "config_invalid");
            assert!(
                failure.message.contains("/folder/config.toml, line 1, `")
                    && failure.message.contains(culprit)
                    && !failure.message.contains('\n'),
                "{failure:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_has_its_code() {
        let code = |extra: &str| setup(&format!("{PAIR}{extra}")).unwrap_err().code;
        assert!(setup(PAIR).is_ok());
        assert_eq!(setup("").unwrap_err().code, "relay_missing");
        assert_eq!(
            setup("relay = \"https://r.example\"").unwrap_err().code,
            "gateway_missing"
        );
        assert_eq!(
            setup("relay = \"ftp://r.example\"\ngateway = \"g.example\"")
                .unwrap_err()
                .code,
            "relay_invalid"
        );
        assert_eq!(
            setup("relay = \"https://r.example\"\ngateway = \"g\"")
                .unwrap_err()
                .code,
            "gateway_invalid"
        );
        assert_eq!(code("key_digest = \"abc\""), "key_digest_invalid");
        assert_eq!(code("mimi_type = 16"), "mimi_type_invalid");
        assert_eq!(code("anchor = \"absent\""), "file_unreadable");
        assert_eq!(code("relay_operator = \"x y\""), "operator_invalid");
        assert_eq!(
            code("key_digest = \"00\"\nkey_document = \"x\""),
            "two_key_sources"
        );
    }
}
