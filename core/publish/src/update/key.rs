//! A TSIG key: what a name server and its updater share.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use sotto_proof::{Name, NameError};
use thiserror::Error;
use zeroize::Zeroizing;

/// Octets of the shortest secret: 128 bits. RFC 2104 section 3 discourages less than the hash yields.
pub const SECRET_MIN_OCTETS: usize = 16;

/// The algorithms (RFC 8945 section 6) that are spoken; MD5 and SHA-1 are not to be used any more.
const ALGORITHMS: [(&str, hmac::Algorithm); 4] = [
    ("hmac-sha256", hmac::HMAC_SHA256),
    ("hmac-sha384", hmac::HMAC_SHA384),
    ("hmac-sha512", hmac::HMAC_SHA512),
    ("hmac-sha224", hmac::HMAC_SHA224),
];

/// What key files call the algorithms that are refused.
const WEAK: [&str; 3] = ["hmac-md5", "hmac-md5.sig-alg.reg.int", "hmac-sha1"];

/// A TSIG key (RFC 8945). Its secret is gone from memory when dropped, and never printed.
pub struct TsigKey {
    name: Name,
    algorithm: Name,
    // aws-lc cleanses its HMAC contexts when they are dropped.
    secret: hmac::Key,
}

impl TsigKey {
    /// Reads the text of a key file, in any form that name servers write:
    ///
    /// - BIND's `key "name" { algorithm hmac-sha256; secret "base64"; };`, as `tsig-keygen` prints it,
    /// - Knot's `key:` section with `id`, `algorithm` and `secret`, as `keymgr -t` prints it,
    /// - `algorithm:name:base64` or `name:algorithm:base64` on one line,
    /// - `name algorithm base64` on one line, as `pdnsutil list-tsig-keys` prints it.
    ///
    /// # Errors
    ///
    /// [`KeyError`], which repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let tokens = tokens(text);
        let parts = match tokens[..] {
            [] => return Err(KeyError::Empty),
            [line] => Parts::of_line(line.split(':').collect())?,
            [name, algorithm, secret] => Parts::of_line(vec![name, algorithm, secret])?,
            _ => Parts::of_clause(&tokens)?,
        };
        parts.key()
    }

    /// The key's name, in lower case.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The algorithm's name, in lower case.
    pub(super) const fn algorithm(&self) -> &Name {
        &self.algorithm
    }

    pub(super) const fn secret(&self) -> &hmac::Key {
        &self.secret
    }
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey")
            .field("name", &self.name)
            .field("algorithm", &self.algorithm)
            .field("secret", &"[redacted]")
            .finish()
    }
}

/// Why a text is no TSIG key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Nothing but comments.
    #[error("it is empty")]
    Empty,
    /// None of the forms.
    #[error("it is in none of the forms of a TSIG key")]
    Form,
    /// More than one of them.
    #[error("it holds more than one key")]
    Several,
    /// A part is missing.
    #[error("it names no {0}")]
    Missing(&'static str),
    /// The key's name is no domain name.
    #[error("the key's name is no domain name: {0}")]
    Name(#[from] NameError),
    /// MD5 or SHA-1.
    #[error("its algorithm is broken: MD5 and SHA-1 are refused")]
    Weak,
    /// An algorithm that is not spoken.
    #[error("its algorithm is not one of hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512")]
    Algorithm,
    /// The secret is not base64.
    #[error("its secret is not base64")]
    Secret,
    /// The secret can be guessed.
    #[error("its secret has {0} octets, of at least {SECRET_MIN_OCTETS}")]
    ShortSecret(usize),
}

impl KeyError {
    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Several => "keep the key for this zone in a file of its own",
            Self::Weak | Self::Algorithm | Self::Secret | Self::ShortSecret(_) => {
                "make a new key, for the server too: tsig-keygen -a hmac-sha256 NAME"
            }
            Self::Empty | Self::Form | Self::Missing(_) | Self::Name(_) => {
                "give what tsig-keygen or keymgr -t printed, or one line algorithm:name:base64"
            }
        }
    }
}

