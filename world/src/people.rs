//! The people of the world: one for every outcome, and how each comes about.

use std::str::FromStr;

use sotto_mimi::{Domain, Identifier, Record, RecordForm};
use sotto_publish::publication::TXT;
use sotto_publish::{Placement, Publication, PublicationError, Subject};

use crate::WorldError;
use crate::dns::{Name, name, rdata};

/// The zone below which the world's phone numbers hang.
pub const PHONE_ZONE: &str = "phones.test";

/// What a client finds out about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Expected {
    /// Proved ways to reach the person: so many services.
    Found(usize),
    /// A proved refusal.
    OptedOut,
    /// A proved absence.
    NoRecord,
    /// Proved records, none of them usable.
    Invalid,
    /// Proved that nothing can be proved here.
    Insecure,
    /// Somebody lied.
    Bogus,
    /// No answer could be had.
    Unavailable,
}

/// Somebody to look up.
#[derive(Clone, Copy, Debug)]
pub struct Person {
    /// What one types to find them.
    pub identifier: &'static str,
    /// The type their records have.
    pub form: RecordForm,
    /// What a client must find out.
    pub expected: Expected,
    /// Why, in a few words.
    pub story: &'static str,
    /// Whether a short tour of the outcomes calls on them.
    pub on_tour: bool,
}

impl Person {
    /// The identifier, read.
    ///
    /// # Errors
    ///
    /// [`WorldError::Person`] names it; no person of this world has one.
    pub fn identifier(&self) -> Result<Identifier, WorldError> {
        read_identifier(self.identifier)
    }

    /// The absolute owner name of this person's records.
    ///
    /// # Errors
    ///
    /// [`WorldError::Person`] names the identifier; no person of this world has one.
    pub fn owner(&self) -> Result<String, WorldError> {
        owner_text(self.identifier, self.form)
    }
}

const fn txt(identifier: &'static str, expected: Expected, story: &'static str) -> Person {
    Person {
        identifier,
        form: RecordForm::Txt,
        expected,
        story,
        on_tour: true,
    }
}

const fn mimi(identifier: &'static str, expected: Expected, story: &'static str) -> Person {
    Person {
        identifier,
        form: RecordForm::Mimi,
        expected,
        story,
        on_tour: true,
    }
}

/// Somebody of interest, but not for a first look.
const fn aside(person: Person) -> Person {
    Person {
        on_tour: false,
        ..person
    }
}

/// Everybody, in the order of a tour: those who can be reached first, the troubles last.
pub const PEOPLE: &[Person] = &[
    txt(
        "hugh@example.test",
        Expected::Found(2),
        "a mailbox with two services (P-256, NSEC)",
    ),
    txt(
        "mymimi.example.com",
        Expected::Found(2),
        "the slide deck's own example, as TXT (RSA, NSEC3)",
    ),
    mimi(
        "mymimi.example.com",
        Expected::Found(2),
        "the same under the private MIMI type, at the bare host",
    ),
    txt(
        "+442079460148",
        Expected::Found(1),
        "a phone number under a private phone zone (NSEC3)",
    ),
    txt(
        "maria@mail.test",
        Expected::Found(1),
        "_mimi delegated by NS to another server (Ed25519)",
    ),
    txt(
        "kim@corp.test",
        Expected::Found(1),
        "mailboxes handed over by DNAME to a discovery server",
    ),
    txt(
        "guest@hotel.test",
        Expected::Found(1),
        "a wildcard for every mailbox: ask the provider",
    ),
    aside(txt(
        "old-name.example.test",
        Expected::Found(2),
        "a CNAME into another signed zone",
    )),
    txt(
        "jane@curve.test",
        Expected::Found(5),
        "five services, one of them by port (Ed25519, NSEC3)",
    ),
    aside(mimi(
        "hugh@example.test",
        Expected::Found(2),
        "a mailbox under the private MIMI type",
    )),
    aside(txt(
        "many@example.com",
        Expected::Found(16),
        "sixteen services, signed with RSA",
    )),
    txt(
        "ghost@example.test",
        Expected::OptedOut,
        "publishes that MIMI does not reach them",
    ),
    aside(txt(
        "recluse@hotel.test",
        Expected::OptedOut,
        "an exact name overrides the wildcard",
    )),
    aside(txt(
        "nobody@example.test",
        Expected::NoRecord,
        "a name that does not exist, proved by NSEC",
    )),
    txt(
        "nobody@example.com",
        Expected::NoRecord,
        "a name that does not exist, proved by NSEC3 and RSA",
    ),
    aside(txt(
        "+15551234567",
        Expected::NoRecord,
        "a number that nobody published",
    )),
    aside(mimi(
        "old-name.example.test",
        Expected::NoRecord,
        "a name that exists, without the type asked for",
    )),
    txt(
        "shop.parked.test",
        Expected::NoRecord,
        "a wildcard that was never meant for MIMI",
    ),
    txt(
        "typo@example.test",
        Expected::Invalid,
        "a proved record without a provider",
    ),
    aside(txt(
        "sam@unsigned.test",
        Expected::Insecure,
        "the domain is not signed, as NSEC proves",
    )),
    txt(
        "sam@unsigned.com",
        Expected::Insecure,
        "not signed, in the opt-out span of an RSA TLD",
    ),
    txt(
        "victim@example.test",
        Expected::Bogus,
        "the resolver swaps the provider in the record",
    ),
    aside(txt(
        "late@expired.test",
        Expected::Bogus,
        "the signatures of the zone ran out",
    )),
    txt(
        "anyone@lame.test",
        Expected::Unavailable,
        "no server answers for the domain",
    ),
];

