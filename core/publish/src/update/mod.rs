//! Dynamic updates (RFC 2136), signed (RFC 8945), without I/O.
//!
//! A [`Session`] is one conversation with the primary server of one zone. It publishes [`Target`]s in [`Round`]s of up to
//! [`ROUND_TARGETS`]: reads what stands, sends what differs, and reads again what the server then serves. A round makes
//! messages and takes answers; who drives it owns the connection and the clock:
//!
//! ```
//! # use sotto_publish::update::{Intent, Report, Round, Session, Step, Stop, Target};
//! # fn exchange(message: &[u8]) -> Vec<u8> { unreachable!() }
//! # fn publish(session: &mut Session, targets: Vec<Target>, now: u64) -> Result<Vec<Report>, Stop> {
//! let mut round = Round::new(session, targets, Intent::Publish);
//! loop {
//!     match round.step(now) {
//!         Step::Send(messages) => {
//!             for message in messages {
//!                 round.receive(&exchange(&message), now)?;
//!             }
//!         }
//!         Step::Wait(pause) => std::thread::sleep(pause),
//!         Step::Done => return Ok(round.finish()),
//!     }
//! }
//! # }
//! ```
//!
//! # What holds
//!
//! - A target is published whole or not at all: everything at one name is in one update, which a server makes or refuses as
//!   one (RFC 2136 section 3.7). An update holds many targets; where it is refused, each is sent on its own.
//! - Nobody's edit is lost: an update is bound by prerequisites to exactly what was read.
//! - Only RRs that are ours are deleted. The state of a run is what the server serves, and nothing else: a run that was
//!   killed is finished by the next one.
//! - Every question is signed and every answer must be, so nobody between can say that something is published.
//!
//! # Limitations
//!
//! - Where nothing is signed, an answer does not tell whether it was made from a wildcard. Then an update is tried for the
//!   one case, and upon a failed prerequisite for the other; whoever is served by a wildcard exactly what was wanted
//!   gets nothing of their own.
//! - Signatures over what is served are looked for, not verified.
//!
//! Message Digest 5 and SHA-1 are refused. The HMAC is of aws-lc, the one cryptographic library here; those DNS libraries
//! that know TSIG would bring another.

mod change;
mod key;
mod obstacle;
mod round;
mod session;
mod target;
mod tsig;
mod wire;

#[cfg(test)]
mod tests;

pub use change::{Change, Kind};
pub use key::{KeyError, SECRET_MIN_OCTETS, TsigKey};
pub(crate) use obstacle::rcode_name;
pub use obstacle::{Obstacle, Stop};
pub use round::{Intent, Report, Round, Step};
pub use session::{ROUND_TARGETS, Session, ZoneState};
pub use target::{IsOurs, Standing, Target, is_mimi};
pub use tsig::{FUDGE_SECONDS, TsigError};
