//! How accounts look on a page of 92 columns.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::account::{Account, ClientGot, ServiceLine};
use crate::tally::Tally;

/// Columns of the page.
const WIDTH: usize = 92;

/// Columns of what relay, gateway and resolver saw, side by side; with indent and gaps a page.
const COLUMNS: [usize; 3] = [24, 31, 29];

const INDENT: &str = "    ";

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const PLAIN_FACT: Style = AnsiColor::Cyan.on_default().bold();
const DOUBT: Style = AnsiColor::Yellow.on_default().bold();
const ALARM: Style = AnsiColor::Red.on_default().bold();

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The head of the page.
pub(crate) fn title(out: &mut impl Write, zones: usize) -> io::Result<()> {
    writeln!(out, "{BOLD}Sotto{BOLD:#}: whom to reach and how, without anybody learning who asked whom")?;
    writeln!(
        out,
        "{DIM}A private internet in this process: {zones} zones below a signed root of its own, a resolver, \
         a{DIM:#}\n{DIM}gateway and two relays of three different operators, TLS on both hops, all on loopback.{DIM:#}"
    )
}

/// What is about to be looked up; the lookup may take a moment.
pub(crate) fn question(out: &mut impl Write, identifier: &str, form: &str, story: &str) -> io::Result<()> {
    let asked = format!("{identifier} {form}");
    let gap = WIDTH.saturating_sub(asked.chars().count() + story.chars().count()).max(2);
    writeln!(out, "\n{BOLD}{identifier}{BOLD:#} {DIM}{form}{:gap$}{story}{DIM:#}", "")?;
    out.flush()
}

/// What came of it, on all sides.
pub(crate) fn account(out: &mut impl Write, account: &Account) -> io::Result<()> {
    client(out, &account.client)?;
    let relay = account.relay.as_ref().map_or_else(
        || ["-".to_owned(), String::new(), String::new()],
        |saw| {
            [
                format!("client {}", saw.client),
                format!("{} octets in, {} out", grouped(saw.request_octets), grouped(saw.answer_octets)),
                format!("for {}", saw.gateway),
            ]
        },
    );
    let gateway = account.gateway.as_ref().map_or_else(
        || ["-".to_owned(), String::new(), String::new()],
        |saw| {
            [
                format!("client {}", saw.relay),
                fit(&saw.name, COLUMNS[1]),
                format!("{}, sealed status {}{}", saw.rtype, saw.status, if saw.cached { ", cached" } else { "" }),
            ]
        },
    );
    let relay_name = account.relay.as_ref().map_or("the relay", |saw| saw.relay);
    let heads = [format!("{relay_name} saw"), "gateway.test saw".to_owned(), "the resolver saw".to_owned()];
    columns(out, DIM, &heads)?;
    let resolver = resolver(account);
    for line in 0..3 {
        let row = [relay[line].clone(), gateway[line].clone(), resolver[line].clone()];
        columns(out, Style::new(), &row)?;
    }
    Ok(())
}

fn client(out: &mut impl Write, got: &ClientGot) -> io::Result<()> {
    let style = style_of(got.outcome);
    let word = words(got.outcome);
    let unexpected = if got.as_expected { "" } else { "   (not what this person stands for!)" };
    match got.services.split_first() {
        None => {
            let reason = got.reason.as_ref();
            let rule = reason.map_or_else(|| "and this refusal is proved".to_owned(), |reason| reason.rule.clone());
            writeln!(out, "{INDENT}{style}{word:<12}{style:#}{rule}{ALARM}{unexpected}{ALARM:#}")?;
            if let Some((name, rtype)) = reason.and_then(|reason| reason.name.as_ref().zip(reason.rtype.as_ref())) {
                let at = fit(name, WIDTH - 30);
                writeln!(out, "{INDENT}{:12}{DIM}at {at} {rtype}{DIM:#}", "")?;
            }
        }
        Some((first, rest)) => {
            write!(out, "{INDENT}{style}{word:<12}{style:#}")?;
            service(out, 1, first)?;
            // A page shows the five best.
            for (index, line) in rest.iter().enumerate().take(4) {
                write!(out, "{INDENT}{:12}", "")?;
                service(out, index + 2, line)?;
            }
            if rest.len() > 4 {
                writeln!(out, "{INDENT}{:12}{DIM}and {} more{DIM:#}", "", rest.len() - 4)?;
            }
            if !got.as_expected {
                writeln!(out, "{INDENT}{ALARM}{}{ALARM:#}", unexpected.trim_start())?;
            }
        }
    }
    let mut proof = Vec::new();
    if let Some(octets) = got.proof_octets {
        let proved = matches!(got.outcome, "found" | "opted_out" | "no_record" | "invalid" | "insecure");
        let how = if proved { "verified here" } else { "refused here" };
        proof.push(format!("proof of {} octets {how}", grouped(octets)));
    }
    if got.signatures > 0 {
        proof.push(format!("{} signatures up to the root key", got.signatures));
    }
    if let Some(until) = got.valid_until {
        proof.push(format!("valid {} more days", until.saturating_sub(got.at) / DAY));
    }
    proof.push(format!("{} ms", got.milliseconds));
    writeln!(out, "{INDENT}{:12}{DIM}{}{DIM:#}", "", proof.join(", "))
}

