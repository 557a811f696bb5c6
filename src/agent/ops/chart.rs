//! Fetching the chart of a command.
//!
//! Owns nothing but the way to `engine::pull`: a chart comes from a registry,
//! a repository or a URL, never from the agent's own file system.

use crate::protocol::{Code, Error, command::ChartSpec};

/// The packed chart.
pub(super) async fn pull(spec: &ChartSpec) -> Result<Vec<u8>, Error> {
    let _ = spec;
    Err(Error::new(Code::Unimplemented, "this agent cannot pull charts yet"))
}
