//! Configuration: a TOML file, environment variables over it, and errors that lead to the line.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de, de::DeserializeOwned};
use toml::{
    Table, Value,
    de::{DeArray, DeTable},
};

/// What separates the parts of a key in the name of an environment variable.
const SEPARATOR: &str = "__";

/// Where a server listens, and how it is protected.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Address and port; port 0 lets the system choose one.
    pub address: SocketAddr,
    /// The certificate to serve HTTPS with.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Serves plain HTTP: for loopback, or behind a proxy that ends TLS. Required to be true where
    /// there is no `tls`, so that nobody serves in clear by omission.
    #[serde(default)]
    pub plain_http: bool,
}

/// The files of a TLS certificate; they are read again on SIGHUP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate chain, the server's own first.
    pub certificate: PathBuf,
    /// PEM file of the private key (PKCS #8, SEC 1 or PKCS #1).
    pub key: PathBuf,
}

/// Where `/healthz`, `/readyz` and `/metrics` are served, in plain HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// Address and port; keep it on loopback or a private network.
    pub address: SocketAddr,
}

impl Listen {
    /// Whether this and the operator's listener would want one and the same port.
    #[must_use]
    pub fn collides_with(&self, admin: Option<&Admin>) -> bool {
        self.address.port() != 0 && admin.is_some_and(|admin| admin.address == self.address)
    }
}

/// Why a configuration was refused: which file, where in it, what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{place}: {problem}; {remedy}")]
pub struct ConfigError {
    file: String,
    place: Box<Place>,
    problem: String,
    remedy: String,
}

/// Where in a configuration an error lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    line: Option<usize>,
    key: Option<String>,
    variable: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(variable) = &self.variable {
            write!(f, ", environment variable {variable}")?;
        } else if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        match &self.key {
            Some(key) => write!(f, ", key `{key}`"),
            None => Ok(()),
        }
    }
}

impl ConfigError {
    /// An error that only the reader of the values can find, two keys that contradict each other, say.
    #[must_use]
    pub fn invalid(
        file: &Path,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: file.display().to_string(),
            place: Box::new(Place {
                key: Some(key.to_owned()),
                ..Place::default()
            }),
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// The key that is at fault, dotted, where there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.place.key.as_deref()
    }

    /// The line of the file that is at fault, where there is one.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.line
    }
}

/// Reads a configuration from a TOML file and from the environment.
///
/// An environment variable `PREFIX__LISTEN__ADDRESS` overrides the key `listen.address`; a number
/// stands for the place in a list (`PREFIX__GATEWAY__0__HOST`). Its value is read as TOML if it is
/// TOML, else as a string.
///
/// # Errors
///
/// Where the file cannot be read, is not TOML, or holds an unknown key, a missing one or a value of
/// the wrong kind. No error repeats the content of an environment variable.
pub fn load<T: DeserializeOwned>(
    path: impl AsRef<Path>,
    env_prefix: &str,
) -> Result<T, ConfigError> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: path.display().to_string(),
        place: Box::default(),
        problem: format!("cannot be read: {error}"),
        remedy: "give the path of a readable TOML file".to_owned(),
    })?;
    parse(path, &text, env_prefix, std::env::vars_os())
}

/// [`load`], of a text and an environment that are given.
///
/// # Errors
///
/// As [`load`].
pub fn parse<T: DeserializeOwned>(
    path: &Path,
    text: &str,
    env_prefix: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<T, ConfigError> {
    let file = path.display().to_string();
    let fail = |place: Place, problem: String, remedy: &str| ConfigError {
        file: file.clone(),
        place: Box::new(place),
        problem,
        remedy: remedy.to_owned(),
    };

    let syntax = |error: &toml::de::Error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let place = Place {
            line,
            ..Place::default()
        };
        fail(place, error.message().to_owned(), "correct the TOML there")
    };
    let document = DeTable::parse(text).map_err(|error| syntax(&error))?;
    let mut table: Table = toml::from_str(text).map_err(|error| syntax(&error))?;

    let mut overrides = Vec::new();
    for (variable, value) in environment {
        let Some(keys) = override_path(&variable, env_prefix) else {
            continue;
        };
        let variable = variable.to_string_lossy().into_owned();
        let place = || Place {
            variable: Some(variable.clone()),
            ..Place::default()
        };
        let Some(value) = value.to_str() else {
            return Err(fail(place(), "is not UTF-8".to_owned(), "set it to text"));
        };
        if !set(&mut table, &keys, read_value(value)) {
            return Err(fail(
                place(),
                "leads into a key that is not a table or list".to_owned(),
                "correct the name of the variable, or unset it",
            ));
        }
        overrides.push((keys, variable));
    }

    let mut unknown = None;
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(Value::Table(table), &mut track);
    let read = serde_ignored::deserialize(deserializer, |path| {
        unknown.get_or_insert(path.to_string());
    });
    let (key, problem) = match (read, unknown) {
        (Ok(value), None) => return Ok(value),
        (Ok(_), Some(key)) => (key, "unknown field".to_owned()),
        (Err(error), _) => (track.path().to_string(), error.message().to_owned()),
    };
    let remedy = if problem.starts_with("missing field") {
        "add it"
    } else if problem.starts_with("unknown field") {
        "remove the key, or correct its spelling"
    } else {
        "correct the value; the sample configuration explains every key"
    };
    let segments: Vec<String> = key
        .replace('[', ".")
        .replace(']', "")
        .split('.')
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect();
    let variable = overrides
        .iter()
        .find(|(keys, _)| *keys == segments)
        .map(|(_, variable)| variable.clone());
    // What serde says of a wrong value repeats it, and the environment is where secrets are.
    let problem = match &variable {
        Some(_) if !problem.starts_with("unknown field") => {
            "has a value of the wrong kind".to_owned()
        }
        _ => problem.trim_end().replace('\n', " "),
    };
    let place = Place {
        line: line_of_key(text, document.get_ref(), &segments),
        key: (!segments.is_empty()).then(|| segments.join(".")),
        variable,
    };
    Err(fail(place, problem, remedy))
}

