//! The records of everybody in a file of accounts, as a part of a zone file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Serialize;
use sotto_publish::accounts::{Accounts, Entry};
use sotto_publish::{AccountsError, Advice, Placement, Software, Zone, zone_file};

use super::super::advised::Advised;
use super::answer::count;
use super::draft::Draft;
use crate::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::json;
use crate::progress;

/// People between two looks at the progress bar.
const STEP: u64 = 1_024;

/// Everything that `--from` was asked to do.
pub(super) struct Job<'a> {
    accounts: &'a Path,
    zone: Zone,
    placement: Placement,
    software: Software,
    output: Option<&'a Path>,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Summary {
    people: u64,
    records: u64,
    octets: u64,
    advice: Advised,
}

impl<'a> Job<'a> {
    pub(super) const fn new(
        accounts: &'a Path,
        zone: Zone,
        placement: Placement,
        software: Software,
        output: Option<&'a Path>,
    ) -> Self {
        Self {
            accounts,
            zone,
            placement,
            software,
            output,
        }
    }

    /// Writes the zone file whole, or nothing.
    pub(super) fn run(self, json: bool) -> Result<Output, Failure> {
        let (summary, notes) = match self.output {
            Some(path) => {
                distinct(self.accounts, path)?;
                let failed = |error| not_written(path, &error);
                let draft = Draft::new(path).map_err(failed)?;
                let summary = self.write(draft.file())?;
                let path = draft.publish().map_err(failed)?;
                let said = format!("{} written to {}", summary.said(), path.display());
                (summary, said)
            }
            None if json => {
                return Err(Failure::usage(
                    "output_missing",
                    "--json prints a summary, and the zone file has to go elsewhere",
                    "add --output FILE",
                ));
            }
            None => {
                // What is on standard output cannot be taken back: it begins when nothing can go wrong any more.
                let spool = Path::new("a temporary file");
                let mut file = tempfile::tempfile().map_err(|error| not_written(spool, &error))?;
                let summary = self.write(&file)?;
                file.rewind().map_err(|error| not_written(spool, &error))?;
                let copied = io::copy(&mut file, &mut io::stdout().lock());
                match copied {
                    // A reader who closed the pipe has seen enough.
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                        return Err(not_written(Path::new("standard output"), &error));
                    }
                    _ => {}
                }
                let said = summary.said();
                (summary, said)
            }
        };
        Ok(if json {
            Output {
                text: json::print(&summary),
                notes: Vec::new(),
                exit: Exit::Done,
            }
        } else {
            Output {
                text: String::new(),
                notes: summary.notes(notes),
                exit: Exit::Done,
            }
        })
    }

    /// Writes the zone file to `file`.
    fn write(&self, file: &File) -> Result<Summary, Failure> {
        let unreadable =
            |error: &io::Error| Failure::unreadable("the file of accounts", self.accounts, error);
        let input = File::open(self.accounts).map_err(|error| unreadable(&error))?;
        let metadata = input.metadata().map_err(|error| unreadable(&error))?;
        if metadata.is_dir() {
            return Err(unreadable(&io::ErrorKind::IsADirectory.into()));
        }
        let bar = progress::octets(metadata.len());
        let mut accounts = Accounts::new(input, self.placement.clone(), Some(self.zone.clone()))
            .map_err(|error| self.refused(&error))?;
        let mut out = Counted::new(BufWriter::with_capacity(1 << 16, file));
        let mut summary = Summary::default();
        let failed = |error: &io::Error| {
            not_written(self.output.unwrap_or(Path::new("a temporary file")), error)
        };
        out.write(&self.software.head(&self.zone))
            .map_err(|error| failed(&error))?;
        while let Some(entry) = accounts.next() {
            let entry = entry.map_err(|error| self.refused(&error))?;
            out.write(&zone_file::lines(&entry.publication))
                .map_err(|error| failed(&error))?;
            summary.note(&entry, &self.placement);
            if summary.people % STEP == 0 {
                bar.set_position(accounts.octets());
            }
        }
        bar.finish_and_clear();
        summary.octets = out.finish().map_err(|error| failed(&error))?;
        Ok(summary)
    }

    fn refused(&self, error: &AccountsError) -> Failure {
        Failure::usage(
            error.problem.code(),
            format!("{}: {error}", self.accounts.display()),
            error.problem.remedy(),
        )
    }
}

/// A writer that counts.
struct Counted<'a> {
    inner: BufWriter<&'a File>,
    octets: u64,
}

impl<'a> Counted<'a> {
    const fn new(inner: BufWriter<&'a File>) -> Self {
        Self { inner, octets: 0 }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.octets += text.len() as u64;
        self.inner.write_all(text.as_bytes())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.inner.flush()?;
        Ok(self.octets)
    }
}

/// Refuses to write the zone file over the file of accounts, by whatever name it goes.
fn distinct(accounts: &Path, output: &Path) -> Result<(), Failure> {
    let file = |path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    if file(accounts).is_none() || file(accounts) != file(output) {
        return Ok(());
    }
    Err(Failure::usage(
        "output_is_input",
        format!(
            "the zone file {} would replace the file of accounts {}",
            output.display(),
            accounts.display()
        ),
        "give another file with --output",
    ))
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::own(
        "file_not_written",
        format!(
            "the zone file cannot be written to {}: {error}",
            path.display()
        ),
        "choose another file",
    )
}

impl Summary {
    fn note(&mut self, entry: &Entry, placement: &Placement) {
        self.people += 1;
        self.records += entry.records.len() as u64;
        for advice in Advice::of(&entry.subject, &entry.records, placement) {
            if advice.is_warning() {
                self.advice.note(&advice, Some(entry.line));
            }
        }
    }

    fn said(&self) -> String {
        let number = |number: u64, noun| count(usize::try_from(number).unwrap_or(usize::MAX), noun);
        format!(
            "{} of {}",
            number(self.records, "record"),
            match self.people {
                1 => "1 person".to_owned(),
                people => format!("{people} people"),
            }
        )
    }

    fn notes(&self, said: String) -> Vec<String> {
        let mut notes = self.advice.notes();
        notes.push(said);
        notes
    }
}
