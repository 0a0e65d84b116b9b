//! The pages on publishing, and what they show.

use std::fs;
use std::path::Path;
use std::process::Command;

use sotto_tests::binaries;

/// A page.
pub(crate) struct Page {
    pub(crate) text: String,
}

impl Page {
    /// Reads a page by its path in the repository.
    pub(crate) fn read(path: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        Self {
            text: fs::read_to_string(root.join(path)).unwrap(),
        }
    }

    /// The one fenced block with `info` behind its opening fence.
    pub(crate) fn fence(&self, info: &str) -> String {
        let mut fences = self.fences().filter(|(found, _)| *found == info);
        let (_, text) = fences.next().unwrap();
        assert!(fences.next().is_none(), "two fences of {info}");
        text.to_owned()
    }

    /// Every fenced block, with what stands behind its opening fence.
    pub(crate) fn fences(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text
            .split("\n```")
            .skip(1)
            .step_by(2)
            .map(|fence| fence.split_once('\n').unwrap())
    }

    /// Runs the commands of `sotto` that the consoles show, in a folder with `files`, and compares what they print to
    /// standard output with what stands behind them, if anything does. Gives the number of commands.
    pub(crate) fn replay(&self, files: &[(&str, &str)]) -> usize {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut count = 0;
        for (_, console) in self.fences().filter(|(info, _)| *info == "console") {
            for block in format!("\n{}\n", console.replace("\\\n", ""))
                .split("\n$ ")
                .skip(1)
            {
                let (line, shown) = block.split_once('\n').unwrap_or((block, ""));
                let Some(arguments) = line.strip_prefix("sotto record new ") else {
                    continue;
                };
                let output = Command::new("sh")
                    .args(["-c", &format!("exec \"$SOTTO\" record new {arguments}")])
                    .env_clear()
                    .env("SOTTO", binaries::find("sotto").unwrap())
                    .env("HOME", folder.path())
                    .current_dir(folder.path())
                    .output()
                    .unwrap();
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{line}\n{errors}");
                let printed = String::from_utf8(output.stdout).unwrap();
                if !shown.trim().is_empty() {
                    assert_eq!(printed.trim(), shown.trim(), "{line}");
                }
                count += 1;
            }
        }
        count
    }
}
