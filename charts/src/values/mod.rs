//! The user's values: files, the `--set` family, and how they come together
//! with a chart's defaults.

mod coalesce;
mod files;
mod set;
mod tables;

pub use coalesce::{coalesce, merge};
pub use files::{FileReader, ValueOptions, load_values, read_local};
pub use set::{SetKind, parse_into};
pub use tables::{MergeMode, copy_values, merge_maps, path_value, table};
pub(crate) use tables::{Merger, Source};
