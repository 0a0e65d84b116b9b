//! One round: some targets read, changed, and read again.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::change::{Change, Kind};
use super::obstacle::{Obstacle, Stop};
use super::session::{Answer, Asked, NOT_AS_READ, Session};
use super::target::{Standing, Target, standing};
use super::wire::Section;

/// How often a target is read and sent anew because what stands there is not what was read.
const ATTEMPTS: u32 = 3;

/// How long to wait between two looks at what the server serves, milliseconds: 13 s in all, for servers that sign and
/// load what an update brought after they have answered it.
const PAUSES: [u64; 7] = [100, 200, 400, 800, 1_600, 3_200, 6_400];

/// What a round is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// To find out what would change.
    Plan,
    /// To change it.
    Publish,
}

/// What whoever drives a round does next.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Send these messages over one connection, and give each answer to [`Round::receive`], in whatever order they come.
    Send(Vec<Vec<u8>>),
    /// Wait so long.
    Wait(Duration),
    /// Nothing is left to do.
    Done,
}

/// What came of one target.
#[derive(Debug)]
pub struct Report {
    /// The target.
    pub target: Target,
    /// What was changed, or would be; `None` if all stood as it was wanted, or nothing was found out.
    pub change: Option<Change>,
    /// Why it is not as it was wanted.
    pub result: Result<(), Obstacle>,
}

/// One round with a server. It makes messages and takes answers; see the [module](super).
#[derive(Debug)]
pub struct Round<'a> {
    session: &'a mut Session,
    intent: Intent,
    entries: Vec<Entry>,
    phase: Phase,
    /// Questions whose answers were lost.
    again: Vec<Asked>,
}

#[derive(Debug)]
struct Entry {
    target: Target,
    state: State,
    change: Option<Change>,
    attempts: u32,
    /// What was read came from a wildcard: a prerequisite that failed has shown it.
    is_wildcard_s: bool,
    is_doubtful: bool,
}

#[derive(Debug)]
enum State {
    /// To be read.
    Unread,
    /// To be sent.
    Planned,
    /// The server took the update. What is not right yet of what it serves stands here.
    Sent(Obstacle),
    /// An update was under way when the connection was lost.
    Lost,
    Settled(Result<(), Obstacle>),
}

#[derive(Debug)]
enum Phase {
    Start,
    Reading,
    Updating(VecDeque<Vec<usize>>),
    /// Looking for the so-manieth time at what is served; true if it was asked for.
    Verifying(usize, bool),
}

impl<'a> Round<'a> {
    /// A round for `targets`, of which there should be no more than [`super::ROUND_TARGETS`].
    #[must_use]
    pub fn new(session: &'a mut Session, targets: Vec<Target>, intent: Intent) -> Self {
        // An earlier round may have ended with answers outstanding.
        session.forget().for_each(drop);
        let mut seen = HashSet::new();
        let entries = targets
            .into_iter()
            .map(|target| {
                let state = if !target.owner.is_at_or_below(session.zone()) {
                    State::Settled(Err(Obstacle::OutsideZone(session.zone().clone())))
                } else if seen.insert((target.owner.clone(), target.rtype)) {
                    State::Unread
                } else {
                    State::Settled(Err(Obstacle::Twice))
                };
                Entry {
                    target,
                    state,
                    change: None,
                    attempts: 0,
                    is_wildcard_s: false,
                    is_doubtful: false,
                }
            })
            .collect();
        Self {
            session,
            intent,
            entries,
            phase: Phase::Start,
            again: Vec::new(),
        }
    }

    /// What to do next, at `now` (Unix seconds). Call it when every message of the last step has been answered, or
    /// [lost](Self::lost).
    pub fn step(&mut self, now: u64) -> Step {
        if !self.again.is_empty() {
            let again = self.again.drain(..);
            let messages = again.filter_map(|asked| self.session.ask_again(asked, now));
            return Step::Send(messages.collect());
        }
        loop {
            let step = match &mut self.phase {
                Phase::Start => self.read(now),
                Phase::Reading if self.intent == Intent::Plan => return Step::Done,
                Phase::Reading => {
                    self.phase = Phase::Updating(self.batches());
                    None
                }
                Phase::Updating(queue) => match queue.pop_front() {
                    Some(numbers) => Some(self.send(numbers, now)),
                    None => {
                        self.phase = Phase::Verifying(0, false);
                        None
                    }
                },
                Phase::Verifying(looks, asked) => {
                    let (looks, asked) = (*looks, *asked);
                    self.verify(looks, asked, now)
                }
            };
            match step {
                Some(step) => return step,
                None if self.is_settled() => return Step::Done,
                None => {}
            }
        }
    }

