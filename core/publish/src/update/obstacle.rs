//! Why something is not published: at one name, or for the whole zone.

use sotto_proof::message::MessageError;
use sotto_proof::{Name, RecordType};
use thiserror::Error;

use super::tsig::TsigError;

/// The response code of a server that does not know updates (RFC 2136 section 2.2).
const NOTIMP: u16 = 4;

/// Why one target is not as it was wanted. What stood there stands there still, unless the variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Obstacle {
    /// The name does not lie in the zone.
    #[error("the name does not lie in the zone {0}")]
    OutsideZone(Name),
    /// The same name and type stand earlier in the same round.
    #[error("the name is published twice in one run")]
    Twice,
    /// A CNAME at the name, or a DNAME above it, speaks for it.
    #[error("a {rtype} at {at} stands in the way")]
    Alias {
        /// Where it stands.
        at: Name,
        /// CNAME or DNAME.
        rtype: RecordType,
    },
    /// The name lies in a zone below this one.
    #[error("the name lies in the zone {cut}, which is delegated")]
    Delegated {
        /// The apex of that zone.
        cut: Name,
    },
    /// The server does not say what stands at the name.
    #[error("the server does not say what stands there: {}", rcode_name(*rcode))]
    NotAnswered {
        /// Its response code.
        rcode: u16,
    },
    /// The records fit no message.
    #[error("the records, and those that stand there, need {0} octets, more than one update holds")]
    TooLarge(usize),
    /// The server refuses the update.
    #[error("the server refuses the update: {}{}", rcode_name(*rcode), because(*tsig))]
    Refused {
        /// Its response code.
        rcode: u16,
        /// What it says of the key.
        tsig: Option<TsigError>,
    },
    /// Somebody else changes the name at the same time.
    #[error("somebody else keeps changing the records at the name")]
    Contended,
    /// The update was accepted, and yet the server serves something else.
    #[error("the server took the update, but does not serve it")]
    NotServed,
    /// The update is served, in a zone that is signed, without a signature.
    #[error("the server serves the records without a signature, though the zone is signed")]
    NotSigned,
    /// The run ended before its turn.
    #[error("the run ended before it came to this name")]
    NotTried,
    /// The connection was lost too often. Whether the update was made is not known.
    #[error("the connection was lost before the server said what came of it")]
    Unknown,
}

impl Obstacle {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OutsideZone(_) => "outside_zone",
            Self::Twice => "published_twice",
            Self::Alias { .. } => "alias_in_the_way",
            Self::Delegated { .. } => "delegated",
            Self::NotAnswered { .. } => "not_answered",
            Self::TooLarge(_) => "too_large",
            Self::Refused { .. } => "update_refused",
            Self::Contended => "contended",
            Self::NotServed => "not_served",
            Self::NotSigned => "not_signed",
            Self::NotTried => "not_tried",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it lies with the server rather than with the name, so that other names will hardly fare better.
    #[must_use]
    pub const fn is_server_s(&self) -> bool {
        matches!(
            self,
            Self::NotAnswered { .. } | Self::Refused { .. } | Self::NotServed | Self::NotSigned
        )
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::OutsideZone(_) => "give the zone that the name lies in with --zone",
            Self::Twice => "bring all that is to stand at one name together",
            Self::Alias { .. } => {
                "publish where the alias leads, or have the alias removed: nothing can stand beside or below it"
            }
            Self::Delegated { .. } => {
                "publish at the server of that zone, and give that zone with --zone"
            }
            Self::NotAnswered { .. } => "ask the zone's primary server, and read its log",
            Self::TooLarge(_) => "publish fewer or shorter records at this name",
            Self::Refused { rcode: NOTIMP, .. } => {
                "this server takes no updates, NSD for one: write a zone file with sotto record new --from"
            }
            Self::Refused { .. } => {
                "let the key update this name and type: docs/publishing/updates.md shows it for each server, whose log says more"
            }
            Self::Contended => "find out who else writes there, and run the same command again",
            Self::NotServed => {
                "read the server's log; something else may have changed the zone since"
            }
            Self::NotSigned => "see that the server signs what updates bring; its log says more",
            Self::NotTried | Self::Unknown => {
                "run the same command again: it finds out, and does only what is left"
            }
        }
    }
}

/// Why nothing more can be published to the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Stop {
    /// The signatures do not agree.
    #[error("{0}")]
    Tsig(#[from] TsigError),
    /// The server does not serve the zone with authority.
    #[error("the server does not serve the zone: {}", rcode_name(*.0))]
    NotAuthoritative(u16),
    /// What came is no answer.
    #[error("the server's answer cannot be read: {0}")]
    Malformed(#[from] MessageError),
    /// What came is no answer to anything that was asked.
    #[error("the server answers what was not asked")]
    Unrelated,
}

impl Stop {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Tsig(error) => error.code(),
            Self::NotAuthoritative(_) => "zone_unknown",
            Self::Malformed(_) | Self::Unrelated => "answer_malformed",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Tsig(error) => error.remedy(),
            Self::NotAuthoritative(_) => {
                "give the zone's own name with --zone, not one above or below it, and the primary server with --server"
            }
            Self::Malformed(_) | Self::Unrelated => {
                "see that --server is a DNS server, and what stands between it and this machine"
            }
        }
    }
}

fn because(tsig: Option<TsigError>) -> String {
    tsig.map_or_else(String::new, |error| format!(" ({error})"))
}

/// A response code as the registry names it (RFC 6895 section 2.3).
pub(crate) fn rcode_name(rcode: u16) -> String {
    let name = match rcode {
        0 => "no error, but no authority",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        other => return format!("response code {other}"),
    };
    name.to_owned()
}
