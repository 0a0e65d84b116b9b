//! What the command keeps between runs, and `sotto store`: what that is, and how to be rid of it.

mod show;

use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sotto_client::{SetupBuilder, Store, StoreError};
use sotto_mimi::TieBreak;

use crate::config::{self, Settings};
use crate::failure::Failure;
use crate::{Output, clock};

/// How to do without.
const WITHOUT: &str = "--no-store does without";

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Say what is kept: every answer by name, and how much else.
    Show(StoreArguments),
    /// Forget whom you asked for: the answers, and how new they were. The secret that orders equally preferred services stays.
    Clear(ClearArguments),
}

/// Which store.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    /// The store, in place of ~/.local/state/sotto/store.
    #[arg(long, env = "SOTTO_STORE", hide_env_values = true, value_name = "FILE")]
    store: Option<PathBuf>,
    /// The configuration file, in place of ~/.config/sotto/config.toml.
    #[arg(
        long,
        env = "SOTTO_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ClearArguments {
    /// Forget the answers alone, and go on refusing what is older than they were.
    #[arg(long)]
    answers: bool,
    #[command(flatten)]
    which: StoreArguments,
}

/// What is kept for the lookups of this run.
#[derive(Debug)]
pub(crate) struct Kept {
    store: Option<Store>,
    ask_anew: bool,
    /// What is to be said of it.
    pub(crate) notes: Vec<String>,
}

impl Kept {
    /// Nothing: equally preferred services come in everybody's order, and nothing is remembered.
    pub(crate) const fn nothing() -> Self {
        Self {
            store: None,
            ask_anew: false,
            notes: Vec::new(),
        }
    }

    /// The same, but nothing is answered from it: for whoever wants to know what the DNS says now.
    pub(crate) fn asking_anew(self) -> Self {
        Self {
            ask_anew: true,
            ..self
        }
    }

    /// Hands it to the client.
    pub(crate) fn given_to(&self, builder: SetupBuilder) -> SetupBuilder {
        match &self.store {
            Some(store) => builder.store(store.clone()).ask_anew(self.ask_anew),
            None => builder.tie_break(TieBreak::new([0; 16])),
        }
    }
}

/// Opens what these settings keep, making it on the first run.
///
/// # Errors
///
/// If the file cannot be trusted or used. Where nobody named one, and it is the system, a full disk or another process that
/// stands in the way, there is a note instead: a lookup needs none.
pub(crate) fn open(settings: &Settings) -> Result<Kept, Failure> {
    let unnamed = settings.store().is_none();
    let nothing = |why: &dyn std::fmt::Display| Kept {
        notes: vec![format!(
            "note: nothing is kept ({why}): every answer is asked for anew, an older one is not noticed, and equally \
             preferred services come in everybody's order"
        )],
        ..Kept::nothing()
    };
    if settings.keeps_nothing() {
        return Ok(Kept::nothing());
    }
    let Some(path) = path(settings) else {
        return Ok(nothing(&"there is no home folder"));
    };
    let opened = if unnamed {
        open_usual(&path)
    } else {
        Store::open(&path)
    };
    match opened {
        Ok(store) => Ok(Kept {
            store: Some(store),
            ask_anew: settings.asks_anew(),
            notes: Vec::new(),
        }),
        Err(error) if unnamed && is_of_this_machine(&error) => Ok(nothing(&error)),
        Err(error) => Err(failure(&error, true)),
    }
}

/// Whether the machine keeps a store from being used, and not what stands in the file: that somebody has to look at.
const fn is_of_this_machine(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Io { .. }
            | StoreError::Busy { .. }
            | StoreError::Full { .. }
            | StoreError::Random { .. }
    )
}

/// `sotto store`.
pub(crate) fn run(command: &StoreCommand, json: bool) -> Result<Output, Failure> {
    let which = match command {
        StoreCommand::Show(which) => which,
        StoreCommand::Clear(arguments) => &arguments.which,
    };
    let settings = Settings::of_store(which.store.clone(), which.config.clone()).completed()?;
    let path = path(&settings).ok_or_else(|| {
        Failure::usage(
            "store_nowhere",
            "there is no home folder, so no store",
            "name the store with --store FILE",
        )
    })?;
    // To look is not to make.
    let store = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        _ => Some(Store::open(&path).map_err(|error| failure(&error, false))?),
    };
    match command {
        StoreCommand::Show(_) => Ok(show::output(&path, store.as_ref(), clock::now(), json)),
        StoreCommand::Clear(arguments) => {
            let before = store.as_ref().map(Store::contents).unwrap_or_default();
            if let Some(store) = &store {
                store
                    .forget(!arguments.answers)
                    .map_err(|error| failure(&error, false))?;
            }
            let after = store.as_ref().map(Store::contents).unwrap_or_default();
            Ok(show::cleared(&path, &before, &after, json))
        }
    }
}

/// Where the store is: as named, else `$XDG_STATE_HOME/sotto/store`.
fn path(settings: &Settings) -> Option<PathBuf> {
    match settings.store() {
        Some(path) => Some(path.to_owned()),
        None => Some(
            config::folder("XDG_STATE_HOME", ".local/state")?
                .join("sotto")
                .join("store"),
        ),
    }
}

/// Opens the usual store. One that is new takes over the secret that an earlier version kept in a file of its own.
fn open_usual(path: &Path) -> Result<Store, StoreError> {
    let earlier = path.with_file_name("tie-break");
    let secret = secret(&earlier);
    let store = Store::open_or_begin(path, secret)?;
    if secret.is_some() {
        // If it stays, it is not looked at again: the store has a secret now.
        let _ = fs::remove_file(&earlier);
    }
    Ok(store)
}

fn secret(path: &Path) -> Option<[u8; 16]> {
    let text = fs::read_to_string(path).ok()?;
    let mut secret = [0; 16];
    hex::decode_to_slice(text.trim_end(), &mut secret).ok()?;
    Some(secret)
}

fn failure(error: &StoreError, may_do_without: bool) -> Failure {
    let remedy = match may_do_without {
        true => format!("{}; {WITHOUT}", error.remedy()),
        false => error.remedy().to_owned(),
    };
    match error {
        StoreError::Busy { .. } | StoreError::Full { .. } | StoreError::Random { .. } => {
            Failure::own(error.code(), error, remedy)
        }
        _ => Failure::usage(error.code(), error, remedy),
    }
}

/// Makes a folder that its owner alone may open.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_does_stops_no_lookup_and_what_stands_in_the_file_does() {
        let path = PathBuf::from("store");
        let of_the_machine = [
            StoreError::Io {
                path: path.clone(),
                source: io::Error::other("disk"),
            },
            StoreError::Busy { path: path.clone() },
            StoreError::Full { path: path.clone() },
        ];
        assert!(of_the_machine.iter().all(is_of_this_machine));
        let of_the_file = [
            StoreError::NotAStore { path: path.clone() },
            StoreError::Loose {
                path: path.clone(),
                mode: 0o644,
            },
            StoreError::Newer {
                path: path.clone(),
                found: 9,
            },
            StoreError::Damaged {
                path,
                why: String::new(),
            },
        ];
        assert!(!of_the_file.iter().any(is_of_this_machine));
    }
}
