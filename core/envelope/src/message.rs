//! Binary HTTP (RFC 9292), written padded and read strictly.
//!
//! `bhttp` decodes the framing only. What it lets pass is refused here: fields that are no HTTP
//! fields (CR, LF, upper case, pseudo-fields such as `:method`), a message of the other kind,
//! fields that may occur once occurring twice, and padding that is not zero.

use std::io::Cursor;

use bhttp::{ControlData, FieldSection, Message, Mode, StatusCode};
use http::{HeaderName, HeaderValue, Method};
use sotto_wire::{AnswerClass, media};

use crate::suite::RESPONSE_OVERHEAD_BYTES;
use crate::{Answer, ProofQuery};

/// Field lines of the largest message we read; foreign clients send a handful.
const FIELDS_MAX: usize = 64;

/// The framing indicator of a response of known length (RFC 9292 section 3.3).
const RESPONSE_OF_KNOWN_LENGTH: usize = 1;

/// The length of a trailer section without fields.
const NO_TRAILERS: usize = 0;

/// The name of the field that says what the content is.
const CONTENT_TYPE: &str = "content-type";

/// Why octets are not a Binary HTTP message that we accept. Never shows their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The framing of RFC 9292 section 3 does not hold.
    #[error("the Binary HTTP framing is broken or truncated")]
    Framing,
    /// A response where a request is due, or the reverse.
    #[error("the Binary HTTP message is of the wrong kind")]
    WrongKind,
    /// Control data that HTTP does not allow.
    #[error("the control data of the Binary HTTP message is not HTTP")]
    Control,
    /// A field name or value that HTTP does not allow, or too many of them.
    #[error("a field of the Binary HTTP message is not HTTP")]
    Field,
    /// Content-Type or Date more than once.
    #[error("a field that may occur once occurs twice")]
    RepeatedField,
    /// An octet other than zero after the message (RFC 9292 section 3.8).
    #[error("the padding of the Binary HTTP message is not zero")]
    Padding,
}

/// A request, as far as a gateway looks at it.
pub(crate) struct RequestHead {
    pub(crate) method: Vec<u8>,
    pub(crate) scheme: Vec<u8>,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) date: Option<String>,
    pub(crate) has_content: bool,
}

/// Writes the request for `query`, not yet padded.
pub(crate) fn write_request(
    query: &ProofQuery,
    gateway_host: &str,
) -> Result<Vec<u8>, MessageError> {
    let path = format!(
        "{}?d={}&t={}",
        sotto_wire::path::PROOF,
        query.name,
        query.rtype
    );
    let message = Message::request(
        b"GET".to_vec(),
        b"https".to_vec(),
        gateway_host.as_bytes().to_vec(),
        path.into_bytes(),
    );
    encode(&message)
}

/// Reads a request together with its padding.
pub(crate) fn read_request(octets: &[u8]) -> Result<RequestHead, MessageError> {
    let message = decode(octets)?;
    let ControlData::Request {
        method,
        scheme,
        authority,
        path,
    } = message.control()
    else {
        return Err(MessageError::WrongKind);
    };
    let text = |octets: &[u8]| {
        let visible = octets.iter().all(u8::is_ascii_graphic);
        let text = str::from_utf8(octets).ok().filter(|_| visible);
        text.map(str::to_owned).ok_or(MessageError::Control)
    };
    if Method::from_bytes(method).is_err() {
        return Err(MessageError::Control);
    }
    Ok(RequestHead {
        method: method.clone(),
        scheme: text(scheme)?.into_bytes(),
        authority: text(authority)?,
        path: text(path)?,
        date: single(message.header(), b"date")?,
        has_content: !message.content().is_empty(),
    })
}

/// A response of known length, about to be written (RFC 9292 section 3.2).
///
/// The gateway writes one for each lookup, straight into the buffer that leaves, and knows its length beforehand.
pub(crate) struct ResponseMessage<'a> {
    status: StatusCode,
    fields: [Option<(&'static str, &'a str)>; 2],
    content: &'a [u8],
}

