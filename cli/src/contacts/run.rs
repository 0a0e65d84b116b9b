//! A run: questions out at their instants, answers in, each on disk before it is told.

use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;
use sotto_client::contacts::{
    Book, Campaign, Cover, Dice, Due, Errand, Finding, Schedule, Spared, Trial, slot_count,
};
use sotto_client::{Client, Fault, Outcome, Report, Retry, Setup};
use tokio::task::JoinSet;

use super::answer::Answer;
use super::show::{self, Tally};
use super::state::{Pace, State};
use super::stop::Stop;
use super::{Addresses, WITHIN_MILLIS, span};
use crate::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{clock, json, lookup, progress};

/// Questions under way at a time. With hours between thousands there are one or two; it bounds memory if somebody gives
/// seconds.
const UNDER_WAY_MAX: usize = 64;

/// The least time between two comparisons of keys, of which one a day is due.
const COMPARISON_PAUSE: Duration = Duration::from_secs(60);

/// Milliseconds between two questions below which a person is told that it is a burst: a relay of a few thousand people
/// carries about one question a second.
const BURST_MILLIS: u64 = 1_000;

/// How a run ended.
#[derive(Debug)]
enum End {
    /// Every instant is over.
    Over,
    /// The person stopped it.
    Stopped,
    /// It cannot go on.
    Failed(Failure),
}

/// Looks up everybody of a book who is not answered in `state`.
pub(super) fn run(
    addresses: Addresses,
    setup: Setup,
    cover: Cover,
    within: Option<u64>,
    mut state: State,
    json: bool,
) -> Result<Output, Failure> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| {
        Failure::own(
            "no_randomness",
            "the system gives no random octets",
            "report it as a defect of this machine",
        )
    })?;
    let mut dice = Dice::new(seed);
    let (client, runtime) = lookup::asynchronous(setup)?;
    // From here on nobody is cut off in the middle.
    let stop = {
        let _inside = runtime.enter();
        Stop::new()?
    };
    let book = addresses.book;

    let mut answers = vec![None; book.contacts().len()];
    for (contact, answer) in state.answers.drain() {
        answers[contact] = Some(answer);
    }
    let settled: Vec<_> = (0..answers.len())
        .filter(|&at| answers[at].is_some())
        .collect();
    let campaign = Campaign::new(&book, &settled, &state.open, cover, &mut dice);
    let pace = pace(&campaign, within, state.pace);
    let now = clock::millis();
    let schedule = Schedule::draw(pace.slots, pace.within_millis, now, &mut dice);
    state.begin(pace, now / 1_000)?;

    let mut run = Run {
        resumed: settled.len(),
        bar: progress::questions(u64::try_from(pace.slots).unwrap_or(u64::MAX)),
        book,
        client,
        campaign,
        schedule,
        dice,
        state,
        answers,
        tally: Tally::default(),
        has_extended: false,
        json,
    };
    run.announce(pace, addresses.folded, addresses.numbers_left_out)?;
    let end = runtime.block_on(async {
        let comparing = tokio::spawn(compare_keys(run.client.clone()));
        let end = run.drive(stop).await;
        comparing.abort();
        end
    });
    run.bar.finish_and_clear();
    run.conclude(end)
}

/// How many instants there are, and over which time. A run that is resumed keeps the pace it had, unless told another; but a
/// book that has grown since takes no longer than a run that begins, or than the one that was begun.
fn pace(campaign: &Campaign, within: Option<u64>, before: Option<Pace>) -> Pace {
    let slots = slot_count(campaign.questions());
    let within_millis = match (within, before) {
        (Some(within), _) => within,
        (None, Some(before)) => Schedule::share(before.within_millis, slots, before.slots)
            .min(before.within_millis.max(WITHIN_MILLIS)),
        (None, None) => WITHIN_MILLIS,
    };
    Pace {
        within_millis,
        slots,
    }
}