/// The keys, dotted and in order, whose values differ between two configurations that [`load`] read as tables. A list is
/// one value.
#[must_use]
pub fn changed_keys(before: &Table, after: &Table) -> Vec<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changed = Vec::new();
    for key in keys {
        match (before.get(key), after.get(key)) {
            (before, after) if before == after => {}
            (Some(Value::Table(before)), Some(Value::Table(after))) => {
                let inner = changed_keys(before, after);
                changed.extend(inner.iter().map(|below| format!("{key}.{below}")));
            }
            _ => changed.push(key.clone()),
        }
    }
    changed
}

/// Reads a number that is not zero, for `#[serde(deserialize_with)]`: a limit of zero would stop
/// everything.
///
/// # Errors
///
/// Where it is zero, or no number.
pub fn positive<'de, D, N>(deserializer: D) -> Result<N, D::Error>
where
    D: de::Deserializer<'de>,
    N: Deserialize<'de> + Default + PartialEq,
{
    let number = N::deserialize(deserializer)?;
    if number == N::default() {
        return Err(de::Error::custom("must not be zero"));
    }
    Ok(number)
}

/// The key that an environment variable overrides; `None` if it is not ours.
fn override_path(variable: &OsString, prefix: &str) -> Option<Vec<String>> {
    let keys = variable
        .to_str()?
        .strip_prefix(prefix)?
        .strip_prefix(SEPARATOR)?;
    Some(keys.split(SEPARATOR).map(str::to_ascii_lowercase).collect())
}

fn read_value(text: &str) -> Value {
    let document = format!("value = {text}");
    match toml::from_str::<Table>(&document) {
        Ok(mut table) if table.len() == 1 => table
            .remove("value")
            .unwrap_or_else(|| Value::String(text.to_owned())),
        _ => Value::String(text.to_owned()),
    }
}

/// Sets the value at `keys`, making tables and list elements on the way; false if it cannot.
fn set(table: &mut Table, keys: &[String], value: Value) -> bool {
    let Some((first, rest)) = keys.split_first() else {
        return false;
    };
    if rest.is_empty() {
        table.insert(first.clone(), value);
        return true;
    }
    let index = rest[0].parse::<usize>().ok();
    let entry = table.entry(first.clone()).or_insert_with(|| match index {
        Some(_) => Value::Array(Vec::new()),
        None => Value::Table(Table::new()),
    });
    match (entry, index) {
        (Value::Table(inner), _) => set(inner, rest, value),
        (Value::Array(list), Some(index)) if index <= list.len() => {
            if index == list.len() {
                list.push(Value::Table(Table::new()));
            }
            match (&rest[1..], &mut list[index]) {
                ([], element) => *element = value,
                (keys, Value::Table(inner)) => return set(inner, keys, value),
                _ => return false,
            }
            true
        }
        _ => false,
    }
}

/// The line of the deepest part of the key that the file holds.
fn line_of_key(text: &str, document: &DeTable<'_>, segments: &[String]) -> Option<usize> {
    let mut line = None;
    let mut table = Some(document);
    let mut list: Option<&DeArray<'_>> = None;
    for segment in segments {
        let value = if let Some(inner) = table {
            let Some((key, value)) = inner.iter().find(|(key, _)| key.get_ref() == segment) else {
                break;
            };
            line = Some(line_of(text, key.span().start));
            value.get_ref()
        } else if let (Some(inner), Ok(index)) = (list, segment.parse::<usize>())
            && let Some(value) = inner.get(index)
        {
            line = Some(line_of(text, value.span().start));
            value.get_ref()
        } else {
            break;
        };
        table = value.as_table();
        list = value.as_array();
    }
    line
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|octet| *octet == b'\n')
        .count()
}

#[cfg(test)]
mod tests;
