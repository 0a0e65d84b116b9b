use super::super::{AnchorError, Anchors};
use super::*;

const NOW: u64 = 1_800_000_000;
const OLD: &str = "49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5";
const KSK_2017: &str = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
const KSK_2024: &str = "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16";

/// A file in the form of IANA's, whose first key is no longer valid.
fn root_anchors() -> String {
    let digest = |validity: &str, tag: u16, digest: &str| {
        format!(
            "<KeyDigest id=\"K{tag}\" {validity}>\n<KeyTag>{tag}</KeyTag>\n<Algorithm>8</Algorithm>\n\
             <DigestType>2</DigestType>\n<Digest>{digest}</Digest>\n</KeyDigest>\n"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <TrustAnchor id=\"E9724F53\" source=\"http://data.iana.org/root-anchors/root-anchors.xml\">\n<Zone>.</Zone>\n{}{}{}</TrustAnchor>\n",
        digest(
            "validFrom=\"2010-07-15T00:00:00+00:00\" validUntil=\"2019-01-11T00:00:00+00:00\"",
            19_036,
            OLD
        ),
        digest("validFrom=\"2017-02-02T00:00:00+00:00\"", 20_326, KSK_2017),
        digest("validFrom='2024-07-18T00:00:00Z'", 38_696, KSK_2024),
    )
}

#[test]
fn keys_count_while_they_are_valid() {
    let text = root_anchors();
    let tags = |now| Anchors::parse_at(&text, now).map(|anchors| anchors.tags_of(&Name::root()));
    assert_eq!(tags(NOW), Ok(vec![20_326, 38_696]));
    assert!(Anchors::parse_at(&text, NOW).unwrap().is_iana());
    // 2017-02-02, when the second begins, and 2019-01-11, when the first ends.
    assert_eq!(tags(1_485_993_599), Ok(vec![19_036]));
    assert_eq!(tags(1_485_993_600), Ok(vec![19_036, 20_326]));
    assert_eq!(tags(1_547_164_799), Ok(vec![19_036, 20_326]));
    assert_eq!(tags(1_547_164_800), Ok(vec![20_326]));
    assert_eq!(tags(0), Err(AnchorError::NoneValid));
}

#[test]
fn lines_of_a_zone_file_are_still_read() {
    let text = format!(". IN DS 20326 8 2 {KSK_2017}");
    assert_eq!(Anchors::parse_at(&text, NOW), Anchors::parse(&text));
}

#[test]
fn xml_may_be_written_in_more_than_one_way() {
    let expected = Anchors::parse_at(&root_anchors(), NOW);
    let (left, right) = KSK_2017.split_at(20);
    for (old, new) in [
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "\u{feff}"),
        ("\n", "\r\n"),
        ("<Zone>", "<!-- the root's <Zone> --><Zone>\n "),
        (
            "<KeyTag>20326</KeyTag>",
            "<Note/><New a='b'>text</New><New><In>x</In></New><KeyTag >20326</KeyTag >",
        ),
        (KSK_2017, &format!("{left}\n  {}", right.to_lowercase())),
        ("T00:00:00Z", "T02:30:00.25+02:30"),
    ] {
        let text = root_anchors().replace(old, new);
        assert_eq!(Anchors::parse_at(&text, NOW), expected, "{new}");
    }
}

