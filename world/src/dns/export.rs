//! Zones and trust anchors as text, for other people's software.

use std::fmt::Write;

use domain::base::ParsedName;
use domain::base::iana::Rtype;
use domain::base::rdata::ParseAnyRecordData;
use domain::dep::octseq::Parser;
use domain::rdata::AllRecordData;

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
    use domain::base::zonefile_fmt::ZonefileFmt;

    let parsed: Result<AllRecordData<&[u8], ParsedName<&[u8]>>, _> =
        AllRecordData::parse_any_rdata(rtype, &mut Parser::from_ref(rdata));
    match parsed {
        Ok(data) if !matches!(data, AllRecordData::Unknown(_)) => data
            .display_zonefile(domain::base::zonefile_fmt::DisplayKind::Simple)
            .to_string(),
        _ => {
            let hex: String = rdata.iter().map(|octet| format!("{octet:02X}")).collect();
            format!("\\# {} {hex}", rdata.len())
        }
    }
}
