//! Runs the command in a home of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A home folder without any configuration.
pub(crate) struct Home(TempDir);

/// What one run came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into the home folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, content).expect("a file");
        path
    }

    /// The command, which sees this home and nothing of the tester's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().expect("the command runs"))
    }
}

impl Run {
    /// Standard output as one JSON object of schema 1, with nothing beside it.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.errors, "", "JSON comes alone");
        let value: Value = serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.out));
        assert_eq!(value["schema"], 1);
        value
    }

    /// The code of the error that the object carries, whose other parts must say something.
    pub(crate) fn error_code(&self) -> String {
        assert_eq!(self.code, 2, "{}", self.out);
        let value = self.json();
        let error = value["error"].as_object().expect("an error");
        assert_eq!(
            error.keys().collect::<Vec<_>>(),
            ["code", "message", "remedy"]
        );
        assert!(
            error
                .values()
                .all(|part| !part.as_str().expect("text").is_empty())
        );
        error["code"].as_str().expect("text").to_owned()
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().expect("the command ends by itself"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            errors: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}
