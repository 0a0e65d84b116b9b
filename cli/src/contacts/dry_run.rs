//! What each party would learn of a run, with numbers and without a network.

use std::fmt::Write;

use serde::Serialize;
use sotto_client::contacts::{Cover, Exposure};
use sotto_wire::{AnswerClass, REQUEST_BYTES};

use super::{Addresses, span};
use crate::Output;
use crate::exit::Exit;
use crate::json;
use crate::terminal::folded;

/// Requests per second of everybody else at a relay, for which the share of a run is told: a relay among friends, one of
/// an association, a large one.
const OTHERS_PER_SECOND: [u32; 3] = [1, 10, 100];

/// What `--dry-run` prints.
pub(super) fn output(addresses: &Addresses, within: u64, cover: &Cover, json: bool) -> Output {
    let exposure = Exposure::of(&addresses.book, within, !cover.is_empty());
    let text = if json {
        object(addresses, &exposure)
    } else {
        words(addresses, &exposure)
    };
    Output {
        text,
        notes: Vec::new(),
        exit: Exit::Done,
    }
}

fn octets(exposure: &Exposure) -> usize {
    exposure
        .requests
        .saturating_mul(REQUEST_BYTES + AnswerClass::Base.bytes())
}

fn object(addresses: &Addresses, exposure: &Exposure) -> String {
    #[derive(Serialize)]
    struct Body {
        dry_run: Detail,
    }
    #[derive(Serialize)]
    struct Detail {
        format: &'static str,
        people: usize,
        folded: usize,
        numbers_left_out: usize,
        mailboxes: usize,
        numbers: usize,
        hosts: usize,
        domains: usize,
        lone_domains: usize,
        questions_least: usize,
        questions_most: usize,
        requests: usize,
        within_seconds: u64,
        octets: usize,
        shares: Vec<Share>,
    }
    #[derive(Serialize)]
    struct Share {
        others_per_second: u32,
        share: f64,
    }
    json::print(&Body {
        dry_run: Detail {
            format: addresses.reading.format.as_str(),
            people: exposure.contacts,
            folded: addresses.folded,
            numbers_left_out: addresses.numbers_left_out,
            mailboxes: exposure.mailboxes,
            numbers: exposure.numbers,
            hosts: exposure.hosts,
            domains: exposure.domains,
            lone_domains: exposure.lone_domains,
            questions_least: exposure.questions_least,
            questions_most: exposure.questions_most,
            requests: exposure.requests,
            within_seconds: exposure.within_millis / 1_000,
            octets: octets(exposure),
            shares: OTHERS_PER_SECOND
                .into_iter()
                .map(|others| Share {
                    others_per_second: others,
                    share: exposure.share(f64::from(others)),
                })
                .collect(),
        },
    })
}

fn words(addresses: &Addresses, exposure: &Exposure) -> String {
    let Exposure {
        contacts,
        mailboxes,
        numbers,
        hosts,
        domains,
        lone_domains,
        questions_most,
        questions_least,
        requests,
        within_millis,
    } = exposure;
    let within = span::words(*within_millis);
    let shares = OTHERS_PER_SECOND.map(|others| {
        let percent = exposure.share(f64::from(others)) * 100.0;
        format!("{percent:.2} % if {others} a second come from others")
    });
    let mut paragraphs = vec![
        format!(
            "{contacts} people, every name once ({} repeated): {mailboxes} mailboxes at {domains} domains, {numbers} numbers, {hosts} hosts. \
             Nothing was sent. A run would tell:",
            addresses.folded
        ),
        format!(
            "  the network, on the way to the relay: that this machine uses this relay, and when: {requests} exchanges of {REQUEST_BYTES} octets \
             there and {} back ({} kB in all), at times that are drawn anew for each over {within}. No time depends on whom you know, nor on what is found, \
             and no size but one: where a proof does not fit, {} octets come back. Before the first, and once an hour, the \
             relay's description and the gateway's keys are fetched; if answers come so late that people wait when the \
             instants are over, some more follow, once; what is kept from earlier is not asked",
            AnswerClass::Base.bytes(),
            octets(exposure) / 1_000,
            AnswerClass::Overflow.bytes()
        ),
        format!(
            "  the relay: the same, your address, and which gateway. Not one name. A second relay, if you have one, sees keys fetched \
             once a day, whatever is asked. The number {requests} is rounded up from at most \
             {questions_most} questions, so that it stands for many address books"
        ),
        format!(
            "  the gateway: between {questions_least} and {questions_most} names, one an envelope, and which relay they came through; not from whom. \
             The {domains} domains are asked first; only mailboxes at those that may publish something follow, as hashes that a dictionary \
             undoes. Numbers and hosts are bare. Of what the relay sends it meanwhile, yours are {}",
            shares.join(", ")
        ),
        "  its resolver and the name servers: the same names as far as nobody else's question left them in a cache, from the gateway's address"
            .to_owned(),
        format!(
            "  the owner of each domain: that somebody asked whether it publishes anything; if it does, for which of its mailboxes. Of the \
             {domains} domains {lone_domains} have one mailbox in the book"
        ),
        "  relay and gateway together, if they break their word: everything".to_owned(),
    ];
    if *requests == *questions_most {
        paragraphs.push(
            "  There is nothing to draw cover from: the number of exchanges is that of the questions, and shows it. --cover FILE gives names that exist"
                .to_owned(),
        );
    }
    let mut text = String::new();
    for paragraph in paragraphs {
        // A String takes everything.
        let _ = writeln!(text, "{}", folded(&paragraph));
    }
    text
}

#[cfg(test)]
mod tests {
    use sotto_client::contacts::Book;
    use sotto_mimi::RecordForm;
    use sotto_proof::RecordType;

    use super::*;

    fn dry_run(text: &str, json: bool) -> String {
        let book = Book::new(RecordForm::Txt, RecordType(65_400), None);
        let addresses = Addresses::read(book, text.as_bytes(), None);
        let cover = Cover::of_book(&addresses.book);
        output(&addresses, 3_600_000, &cover, json).text
    }

    #[test]
    fn a_person_reads_what_each_party_learns() {
        let text = dry_run(
            "a@example.com\nb@example.com\nA@example.com\nc@example.net\n",
            false,
        );
        for party in [
            "network",
            "relay",
            "gateway",
            "name servers",
            "owner of each domain",
        ] {
            assert!(text.contains(party), "{party}: {text}");
        }
        assert!(
            text.contains("3 people") && text.contains("8 exchanges"),
            "{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(!text.contains("no cover"), "{text}");
        assert!(dry_run("alice.example.com\n", false).contains("nothing to draw cover from"));
    }

    #[test]
    fn a_program_reads_the_same_numbers() {
        let text = dry_run("a@example.com\nb@example.com\nc@example.net\n", true);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let run = &value["dry_run"];
        assert_eq!(run["people"], 3);
        assert_eq!(run["questions_least"], 2);
        assert_eq!(run["questions_most"], 5);
        assert_eq!(run["requests"], 8);
        assert_eq!(run["shares"][0]["others_per_second"], 1);
        let share = run["shares"][0]["share"].as_f64().unwrap();
        assert!((share - 8.0 / 3_608.0).abs() < 1e-9, "{share}");
    }
}
