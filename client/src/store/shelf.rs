//! What a store holds, apart from any file: what may be used at a time, what takes whose place, and
//! what gives way first. Time is an argument, and nothing here fails.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};
use sotto_mimi::TieBreak;
use sotto_proof::{Name, Question, RecordType, Statement};
use zeroize::Zeroizing;

use super::STORE_MAX_OCTETS;
use crate::keys::{KeySighting, SIGHTING_SECONDS};

/// Seconds that an answer is kept at most, whatever its TTL: what resolvers commonly keep too
/// (RFC 8767 section 4 speaks of days; Unbound's `cache-max-ttl` is this one).
pub(super) const ANSWER_MAX_SECONDS: u64 = 86_400;

/// Seconds for which a relay may still hand out the key document before its newest: several instances of it
/// fetch each on their own schedule, every 15 minutes by default.
pub(super) const LAG_SECONDS: u64 = 3_600;

/// Octets that an entry is counted for besides its value: its key, and what index and page take.
const ENTRY_OVERHEAD_OCTETS: usize = 48;

/// How an entry is found: a keyed hash, so that what outlives the answers names nobody by itself.
pub(super) type Id = [u8; 16];

/// What sort of thing an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// A proof that answered a question.
    Answer = 1,
    /// The newest statement about a name under one key.
    Mark = 2,
    /// The digest of a gateway's keys for a day, as a relay's key document proved it.
    Keys = 3,
    /// The newest day whose list came first in a relay's key documents.
    Newest = 4,
}

#[cfg(feature = "store")]
impl Kind {
    /// Every kind.
    pub(super) const ALL: [Self; 4] = [Self::Answer, Self::Mark, Self::Keys, Self::Newest];
}

/// Where an entry stands.
pub(super) type Key = (Kind, Id);

/// What a file does not know: the octets of an entry to write, or `None` for one to remove.
#[cfg(feature = "store")]
pub(super) type Unwritten = (Key, Option<Vec<u8>>);

/// One thing held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Answer(Answer),
    Mark(Mark),
    Keys(KeySighting),
    /// Seen when it was new.
    Newest(KeySighting),
}

/// A proof that answered a question, as it came. Its verdict is not kept: it is verified again when
/// it is used, with the anchors, limits and clock of then, so that a store need not be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(super) question: Question,
    /// When it came, Unix seconds.
    pub(crate) since: u64,
    /// The first second at which it is not used any more.
    pub(crate) until: u64,
    pub(crate) proof: Vec<u8>,
}

/// The newest statement about one name and type under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The inception of its signature, Unix seconds.
    pub(super) inception: u64,
    /// A keyed hash of what it said.
    pub(super) content: Id,
}

/// A statement that is older than one seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Older {
    /// The inception of its signature, Unix seconds.
    pub(super) signed_at: u64,
    /// The inception of the one seen before.
    pub(super) seen: u64,
}

/// What makes a store one client's own.
pub(super) struct Secrets {
    /// The key of the hashes that entries are found by.
    pub(super) naming: Zeroizing<[u8; 16]>,
    pub(super) tie_break: Option<TieBreak>,
}

impl Secrets {
    fn hash(&self, fields: &[&[u8]]) -> Id {
        let mut hash = SipHasher24::new_with_key(&self.naming);
        for field in fields {
            hash.write_u64(field.len() as u64);
            hash.write(field);
        }
        hash.finish128().as_bytes()
    }

    fn answer(&self, question: &Question) -> Key {
        let name = question.name.to_lowercase();
        let id = self.hash(&[b"answer", name.as_wire(), &question.rtype.0.to_be_bytes()]);
        (Kind::Answer, id)
    }

    /// Statements under different keys are kept apart: the inceptions of two signers are two
    /// clocks, and nothing follows from comparing them.
    fn mark(&self, rtype: RecordType, statement: &Statement) -> Key {
        let Statement {
            name, signature, ..
        } = statement;
        let id = self.hash(&[
            b"mark",
            name.as_wire(),
            &rtype.0.to_be_bytes(),
            signature.zone.as_wire(),
            &[signature.algorithm],
            &signature.key_tag.to_be_bytes(),
        ]);
        (Kind::Mark, id)
    }

    /// Two digests for one day are two entries: that there are two is what matters.
    fn keys(&self, sighting: &KeySighting) -> Key {
        let id = self.hash(&[
            b"keys",
            sighting.gateway.as_bytes(),
            sighting.relay.as_bytes(),
            &sighting.epoch.to_be_bytes(),
            &sighting.digest,
        ]);
        (Kind::Keys, id)
    }

    /// Over each relay by itself: two relays fetch at different times.
    fn newest(&self, sighting: &KeySighting) -> Key {
        let id = self.hash(&[
            b"newest",
            sighting.gateway.as_bytes(),
            sighting.relay.as_bytes(),
        ]);
        (Kind::Newest, id)
    }

