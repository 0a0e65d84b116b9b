//! Values with commas, semicolons or tabs between (RFC 4180 and what spreadsheets make of it).
//!
//! Columns are known by their heading: those of Google, Outlook and Nextcloud, and plain `name`, `email`, `phone`. Without a
//! heading that is known, the first column is taken for the identifier and the second for the name, and the caller is told.

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::{Format, LINE_MAX_OCTETS, Reading, text};

/// The most columns that are looked at: Outlook writes about ninety.
const COLUMNS_MAX: usize = 256;

/// What Google puts between several values of one cell.
const GOOGLE_SEPARATOR: &str = ":::";

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// The whole name.
    Name,
    /// A part of it, in the order of the columns.
    NamePart,
    /// A mailbox, a number, or a URI.
    Identifier,
    Other,
}

/// How words of headings begin, in the languages of the exports that we have seen: English, German, French, Spanish.
const MAIL: &[&str] = &["email", "mail", "courriel", "correo"];
const PHONE: &[&str] = &[
    "phone", "mobile", "mobil", "telef", "teléf", "télép", "handy", "móvil",
];
/// Words that only begin like those.
const OTHERWISE: &[&str] = &["phonetic", "mailing"];
const WHOLE_NAME: &[&str] = &[
    "name",
    "full name",
    "display name",
    "file as",
    "anzeigename",
    "nom complet",
    "nombre completo",
];
const NAME_PART: &[&str] = &[
    "first name",
    "given name",
    "last name",
    "family name",
    "vorname",
    "nachname",
    "prénom",
    "nom",
    "nombre",
    "apellidos",
    "apellido",
];
/// Columns that speak of a mailbox or number and hold none.
const NOT_VALUES: &[&str] = &["type", "label", "typ", "display", "fax", "telex", "pager"];

impl Column {
    fn of(heading: &str) -> Self {
        let heading = heading.trim().to_lowercase();
        let words = || heading.split(|letter: char| !letter.is_alphanumeric());
        let says = |beginnings: &[&str]| {
            words().any(|word| {
                !OTHERWISE.contains(&word) && beginnings.iter().any(|start| word.starts_with(start))
            })
        };
        let is_no_value = words().any(|word| NOT_VALUES.contains(&word));
        if WHOLE_NAME.contains(&heading.as_str()) {
            Self::Name
        } else if NAME_PART.contains(&heading.as_str()) {
            Self::NamePart
        } else if is_no_value {
            Self::Other
        } else if ["identifier", "impp", "jabber", "xmpp", "tel"].contains(&heading.as_str())
            || says(MAIL)
            || says(PHONE)
        {
            Self::Identifier
        } else {
            Self::Other
        }
    }
}

/// Whether a file that begins with this line is one of values.
pub(super) fn is_heading(line: &[u8]) -> bool {
    [b',', b';', b'\t'].iter().any(|mark| line.contains(mark))
        && !line.starts_with(b"#")
        && !line.ends_with(b">")
}

/// The mark between the values of the first line that stands there most often outside of quotes.
fn delimiter(octets: &[u8]) -> u8 {
    let line = octets
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    let mut is_quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    for octet in line {
        if *octet == b'"' {
            is_quoted = !is_quoted;
        } else if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| mark == octet) {
            *count += usize::from(!is_quoted);
        }
    }
    // Of equals the first: a comma.
    counts
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(mark, _)| mark)
}

pub(super) fn read(octets: &[u8]) -> Reading {
    let mut reading = Reading::new(Format::Csv);
    let mut rows = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .delimiter(delimiter(octets))
        .from_reader(octets);
    let mut row = ByteRecord::new();
    let mut columns: Option<Vec<Column>> = None;
    loop {
        match rows.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => return reading,
            // Octets in memory can always be read, and a row may have any number of cells.
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                let line = usize::try_from(line).unwrap_or(usize::MAX);
                reading.trouble(
                    "csv_malformed",
                    line,
                    error.to_string(),
                    "save the file as CSV again",
                );
                return reading;
            }
        }
        let line = row.position().map_or(0, csv::Position::line);
        let line = usize::try_from(line).unwrap_or(usize::MAX);
        if row.as_slice().len() > LINE_MAX_OCTETS * 8 {
            reading.trouble(
                "line_too_long",
                line,
                format!("the row has more than {} octets", LINE_MAX_OCTETS * 8),
                "look for a quotation mark that is never closed",
            );
            continue;
        }
        let cells: Vec<_> = row
            .iter()
            .take(COLUMNS_MAX)
            .map(|cell| text::decode(cell, None))
            .collect();
        let Some(columns) = &columns else {
            let known: Vec<_> = cells.iter().map(|cell| Column::of(cell)).collect();
            if known.contains(&Column::Identifier) {
                columns = Some(known);
                continue;
            }
            reading.guesses.push(
                "no column of the first line is headed email or phone: the first is taken for the identifier, the second for the name"
                    .to_owned(),
            );
            let guessed = vec![Column::Identifier, Column::Name];
            take(&mut reading, line, &guessed, &cells);
            columns = Some(guessed);
            continue;
        };
        take(&mut reading, line, columns, &cells);
    }
}