/// The parts of a key, as text.
#[derive(Default)]
struct Parts<'a> {
    name: Option<&'a str>,
    algorithm: Option<&'a str>,
    secret: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// Three words, of which the first or the second is an algorithm.
    fn of_line(words: Vec<&'a str>) -> Result<Self, KeyError> {
        let [first, second, secret] = words[..] else {
            return Err(KeyError::Form);
        };
        let (name, algorithm) = if is_algorithm(first) {
            (second, first)
        } else if is_algorithm(second) {
            (first, second)
        } else {
            return Err(KeyError::Algorithm);
        };
        Ok(Self {
            name: Some(name),
            algorithm: Some(algorithm),
            secret: Some(secret),
        })
    }

    /// A clause of BIND's or a section of Knot's: words that announce what follows them.
    fn of_clause(tokens: &[&'a str]) -> Result<Self, KeyError> {
        let mut parts = Self::default();
        let mut tokens = tokens.iter().copied();
        while let Some(token) = tokens.next() {
            let part = match token {
                "key" | "id:" => &mut parts.name,
                "algorithm" | "algorithm:" => &mut parts.algorithm,
                "secret" | "secret:" => &mut parts.secret,
                "key:" | "-" | "{" | "}" | ";" => continue,
                _ => return Err(KeyError::Form),
            };
            if part.replace(tokens.next().unwrap_or_default()).is_some() {
                return Err(KeyError::Several);
            }
        }
        Ok(parts)
    }

    fn key(self) -> Result<TsigKey, KeyError> {
        let name: Name = self.name.ok_or(KeyError::Missing("name"))?.parse()?;
        let algorithm = self.algorithm.ok_or(KeyError::Missing("algorithm"))?;
        let secret = self.secret.ok_or(KeyError::Missing("secret"))?;
        let algorithm = canonical(algorithm);
        let &(mnemonic, hash) = ALGORITHMS
            .iter()
            .find(|(known, _)| *known == algorithm)
            .ok_or(if WEAK.contains(&&*algorithm) {
                KeyError::Weak
            } else {
                KeyError::Algorithm
            })?;
        let secret = BASE64.decode(secret.as_bytes()).map(Zeroizing::new);
        let secret = secret.map_err(|_| KeyError::Secret)?;
        if secret.len() < SECRET_MIN_OCTETS {
            return Err(KeyError::ShortSecret(secret.len()));
        }
        Ok(TsigKey {
            name: name.to_lowercase(),
            algorithm: mnemonic.parse()?,
            secret: hmac::Key::new(hash, &secret),
        })
    }
}

fn canonical(algorithm: &str) -> String {
    algorithm
        .strip_suffix('.')
        .unwrap_or(algorithm)
        .to_ascii_lowercase()
}

fn is_algorithm(word: &str) -> bool {
    canonical(word).starts_with("hmac-")
}

/// Words, quoted strings without their quotes, and braces and semicolons, without comments.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = without_comments(rest, expects_secret(&tokens));
        let token;
        (token, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted.split_once('"').unwrap_or((quoted, ""))
        } else if rest.is_empty() {
            return tokens;
        } else if rest.starts_with(is_mark) {
            rest.split_at(1)
        } else {
            let is_end = |character: char| {
                character.is_whitespace() || character == '"' || is_mark(character)
            };
            rest.split_at(rest.find(is_end).unwrap_or(rest.len()))
        };
        tokens.push(token);
    }
}

fn is_mark(character: char) -> bool {
    matches!(character, '{' | '}' | ';')
}

/// Whether the secret comes behind these tokens: one base64 text of 4,096 begins with two slashes.
fn expects_secret(tokens: &[&str]) -> bool {
    match tokens {
        [.., "key", "secret"] => false,
        [.., "secret" | "secret:"] => true,
        ["key" | "algorithm" | "algorithm:", _] => false,
        [first, second] => is_algorithm(first) || is_algorithm(second),
        _ => false,
    }
}

