//! Running the hooks of an event: order, creation, waiting, deletion by
//! policy, logs by policy, and what is recorded of it.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use crate::cluster::apply::{Answer, CONCURRENCY};
use crate::cluster::watch::Selector;
use crate::cluster::{Answers, Known, Object, ObjectRef};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::options::WaitStrategy;
use crate::release::{DeletePolicy, Hook, HookEvent, HookPhase, OutputLogPolicy, Release, Time};
use crate::wait::{self, Rules};
use crate::{Engine, Run, execute};

/// How hooks are run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HookOptions {
    pub(crate) timeout: Duration,
    pub(crate) wait: WaitStrategy,
    pub(crate) server_side: bool,
}

/// The hooks of an event, by weight, then name; the order of the record (by
/// kind) decides the rest.
pub(crate) fn of_event(hooks: &[Hook], event: &HookEvent) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    for (index, hook) in hooks.iter().enumerate() {
        // An event that is named twice runs its hook twice, as in Helm.
        chosen.extend(hook.events.iter().filter(|e| *e == event).map(|_| index));
    }
    let key = |index: &usize| hooks.get(*index).map(|h| (h.weight, h.name.clone()));
    chosen.sort_by_key(key);
    chosen
}

/// Whether there is a hook of an event.
pub(crate) fn are_there(release: &Release, event: &HookEvent) -> bool {
    release.hooks.iter().any(|hook| hook.events.contains(event))
}

/// What a plan shows of the hooks of an event.
pub(crate) fn references(hooks: &[Hook], namespace: &str, event: &HookEvent) -> Vec<ObjectRef> {
    of_event(hooks, event).into_iter().filter_map(|i| hooks.get(i)).map(|h| reference(h, namespace)).collect()
}

fn reference(hook: &Hook, namespace: &str) -> ObjectRef {
    let head = templates_compat::yaml::head(hook.manifest.as_bytes(), templates_compat::Compat::Helm4);
    ObjectRef {
        api_version: head.map(|h| h.api_version).unwrap_or_default(),
        kind: hook.kind.clone(),
        namespace: namespace.to_string(),
        name: hook.name.clone(),
    }
}

/// Runs every hook of an event, one after the other, and keeps `last_run` in
/// the release and its record.
///
/// # Errors
/// The first hook that fails, after what its policies clean up.
pub(crate) async fn run_event(
    engine: &Engine,
    run: &Run,
    release: &mut Release,
    event: HookEvent,
    options: HookOptions,
) -> Result<()> {
    let chosen = of_event(&release.hooks, &event);
    let (result, cleanup) = start(engine, run, release, &event, chosen, options).await;
    clean_up(engine, run, release, cleanup, options).await?;
    result
}

/// What the policies of an event's hooks are still to do.
pub(crate) enum Cleanup {
    /// Nothing: a hook could not be started.
    Nothing,
    /// All of these succeeded.
    Succeeded(Vec<usize>),
    /// One failed, after those before it.
    Failed { failed: usize, before: Vec<usize> },
}

/// Runs hooks, and leaves what their policies delete: somebody may want to
/// read their logs first.
pub(crate) async fn start(
    engine: &Engine,
    run: &Run,
    release: &mut Release,
    event: &HookEvent,
    chosen: Vec<usize>,
    options: HookOptions,
) -> (Result<()>, Cleanup) {
    for (position, index) in chosen.iter().copied().enumerate() {
        match run_one(engine, run, release, index, event, options).await {
            Ok(()) => {}
            Err(Failure::Starting(error)) => return (Err(error), Cleanup::Nothing),
            Err(Failure::Waiting(error)) => {
                if let Some(hook) = release.hooks.get(index) {
                    output_logs(engine, run, release, hook, &OutputLogPolicy::Failed).await;
                }
                let before = chosen.get(..position).unwrap_or_default().to_vec();
                return (Err(error), Cleanup::Failed { failed: index, before });
            }
        }
    }
    (Ok(()), Cleanup::Succeeded(chosen))
}

