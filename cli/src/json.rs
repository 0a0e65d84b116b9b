//! What a program reads: schema 1.
//!
//! Times are integer Unix seconds, `null` where unknown. Keys are added, never removed or
//! changed, without a new schema number.

mod explanation;

use serde::Serialize;
use sotto_mimi::{DroppedRecord, Identifier, Service, join_strings};
use sotto_proof::{Question, Reason, RecordType, Secure, Verdict, Verification};

use crate::failure::Failure;

pub(crate) use self::explanation::ExplanationObject;

/// The schema of every object printed.
const SCHEMA: u32 = 1;

/// One object with its schema, one line.
pub(crate) fn print(body: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Object<'a, T: Serialize> {
        schema: u32,
        #[serde(flatten)]
        body: &'a T,
    }
    let text = serde_json::to_string(&Object {
        schema: SCHEMA,
        body,
    });
    text.unwrap_or_else(|_| unreachable!("strings, numbers and lists of them always serialise"))
        + "\n"
}

/// A command that could not do its work.
pub(crate) fn error(failure: &Failure) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        error: Detail<'a>,
    }
    #[derive(Serialize)]
    struct Detail<'a> {
        code: &'static str,
        message: &'a str,
        remedy: &'a str,
    }
    print(&Body {
        error: Detail {
            code: failure.code,
            message: &failure.message,
            remedy: &failure.remedy,
        },
    })
}

/// The word for a verdict.
pub(crate) const fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Secure(_) => "secure",
        Verdict::NoData => "nodata",
        Verdict::NxDomain => "nxdomain",
        Verdict::Insecure(_) => "insecure",
        Verdict::Bogus(_) => "bogus",
    }
}

/// The reason of the verifier, as data.
#[derive(Serialize)]
pub(crate) struct ReasonObject {
    code: &'static str,
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    rule: &'static str,
    rfc: &'static str,
}

impl From<&Reason> for ReasonObject {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.as_str(),
            name: reason.name.to_string(),
            rtype: reason.rtype.to_string(),
            rule: reason.code.rule(),
            rfc: reason.code.rfc(),
        }
    }
}

/// The name and type asked for.
#[derive(Serialize)]
pub(crate) struct QuestionObject {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
}

impl From<&Question> for QuestionObject {
    fn from(question: &Question) -> Self {
        Self {
            name: question.name.to_string(),
            rtype: question.rtype.to_string(),
        }
    }
}

/// One proved RR.
#[derive(Serialize)]
pub(crate) struct RecordObject {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    ttl: u32,
    rdata_hex: String,
    /// For TXT and the MIMI type: the character-strings with nothing between, if that is UTF-8.
    text: Option<String>,
}

/// The RRs of a proved RRset.
pub(crate) fn records(secure: &Secure, mimi_type: RecordType) -> Vec<RecordObject> {
    secure
        .rdatas
        .iter()
        .map(|rdata| RecordObject {
            name: secure.owner.to_string(),
            rtype: secure.rtype.to_string(),
            ttl: secure.ttl,
            rdata_hex: hex::encode(rdata),
            text: text(secure.rtype, rdata, mimi_type),
        })
        .collect()
}

/// The text of an RR of a type that is made of character-strings, if it is UTF-8.
pub(crate) fn text(rtype: RecordType, rdata: &[u8], mimi_type: RecordType) -> Option<String> {
    if rtype != RecordType::TXT && rtype != RecordType::SPF && rtype != mimi_type {
        return None;
    }
    String::from_utf8(join_strings(rdata)?).ok()
}

/// The chain of signatures, a line each.
pub(crate) fn chain(verification: &Verification) -> Vec<String> {
    verification.chain.iter().map(ToString::to_string).collect()
}

/// One way to reach a person.
#[derive(Serialize)]
pub(crate) struct ServiceObject<'a> {
    provider: &'a str,
    port: Option<u16>,
    account: Option<&'a str>,
    preference: u16,
    label: Option<&'a str>,
    tags: &'a [String],
    mimi_uri: Option<String>,
    directory_url: String,
    /// The body of the request that asks the provider for the account, where none is published.
    identifier_query_hex: Option<String>,
}

impl<'a> ServiceObject<'a> {
    pub(crate) fn new(service: &'a Service, identifier: Option<&Identifier>) -> Self {
        Self {
            provider: service.provider.as_str(),
            port: service.port,
            account: service.account.as_deref(),
            preference: service.preference,
            label: service.label.as_deref(),
            tags: &service.tags,
            mimi_uri: service.mimi_uri(),
            directory_url: service.directory_url(),
            identifier_query_hex: identifier
                .and_then(|identifier| service.identifier_query(identifier))
                .map(hex::encode),
        }
    }
}

/// One MIMI record that was not used.
#[derive(Serialize)]
pub(crate) struct DroppedObject {
    text: String,
    code: &'static str,
    message: String,
}

impl From<&DroppedRecord> for DroppedObject {
    fn from(dropped: &DroppedRecord) -> Self {
        Self {
            text: dropped.text(),
            code: dropped.error.code(),
            message: dropped.error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_form_of_the_contract() {
        let failure = Failure::usage("code", "a \"message\"", "a remedy");
        assert_eq!(
            error(&failure),
            "{\"schema\":1,\"error\":{\"code\":\"code\",\"message\":\"a \\\"message\\\"\",\"remedy\":\"a remedy\"}}\n"
        );
    }

    #[test]
    fn text_is_given_where_there_is_one() {
        let mimi = RecordType(65_400);
        assert_eq!(
            text(RecordType::TXT, b"\x01a\x01b", mimi).as_deref(),
            Some("ab")
        );
        assert_eq!(text(mimi, b"\x01a", mimi).as_deref(), Some("a"));
        assert_eq!(text(RecordType::TXT, b"\x01\xff", mimi), None);
        assert_eq!(text(RecordType::TXT, b"\x02a", mimi), None);
        assert_eq!(text(RecordType::A, b"\x01a", mimi), None);
    }
}
