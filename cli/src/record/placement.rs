//! Where and for how long records are published: the same flags for every command that makes records.

use clap::builder::RangedI64ValueParser;
use clap::{Args, value_parser};
use sotto_mimi::{DEFAULT_MIMI_TYPE, Domain, PRIVATE_USE_TYPES};
use sotto_publish::Placement;
use sotto_publish::publication::{DEFAULT_TTL, TTL_MAX};

use crate::args::Form;

#[derive(Debug, Args)]
pub(crate) struct PlacementArguments {
    /// The form of the records: TXT, or MIMI for the private-use type.
    #[arg(
        long = "type",
        value_name = "TYPE",
        ignore_case = true,
        default_value = "TXT"
    )]
    form: Form,
    /// The private-use number of the type MIMI.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_MIMI_TYPE, value_parser = mimi_type())]
    mimi_type: u16,
    /// The TTL, seconds. A change or a removal is seen by everybody only after it.
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_TTL, value_parser = value_parser!(u32).range(..=i64::from(TTL_MAX)))]
    ttl: u32,
    /// The zone below which phone numbers hang. There is no default.
    #[arg(long, value_name = "ZONE")]
    phone_zone: Option<Domain>,
}

fn mimi_type() -> RangedI64ValueParser<u16> {
    let (first, last) = PRIVATE_USE_TYPES.into_inner();
    value_parser!(u16).range(i64::from(first)..=i64::from(last))
}

impl PlacementArguments {
    pub(crate) fn placement(&self) -> Placement {
        Placement {
            form: self.form.into(),
            mimi_type: self.mimi_type,
            ttl: self.ttl,
            phone_zone: self.phone_zone.clone(),
        }
    }
}
