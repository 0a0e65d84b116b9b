//! Files of accounts: who is in them, and what is wrong with them, by line, column and value.

#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

use std::io::{self, Read};

use sotto_publish::accounts::{Accounts, AccountsError, Entry, ROW_MAX_OCTETS};
use sotto_publish::{Placement, zone_file};

fn read(text: &[u8]) -> Result<Vec<Entry>, AccountsError> {
    let zone = "example.com".parse().unwrap();
    Accounts::new(text, Placement::default(), Some(zone))?.collect()
}

/// Line, column, value and code of the error.
fn error(text: impl AsRef<[u8]>) -> (u64, Option<(String, String)>, &'static str) {
    let error = read(text.as_ref()).unwrap_err();
    assert!(error.to_string().starts_with("line "), "{error}");
    assert!(!error.problem.remedy().is_empty());
    let field = error
        .field
        .map(|(column, value)| (column.to_string(), value));
    (error.line, field, error.problem.code())
}

fn at(
    line: u64,
    column: &str,
    value: &str,
    code: &'static str,
) -> (u64, Option<(String, String)>, &'static str) {
    (line, Some((column.to_owned(), value.to_owned())), code)
}

const HEADING: &str = "identifier,service,account,prefer,label,tag,opt_out\n";

#[test]
fn rows_that_stand_together_are_one_person() {
    let text = format!(
        "{HEADING}hugh@example.com,a.test,hugh,10,Ä,\"x, y;z\",\n\n HUGH@example.com , b.test:8443 ,,,,,no\n\
         \"\"\"a \"\"@example.com\",c.test,,,,,\nghost@example.com,,,,,,yes\n"
    );
    let people = read(text.as_bytes()).unwrap();
    let shown: Vec<_> = people
        .iter()
        .map(|entry| {
            let texts: Vec<_> = entry
                .records
                .iter()
                .map(sotto_mimi::Record::to_text)
                .collect();
            (entry.line, entry.subject.to_string(), texts.join(" | "))
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                2,
                "hugh@example.com".to_owned(),
                "v=MIMI1; p=10; a=hugh; e=a.test; s=Ä; t=x,y,z | v=MIMI1; e=b.test:8443".to_owned()
            ),
            (
                5,
                "\"a \"@example.com".to_owned(),
                "v=MIMI1; e=c.test".to_owned()
            ),
            (6, "ghost@example.com".to_owned(), "v=MIMI1; e=.".to_owned()),
        ]
    );
}

#[test]
fn columns_come_in_any_order_and_most_may_be_missing() {
    let people = read("\u{feff}service,identifier\r\na.test,x@example.com\r\n".as_bytes()).unwrap();
    assert_eq!(people.len(), 1);
    assert_eq!(error(""), (1, None, "accounts_no_heading"));
    assert_eq!(
        error("identifier,service,phone\n"),
        (1, None, "accounts_unknown_column")
    );
    assert_eq!(
        error("identifier,service,service\n"),
        (1, None, "accounts_double_column")
    );
    assert_eq!(
        error("identifier,opt_out\n"),
        (1, None, "accounts_missing_column")
    );
    assert_eq!(
        error("hugh@example.com,a.test\n"),
        (1, None, "accounts_unknown_column")
    );
}

