//! Variable-size vectors of RFC 9420 section 2.1.2.

/// The octets were not such a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadVector;

/// A vector of `content`, which is shorter than 2^30 octets.
pub(super) fn write(content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut encoded = match length {
        0..0x40 => vec![length as u8],
        0x40..0x4000 => (0x4000 | length as u16).to_be_bytes().to_vec(),
        _ => (0x8000_0000 | length as u32).to_be_bytes().to_vec(),
    };
    encoded.extend_from_slice(content);
    encoded
}

/// The content of the vector at the start of `octets`, and what follows it.
///
/// A length in more octets than it needs is refused, as RFC 9420 demands.
pub(super) fn read(octets: &[u8]) -> Result<(&[u8], &[u8]), BadVector> {
    let first = *octets.first().ok_or(BadVector)?;
    let width = match first >> 6 {
        0 => 1,
        1 => 2,
        2 => 4,
        _ => return Err(BadVector),
    };
    let (prefix, rest) = octets.split_at_checked(width).ok_or(BadVector)?;
    let length = prefix
        .iter()
        .skip(1)
        .fold(usize::from(first & 0x3f), |length, &octet| {
            length << 8 | usize::from(octet)
        });
    let shortest = match length {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        _ => 4,
    };
    if width != shortest {
        return Err(BadVector);
    }
    rest.split_at_checked(length).ok_or(BadVector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_take_the_shortest_length() {
        assert_eq!(write(&[7; 63])[..2], [63, 7]);
        assert_eq!(write(&[7; 64])[..3], [0x40, 64, 7]);
        assert_eq!(write(&vec![7; 0x3fff])[..3], [0x7f, 0xff, 7]);
        assert_eq!(write(&vec![7; 0x4000])[..5], [0x80, 0, 0x40, 0, 7]);
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 63, 64, 0x3fff, 0x4000, 70_000] {
            let content = vec![7; length];
            let mut octets = write(&content);
            octets.push(9);
            assert_eq!(read(&octets), Ok((&content[..], &[9][..])), "{length}");
        }
    }

    #[test]
    fn long_lengths_and_short_contents_are_refused() {
        for octets in [
            &[][..],
            &[1],
            &[0x40],
            &[0x40, 5, 1, 1, 1, 1, 1],
            &[0x80, 0, 0, 1, 7],
            &[0xc0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(read(octets), Err(BadVector), "{octets:?}");
        }
    }
}