    fn content(&self, statement: &Statement) -> Id {
        match &statement.content {
            Some(digest) => self.hash(&[b"present", digest]),
            None => self.hash(&[b"absent"]),
        }
    }
}

impl Entry {
    /// Octets that the entry is counted for.
    fn octets(&self) -> usize {
        ENTRY_OVERHEAD_OCTETS
            + match self {
                Self::Answer(answer) => answer.question.name.as_wire().len() + answer.proof.len(),
                Self::Mark(_) => size_of::<Mark>(),
                Self::Keys(seen) | Self::Newest(seen) => {
                    size_of::<KeySighting>() + seen.gateway.len() + seen.relay.len()
                }
            }
    }

    /// What stands where `self` stood and `other` comes: of answers the later arrival, of statements
    /// the newer, of sightings the later, of newest days the later day as it was first seen.
    fn give_way_to(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Mark(old), Self::Mark(new)) if new.inception < old.inception => self,
            (Self::Keys(old), Self::Keys(new)) if new.at < old.at => self,
            (Self::Newest(old), Self::Newest(new)) if new.epoch <= old.epoch => self,
            _ => other,
        }
    }

    /// How soon the entry gives way, lowest first: every answer before anything else, and
    /// of the marks the one with the oldest inception, whose rivals are the likeliest to have expired.
    fn staying(&self) -> (u8, u64) {
        match self {
            Self::Answer(answer) => (0, answer.until),
            Self::Mark(mark) => (1, mark.inception),
            Self::Keys(seen) | Self::Newest(seen) => (2, seen.at),
        }
    }
}

/// Everything that a store holds.
pub(super) struct Shelf {
    pub(super) secrets: Secrets,
    entries: HashMap<Key, Entry>,
    octets: usize,
    max_octets: usize,
    /// What a file does not know yet, removals included; `None` where there is no file.
    changed: Option<HashSet<Key>>,
}

