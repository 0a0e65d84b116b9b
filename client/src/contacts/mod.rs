//! A whole address book, looked up so that nobody recognises it as one.
//!
//! A burst of lookups is linkable: whoever sees fifty names arrive within a second knows that they stand in one
//! address book, and an address book is as good as a name. So
//!
//! - every question leaves at an instant of its own, uniform over hours and independent of all others ([`Schedule`]);
//! - the instants are drawn, and their number rounded up to one of a few, before anything is asked: neither what is
//!   found nor what is left out changes when and how often a relay hears of the client ([`slot_count`]);
//! - an instant for which nothing is left to ask carries a cover question ([`Cover`]);
//! - which question takes which instant is drawn too, and no envelope holds two ([`Campaign`]);
//! - a domain is asked first whether it publishes anything of its mailboxes, and if it is proved not to, or to be
//!   unsigned, their names stay at home ([`Branch`], [`Finding`]).
//!
//! What that leaves to each party, in numbers: [`Exposure`].
//!
//! # Where cover comes from
//!
//! A cover question must be one that somebody would ask. A made-up mailbox is not: nobody else asks for its hash, so it
//! betrays itself as soon as the same answer does not interest anybody twice, and a domain that never asked for it bears the
//! load. Nor is a mailbox that exists: it would show a stranger as somebody's acquaintance. And a list built into this
//! library would mark those who use it. So cover asks what the book asks anyway, domains before all, each as often as the
//! book has people there, which is nearly always a large provider's; or what the caller lists.
//!
//! # Limitations
//!
//! - Cover blurs how many people a book holds and when each was asked for. It does not hide a domain that is asked once.
//! - Questions about one rare domain belong together, however far apart they are.
//! - The gateway knows which relay asks. Where a relay carries next to nothing else, pacing buys little: see
//!   [`Exposure::share`].
//!
//! Architecture Invariant: nothing here reads a clock, draws randomness, or sends. Time and a seed are arguments.

mod book;
mod branch;
mod campaign;
mod cover;
mod dice;
mod exposure;
mod schedule;

pub use book::{Added, Book, BookError, CONTACTS_MAX, Contact};
pub use branch::{Branch, BranchKind, Finding, Spared};
pub use campaign::{Campaign, Errand, TRIES_MAX, Trial};
pub use cover::Cover;
pub use dice::Dice;
pub use exposure::Exposure;
pub use schedule::{Due, LATE_MILLIS, Schedule, slot_count};
