//! `sotto lookup --contacts`: a whole address book, each question at a time of its own.
//!
//! What is asked when, and what follows, is decided in `sotto_client::contacts`; here are the file, the clock, the
//! signals and the words.

mod answer;
mod dry_run;
mod read;
mod run;
mod show;
mod span;
mod state;
mod stop;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use sotto_client::contacts::{Added, Book, BookError, Cover};
use sotto_mimi::{Identifier, RecordForm};
use sotto_proof::{Question, RecordType};

use self::read::{BOOK_MAX_OCTETS, Format, Reading};
use self::state::State;
use crate::Output;
use crate::args::LookupArguments;
use crate::failure::Failure;
use crate::{clock, files, lookup, store};

/// The time that a run takes if nothing else is said. Of a book of 300 people some 400 questions leave, one in 54 seconds:
/// less than what one person who writes to people makes in a busy hour, so that a relay with one other request a second
/// hides them among fifty others each. Longer would outlast the working day of a laptop.
const WITHIN_MILLIS: u64 = 6 * 3_600_000;

/// A whole address book.
#[derive(Debug, Args)]
#[command(next_help_heading = "A whole address book")]
pub(crate) struct ContactsArguments {
    /// Look up everybody in this address book, in place of IDENTIFIER: vCard, CSV, or one identifier a line; - is standard
    /// input. Each question leaves at a random time of its own, and a domain is asked first whether it publishes anything.
    /// Run again, it goes on where it stopped. With --json: JSON Lines.
    #[arg(
        long = "contacts",
        value_name = "FILE",
        conflicts_with_all = ["identifier", "save_proof", "explain", "svg", "next"]
    )]
    pub(crate) file: Option<PathBuf>,
    /// How the book is written, if it is not taken for what it is.
    #[arg(long, requires = "file", value_name = "FORMAT")]
    format: Option<Format>,
    /// The time that the questions are spread over, as in 90m, 6h or 1d; 6h by default. The shorter, the easier they are told to belong
    /// together.
    #[arg(long, requires = "file", value_name = "TIME", value_parser = span::parse)]
    within: Option<u64>,
    /// Names that exist, one a line, to ask for at instants to spare: identifiers, or @example.com to ask a domain what
    /// it publishes. By default the domains of the book are asked again.
    #[arg(long, requires = "file", value_name = "FILE")]
    cover: Option<PathBuf>,
    /// Where to keep what was answered until all is, mode 600, in place of a file in ~/.local/state/sotto.
    #[arg(long, requires = "file", value_name = "FILE")]
    state: Option<PathBuf>,
    /// Send nothing: say what each party would learn.
    #[arg(long, requires = "file")]
    dry_run: bool,
}

/// A book as it was read.
struct Addresses {
    reading: Reading,
    book: Book,
    /// Identifiers that were there already, in whatever spelling.
    folded: usize,
    /// Numbers that are not looked up, since no phone zone is configured.
    numbers_left_out: usize,
}

/// Looks everybody up, or says what that would show.
pub(crate) fn run(arguments: &LookupArguments, path: &Path, json: bool) -> Result<Output, Failure> {
    let settings = arguments.settings.completed()?;
    let form = arguments
        .form
        .or(settings.form)
        .map_or(RecordForm::Txt, RecordForm::from);
    let zone = arguments
        .phone_zone
        .as_ref()
        .or(settings.phone_zone.as_ref());
    let zone = lookup::phone_zone(zone)?;
    let book = Book::new(form, settings.mimi_type(), zone.clone());
    let addresses = Addresses::read(book, &octets(path)?, arguments.contacts.format);
    if addresses.book.contacts().is_empty() {
        show::problems(&addresses.reading, json)?;
        return Err(Failure::usage(
            "contacts_empty",
            format!("{} holds nobody who can be looked up", named(path)),
            "give vCard, CSV with a column headed email or phone, or one identifier a line; --format says which",
        ));
    }
    let cover = match &arguments.contacts.cover {
        Some(path) => listed_cover(path, &addresses.book, zone.as_ref())?,
        None => Cover::of_book(&addresses.book),
    };
    let within = arguments.contacts.within;
    if arguments.contacts.dry_run {
        show::problems(&addresses.reading, json)?;
        let within = within.unwrap_or(WITHIN_MILLIS);
        return Ok(dry_run::output(&addresses, within, &cover, json));
    }

    let kept = store::open(&settings)?;
    let setup = settings.setup(zone, &kept)?;
    let state = State::open(
        arguments.contacts.state.as_deref(),
        path,
        &addresses.book,
        clock::now(),
    )?;
    show::problems(&addresses.reading, json)?;
    show::notes(&kept.notes);
    run::run(addresses, setup, cover, within, state, json)
}

