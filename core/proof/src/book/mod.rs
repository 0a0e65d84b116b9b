//! What this crate promises, chapter by chapter.
//!
//! 1. [What a proof is](proofs)
//! 2. [How a proof is made](proving)
//! 3. [What a verdict promises](verdicts)
//! 4. [Time, and the clock](time)
//! 5. [How long a verdict may be kept](caching)
//! 6. [Trust anchors, and their rollover](anchors)
//! 7. [Limits](limits)
//! 8. [What it costs](costs)
//! 9. [Features](features)
//! 10. [Limitations](limitations)

#[doc = include_str!("proofs.md")]
pub mod proofs {}

#[doc = include_str!("proving.md")]
pub mod proving {}

#[doc = include_str!("verdicts.md")]
pub mod verdicts {}

#[doc = include_str!("time.md")]
pub mod time {}

#[doc = include_str!("caching.md")]
pub mod caching {}

#[doc = include_str!("anchors.md")]
pub mod anchors {}

#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("costs.md")]
pub mod costs {}

#[doc = include_str!("features.md")]
pub mod features {}

#[doc = include_str!("limitations.md")]
pub mod limitations {}
