use std::collections::BTreeMap;

use super::super::book::tests::book;
use super::super::branch::Spared;
use super::*;
use crate::outcome::Absence;

const PEOPLE: &[&str] = &[
    "a@example.com",
    "b@example.com",
    "c@example.net",
    "alice.example.com",
    "+15551234567",
];

fn dice(seed: u8) -> Dice {
    Dice::new([seed; 32])
}

fn campaign(book: &Book, dice: &mut Dice) -> Campaign {
    Campaign::new(book, &[], &[], Cover::of_book(book), dice)
}

fn absent() -> Finding {
    Finding::Spared(Spared::Absent(Absence::NxDomain))
}

/// Runs over `slots` instants, with every answer in before the next; the errands, in their order.
fn run(
    book: &Book,
    campaign: &mut Campaign,
    dice: &mut Dice,
    slots: usize,
    finding: impl Fn(usize) -> Finding,
) -> Vec<Errand> {
    (0..slots)
        .map(|_| {
            let errand = campaign.next(dice);
            match &errand {
                Errand::Branch(branch) => {
                    campaign.explored(*branch, &finding(*branch));
                }
                Errand::Contact(contact) => {
                    let branch = book.contacts()[*contact].branch;
                    assert!(branch.is_none_or(|branch| finding(branch) == Finding::Open));
                    assert!(campaign.asked(*contact, Trial::Settled));
                }
                Errand::Cover(_) | Errand::Nothing => {}
            }
            errand
        })
        .collect()
}

#[test]
fn everything_is_asked_once_and_a_branch_before_its_contacts() {
    let book = book(PEOPLE);
    for seed in 0..32 {
        let mut dice = dice(seed);
        let mut campaign = campaign(&book, &mut dice);
        assert_eq!(campaign.questions(), 8);
        let errands = run(&book, &mut campaign, &mut dice, 10, |_| Finding::Open);
        assert!(campaign.is_over());
        let at = |wanted: &Errand| {
            let mut places = errands
                .iter()
                .enumerate()
                .filter(|(_, errand)| *errand == wanted);
            let (place, _) = places.next().unwrap();
            assert!(places.next().is_none(), "{wanted:?} twice");
            place
        };
        for (index, contact) in book.contacts().iter().enumerate() {
            let asked = at(&Errand::Contact(index));
            if let Some(branch) = contact.branch {
                assert!(at(&Errand::Branch(branch)) < asked);
            }
        }
        assert!(matches!(errands[8..], [Errand::Cover(_), Errand::Cover(_)]));
    }
}

#[test]
fn what_is_spared_is_never_asked_and_its_instants_carry_cover() {
    let book = book(PEOPLE);
    let mut dice = dice(40);
    let mut campaign = campaign(&book, &mut dice);
    let mut settled = Vec::new();
    let mut covers = 0;
    for _ in 0..10 {
        match campaign.next(&mut dice) {
            Errand::Branch(branch) => settled.extend(campaign.explored(branch, &absent())),
            Errand::Contact(contact) => {
                assert_eq!(contact, 3, "only the host has nothing above it");
                campaign.asked(contact, Trial::Settled);
            }
            Errand::Cover(_) => covers += 1,
            Errand::Nothing => panic!("there is cover"),
        }
    }
    settled.sort_unstable();
    assert_eq!((settled, covers), (vec![0, 1, 2, 4], 6));
    assert!(campaign.is_over());
}

/// However the branches turn out, as many envelopes leave, at the same instants.
#[test]
fn what_is_found_does_not_change_how_much_is_sent() {
    let book = book(PEOPLE);
    for open in 0..8_u8 {
        let mut dice = dice(41);
        let mut campaign = campaign(&book, &mut dice);
        let finding = |branch: usize| {
            if open & (1 << branch) == 0 {
                absent()
            } else {
                Finding::Open
            }
        };
        let errands = run(&book, &mut campaign, &mut dice, 10, finding);
        assert!(campaign.is_over());
        assert!(errands.iter().all(|errand| *errand != Errand::Nothing));
    }
}

