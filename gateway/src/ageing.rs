//! How long an answer that is at hand is given out: fresh, then due, then stale, then not at all. A pure rule of the time, which is
//! always an argument, so that the laboratory ages its simulated answers as a gateway ages real ones.

/// Seconds that anything is kept at most, whatever its TTL: a day, as resolvers do.
pub const MAX_LIFE_SECONDS: u64 = 86_400;

/// Seconds past its TTL for which a proof is still given out if nothing newer can be had: an hour,
/// short enough beside the days that RFC 8767 section 5 allows, long enough to mend a resolver.
pub const STALE_SECONDS: u64 = 3_600;

/// The share of a value's life, one so-many-th, that is left when it is renewed for those who still ask for it.
const RENEWAL_SHARE: u64 = 10;

/// How long a value is good, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// For everybody.
    pub fresh: u64,
    /// For when nothing newer can be had; at least `fresh`.
    pub usable: u64,
}

impl Life {
    /// The life of a proof whose records may be kept for `ttl` seconds and whose signatures are valid for `valid` more.
    #[must_use]
    pub fn of_proof(ttl: u64, valid: u64) -> Self {
        let valid = valid.min(MAX_LIFE_SECONDS);
        let fresh = ttl.min(valid);
        Self {
            fresh,
            usable: (fresh + STALE_SECONDS).min(valid),
        }
    }

    /// The life of a response about a zone, by its lowest TTL and what is left of the signatures of the proof that it went into:
    /// it is never given out stale.
    #[must_use]
    pub fn of_zone(ttl: u64, valid: u64) -> Self {
        let fresh = ttl.min(valid).min(MAX_LIFE_SECONDS);
        Self {
            fresh,
            usable: fresh,
        }
    }
}

/// The time, in Unix seconds, that a value which was stored has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    stored: u64,
    fresh_until: u64,
    usable_until: u64,
}

/// What a stored value is good for at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Seconds since it was stored.
    pub seconds: u64,
    /// False if it is only good for when nothing newer can be had.
    pub is_fresh: bool,
    /// Whether the last tenth of its life has begun, so that whoever still asks for it should have it renewed.
    pub is_due: bool,
}

impl Span {
    /// The time of a value stored at `now`.
    #[must_use]
    pub fn new(now: u64, life: Life) -> Self {
        Self {
            stored: now,
            fresh_until: now.saturating_add(life.fresh),
            usable_until: now.saturating_add(life.usable),
        }
    }

    /// What the value is good for at `now`; `None` if for nothing.
    #[must_use]
    pub fn at(&self, now: u64) -> Option<Age> {
        (now < self.usable_until).then(|| Age {
            seconds: now.saturating_sub(self.stored),
            is_fresh: now < self.fresh_until,
            is_due: self.fresh_until.saturating_sub(now)
                <= self.fresh_until.saturating_sub(self.stored) / RENEWAL_SHARE,
        })
    }

    /// Seconds from storing to being good for nothing.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        self.usable_until - self.stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_outlives_its_ttl_by_an_hour_but_never_its_signatures() {
        let life = |fresh, usable| Life { fresh, usable };
        assert_eq!(Life::of_proof(300, 10_000), life(300, 3_900));
        assert_eq!(Life::of_proof(300, 1_000), life(300, 1_000));
        assert_eq!(Life::of_proof(300, 100), life(100, 100));
        assert_eq!(Life::of_proof(1 << 31, 1 << 31), life(86_400, 86_400));
        assert_eq!(Life::of_zone(300, 10_000), life(300, 300));
        assert_eq!(Life::of_zone(1 << 31, 1 << 31), life(86_400, 86_400));
    }

    #[test]
    fn a_value_is_fresh_then_due_then_stale_then_gone() {
        let life = Life {
            fresh: 10,
            usable: 20,
        };
        let span = Span::new(1_000, life);
        let at = |now| {
            span.at(now)
                .map(|age| (age.seconds, age.is_fresh, age.is_due))
        };
        assert_eq!(at(1_000), Some((0, true, false)));
        assert_eq!(at(1_008), Some((8, true, false)));
        assert_eq!(at(1_009), Some((9, true, true)));
        assert_eq!(at(1_010), Some((10, false, true)));
        assert_eq!(at(1_019), Some((19, false, true)));
        assert_eq!(at(1_020), None);
    }
}
