//! The gateway's side of one exchange.

use std::fmt;

use sotto_wire::{FOREIGN_REQUEST_MAX_BYTES, Problem, ProblemType, path};

use crate::encapsulation::{GatewayKey, ResponseKey};
use crate::message::{RequestHead, ResponseMessage};
use crate::suite::{RESPONSE_NONCE_BYTES, RESPONSE_OVERHEAD_BYTES};
use crate::{Answer, Epoch, EpochKeys, MessageError, ProofQuery, SealError, message};

/// The keys a gateway accepts, usually those of the previous, current and next epoch.
pub struct KeyRing {
    epochs: Vec<EpochKeys>,
}

/// An opened request, not yet looked at.
pub struct Request(RequestHead);

/// What seals the one answer to a [`Request`].
pub struct Sealer(ResponseKey);

/// Why an encapsulated request is not served. [`Self::problem`] is what leaves the gateway.
#[derive(Debug, thiserror::Error)]
pub enum OpenRefusal {
    /// Longer than [`FOREIGN_REQUEST_MAX_BYTES`].
    #[error("the encapsulated request is longer than {FOREIGN_REQUEST_MAX_BYTES} octets")]
    TooLarge,
    /// No key of the ring has the key identifier and the algorithms that the request names.
    #[error("the encapsulated request names a key that is not in use")]
    UnknownKey,
    /// The request does not decrypt, or is too short to.
    #[error("the encapsulated request does not decrypt")]
    Undecryptable,
    /// Decrypted, but not a Binary HTTP request: the problem is to be sealed.
    #[error("the encapsulated request holds no HTTP request: {error}")]
    Malformed {
        /// What seals the problem.
        sealer: Box<Sealer>,
        /// What is wrong.
        error: MessageError,
    },
}

impl OpenRefusal {
    /// The problem to answer with; sealed if the refusal is [`Self::Malformed`], else not.
    ///
    /// All that happens before or in decryption is one and the same problem, or the difference
    /// would be an oracle for whoever sends altered envelopes.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::TooLarge => Problem::new(ProblemType::Blank, 413, "request too large"),
            Self::UnknownKey | Self::Undecryptable => {
                Problem::new(ProblemType::OhttpKey, 400, "key configuration not usable")
            }
            Self::Malformed { .. } => bad_query("not a Binary HTTP request"),
        }
    }
}

impl KeyRing {
    /// A ring of `epochs`. Epochs whose key identifiers collide, 64 apart, must not meet in a ring;
    /// of two, the first is used.
    #[must_use]
    pub fn new(epochs: Vec<EpochKeys>) -> Self {
        Self { epochs }
    }

    /// The epochs of the ring, in the order given.
    pub fn epochs(&self) -> impl Iterator<Item = Epoch> + '_ {
        self.epochs.iter().map(EpochKeys::epoch)
    }

    /// The keys of `epoch`.
    #[must_use]
    pub fn keys(&self, epoch: Epoch) -> Option<&EpochKeys> {
        self.epochs.iter().find(|keys| keys.epoch() == epoch)
    }

    /// The encapsulated key of an envelope for a key of this ring, without any private-key work: what
    /// a replay window remembers (RFC 9458 section 6.5.1).
    #[must_use]
    pub fn encapsulated_key<'a>(&self, envelope: &'a [u8]) -> Option<&'a [u8]> {
        self.route(envelope)?.encapsulated_key(envelope)
    }

    /// Opens an encapsulated request (RFC 9458 section 4.3).
    ///
    /// # Errors
    ///
    /// [`OpenRefusal`], which knows the problem to answer with.
    pub fn open(&self, envelope: &[u8]) -> Result<(Request, Sealer), OpenRefusal> {
        if envelope.len() > FOREIGN_REQUEST_MAX_BYTES {
            return Err(OpenRefusal::TooLarge);
        }
        let key = self.route(envelope).ok_or(OpenRefusal::UnknownKey)?;
        let (octets, response) = key.open(envelope).ok_or(OpenRefusal::Undecryptable)?;
        let sealer = Sealer(response);
        match message::read_request(&octets) {
            Ok(head) => Ok((Request(head), sealer)),
            Err(error) => Err(OpenRefusal::Malformed {
                sealer: Box::new(sealer),
                error,
            }),
        }
    }

    fn route(&self, envelope: &[u8]) -> Option<&GatewayKey> {
        self.epochs.iter().find_map(|keys| keys.named_by(envelope))
    }
}

