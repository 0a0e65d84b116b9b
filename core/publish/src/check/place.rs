//! What a name is for, by the rules for owner names.

use sotto_mimi::{Domain, Identifier, OwnerName, RecordForm};
use sotto_proof::Name;

/// The label below which MIMI records live.
const MIMI_LABEL: &[u8] = b"_mimi";

/// The label below which a domain's mailboxes live.
const USER_LABEL: &[u8] = b"_user";

/// Hexadecimal digits of a mailbox's label: 28 octets (RFC 7929 section 3).
const HASH_DIGITS: usize = 56;

/// Digits from which on labels of one digit are taken for a number: no country has numbers of two, and a host may well
/// be called `1.example.com`.
const PHONE_MIN_DIGITS: usize = 3;

/// What a name is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `_mimi.<host>`.
    Host(Name),
    /// `_mimi.<reversed digits>.<phone zone>`.
    Phone,
    /// `<hash>._user._mimi.<domain>`.
    Mailbox(Name),
    /// `*._user._mimi.<domain>`: every mailbox.
    EveryMailbox(Name),
    /// Another wildcard below `_mimi`: every mailbox, and more.
    Wide(Name),
    /// Below `_user._mimi`, but no hash; the label in its place.
    NoHash(String),
    /// Below a `_mimi` label, and nobody asks for it.
    Nobody,
    /// No `_mimi` label with a domain to its right.
    Elsewhere,
}

impl Place {
    /// What `name` is for.
    pub(crate) fn of(name: &Name) -> Self {
        let Some(domain) = mimi_domain(name) else {
            return Self::Elsewhere;
        };
        let above = name.label_count() - domain.label_count() - 1;
        let left: Vec<&[u8]> = name.labels().take(above).collect();
        let is_user = |label: &[u8]| label.eq_ignore_ascii_case(USER_LABEL);
        match left.as_slice() {
            [] if is_phone(&domain) => Self::Phone,
            [] => Self::Host(domain),
            [b"*", user] if is_user(user) => Self::EveryMailbox(domain),
            [b"*", ..] => Self::Wide(domain),
            [label, user] if is_user(user) && is_hash(label) => Self::Mailbox(domain),
            [label, user] if is_user(user) => {
                Self::NoHash(String::from_utf8_lossy(label).into_owned())
            }
            _ => Self::Nobody,
        }
    }

    /// Somebody who could be asked for there, and the name asked: what the rules for reading records
    /// need. Of a mailbox only the hash is known; any mailbox stands for it.
    pub(crate) fn reader(&self) -> Option<(Identifier, OwnerName)> {
        let somebody_at = |domain: &Name| {
            let domain: Domain = domain.to_string().parse().ok()?;
            format!("somebody@{domain}").parse::<Identifier>().ok()
        };
        let identifier = match self {
            Self::Host(host) => Identifier::Host(host.to_string().parse().ok()?),
            Self::Mailbox(domain) | Self::EveryMailbox(domain) | Self::Wide(domain) => {
                somebody_at(domain)?
            }
            Self::Phone => "somebody@phones.invalid".parse().ok()?,
            Self::NoHash(_) | Self::Nobody | Self::Elsewhere => return None,
        };
        let owner = identifier.owner(RecordForm::Txt, None).ok()?;
        Some((identifier, owner))
    }

    /// The domain whose records these are.
    pub(crate) fn domain(&self) -> Option<&Name> {
        match self {
            Self::Host(domain)
            | Self::Mailbox(domain)
            | Self::EveryMailbox(domain)
            | Self::Wide(domain) => Some(domain),
            _ => None,
        }
    }
}

/// The domain to the right of the first `_mimi` label; `None` without one.
pub(crate) fn mimi_domain(name: &Name) -> Option<Name> {
    let at = name
        .labels()
        .position(|label| label.eq_ignore_ascii_case(MIMI_LABEL))?;
    let right = name.label_count() - at - 1;
    (right > 0).then(|| name.ancestor(right))
}

/// The name that `name` was to be, if it lies in `zone` and ends with the name of `zone` twice, wholly or
/// but for the first labels of the second time (`x.example.com.example.com`).
pub(crate) fn without_doubled_suffix(name: &Name, zone: &Name) -> Option<Name> {
    if zone.is_root() || !name.is_below(zone) {
        return None;
    }
    let kept = name.label_count() - zone.label_count();
    let mut inner = Name::root();
    let labels: Vec<&[u8]> = name.labels().take(kept).collect();
    for label in labels.iter().rev() {
        inner = inner.prepend(label).ok()?;
    }
    inner.is_at_or_below(zone).then_some(inner)
}

/// The name that a web form makes of `name` if the domain is left on it and it adds `zone`.
pub(crate) fn with_doubled_suffix(name: &Name, zone: &Name) -> Option<Name> {
    name.rebase(&Name::root(), zone)?.ok()
}

fn is_hash(label: &[u8]) -> bool {
    label.len() == HASH_DIGITS && label.iter().all(u8::is_ascii_hexdigit)
}

/// Whether a domain begins like a number under a phone zone: one digit to a label (RFC 6116 section 2).
fn is_phone(domain: &Name) -> bool {
    let is_digit = |label: &&[u8]| label.len() == 1 && label[0].is_ascii_digit();
    domain.labels().take_while(is_digit).count() >= PHONE_MIN_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    const HASH: &str = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6";

    #[test]
    fn every_name_has_its_place() {
        let domain = name("example.com");
        for (text, place) in [
            ("_mimi.example.com".to_owned(), Place::Host(domain.clone())),
            (
                format!("{HASH}._user._mimi.example.com"),
                Place::Mailbox(domain.clone()),
            ),
            (
                format!("{HASH}._USER._Mimi.example.com").to_uppercase(),
                Place::Mailbox(domain.clone()),
            ),
            (
                "*._user._mimi.example.com".to_owned(),
                Place::EveryMailbox(domain.clone()),
            ),
            ("*._mimi.example.com".to_owned(), Place::Wide(domain)),
            ("_mimi.8.4.1.0.phones.example".to_owned(), Place::Phone),
            (
                "_mimi.1.example.com".to_owned(),
                Place::Host(name("1.example.com")),
            ),
            (
                "hugh._user._mimi.example.com".to_owned(),
                Place::NoHash("hugh".to_owned()),
            ),
            ("_user._mimi.example.com".to_owned(), Place::Nobody),
            ("hugh._mimi.example.com".to_owned(), Place::Nobody),
            ("example.com".to_owned(), Place::Elsewhere),
            ("x_mimi.example.com".to_owned(), Place::Elsewhere),
            ("_mimi.".to_owned(), Place::Elsewhere),
        ] {
            assert_eq!(Place::of(&name(&text)), place, "{text}");
        }
    }

    #[test]
    fn a_doubled_suffix_is_seen_and_made() {
        let zone = name("example.com");
        let once = name("_mimi.alice.example.com");
        let twice = name("_mimi.alice.example.com.example.com");
        assert_eq!(with_doubled_suffix(&once, &zone), Some(twice.clone()));
        assert_eq!(without_doubled_suffix(&twice, &zone), Some(once.clone()));
        for other in [
            once,
            name("_mimi.example.com"),
            name("_mimi.example.com.example.org"),
            name("_mimi.xexample.com.example.com"),
        ] {
            assert_eq!(without_doubled_suffix(&other, &zone), None, "{other}");
        }
        assert_eq!(without_doubled_suffix(&twice, &Name::root()), None);
    }
}