#[test]
fn a_public_key_must_be_the_one_of_its_digest() {
    let key = [7; 64];
    let dnskey = [&257u16.to_be_bytes()[..], &[3, 13], &key].concat();
    let digest = DigestType::Sha256.digest(&[b"\0", &dnskey]);
    let tag = key_tag(&dnskey);
    let text = |key: &[u8], flags: &str| {
        format!(
            "<TrustAnchor><Zone>.</Zone><KeyDigest validFrom='2024-07-18T00:00:00Z'><KeyTag>{}</KeyTag><Algorithm>13</Algorithm>\
             <DigestType>2</DigestType><Digest>{}</Digest><PublicKey>{}</PublicKey>{flags}</KeyDigest></TrustAnchor>",
            tag,
            HEXLOWER_PERMISSIVE.encode(digest.as_ref()),
            BASE64.encode(key),
        )
    };
    assert!(Anchors::parse_at(&text(&key, "<Flags>257</Flags>"), NOW).is_ok());
    let good = text(&key, "<Flags>257</Flags>");
    let digit = good.find("<Digest>").unwrap() + "<Digest>".len();
    let other = if good[digit..].starts_with('0') {
        "1"
    } else {
        "0"
    };
    for (text, problem) in [
        (
            good.replace(&format!(">{tag}<"), &format!(">{}<", tag ^ 1)),
            "is not the one of KeyTag",
        ),
        (
            [&good[..digit], other, &good[digit + 1..]].concat(),
            "is not the one of KeyTag",
        ),
        (
            text(&[8; 64], "<Flags>257</Flags>"),
            "is not the one of KeyTag",
        ),
        (text(&key, "<Flags>256</Flags>"), "is not the one of KeyTag"),
        (text(&key, ""), "come together"),
        (text(&key, "<Flags>x</Flags>"), "Flags is not a number"),
    ] {
        let error = Anchors::parse_at(&text, NOW).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (old, new, line, problem) in [
        ("<Zone>.</Zone>\n", "", 3, "before the Zone"),
        (
            "<Zone>.</Zone>",
            "<Zone>.</Zone><Zone>.</Zone>",
            3,
            "two Zone",
        ),
        (".</Zone>", "a..b</Zone>", 3, "is refused"),
        ("<Zone>.</Zone>", "<Zone/>", 3, "is empty"),
        ("<Zone>", "<!DOCTYPE x><Zone>", 3, "only elements"),
        ("<Zone>.</Zone>", "<Zone>&dot;</Zone>", 3, "entity"),
        ("<Zone>", "<?php ?><Zone>", 3, "only elements"),
        ("<Zone>", "<![CDATA[x]]><Zone>", 3, "only elements"),
        ("<Zone>", "text <Zone>", 3, "text between"),
        ("<Zone>", "<!-- <Zone>", 3, "comment has no end"),
        (
            "<Zone>",
            "<A><B><C><D>x</D></C></B></A><Zone>",
            3,
            "too deep",
        ),
        (" validFrom=\"2010", " from=\"2010", 4, "no validFrom"),
        (
            "2010-07-15T00:00:00+00:00",
            "2010-02-30T00:00:00+00:00",
            4,
            "no date",
        ),
        (
            "2010-07-15T00:00:00+00:00",
            "2010-07-15T00:00:00",
            4,
            "no date",
        ),
        ("2010-07-15T00:00:00+00:00", "soon", 4, "no date"),
        ("id=\"K19036\"", "id=\"1\" id=\"2\"", 4, "cannot be read"),
        ("id=\"K19036\"", "id=\"&amp;\"", 4, "cannot be read"),
        ("id=\"K19036\"", "id=K", 4, "cannot be read"),
        ("<KeyTag>19036</KeyTag>\n", "", 8, "KeyTag is missing"),
        (
            "<KeyTag>19036</KeyTag>",
            "<KeyTag>99999</KeyTag>",
            9,
            "KeyTag is not a number",
        ),
        (
            "<KeyTag>19036</KeyTag>",
            "<KeyTag>1</KeyTag><KeyTag>1</KeyTag>",
            5,
            "two KeyTag",
        ),
        ("<KeyTag>19036</KeyTag>", "<KeyTag>19036</Tag>", 5, "no end"),
        (OLD, "12", 9, "1 octets instead of 32"),
        (OLD, "xyz", 9, "not hexadecimal"),
        ("</TrustAnchor>\n", "", 22, "no end"),
        (
            "</TrustAnchor>\n",
            "</TrustAnchor><x/>",
            22,
            "something follows",
        ),
        ("TrustAnchor", "Html", 2, "expected a TrustAnchor"),
    ] {
        let text = root_anchors().replacen(old, new, if old == "TrustAnchor" { 2 } else { 1 });
        match Anchors::parse_at(&text, NOW) {
            Err(AnchorError::Xml {
                line: at,
                problem: told,
            }) => {
                assert!(told.contains(problem), "{new}: {told}");
                assert_eq!(at, line, "{new}: {told}");
            }
            other => panic!("{new}: {other:?}"),
        }
    }
}

/// A key that counts for nothing, and one that is there twice.
#[test]
fn keys_that_do_not_count_are_left_out() {
    let digest = |tag: u16, algorithm: u8| {
        format!(
            "<KeyDigest validFrom='2017-02-02T00:00:00Z'><KeyTag>{tag}</KeyTag><Algorithm>{algorithm}</Algorithm>\
             <DigestType>2</DigestType><Digest>{KSK_2017}</Digest></KeyDigest>"
        )
    };
    let text = |digests: &[String]| {
        format!(
            "<TrustAnchor><Zone>.</Zone>{}</TrustAnchor>",
            digests.concat()
        )
    };
    let known = digest(20_326, 8);
    let anchors = Anchors::parse_at(&text(&[digest(1, 5), known.clone(), known]), NOW).unwrap();
    assert_eq!(anchors.tags_of(&Name::root()), [20_326]);
    assert_eq!(
        Anchors::parse_at(&text(&[digest(1, 5)]), NOW),
        Err(AnchorError::NothingUsable)
    );
}

#[test]
fn the_length_is_limited_to_the_octet() {
    let text = root_anchors();
    let padded = |octets: usize| format!("{text}{}", " ".repeat(octets - text.len()));
    assert_eq!(
        Anchors::parse_at(&padded(MAX_BYTES), NOW),
        Anchors::parse_at(&text, NOW)
    );
    for octets in [MAX_BYTES + 1, MAX_BYTES + 2] {
        let error = Anchors::parse_at(&padded(octets), NOW).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }
}

#[test]
fn no_prefix_and_no_flood_is_a_panic() {
    let text = root_anchors();
    for end in 0..text.len() {
        let cut = Anchors::parse_at(&text[..end], NOW);
        assert!(cut.is_err() || text[end..].trim().is_empty(), "{end}");
    }
    for flood in [
        "<a>".repeat(20_000),
        "<!--".repeat(10_000),
        format!("<TrustAnchor>{}", " ".repeat(MAX_BYTES)),
    ] {
        assert!(matches!(
            Anchors::parse_at(&flood, NOW),
            Err(AnchorError::Xml { .. })
        ));
    }
    assert_eq!(
        Anchors::parse_at("<TrustAnchor><Zone>.</Zone></TrustAnchor>", NOW),
        Err(AnchorError::Empty)
    );
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (text, expected) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2000-02-29T00:00:00Z", Some(951_782_400)),
        ("2024-03-01T00:00:00-01:00", Some(1_709_254_800)),
        ("2024-03-01T00:00:00+02:30", Some(1_709_242_200)),
        ("2024-04-30T00:00:00Z", Some(1_714_435_200)),
        ("2099-12-31T23:59:59.999Z", Some(4_102_444_799)),
        ("0001-01-01T00:00:00Z", Some(-62_135_596_800)),
        ("1900-02-29T00:00:00Z", None),
        ("2024-04-31T00:00:00Z", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-00-01T00:00:00Z", None),
        ("2024-01-01T24:00:00Z", None),
        ("2024-01-01T00:60:00Z", None),
        ("2024-01-01T00:00:60Z", None),
        ("2024-01-01T00:00:00+15:00", None),
        ("2024-01-01T00:00:00+01:60", None),
        ("2024-01-01T00:00:00.Z", None),
        ("2024-01-01T00:00:00ZZ", None),
        ("2024-1-1T00:00:00Z", None),
        ("+024-01-01T00:00:00Z", None),
        ("2024-01-01", None),
        ("2024-01-01T\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}Z", None),
    ] {
        assert_eq!(read_seconds(text), expected, "{text}");
    }
}
