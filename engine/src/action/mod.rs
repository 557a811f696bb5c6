//! One verb, one file, the same name as the command above it.
//!
//! Each action takes the [`crate::Engine`], its own options and a
//! [`crate::Run`] (events, cancellation). All futures are `Send`.

mod common;
mod crds;
pub mod diff;
pub mod get;
pub mod history;
pub mod install;
pub mod list;
pub mod rollback;
pub mod status;
pub mod template;
pub mod test;
pub mod uninstall;
pub mod upgrade;
mod values;

pub(crate) use common::record;
pub use common::validate_release_name;
pub use diff::{Against, DiffOptions, diff, diff_rollback};
pub use get::{Metadata, get, get_metadata, get_values};
pub use history::{HistoryOptions, history};
pub use install::{InstallOptions, install};
pub use list::{ListOptions, list};
pub use rollback::{RollbackOptions, rollback};
pub use status::status;
pub use template::{TemplateOptions, template};
pub use test::{Filter, TestOptions, Tested, test};
pub use uninstall::{UninstallOptions, Uninstalled, uninstall};
pub use upgrade::{UpgradeOptions, upgrade};

use crate::plan::Plan;
use crate::release::Release;

/// What installing, upgrading or rolling back came to.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The new revision (for a dry run: as it would be).
    pub release: Release,
    /// What was, or would be, done; `None` for a dry run that may not ask the
    /// cluster.
    pub plan: Option<Plan>,
}
