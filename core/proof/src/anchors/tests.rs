use super::*;

const DIGEST: &str = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";

fn tags(anchors: &Anchors) -> Vec<u16> {
    let tag = |anchor: &Anchor| match &anchor.key {
        AnchorKey::Ds(rdata) => Ds::parse(rdata).unwrap().key_tag,
        AnchorKey::Dnskey(rdata) => key_tag(rdata),
    };
    anchors.0.iter().map(tag).collect()
}

#[test]
fn the_built_in_anchors_are_the_two_root_keys() {
    let anchors = Anchors::iana();
    assert_eq!(tags(&anchors), [20326, 38696]);
    assert!(anchors.is_iana());
    assert!(anchors.0.iter().all(|anchor| anchor.zone.is_root()));
    // Neither one of them, nor as many others, nor others beside them.
    let lines: Vec<_> = IANA_ROOT.trim().lines().collect();
    for text in [
        lines[0].to_owned(),
        format!("a. DS 1 8 2 {DIGEST}\nb. DS 1 8 2 {DIGEST}"),
        format!("{IANA_ROOT}\na. DS 1 8 2 {DIGEST}"),
    ] {
        assert!(!Anchors::parse(&text).unwrap().is_iana(), "{text}");
    }
}

#[test]
fn ds_lines_are_read_in_any_dress() {
    let expected = Anchors::parse(&format!("example.test. DS 1 8 2 {DIGEST}")).unwrap();
    let (left, right) = DIGEST.split_at(10);
    for text in [
        format!("example.test 3600 IN DS 1 8 2 {DIGEST}\n"),
        format!("EXAMPLE.test. IN 1h ds 1 8 2 {}", DIGEST.to_lowercase()),
        format!("; a comment\n\nexample.test. TYPE43 1 8 2 {left} {right} ; behind\n"),
        format!("example.test. IN DS ( 1 8 2\r\n  {left} ; inside\n {right} )\n"),
        format!("  example.test. IN DS 1 8 2 {DIGEST}"),
        format!("\u{feff}example.test. IN DS 1 8 2 {DIGEST}"),
        format!("example.test. DS 1 8 2 {DIGEST}\n        DS 1 8 2 {DIGEST}"),
    ] {
        assert_eq!(Anchors::parse(&text), Ok(expected.clone()), "{text}");
    }
    assert!(!expected.is_iana());
}

#[test]
fn a_directive_is_to_be_removed() {
    for directive in ["$TTL 86400", "$ORIGIN test.", "$INCLUDE /etc/keys"] {
        let text = format!("; keys\n{directive}\n. IN DS 1 8 2 {DIGEST}\n");
        let error = Anchors::parse(&text).unwrap_err().to_string();
        let word = directive.split(' ').next().unwrap();
        assert!(
            error.starts_with(&format!("line 2: the directive {word} "))
                && error.contains("remove the line"),
            "{error}"
        );
    }
}

#[test]
fn an_unbound_root_key_counts_by_its_states() {
    let key = |octet| BASE64.encode(&[octet; 64]);
    let line = |octet, state| {
        format!(
            ".\t86400\tIN\tDNSKEY\t257 3 13 {} ;{{id = 1 (ksk), size = 256b}} ;;state={state} ;;count=0\n",
            key(octet)
        )
    };
    let text = format!(
        "; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 0 ;;Thu Jan  1 00:00:00 1970\n{}{}{}{}",
        line(1, "1 [ ADDPEND ]"),
        line(2, "2 [  VALID  ]"),
        line(3, "3 [ MISSING ]"),
        line(4, "4 [ REVOKED ]"),
    );
    let anchors = Anchors::parse(&text).unwrap();
    let octet = |anchor: &Anchor| match &anchor.key {
        AnchorKey::Dnskey(rdata) => rdata[4],
        AnchorKey::Ds(_) => panic!("a DNSKEY was read as a DS"),
    };
    assert_eq!(anchors.0.iter().map(octet).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, line, message) in [
        (". IN A 127.0.0.1", 1, "expected DS or DNSKEY, found \"A\""),
        (
            "\n. IN DS x 8 2 00",
            2,
            "the key tag is not a number in range: \"x\"",
        ),
        (
            ". DS 1 256 2 00",
            1,
            "the algorithm is not a number in range: \"256\"",
        ),
        (". DS 1 8 2", 1, "the digest is missing"),
        (". DS 1 8 2 0g", 1, "the digest is not hexadecimal: \"0g\""),
        (". DS 1 8 2 00", 1, "the digest has 1 octets instead of 32"),
        (
            ". DNSKEY 257 3 8 !",
            1,
            "the public key is not base64: \"!\"",
        ),
        (". DNSKEY 257 3", 1, "the algorithm is missing"),
        (".", 1, "the type is missing"),
        (
            "a..b DS",
            1,
            "the owner name \"a..b\" is refused: a name must not contain an empty label",
        ),
        ("  DS 1 8 2 00", 1, "no owner name, and none before it"),
        (". DS ( 1 8\n2 00\n", 1, "the parentheses do not match"),
        (". DS ( 1 ( 8 2 00", 1, "the parentheses do not match"),
        (". DS ( 1 ( 8 2 00 )", 1, "the parentheses do not match"),
        (". DS ) 1 8 2 00", 1, "the parentheses do not match"),
        (". CH DS 1 8 2 00", 1, "expected DS or DNSKEY, found \"CH\""),
    ] {
        let error = Anchors::parse(text).unwrap_err().to_string();
        assert_eq!(error, format!("line {line}: {message}"), "{text:?}");
    }
    assert_eq!(Anchors::parse("; nothing\n"), Err(AnchorError::Empty));
    for unusable in [
        ". DS 1 8 1 0000000000000000000000000000000000000000".to_owned(),
        format!(". DS 1 5 2 {DIGEST}"),
        ". DNSKEY 257 3 16 AAAA".to_owned(),
        format!(". DNSKEY 385 3 13 {}", BASE64.encode(&[1; 64])),
    ] {
        assert_eq!(
            Anchors::parse(&unusable),
            Err(AnchorError::NothingUsable),
            "{unusable}"
        );
    }
}

#[test]
fn the_nearest_anchor_is_the_longest_at_or_above() {
    let text = format!(". DS 1 8 2 {DIGEST}\nexample. DS 1 8 2 {DIGEST}");
    let anchors = Anchors::parse(&text).unwrap();
    let nearest = |name: &str| {
        anchors
            .nearest(&name.parse().unwrap())
            .map(ToString::to_string)
    };
    assert_eq!(nearest("a.EXAMPLE").as_deref(), Some("example."));
    assert_eq!(nearest("example").as_deref(), Some("example."));
    assert_eq!(nearest("test").as_deref(), Some("."));
    let lone = Anchors::parse(&format!("example. DS 1 8 2 {DIGEST}")).unwrap();
    assert_eq!(lone.nearest(&"test".parse().unwrap()), None);
}
