//! Percent-encoding (RFC 3986 section 2.1), shared by records and URIs.

/// A `%` without two hexadecimal digits behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadPercent;

/// Decodes every `%` followed by two hexadecimal digits, of either case.
pub(crate) fn decode(text: &[u8]) -> Result<Vec<u8>, BadPercent> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let mut digit = || rest.next().and_then(hex_digit).ok_or(BadPercent);
            decoded.push(digit()? << 4 | digit()?);
        } else {
            decoded.push(octet);
        }
    }
    Ok(decoded)
}

/// Encodes every octet of `text` that `keep` does not keep, with upper-case digits.
pub(crate) fn encode(text: &str, keep: impl Fn(usize, u8) -> bool) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Vec::with_capacity(text.len());
    for (at, octet) in text.bytes().enumerate() {
        if keep(at, octet) {
            encoded.push(octet);
        } else {
            let digit = |value: u8| DIGITS[usize::from(value & 0x0f)];
            encoded.extend([b'%', digit(octet >> 4), digit(octet)]);
        }
    }
    String::from_utf8(encoded)
        .unwrap_or_else(|_| unreachable!("UTF-8 sequences are kept or encoded octet by octet"))
}

fn hex_digit(octet: u8) -> Option<u8> {
    char::from(octet)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}
