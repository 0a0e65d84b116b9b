//! What a run tells each party, in numbers that are known before it begins.

use super::book::Book;
use super::branch::BranchKind;
use super::schedule::slot_count;

/// What looking up a book shows, at most, if nothing is known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// People in the book, every name once.
    pub contacts: usize,
    /// Those of them that are mailboxes.
    pub mailboxes: usize,
    /// Those that are numbers.
    pub numbers: usize,
    /// Those that are hosts.
    pub hosts: usize,
    /// Domains with mailboxes in the book, each asked first.
    pub domains: usize,
    /// Those of them with one mailbox alone, whose owner may guess who is looked for.
    pub lone_domains: usize,
    /// Questions of its own that the run asks if every domain publishes something.
    pub questions_most: usize,
    /// Questions if none does, beside hosts and numbers.
    pub questions_least: usize,
    /// Requests that a relay sees: those, and cover.
    pub requests: usize,
    /// The time for all of them, milliseconds.
    pub within_millis: u64,
}

impl Exposure {
    /// What a run over `book` shows that takes `within_millis`, with `has_cover`, whether spare instants carry cover.
    #[must_use]
    pub fn of(book: &Book, within_millis: u64, has_cover: bool) -> Self {
        let count = |wanted: fn(&BranchKind) -> bool| {
            let branches = book.branches().iter();
            branches.filter(move |branch| wanted(branch.kind()))
        };
        let of_mailboxes = || count(|kind| matches!(kind, BranchKind::Mailboxes(_)));
        let mailboxes = of_mailboxes().map(|branch| branch.contacts).sum();
        let numbers = count(|kind| matches!(kind, BranchKind::Numbers(_)))
            .map(|branch| branch.contacts)
            .sum();
        let contacts = book.contacts().len();
        let questions_most = contacts + book.branches().len();
        Self {
            contacts,
            mailboxes,
            numbers,
            hosts: contacts - mailboxes - numbers,
            domains: of_mailboxes().count(),
            lone_domains: of_mailboxes().filter(|branch| branch.contacts == 1).count(),
            questions_most,
            questions_least: questions_most - mailboxes,
            requests: if has_cover {
                slot_count(questions_most)
            } else {
                questions_most
            },
            within_millis,
        }
    }

    /// Requests per second, on average.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    pub fn rate(&self) -> f64 {
        self.requests as f64 * 1_000.0 / self.within_millis.max(1) as f64
    }

    /// The part of what a gateway hears from the relay, while the run lasts, that is this run, if the relay carries
    /// `others_per_second` requests of others: what a gateway that guesses would be right about.
    #[must_use]
    pub fn share(&self, others_per_second: f64) -> f64 {
        self.rate() / (self.rate() + others_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::super::book::tests::book;
    use super::*;

    #[test]
    fn the_numbers_add_up() {
        let book = book(&[
            "a@example.com",
            "b@example.com",
            "c@example.net",
            "alice.example.com",
            "+15551234567",
        ]);
        let exposure = Exposure::of(&book, 1_000_000, true);
        let expected = Exposure {
            contacts: 5,
            mailboxes: 3,
            numbers: 1,
            hosts: 1,
            domains: 2,
            lone_domains: 1,
            questions_most: 8,
            questions_least: 5,
            requests: 10,
            within_millis: 1_000_000,
        };
        assert_eq!(exposure, expected);
        assert!((exposure.rate() - 0.01).abs() < 1e-9);
        assert!((exposure.share(0.99) - 0.01).abs() < 1e-9);
        assert_eq!(Exposure::of(&book, 0, false).requests, 8);
    }
}
