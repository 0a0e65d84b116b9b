//! The one check of host and operator names.

/// Characters of the longest host name, without a trailing dot (RFC 1035 section 2.3.4).
const HOST_MAX_CHARS: usize = 253;

/// Characters of the longest label.
const LABEL_MAX_CHARS: usize = 63;

/// Whether `text` is a host name of letters, digits and hyphens (RFC 1123 section 2.1), without a
/// trailing dot, a port, or anything else that an authority may hold.
pub(crate) fn is_host(text: &str) -> bool {
    text.len() <= HOST_MAX_CHARS
        && text.split('.').all(|label| {
            (1..=LABEL_MAX_CHARS).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_the_rest() {
        for host in ["gateway.example", "a", "xn--bcher-kva.example", "1.2"] {
            assert!(is_host(host), "{host}");
        }
        for other in [
            "", ".", "a.", ".a", "a..b", "-a.b", "a-.b", "a b", "a:443", "a_b", "ä.b",
        ] {
            assert!(!is_host(other), "{other}");
        }
        assert!(!is_host(&"a".repeat(64)));
        assert!(!is_host(&"a.".repeat(127)));
    }
}