    /// Takes one answer, at `now` (Unix seconds).
    ///
    /// # Errors
    ///
    /// [`Stop`]: nothing more can be published. [`Round::finish`] tells what was done.
    pub fn receive(&mut self, message: &[u8], now: u64) -> Result<(), Stop> {
        match self.session.receive(message, now)? {
            Answer::Zone => {}
            Answer::Standing(number, header, response) => {
                let zone = self.session.zone().clone();
                let read = standing(&zone, &self.entries[number].target, header, &response, now);
                let is_signed_zone = self.session.is_signed();
                self.entries[number].take(read, is_signed_zone);
            }
            Answer::Update {
                numbers,
                rcode: 0,
                tsig: None,
            } => {
                for number in numbers {
                    self.entries[number].state = State::Sent(Obstacle::NotServed);
                }
            }
            Answer::Update {
                numbers,
                rcode,
                tsig,
            } => self.refused(&numbers, rcode, tsig),
        }
        Ok(())
    }

    /// The connection is gone. Questions that were not answered are asked again over the next one, and no others: a server
    /// that closes after so many is got the better of. What an update was to change is read anew.
    pub fn lost(&mut self) {
        let asked: Vec<Asked> = self.session.forget().collect();
        for asked in asked {
            match asked {
                Asked::Update(numbers) => {
                    for number in numbers {
                        self.entries[number].state = State::Lost;
                    }
                    self.phase = Phase::Start;
                }
                question => self.again.push(question),
            }
        }
    }

    /// What came of each target, in the order in which they were given. Those that are not settled were not tried, or it
    /// is not known what came of them.
    #[must_use]
    pub fn finish(self) -> Vec<Report> {
        // What was under way and not answered has left its mark in no entry.
        let mut under_way = HashSet::new();
        for asked in self.session.forget() {
            if let Asked::Update(numbers) = asked {
                under_way.extend(numbers);
            }
        }
        let intent = self.intent;
        self.entries
            .into_iter()
            .enumerate()
            .map(|(number, entry)| Report {
                result: match entry.state {
                    State::Settled(result) => result,
                    State::Planned if intent == Intent::Plan => Ok(()),
                    State::Planned if under_way.contains(&number) => Err(Obstacle::Unknown),
                    State::Sent(_) | State::Lost => Err(Obstacle::Unknown),
                    State::Unread | State::Planned => Err(Obstacle::NotTried),
                },
                target: entry.target,
                change: entry.change,
            })
            .collect()
    }

    fn is_settled(&self) -> bool {
        let mut entries = self.entries.iter();
        entries.all(|entry| matches!(entry.state, State::Settled(_)))
    }

    /// Asks for what stands at every target that has to be read, and for the zone before the first.
    fn read(&mut self, now: u64) -> Option<Step> {
        self.phase = Phase::Reading;
        let mut messages = Vec::new();
        if self.session.states().is_none() {
            messages.push(self.session.ask_zone(now));
        }
        for (number, entry) in self.entries.iter().enumerate() {
            if matches!(entry.state, State::Unread | State::Sent(_) | State::Lost) {
                let question = entry.target.question();
                messages.push(self.session.ask(number, question, now));
            }
        }
        (!messages.is_empty()).then_some(Step::Send(messages))
    }

    /// Targets that are to be sent, as many together as one update holds.
    fn batches(&mut self) -> VecDeque<Vec<usize>> {
        let capacity = self.session.update_capacity();
        let mut batches = VecDeque::new();
        let mut batch = Vec::new();
        let mut filled = 0;
        for (number, entry) in self.entries.iter_mut().enumerate() {
            let (State::Planned, Some(change)) = (&entry.state, &entry.change) else {
                continue;
            };
            let octets = change.octets();
            if octets > capacity {
                entry.state = State::Settled(Err(Obstacle::TooLarge(octets)));
                continue;
            }
            if filled + octets > Session::batch_octets() && !batch.is_empty() {
                batches.push_back(std::mem::take(&mut batch));
                filled = 0;
            }
            filled += octets;
            batch.push(number);
        }
        if !batch.is_empty() {
            batches.push_back(batch);
        }
        batches
    }

