//! What each party sees, as rows of a table.
//!
//! A view is typed by what its party may know. [`NoName`] are the types that cannot tell whom somebody asks for, [`NoClient`] those that
//! cannot tell who asks; both traits are sealed and neither is implemented by text. A relay's view is made of the first
//! alone, a gateway's of the second, so that neither can hold what its party must not know, whatever is written into it:
//!
//! ```compile_fail
//! fn a_relay_may_know<T: sotto_lab::views::NoName>() {}
//! a_relay_may_know::<sotto_lab::views::OwnerName>();
//! ```
//!
//! ```compile_fail
//! fn a_gateway_may_know<T: sotto_lab::views::NoClient>() {}
//! a_gateway_may_know::<sotto_lab::views::ClientAddress>();
//! ```
//!
//! No view numbers lookups: a number that two parties share would join them. Which rows belong together is in the [`Truth`] alone, which
//! no party has.

mod recording;
mod values;

pub use recording::{FileDigest, Format, Recording, RowNumber, Table, read};
pub use values::{
    ClientAddress, GatewayHost, Host, NoClient, NoName, OwnerName, RecordKind, RelayHost, Towards,
    Transport,
};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::population::{Presence, ZoneKind};

/// A table of rows of one kind.
pub trait View: Serialize + DeserializeOwned {
    /// The name of its file, without the extension.
    const FILE: &'static str;
    /// The columns, in order.
    const COLUMNS: &'static [&'static str];
}

/// Declares a row and its columns, each of a type that its party may know.
macro_rules! view {
    (
        $(#[$about:meta])*
        $name:ident in $file:literal knows $($known:ident)+ {
            $($(#[$told:meta])* $field:ident: $type:ty,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$told])* pub $field: $type,)+
        }

        impl View for $name {
            const FILE: &'static str = $file;
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
        }

        const _: fn() = || {
            fn allowed<T: $($known +)+>() {}
            $(allowed::<$type>();)+
        };
    };
}

view! {
    /// The network between clients and relays: one row for each message.
    ClientRelay in "client-relay" knows NoName {
        /// When it passed, in microseconds since the run began.
        at_us: u64,
        /// The client.
        client: ClientAddress,
        /// The relay.
        relay: RelayHost,
        /// Whether it went to the relay or to the client.
        towards: Towards,
        /// Octets of the content: what TLS and HTTP add is the same for all.
        octets: u32,
    }
}

view! {
    /// A relay: one row for each exchange.
    RelaySaw in "relay" knows NoName {
        /// The relay.
        relay: RelayHost,
        /// Who asked.
        client: ClientAddress,
        /// The gateway asked.
        gateway: GatewayHost,
        /// The key identifier, the first octet of the encapsulated request.
        key_id: u8,
        /// When the request came, in microseconds since the run began.
        received_us: u64,
        /// When it went on to the gateway.
        forwarded_us: u64,
        /// When the answer came.
        answered_us: u64,
        /// When the answer went on to the client.
        returned_us: u64,
        /// Octets of the encapsulated request.
        request_octets: u32,
        /// Octets of the encapsulated response.
        answer_octets: u32,
    }
}

view! {
    /// The network between relays and the gateway: one row for each message.
    RelayGateway in "relay-gateway" knows NoName NoClient {
        /// When it passed, in microseconds since the run began.
        at_us: u64,
        /// The relay.
        relay: RelayHost,
        /// The gateway.
        gateway: GatewayHost,
        /// Whether it went to the gateway or to the relay.
        towards: Towards,
        /// Octets of the content.
        octets: u32,
    }
}

view! {
    /// A gateway: one row for each question.
    GatewaySaw in "gateway" knows NoClient {
        /// The gateway.
        gateway: GatewayHost,
        /// The relay that the question came through.
        relay: RelayHost,
        /// The key identifier.
        key_id: u8,
        /// The name asked for.
        name: OwnerName,
        /// The type asked for.
        rtype: RecordKind,
        /// When it came, in microseconds since the run began.
        received_us: u64,
        /// When the answer was ready.
        ready_us: u64,
        /// When it left.
        left_us: u64,
        /// Whether the proof was at hand.
        cached: bool,
        /// The sealed status.
        status: u16,
        /// Octets of the encapsulated response.
        answer_octets: u32,
    }
}

view! {
    /// The gateway's resolver: one row for each question.
    ResolverSaw in "resolver" knows NoClient {
        /// When it came, in microseconds since the run began.
        at_us: u64,
        /// Who asked.
        gateway: GatewayHost,
        /// The name asked for.
        name: OwnerName,
        /// The type asked for.
        rtype: RecordKind,
        /// Whether the response was at hand.
        cached: bool,
        /// When it was answered.
        answered_us: u64,
        /// Octets of the response.
        octets: u32,
    }
}

view! {
    /// The authorities: one row for each query. Names are minimised (RFC 9156).
    AuthoritySaw in "authority" knows NoClient {
        /// When it was answered, in microseconds since the run began.
        at_us: u64,
        /// The host asked.
        authority: Host,
        /// The name asked for.
        name: OwnerName,
        /// The type asked for.
        rtype: RecordKind,
        /// Over what.
        transport: Transport,
    }
}

/// What nobody knows but the laboratory: one row for each lookup, with the rows of the views that it left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// The lookup, counted from 0.
    pub lookup: u64,
    /// Who asked.
    pub client: ClientAddress,
    /// For whom.
    pub name: OwnerName,
    /// How popular the name is: the first is 0.
    pub rank: u32,
    /// How its zone is signed.
    pub zone: ZoneKind,
    /// What is published.
    pub presence: Presence,
    /// Octets of the proof.
    pub proof_octets: u32,
    /// Whether the proof was at hand.
    pub cached: bool,
    /// The sealed status.
    pub status: u16,
    /// When it was asked, in microseconds since the run began.
    pub asked_us: u64,
    /// When the client had the answer.
    pub told_us: u64,
    /// Microseconds from the request's arrival at the gateway until the answer was ready.
    pub work_us: u64,
    /// The request's row in [`ClientRelay`], counted from 0.
    pub up_row: u64,
    /// The answer's row there.
    pub down_row: u64,
    /// The row in [`RelaySaw`].
    pub relay_row: u64,
    /// The request's row in [`RelayGateway`].
    pub in_row: u64,
    /// The answer's row there.
    pub out_row: u64,
    /// The row in [`GatewaySaw`].
    pub gateway_row: u64,
}

impl View for Truth {
    const FILE: &'static str = "truth";
    const COLUMNS: &'static [&'static str] = &[
        "lookup",
        "client",
        "name",
        "rank",
        "zone",
        "presence",
        "proof_octets",
        "cached",
        "status",
        "asked_us",
        "told_us",
        "work_us",
        "up_row",
        "down_row",
        "relay_row",
        "in_row",
        "out_row",
        "gateway_row",
    ];
}
