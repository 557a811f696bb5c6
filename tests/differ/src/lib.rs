//! Random templates and values, rendered by this project and by real Helm:
//! what differs is a bug in this project.
//!
//! A run is the same for the same seed. Templates that this project renders go
//! to Helm many in a chart; those that it refuses, one by one, because Helm
//! stops at the first error.

mod chart;
mod expression;
pub mod generate;
pub mod known;
pub mod rng;
mod round_trip;
mod run;
mod words;

/// What this project makes of one template, or what it says of it.
///
/// # Errors
/// What stands after `Error: `.
pub fn rendered(one: &generate::Try) -> Result<String, String> {
    chart::render(&chart::files(&[one], false), None)
}

pub use round_trip::{Broken, round_trip};
pub use run::{Difference, Options, Report, run};
