//! Which questions a gateway answers: no more than what people publish to be found.

use std::str::FromStr;

use sotto_proof::{Name, NameError, Question, RecordType};
use sotto_wire::KEY_RECORD_LABEL;

/// The label under which a domain publishes how its people are reached.
const MIMI_LABEL: &str = "_mimi";

/// Labels that names have in common, such as `user._bitcoin-payment` (BIP 353).
#[derive(Clone, Debug)]
struct Labels(Name);

impl Labels {
    /// True if `name` has these labels in this order, and a domain to their right.
    fn are_in(&self, name: &Name) -> bool {
        let labels: Vec<&[u8]> = name.labels().collect();
        let wanted: Vec<&[u8]> = self.0.labels().collect();
        let with_domain = labels.len().saturating_sub(1);
        labels[..with_domain].windows(wanted.len()).any(|window| {
            window
                .iter()
                .zip(&wanted)
                .all(|(label, wanted)| label.eq_ignore_ascii_case(wanted))
        })
    }
}

/// The questions that a gateway answers.
#[derive(Clone, Debug)]
pub(crate) struct AllowList {
    key_record: Name,
    mimi_type: Option<RecordType>,
    labels: Vec<Labels>,
}

/// A name in the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadName {
    /// It is none.
    #[error(
        "{key}: \"{value}\" is not a name ({source}); write labels separated by dots, e.g. \"user._bitcoin-payment\""
    )]
    Malformed {
        key: &'static str,
        value: String,
        source: NameError,
    },
    /// It would open too much.
    #[error(
        "names.suffixes: \"{0}\" is a single label, so TXT at every name that has this label would be proved; \
         write the labels before the domain, at least two, e.g. \"user._bitcoin-payment\" (BIP 353)"
    )]
    TooWide(String),
}

impl AllowList {
    /// The list of the gateway at `host`: TXT under a `_mimi` label and under each of `suffixes`,
    /// the gateway's own key record, and `mimi_type` at any name.
    pub(super) fn new(
        host: &str,
        mimi_type: Option<u16>,
        suffixes: &[String],
    ) -> Result<Self, BadName> {
        let mut labels = vec![Labels(name("names", MIMI_LABEL)?)];
        for suffix in suffixes {
            let parsed = name("names.suffixes", suffix)?;
            match parsed.labels().count() {
                // The root would allow every name there is.
                0 => return Err(malformed("names.suffixes", suffix, NameError::EmptyLabel)),
                1 => return Err(BadName::TooWide(suffix.clone())),
                _ => {}
            }
            labels.push(Labels(parsed));
        }
        Ok(Self {
            key_record: name("host", &format!("{KEY_RECORD_LABEL}.{host}"))?,
            mimi_type: mimi_type.map(RecordType),
            labels,
        })
    }

    /// True if `question` is to be answered. Aliases of an allowed name lead anywhere.
    pub(super) fn allows(&self, question: &Question) -> bool {
        match question.rtype {
            RecordType::TXT => {
                question.name == self.key_record
                    || self
                        .labels
                        .iter()
                        .any(|labels| labels.are_in(&question.name))
            }
            other => Some(other) == self.mimi_type,
        }
    }
}

fn name(key: &'static str, value: &str) -> Result<Name, BadName> {
    Name::from_str(value).map_err(|source| malformed(key, value, source))
}

fn malformed(key: &'static str, value: &str, source: NameError) -> BadName {
    BadName::Malformed {
        key,
        value: value.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &AllowList, owner: &str, rtype: RecordType) -> bool {
        list.allows(&Question {
            name: owner.parse().unwrap(),
            rtype,
        })
    }

    #[test]
    fn only_what_is_published_to_be_found_is_answered() {
        let list =
            AllowList::new("gateway.test", None, &["user._bitcoin-payment".to_owned()]).unwrap();
        let allowed = [
            "_mimi.alice.example.",
            "_MIMI.example.",
            "0a._user._mimi.example.",
            "*._user._mimi.example.",
            "_ohttp-keys.gateway.test.",
            "alice.user._bitcoin-payment.example.",
        ];
        for owner in allowed {
            assert!(allows(&list, owner, RecordType::TXT), "{owner}");
            assert!(!allows(&list, owner, RecordType::A), "{owner} A");
        }
        let refused = [
            ".",
            "_mimi.",
            "alice._mimi.",
            "example.",
            "x_mimi.example.",
            "_mimix.example.",
            "_ohttp-keys.other.test.",
            "x._ohttp-keys.gateway.test.",
            "_bitcoin-payment.example.",
            "user.x._bitcoin-payment.example.",
        ];
        for owner in refused {
            assert!(!allows(&list, owner, RecordType::TXT), "{owner}");
        }
    }

    #[test]
    fn the_private_type_is_answered_at_any_name_where_it_is_enabled() {
        let mimi = RecordType(65_400);
        let without = AllowList::new("gateway.test", None, &[]).unwrap();
        assert!(!allows(&without, "alice.example.", mimi));
        let with = AllowList::new("gateway.test", Some(65_400), &[]).unwrap();
        assert!(allows(&with, "alice.example.", mimi));
        for rtype in [
            RecordType::DNSKEY,
            RecordType::RRSIG,
            RecordType::ANY,
            RecordType(65_401),
        ] {
            assert!(!allows(&with, "_mimi.alice.example.", rtype), "{rtype}");
        }
    }

    #[test]
    fn a_suffix_that_is_no_name_is_told() {
        let error = AllowList::new("gateway.test", None, &["a..b".to_owned()]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("names.suffixes: \"a..b\" is not a name"),
            "{error}"
        );
        for suffix in ["", ".", "a b", "com", "com.", "_bitcoin-payment"] {
            assert!(
                AllowList::new("gateway.test", None, &[suffix.to_owned()]).is_err(),
                "{suffix:?}"
            );
        }
    }
}
