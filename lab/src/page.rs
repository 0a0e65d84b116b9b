//! How accounts look on a page of 100 columns.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::account::{Account, ClientGot, ServiceLine};
use crate::tally::Tally;

/// Columns of the page.
const WIDTH: usize = 100;

/// Columns of the parts of a row: what it is about, and what relay, gateway and resolver saw.
const COLUMNS: [usize; 4] = [13, 22, 32, 31];

/// What stands in front of every row.
const INDENT: &str = "  ";

/// Services of one person that are shown.
const SERVICES: usize = 5;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const FACT: Style = AnsiColor::Cyan.on_default().bold();
const SEEN: Style = AnsiColor::Magenta.on_default();
const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
const ALARM: Style = AnsiColor::Red.on_default().bold();

/// The outcomes as data and as words, the welcome ones first.
const OUTCOMES: [(&str, &str); 7] = [
    ("found", "Found"),
    ("opted_out", "Opted out"),
    ("no_record", "No record"),
    ("invalid", "Invalid"),
    ("insecure", "Insecure"),
    ("bogus", "Bogus"),
    ("unavailable", "Unavailable"),
];

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The head of the page.
pub(crate) fn title(out: &mut impl Write, zones: usize) -> io::Result<()> {
    writeln!(
        out,
        "{BOLD}Sotto{BOLD:#}: whom to reach and how, without anybody learning who asked whom"
    )?;
    writeln!(
        out,
        "{DIM}A private internet in this process: {zones} zones from a signed root of its own down, a resolver,{DIM:#}\n\
         {DIM}a gateway and two relays of three different operators, TLS on both hops, all on loopback.{DIM:#}"
    )
}

/// What is about to be looked up; the lookup may take a moment.
pub(crate) fn question(
    out: &mut impl Write,
    identifier: &str,
    form: &str,
    story: &str,
) -> io::Result<()> {
    let asked = format!("{identifier} {form}");
    let gap = WIDTH
        .saturating_sub(asked.chars().count() + story.chars().count())
        .max(2);
    writeln!(
        out,
        "\n{BOLD}{identifier}{BOLD:#} {DIM}{form}{:gap$}{story}{DIM:#}",
        ""
    )?;
    out.flush()
}

/// What came of it, on all sides.
pub(crate) fn account(out: &mut impl Write, account: &Account) -> io::Result<()> {
    client(out, &account.client)?;
    let (Some(relay), Some(gateway)) = (&account.relay, &account.gateway) else {
        return writeln!(out, "{INDENT}{DIM}nobody was asked{DIM:#}");
    };
    row(
        out,
        ["seen by", relay.relay, &gateway_host(account), "resolver"],
        [DIM; 4],
    )?;
    let client = relay.client.to_string();
    row(
        out,
        ["who asked", &client, &gateway.relay, "gateway.test"],
        [DIM, SEEN, DIM, DIM],
    )?;
    let asked = fit(&gateway.name, COLUMNS[2] - 1);
    let resolved = if account.resolver.is_empty() {
        "-".to_owned()
    } else {
        fit(&gateway.name, COLUMNS[3])
    };
    row(
        out,
        ["for whom", "(sealed)", &asked, &resolved],
        [DIM, DIM, SEEN, SEEN],
    )?;
    let sizes = format!(
        "{} → {} octets",
        grouped(relay.request_octets),
        grouped(relay.answer_octets)
    );
    let how = match (gateway.status, gateway.cached) {
        (200, true) => format!("{}, proof from the cache", gateway.rtype),
        (200, false) => format!("{}, proof sent", gateway.rtype),
        (status, _) => format!("{}, refusal {status} sealed", gateway.rtype),
    };
    row(out, ["how", &sizes, &how, &questions(account)], [DIM; 4])
}

fn gateway_host(account: &Account) -> String {
    account
        .relay
        .as_ref()
        .map_or_else(String::new, |relay| relay.gateway.clone())
}

