//! From octets in whatever encoding to text.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The octets in UTF-8 if a mark of byte order says that they are UTF-16, as some spreadsheets write; unchanged otherwise.
pub(super) fn without_utf16(octets: &[u8]) -> Cow<'_, [u8]> {
    match Encoding::for_bom(octets) {
        Some((encoding, mark)) if encoding == UTF_16LE || encoding == UTF_16BE => {
            let (text, _) = encoding.decode_without_bom_handling(&octets[mark..]);
            Cow::Owned(text.into_owned().into_bytes())
        }
        _ => Cow::Borrowed(octets),
    }
}

/// The octets as text: by the charset that is named, else UTF-8, else Windows-1252, which takes everything.
pub(super) fn decode<'a>(octets: &'a [u8], charset: Option<&str>) -> Cow<'a, str> {
    let named = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    let encoding = named.unwrap_or(UTF_8);
    let (text, was_bad) = encoding.decode_without_bom_handling(octets);
    if was_bad {
        WINDOWS_1252.decode_without_bom_handling(octets).0
    } else {
        text
    }
}

/// `text` for a message: its first forty characters.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_read_in_the_charset_they_name_or_seem_to_be_in() {
        assert_eq!(decode(b"J\xc3\xb6rg", None), "Jörg");
        assert_eq!(decode(b"J\xf6rg", None), "Jörg");
        assert_eq!(decode(b"J\xf6rg", Some("iso-8859-1")), "Jörg");
        assert_eq!(decode(b"J\xf6rg", Some("UTF-8")), "Jörg");
        assert_eq!(decode(b"\x93\xfa\x96{", Some("Shift_JIS")), "日本");
        assert_eq!(decode(b"J\xc3\xb6rg", Some("no-such-charset")), "Jörg");
    }

    #[test]
    fn excerpts_are_short() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"ü".repeat(100)).chars().count(), 41);
    }
}
