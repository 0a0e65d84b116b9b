//! The `sotto` command as a process.

mod explain;
mod explanation;
mod home;
mod lookup;
mod record_check;
mod record_json;
mod record_new;
mod record_publish;
mod shell;
mod store;
mod verify;
