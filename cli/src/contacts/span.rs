//! Spans of time as people write them.

/// The longest span: what is not over in a month is forgotten.
const LONGEST_MILLIS: u64 = 31 * 86_400_000;

/// Reads `90s`, `15m`, `6h`, `1d`, or several of them as in `1h30m`, as milliseconds.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || "write a number with s, m, h or d, as in 90m or 6h".to_owned();
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(|letter: char| !letter.is_ascii_digit())
            .ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(end);
        let mut letters = behind.chars();
        let unit: u64 = match letters.next() {
            Some('s') => 1_000,
            Some('m') => 60_000,
            Some('h') => 3_600_000,
            Some('d') => 86_400_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        total = total.saturating_add(number.saturating_mul(unit));
        rest = letters.as_str();
    }
    match total {
        0 => Err(wrong()),
        total if total > LONGEST_MILLIS => Err("at most 31d".to_owned()),
        total => Ok(total),
    }
}

/// A span in words, rounded to what matters: `5 h 12 min`.
pub(super) fn words(millis: u64) -> String {
    let seconds = millis.div_ceil(1_000);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units() {
        assert_eq!(parse("6h"), Ok(21_600_000));
        assert_eq!(parse("1h30m"), Ok(5_400_000));
        assert_eq!(parse("2s"), Ok(2_000));
        assert_eq!(parse("31d"), Ok(LONGEST_MILLIS));
        for wrong in [
            "",
            "6",
            "h",
            "0s",
            "6 h",
            "-1h",
            "1w",
            "32d",
            "99999999999999999999h",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_are_told_roughly() {
        assert_eq!(words(900), "1 s");
        assert_eq!(words(61_000), "1 min");
        assert_eq!(words(6 * 3_600_000), "6 h");
        assert_eq!(words(5_400_000), "1 h 30 min");
        assert_eq!(words(90_000_000), "1 d 1 h");
        assert_eq!(words(86_400_000), "1 d");
    }
}
