//! Exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Found; or proved, whatever it is, for `verify`.
    Done = 0,
    /// Something failed on this machine.
    OwnFault = 1,
    /// A flag, argument, configuration or file that cannot be used.
    Usage = 2,
    /// Proved absence.
    NoRecord = 3,
    /// A proved refusal.
    OptedOut = 4,
    /// Proved, but nothing usable in it.
    Invalid = 5,
    /// Provably unsigned, or unprovable.
    Insecure = 6,
    /// Somebody lied or broke the chain.
    Bogus = 7,
    /// No answer could be had.
    Unavailable = 8,
    /// A check found warnings, and no errors.
    Warnings = 9,
    /// A check found errors.
    Errors = 10,
    /// A run over an address book was stopped before its end.
    Stopped = 11,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