fn service(out: &mut impl Write, rank: usize, line: &ServiceLine) -> io::Result<()> {
    let port = line.port.map(|port| format!(":{port}")).unwrap_or_default();
    let provider = format!("{}{port}", line.provider);
    let account = line.account.as_deref().unwrap_or("(ask the provider)");
    let mut extras: Vec<&str> = line.label.iter().map(String::as_str).collect();
    extras.extend(line.tags.iter().map(String::as_str));
    let text = format!("{rank}  {provider:<26}{account:<20}{}", extras.join(" "));
    writeln!(out, "{}", text.trim_end())
}

/// Three lines about any number of questions.
fn resolver(account: &Account) -> [String; 3] {
    let Some(first) = account.resolver.first() else {
        return ["no question at all".to_owned(), String::new(), String::new()];
    };
    let name = account.gateway.as_ref().map_or(first.name.as_str(), |saw| saw.name.as_str());
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for question in &account.resolver {
        match kinds.iter_mut().find(|(kind, _)| *kind == question.rtype) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&question.rtype, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(kind, count)| if count == 1 { kind.to_owned() } else { format!("{count} {kind}") })
        .collect();
    [
        "client gateway.test".to_owned(),
        fit(name, COLUMNS[2]),
        kinds.join(", "),
    ]
}

fn columns(out: &mut impl Write, style: Style, cells: &[String; 3]) -> io::Result<()> {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(COLUMNS) {
        line.push_str(&format!("{cell:<width$}  ", width = width));
    }
    writeln!(out, "{INDENT}{style}{}{style:#}", line.trim_end())
}

/// Who learnt what.
pub(crate) fn tally(out: &mut impl Write, tally: &Tally) -> io::Result<()> {
    writeln!(out, "\n{BOLD}Who learnt what, over {} lookups{BOLD:#}", tally.lookups)?;
    writeln!(
        out,
        "{INDENT}{DIM}{:<18}{:>11}{:>14}{:>20}{DIM:#}",
        "", "exchanges", "names seen", "client addresses"
    )?;
    for party in &tally.parties {
        let both = party.names > 0 && party.client_addresses > 0;
        let style = if both { ALARM } else { Style::new() };
        writeln!(
            out,
            "{INDENT}{style}{:<18}{:>11}{:>14}{:>20}{style:#}",
            party.party, party.exchanges, party.names, party.client_addresses
        )?;
    }
    let sizes = |sizes: &std::collections::BTreeSet<usize>| {
        sizes.iter().map(|size| grouped(*size)).collect::<Vec<_>>().join(" and ")
    };
    let count = |count: usize, what: &str| format!("{count} {what} size{}", if count == 1 { "" } else { "s" });
    writeln!(
        out,
        "{INDENT}{} ({} octets), {} ({} octets)",
        count(tally.request_octets.len(), "request"),
        sizes(&tally.request_octets),
        count(tally.answer_octets.len(), "answer"),
        sizes(&tally.answer_octets),
    )?;
    if let Some((smallest, largest)) = tally.proof_octets {
        writeln!(
            out,
            "{INDENT}though the proofs inside have {} to {} octets",
            grouped(smallest),
            grouped(largest)
        )?;
    }
    let outcomes: Vec<String> =
        tally.outcomes.iter().map(|(outcome, count)| format!("{count} {}", words(outcome).to_lowercase())).collect();
    writeln!(out, "{INDENT}{DIM}{}{DIM:#}", outcomes.join(", "))
}

/// What to type next.
pub(crate) fn next(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{BOLD}Next{BOLD:#}")?;
    for (command, what) in [
        ("cargo run --release -- serve", "keep this internet up and look people up yourself"),
        ("cargo run --release -- --json", "all of the above as data"),
        ("cargo run --release --bin sotto -- --help", "the command for the real DNS"),
    ] {
        writeln!(out, "{INDENT}{command:<44}{DIM}{what}{DIM:#}")?;
    }
    Ok(())
}

const fn style_of(outcome: &str) -> Style {
    match outcome.as_bytes() {
        b"found" => GOOD,
        b"opted_out" | b"no_record" => PLAIN_FACT,
        b"bogus" => ALARM,
        _ => DOUBT,
    }
}

fn words(outcome: &str) -> &str {
    match outcome {
        "found" => "Found",
        "opted_out" => "Opted out",
        "no_record" => "No record",
        "invalid" => "Invalid",
        "insecure" => "Insecure",
        "bogus" => "Bogus",
        "unavailable" => "Unavailable",
        other => other,
    }
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
    let name = name.strip_suffix('.').filter(|rest| !rest.is_empty()).unwrap_or(name);
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
    let tail: String = shortened.chars().skip(columns - (kept - kept / 3)).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_its_column() {
        let hash = "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6";
        assert_eq!(fit(&format!("{hash}._user._mimi.example.test."), 40), "c93f…._user._mimi.example.test");
        let phone = fit("_mimi.8.4.1.0.6.4.9.7.0.2.4.4.phones.test.", 29);
        assert_eq!(phone.chars().count(), 29);
        assert!(phone.starts_with("_mimi.8") && phone.ends_with("phones.test"));
        assert_eq!(fit(".", 5), ".");
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([grouped(0), grouped(999), grouped(2_048), grouped(1_234_567)], ["0", "999", "2,048", "1,234,567"]);
    }
}