/// A run under way.
struct Run {
    book: Book,
    client: Client,
    campaign: Campaign,
    schedule: Schedule,
    dice: Dice,
    state: State,
    /// Of everybody, as far as they are answered.
    answers: Vec<Option<Answer>>,
    /// How many were when the run began.
    resumed: usize,
    tally: Tally,
    has_extended: bool,
    bar: ProgressBar,
    json: bool,
}

/// A question that came back.
type Returned = (Errand, Report);

impl Run {
    /// Says what will happen, and repeats what is known.
    fn announce(&self, pace: Pace, folded: usize, numbers_left_out: usize) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Body {
            run: Detail,
        }
        #[derive(Serialize)]
        struct Detail {
            people: usize,
            folded: usize,
            numbers_left_out: usize,
            resumed: usize,
            questions: usize,
            requests: usize,
            within_seconds: u64,
            state: String,
        }
        let state = self.state.path().display().to_string();
        if self.json {
            show::print(&json::print(&Body {
                run: Detail {
                    people: self.answers.len(),
                    folded,
                    numbers_left_out,
                    resumed: self.resumed,
                    questions: self.campaign.questions(),
                    requests: pace.slots,
                    within_seconds: pace.within_millis / 1_000,
                    state,
                },
            }))?;
            for (contact, answer) in self.book.contacts().iter().zip(&self.answers) {
                if let Some(answer) = answer {
                    show::print(&show::contact(contact, answer, true))?;
                }
            }
            return Ok(());
        }
        let mut lines = Vec::new();
        if self.resumed > 0 {
            lines.push(format!(
                "note: {} of {} people are answered already; this goes on with the rest",
                self.resumed,
                self.answers.len()
            ));
        }
        if pace.slots > 0 {
            lines.push(format!(
                "note: at most {} questions leave over {}; Ctrl-C stops, and the same command goes on (kept until then: {state})",
                pace.slots,
                span::words(pace.within_millis)
            ));
        }
        if u64::try_from(pace.slots).unwrap_or(u64::MAX) > pace.within_millis / BURST_MILLIS {
            lines.push(
                "note: that is more than one a second, a burst that is easily told to be one address book; give it more time with --within"
                    .to_owned(),
            );
        }
        show::notes(&lines);
        Ok(())
    }

    /// Sends at every instant, until none is left and everything is back.
    async fn drive(&mut self, mut stop: Stop) -> End {
        let mut under_way: JoinSet<Returned> = JoinSet::new();
        loop {
            let mut pause = None;
            if under_way.len() < UNDER_WAY_MAX {
                match self.schedule.due(clock::millis(), &mut self.dice) {
                    Due::Now => {
                        self.send(&mut under_way);
                        continue;
                    }
                    Due::At(next) => pause = Some(next.saturating_sub(clock::millis())),
                    Due::Never if !under_way.is_empty() => {}
                    Due::Never if self.extend() => continue,
                    Due::Never => return End::Over,
                }
            }
            self.show_progress();
            tokio::select! {
                () = stop.asked() => return self.settle(under_way, stop).await,
                returned = under_way.join_next(), if !under_way.is_empty() => {
                    if let Some(Err(failure)) = returned.map(|returned| self.take(returned)) {
                        return End::Failed(failure);
                    }
                }
                () = tokio::time::sleep(Duration::from_millis(pause.unwrap_or(u64::MAX / 2))), if pause.is_some() => {}
            }
        }
    }

    /// Draws some instants more, once, if somebody waits whose domain answered only after the last.
    fn extend(&mut self) -> bool {
        let slots = slot_count(self.campaign.questions());
        if slots == 0 || self.has_extended {
            return false;
        }
        self.has_extended = true;
        self.bar
            .inc_length(u64::try_from(slots).unwrap_or(u64::MAX));
        self.schedule.extend(slots, clock::millis(), &mut self.dice);
        true
    }

    /// Waits for what is under way, so that no answer is asked for twice; asked to stop again, for nothing.
    async fn settle(&mut self, mut under_way: JoinSet<Returned>, mut stop: Stop) -> End {
        while !under_way.is_empty() {
            tokio::select! {
                () = stop.asked() => break,
                returned = under_way.join_next() => {
                    if let Some(Err(failure)) = returned.map(|returned| self.take(returned)) {
                        return End::Failed(failure);
                    }
                }
            }
        }
        End::Stopped
    }

    /// Uses one instant.
    fn send(&mut self, under_way: &mut JoinSet<Returned>) {
        let errand = self.campaign.next(&mut self.dice);
        self.bar.inc(1);
        let client = self.client.clone();
        let form = self.book.form();
        match &errand {
            Errand::Nothing => {}
            Errand::Contact(contact) => {
                let identifier = self.book.contacts()[*contact].identifier.clone();
                under_way.spawn(async move { (errand, client.lookup(identifier, form).await) });
            }
            Errand::Branch(branch) => {
                let question = self.book.branches()[*branch].question().clone();
                under_way.spawn(async move { (errand, client.query(question).await) });
            }
            Errand::Cover(question) => {
                let (client, question) = (client.asking_anew(), question.clone());
                under_way.spawn(async move { (errand, client.query(question).await) });
            }
        }
    }

    /// Takes in what came back: to disk first, then to whoever waits.
    fn take(&mut self, returned: Result<Returned, tokio::task::JoinError>) -> Result<(), Failure> {
        let (errand, report) = returned.map_err(|error| {
            Failure::own(
                "client_failed",
                error,
                "report it as a defect of this software",
            )
        })?;
        let was_sent = !report.learnt.is_empty();
        self.tally.sent += usize::from(was_sent);
        self.tally.from_store += usize::from(report.from_store.is_some());
        match errand {
            Errand::Contact(contact) => {
                refuse_if_all_fail(&report)?;
                if self.campaign.asked(contact, trial(&report.outcome)) {
                    let identifier = &self.book.contacts()[contact].identifier;
                    let answer = Answer::new(&report, identifier, true);
                    self.keep(contact, answer)?;
                }
            }
            Errand::Branch(branch) => {
                refuse_if_all_fail(&report)?;
                self.explored(branch, &report)?;
            }
            Errand::Cover(_) => self.tally.cover += usize::from(was_sent),
            Errand::Nothing => {}
        }
        Ok(())
    }

    fn explored(&mut self, branch: usize, report: &Report) -> Result<(), Failure> {
        let finding = Finding::of(&self.book.branches()[branch], report);
        let settled = self.campaign.explored(branch, &finding);
        let branches = &mut self.tally.branches;
        match &finding {
            Finding::Open => {
                branches.open += 1;
                let name = self.book.branches()[branch].question().name.to_string();
                return self.state.opened(name, clock::now());
            }
            Finding::Spared(Spared::Absent(_)) => branches.absent += 1,
            Finding::Spared(Spared::Unsigned(_)) => branches.unsigned += 1,
            // Asked again, unless its people are settled with it.
            Finding::Failed { .. } => branches.failed += usize::from(!settled.is_empty()),
        }
        for contact in settled {
            let identifier = &self.book.contacts()[contact].identifier;
            let answer = Answer::of_branch(report, identifier);
            self.keep(contact, answer)?;
        }
        Ok(())
    }

    /// Keeps what became of somebody, and tells it.
    fn keep(&mut self, contact: usize, answer: Answer) -> Result<(), Failure> {
        let person = &self.book.contacts()[contact];
        if answer.stands() {
            self.state.answered(person.owner.as_str(), &answer)?;
        }
        if self.json {
            let line = show::contact(person, &answer, false);
            self.bar.suspend(|| show::print(&line))?;
        }
        self.answers[contact] = Some(answer);
        Ok(())
    }

    fn show_progress(&self) {
        let count = |wanted: fn(&Answer) -> bool| {
            let answers = self.answers.iter().flatten();
            answers.filter(|answer| wanted(answer)).count()
        };
        let left = self
            .schedule
            .end()
            .map_or(0, |end| end.saturating_sub(clock::millis()));
        self.bar.set_message(format!(
            "{} found, {} answered of {}, {} left",
            count(|answer| answer.outcome == "found"),
            count(|_| true),
            self.answers.len(),
            span::words(left)
        ));
    }

    /// Says what came of it all.
    fn conclude(mut self, end: End) -> Result<Output, Failure> {
        self.tally.count(&self.answers);
        let is_complete = self
            .answers
            .iter()
            .flatten()
            .filter(|answer| answer.stands())
            .count()
            == self.answers.len();
        let mut notes = Vec::new();
        let exit = match &end {
            End::Failed(failure) => failure.exit,
            End::Stopped if self.tally.not_asked > 0 => Exit::Stopped,
            _ if self.tally.bogus > 0 => Exit::Bogus,
            _ if self.tally.unavailable + self.tally.not_asked > 0 => Exit::Unavailable,
            _ => Exit::Done,
        };
        if !is_complete {
            notes.push(format!(
                "note: {} of {} people are answered; the same command goes on with the rest (kept until then: {})",
                self.tally.people - self.tally.not_asked - self.tally.unavailable - self.tally.bogus,
                self.tally.people,
                self.state.path().display()
            ));
        }
        let text = if self.json {
            let error = match &end {
                End::Failed(failure) => json::error(failure),
                _ => String::new(),
            };
            self.tally.json() + &error
        } else {
            if let End::Failed(failure) = &end {
                notes.extend(failure.notes());
            }
            show::text(&self.book, &self.answers, &self.tally)
        };
        show::print(&text)?;
        if is_complete {
            self.state.remove()?;
        }
        Ok(Output {
            text: String::new(),
            notes,
            exit,
        })
    }
}

