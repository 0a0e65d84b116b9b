//! How long signatures hold.

use sotto_proof::Utc;

use super::Code;

/// Seconds before their end within which signatures should have been made anew: three days, so that a signer that
/// stops on a Friday is noticed while it can be helped (RFC 6781 section 4.4.2.2 asks for time to repair).
const NEAR_EXPIRY_SECONDS: u64 = 3 * 86_400;

/// Seconds beyond which a signature lives longer than signers commonly have it: 7 to 30 days.
const LONG_LIFE_SECONDS: u64 = 31 * 86_400;

/// Seconds after which a signature is old: a month.
const OLD_SECONDS: u64 = 31 * 86_400;

/// The times of one signature, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) from: u64,
    pub(crate) until: u64,
}

impl Times {
    /// Times as an RRSIG has them, nearest to `now` (RFC 4034 section 3.1.5).
    pub(crate) fn around(inception: u32, expiration: u32, now: u64) -> Self {
        // The distance as a signed number of 32 bits.
        let near =
            |time: u32| now.saturating_add_signed(i64::from(time.wrapping_sub(now as u32) as i32));
        Self {
            from: near(inception),
            until: near(expiration),
        }
    }

    /// What can be said of signatures over records of `ttl` at `now`, in words for "the signatures ...".
    pub(crate) fn judge(self, now: u64, ttl: u32) -> Vec<(Code, String)> {
        let Self { from, until } = self;
        if until < now {
            return vec![(Code::SignatureExpired, format!("ran out on {}", Utc(until)))];
        }
        if from > now {
            return vec![(
                Code::SignatureNotYetValid,
                format!("begin on {}", Utc(from)),
            )];
        }
        let mut found = Vec::new();
        // A cache may hold an answer for its TTL, and a copy of it be fetched as late.
        if until - now < NEAR_EXPIRY_SECONDS.max(2 * u64::from(ttl)) {
            let what = format!("run out on {}, in {}", Utc(until), span(until - now));
            found.push((Code::SignatureNearExpiry, what));
        }
        if until - from > LONG_LIFE_SECONDS {
            let what = format!("hold for {}, until {}", span(until - from), Utc(until));
            found.push((Code::SignatureLongLived, what));
        }
        if now - from > OLD_SECONDS {
            let what = format!("were made {} ago, on {}", span(now - from), Utc(from));
            found.push((Code::SignatureOld, what));
        }
        found
    }
}

/// Seconds in days, or in hours below two days.
fn span(seconds: u64) -> String {
    match seconds / 86_400 {
        0 | 1 => format!("{} h", seconds / 3_600),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;
    const NOW: u64 = 1_800_000_000;

    fn codes(from: i64, until: i64, ttl: u32) -> Vec<Code> {
        let at = |days: i64| NOW.saturating_add_signed(days * DAY as i64);
        let times = Times {
            from: at(from),
            until: at(until),
        };
        times
            .judge(NOW, ttl)
            .into_iter()
            .map(|(code, _)| code)
            .collect()
    }

    #[test]
    fn healthy_signatures_are_not_mentioned() {
        assert_eq!(codes(-1, 14, 3_600), []);
        assert_eq!(codes(-7, 14, 86_400), []);
    }

    #[test]
    fn each_trouble_is_named() {
        assert_eq!(codes(-20, -1, 3_600), [Code::SignatureExpired]);
        assert_eq!(codes(1, 10, 3_600), [Code::SignatureNotYetValid]);
        assert_eq!(codes(-10, 2, 3_600), [Code::SignatureNearExpiry]);
        assert_eq!(codes(-10, 4, 3 * 86_400), [Code::SignatureNearExpiry]);
        assert_eq!(codes(-1, 60, 3_600), [Code::SignatureLongLived]);
        assert_eq!(
            codes(-60, 60, 3_600),
            [Code::SignatureLongLived, Code::SignatureOld]
        );
    }

    #[test]
    fn times_wrap_around() {
        let now = (1 << 32) + 100;
        let times = Times::around(u32::MAX - 99, 200, now);
        assert_eq!(
            times,
            Times {
                from: (1 << 32) - 100,
                until: (1 << 32) + 200
            }
        );
    }
}
