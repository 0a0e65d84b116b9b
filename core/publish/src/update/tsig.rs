//! Transaction signatures (RFC 8945): every message to the server carries one, and every answer that counts does.

use aws_lc_rs::hmac;
use thiserror::Error;

use super::key::TsigKey;
use super::wire::{CLASS_ANY, HEADER_OCTETS, Reader, last_additional};

/// The type of the pseudo-RR (RFC 8945 section 4.2).
const TYPE_TSIG: u16 = 250;

/// How far two clocks may differ, seconds (RFC 8945 section 10 recommends 300).
pub const FUDGE_SECONDS: u16 = 300;

/// Where the header counts the additional records.
const ADDITIONAL_COUNT: std::ops::Range<usize> = 10..HEADER_OCTETS;

/// The errors that only TSIG knows (RFC 8945 section 3).
mod error {
    pub(super) const BADSIG: u16 = 16;
    pub(super) const BADKEY: u16 = 17;
    pub(super) const BADTIME: u16 = 18;
}

/// Why a signed conversation cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TsigError {
    /// BADKEY: unknown to the server by this name and algorithm; Knot says the same of a key that may not do what it asks.
    #[error("the server does not accept the key for this (BADKEY)")]
    BadKey,
    /// BADSIG.
    #[error("the server has another secret for the key (BADSIG)")]
    BadSignature,
    /// BADTIME: the clocks differ.
    #[error("the server's clock differs from this one's (BADTIME): {server} there, {client} here")]
    BadTime {
        /// The server's time, Unix seconds.
        server: u64,
        /// Ours, Unix seconds.
        client: u64,
    },
    /// NOTAUTH and no more, as PowerDNS answers to a name, an algorithm, a secret or a time that is not right.
    #[error(
        "the server refuses the key, or the time of the signature, and does not say which (NOTAUTH)"
    )]
    Unexplained,
    /// BADTRUNC, or an error that RFC 8945 does not define.
    #[error("the server refuses the signature with TSIG error {0}")]
    Other(u16),
    /// The answer is not signed though the question was (RFC 8945 section 5.3).
    #[error("the server does not sign its answer, so anybody may have written it")]
    Unsigned,
    /// The answer's signature does not verify.
    #[error(
        "the signature of the answer does not verify: it was changed on its way, or the server has another secret"
    )]
    Forged,
    /// The answer is older or newer than the fudge allows.
    #[error("the answer was signed at {signed}, which is not now ({now})")]
    Stale {
        /// When it was signed, Unix seconds.
        signed: u64,
        /// Our time, Unix seconds.
        now: u64,
    },
    /// The TSIG is not one.
    #[error("the answer, or the signature on it, is malformed")]
    Malformed,
}

impl TsigError {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadKey => "tsig_bad_key",
            Self::BadSignature => "tsig_bad_signature",
            Self::BadTime { .. } => "tsig_bad_time",
            Self::Unexplained | Self::Other(_) => "tsig_refused",
            Self::Unsigned => "tsig_unsigned",
            Self::Forged => "tsig_forged",
            Self::Stale { .. } => "tsig_stale",
            Self::Malformed => "answer_malformed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::BadKey => {
                "compare name and algorithm in the key file with the server's, and see that the server lets the key update the zone"
            }
            Self::BadSignature => "put the server's secret for this key into the key file",
            Self::BadTime { .. } | Self::Stale { .. } => {
                "set the clock that is wrong, by NTP, and run the same command again"
            }
            Self::Unexplained => {
                "compare name, algorithm and secret in the key file with the server's, and both clocks; the server's log says more"
            }
            Self::Other(_) => "use a key of hmac-sha256 whose signatures are not truncated",
            Self::Unsigned => {
                "have the server know the key for the zone; whatever stands between must pass signatures on"
            }
            Self::Forged | Self::Malformed => {
                "see what stands between this machine and the server, and that both hold the same secret"
            }
        }
    }
}

/// What is needed of a request to believe its answer.
#[derive(Clone, Debug)]
pub(super) struct RequestMac(Vec<u8>);

/// Signs `message`, which has a header and room for [`signature_octets`] more: its additional section gets one record.
pub(super) fn sign(mut message: Vec<u8>, key: &TsigKey, now: u64) -> (Vec<u8>, RequestMac) {
    let id = [message[0], message[1]];
    let stamp = Stamp {
        time: now,
        fudge: FUDGE_SECONDS,
        error: 0,
        other: &[],
    };
    let mut context = hmac::Context::with_key(key.secret());
    context.update(&message);
    context.update(&stamp.variables(key));
    let mac = context.sign();

    let additional = additional(&message) + 1;
    message[ADDITIONAL_COUNT].copy_from_slice(&additional.to_be_bytes());
    message.extend_from_slice(key.name().as_wire());
    message.extend_from_slice(&TYPE_TSIG.to_be_bytes());
    message.extend_from_slice(&CLASS_ANY.to_be_bytes());
    message.extend_from_slice(&[0; 4]);
    let mac = mac.as_ref();
    let mut rdata = key.algorithm().as_wire().to_vec();
    rdata.extend_from_slice(&time48(now));
    rdata.extend_from_slice(&FUDGE_SECONDS.to_be_bytes());
    rdata.extend_from_slice(&(mac.len() as u16).to_be_bytes());
    rdata.extend_from_slice(mac);
    rdata.extend_from_slice(&id);
    rdata.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&(rdata.len() as u16).to_be_bytes());
    message.extend_from_slice(&rdata);
    (message, RequestMac(mac.to_vec()))
}

