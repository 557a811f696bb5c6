//! `diff`: what an upgrade (or install, or rollback) would change.

use charts::Chart;
use templates_compat::Map;

use super::common::{self, Preview};
use super::upgrade::{as_install, prepare};
use super::{RollbackOptions, UpgradeOptions};
use crate::error::Result;
use crate::options::DryRun;
use crate::plan::{self, Plan};
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
    let mut upgrade = options.upgrade.clone();
    upgrade.dry_run = DryRun::Server;
    if upgrade.install
        && let Some(mut install) = as_install(engine, &upgrade).await?
    {
        install.dry_run = DryRun::Server;
        let applied = super::install(engine, run, chart, values, &install).await?;
        return Ok(applied.plan.unwrap_or_default());
    }
    let preview = if options.against == Against::Live { Preview::Yes } else { Preview::No };
    let prepared = common::cancellable(run, prepare(engine, run, chart, values, &upgrade, preview)).await?;
    let mut plan = prepared.plan;
    if options.against == Against::Manifest {
        let before = engine.cluster().build(&prepared.before.manifest, &prepared.release.namespace).await?;
        plan::against_manifest(&mut plan, &before, &prepared.objects);
    }
    Ok(plan)
}

/// Plans a rollback and changes nothing.
///
/// # Errors
/// Those of a rollback that fails before it changes anything.
pub async fn diff_rollback(engine: &Engine, run: &Run, options: &RollbackOptions, against: Against) -> Result<Plan> {
    super::rollback::plan_of(engine, run, options, against).await
}
