//! Why a command could not do its work: what, and what to do about it.

use std::fmt;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use serde::Serialize;
use sotto_mimi::IdentifierError;

use crate::exit::Exit;
use crate::terminal::escape;

/// A command that could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Failure {
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// What happened, naming the culprit.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) remedy: String,
    #[serde(skip)]
    pub(crate) exit: Exit,
}

impl Failure {
    /// A flag, argument, configuration or file that cannot be used.
    pub(crate) fn usage(
        code: &'static str,
        message: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.to_string(),
            remedy: remedy.into(),
            exit: Exit::Usage,
        }
    }

    /// Something on this machine that is nobody else's fault.
    pub(crate) fn own(
        code: &'static str,
        message: impl fmt::Display,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            exit: Exit::OwnFault,
            ..Self::usage(code, message, remedy)
        }
    }

    /// The failure for a person, a line each.
    pub(crate) fn notes(&self) -> Vec<String> {
        vec![
            format!("error: {}", escape(&self.message)),
            format!("  try: {}", escape(&self.remedy)),
        ]
    }

    /// A file that cannot be read.
    pub(crate) fn unreadable(what: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::usage(
            "file_unreadable",
            format!("{what} {} cannot be read: {error}", path.display()),
            "check the path and the file's permissions",
        )
    }
}

impl From<IdentifierError> for Failure {
    fn from(error: IdentifierError) -> Self {
        Self::usage(error.code(), &error, error.remedy())
    }
}

impl From<&clap::Error> for Failure {
    /// The first line of what the parser says, which names the argument, and the usage it suggests.
    fn from(error: &clap::Error) -> Self {
        let text = error.to_string();
        // Several arguments that are missing stand on lines of their own.
        let paragraph: Vec<&str> = text
            .lines()
            .take_while(|line| !line.trim().is_empty())
            .map(str::trim)
            .collect();
        let paragraph = paragraph.join(" ");
        let message = paragraph.strip_prefix("error: ").unwrap_or(&paragraph);
        let usage = match error.get(ContextKind::Usage) {
            Some(ContextValue::StyledStr(usage)) => usage.to_string(),
            _ => String::from("sotto --help"),
        };
        Self::usage("usage", message, usage.trim().replacen("Usage: ", "", 1))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Arguments;

    fn failure(arguments: &[&str]) -> Failure {
        let error = Arguments::try_parse_from(arguments).expect_err("a usage error");
        Failure::from(&error)
    }

    #[test]
    fn the_parser_s_words_fit_one_line() {
        let unknown = failure(&["sotto", "verify", "--frob"]);
        assert_eq!((unknown.code, unknown.exit), ("usage", Exit::Usage));
        assert!(unknown.message.contains("'--frob'"), "{unknown:?}");
        assert!(unknown.remedy.starts_with("sotto verify"), "{unknown:?}");

        let missing = failure(&["sotto", "verify", "--json", "file"]);
        assert!(
            missing.message.contains("--name") && missing.message.contains("--type"),
            "{missing:?}"
        );
        assert!(!missing.message.contains('\n'));
    }
}
