//! Who is to be looked up: every name of the DNS once, however often and in whatever spelling it was given.

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};

use sotto_mimi::{Domain, Identifier, IdentifierError, OwnerName, RecordForm};
use sotto_proof::RecordType;

use super::branch::{Branch, BranchKind};

/// The most people of one book: more than anybody knows, and one question a second over six hours. It bounds memory.
pub const CONTACTS_MAX: usize = 20_000;

/// Somebody to look up.
#[derive(Clone, Debug)]
pub struct Contact {
    /// The identifier, in its first spelling.
    pub identifier: Identifier,
    /// Where their records live.
    pub owner: OwnerName,
    /// What the book calls them, without repetition; empty where it gives no name.
    pub names: Vec<String>,
    /// The index among [`Book::branches`] of the one that is asked before; `None` for a host, which has nothing above it
    /// that could speak for it.
    pub branch: Option<usize>,
}

/// Everybody to look up, and the branches of the DNS that their names hang from.
#[derive(Clone, Debug)]
pub struct Book {
    form: RecordForm,
    rtype: RecordType,
    phone_zone: Option<Domain>,
    contacts: Vec<Contact>,
    branches: Vec<Branch>,
    /// The contacts by their owner names.
    known: HashMap<String, usize>,
    known_branches: HashMap<BranchKind, usize>,
}

/// What became of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is somebody new.
    New,
    /// The name was in the book already.
    Folded,
}

/// Why an identifier is not in the book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// It has no owner name.
    #[error(transparent)]
    Identifier(#[from] IdentifierError),
    /// There are [`CONTACTS_MAX`] people in it.
    #[error("there are {CONTACTS_MAX} people in the book already")]
    Full,
}

impl Book {
    /// An empty book, whose records are asked for in `form`, with `mimi_type` the type of [`RecordForm::Mimi`], and whose
    /// numbers live below `phone_zone`.
    #[must_use]
    pub fn new(form: RecordForm, mimi_type: RecordType, phone_zone: Option<Domain>) -> Self {
        Self {
            form,
            rtype: match form {
                RecordForm::Txt => RecordType::TXT,
                RecordForm::Mimi => mimi_type,
            },
            phone_zone,
            contacts: Vec::new(),
            branches: Vec::new(),
            known: HashMap::new(),
            known_branches: HashMap::new(),
        }
    }

    /// Adds somebody, or another name for somebody who is in it.
    ///
    /// # Errors
    ///
    /// [`BookError::Identifier`] for a `mimi://` URI and for a number without a phone zone, [`BookError::Full`].
    pub fn add(&mut self, identifier: Identifier, name: Option<&str>) -> Result<Added, BookError> {
        let owner = identifier.owner(self.form, self.phone_zone.as_ref())?;
        let place = match self.known.entry(owner.as_str().to_owned()) {
            Occupied(known) => {
                let names = &mut self.contacts[*known.get()].names;
                if let Some(name) = name.filter(|name| !names.iter().any(|known| known == name)) {
                    names.push(name.to_owned());
                }
                return Ok(Added::Folded);
            }
            Vacant(_) if self.contacts.len() >= CONTACTS_MAX => return Err(BookError::Full),
            Vacant(place) => place,
        };
        let kind = BranchKind::of(&identifier, self.phone_zone.as_ref());
        let branch = kind.and_then(|kind| match self.known_branches.entry(kind) {
            Occupied(known) => Some(*known.get()),
            Vacant(place) => {
                let branch = Branch::new(place.key().clone(), self.rtype)?;
                self.branches.push(branch);
                Some(*place.insert(self.branches.len() - 1))
            }
        });
        if let Some(branch) = branch {
            self.branches[branch].contacts += 1;
        }
        self.contacts.push(Contact {
            identifier,
            owner,
            names: name.map(str::to_owned).into_iter().collect(),
            branch,
        });
        place.insert(self.contacts.len() - 1);
        Ok(Added::New)
    }

    /// The form of the records.
    #[must_use]
    pub const fn form(&self) -> RecordForm {
        self.form
    }

