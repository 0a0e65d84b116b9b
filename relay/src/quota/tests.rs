use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn at(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn v4(number: u32) -> Prefix {
    Prefix::of(IpAddr::V4(Ipv4Addr::from_bits(number)))
}

/// One request a second, ten at once.
fn quota() -> Quota {
    Quota::new(Rate::new(60, 10).unwrap(), Key::new([1; 16]), at(0))
}

fn taken(quota: &mut Quota, prefix: Prefix, now: Duration, tries: usize) -> usize {
    (0..tries).filter(|_| quota.take(prefix, now)).count()
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    assert_eq!(Rate::new(5, 1), Err(RateError::TooSlow));
    assert_eq!(Rate::new(6, 0), Err(RateError::NoBurst));
    assert!(Rate::new(6, 60).is_ok());
    assert_eq!(Rate::new(6, 61), Err(RateError::BurstTooLong));
    assert!(Rate::new(u32::MAX, u32::MAX).is_err());
    assert_eq!(Rate::new(0, 0), Ok(Rate(None)));
    assert_eq!(toml::from_str("").ok(), Some(Rate::default()));
}

#[test]
fn a_network_is_one_address_of_ipv4_or_a_household_of_ipv6() {
    let of = |text: &str| Prefix::of(text.parse().unwrap());
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("2001:db8:1:2300::1"), of("2001:db8:1:23ff:ffff::2"));
    assert_ne!(of("2001:db8:1:2300::1"), of("2001:db8:1:2400::1"));
    // An IPv6 prefix that has the octets of an IPv4 address is another.
    assert_ne!(of("192.0.2.1"), of("c000:201::"));
}

#[test]
fn a_burst_is_followed_by_the_rate() {
    let mut quota = quota();
    assert_eq!(taken(&mut quota, v4(1), at(0), 100), 10);
    assert_eq!(taken(&mut quota, v4(1), at(999), 100), 0);
    assert_eq!(taken(&mut quota, v4(1), at(1_000), 100), 1);
    // Refused requests are not charged, and a bucket does not fill beyond its size.
    assert_eq!(taken(&mut quota, v4(1), at(100_000), 100), 10);
    assert_eq!(taken(&mut quota, v4(2), at(100_000), 100), 10);
}

#[test]
fn a_rotation_gives_nobody_anything() {
    let mut quota = quota();
    let everything: usize = (0..1_000)
        .map(|second| {
            let now = at(second * 1_000);
            if quota.is_due(now) {
                quota.rotate(Key::new([second as u8; 16]), now);
            }
            quota.forget(now);
            taken(&mut quota, v4(1), now, 3)
        })
        .sum();
    // Ten at once and then one a second, over a rotation.
    assert_eq!(everything, 10 + 999);
    assert!(quota.previous.is_none());
}

#[test]
fn the_old_key_is_gone_once_its_buckets_are_full() {
    let mut quota = quota();
    assert!(!quota.is_due(ROTATION - at(1)));
    assert!(quota.is_due(ROTATION));
    quota.rotate(Key::new([2; 16]), ROTATION);
    quota.forget(ROTATION + at(9_999));
    assert!(quota.previous.is_some());
    quota.forget(ROTATION + at(10_000));
    assert!(quota.previous.is_none());
}

#[test]
fn nobody_gets_a_bucket_back_by_flooding_with_other_networks() {
    let mut quota = quota();
    assert_eq!(taken(&mut quota, v4(0), at(0), 100), 10);
    for other in 1..200_000 {
        let _ = quota.take(v4(other), at(0));
    }
    assert_eq!(taken(&mut quota, v4(0), at(0), 100), 0);
    assert_eq!(quota.current.cells.len(), ROWS * CELLS);
}

#[test]
fn a_thousand_networks_at_their_limit_stand_in_nobodys_way() {
    let mut quota = quota();
    for other in 0..1_000 {
        taken(&mut quota, v4(other), at(0), 11);
    }
    let refused = (10_000..20_000)
        .filter(|other| !quota.take(v4(*other), at(0)))
        .count();
    assert_eq!(refused, 0);
}

#[test]
fn a_changed_rate_forgives_nothing() {
    let mut quota = quota();
    assert_eq!(taken(&mut quota, v4(1), at(0), 100), 10);
    quota.set_rate(Rate::new(60, 12).unwrap());
    assert_eq!(taken(&mut quota, v4(1), at(0), 100), 2);
    quota.set_rate(Rate::new(0, 0).unwrap());
    assert_eq!(taken(&mut quota, v4(1), at(0), 100), 100);
}

#[test]
fn nothing_of_a_network_is_printed() {
    let mut quota = quota();
    let prefix = Prefix::of(Ipv6Addr::LOCALHOST.into());
    assert!(quota.take(prefix, at(0)));
    assert_eq!(format!("{prefix:?}"), "Prefix([redacted])");
    assert_eq!(format!("{:?}", Key::new([9; 16])), "Key([redacted])");
    assert!(format!("{quota:?}").contains("current: Sketch([redacted]), previous: None"));
}

proptest! {
    #[test]
    fn no_order_of_requests_exceeds_the_bucket(
        steps in proptest::collection::vec((0_u64..3_000, 0_u32..4), 1..200),
    ) {
        let mut quota = quota();
        let mut now = 0;
        let mut taken = [0_u64; 4];
        for (wait, who) in steps {
            now += wait;
            if quota.is_due(at(now)) {
                quota.rotate(Key::new([now as u8; 16]), at(now));
            }
            quota.forget(at(now));
            taken[who as usize] += u64::from(quota.take(v4(who), at(now)));
        }
        for count in taken {
            prop_assert!(count <= 10 + now / 1_000);
        }
    }
}