fn client(out: &mut impl Write, got: &ClientGot) -> io::Result<()> {
    let style = style_of(got.outcome);
    let word = words(got.outcome);
    write!(
        out,
        "{INDENT}{style}{word:<width$}{style:#}",
        width = COLUMNS[0]
    )?;
    let margin = INDENT.len() + COLUMNS[0];
    match got.services.split_first() {
        None => {
            let rule = got
                .reason
                .as_ref()
                .map_or("does not want to be reached by MIMI", |reason| &reason.rule);
            writeln!(out, "{rule}")?;
        }
        Some((first, rest)) => {
            service(out, 1, first)?;
            for (index, line) in rest.iter().enumerate().take(SERVICES - 1) {
                write!(out, "{:margin$}", "")?;
                service(out, index + 2, line)?;
            }
            if let Some(more) = got
                .services
                .len()
                .checked_sub(SERVICES)
                .filter(|more| *more > 0)
            {
                writeln!(out, "{:margin$}{DIM}and {more} more{DIM:#}", "")?;
            }
        }
    }
    writeln!(out, "{:margin$}{DIM}{}{DIM:#}", "", standing(got))?;
    if !got.as_expected {
        writeln!(
            out,
            "{:margin$}{ALARM}This is not what this person stands for.{ALARM:#}",
            ""
        )?;
    }
    Ok(())
}

/// Why the client believes it, or does not.
fn standing(got: &ClientGot) -> String {
    let mut parts = Vec::new();
    match (got.outcome, got.signatures) {
        ("bogus", _) => {
            let at = got
                .reason
                .as_ref()
                .and_then(|reason| reason.name.as_ref().zip(reason.rtype.as_ref()));
            let at = at
                .map(|(name, rtype)| format!(" at {} {rtype}", fit(name, 40)))
                .unwrap_or_default();
            parts.push(format!("proof refused{at}"));
        }
        (_, 0) => {}
        (_, signatures) => parts.push(format!(
            "proved here by {signatures} signatures up to the root key"
        )),
    }
    if let Some(until) = got.valid_until {
        let days = (until.saturating_sub(got.at) + DAY / 2) / DAY;
        parts.push(format!("for {days} days"));
    }
    if let Some(octets) = got.proof_octets {
        parts.push(format!("{} octets", grouped(octets)));
    }
    parts.push(format!("{} ms", got.milliseconds));
    parts.join(" · ")
}

fn service(out: &mut impl Write, rank: usize, line: &ServiceLine) -> io::Result<()> {
    let port = line.port.map(|port| format!(":{port}")).unwrap_or_default();
    let provider = format!("{}{port}", line.provider);
    let account = line.account.as_deref().unwrap_or("(ask the provider)");
    let extras: Vec<&str> = line
        .label
        .iter()
        .chain(&line.tags)
        .map(String::as_str)
        .collect();
    write!(out, "{rank}. ")?;
    let cells = [provider.as_str(), account, &extras.join(" ")];
    aligned(
        out,
        cells
            .into_iter()
            .zip([26, 20, 0])
            .zip([BOLD, Style::new(), DIM]),
    )
}

/// The types that the resolver was asked for, those asked often counted.
fn questions(account: &Account) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for question in &account.resolver {
        match kinds.iter_mut().find(|(kind, _)| *kind == question.rtype) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&question.rtype, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(kind, count)| {
            if count == 1 {
                kind.to_owned()
            } else {
                format!("{count} {kind}")
            }
        })
        .collect();
    kinds.join(", ")
}

fn row(out: &mut impl Write, cells: [&str; 4], styles: [Style; 4]) -> io::Result<()> {
    write!(out, "{INDENT}")?;
    aligned(out, cells.into_iter().zip(COLUMNS).zip(styles))
}

