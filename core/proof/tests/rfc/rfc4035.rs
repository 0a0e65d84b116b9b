//! RFC 4035 appendix B: the responses of a zone with NSEC records.

use sotto_proof::RecordType as T;

use crate::example::Example;
use crate::support::*;

#[test]
fn rfc_4035_b_1_answer() {
    let example = Example::rfc4035();
    let response = [example.signed("x.w.example.", T::MX)];
    example.assert("x.w.example", "MX", &response, "secure");
}

#[test]
fn rfc_4035_b_2_name_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("b.example.", T::NSEC),
        example.signed("example.", T::NSEC),
    ];
    example.assert("ml.example", "A", &response, "nxdomain");
}

#[test]
fn rfc_4035_b_3_no_data_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("ns1.example.", T::NSEC),
    ];
    example.assert("ns1.example", "MX", &response, "nodata");
}

/// The DS record of the RFC has a SHA-1 digest, which counts no more (RFC 9905): the referral is to
/// a zone that is insecure. With a digest that counts, the child's keys are missing.
#[test]
fn rfc_4035_b_4_referral_to_a_signed_zone() {
    let example = Example::rfc4035();
    let response = [example.signed("a.example.", T::DS)];
    let expected = "insecure unsupported_algorithm";
    example.assert("mc.a.example", "MX", &response, expected);
    let response = [example.zone.sign(vec![Zone::new("a.example.").ds()])];
    example.assert("mc.a.example", "MX", &response, "bogus no_answer");
    example.assert("a.example", "DS", &response, "secure");
}

#[test]
fn rfc_4035_b_5_referral_to_an_unsigned_zone() {
    let example = Example::rfc4035();
    let response = [example.signed("b.example.", T::NSEC)];
    example.assert("mc.b.example", "MX", &response, "insecure no_ds");
    example.assert("b.example", "DS", &response, "nodata");
}

#[test]
fn rfc_4035_b_6_wildcard_expansion() {
    let example = Example::rfc4035();
    let response = [
        example.expanded("a.z.w.example."),
        example.signed("x.y.w.example.", T::NSEC),
    ];
    example.assert("a.z.w.example", "MX", &response, "secure");
}

#[test]
fn rfc_4035_b_7_wildcard_no_data_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("x.y.w.example.", T::NSEC),
        example.signed("*.w.example.", T::NSEC),
    ];
    example.assert("a.z.w.example", "AAAA", &response, "nodata");
}

#[test]
fn rfc_4035_b_8_ds_child_zone_no_data_error() {
    let example = Example::rfc4035();
    let response = [
        example.signed("example.", T::SOA),
        example.signed("example.", T::NSEC),
    ];
    example.assert_no_denial_by_the_child(&response.concat());
}