impl<'a> ResponseMessage<'a> {
    /// `answer` as a message.
    ///
    /// # Errors
    ///
    /// [`MessageError::Control`] if the status is not 200 to 599, [`MessageError::Field`] if a field is not HTTP.
    pub(crate) fn new(answer: &'a Answer) -> Result<Self, MessageError> {
        let status = StatusCode::try_from(answer.status).map_err(|_| MessageError::Control)?;
        if status.informational() {
            return Err(MessageError::Control);
        }
        let field = |name, value: &'a Option<String>| match value.as_deref() {
            Some(value) if !is_field_value(value.as_bytes()) => Err(MessageError::Field),
            value => Ok(value.map(|value| (name, value))),
        };
        Ok(Self {
            status,
            fields: [
                field(CONTENT_TYPE, &answer.media_type)?,
                field("date", &answer.date)?,
            ],
            content: &answer.body,
        })
    }

    /// A proof as a message, as [`Answer::proof`] would be.
    pub(crate) fn proof(content: &'a [u8]) -> Self {
        Self {
            status: StatusCode::OK,
            fields: [Some((CONTENT_TYPE, media::PROOF)), None],
            content,
        }
    }

    /// The smallest class that the message fits in, sealed.
    pub(crate) fn class(&self) -> Option<AnswerClass> {
        let prefixed = |octets: usize| varint_bytes(octets) + octets;
        let control = varint_bytes(RESPONSE_OF_KNOWN_LENGTH) + varint_bytes(self.status_code());
        let message = control
            + prefixed(self.field_bytes())
            + prefixed(self.content.len())
            + varint_bytes(NO_TRAILERS);
        AnswerClass::ALL
            .into_iter()
            .find(|class| message + RESPONSE_OVERHEAD_BYTES <= class.bytes())
    }

    /// Appends the message, not yet padded.
    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        write_varint(octets, RESPONSE_OF_KNOWN_LENGTH);
        write_varint(octets, self.status_code());
        write_varint(octets, self.field_bytes());
        for (name, value) in self.fields.iter().flatten() {
            write_prefixed(octets, name.as_bytes());
            write_prefixed(octets, value.as_bytes());
        }
        write_prefixed(octets, self.content);
        write_varint(octets, NO_TRAILERS);
    }

    fn field_bytes(&self) -> usize {
        let texts = self.fields.iter().flatten();
        texts
            .flat_map(|(name, value)| [name.len(), value.len()])
            .map(|octets| varint_bytes(octets) + octets)
            .sum()
    }

    fn status_code(&self) -> usize {
        usize::from(self.status.code())
    }
}

/// Reads a response together with its padding.
pub(crate) fn read_response(octets: &[u8]) -> Result<Answer, MessageError> {
    let message = decode(octets)?;
    let ControlData::Response(status) = message.control() else {
        return Err(MessageError::WrongKind);
    };
    Ok(Answer {
        status: status.code(),
        media_type: single(message.header(), CONTENT_TYPE.as_bytes())?,
        date: single(message.header(), b"date")?,
        body: message.content().to_vec(),
    })
}

/// Pads `message` with zeros to `bytes` octets (RFC 9292 section 3.8); `None` if it is longer.
pub(crate) fn pad(mut message: Vec<u8>, bytes: usize) -> Option<Vec<u8>> {
    if message.len() > bytes {
        return None;
    }
    message.resize(bytes, 0);
    Some(message)
}

/// The octets of a message, not padded.
pub(crate) fn encode(message: &Message) -> Result<Vec<u8>, MessageError> {
    let mut octets = Vec::new();
    message
        .write_bhttp(Mode::KnownLength, &mut octets)
        .map_err(|_| MessageError::Framing)?;
    Ok(octets)
}

fn decode(octets: &[u8]) -> Result<Message, MessageError> {
    let mut cursor = Cursor::new(octets);
    let message = Message::read_bhttp(&mut cursor).map_err(|_| MessageError::Framing)?;
    let read = usize::try_from(cursor.position()).map_err(|_| MessageError::Framing)?;
    let padding = octets.get(read..).ok_or(MessageError::Framing)?;
    // Every octet is looked at, which a processor does sixteen and more at a time.
    if padding.iter().fold(0, |all, octet| all | octet) != 0 {
        return Err(MessageError::Padding);
    }
    for informational in message.informational() {
        check_fields(informational.fields())?;
    }
    check_fields(message.header())?;
    check_fields(message.trailer())?;
    Ok(message)
}

fn check_fields(section: &FieldSection) -> Result<(), MessageError> {
    if section.len() > FIELDS_MAX {
        return Err(MessageError::Field);
    }
    for field in section.iter() {
        if HeaderName::from_lowercase(field.name()).is_err() || !is_field_value(field.value()) {
            return Err(MessageError::Field);
        }
    }
    Ok(())
}

fn is_field_value(value: &[u8]) -> bool {
    let surrounded = |octet: Option<&u8>| matches!(octet, Some(b' ' | b'\t'));
    HeaderValue::from_bytes(value).is_ok()
        && !surrounded(value.first())
        && !surrounded(value.last())
}

fn write_prefixed(octets: &mut Vec<u8>, value: &[u8]) {
    write_varint(octets, value.len());
    octets.extend_from_slice(value);
}

/// Appends a variable-length integer (RFC 9000 section 16).
fn write_varint(octets: &mut Vec<u8>, value: usize) {
    let width = varint_bytes(value);
    let tag = width.trailing_zeros() as u64;
    let tagged = value as u64 | tag << (8 * width - 2);
    octets.extend_from_slice(&tagged.to_be_bytes()[8 - width..]);
}

/// Octets of the shortest form of a variable-length integer.
fn varint_bytes(value: usize) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

/// The value of a field that may occur at most once, ASCII only.
fn single(section: &FieldSection, name: &[u8]) -> Result<Option<String>, MessageError> {
    let mut values = section.get_all(name);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(MessageError::RepeatedField);
    }
    let text = str::from_utf8(value).ok().filter(|text| text.is_ascii());
    text.map(|text| Some(text.to_owned()))
        .ok_or(MessageError::Field)
}

#[cfg(test)]
mod tests;
