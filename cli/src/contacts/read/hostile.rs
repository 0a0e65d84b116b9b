//! Whatever the octets are, a reading ends, is bounded, and points at lines that exist.

use proptest::prelude::*;

use super::*;

/// Pieces that readers look for, so that chance finds the places where they decide.
const PIECES: &[&[u8]] = &[
    b"BEGIN:VCARD",
    b"END:VCARD",
    b"\r\n",
    b"\n",
    b"\n ",
    b"=\n",
    b":",
    b";",
    b"\"",
    b",",
    b"\t",
    b"=",
    b"=C3",
    b"EMAIL",
    b"TEL;TYPE=FAX",
    b"FN;ENCODING=QUOTED-PRINTABLE",
    b"N",
    b"IMPP",
    b"X-JABBER",
    b"CHARSET=UTF-16LE",
    b"CHARSET=Shift_JIS",
    b"ENCODING=b",
    b"\\",
    b"\\n",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc3",
    b"name,email",
    b":::",
    b"hugh@example.com",
    b"+15551234567",
    b"#",
    b"<",
    b">",
    b"\0",
];

fn book() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(piece, 0..64).prop_map(|pieces| pieces.concat())
}

fn check(reading: &Reading, octets: &[u8]) {
    let lines = octets.iter().filter(|octet| **octet == b'\n').count() + 1;
    for found in &reading.found {
        assert!((1..=lines).contains(&found.line), "{found:?}");
        assert!(!found.identifier.trim().is_empty(), "{found:?}");
        assert!(found.identifier.len() <= 4 * LINE_MAX_OCTETS * 8);
    }
    for problem in &reading.problems {
        assert!((1..=lines).contains(&problem.line), "{problem:?}");
        assert!(!problem.message.is_empty() && !problem.remedy.is_empty());
    }
    assert!(reading.found.len() <= octets.len() / 2 + 1);
}

proptest! {
    #[test]
    fn no_book_breaks_a_reader(octets in book()) {
        for format in [None, Some(Format::Vcard), Some(Format::Csv), Some(Format::Lines)] {
            let reading = read(&octets, format);
            // UTF-16 has other lines than its octets show.
            if !octets.starts_with(b"\xff\xfe") && !octets.starts_with(b"\xfe\xff") {
                check(&reading, &octets);
            }
        }
    }
}

#[test]
fn there_is_an_end_to_what_is_found() {
    let octets = "a@b.example\n".repeat(FOUND_MAX + 3);
    let reading = read(octets.as_bytes(), None);
    assert_eq!(reading.found.len(), FOUND_MAX);
    assert_eq!(reading.problems.len(), 3);
    assert_eq!(reading.problems[0].code, "book_full");
}
