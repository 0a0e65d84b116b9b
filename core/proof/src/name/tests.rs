use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn canonical_order_is_that_of_rfc_4034() {
    // The list of RFC 4034 section 6.1.
    let sorted = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        "\\001.z.example.",
        "*.z.example.",
        "\\200.z.example.",
    ];
    for pair in sorted.windows(2) {
        assert!(
            name(pair[0]) < name(pair[1]),
            "{} before {}",
            pair[0],
            pair[1]
        );
    }
    assert!(Name::root() < name("a"));
}

#[test]
fn case_does_not_count_but_is_kept() {
    assert_eq!(name("ExAmple.ORG"), name("example.org."));
    assert_eq!(name("ExAmple.ORG").to_string(), "ExAmple.ORG.");
    assert_eq!(format!("{:?}", name("ExAmple.ORG")), "Name(ExAmple.ORG.)");
    let hashed = |text: &str| BuildHasherDefault::<DefaultHasher>::default().hash_one(name(text));
    assert_eq!(hashed("ExAmple.ORG"), hashed("example.org"));
    assert_ne!(hashed("example.org"), hashed("example.net"));
    assert_eq!(
        name("ExAmple.ORG").to_lowercase().to_string(),
        "example.org."
    );
}

#[test]
fn any_octet_survives_its_presentation_form() {
    for octet in 0..=u8::MAX {
        let original = Name::root().prepend(&[octet, b'x', octet]).unwrap();
        assert_eq!(name(&original.to_string()).as_wire(), original.as_wire());
    }
}

#[test]
fn limits_hold_to_the_octet() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(name(&longest).as_wire().len(), MAX_NAME_OCTETS);
    assert_eq!(
        Name::from_wire(name(&longest).as_wire()),
        Ok(name(&longest))
    );
    let wire_label = |octets: u8| [&[octets][..], &vec![b'x'; octets.into()]].concat();
    let over = [
        wire_label(63),
        wire_label(63),
        wire_label(63),
        wire_label(62),
        vec![0],
    ]
    .concat();
    assert_eq!(over.len(), MAX_NAME_OCTETS + 1);
    assert_eq!(Name::from_wire(&over), Err(NameError::NameTooLong));
    assert_eq!(
        format!("{longest}a").parse::<Name>(),
        Err(NameError::NameTooLong)
    );
    assert_eq!(
        format!("a{label}").parse::<Name>(),
        Err(NameError::LabelTooLong)
    );
    assert_eq!(name(&longest).prepend(b"a"), Err(NameError::NameTooLong));
    let deepest = "a.".repeat(127);
    assert_eq!(name(&deepest).label_count(), 127);
    assert_eq!(name(&deepest).ancestor(3), name("a.a.a"));
}

#[test]
fn text_that_is_no_name_is_refused() {
    for (text, error) in [
        ("", NameError::Empty),
        ("..", NameError::EmptyLabel),
        (".a", NameError::EmptyLabel),
        ("a..b", NameError::EmptyLabel),
        ("a\\", NameError::BadEscape),
        ("a\\25", NameError::BadEscape),
        ("a\\256", NameError::BadEscape),
        ("a b", NameError::NotPrintable),
        ("b\u{fc}cher", NameError::NotPrintable),
    ] {
        assert_eq!(text.parse::<Name>(), Err(error), "{text:?}");
    }
}

#[test]
fn octets_that_are_no_name_are_refused() {
    for (octets, error) in [
        (&b""[..], NameError::Truncated),
        (b"\x01", NameError::Truncated),
        (b"\x01a", NameError::Truncated),
        (b"\x01a\x00\x00", NameError::Trailing),
        (b"\xc0\x00", NameError::Compressed),
        (b"\x40", NameError::Compressed),
    ] {
        assert_eq!(Name::from_wire(octets), Err(error), "{octets:?}");
    }
}

#[test]
fn ancestry_respects_label_boundaries() {
    assert!(name("a.example").is_at_or_below(&name("EXAMPLE")));
    assert!(name("a.example").is_at_or_below(&Name::root()));
    assert!(name("example").is_at_or_below(&name("example")));
    assert!(!name("example").is_below(&name("example")));
    assert!(!name("anexample").is_at_or_below(&name("example")));
    // The octets of "\007example" end like the name "example" without being below it.
    assert!(!name("x\\007example").is_at_or_below(&name("example")));
    assert_eq!(name("a.b.c").common_labels(&name("x.B.c")), 2);
    assert_eq!(name("a.b.c").parent(), Some(name("b.c")));
    assert_eq!(Name::root().parent(), None);
    assert_eq!(name("a.b.c").ancestor(0), Name::root());
}

#[test]
fn rebase_does_what_a_dname_does() {
    let moved = name("a.b.example").rebase(&name("example"), &name("other.test"));
    assert_eq!(moved, Some(Ok(name("a.b.other.test"))));
    assert_eq!(name("a.test").rebase(&name("example"), &name("x")), None);
}
