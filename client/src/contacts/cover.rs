//! Questions that fill an instant for which nothing is left to ask.

use sotto_proof::Question;

use super::book::Book;
use super::dice::Dice;

/// Where cover questions come from: names that exist, each with a weight.
#[derive(Clone, Debug, Default)]
pub struct Cover {
    /// Each question with the sum of the weights up to it.
    questions: Vec<(Question, u64)>,
}

impl Cover {
    /// What `book` asks anyway: its branches, each as often as it has contacts there. A book of hosts alone has none.
    #[must_use]
    pub fn of_book(book: &Book) -> Self {
        let branches = book.branches().iter();
        Self::weighted(branches.map(|branch| (branch.question().clone(), branch.contacts)))
    }

    /// What the caller lists, each as often as it is listed.
    #[must_use]
    pub fn listed(questions: impl IntoIterator<Item = Question>) -> Self {
        Self::weighted(questions.into_iter().map(|question| (question, 1)))
    }

    fn weighted(questions: impl Iterator<Item = (Question, usize)>) -> Self {
        let mut total = 0_u64;
        let questions = questions
            .map(|(question, weight)| {
                total = total.saturating_add(u64::try_from(weight).unwrap_or(u64::MAX));
                (question, total)
            })
            .collect();
        Self { questions }
    }

    /// Whether there is nothing to draw from, so that instants to spare stay empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    pub(super) fn draw(&self, dice: &mut Dice) -> Option<&Question> {
        let (_, total) = self.questions.last()?;
        let drawn = dice.below(*total);
        let at = self
            .questions
            .partition_point(|(_, through)| *through <= drawn);
        self.questions.get(at).map(|(question, _)| question)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::book::tests::book;
    use super::*;

    #[test]
    fn cover_is_drawn_by_weight_from_what_is_asked_anyway() {
        let book = book(&[
            "a@example.com",
            "b@example.com",
            "c@example.com",
            "d@example.net",
        ]);
        let cover = Cover::of_book(&book);
        let mut dice = Dice::new([6; 32]);
        let mut counts = BTreeMap::new();
        for _ in 0..4_000 {
            let question = cover.draw(&mut dice).unwrap();
            *counts.entry(question.name.to_string()).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 2);
        assert!(
            (2_880..3_120).contains(&counts["_user._mimi.example.com."]),
            "{counts:?}"
        );
    }

    #[test]
    fn a_list_takes_the_place_of_the_book() {
        let question = |name: &str| Question {
            name: name.parse().unwrap(),
            rtype: sotto_proof::RecordType::TXT,
        };
        let cover = Cover::listed([question("_mimi.a.example."), question("_mimi.b.example.")]);
        let mut dice = Dice::new([6; 32]);
        let drawn: std::collections::BTreeSet<_> = (0..64)
            .map(|_| cover.draw(&mut dice).unwrap().name.to_string())
            .collect();
        assert_eq!(drawn.len(), 2);
    }

    #[test]
    fn there_may_be_no_cover() {
        let cover = Cover::of_book(&book(&["alice.example.com"]));
        assert!(cover.is_empty());
        assert!(cover.draw(&mut Dice::new([0; 32])).is_none());
    }
}
