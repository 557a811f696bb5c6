//! `diff`: what an upgrade (or install, or rollback) would change.

use charts::Chart;
use templates_compat::Map;

use super::UpgradeOptions;
use crate::error::Result;
use crate::plan::Plan;
use crate::{Engine, Run};

/// What the wanted state is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Against {
    /// What is live in the cluster, by a server-side dry run of each object:
    /// exactly what would change, drift included.
    #[default]
    Live,
    /// The manifest of the last revision.
    Manifest,
}

/// How to compare.
#[derive(Debug, Clone, Default)]
pub struct DiffOptions {
    /// What the upgrade would be; `install` allows a release that is not
    /// there yet.
    pub upgrade: UpgradeOptions,
    /// What to compare with.
    pub against: Against,
}

/// Plans an upgrade and changes nothing.
///
/// # Errors
/// Those of an upgrade that fails before it changes anything.
pub async fn diff(engine: &Engine, run: &Run, chart: Chart, values: Map, options: &DiffOptions) -> Result<Plan> {
    let _ = (engine, run, chart, values, options);
    Err(crate::Error::other(crate::Stage::Plan, "diff has not landed"))
}
