//! The `sotto` command as a process.

mod home;
mod lookup;
mod verify;