/// What is published, and for whom: subject, type, texts of the records.
const PUBLISHED: &[(&str, RecordForm, &[&str])] = &[
    ("hugh@example.test", RecordForm::Txt, HUGH),
    ("hugh@example.test", RecordForm::Mimi, HUGH),
    ("mymimi.example.com", RecordForm::Txt, DECK),
    ("mymimi.example.com", RecordForm::Mimi, DECK),
    (
        "+442079460148",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=+442079460148; e=mimi.harbour.test; s=harbour"],
    ),
    (
        "maria@mail.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=maria; e=mimi.harbour.test; s=harbour"],
    ),
    // What kim@corp.test becomes by the DNAME.
    (
        "kim@corp.discovery.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=kim.k; e=chat.corp.test; t=business,default"],
    ),
    // The record of every mailbox of a domain names a provider and no account.
    (
        "*@hotel.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; e=mimi.harbour.test; s=harbour"],
    ),
    ("recluse@hotel.test", RecordForm::Txt, &["v=MIMI1; e=."]),
    ("jane@curve.test", RecordForm::Txt, JANE),
    ("many@example.com", RecordForm::Txt, MANY),
    ("ghost@example.test", RecordForm::Txt, &["v=MIMI1; e=."]),
    (
        "sam@unsigned.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=sam; e=mimi.harbour.test"],
    ),
    (
        "sam@unsigned.com",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=sam; e=mimi.harbour.test"],
    ),
    (
        "victim@example.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=victim; e=mimi.harbour.test"],
    ),
    (
        "late@expired.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=late; e=mimi.harbour.test"],
    ),
    (
        "anyone@lame.test",
        RecordForm::Txt,
        &["v=MIMI1; p=10; a=anyone; e=mimi.harbour.test"],
    ),
];

/// The slide deck's two records, to the letter.
const DECK: &[&str] = &[
    "v=MIMI1; p=2; a=+15551234567; e=mimi.whatsapp.com; s=whatsapp",
    "v=MIMI1; p=1; a=myname99; e=im.telegram.org; s=telegram",
];

const HUGH: &[&str] = &[
    "v=MIMI1; p=10; a=hugh; e=mimi.harbour.test; s=harbour; t=default",
    "v=MIMI1; p=20; a=hugh.b; e=im.lantern.test; s=lantern; t=business",
];

const JANE: &[&str] = &[
    "v=MIMI1; p=10; a=jane; e=mimi.harbour.test; s=harbour",
    "v=MIMI1; p=20; a=jane-l; e=im.lantern.test; s=lantern; t=business",
    "v=MIMI1; p=30; a=jj; e=chat.meadow.test:8443; s=meadow",
    "v=MIMI1; p=40; a=jane.doe; e=talk.example.com",
    "v=MIMI1; a=jane; e=last-resort.test",
];