impl Addresses {
    fn read(mut book: Book, octets: &[u8], format: Option<Format>) -> Self {
        let mut reading = read::read(octets, format);
        let (mut folded, mut numbers_left_out) = (0, 0);
        for found in std::mem::take(&mut reading.found) {
            let added = found
                .identifier
                .parse::<Identifier>()
                .map_err(BookError::Identifier)
                .and_then(|identifier| book.add(identifier, found.name.as_deref()));
            match added {
                Ok(Added::New) => {}
                Ok(Added::Folded) => folded += 1,
                Err(BookError::Identifier(sotto_mimi::IdentifierError::NoPhoneZone)) => {
                    numbers_left_out += 1;
                }
                Err(BookError::Identifier(error)) => {
                    reading.trouble(
                        error.code(),
                        found.line,
                        format!("{:?}: {error}", found.identifier),
                        error.remedy(),
                    );
                }
                Err(error @ BookError::Full) => {
                    reading.trouble("book_full", found.line, error.to_string(), "split the book");
                }
            }
        }
        if numbers_left_out > 0 {
            reading.guesses.push(format!(
                "{numbers_left_out} phone numbers are passed over: no zone that publishes numbers is configured (--phone-zone)"
            ));
        }
        reading.problems.sort_by_key(|problem| problem.line);
        Self {
            reading,
            book,
            folded,
            numbers_left_out,
        }
    }
}

/// The octets of a book.
fn octets(path: &Path) -> Result<Vec<u8>, Failure> {
    if path != Path::new("-") {
        return files::read("the address book", path, BOOK_MAX_OCTETS);
    }
    let mut octets = Vec::new();
    let most = u64::try_from(BOOK_MAX_OCTETS).unwrap_or(u64::MAX);
    io::stdin()
        .lock()
        .take(most.saturating_add(1))
        .read_to_end(&mut octets)
        .map_err(|error| Failure::unreadable("the address book", path, &error))?;
    if octets.len() > BOOK_MAX_OCTETS {
        return Err(Failure::usage(
            "file_too_large",
            format!("standard input has more than {BOOK_MAX_OCTETS} octets"),
            "check that it is the right file",
        ));
    }
    Ok(octets)
}

fn named(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// The cover questions that a file lists.
fn listed_cover(
    path: &Path,
    book: &Book,
    zone: Option<&sotto_mimi::Domain>,
) -> Result<Cover, Failure> {
    let text = files::read_text("the list of cover names", path)?;
    let mut questions = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let question = cover_question(line, book.form(), book.rtype(), zone).map_err(|why| {
            Failure::usage(
                "cover_invalid",
                format!("{}, line {}: {why}", path.display(), index + 1),
                "write an identifier that exists, or @example.com, one a line",
            )
        })?;
        questions.push(question);
    }
    if questions.is_empty() {
        return Err(Failure::usage(
            "cover_invalid",
            format!("{} lists no name", path.display()),
            "write an identifier that exists, or @example.com, one a line; or leave --cover out",
        ));
    }
    Ok(Cover::listed(questions))
}

fn cover_question(
    line: &str,
    form: RecordForm,
    rtype: RecordType,
    zone: Option<&sotto_mimi::Domain>,
) -> Result<Question, String> {
    let name = match line.strip_prefix('@') {
        Some(domain) => {
            let domain: sotto_mimi::Domain = domain
                .parse()
                .map_err(|error: sotto_mimi::DomainError| error.to_string())?;
            format!("_user._mimi.{domain}.")
        }
        None => line
            .parse::<Identifier>()
            .and_then(|identifier| identifier.owner(form, zone))
            .map_err(|error| error.to_string())?
            .as_str()
            .to_owned(),
    };
    let name = name.parse().map_err(|_| format!("{line:?} is too long"))?;
    Ok(Question { name, rtype })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str, zone: Option<&str>) -> Addresses {
        let zone = zone.map(|zone| zone.parse().unwrap());
        let book = Book::new(RecordForm::Txt, RecordType(65_400), zone);
        Addresses::read(book, text.as_bytes(), None)
    }

    #[test]
    fn what_cannot_be_looked_up_is_named_and_the_rest_is_kept() {
        let read = addresses(
            "hugh@example.com\nHUGH@example.com\nnot a mailbox@\n020 7946 0148\nmimi://a.example/u/b\n+15551234567\n",
            None,
        );
        assert_eq!(read.book.contacts().len(), 1);
        assert_eq!((read.folded, read.numbers_left_out), (1, 1));
        let problems: Vec<_> = read
            .reading
            .problems
            .iter()
            .map(|problem| (problem.line, problem.code))
            .collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert_eq!(problems[0].0, 3);
        assert_eq!(problems[1].0, 4);
        assert_eq!(problems[2].0, 5);
        assert_eq!(read.reading.guesses.len(), 1);
    }

    #[test]
    fn numbers_are_looked_up_where_a_zone_publishes_them() {
        let read = addresses("+15551234567\n", Some("phones.example"));
        assert_eq!((read.book.contacts().len(), read.numbers_left_out), (1, 0));
    }

    #[test]
    fn cover_is_an_identifier_or_a_domain() {
        let name = |line: &str| {
            cover_question(line, RecordForm::Txt, RecordType::TXT, None)
                .map(|question| question.name.to_string())
        };
        assert_eq!(name("@Example.com").unwrap(), "_user._mimi.example.com.");
        assert_eq!(
            name("alice.example.com").unwrap(),
            "_mimi.alice.example.com."
        );
        assert!(name("+15551234567").is_err());
        assert!(name("@nodots").is_err());
        assert!(name("mimi://a.example/u/b").is_err());
    }
}