/// Compares the gateway's keys over several relays at the client's own times, which no question shows in.
async fn compare_keys(client: Client) {
    while let Some(until) = client.until_comparison() {
        tokio::time::sleep(until.max(COMPARISON_PAUSE)).await;
        if let Some(alarm) = client.compare_keys().await.alarm {
            show::notes(&[format!("note: {alarm}")]);
        }
    }
}

/// What came of asking for somebody.
fn trial(outcome: &Outcome) -> Trial {
    match outcome {
        Outcome::Unavailable(why) => Trial::Failed {
            again: matches!(why.code.retry(), Retry::Later | Retry::Elsewhere),
        },
        Outcome::Bogus(_) => Trial::Failed { again: false },
        _ => Trial::Settled,
    }
}

/// What only the person can remedy will be the same for everybody: relay and gateway of one operator, a clock that is wrong.
fn refuse_if_all_fail(report: &Report) -> Result<(), Failure> {
    match &report.outcome {
        Outcome::Unavailable(why)
            if why.code.fault() == Fault::Caller && why.code.retry() == Retry::AfterRemedy =>
        {
            Err(Failure {
                exit: Exit::Unavailable,
                ..Failure::usage(why.code.as_str(), why.code.summary(), why.code.remedy())
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_resumed_is_no_faster() {
        let mut book = Book::new(
            sotto_mimi::RecordForm::Txt,
            sotto_proof::RecordType::TXT,
            None,
        );
        for number in 0..7 {
            let identifier = format!("h{number}.example.com").parse().unwrap();
            book.add(identifier, None).unwrap();
        }
        let mut dice = Dice::new([0; 32]);
        let campaign = Campaign::new(&book, &[], &[], Cover::of_book(&book), &mut dice);
        let first = pace(&campaign, None, None);
        assert_eq!((first.slots, first.within_millis), (8, WITHIN_MILLIS));
        let before = Some(Pace {
            slots: 80,
            within_millis: WITHIN_MILLIS,
        });
        assert_eq!(
            pace(&campaign, None, before).within_millis,
            WITHIN_MILLIS / 10
        );
        assert_eq!(pace(&campaign, Some(5), before).within_millis, 5);
        // A run over one person, whose book has eight times the instants now.
        let before = Some(Pace {
            slots: 1,
            within_millis: WITHIN_MILLIS,
        });
        assert_eq!(pace(&campaign, None, before).within_millis, WITHIN_MILLIS);
    }
}
