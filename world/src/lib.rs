//! A private internet in one process: a signed root and the zones below it, their authorities, a
//! resolver, a gateway and two relays, without root rights and without installed software.
//!
//! [`World::start`] starts it and keeps it up; [`PEOPLE`](people::PEOPLE) live in it, one for every
//! outcome of a lookup; [`World::take_views`] tells what each party saw.
//!
//! - [`dns`]: signer, zones, responder, resolver; pure but for its sockets.
//! - [`plan`]: which zones there are. [`people`]: who lives in them, and what finding them yields.

mod certificates;
pub mod dns;
mod error;
pub mod people;
pub mod plan;
mod views;
mod world;

pub use error::WorldError;
pub use people::{Expected, PHONE_ZONE, Person};
pub use views::{ResolverView, Views};
pub use world::{GATEWAY_HOST, GATEWAY_OPERATOR, Options, RELAY_OPERATORS, World};