impl Shelf {
    /// An empty shelf without a file.
    pub(super) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            entries: HashMap::new(),
            octets: 0,
            max_octets: STORE_MAX_OCTETS,
            changed: None,
        }
    }

    /// Returns the proof for a question that may be used now, and when it came.
    ///
    /// An answer from the future, which a clock that was set back leaves behind, is not used: its age is
    /// unknown. It stays, for the clock may be set right.
    pub(super) fn answer(&self, question: &Question, now: u64) -> Option<&Answer> {
        match self.entries.get(&self.secrets.answer(question))? {
            Entry::Answer(answer) => {
                (answer.question == *question && answer.is_usable(now)).then_some(answer)
            }
            _ => None,
        }
    }

    /// Keeps an answer for at most a day, and forgets those whose time was over when it came: they name
    /// whom somebody asked for, and are of no more use.
    pub(super) fn keep(&mut self, mut answer: Answer) {
        let now = answer.since;
        self.remove_if(|_, entry| matches!(entry, Entry::Answer(held) if held.until <= now));
        answer.until = answer
            .until
            .min(answer.since.saturating_add(ANSWER_MAX_SECONDS));
        if answer.until > answer.since {
            self.put(self.secrets.answer(&answer.question), Entry::Answer(answer));
        }
    }

    /// Tells the first statement, if any, that is older than one made under the same key that
    /// said something else.
    pub(super) fn older(
        &self,
        rtype: RecordType,
        statements: &[Statement],
    ) -> Option<(Name, Older)> {
        statements.iter().find_map(|statement| {
            let Entry::Mark(mark) = self.entries.get(&self.secrets.mark(rtype, statement))? else {
                return None;
            };
            let signed_at = statement.signature.validity.from;
            let older =
                signed_at < mark.inception && self.secrets.content(statement) != mark.content;
            older.then(|| {
                let seen = mark.inception;
                (statement.name.clone(), Older { signed_at, seen })
            })
        })
    }

    /// Remembers how new these statements are.
    pub(super) fn mark(&mut self, rtype: RecordType, statements: &[Statement]) {
        for statement in statements {
            let mark = Mark {
                inception: statement.signature.validity.from,
                content: self.secrets.content(statement),
            };
            self.put(self.secrets.mark(rtype, statement), Entry::Mark(mark));
        }
    }

    /// Returns the keys of gateways that were seen.
    pub(super) fn keys(&self) -> impl Iterator<Item = &KeySighting> {
        self.entries.values().filter_map(|entry| match entry {
            Entry::Keys(seen) => Some(seen),
            _ => None,
        })
    }

    /// Remembers sightings of a gateway's keys, and forgets those that are too old to be compared with.
    pub(super) fn mark_keys(&mut self, sightings: &[KeySighting]) {
        let Some(newest) = sightings.iter().map(|sighting| sighting.at).max() else {
            return;
        };
        let is_over = |entry: &Entry| match entry {
            Entry::Keys(seen) => seen.at.saturating_add(SIGHTING_SECONDS) < newest,
            _ => false,
        };
        self.remove_if(|_, entry| is_over(entry));
        for sighting in sightings {
            self.put(self.secrets.keys(sighting), Entry::Keys(sighting.clone()));
        }
    }

    /// Returns the newer keys, if any, that the same relay had at least an hour before: so many instances of it
    /// may differ by what they fetched last.
    pub(super) fn newer_keys(&self, sighting: &KeySighting) -> Option<&KeySighting> {
        match self.entries.get(&self.secrets.newest(sighting))? {
            Entry::Newest(seen) => (seen.epoch > sighting.epoch
                && sighting.at >= seen.at.saturating_add(LAG_SECONDS))
            .then_some(seen),
            _ => None,
        }
    }

    /// Remembers which day's list came first.
    pub(super) fn mark_newest_keys(&mut self, sighting: &KeySighting) {
        self.put(
            self.secrets.newest(sighting),
            Entry::Newest(sighting.clone()),
        );
    }

    /// Forgets the answers and, with `all`, everything else but the secrets.
    pub(super) fn forget(&mut self, all: bool) {
        self.remove_if(|(kind, _), _| all || *kind == Kind::Answer);
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Octets that all entries are counted for.
    pub(super) fn octets(&self) -> usize {
        self.octets
    }

    fn put(&mut self, key: Key, entry: Entry) {
        let entry = match self.take(&key) {
            Some(old) => old.give_way_to(entry),
            None => entry,
        };
        self.octets += entry.octets();
        self.entries.insert(key, entry);
        self.note(key);
        self.make_room();
    }

    fn remove_if(&mut self, doomed: impl Fn(&Key, &Entry) -> bool) {
        let doomed: Vec<_> = self
            .entries
            .iter()
            .filter(|(key, entry)| doomed(key, entry))
            .map(|(key, _)| *key)
            .collect();
        for key in doomed {
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &Key) {
        if self.take(key).is_some() {
            self.note(*key);
        }
    }

    fn take(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.octets -= entry.octets();
        Some(entry)
    }

    fn note(&mut self, key: Key) {
        if let Some(changed) = &mut self.changed {
            changed.insert(key);
        }
    }

    /// Makes room once there is none: a sixteenth of it, so that the search for what gives way is rare.
    fn make_room(&mut self) {
        if self.octets <= self.max_octets {
            return;
        }
        let target = self.max_octets - self.max_octets / 16;
        let mut order: Vec<_> = self
            .entries
            .iter()
            .map(|(key, entry)| (entry.staying(), *key))
            .collect();
        order.sort_unstable_by_key(|(staying, (_, id))| (*staying, *id));
        for (_, key) in order {
            if self.octets <= target {
                break;
            }
            self.remove(&key);
        }
    }
}

impl Answer {
    pub(super) fn is_usable(&self, now: u64) -> bool {
        (self.since..self.until).contains(&now)
    }
}

/// What a file needs of a shelf.
#[cfg(feature = "store")]
impl Shelf {
    /// A shelf of what a file holds.
    pub(super) fn of(secrets: Secrets, entries: impl IntoIterator<Item = (Key, Entry)>) -> Self {
        let mut shelf = Self::new(secrets);
        for (key, entry) in entries {
            shelf.put(key, entry);
        }
        shelf.changed = Some(HashSet::new());
        shelf
    }

    /// Whether the file knows everything.
    pub(super) fn is_written(&self) -> bool {
        self.changed.as_ref().is_none_or(HashSet::is_empty)
    }

    /// What the file does not know, as octets: from here on it counts as known.
    pub(super) fn take_unwritten(&mut self, encode: fn(&Entry) -> Vec<u8>) -> Vec<Unwritten> {
        let changed = self
            .changed
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default();
        changed
            .into_iter()
            .map(|key| (key, self.entries.get(&key).map(encode)))
            .collect()
    }

    /// Notes that the file does not know these after all.
    pub(super) fn give_back(&mut self, keys: impl IntoIterator<Item = Key>) {
        keys.into_iter().for_each(|key| self.note(key));
    }

    /// Takes over what others have written to the file meanwhile, and puts on top of it what is not
    /// written yet.
    pub(super) fn catch_up(&mut self, entries: impl IntoIterator<Item = (Key, Entry)>) {
        let mut own = std::mem::take(&mut self.entries);
        let changed = self.changed.take().unwrap_or_default();
        self.octets = 0;
        for (key, entry) in entries {
            self.put(key, entry);
        }
        self.changed = Some(HashSet::new());
        for key in changed {
            match own.remove(&key) {
                Some(entry) => self.put(key, entry),
                None => self.remove(&key),
            }
        }
    }
}

#[cfg(test)]
impl Entry {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Answer(_) => Kind::Answer,
            Self::Mark(_) => Kind::Mark,
            Self::Keys(_) => Kind::Keys,
            Self::Newest(_) => Kind::Newest,
        }
    }
}

#[cfg(test)]
mod tests;