impl Request {
    /// The question, if the request asks one of the gateway at `gateway_host`.
    ///
    /// # Errors
    ///
    /// The problem to seal, status 400: a method other than GET, a scheme other than https, an
    /// authority other than the gateway's, another path, or parameters other than one `d` and one `t`.
    pub fn query(&self, gateway_host: &str) -> Result<ProofQuery, Problem> {
        let head = &self.0;
        if head.method != b"GET" || head.has_content {
            return Err(bad_query("only GET without content is served"));
        }
        if !head.scheme.eq_ignore_ascii_case(b"https") {
            return Err(bad_query("the scheme is not https"));
        }
        let host = head.authority.strip_suffix(":443");
        if !host
            .unwrap_or(&head.authority)
            .eq_ignore_ascii_case(gateway_host)
        {
            return Err(bad_query("the authority is not this gateway"));
        }
        let parameters = head
            .path
            .strip_prefix(path::PROOF)
            .and_then(|rest| rest.strip_prefix('?'))
            .ok_or_else(|| bad_query("the path is not /dnssecproof?d=NAME&t=TYPE"))?;
        let unusable = || bad_query("the parameters are not one d=NAME and one t=TYPE");
        let (mut name, mut rtype) = (None, None);
        for parameter in parameters.split('&') {
            let slot = match parameter.split_once('=') {
                Some(("d", value)) => name.replace(value),
                Some(("t", value)) => rtype.replace(value),
                _ => return Err(unusable()),
            };
            if slot.is_some() {
                return Err(unusable());
            }
        }
        let (name, rtype) = name.zip(rtype).ok_or_else(unusable)?;
        ProofQuery::new(name, rtype).map_err(|_| bad_query("the name or the type is malformed"))
    }

    /// The Date field, which our client never sends.
    #[must_use]
    pub fn date(&self) -> Option<&str> {
        self.0.date.as_deref()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request([redacted])")
    }
}

impl Sealer {
    /// Seals `answer`, zero-padded to the smallest [`sotto_wire::AnswerClass`] that holds it
    /// (RFC 9458 section 4.4).
    ///
    /// # Errors
    ///
    /// [`SealError::TooLarge`] if the answer fits no class ([`Answer::class`] tells beforehand),
    /// [`SealError::Message`] if its status is not 200 to 599 or a field is not HTTP.
    pub fn seal(self, answer: &Answer) -> Result<Vec<u8>, SealError> {
        self.seal_message(&ResponseMessage::new(answer)?)
    }

    /// Seals a proof as [`Self::seal`] does [`Answer::proof`], without a copy of it.
    ///
    /// # Errors
    ///
    /// [`SealError::TooLarge`] if the proof fits no class ([`Answer::class_of_proof`] tells beforehand).
    pub fn seal_proof(self, proof: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_message(&ResponseMessage::proof(proof))
    }

    fn seal_message(self, message: &ResponseMessage<'_>) -> Result<Vec<u8>, SealError> {
        let class = message.class().ok_or(SealError::TooLarge)?;
        let padded = class.bytes() - RESPONSE_OVERHEAD_BYTES;
        let sealed = self.0.seal(class.bytes(), |octets| {
            message.write(octets);
            octets.resize(RESPONSE_NONCE_BYTES + padded, 0);
        });
        sealed
            .filter(|octets| octets.len() == class.bytes())
            .ok_or(SealError::Encapsulation)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([redacted])")
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.epochs()).finish()
    }
}

fn bad_query(title: &'static str) -> Problem {
    Problem::new(ProblemType::Blank, 400, title)
}
