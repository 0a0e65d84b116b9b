//! Problem details (RFC 9457), the form of every error that is not an answer.

use serde::{Deserialize, Serialize};

/// The problem types that a party may act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemType {
    /// The key configuration is not (any more) usable (RFC 9458 section 5.3); never sealed.
    OhttpKey,
    /// The Date of the request is not acceptable (RFC 9458 section 6.5.2); always sealed.
    Date,
    /// No more than the HTTP status says.
    Blank,
}

impl ProblemType {
    const ALL: [Self; 3] = [Self::OhttpKey, Self::Date, Self::Blank];

    /// The URI that names the type.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::OhttpKey => "https://iana.org/assignments/http-problem-types#ohttp-key",
            Self::Date => "https://iana.org/assignments/http-problem-types#date",
            Self::Blank => "about:blank",
        }
    }

    /// The type that `uri` names, if we act on it.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.uri() == uri)
    }
}

/// A problem details object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The URI of the problem type; absent means `about:blank`.
    #[serde(rename = "type", default = "blank")]
    pub uri: String,
    /// A short text for a person, always the same for one cause.
    #[serde(default)]
    pub title: String,
    /// The HTTP status, again.
    #[serde(default)]
    pub status: u16,
}

impl Problem {
    /// A problem of `kind`, with the HTTP `status` it travels under and a fixed `title`.
    ///
    /// The title is static so that no name, address or envelope can slip into it.
    #[must_use]
    pub fn new(kind: ProblemType, status: u16, title: &'static str) -> Self {
        Self {
            uri: kind.uri().to_owned(),
            title: title.to_owned(),
            status,
        }
    }

    /// The type, if it is one that we act on.
    #[must_use]
    pub fn kind(&self) -> Option<ProblemType> {
        ProblemType::from_uri(&self.uri)
    }

    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "type": self.uri, "title": self.title, "status": self.status })
            .to_string()
    }

    /// Reads a problem from the content of a response; `None` if it is not one.
    #[must_use]
    pub fn from_json(content: &[u8]) -> Option<Self> {
        serde_json::from_slice(content).ok()
    }
}

fn blank() -> String {
    ProblemType::Blank.uri().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_its_json() {
        let problem = Problem::new(ProblemType::OhttpKey, 400, "unknown key configuration");
        let read = Problem::from_json(problem.to_json().as_bytes());
        assert_eq!(read.as_ref(), Some(&problem));
        assert_eq!(read.and_then(|p| p.kind()), Some(ProblemType::OhttpKey));
    }

    #[test]
    fn what_is_not_a_problem_is_none() {
        assert_eq!(Problem::from_json(b"<html>"), None);
        let foreign = Problem::from_json(br#"{"type":"https://example.com/other"}"#);
        assert_eq!(foreign.and_then(|p| p.kind()), None);
    }
}