/// Notes what one row holds.
fn take(
    reading: &mut Reading,
    line: usize,
    columns: &[Column],
    cells: &[std::borrow::Cow<'_, str>],
) {
    let of = |wanted: Column| {
        columns
            .iter()
            .zip(cells)
            .filter(move |(column, cell)| **column == wanted && !cell.is_empty())
            .map(|(_, cell)| cell.as_ref())
    };
    let parts = || of(Column::NamePart).collect::<Vec<_>>().join(" ");
    let name = of(Column::Name).next().map_or_else(parts, str::to_owned);
    for cell in of(Column::Identifier) {
        for identifier in cell.split(GOOGLE_SEPARATOR) {
            reading.find(line, Some(&name), identifier);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String, String)> {
        let reading = read(text.as_bytes());
        assert!(reading.problems.is_empty(), "{:?}", reading.problems);
        reading
            .found
            .into_iter()
            .map(|found| (found.line, found.name.unwrap_or_default(), found.identifier))
            .collect()
    }

    fn row(line: usize, name: &str, identifier: &str) -> (usize, String, String) {
        (line, name.to_owned(), identifier.to_owned())
    }

    #[test]
    fn google_s_columns_are_known() {
        let text = "\
First Name,Middle Name,Last Name,Nickname,E-mail 1 - Label,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value,Notes
Hugh,,Bar,,* Work,hugh@example.com ::: h.bar@example.net,Mobile,+44 20 7946 0148,\"a note,
over two lines\"
Alice,,,,,,,,
";
        assert_eq!(
            found(text),
            [
                row(2, "Hugh Bar", "hugh@example.com"),
                row(2, "Hugh Bar", "h.bar@example.net"),
                row(2, "Hugh Bar", "+44 20 7946 0148"),
            ]
        );
    }

    #[test]
    fn outlook_s_columns_are_known() {
        let text = "\
\"Title\",\"First Name\",\"Last Name\",\"E-mail Address\",\"E-mail Type\",\"E-mail Display Name\",\"E-mail 2 Address\",\"Business Fax\",\"Mobile Phone\"
\"\",\"Hugh\",\"Bar\",\"hugh@example.com\",\"SMTP\",\"Hugh Bar (hugh@example.com)\",\"\",\"+15550000000\",\"+15551234567\"
";
        assert_eq!(
            found(text),
            [
                row(2, "Hugh Bar", "hugh@example.com"),
                row(2, "Hugh Bar", "+15551234567"),
            ]
        );
    }

    #[test]
    fn semicolons_and_tabs_part_values_too() {
        assert_eq!(
            found("Vorname;Nachname;E-Mail-Adresse\nJörg;Bär;joerg@example.com\n"),
            [row(2, "Jörg Bär", "joerg@example.com")]
        );
        assert_eq!(
            found("name\temail\nHugh, Bar\thugh@example.com\n"),
            [row(2, "Hugh, Bar", "hugh@example.com")]
        );
    }

    #[test]
    fn headings_that_only_look_alike_are_none() {
        for heading in [
            "Phonetic First Name",
            "Titel",
            "Hotel",
            "Mailing list",
            "E-mail 1 - Type",
            "Phone 1 - Label",
            "Home Fax",
            "Telegram",
            "Notes",
        ] {
            assert_eq!(Column::of(heading), Column::Other, "{heading}");
        }
        for heading in [
            "Phone 1 - Value",
            "Mobiltelefon",
            "TEL",
            "Correo electrónico",
            "Téléphone mobile",
        ] {
            assert_eq!(Column::of(heading), Column::Identifier, "{heading}");
        }
    }

    #[test]
    fn a_file_without_heading_is_guessed_and_said() {
        let reading = read(b"hugh@example.com,Hugh\nalice@example.com\n");
        assert_eq!(reading.guesses.len(), 1);
        let found: Vec<_> = reading
            .found
            .iter()
            .map(|f| (f.line, f.name.as_deref()))
            .collect();
        assert_eq!(found, [(1, Some("Hugh")), (2, None)]);
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_costs_the_rest_and_is_named() {
        let text = format!(
            "name,email\nHugh,\"hugh@example.com\n{}",
            "x,y\n".repeat(30_000)
        );
        let reading = read(text.as_bytes());
        assert_eq!(reading.problems[0].code, "line_too_long");
        assert_eq!(reading.problems[0].line, 2);
    }
}
