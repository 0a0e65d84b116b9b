//! Alterations of honest octets.

use crate::Input;

/// Octets that one alteration inserts or appends at most.
const INSERTED_MAX: usize = 32;

/// Alters `honest` in up to 7 places, as the input says, and returns the result; it may be the same.
pub fn octets(honest: &[u8], input: &mut Input<'_>) -> Vec<u8> {
    let mut altered = honest.to_vec();
    for _ in 0..input.u8() % 8 {
        let at = match altered.len() {
            0 => 0,
            length => usize::from(input.u16()) % length,
        };
        match input.u8() % 5 {
            0 if !altered.is_empty() => altered[at] ^= 1 << (input.u8() % 8),
            1 if !altered.is_empty() => altered[at] = input.u8(),
            2 => altered.truncate(at),
            3 => {
                let more = input.short();
                let more = more[..more.len().min(INSERTED_MAX)].to_vec();
                altered.splice(at..at, more);
            }
            _ => {
                let more = input.short();
                altered.extend_from_slice(&more[..more.len().min(INSERTED_MAX)]);
            }
        }
    }
    altered
}
