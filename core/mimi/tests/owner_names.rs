//! Every spelling against the vectors of the profile, and what the vectors do not cover.

use serde_json::Value;
use sotto_mimi::{Domain, Identifier, IdentifierError, RecordForm, Service};

fn parse(text: &str) -> Result<Identifier, IdentifierError> {
    text.parse()
}

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/owner-names.json")).expect("the vectors are JSON")
}

#[test]
fn valid_identifiers_have_their_owner_names() {
    let vectors = vectors();
    let valid = vectors["valid"].as_array().unwrap();
    assert!(valid.len() >= 18);
    for vector in valid {
        let text = vector["identifier"].as_str().unwrap();
        let zone: Option<Domain> = vector["phone_zone"]
            .as_str()
            .map(|zone| zone.parse().unwrap());
        let identifier = parse(text).unwrap();
        let owner = identifier.owner(RecordForm::Txt, zone.as_ref()).unwrap();
        assert_eq!(owner.as_str(), vector["owner"].as_str().unwrap(), "{text}");
        assert_eq!(
            parse(&identifier.to_string()).unwrap(),
            identifier,
            "{text}"
        );
    }
}

#[test]
fn invalid_identifiers_are_refused() {
    let vectors = vectors();
    let invalid = vectors["invalid"].as_array().unwrap();
    assert!(invalid.len() >= 12);
    for text in invalid {
        let error = parse(text.as_str().unwrap()).unwrap_err();
        assert!(
            !error.to_string().is_empty() && !error.remedy().is_empty() && !error.code().is_empty()
        );
    }
}

#[test]
fn every_uri_form_names_the_same_mailbox() {
    for text in [
        "hugh@example.com",
        " hugh@example.com\n",
        "\"hugh\"@example.com",
        "\"hu\\gh\"@EXAMPLE.com.",
        "mailto:hugh@example.com",
        "MAILTO:%68ugh@example.com",
        "mailto:%22hugh%22@example.com",
        "acct:hugh@example.com",
        "im:hugh@example.com",
        "xmpp:hugh@example.com",
        "xmpp:hugh@example.com/phone/home",
    ] {
        assert_eq!(
            parse(text).unwrap().to_string(),
            "hugh@example.com",
            "{text}"
        );
    }
}

#[test]
fn every_separator_names_the_same_number() {
    for text in [
        "+442079460148",
        "+44 20 7946 0148",
        "+44-20-7946-0148",
        "+44.20.7946.0148",
        "+44 (20) 7946/0148",
        "+44\u{a0}20\u{2011}79460148",
        "tel:+44-20-7946-0148",
        "TEL:+44%2020%207946%200148",
        "tel:+442079460148;npdi",
    ] {
        assert_eq!(parse(text).unwrap().to_string(), "+442079460148", "{text}");
    }
}

#[test]
fn a_number_without_its_country_is_told_how_to_get_one() {
    for text in [
        "02079460148",
        "00442079460148",
        "020 7946 0148",
        "(020) 7946-0148",
        "0044.20.7946.0148",
        "tel:02079460148",
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.code(), "phone_not_international", "{text}");
        assert!(error.remedy().contains("+44 20 7946 0148"), "{text}");
    }
    for text in ["192.0.2.1", "...", "-"] {
        assert_eq!(parse(text).unwrap_err().code(), "domain_invalid", "{text}");
    }
}