#[test]
fn an_error_names_line_column_and_value() {
    let row = |row: &str| error(format!("{HEADING}x@example.com,a.test,,,,,\n{row}\n"));
    assert_eq!(row("y@example.com,a.test"), (3, None, "accounts_fields"));
    assert_eq!(row("y@,a.test,,,,,").0, 3);
    assert_eq!(
        row("020 7946,a.test,,,,,"),
        at(3, "identifier", "020 7946", "phone_not_international")
    );
    assert_eq!(
        row("y@example.com,a b,,,,,"),
        at(3, "service", "a b", "record_provider")
    );
    assert_eq!(
        row("y@example.com,a.test:80,,,,,"),
        at(3, "service", "a.test:80", "record_port")
    );
    assert_eq!(
        row("y@example.com,,,,,,"),
        at(3, "service", "", "accounts_no_service")
    );
    assert_eq!(
        row("y@example.com,.,,,,,"),
        at(3, "service", ".", "accounts_dot")
    );
    assert_eq!(
        row("y@example.com,a.test,a\tb,,,,"),
        at(3, "account", "a\tb", "record_control")
    );
    assert_eq!(
        row("y@example.com,a.test,,+1,,,"),
        at(3, "prefer", "+1", "accounts_preference")
    );
    assert_eq!(
        row("y@example.com,a.test,,65536,,,"),
        at(3, "prefer", "65536", "accounts_preference")
    );
    assert_eq!(
        row("y@example.com,a.test,,,,50%,"),
        at(3, "tag", "50%", "record_percent")
    );
    assert_eq!(
        row("y@example.com,a.test,,,,,maybe"),
        at(3, "opt_out", "maybe", "accounts_yes_or_no")
    );
    assert_eq!(
        row("y@example.com,a.test,,,,,yes"),
        at(3, "service", "a.test", "accounts_opt_out_with_more")
    );
    assert_eq!(
        row("y@example.com,,,1,,,yes"),
        at(3, "prefer", "1", "accounts_opt_out_with_more")
    );
    assert_eq!(
        row("y@example.org,a.test,,,,,"),
        at(3, "identifier", "y@example.org", "accounts_outside_zone")
    );
    assert_eq!(
        row("example.com,a.test,,,,,"),
        at(
            3,
            "identifier",
            "example.com",
            "publish_no_account_for_host"
        )
    );
    assert_eq!(
        row("+15551234567,a.test,,,,,"),
        at(3, "identifier", "+15551234567", "phone_zone_missing")
    );
    let (line, field, code) =
        error([HEADING.as_bytes(), b"x@example.com,a.test,\xff,,,,\n"].concat());
    assert_eq!((line, code), (2, "accounts_not_utf8"));
    assert_eq!(field.unwrap().0, "account");
}

#[test]
fn words_are_read_in_any_case() {
    let text = "Identifier,SERVICE,Opt_Out\na@example.com,a.test,No\nb@example.com,,Yes\nc@example.com,,TRUE\n\
                d@example.com,,1\ne@example.com,a.test,False\nf@example.com,a.test,0\n";
    let people = read(text.as_bytes()).unwrap();
    let opted_out = people
        .iter()
        .map(|entry| entry.records[0].to_text() == "v=MIMI1; e=.");
    assert_eq!(
        opted_out.collect::<Vec<_>>(),
        [false, true, true, true, false, false]
    );
}

#[test]
fn a_url_is_not_taken_for_a_port() {
    for url in ["https://im.a.test/", "https://im.a.test", "im.a.test/hugh"] {
        assert_eq!(
            error(format!("{HEADING}y@example.com,{url},,,,,\n")),
            at(2, "service", url, "accounts_url")
        );
    }
}

/// Most likely whoever made the file failed, and the zone would lose everybody.
#[test]
fn a_file_with_nobody_in_it_is_refused() {
    for text in [
        HEADING.to_owned(),
        HEADING.trim_end().to_owned(),
        format!("{HEADING}\r\n\n"),
    ] {
        assert_eq!(error(&text), (1, None, "accounts_no_people"), "{text:?}");
        let mut accounts = Accounts::new(text.as_bytes(), Placement::default(), None).unwrap();
        assert!(accounts.next().unwrap().is_err());
        accounts.go_on();
        assert!(accounts.next().is_none());
    }
}