/// Does what the policies of hooks that have run say.
pub(crate) async fn clean_up(
    engine: &Engine,
    run: &Run,
    release: &Release,
    cleanup: Cleanup,
    options: HookOptions,
) -> Result<()> {
    let (failed, before) = match cleanup {
        Cleanup::Nothing => return Ok(()),
        Cleanup::Succeeded(all) => {
            for hook in all.into_iter().rev().filter_map(|index| release.hooks.get(index)) {
                output_logs(engine, run, release, hook, &OutputLogPolicy::Succeeded).await;
                delete_by_policy(engine, run, release, hook, &DeletePolicy::Succeeded, options).await?;
            }
            return Ok(());
        }
        Cleanup::Failed { failed, before } => (failed, before),
    };
    if let Some(hook) = release.hooks.get(failed)
        && let Err(e) = delete_by_policy(engine, run, release, hook, &DeletePolicy::Failed, options).await
    {
        run.events.warn_of("error deleting the hook resource on hook failure", vec![("error", e.to_string())]);
    }
    for hook in before.iter().filter_map(|i| release.hooks.get(*i)) {
        delete_by_policy(engine, run, release, hook, &DeletePolicy::Succeeded, options).await?;
    }
    Ok(())
}

/// Only a hook that was created and then failed has policies for that.
enum Failure {
    Starting(Error),
    Waiting(Error),
}

async fn run_one(
    engine: &Engine,
    run: &Run,
    release: &mut Release,
    index: usize,
    event: &HookEvent,
    options: HookOptions,
) -> Result<(), Failure> {
    let start = Failure::Starting;
    let Some(hook) = release.hooks.get_mut(index) else { return Ok(()) };
    if hook.delete_policies.is_empty() {
        hook.delete_policies = vec![DeletePolicy::BeforeCreation];
    }
    let hook = hook.clone();
    delete_by_policy(engine, run, release, &hook, &DeletePolicy::BeforeCreation, options).await.map_err(start)?;
    let objects = build(engine, release, &hook)
        .await
        .map_err(|e| start(e.context(format!("unable to build kubernetes object for {event} hook {}", hook.path))))?;
    let object = objects.first().map_or_else(|| reference(&hook, &release.namespace), |o| o.reference.clone());
    set_run(release, index, |last| {
        last.started_at = Some(Time::now());
        last.completed_at = None;
        last.phase = HookPhase::Running;
    });
    super::action::record(engine, run, release).await;
    set_run(release, index, |last| last.phase = HookPhase::Unknown);
    run.events.send(Event::HookStarted { event: event.to_string(), object: object.clone(), path: hook.path.clone() });
    let finish = |release: &mut Release, phase: HookPhase| {
        set_run(release, index, |last| {
            last.completed_at = Some(Time::now());
            last.phase = phase.clone();
        });
        let (event, phase) = (event.to_string(), phase.to_string());
        run.events.send(Event::HookFinished { event, object: object.clone(), phase });
    };
    let answers = match create(engine, &objects, options.server_side).await {
        Ok(answers) => answers,
        Err(e) => {
            finish(release, HookPhase::Failed);
            return Err(start(e.context(format!("warning: Hook {event} {} failed", hook.path))));
        }
    };
    let waited = wait::until_ready(engine.cluster(), run, (&objects, &answers), Rules::Hook, options.timeout).await;
    match waited {
        Ok(()) => {
            finish(release, HookPhase::Succeeded);
            Ok(())
        }
        Err(e) => {
            finish(release, HookPhase::Failed);
            Err(Failure::Waiting(e))
        }
    }
}

fn set_run(release: &mut Release, index: usize, change: impl FnOnce(&mut crate::release::HookRun)) {
    if let Some(hook) = release.hooks.get_mut(index) {
        change(&mut hook.last_run);
    }
}

async fn build(engine: &Engine, release: &Release, hook: &Hook) -> Result<Vec<Object>> {
    engine.cluster().build(&hook.manifest, &release.namespace).await
}

/// Creates a hook's objects as those of its release, never forced.
async fn create(engine: &Engine, objects: &[Object], server_side: bool) -> Result<Answers> {
    if objects.is_empty() {
        return Err(Error::other(crate::Stage::Hook, "no objects visited"));
    }
    let cluster = engine.cluster();
    let send = |object| async move {
        let object: &Object = object;
        let answer = Answer::for_wait(&object.reference);
        let sent = async {
            match server_side {
                true => cluster.apply(object, false, answer).await,
                false => cluster.create(object, answer).await,
            }
        };
        (object.reference.key(), sent.await)
    };
    let sends: Vec<BoxFuture<'_, _>> = objects.iter().map(|object| send(object).boxed()).collect();
    let mut sent = futures::stream::iter(sends).buffered(CONCURRENCY);
    let (mut answers, mut errors) = (Answers::new(), Vec::new());
    while let Some((key, result)) = sent.next().await {
        match result {
            Ok(answer) => answers.extend(answer.map(|answer| (key, Known::sent(answer)))),
            Err(e) => errors.push(e),
        }
    }
    execute::join(errors, "\n").map(|()| answers)
}

