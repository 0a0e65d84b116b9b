use super::*;

fn found(octets: &[u8]) -> Vec<(usize, String, String)> {
    read(octets)
        .found
        .into_iter()
        .map(|found| (found.line, found.name.unwrap_or_default(), found.identifier))
        .collect()
}

fn row(line: usize, name: &str, identifier: &str) -> (usize, String, String) {
    (line, name.to_owned(), identifier.to_owned())
}

fn codes(text: &str) -> Vec<(usize, &'static str)> {
    let problems = read(text.as_bytes()).problems.into_iter();
    problems
        .map(|problem| (problem.line, problem.code))
        .collect()
}

#[test]
fn google_s_cards_are_read() {
    let text = "\
BEGIN:VCARD\r
VERSION:3.0\r
FN:Hugh Bar\r
N:Bar;Hugh;;;\r
EMAIL;TYPE=INTERNET;TYPE=WORK:hugh@example.com\r
item1.EMAIL;TYPE=INTERNET:h.bar@example.net\r
item1.X-ABLabel:\r
TEL;TYPE=CELL:+44 20 7946 0148\r
TEL;TYPE=WORKFAX;TYPE=FAX:+44 20 7946 0000\r
IMPP;X-SERVICE-TYPE=Skype:skype:hugh.bar\r
IMPP;X-SERVICE-TYPE=Jabber:xmpp:hugh@im.example.com\r
CATEGORIES:myContacts\r
END:VCARD\r
";
    let name = "Hugh Bar";
    assert_eq!(
        found(text.as_bytes()),
        [
            row(5, name, "hugh@example.com"),
            row(6, name, "h.bar@example.net"),
            row(8, name, "+44 20 7946 0148"),
            row(11, name, "xmpp:hugh@im.example.com"),
        ]
    );
    assert_eq!(codes(text), [(10, "service_unknown")]);
}

#[test]
fn apple_s_cards_are_read() {
    let text = "\
BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iOS 17.1//EN
N:Fern\u{e1}ndez;Alicia;;;
FN:Alicia Fern\u{e1}ndez
ORG:Example GmbH;
item1.EMAIL;type=INTERNET;type=pref:alicia@example.com
item1.X-ABLabel:_$!<Other>!$_
TEL;type=CELL;type=VOICE;type=pref:+1 (555) 123-4567
IMPP;X-SERVICE-TYPE=Jabber;type=HOME;type=pref:xmpp:alicia@example.com
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQAASABIAAD/4QBMRXhpZgAATU0AKgAA
 AAgAAYdpAAQAAAABAAAAGgAAAAAAA6ABAAMAAAABAAEAAKACAAQAAAABAAABQKADAAQAAAAB
END:VCARD
";
    let name = "Alicia Fernández";
    assert_eq!(
        found(text.as_bytes()),
        [
            row(7, name, "alicia@example.com"),
            row(9, name, "+1 (555) 123-4567"),
            row(10, name, "xmpp:alicia@example.com"),
        ]
    );
    assert!(codes(text).is_empty());
}

#[test]
fn outlook_s_cards_are_read() {
    let text = b"\
BEGIN:VCARD
VERSION:2.1
N;LANGUAGE=de;CHARSET=Windows-1252:B\xe4r;J\xf6rg
FN;CHARSET=Windows-1252:J\xf6rg B\xe4r
TEL;CELL;VOICE:+49 30 901820
TEL;WORK;FAX:+49 30 901821
ADR;WORK;ENCODING=QUOTED-PRINTABLE:;;Unter den Linden 1=0D=0A=
Hinterhaus;Berlin;;10117;Deutschland
EMAIL;PREF;INTERNET:joerg@example.com
PHOTO;TYPE=JPEG;ENCODING=BASE64:
 /9j/4AAQSkZJRgABAQEAYABgAAD/2wBDAAYEBQYFBAYGBQYHBwYIChAKCgkJChQODwwQFxQY

END:VCARD
";
    assert_eq!(
        found(text),
        [
            row(5, "Jörg Bär", "+49 30 901820"),
            row(9, "Jörg Bär", "joerg@example.com"),
        ]
    );
}

#[test]
fn nextcloud_s_cards_are_read() {
    let text = "\
BEGIN:VCARD
VERSION:4.0
PRODID:-//Nextcloud Contacts v5.5.0
UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1
FN:Zo\u{eb} van der Meer, MSc
EMAIL;TYPE=HOME;PREF=1:zoe@example.com
TEL;VALUE=uri;TYPE=\"voice,cell\":tel:+31-20-555-0123
TEL;VALUE=uri;TYPE=work:tel:+31-20-555-0100;ext=5
IMPP;PREF=1:im:zoe@chat.example.com
X-JABBER:zoe@jabber.example.com
REV;VALUE=DATE-AND-OR-TIME:20260101T120000Z
END:VCARD
";
    let name = "Zoë van der Meer, MSc";
    assert_eq!(
        found(text.as_bytes()),
        [
            row(6, name, "zoe@example.com"),
            row(7, name, "tel:+31-20-555-0123"),
            row(8, name, "tel:+31-20-555-0100;ext=5"),
            row(9, name, "im:zoe@chat.example.com"),
            row(10, name, "xmpp:zoe@jabber.example.com"),
        ]
    );
}

#[test]
fn a_telephone_s_cards_are_read() {
    // A photograph that is not folded, and a name in quoted-printable over two lines.
    let text = "\
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=D0=98=D0=B2=D0=B0=D0=BD=D0=BE=D0=B2;=
=D0=98=D0=B2=D0=B0=D0=BD;;;
TEL;CELL;PREF:+7 495 555 01 23
PHOTO;JPEG;ENCODING=BASE64:/9j/4AAQSkZJRgABAQAAAQABAAD
4AAQSkZJRgABAQAAAQABAAD
END:VCARD
";
    assert_eq!(
        found(text.as_bytes()),
        [row(5, "Иван Иванов", "+7 495 555 01 23")]
    );
    assert!(codes(text).is_empty());
}

#[test]
fn what_is_broken_is_named_and_the_rest_is_used() {
    let text = "\
EMAIL:stray@example.com
TEL:+15550000000
BEGIN:VCARD
FN:One
no colon here
EMAIL:one@example.com
BEGIN:VCARD
FN:Two
EMAIL:two@example.com
END:VCARD
BEGIN:VCARD
EMAIL:three@example.com
";
    assert_eq!(
        codes(text),
        [
            (1, "outside_card"),
            (5, "vcard_malformed"),
            (3, "card_unended"),
            (11, "card_unended"),
        ]
    );
    let identifiers: Vec<_> = found(text.as_bytes())
        .into_iter()
        .map(|(_, _, found)| found)
        .collect();
    assert_eq!(
        identifiers,
        ["one@example.com", "two@example.com", "three@example.com"]
    );
}

#[test]
fn an_identifier_of_absurd_length_is_a_problem_and_a_photograph_is_none() {
    let long = "x".repeat(LINE_MAX_OCTETS + 1);
    let text = format!(
        "BEGIN:VCARD\nEMAIL:{long}\nPHOTO:{long}\nFN:{long}\nEMAIL:a@example.com\nEND:VCARD\n"
    );
    assert_eq!(codes(&text), [(2, "line_too_long")]);
    assert_eq!(found(text.as_bytes()), [row(5, "", "a@example.com")]);
}