/// Lines are those of an editor, whatever ends them and however many are empty.
#[test]
fn lines_are_counted_whatever_ends_them() {
    for (end, name) in [("\n", "LF"), ("\r\n", "CR LF"), ("\r", "CR")] {
        let fault = |rows: &[&str]| error(HEADING.trim_end().to_owned() + end + &rows.join(end));
        let (good, bad) = ("x@example.com,a.test,,,,,", "y@example.com,a.test,,x,,,");
        let expected = |line| at(line, "prefer", "x", "accounts_preference");
        assert_eq!(fault(&[bad]), expected(2), "{name}");
        assert_eq!(fault(&[good, bad]), expected(3), "{name}");
        assert_eq!(fault(&[good, "", bad]), expected(4), "{name}");
        assert_eq!(
            fault(&["", "", good, "", "", bad, ""]),
            expected(7),
            "{name}"
        );
        let several = format!("x@example.com,a.test,,,,\"{end}{end}\",");
        assert_eq!(fault(&[&several, "", bad]), expected(6), "{name}");
        assert_eq!(
            fault(&[good, "", "a,b"]),
            (4, None, "accounts_fields"),
            "{name}"
        );
        // Lines on both sides of what is read at once.
        let many: String = (0..5_000)
            .map(|at| format!("a{at}@example.com,a.test,,,,,{end}"))
            .collect();
        assert_eq!(fault(&[&(many + bad)]), expected(5_002), "{name}");
        let text = ["", "", HEADING.trim_end(), "", good, ""].join(end);
        assert_eq!(read(text.as_bytes()).unwrap()[0].line, 5, "{name}");
    }
    let text = format!("\n\n{HEADING}\n\n\"");
    let input = text.as_bytes().chain(Endless { octets: 0 });
    let refused = Accounts::new(input, Placement::default(), None)
        .unwrap()
        .next();
    assert_eq!(refused.unwrap().unwrap_err().line, 6);
    assert_eq!(
        error("\r\n\r\nidentifier,phone\r\n"),
        (3, None, "accounts_unknown_column")
    );
}

