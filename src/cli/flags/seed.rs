//! `--seed`: what is random in templates, made reproducible.

use std::time::{SystemTime, UNIX_EPOCH};

use engine::DryRun;
use templates_compat::Seed;

use crate::cli::Failure;
use crate::cli::settings::env;

/// Names a moment in place of the clock, as in other programs whose output
/// must be the same again.
const CLOCK: &str = "SOURCE_DATE_EPOCH";

/// The flag of verbs that render.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct SeedArgs {
    /// make what templates draw at random (passwords, keys, certificates) reproducible: the same number gives the same bytes again. The clock stands at SOURCE_DATE_EPOCH, or at the beginning of the day. Not for secrets that are used
    #[arg(long, value_name = "int")]
    pub seed: Option<u64>,
}

impl SeedArgs {
    /// The seed, if there is one.
    ///
    /// # Errors
    /// A `SOURCE_DATE_EPOCH` that is no number of seconds.
    pub(crate) fn seed(&self) -> Result<Option<Seed>, Failure> {
        let Some(number) = self.seed else { return Ok(None) };
        let Some(clock) = env(CLOCK) else {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128);
            return Ok(Some(Seed::of_day(number, now)));
        };
        match clock.parse() {
            Ok(seconds) => Ok(Some(Seed::at(number, seconds))),
            Err(_) => Err(Failure::new(format!("{CLOCK}: {clock:?} is no number of seconds"))),
        }
    }

    /// The seed of a verb that can also change a cluster.
    ///
    /// # Errors
    /// As [`SeedArgs::seed`]; a seed for what is not a dry run.
    pub(crate) fn seed_of_dry_run(&self, dry_run: DryRun) -> Result<Option<Seed>, Failure> {
        if self.seed.is_some() && !dry_run.is_dry() {
            return Err(Failure::new(
                "--seed needs --dry-run: whoever knows the number knows every secret that comes of it",
            ));
        }
        self.seed()
    }
}