const MANY: &[&str] = &[
    "v=MIMI1; p=1; a=many; e=one.harbour.test",
    "v=MIMI1; p=2; a=many; e=two.harbour.test",
    "v=MIMI1; p=3; a=many; e=three.harbour.test",
    "v=MIMI1; p=4; a=many; e=four.harbour.test",
    "v=MIMI1; p=5; a=many; e=five.harbour.test",
    "v=MIMI1; p=6; a=many; e=six.harbour.test",
    "v=MIMI1; p=7; a=many; e=seven.harbour.test",
    "v=MIMI1; p=8; a=many; e=eight.harbour.test",
    "v=MIMI1; p=9; a=many; e=nine.harbour.test",
    "v=MIMI1; p=10; a=many; e=ten.harbour.test",
    "v=MIMI1; p=11; a=many; e=eleven.harbour.test",
    "v=MIMI1; p=12; a=many; e=twelve.harbour.test",
    "v=MIMI1; p=13; a=many; e=thirteen.harbour.test",
    "v=MIMI1; p=14; a=many; e=fourteen.harbour.test",
    "v=MIMI1; p=15; a=many; e=fifteen.harbour.test",
    "v=MIMI1; p=16; a=many; e=sixteen.harbour.test",
];

/// A record that nobody can use: it names no provider, so no [`Record`] can be made of it.
const MALFORMED: (&str, &str) = ("typo@example.test", "v=MIMI1; p=10; a=typo");

/// The record that a lying resolver shows in place of the true one.
const SWAPPED: (&str, &str) = (
    "victim@example.test",
    "v=MIMI1; p=10; a=victim; e=mimi.attacker.test",
);

/// Everything that people publish: owner, type number and RDATA of each RR.
pub(crate) fn publications() -> Result<Vec<(Name, u16, Vec<u8>)>, WorldError> {
    let mut found = Vec::new();
    let mut publish = |subject: &str, form, texts: &[&str]| -> Result<(), WorldError> {
        let publication = publication(subject, form, texts)?;
        let owner = name(publication.owner().as_str())?;
        for rdata in publication.rdatas() {
            found.push((owner.clone(), publication.rtype(), rdata.clone()));
        }
        Ok(())
    };
    for (identifier, form, texts) in PUBLISHED {
        publish(identifier, *form, texts)?;
    }
    let (identifier, text) = MALFORMED;
    found.push((owner(identifier, RecordForm::Txt)?, TXT, rdata::txt(text)));
    Ok(found)
}

/// The owner that the resolver lies about, and the RDATA it puts there.
pub(crate) fn swapped() -> Result<(Name, Vec<u8>), WorldError> {
    let (identifier, text) = SWAPPED;
    let publication = publication(identifier, RecordForm::Txt, &[text])?;
    let owner = name(publication.owner().as_str())?;
    Ok((owner, publication.rdatas().concat()))
}

fn publication(subject: &str, form: RecordForm, texts: &[&str]) -> Result<Publication, WorldError> {
    let read = |text: &&str| {
        Record::parse_text(text.as_bytes()).map_err(|_| WorldError::Record((*text).to_owned()))
    };
    let records: Vec<Record> = texts.iter().map(read).collect::<Result<_, _>>()?;
    let placement = Placement {
        form,
        phone_zone: Some(read_domain(PHONE_ZONE)?),
        ..Placement::default()
    };
    Subject::from_str(subject)
        .map_err(PublicationError::Identifier)
        .and_then(|subject| Publication::new(&subject, &records, &placement))
        .map_err(|_| WorldError::Person(subject.to_owned()))
}

/// The absolute owner name of an identifier's records in this world.
pub(crate) fn owner(identifier: &str, form: RecordForm) -> Result<Name, WorldError> {
    Ok(name(&owner_text(identifier, form)?)?)
}

fn owner_text(identifier: &str, form: RecordForm) -> Result<String, WorldError> {
    let zone = read_domain(PHONE_ZONE)?;
    read_identifier(identifier)?
        .owner(form, Some(&zone))
        .map(|owner| owner.as_str().to_owned())
        .map_err(|_| WorldError::Person(identifier.to_owned()))
}

fn read_identifier(text: &str) -> Result<Identifier, WorldError> {
    Identifier::from_str(text).map_err(|_| WorldError::Person(text.to_owned()))
}

fn read_domain(text: &str) -> Result<Domain, WorldError> {
    Domain::from_str(text).map_err(|_| WorldError::Person(text.to_owned()))
}
