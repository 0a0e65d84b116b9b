//! Zones and trust anchors as text, for other people's software.

use std::fmt::Write;

use domain::base::ParsedName;
use domain::base::iana::Rtype;
use domain::base::name::ToName;
use domain::base::rdata::ParseAnyRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::dnssec::Timestamp;
use domain::rdata::{AllRecordData, Rrsig};
use domain::utils::base64;

use super::Name;
use super::signer::SigningKey;
use super::zone::{Rrset, TTL, Zone};

/// The zone as a master file (RFC 1035 section 5), one record a line, every name absolute.
#[must_use]
pub fn zone_file(zone: &Zone) -> String {
    let mut text = String::new();
    // Readers want the SOA first.
    let (soa, rest): (Vec<_>, Vec<_>) = zone
        .rrsets()
        .partition(|(_, rrset)| rrset.rtype == Rtype::SOA);
    for (owner, rrset) in soa.into_iter().chain(rest) {
        let plain = rrset.rdatas.iter().map(|rdata| (rrset.rtype, rdata));
        let signatures = rrset.signatures.iter().map(|rdata| (Rtype::RRSIG, rdata));
        for (rtype, rdata) in plain.chain(signatures) {
            line(&mut text, owner, rrset, rtype, rdata);
        }
    }
    text
}

/// A trust anchor in the form of Unbound's `root.key`: one DNSKEY line.
#[must_use]
pub fn anchor(apex: &Name, key: &SigningKey) -> String {
    let mut text = String::new();
    let rrset = Rrset::new(Rtype::DNSKEY, TTL, key.dnskey().to_vec());
    line(&mut text, apex, &rrset, Rtype::DNSKEY, key.dnskey());
    text
}

fn line(text: &mut String, owner: &Name, rrset: &Rrset, rtype: Rtype, rdata: &[u8]) {
    let owner = owner.fmt_with_dot();
    // Writing into a String cannot fail.
    let _ = writeln!(
        text,
        "{owner}\t{}\tIN\t{rtype}\t{}",
        rrset.ttl,
        presentation(rtype, rdata)
    );
}

/// RDATA in presentation form, or in that of unknown types (RFC 3597 section 5).
fn presentation(rtype: Rtype, rdata: &[u8]) -> String {
    let parsed: Result<AllRecordData<&[u8], ParsedName<&[u8]>>, _> =
        AllRecordData::parse_any_rdata(rtype, &mut Parser::from_ref(rdata));
    match parsed {
        Ok(AllRecordData::Rrsig(rrsig)) => rrsig_presentation(&rrsig),
        Ok(data) if !matches!(data, AllRecordData::Unknown(_)) => {
            data.display_zonefile(DisplayKind::Simple).to_string()
        }
        _ => {
            let hex: String = rdata.iter().map(|octet| format!("{octet:02X}")).collect();
            format!("\\# {} {hex}", rdata.len())
        }
    }
}

/// An RRSIG with calendar times: RFC 4034 section 3.2 allows seconds too, but NSD misreads them.
fn rrsig_presentation(rrsig: &Rrsig<&[u8], ParsedName<&[u8]>>) -> String {
    format!(
        "{} {} {} {} {} {} {} {} {}",
        rrsig.type_covered(),
        rrsig.algorithm().to_int(),
        rrsig.labels(),
        rrsig.original_ttl().as_secs(),
        calendar(rrsig.expiration()),
        calendar(rrsig.inception()),
        rrsig.key_tag(),
        rrsig.signer_name().fmt_with_dot(),
        base64::encode_string(rrsig.signature()),
    )
}

fn calendar(time: Timestamp) -> String {
    let seconds = i64::from(time.into_int());
    jiff::Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y%m%d%H%M%S").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_signatures_are_dates() {
        assert_eq!(calendar(Timestamp::from(1_700_000_000)), "20231114221320");
    }

    #[test]
    fn unknown_types_are_hexadecimal() {
        assert_eq!(
            presentation(Rtype::from_int(65_400), b"\x01a"),
            "\\# 2 0161"
        );
    }
}
