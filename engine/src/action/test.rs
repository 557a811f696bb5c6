//! `test`: runs the tests of a release, which are hooks.

use std::time::Duration;

use serde_json::Value as Json;

use super::common;
use crate::error::{Error, Result, Stage};
use crate::hooks::{self, HookOptions};
use crate::lock::{Lock, Operation};
use crate::options::{DEFAULT_TIMEOUT, WaitStrategy};
use crate::release::{Hook, HookEvent, Release};
use crate::{Engine, Run, storage};

/// Which tests are run.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those with these names, if there are any.
    pub include: Vec<String>,
    /// None of these names.
    pub exclude: Vec<String>,
}

impl Filter {
    /// Whether a hook of this name is run.
    pub fn fits(&self, name: &str) -> bool {
        let any = |names: &[String]| names.iter().any(|n| n == name);
        !any(&self.exclude) && (self.include.is_empty() || any(&self.include))
    }
}

/// How to test. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// The release's name.
    pub name: String,
    /// `--filter`
    pub filter: Filter,
    /// `--logs`: reads the logs of the test pods before they are cleaned up.
    pub logs: bool,
    /// `--timeout` of each test
    pub timeout: Duration,
}

impl Default for TestOptions {
    fn default() -> Self {
        TestOptions { name: String::new(), filter: Filter::default(), logs: false, timeout: DEFAULT_TIMEOUT }
    }
}

/// What testing came to.
#[derive(Debug)]
pub struct Tested {
    /// The release, with what each test came to.
    pub release: Release,
    /// The logs of the test pods, if they were asked for.
    pub logs: String,
    /// What failed: tests, reading logs, cleaning up.
    pub result: Result<()>,
}

/// Runs the tests of a release's last revision.
///
/// # Errors
/// When there is no such release. A test that fails is a result.
pub async fn test(engine: &Engine, run: &Run, options: &TestOptions) -> Result<Tested> {
    engine.cluster().version().await?;
    let name = &options.name;
    common::validate_release_name(name)
        .map_err(|_| Error::other(Stage::Prepare, format!("releaseTest: Release name is invalid: {name}")))?;
    let keys = engine.store().keys(storage::Query { name: Some(name), status: None }).await?;
    let newest = keys.iter().map(|k| k.version).max().ok_or(Error::ReleaseNotFound)?;
    // What the tests came to is written into the record: nobody else may then.
    let lock = Lock::acquire(engine, run, (name, Operation::Test, newest), None).await?;
    let result = test_locked(engine, run, options).await;
    lock.release().await;
    result
}

async fn test_locked(engine: &Engine, run: &Run, options: &TestOptions) -> Result<Tested> {
    let mut release = super::get(engine, run, &options.name, 0).await?;
    // Those that are left out come first from now on: so Helm records it.
    let (run_now, left_out): (Vec<Hook>, Vec<Hook>) =
        std::mem::take(&mut release.hooks).into_iter().partition(|hook| options.filter.fits(&hook.name));
    let first = left_out.len();
    release.hooks = left_out.into_iter().chain(run_now).collect();
    let mut chosen = hooks::of_event(&release.hooks, &HookEvent::Test);
    chosen.retain(|index| *index >= first);
    let server_side = release.is_server_side() && engine.compat().applies_server_side();
    let how = HookOptions { timeout: options.timeout, wait: WaitStrategy::Watcher, server_side };

    let started = hooks::start(engine, run, &mut release, &HookEvent::Test, chosen.clone(), how);
    let mut cleanup = hooks::Cleanup::Nothing;
    let result = common::cancellable(run, async {
        let (result, after) = started.await;
        cleanup = after;
        result
    })
    .await;
    let updated = engine.store().update(&release).await;
    let result = result.and(updated);
    let mut logs = String::new();
    let mut read = Ok(());
    if options.logs {
        read = read_logs(engine, &release, &chosen, &mut logs).await;
    }
    let cleaned = hooks::clean_up(engine, run, &release, cleanup, how).await;
    let result = match (result, read) {
        (Err(e), Err(second)) => Err(Error::other(Stage::Hook, format!("{e}\n{second}"))),
        (result, read) => result.and(read),
    };
    Ok(Tested { release, logs, result: result.and(cleaned) })
}

/// The logs of every container of the test pods, those that initialise first.
async fn read_logs(engine: &Engine, release: &Release, chosen: &[usize], out: &mut String) -> Result<()> {
    let pods = chosen.iter().filter_map(|index| release.hooks.get(*index)).filter(|hook| hook.kind == "Pod");
    for pod in pods.map(|hook| &hook.name) {
        let path = format!("/api/v1/namespaces/{}/pods/{pod}", engine.namespace());
        let found: Result<Json> = engine.cluster().get_call(&path).send().await;
        let found = found.map_err(|e| e.context(format!("unable to get pod {pod}")))?;
        let mut errors = Vec::new();
        for container in containers(&found) {
            let call = engine.cluster().get_call(format!("{path}/log")).accept("*/*").query("container", container);
            match call.send_bytes().await {
                Ok(text) => {
                    out.push_str(&format!("POD LOGS: {pod} ({container})\n{}\n", String::from_utf8_lossy(&text)));
                }
                Err(e) => {
                    errors.push(e.context(format!("unable to get logs for pod {pod}, container {container}")));
                }
            }
        }
        crate::execute::join(errors, "\n")?;
    }
    Ok(())
}

fn containers(pod: &Json) -> impl Iterator<Item = &str> {
    let lists = ["/spec/initContainers", "/spec/containers"].into_iter().filter_map(|list| pod.pointer(list));
    lists.filter_map(Json::as_array).flatten().filter_map(|c| c.get("name")?.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_by_name() {
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_string()).collect();
        let filter = Filter { include: names(&["a", "b"]), exclude: names(&["b"]) };
        assert_eq!(["a", "b", "c"].map(|n| filter.fits(n)), [true, false, false]);
        assert!(Filter::default().fits("any"));
    }
}