/// Octets that [`sign`] adds.
pub(super) fn signature_octets(key: &TsigKey) -> usize {
    let mac = key.secret().algorithm().tag_len();
    key.name().as_wire().len() + 10 + key.algorithm().as_wire().len() + 16 + mac
}

/// Verifies the TSIG of an answer and gives the answer without it (RFC 8945 section 5.3).
///
/// # Errors
///
/// [`TsigError`]; errors of the server's come unsigned, and are told as they are: to believe a forged one costs no more than
/// a closed connection.
pub(super) fn verify(
    answer: &[u8],
    request: &RequestMac,
    key: &TsigKey,
    now: u64,
) -> Result<Vec<u8>, TsigError> {
    let last = last_additional(answer).map_err(|()| TsigError::Malformed)?;
    let last = last
        .filter(|last| last.rtype == TYPE_TSIG)
        .ok_or(TsigError::Unsigned)?;
    let tsig = Tsig::read(&answer[last.rdata]).ok_or(TsigError::Malformed)?;
    match tsig.stamp.error {
        error::BADKEY => return Err(TsigError::BadKey),
        error::BADSIG => return Err(TsigError::BadSignature),
        0 | error::BADTIME => {}
        other => return Err(TsigError::Other(other)),
    }

    let mut stripped = answer[..last.start].to_vec();
    // There is at least the one that was found.
    let additional = additional(&stripped) - 1;
    stripped[ADDITIONAL_COUNT].copy_from_slice(&additional.to_be_bytes());
    stripped[..2].copy_from_slice(tsig.original_id);
    let mut signed = (request.0.len() as u16).to_be_bytes().to_vec();
    signed.extend_from_slice(&request.0);
    signed.extend_from_slice(&stripped);
    // The variables name the key and the algorithm that we asked with, so no other can have signed.
    signed.extend_from_slice(&tsig.stamp.variables(key));
    hmac::verify(key.secret(), &signed, tsig.mac).map_err(|_| TsigError::Forged)?;

    if tsig.stamp.error == error::BADTIME {
        let server = Reader(tsig.stamp.other).u48().ok_or(TsigError::Malformed)?;
        return Err(TsigError::BadTime {
            server,
            client: now,
        });
    }
    if now.abs_diff(tsig.stamp.time) > u64::from(tsig.stamp.fudge.min(FUDGE_SECONDS)) {
        return Err(TsigError::Stale {
            signed: tsig.stamp.time,
            now,
        });
    }
    Ok(stripped)
}

/// The fields of a TSIG that are signed beside the message (RFC 8945 section 4.3.3).
struct Stamp<'a> {
    time: u64,
    fudge: u16,
    error: u16,
    other: &'a [u8],
}

impl Stamp<'_> {
    fn variables(&self, key: &TsigKey) -> Vec<u8> {
        let mut octets = key.name().as_wire().to_vec();
        octets.extend_from_slice(&CLASS_ANY.to_be_bytes());
        octets.extend_from_slice(&[0; 4]);
        octets.extend_from_slice(key.algorithm().as_wire());
        octets.extend_from_slice(&time48(self.time));
        octets.extend_from_slice(&self.fudge.to_be_bytes());
        octets.extend_from_slice(&self.error.to_be_bytes());
        octets.extend_from_slice(&(self.other.len() as u16).to_be_bytes());
        octets.extend_from_slice(self.other);
        octets
    }
}

/// The RDATA of a TSIG. Its algorithm is not looked at: the signature vouches for ours.
struct Tsig<'a> {
    stamp: Stamp<'a>,
    mac: &'a [u8],
    original_id: &'a [u8],
}

impl<'a> Tsig<'a> {
    fn read(rdata: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(rdata);
        reader.name()?;
        let (time, fudge) = (reader.u48()?, reader.u16()?);
        let mac = reader.u16()?;
        let mac = reader.take(usize::from(mac))?;
        let original_id = reader.take(2)?;
        let error = reader.u16()?;
        let other = reader.u16()?;
        let other = reader.take(usize::from(other))?;
        reader.0.is_empty().then_some(Self {
            stamp: Stamp {
                time,
                fudge,
                error,
                other,
            },
            mac,
            original_id,
        })
    }
}

/// The low 48 bits, which suffice for nine million years.
fn time48(time: u64) -> [u8; 6] {
    let [_, _, octets @ ..] = time.to_be_bytes();
    octets
}

/// The header's count of additional records.
fn additional(message: &[u8]) -> u16 {
    u16::from_be_bytes([message[10], message[11]])
}