/// Cells of given widths to the end of the line, which does not end in blanks.
fn aligned<'a>(
    out: &mut impl Write,
    cells: impl Iterator<Item = ((&'a str, usize), Style)>,
) -> io::Result<()> {
    let mut gap = 0;
    for ((cell, width), style) in cells {
        if cell.is_empty() {
            gap += width;
        } else {
            write!(out, "{:gap$}{style}{cell}{style:#}", "")?;
            gap = width.saturating_sub(cell.chars().count());
        }
    }
    writeln!(out)
}

/// Who learnt what.
pub(crate) fn tally(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    let outcomes: Vec<String> = OUTCOMES
        .iter()
        .filter_map(|(outcome, word)| {
            Some(format!(
                "{} {}",
                tally.outcomes.get(outcome)?,
                word.to_lowercase()
            ))
        })
        .collect();
    writeln!(
        out,
        "\n{BOLD}{} lookups{BOLD:#}  {DIM}{}{DIM:#}",
        tally.lookups,
        outcomes.join(", ")
    )?;
    writeln!(out, "\n{BOLD}Who learnt what{BOLD:#}")?;
    writeln!(
        out,
        "{INDENT}{DIM}{:<18}{:>11}{:>20}{:>14}{:>20}{DIM:#}",
        "", "exchanges", "client addresses", "names", "who asked for whom"
    )?;
    for party in &tally.parties {
        let style = if party.both > 0 { ALARM } else { GOOD };
        writeln!(
            out,
            "{INDENT}{:<18}{:>11}{:>20}{:>14}{style}{:>20}{style:#}",
            party.party, party.exchanges, party.client_addresses, party.names, party.both
        )?;
    }
    let sizes = |sizes: &BTreeSet<usize>| {
        sizes
            .iter()
            .map(|size| grouped(*size))
            .collect::<Vec<_>>()
            .join(" and ")
    };
    writeln!(
        out,
        "{INDENT}{:<18}{:>11} {DIM}for every request{DIM:#}",
        "octets",
        sizes(&tally.request_octets)
    )?;
    let proofs = tally.proof_octets.map(|(smallest, largest)| {
        format!(
            ", around proofs of {} to {}",
            grouped(smallest),
            grouped(largest)
        )
    });
    writeln!(
        out,
        "{INDENT}{:<18}{:>11} {DIM}for every answer{}{DIM:#}",
        "",
        sizes(&tally.answer_octets),
        proofs.unwrap_or_default()
    )
}

/// What to type next.
pub(crate) fn next(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{BOLD}Next{BOLD:#}")?;
    for (command, what) in [
        (
            "cargo run --release -- demo --all",
            "everybody who lives here, not only one for every outcome",
        ),
        (
            "cargo run --release -- serve",
            "keep this internet up and ask it with the sotto command",
        ),
        ("cargo run --release -- --json", "all of the above as data"),
    ] {
        writeln!(out, "{INDENT}{command:<37}{DIM}{what}{DIM:#}")?;
    }
    Ok(())
}

const fn style_of(outcome: &str) -> Style {
    match outcome.as_bytes() {
        b"found" => GOOD,
        b"opted_out" | b"no_record" => FACT,
        b"bogus" => ALARM,
        _ => DOUBT,
    }
}

fn words(outcome: &str) -> &str {
    OUTCOMES
        .iter()
        .find(|(name, _)| *name == outcome)
        .map_or(outcome, |(_, word)| word)
}

/// A number with a comma between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name in at most `width` columns: hashes are cut first, then the middle.
fn fit(name: &str, width: usize) -> String {
    let name = name
        .strip_suffix('.')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(name);
    let shortened = match name.split_once('.') {
        Some((label, rest)) if label.len() > 32 => format!("{}….{rest}", &label[..4]),
        _ => name.to_owned(),
    };
    let columns = shortened.chars().count();
    if columns <= width {
        return shortened;
    }
    let kept = width.saturating_sub(1);
    let head: String = shortened.chars().take(kept / 3).collect();
    let tail: String = shortened
        .chars()
        .skip(columns - (kept - kept / 3))
        .collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_its_column() {
        let hash = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6";
        assert_eq!(
            fit(&format!("{hash}._user._mimi.example.test."), 40),
            "c93f…._user._mimi.example.test"
        );
        let phone = fit("_mimi.8.4.1.0.6.4.9.7.0.2.4.4.phones.test.", 29);
        assert_eq!(phone.chars().count(), 29);
        assert!(phone.starts_with("_mimi.8") && phone.ends_with("phones.test"));
        assert_eq!(fit(".", 5), ".");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [grouped(0), grouped(999), grouped(2_048), grouped(1_234_567)],
            ["0", "999", "2,048", "1,234,567"]
        );
    }
}