#[test]
fn each_refusal_names_its_culprit() {
    for (text, code) in [
        ("   ", "identifier_empty"),
        ("\"hugh@example.com", "local_part_quoting"),
        ("\"hugh\"x@example.com", "local_part_quoting"),
        ("\"hugh\\", "local_part_quoting"),
        ("\"\"@example.com", "local_part_missing"),
        ("\"a\tb\"@example.com", "local_part_character"),
        ("Hugh <hugh@example.com>", "local_part_character"),
        ("a b@example.com", "local_part_character"),
        ("a@b@example.com", "local_part_character"),
        ("mailto:hugh@example.com?subject=hi", "uri_part_refused"),
        ("mailto:a@example.com,b@example.com", "local_part_character"),
        ("mailto:%zz@example.com", "percent_encoding"),
        ("mailto:%ff@example.com", "percent_encoding"),
        ("mailto:example.com", "local_part_missing"),
        (
            "xmpp://guest@example.com/hugh@example.com",
            "uri_part_refused",
        ),
        ("xmpp:hugh@example.com?message", "uri_part_refused"),
        ("acct:hugh@example.com#x", "uri_part_refused"),
        ("tel:+442079460148;ext=1", "uri_part_refused"),
        ("tel:863-1234;phone-context=+1-914-555", "uri_part_refused"),
        ("tel:5551234", "phone_not_international"),
        ("tel:", "phone_not_international"),
        ("+44 (0)20 7946 0148", "phone_trunk_prefix"),
        ("+44x", "phone_character"),
        ("+٤٤", "phone_character"),
        ("+", "phone_digits"),
        ("+1234567890123456", "phone_digits"),
        ("https://example.com", "scheme_unknown"),
        ("sip:hugh@example.com", "local_part_character"),
        ("example.com:443", "domain_invalid"),
        ("mimi:alice@a.example", "mimi_uri_not_a_user"),
        ("mimi://a.example", "mimi_uri_not_a_user"),
        ("mimi://a.example/r/room", "mimi_uri_not_a_user"),
        ("mimi://a.example/u/", "mimi_uri_not_a_user"),
        ("mimi://a.example/u/a/b", "mimi_uri_not_a_user"),
        ("mimi://a.example/u/..", "mimi_uri_not_a_user"),
        ("mimi://a.example/u/%00", "mimi_uri_not_a_user"),
        ("mimi://a.example:8443/u/alice", "domain_invalid"),
        ("mimi:///u/alice", "domain_invalid"),
    ] {
        assert_eq!(parse(text).unwrap_err().code(), code, "{text:?}");
    }
    assert_eq!(
        parse(&"a".repeat(5_000)).unwrap_err(),
        IdentifierError::TooLong
    );
}

#[test]
fn long_names_are_refused_by_form() {
    // 184 and 247 octets are the most.
    let domain = |octets: usize| {
        format!(
            "{}{}.example",
            "a.".repeat((octets - 9) / 2),
            "b".repeat(1 + (octets - 9) % 2)
        )
    };
    assert_eq!(domain(184).len(), 184);
    assert!(parse(&format!("x@{}", domain(184))).is_ok());
    assert!(matches!(
        parse(&format!("x@{}", domain(185))),
        Err(IdentifierError::LongDomain {
            octets: 185,
            most: 184
        })
    ));
    assert!(parse(&domain(247)).is_ok());
    assert!(matches!(
        parse(&domain(248)),
        Err(IdentifierError::LongDomain {
            octets: 248,
            most: 247
        })
    ));
    let longest = parse(&format!("x@{}", domain(184)))
        .unwrap()
        .owner(RecordForm::Txt, None)
        .unwrap();
    assert_eq!(longest.as_str().len(), 254);
}

#[test]
fn canonical_spellings_quote_what_needs_it() {
    for (text, canonical) in [
        (
            "acct:i://iagh@e.cuagh@e.example",
            "\"i://iagh@e.cuagh\"@e.example",
        ),
        ("\"a b\"@example.com", "\"a b\"@example.com"),
        ("\"A\\\"b\\\\\"@example.com", "\"a\\\"b\\\\\"@example.com"),
        (".a..b.@example.com", "\".a..b.\"@example.com"),
        (
            "acct:juliet%40capulet.example@shop.example",
            "\"juliet@capulet.example\"@shop.example",
        ),
        ("josé@bücher.example", "josé@xn--bcher-kva.example"),
    ] {
        let identifier = parse(text).unwrap();
        assert_eq!(identifier.to_string(), canonical);
        assert_eq!(parse(canonical).unwrap(), identifier);
    }
}

#[test]
fn a_mimi_uri_is_its_own_answer() {
    let Identifier::Uri(uri) = parse("MIMI://A.example/u/al%69ce%2F%C3%A9").unwrap() else {
        panic!("not a URI");
    };
    assert_eq!(uri.to_string(), "mimi://a.example/u/alice%2F%C3%A9");
    let service = Service::from(&uri);
    assert_eq!(service.account.as_deref(), Some("alice/é"));
    assert_eq!(
        service.mimi_uri().as_deref(),
        Some("mimi://a.example/u/alice%2F%C3%A9")
    );
    assert_eq!(
        Identifier::Uri(uri).owner(RecordForm::Txt, None),
        Err(IdentifierError::AlreadyResolved)
    );
}

#[test]
fn a_phone_needs_a_zone() {
    assert_eq!(
        parse("+15551234567").unwrap().owner(RecordForm::Txt, None),
        Err(IdentifierError::NoPhoneZone)
    );
}
