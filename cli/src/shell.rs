//! `sotto completions` and `sotto man`: what shells and manuals want, from the one definition of commands and flags.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use serde::Serialize;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{Output, files, json};

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// The page of this command, as in: record new. That of sotto itself without.
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Vec<String>,
    /// Write every page into this folder.
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
}

/// Prints what completes the command in a shell.
pub(crate) fn completions(arguments: &CompletionsArguments, json: bool) -> Output {
    #[derive(Serialize)]
    struct Body<'a> {
        shell: String,
        script: &'a str,
    }
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        env!("CARGO_BIN_NAME"),
        &mut script,
    );
    let script = String::from_utf8_lossy(&script);
    let text = if json {
        json::print(&Body {
            shell: arguments.shell.to_string(),
            script: &script,
        })
    } else {
        script.into_owned()
    };
    done(text)
}

/// Prints a page of the manual, or writes all.
pub(crate) fn manual(arguments: &ManArguments, json: bool) -> Result<Output, Failure> {
    #[derive(Serialize)]
    struct Body {
        pages: Vec<Page>,
    }
    let mut root = Arguments::command().disable_help_subcommand(true);
    root.build();
    let pages = match &arguments.directory {
        None => vec![Page::of(find(&root, &arguments.command)?)],
        Some(_) => Page::of_all(&root),
    };
    if let Some(folder) = &arguments.directory {
        write(&pages, folder)?;
    }
    let text = match &arguments.directory {
        _ if json => json::print(&Body { pages }),
        None => pages.into_iter().map(|page| page.roff).collect(),
        Some(_) => String::new(),
    };
    Ok(done(text))
}

/// One page of the manual.
#[derive(Serialize)]
struct Page {
    /// The name of its file: the command with hyphens, and the section.
    file: String,
    roff: String,
}

impl Page {
    fn of(command: &Command) -> Self {
        let man = Man::new(command.clone()).manual("Sotto");
        let mut roff = Vec::new();
        man.render(&mut roff)
            .unwrap_or_else(|_: io::Error| unreachable!("a Vec takes everything"));
        Self {
            file: man.get_filename(),
            roff: String::from_utf8_lossy(&roff).into_owned(),
        }
    }

    /// The page of a command, and of all below it.
    fn of_all(command: &Command) -> Vec<Self> {
        let below = command.get_subcommands().flat_map(Self::of_all);
        std::iter::once(Self::of(command)).chain(below).collect()
    }
}

fn find<'a>(root: &'a Command, words: &[String]) -> Result<&'a Command, Failure> {
    words.iter().try_fold(root, |command, word| {
        command.find_subcommand(word).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            Failure::usage(
                "usage",
                format!("{} has no command {word:?}", command.get_name()),
                match known.as_slice() {
                    [] => format!("leave {word:?} out"),
                    known => format!("name one of: {}", known.join(", ")),
                },
            )
        })
    })
}

fn write(pages: &[Page], folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| {
        Failure::own(
            "file_not_written",
            format!("the folder {} cannot be made: {error}", folder.display()),
            "choose another folder",
        )
    })?;
    for page in pages {
        files::write("the page", &folder.join(&page.file), page.roff.as_bytes())?;
    }
    Ok(())
}

fn done(text: String) -> Output {
    Output {
        text,
        notes: Vec::new(),
        exit: Exit::Done,
    }
}