/// Deletes what the hooks of interrupted revisions left: a hook whose policy
/// says that it goes when it has succeeded or failed did neither. What cannot
/// be deleted is a warning: the hook itself will say it when it runs again.
pub(crate) async fn take_back(engine: &Engine, run: &Run, interrupted: &[Release], options: HookOptions) {
    for release in interrupted {
        for hook in release.hooks.iter().filter(|h| h.last_run.started_at.is_some()) {
            let policies = [DeletePolicy::Succeeded, DeletePolicy::Failed];
            let Some(policy) = policies.iter().find(|p| hook.delete_policies.contains(p)) else { continue };
            let waiting = HookOptions { wait: WaitStrategy::Watcher, ..options };
            if let Err(e) = delete_by_policy(engine, run, release, hook, policy, waiting).await {
                run.events.warn(format!("hook {} of an interrupted revision cannot be deleted: {e}", hook.path));
            }
        }
    }
}

/// Deletes a hook's objects if its policy says so, and waits until they are
/// gone: the same names are created again.
async fn delete_by_policy(
    engine: &Engine,
    run: &Run,
    release: &Release,
    hook: &Hook,
    policy: &DeletePolicy,
    options: HookOptions,
) -> Result<()> {
    // Deleting a definition would take every custom resource with it.
    if hook.kind == "CustomResourceDefinition" || !hook.delete_policies.contains(policy) {
        return Ok(());
    }
    let objects = build(engine, release, hook)
        .await
        .map_err(|e| e.context(format!("unable to build kubernetes object for deleting hook {}", hook.path)))?;
    let mut errors = Vec::new();
    let mut deleted = Vec::new();
    for object in &objects {
        match engine.cluster().delete(object, "Background").await {
            Ok(true) => deleted.push(object.clone()),
            Ok(false) => {}
            Err(e) => errors.push(e),
        }
    }
    execute::join(errors, "; ")?;
    // Without `--wait` Helm goes on at once, and then may not create what is
    // still going; before a creation it is always waited for here.
    if *policy == DeletePolicy::BeforeCreation || options.wait != WaitStrategy::HookOnly {
        wait::until_deleted(engine.cluster(), &quiet(run), &deleted, options.timeout).await?;
    }
    Ok(())
}

/// The same run without events: the end of an old hook is no progress.
fn quiet(run: &Run) -> Run {
    Run { events: crate::Events::default(), cancel: run.cancel.clone() }
}

async fn output_logs(engine: &Engine, run: &Run, release: &Release, hook: &Hook, policy: &OutputLogPolicy) {
    if !hook.output_log_policies.contains(policy) {
        return;
    }
    let selector = match hook.kind.as_str() {
        "Job" => Selector { label: format!("job-name={}", hook.name), ..Selector::default() },
        "Pod" => Selector { field: format!("metadata.name={}", hook.name), ..Selector::default() },
        _ => return,
    };
    let namespace = match build(engine, release, hook).await {
        Ok(objects) => objects.first().map_or_else(|| release.namespace.clone(), |o| o.reference.namespace.clone()),
        Err(_) => release.namespace.clone(),
    };
    if let Err(e) = send_logs(engine, run, &namespace, &selector).await {
        run.events.warn_of("error outputting logs for hook failure", vec![("error", e.to_string())]);
    }
}

async fn send_logs(engine: &Engine, run: &Run, namespace: &str, selector: &Selector) -> Result<()> {
    for pod in engine.cluster().pods(namespace, selector).await? {
        for container in pod.containers() {
            let name = &pod.metadata.name;
            let line = |line: String| {
                run.events.send(Event::HookLog {
                    namespace: namespace.to_string(),
                    pod: name.clone(),
                    container: container.to_string(),
                    line,
                });
            };
            engine.cluster().log_lines(namespace, name, container, line).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_run_by_weight_then_name() {
        let hook = |name: &str, weight: i64, event: HookEvent| Hook {
            name: name.into(),
            weight,
            events: vec![event],
            ..Hook::default()
        };
        let hooks = [
            hook("b", 0, HookEvent::PreInstall),
            hook("a", 0, HookEvent::PreInstall),
            hook("last", 5, HookEvent::PreInstall),
            hook("first", -5, HookEvent::PreInstall),
            hook("other", -9, HookEvent::PostInstall),
        ];
        assert_eq!(of_event(&hooks, &HookEvent::PreInstall), [3, 1, 0, 2]);
    }
}