    /// The type that is asked for.
    #[must_use]
    pub const fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// Everybody, in the order in which they were added.
    #[must_use]
    pub fn contacts(&self) -> &[Contact] {
        &self.contacts
    }

    /// What is asked before anybody's name is.
    #[must_use]
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// The index of the contact whose records live at `owner`, as [`OwnerName::as_str`] writes it.
    #[must_use]
    pub fn find(&self, owner: &str) -> Option<usize> {
        self.known.get(owner).copied()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::contacts) fn book(identifiers: &[&str]) -> Book {
        let zone = "phones.example".parse().unwrap();
        let mut book = Book::new(RecordForm::Txt, RecordType(65_400), Some(zone));
        for identifier in identifiers {
            book.add(identifier.parse().unwrap(), None).unwrap();
        }
        book
    }

    #[test]
    fn spellings_of_one_name_are_one_contact() {
        let mut book = book(&[]);
        let mut add = |text: &str, name| book.add(text.parse().unwrap(), name).unwrap();
        assert_eq!(add("Hugh@Example.com", Some("Hugh")), Added::New);
        assert_eq!(add("mailto:hugh@example.com", Some("H. B.")), Added::Folded);
        assert_eq!(
            add("xmpp:hugh@example.com/phone", Some("Hugh")),
            Added::Folded
        );
        assert_eq!(add("+44 20 7946 0148", None), Added::New);
        assert_eq!(add("tel:+442079460148", None), Added::Folded);
        assert_eq!(book.contacts().len(), 2);
        assert_eq!(book.contacts()[0].names, ["Hugh", "H. B."]);
        assert!(book.contacts()[1].names.is_empty());
        let owner = book.contacts()[1].owner.as_str();
        assert_eq!((book.find(owner), book.find("elsewhere.")), (Some(1), None));
    }

    #[test]
    fn a_domain_s_mailboxes_share_a_branch_and_hosts_have_none() {
        let book = book(&[
            "a@example.com",
            "b@example.com",
            "c@example.net",
            "alice.example.com",
            "+15551234567",
            "+442079460148",
        ]);
        let branches: Vec<_> = book.contacts().iter().map(|c| c.branch).collect();
        assert_eq!(
            branches,
            [Some(0), Some(0), Some(1), None, Some(2), Some(2)]
        );
        let asked: Vec<_> = book
            .branches()
            .iter()
            .map(|branch| (branch.question().name.to_string(), branch.contacts))
            .collect();
        assert_eq!(
            asked,
            [
                ("_user._mimi.example.com.".to_owned(), 2),
                ("_user._mimi.example.net.".to_owned(), 1),
                ("_mimi.phones.example.".to_owned(), 2),
            ]
        );
    }

    #[test]
    fn who_has_no_name_in_the_dns_is_refused() {
        let mut book = Book::new(RecordForm::Mimi, RecordType(65_400), None);
        assert_eq!(book.rtype(), RecordType(65_400));
        let mut refused = |text: &str| book.add(text.parse().unwrap(), None).unwrap_err();
        assert_eq!(
            refused("+15551234567"),
            BookError::Identifier(IdentifierError::NoPhoneZone)
        );
        assert_eq!(
            refused("mimi://a.example/u/alice"),
            BookError::Identifier(IdentifierError::AlreadyResolved)
        );
        assert!(book.contacts().is_empty() && book.branches().is_empty());
    }

    #[test]
    fn a_book_is_full_at_some_time() {
        let mut book = book(&[]);
        for number in 0..CONTACTS_MAX {
            let identifier = format!("u{number}@example.com").parse().unwrap();
            assert_eq!(book.add(identifier, None), Ok(Added::New));
        }
        let one_more = "one.more@example.com".parse().unwrap();
        assert_eq!(book.add(one_more, None), Err(BookError::Full));
        let known = "u7@example.com".parse().unwrap();
        assert_eq!(book.add(known, None), Ok(Added::Folded));
        assert_eq!(book.branches()[0].contacts, CONTACTS_MAX);
    }
}
