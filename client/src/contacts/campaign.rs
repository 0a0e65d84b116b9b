//! Which question takes which instant, and what follows from each answer.

use std::collections::VecDeque;

use sotto_proof::Question;

use super::book::Book;
use super::branch::Finding;
use super::cover::Cover;
use super::dice::Dice;

/// How often a question is asked at most: again only at an instant that would carry cover otherwise.
pub const TRIES_MAX: u8 = 3;

/// What to send at one instant, in an envelope of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Ask about the branch of this index, and report by [`Campaign::explored`].
    Branch(usize),
    /// Look up the contact of this index, and report by [`Campaign::asked`].
    Contact(usize),
    /// Ask this, without what was stored of it, and throw the answer away.
    Cover(Question),
    /// Send nothing: there is nothing to ask, and no cover to draw from.
    Nothing,
}

/// What came of asking for a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// An outcome that stands.
    Settled,
    /// No answer; `again`, whether asking again may help.
    Failed {
        /// Whether asking again may help.
        again: bool,
    },
}

/// What is known of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Unknown,
    Open,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Branch(usize),
    Contact(usize),
}

/// The questions of a book on their way out.
///
/// It decides what leaves at an instant, never when one is: the instants come from a
/// [`Schedule`](super::Schedule), which knows nothing of this.
#[derive(Debug)]
pub struct Campaign {
    /// What is to be asked, in the order of the draw; what was asked in vain is behind all else.
    waiting: VecDeque<Task>,
    /// The branch of each contact.
    branches: Vec<Option<usize>>,
    is_settled: Vec<bool>,
    progress: Vec<Progress>,
    contact_tries: Vec<u8>,
    branch_tries: Vec<u8>,
    cover: Cover,
}

impl Campaign {
    /// Draws an order for everything in `book` that is not in `settled`, by index, and for the branches that these need and
    /// that are not known to be open. An index that is none of the book's counts for nothing, here and below.
    #[must_use]
    pub fn new(
        book: &Book,
        settled: &[usize],
        open: &[usize],
        cover: Cover,
        dice: &mut Dice,
    ) -> Self {
        let contacts = book.contacts();
        let mut is_settled = vec![false; contacts.len()];
        for &contact in settled {
            if let Some(is_settled) = is_settled.get_mut(contact) {
                *is_settled = true;
            }
        }
        let mut progress = vec![Progress::Closed; book.branches().len()];
        for (contact, is_settled) in contacts.iter().zip(&is_settled) {
            if let (Some(branch), false) = (contact.branch, is_settled) {
                progress[branch] = Progress::Unknown;
            }
        }
        for &branch in open {
            if let Some(progress) = progress.get_mut(branch) {
                *progress = Progress::Open;
            }
        }
        let branches = progress
            .iter()
            .enumerate()
            .filter(|(_, progress)| **progress == Progress::Unknown)
            .map(|(branch, _)| Task::Branch(branch));
        let people = is_settled
            .iter()
            .enumerate()
            .filter(|(_, is_settled)| !**is_settled)
            .map(|(contact, _)| Task::Contact(contact));
        let mut tasks: Vec<_> = branches.chain(people).collect();
        dice.shuffle(&mut tasks);
        Self {
            waiting: tasks.into(),
            branches: contacts.iter().map(|contact| contact.branch).collect(),
            contact_tries: vec![0; contacts.len()],
            branch_tries: vec![0; progress.len()],
            is_settled,
            progress,
            cover,
        }
    }

    /// How many questions wait to be asked, for the first time or again: all of them before the first [`Campaign::next`].
    #[must_use]
    pub fn questions(&self) -> usize {
        self.waiting.len()
    }

    /// What leaves at this instant: the first question of the drawn order that may be asked yet, or cover.
    pub fn next(&mut self, dice: &mut Dice) -> Errand {
        let ready = self.waiting.iter().position(|task| match task {
            Task::Branch(_) => true,
            Task::Contact(contact) => {
                self.branches[*contact].is_none_or(|branch| self.progress[branch] == Progress::Open)
            }
        });
        match ready.and_then(|at| self.waiting.remove(at)) {
            Some(Task::Branch(branch)) => {
                self.branch_tries[branch] += 1;
                Errand::Branch(branch)
            }
            Some(Task::Contact(contact)) => {
                self.contact_tries[contact] += 1;
                Errand::Contact(contact)
            }
            None => match self.cover.draw(dice) {
                Some(question) => Errand::Cover(question.clone()),
                None => Errand::Nothing,
            },
        }
    }

    /// Takes in what was found out about a branch, and returns the contacts that are thereby settled: spared, or failed
    /// with it.
    pub fn explored(&mut self, branch: usize, finding: &Finding) -> Vec<usize> {
        let (Some(progress), Some(tries)) =
            (self.progress.get_mut(branch), self.branch_tries.get(branch))
        else {
            return Vec::new();
        };
        match finding {
            Finding::Open => {
                *progress = Progress::Open;
                return Vec::new();
            }
            Finding::Failed { again: true } if *tries < TRIES_MAX => {
                self.waiting.push_back(Task::Branch(branch));
                return Vec::new();
            }
            Finding::Failed { .. } | Finding::Spared(_) => *progress = Progress::Closed,
        }
        let settled: Vec<_> = self
            .branches
            .iter()
            .zip(&self.is_settled)
            .enumerate()
            .filter(|(_, (of, is_settled))| **of == Some(branch) && !**is_settled)
            .map(|(contact, _)| contact)
            .collect();
        for &contact in &settled {
            self.is_settled[contact] = true;
        }
        let is_settled = &self.is_settled;
        self.waiting
            .retain(|task| !matches!(task, Task::Contact(contact) if is_settled[*contact]));
        settled
    }

    /// Takes in what came of asking for a contact, and returns whether that is the last word.
    pub fn asked(&mut self, contact: usize, trial: Trial) -> bool {
        let (Some(is_settled), Some(tries)) = (
            self.is_settled.get_mut(contact),
            self.contact_tries.get(contact),
        ) else {
            return true;
        };
        if trial == (Trial::Failed { again: true }) && *tries < TRIES_MAX {
            self.waiting.push_back(Task::Contact(contact));
            return false;
        }
        *is_settled = true;
        true
    }

    /// Whether everybody is settled.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_settled.iter().all(|is_settled| *is_settled)
    }

    /// Everybody who is not settled, by index.
    pub fn unsettled(&self) -> impl Iterator<Item = usize> {
        self.is_settled
            .iter()
            .enumerate()
            .filter(|(_, is_settled)| !**is_settled)
            .map(|(contact, _)| contact)
    }
}

#[cfg(test)]
#[path = "campaign/tests.rs"]
mod tests;