#[test]
fn every_order_occurs() {
    let book = book(&["alice.example.com", "bob.example.com", "carol.example.com"]);
    let mut orders = BTreeMap::new();
    for seed in 0..=255 {
        let mut dice = dice(seed);
        let mut campaign = campaign(&book, &mut dice);
        let order = std::array::from_fn::<_, 3, _>(|_| match campaign.next(&mut dice) {
            Errand::Contact(contact) => contact,
            other => panic!("{other:?}"),
        });
        *orders.entry(order).or_insert(0) += 1;
        assert_eq!(
            campaign.next(&mut dice),
            Errand::Nothing,
            "no cover for hosts"
        );
    }
    assert_eq!(orders.len(), 6, "{orders:?}");
}

#[test]
fn while_a_branch_is_under_way_its_contacts_wait() {
    let book = book(&["a@example.com"]);
    let mut dice = dice(1);
    let mut campaign = campaign(&book, &mut dice);
    assert_eq!(campaign.next(&mut dice), Errand::Branch(0));
    assert!(matches!(campaign.next(&mut dice), Errand::Cover(_)));
    assert!(campaign.explored(0, &Finding::Open).is_empty());
    assert_eq!(campaign.next(&mut dice), Errand::Contact(0));
}

#[test]
fn what_failed_is_asked_again_at_spare_instants_and_not_for_ever() {
    let book = book(&["a@example.com", "alice.example.com"]);
    let mut dice = dice(2);
    let mut campaign = campaign(&book, &mut dice);
    let failed = Finding::Failed { again: true };
    let (mut branch_tries, mut host_tries, mut settled) = (0, 0, Vec::new());
    for _ in 0..16 {
        match campaign.next(&mut dice) {
            Errand::Branch(0) => {
                branch_tries += 1;
                settled.extend(campaign.explored(0, &failed));
            }
            Errand::Contact(1) => {
                host_tries += 1;
                let is_last = campaign.asked(1, Trial::Failed { again: true });
                assert_eq!(is_last, host_tries == TRIES_MAX);
            }
            Errand::Cover(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((branch_tries, host_tries), (TRIES_MAX, TRIES_MAX));
    assert_eq!(settled, [0]);
    assert!(campaign.is_over());

    // What will not get better is not asked again.
    let mut campaign = self::campaign(&book, &mut dice);
    assert_eq!(campaign.explored(0, &Finding::Failed { again: false }), [0]);
    assert!(campaign.asked(1, Trial::Failed { again: false }));
    assert!(campaign.is_over());
}

#[test]
fn a_run_that_is_resumed_asks_for_the_rest_alone() {
    let book = book(PEOPLE);
    let mut dice = dice(3);
    // One of the two at example.com and the number are known, and that example.com publishes.
    let mut campaign = Campaign::new(&book, &[0, 4], &[0], Cover::of_book(&book), &mut dice);
    assert_eq!(campaign.questions(), 4);
    assert_eq!(campaign.unsettled().collect::<Vec<_>>(), [1, 2, 3]);
    let errands = run(&book, &mut campaign, &mut dice, 4, |_| Finding::Open);
    let mut asked: Vec<_> = errands.iter().map(|errand| format!("{errand:?}")).collect();
    asked.sort_unstable();
    assert_eq!(
        asked,
        ["Branch(1)", "Contact(1)", "Contact(2)", "Contact(3)"]
    );
    assert!(campaign.is_over());
}

#[test]
fn an_index_of_another_book_counts_for_nothing() {
    let book = book(PEOPLE);
    let mut dice = dice(4);
    let mut campaign = Campaign::new(&book, &[99], &[99], Cover::of_book(&book), &mut dice);
    let questions = campaign.questions();
    for finding in [Finding::Open, absent(), Finding::Failed { again: true }] {
        assert!(campaign.explored(99, &finding).is_empty());
    }
    assert!(campaign.asked(99, Trial::Failed { again: true }));
    assert_eq!(campaign.questions(), questions);
    assert_eq!(campaign.unsettled().count(), PEOPLE.len());
}
