//! Zone files and files of accounts.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use indicatif::ProgressBar;
use sotto_proof::Name;
use sotto_publish::check::{AccountsCheck, ZoneCheck, ZoneOptions};
use sotto_publish::publication::DEFAULT_TTL;
use sotto_publish::{Accounts, Placement};

use super::report::{Checked, Subject};
use super::{Arguments, form, phone_zone, policy};
use crate::config::Settings;
use crate::failure::Failure;
use crate::{clock, files, progress};

/// Octets of the longest line read whole; the rest of a longer one is dropped, and the line is no record any more.
const LINE_MAX_OCTETS: usize = 1_048_576;

/// Lines between two looks at the progress bar.
const STEP: u64 = 4_096;

/// Checks a zone file.
pub(super) fn zone(
    arguments: &Arguments,
    settings: &Settings,
    path: &Path,
) -> Result<Checked, Failure> {
    const WHAT: &str = "the zone file";
    let now = clock::now();
    let anchors = files::anchors(settings.anchor(), now)?;
    let origin: Option<Name> = match &arguments.origin {
        Some(zone) => Some(zone.to_string().parse().map_err(|error| {
            Failure::usage("name_invalid", error, "write the zone as in example.com")
        })?),
        None => None,
    };
    let unreadable = |error| Failure::unreadable(WHAT, path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let bar = progress::octets(length);
    let mut check = ZoneCheck::new(ZoneOptions {
        origin,
        policy: policy(anchors.is_iana()),
        mimi_type: settings.mimi_type(),
        now,
    });
    zone_lines(&mut check, file, path, &bar).map_err(unreadable)?;
    bar.finish_and_clear();
    let report = check.finish();
    let mut checked = Checked::of_file(Subject::ZoneFile(path.to_owned()), report);
    if checked.report.is_signed == Some(false) {
        checked.notes.push(
            "the file has no signatures: clients believe its records once the zone is signed"
                .to_owned(),
        );
    }
    Ok(checked)
}

/// Gives the lines of a zone file to a check, and in their places those of the files that it includes.
fn zone_lines(
    check: &mut ZoneCheck,
    file: File,
    path: &Path,
    bar: &ProgressBar,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    let mut count = 0_u64;
    let mut octets = 0_u64;
    loop {
        let read = read_line(&mut reader, &mut line)?;
        if read == 0 {
            return Ok(());
        }
        octets += read;
        count += 1;
        if count.is_multiple_of(STEP) {
            bar.set_position(octets);
        }
        // As its author sees it, from the file in which it is named.
        let Some(wanted) = check.line(&line).map(|wanted| path.with_file_name(wanted)) else {
            continue;
        };
        match included(&wanted) {
            Ok(file) => {
                check.enter();
                zone_lines(check, file, &wanted, &ProgressBar::hidden())?;
                check.leave();
            }
            Err(error) => check.refuse(&format!("cannot be read ({error})")),
        }
    }
}

/// Opens an included file, if it is one: a device might never end.
fn included(path: &Path) -> std::io::Result<File> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    File::open(path)
}

/// Reads a line into `line`, no more of it than [`LINE_MAX_OCTETS`], and gives the octets that it has.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<u64> {
    line.clear();
    let mut octets = 0;
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(octets);
        }
        let end = available.iter().position(|octet| *octet == b'\n');
        let taken = end.map_or(available.len(), |end| end + 1);
        let room = LINE_MAX_OCTETS.saturating_sub(line.len());
        line.extend_from_slice(&available[..taken.min(room)]);
        reader.consume(taken);
        octets += taken as u64;
        if end.is_some() {
            return Ok(octets);
        }
    }
}

/// Checks a file of accounts.
pub(super) fn accounts(
    arguments: &Arguments,
    settings: &Settings,
    path: &Path,
) -> Result<Checked, Failure> {
    const WHAT: &str = "the file of accounts";
    let anchors = files::anchors(settings.anchor(), clock::now())?;
    let placement = Placement {
        form: form(arguments, settings),
        mimi_type: settings.mimi_type().0,
        ttl: DEFAULT_TTL,
        phone_zone: phone_zone(arguments, settings)?,
    };
    let unreadable = |error| Failure::unreadable(WHAT, path, &error);
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let bar = progress::octets(length);
    let mut check = AccountsCheck::new(policy(anchors.is_iana()));
    match Accounts::new(file, placement, arguments.origin.clone()) {
        Err(error) => check.take(&Err(error)),
        Ok(mut accounts) => {
            let mut count = 0_u64;
            while let Some(entry) = accounts.next() {
                check.take(&entry);
                if entry.is_err() {
                    accounts.go_on();
                }
                count += 1;
                if count.is_multiple_of(STEP) {
                    bar.set_position(accounts.octets());
                }
            }
        }
    }
    bar.finish_and_clear();
    Ok(Checked::of_file(
        Subject::Accounts(path.to_owned()),
        check.finish(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_unless_they_are_too_long() {
        let long = "x".repeat(LINE_MAX_OCTETS + 10);
        let text = format!("a\n\n{long}\nb");
        let mut reader = BufReader::with_capacity(7, text.as_bytes());
        let mut line = Vec::new();
        let mut lines = Vec::new();
        loop {
            let octets = read_line(&mut reader, &mut line).unwrap();
            if octets == 0 {
                break;
            }
            lines.push((octets, line.len()));
        }
        let octets = long.len() as u64 + 1;
        assert_eq!(lines, [(2, 2), (1, 1), (octets, LINE_MAX_OCTETS), (1, 1)]);
    }
}
