//! The `sotto` command as a process.

mod explain;
mod home;
mod lookup;
mod verify;