/// `text` from its first octet on that is neither white space nor a comment.
fn without_comments(mut text: &str, is_secret: bool) -> &str {
    loop {
        text = text.trim_start();
        let end = if text.starts_with('#') || (text.starts_with("//") && !is_secret) {
            "\n"
        } else if text.starts_with("/*") {
            "*/"
        } else {
            return text;
        };
        text = text.split_once(end).map_or("", |(_, rest)| rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZW//";

    fn forms(secret: &str) -> [String; 6] {
        [
            format!(
                "key \"Sotto.example\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{secret}\";\n}};\n"
            ),
            format!(
                "// mine\n/* key other {{}} */ key sotto.example {{ secret {secret} ; algorithm HMAC-SHA256. ;}};"
            ),
            format!(
                "# hmac-sha256:sotto.example:x=\nkey:\n  - id: sotto.example\n    algorithm: hmac-sha256\n    secret: {secret}\n"
            ),
            format!("hmac-sha256:sotto.example:{secret}\n"),
            format!("sotto.example.:hmac-sha256:{secret}"),
            format!("sotto.example. hmac-sha256. {secret}\n"),
        ]
    }

    #[test]
    fn every_server_s_form_is_one_key() {
        for text in forms(SECRET) {
            let key = TsigKey::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(key.name().to_string(), "sotto.example.");
            assert_eq!(key.algorithm().to_string(), "hmac-sha256.");
            assert_eq!(
                hmac::sign(key.secret(), b"x").as_ref(),
                hmac::sign(
                    &hmac::Key::new(
                        hmac::HMAC_SHA256,
                        &BASE64.decode(SECRET.as_bytes()).unwrap()
                    ),
                    b"x"
                )
                .as_ref()
            );
            let shown = format!("{key:?}");
            assert!(shown.contains("[redacted]") && !shown.contains(SECRET));
        }
    }

    #[test]
    fn a_secret_may_begin_as_a_comment_does() {
        let secret = "//EyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        let slashes = TsigKey::parse(&format!("hmac-sha256:sotto.example:{secret}")).unwrap();
        let alike = [
            format!("hmac-sha256 sotto.example {secret}"),
            format!("// hmac-sha256 x y\nsotto.example. hmac-sha256. {secret} // mine\n"),
            format!(
                "key sotto.example {{ // mine\n algorithm hmac-sha256 // so far\n; secret {secret}; }};"
            ),
        ];
        for text in forms(secret).into_iter().chain(alike) {
            let key = TsigKey::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            let signed = |key: &TsigKey| hmac::sign(key.secret(), b"x");
            assert_eq!(signed(&key).as_ref(), signed(&slashes).as_ref(), "{text}");
        }
        let named = format!("key secret // mine\n{{ algorithm hmac-sha256; secret {secret}; }};");
        assert_eq!(
            TsigKey::parse(&named).unwrap().name().to_string(),
            "secret."
        );
    }

    #[test]
    fn every_other_text_is_refused_by_its_fault() {
        let clause = |algorithm: &str, secret: &str| {
            format!("key k {{ algorithm {algorithm}; secret \"{secret}\"; }};")
        };
        let good = clause("hmac-sha256", SECRET);
        for (text, error) in [
            (String::new(), KeyError::Empty),
            (String::from("# only a comment"), KeyError::Empty),
            (format!("k:{SECRET}"), KeyError::Form),
            (String::from("zone { } ; type"), KeyError::Form),
            (format!("{good}\n{good}"), KeyError::Several),
            (
                String::from("key k { algorithm hmac-sha256; };"),
                KeyError::Missing("secret"),
            ),
            (
                format!("key k {{ secret \"{SECRET}\"; }};"),
                KeyError::Missing("algorithm"),
            ),
            (clause("hmac-md5", SECRET), KeyError::Weak),
            (clause("HMAC-SHA1.", SECRET), KeyError::Weak),
            (clause("hmac-sm3", SECRET), KeyError::Algorithm),
            (format!("a:b:{SECRET}"), KeyError::Algorithm),
            (clause("hmac-sha256", "not base64"), KeyError::Secret),
            (clause("hmac-sha256", "c2hvcnQ="), KeyError::ShortSecret(5)),
            (
                good.replace("key k", "key k..k"),
                KeyError::Name(NameError::EmptyLabel),
            ),
        ] {
            let refused = TsigKey::parse(&text).expect_err(&text);
            assert_eq!(refused, error, "{text}");
            assert!(!refused.to_string().contains(SECRET) && !refused.remedy().is_empty());
        }
    }
}