/// What a file comes to that is read on behind every error: the lines of the people, and the errors.
fn all(rows: &str) -> (Vec<u64>, Vec<(u64, &'static str)>) {
    let text = format!("{HEADING}{rows}");
    let mut accounts = Accounts::new(text.as_bytes(), Placement::default(), None).unwrap();
    let (mut people, mut errors) = (Vec::new(), Vec::new());
    while let Some(entry) = accounts.next() {
        match entry {
            Ok(entry) => people.push(entry.line),
            Err(error) => {
                errors.push((error.line, error.problem.code()));
                accounts.go_on();
            }
        }
    }
    (people, errors)
}

#[test]
fn one_bad_row_is_one_error() {
    let (good, bad, short) = (
        "x@example.com,a.test,,,,,\n",
        "x@example.com,a.test,,no,,,\n",
        "x@example.com,a.test\n",
    );
    let other = "y@example.com,a.test,,,,,\n";
    let second = "X@example.com,b.test,,,,,\n";
    let preference = |line| (line, "accounts_preference");
    for (rows, people, errors) in [
        ([good, bad, second], vec![2], vec![preference(3)]),
        ([good, short, second], vec![2], vec![(3, "accounts_fields")]),
        ([bad, good, second], vec![2], vec![preference(2)]),
        (
            [bad, bad, good],
            vec![2],
            vec![preference(2), preference(3)],
        ),
        ([bad, bad, bad], vec![], [2, 3, 4].map(preference).to_vec()),
        (
            [bad, other, good],
            vec![3],
            vec![preference(2), (4, "accounts_repeated")],
        ),
    ] {
        assert_eq!(all(&rows.concat()), (people, errors), "{rows:?}");
    }
    // The person that stands before the end of what can be read is not lost.
    let long = format!("{good}\"{}", "x".repeat(2 * ROW_MAX_OCTETS));
    assert_eq!(all(&long), (vec![2], vec![(3, "accounts_long_row")]));
}

#[test]
fn everybody_who_comes_again_is_told_of_the_first_row() {
    let row = |name: char| format!("{name}@example.com,a.test,,,,,\n");
    let rows: String = "xyxxyx".chars().map(row).collect();
    let text = format!("{HEADING}{rows}");
    let mut accounts = Accounts::new(text.as_bytes(), Placement::default(), None).unwrap();
    let mut errors = Vec::new();
    while let Some(entry) = accounts.next() {
        if let Err(error) = entry {
            errors.push(error.to_string());
            accounts.go_on();
        }
    }
    let expected = [(4, 'x', 2), (6, 'y', 3), (7, 'x', 2)];
    assert_eq!(errors.len(), expected.len(), "{errors:?}");
    for (error, (line, name, first)) in errors.iter().zip(expected) {
        let begin =
            format!("line {line}, column identifier, \"{name}@example.com\": line {first} is for");
        assert!(error.starts_with(&begin), "{error}");
    }
}

/// A row is named by the line it begins on, however many it has.
#[test]
fn a_row_may_have_several_lines() {
    let text = format!("{HEADING}\"x@example.com\",a.test,\"a\nb\",,,,\n");
    assert_eq!(error(text), at(2, "account", "a\nb", "record_control"));
    let text = format!("{HEADING}x@example.com,a.test,,,,\"\n\",\ny@example.com,a.test,,x,,,\n");
    assert_eq!(error(text), at(4, "prefer", "x", "accounts_preference"));
}

#[test]
fn rows_of_a_person_that_stand_apart_are_refused_with_both_lines() {
    let text = format!(
        "{HEADING}x@example.com,a.test,,,,,\ny@example.com,a.test,,,,,\nX@example.com,b.test,,,,,\n"
    );
    let refused = read(text.as_bytes()).unwrap_err();
    assert_eq!(
        (refused.line, refused.problem.code()),
        (4, "accounts_repeated")
    );
    assert!(
        refused
            .to_string()
            .contains("line 2 is for the same person"),
        "{refused}"
    );
}

#[test]
fn one_person_has_as_many_services_as_are_read() {
    let rows = |count: usize| {
        let rows = (0..count).map(|at| format!("x@example.com,a.test,{at},,,,\n"));
        format!("{HEADING}{}", rows.collect::<String>())
    };
    assert_eq!(read(rows(16).as_bytes()).unwrap()[0].records.len(), 16);
    assert_eq!(
        error(rows(17)),
        at(
            2,
            "identifier",
            "x@example.com",
            "publish_too_many_services"
        )
    );
    assert_eq!(error(rows(40_000)).2, "publish_too_many_services");
}

/// Rows without end, of which no more is kept than one may have.
struct Endless {
    octets: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(b'x');
        self.octets += buffer.len();
        assert!(
            self.octets < 4 * ROW_MAX_OCTETS,
            "a row is read without end"
        );
        Ok(buffer.len())
    }
}

#[test]
fn a_quote_that_is_not_closed_costs_no_memory() {
    let input = HEADING
        .as_bytes()
        .chain(&b"\""[..])
        .chain(Endless { octets: 0 });
    let mut accounts = Accounts::new(input, Placement::default(), None).unwrap();
    let refused = accounts.next().unwrap().unwrap_err();
    assert_eq!(
        (refused.line, refused.problem.code()),
        (2, "accounts_long_row")
    );
    assert!(accounts.next().is_none(), "it ends at the first error");
}

#[test]
fn an_input_that_breaks_off_says_why() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let input = HEADING.as_bytes().chain(Broken);
    let refused = Accounts::new(input, Placement::default(), None)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .unwrap_err();
    assert_eq!(refused.problem.code(), "accounts_unreadable");
    assert!(
        refused.to_string().contains("the disk is gone"),
        "{refused}"
    );
}

#[test]
fn the_same_file_gives_the_same_lines_whatever_the_order_of_services() {
    let lines = |rows: [&str; 2]| -> String {
        let text = format!("{HEADING}{}", rows.concat());
        let people = read(text.as_bytes()).unwrap();
        people
            .iter()
            .map(|entry| zone_file::lines(&entry.publication))
            .collect()
    };
    let (a, b) = (
        "x@example.com,a.test,,2,,,\n",
        "x@example.com,b.test,,1,,,\n",
    );
    assert_eq!(lines([a, b]), lines([b, a]));
}