    fn send(&mut self, numbers: Vec<usize>, now: u64) -> Step {
        let mut prerequisites = Section::default();
        let mut updates = Section::default();
        for change in numbers
            .iter()
            .filter_map(|&number| self.entries[number].change.as_ref())
        {
            prerequisites.append(&change.prerequisites);
            updates.append(&change.updates);
        }
        let message = self.session.update(numbers, &prerequisites, &updates, now);
        Step::Send(vec![message])
    }

    /// An update of several targets is refused for the sake of one: each is sent on its own.
    fn refused(&mut self, numbers: &[usize], rcode: u16, tsig: Option<super::TsigError>) {
        if let [number] = *numbers {
            let entry = &mut self.entries[number];
            entry.attempts += 1;
            entry.state = if !NOT_AS_READ.contains(&rcode) {
                State::Settled(Err(Obstacle::Refused { rcode, tsig }))
            } else if entry.attempts < ATTEMPTS {
                entry.is_wildcard_s |= entry.is_doubtful;
                State::Unread
            } else {
                State::Settled(Err(Obstacle::Contended))
            };
        } else if let Phase::Updating(queue) = &mut self.phase {
            queue.extend(numbers.iter().map(|&number| vec![number]));
        }
    }

    /// Looks at what the server serves, until it is right or patience ends.
    fn verify(&mut self, looks: usize, asked: bool, now: u64) -> Option<Step> {
        if !asked {
            self.phase = Phase::Verifying(looks, true);
            let mut messages = Vec::new();
            for (number, entry) in self.entries.iter().enumerate() {
                if matches!(entry.state, State::Sent(_)) {
                    let question = entry.target.question();
                    messages.push(self.session.ask(number, question, now));
                }
            }
            if messages.is_empty() {
                // What was not as read is read anew.
                self.phase = Phase::Start;
                return None;
            }
            messages.push(self.session.ask_zone(now));
            return Some(Step::Send(messages));
        }
        let is_wrong = |entry: &Entry| matches!(entry.state, State::Sent(_));
        if !self.entries.iter().any(is_wrong) {
            self.phase = Phase::Start;
            return None;
        }
        if let Some(&pause) = PAUSES.get(looks) {
            self.phase = Phase::Verifying(looks + 1, false);
            return Some(Step::Wait(Duration::from_millis(pause)));
        }
        for entry in &mut self.entries {
            if let State::Sent(obstacle) = &entry.state {
                entry.state = State::Settled(Err(obstacle.clone()));
            }
        }
        None
    }
}

impl Entry {
    /// Takes what the server says of the target.
    fn take(&mut self, read: Result<Standing, Obstacle>, is_signed_zone: bool) {
        let standing = match read {
            Ok(standing) => standing,
            Err(obstacle) => {
                self.state = State::Settled(Err(obstacle));
                return;
            }
        };
        if matches!(self.state, State::Sent(_)) {
            self.state = self.served(&standing, is_signed_zone);
            return;
        }
        self.is_doubtful = standing.is_doubtful;
        if standing.is_alias && self.is_wildcard_s {
            // It was taken for a wildcard's, and the update failed: it does stand there.
            self.state = State::Settled(Err(Obstacle::Alias {
                at: self.target.owner.clone(),
                rtype: sotto_proof::RecordType::CNAME,
            }));
            return;
        }
        let standing = if standing.is_doubtful && self.is_wildcard_s {
            Standing::default()
        } else {
            standing
        };
        self.state = match (Change::plan(&self.target, &standing), &self.state) {
            (Some(change), _) => {
                self.change = Some(change);
                State::Planned
            }
            // The update that was lost had arrived.
            (None, State::Lost) => self.served(&standing, is_signed_zone),
            (None, _) => {
                self.change = None;
                State::Settled(Ok(()))
            }
        };
    }

    /// Whether what is served after an update is what was wanted.
    fn served(&self, standing: &Standing, is_signed_zone: bool) -> State {
        // Where nothing is signed, what is served after a removal may be a wildcard's; the server's word must do.
        let is_removed = standing.is_doubtful
            && self
                .change
                .as_ref()
                .is_some_and(|change| change.kind == Kind::Remove);
        if !is_removed && Change::plan(&self.target, standing).is_some() {
            State::Sent(Obstacle::NotServed)
        } else if is_signed_zone && !standing.rdatas.is_empty() && !standing.is_signed {
            State::Sent(Obstacle::NotSigned)
        } else {
            State::Settled(Ok(()))
        }
    }
}
