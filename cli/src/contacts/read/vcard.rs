//! vCard 3.0 and 4.0 (RFC 2426, RFC 6350), and 2.1 as telephones write it.
//!
//! Read are FN, N, NICKNAME and ORG for the name, and EMAIL, TEL, IMPP and X-JABBER. All else is passed over without being
//! kept, photographs above all.

mod property;

use self::property::{LogicalLines, Property};
use super::{Format, LINE_MAX_OCTETS, Reading, text};

/// The schemes of IMPP (RFC 4770) that are identifiers of MIMI.
const SCHEMES: &[&str] = &["xmpp", "im", "acct", "mailto", "tel", "mimi"];

/// A card that is being read.
struct Card {
    /// The line that it begins on.
    line: usize,
    /// FN, N, NICKNAME or ORG, the first of them that there is.
    name: Option<(usize, String)>,
    identifiers: Vec<(usize, String)>,
}

impl Card {
    fn new(line: usize) -> Self {
        Self {
            line,
            name: None,
            identifiers: Vec::new(),
        }
    }

    /// Keeps a name unless one that tells more is there.
    fn call(&mut self, rank: usize, name: String) {
        let is_better = self.name.as_ref().is_none_or(|(known, _)| rank < *known);
        if is_better && !name.trim().is_empty() {
            self.name = Some((rank, name));
        }
    }

    fn finish(self, reading: &mut Reading) {
        let name = self.name.map(|(_, name)| name);
        for (line, identifier) in self.identifiers {
            reading.find(line, name.as_deref(), &identifier);
        }
    }
}

pub(super) fn read(octets: &[u8]) -> Reading {
    let mut reading = Reading::new(Format::Vcard);
    let mut card: Option<Card> = None;
    let mut was_stray = false;
    let mut in_binary = false;
    for line in LogicalLines::new(octets) {
        let Some(property) = Property::parse(&line.octets) else {
            // What telephones write of a photograph need not be folded.
            if !in_binary && !line.octets.trim_ascii().is_empty() && card.is_some() {
                reading.trouble(
                    "vcard_malformed",
                    line.number,
                    format!(
                        "{:?} is no property: there is no colon",
                        text::excerpt(&text::decode(&line.octets, None))
                    ),
                    "export the book again, or correct the line",
                );
            }
            continue;
        };
        in_binary = property.is_binary();
        match property.name.as_str() {
            "BEGIN" => {
                if let Some(unfinished) = card.replace(Card::new(line.number)) {
                    unended(&mut reading, unfinished);
                }
            }
            "END" => {
                if let Some(card) = card.take() {
                    card.finish(&mut reading);
                }
            }
            _ => match &mut card {
                Some(card) => take(&mut reading, card, &property, line.number, line.is_cut),
                None if !was_stray => {
                    was_stray = true;
                    reading.trouble(
                        "outside_card",
                        line.number,
                        format!(
                            "{:?} stands outside of any card",
                            text::excerpt(&property.name)
                        ),
                        "see that each card is between BEGIN:VCARD and END:VCARD",
                    );
                }
                None => {}
            },
        }
    }
    if let Some(unfinished) = card {
        unended(&mut reading, unfinished);
    }
    reading
}

/// What there is of a card that does not end counts.
fn unended(reading: &mut Reading, card: Card) {
    reading.trouble(
        "card_unended",
        card.line,
        "the card that begins here has no END:VCARD".to_owned(),
        "see whether the file is whole; what was there of the card is used",
    );
    card.finish(reading);
}

/// Takes in one property of a card.
fn take(
    reading: &mut Reading,
    card: &mut Card,
    property: &Property<'_>,
    line: usize,
    is_cut: bool,
) {
    let name_rank = match property.name.as_str() {
        "FN" => Some(0),
        "N" => Some(1),
        "NICKNAME" => Some(2),
        "ORG" => Some(3),
        _ => None,
    };
    if let Some(rank) = name_rank {
        if !is_cut {
            card.call(rank, name(property));
        }
        return;
    }
    if !matches!(
        property.name.as_str(),
        "EMAIL" | "TEL" | "IMPP" | "X-JABBER"
    ) {
        return;
    }
    if is_cut {
        reading.trouble(
            "line_too_long",
            line,
            format!("{} has more than {LINE_MAX_OCTETS} octets", property.name),
            "correct the line: no identifier is that long",
        );
        return;
    }
    let value = property.text();
    let value = value.trim();
    match property.name.as_str() {
        "TEL" if property.has_type("FAX") || property.has_type("PAGER") => {}
        "X-JABBER" if !value.is_empty() => card.identifiers.push((line, format!("xmpp:{value}"))),
        "IMPP" if !is_identifier(value) => {
            let scheme = value.split(':').next().unwrap_or_default();
            reading.trouble(
                "service_unknown",
                line,
                format!(
                    "{:?} is an address of a service, not an identifier",
                    text::excerpt(scheme)
                ),
                "nothing needs to be done: it is passed over",
            );
        }
        _ => card.identifiers.push((line, value.to_owned())),
    }
}

fn is_identifier(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        SCHEMES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme))
    })
}

/// The name that a property gives, as people write it.
fn name(property: &Property<'_>) -> String {
    if property.name != "N" {
        return property.text().replace(';', " ").trim().to_owned();
    }
    let components = property.components();
    let component = |index: usize| components.get(index).map_or("", |text| text.trim());
    // Family; given; additional; prefixes; suffixes.
    [component(1), component(2), component(0)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
