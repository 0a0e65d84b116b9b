use super::*;

#[test]
fn canonical_form_lowers_the_names_of_rfc_4034_but_not_that_of_nsec() {
    let mx = canonical(RecordType::MX, b"\x00\x0a\x04MAIL\x02Ab\x00").unwrap();
    assert_eq!(&mx[..], b"\x00\x0a\x04mail\x02ab\x00");
    let nsec = canonical(RecordType::NSEC, b"\x01A\x00\x00\x01\x40").unwrap();
    assert_eq!(&nsec[..], b"\x01A\x00\x00\x01\x40");
    let naptr = b"\x00\x01\x00\x02\x01U\x03SIP\x00\x01A\x00";
    let lowered = canonical(RecordType::NAPTR, naptr).unwrap();
    assert_eq!(&lowered[..], b"\x00\x01\x00\x02\x01U\x03SIP\x00\x01a\x00");
    let rrsig = [&[b'A'; 18][..], b"\x01A\x00SIG"].concat();
    let lowered = canonical(RecordType::RRSIG, &rrsig).unwrap();
    assert_eq!(&lowered[18..], b"\x01a\x00SIG");
    let txt = canonical(RecordType::TXT, b"\x03ABC").unwrap();
    assert_eq!(&txt[..], b"\x03ABC");
}

#[test]
fn names_in_rdata_must_be_whole_and_uncompressed() {
    for (rtype, rdata, error) in [
        (
            RecordType::NS,
            &b"\xc0\x0c"[..],
            RdataError::Name(NameError::Compressed),
        ),
        (RecordType::NS, b"\x00\x00", RdataError::Trailing),
        (RecordType::MX, b"\x00", RdataError::Truncated),
        (
            RecordType::NAPTR,
            b"\x00\x01\x00\x02\x05U",
            RdataError::Truncated,
        ),
        (RecordType::SOA, b"\x00\x00\x00", RdataError::Truncated),
    ] {
        assert_eq!(check(rtype, rdata), Err(error), "{rtype}");
    }
    assert_eq!(check(RecordType::TXT, b""), Ok(()));
}

#[test]
fn type_bitmaps_are_read_as_in_rfc_4034() {
    // The example of RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234.
    let mut octets = vec![0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b];
    octets.extend([0; 26]);
    octets.push(0x20);
    let types = TypeBitmap::parse(&octets).unwrap();
    let listed: Vec<_> = types.iter().map(|rtype| rtype.0).collect();
    assert_eq!(listed, [1, 15, 46, 47, 1234]);
    assert!(types.contains(RecordType::MX));
    assert!(!types.contains(RecordType::NS));
    for malformed in [&[0][..], &[0, 0], &[0, 33], &[0, 2, 1], &[1, 1, 1, 0, 1, 1]] {
        assert_eq!(TypeBitmap::parse(malformed), None, "{malformed:?}");
    }
    assert!(TypeBitmap::parse(&[]).is_some());
}

#[test]
fn malformed_rdata_is_none_and_never_a_panic() {
    let octets = [0xffu8; 64];
    for end in 0..octets.len() {
        let rdata = &octets[..end];
        assert!(Rrsig::parse(rdata).is_none());
        assert!(Nsec::parse(rdata).is_none());
        assert!(Nsec3::parse(rdata).is_none());
        assert_eq!(Ds::parse(rdata).is_some(), end >= 4);
        assert_eq!(Dnskey::parse(rdata).is_some(), end >= 4);
        let _ = (key_tag(rdata), soa_minimum(rdata));
    }
}

/// The types of RFC 4034 section 6.2, as RFC 6840 section 5.1 amends it, with the octets before and
/// after their names.
#[test]
fn the_names_of_every_type_that_has_some_are_checked_and_lowered() {
    for (types, before, names, after) in [
        (&[2, 3, 4, 5, 7, 8, 9, 12, 39][..], &b""[..], 1, &b""[..]),
        (&[6], b"", 2, &[b'N'; 20]),
        (&[14, 17], b"", 2, b""),
        (&[15, 18, 21, 36], b"PR", 1, b""),
        (&[24, 46], &[b'F'; 18], 1, b"SIG"),
        (&[26], b"PR", 2, b""),
        (&[30, 47], b"", 1, b"BITS"),
        (&[33], b"PRWEPO", 1, b""),
        (&[35], b"ORPR\x01U\x00\x02RE", 1, b""),
    ] {
        for &number in types {
            let rtype = RecordType(number);
            let with =
                |all: &[u8], last: &[u8]| [before, &all.repeat(names - 1), last, after].concat();
            let (upper, lower) = (b"\x02Ab\x00", b"\x02ab\x00");
            let canonical = canonical(rtype, &with(upper, upper)).unwrap();
            let expected = match rtype {
                RecordType::NSEC => with(upper, upper),
                _ => with(lower, lower),
            };
            assert_eq!(*canonical, *expected, "{rtype}");
            let compressed = Err(RdataError::Name(NameError::Compressed));
            assert_eq!(
                check(rtype, &with(upper, b"\xc0\x0c")),
                compressed,
                "{rtype}"
            );
        }
    }
}

#[test]
fn a_secure_entry_point_is_told_by_its_flag_alone() {
    for (flags, is_entry_point) in [
        (0u16, false),
        (1, true),
        (256, false),
        (257, true),
        (384, false),
    ] {
        let rdata = [&flags.to_be_bytes()[..], &[3, 15]].concat();
        let key = Dnskey::parse(&rdata).unwrap();
        assert_eq!(key.is_secure_entry_point(), is_entry_point, "{flags}");
    }
}
