//! What becomes of an operation whose agent ended in the middle.
//!
//! Owns the decision: by the release's own record it was done, it failed, or
//! it can be done again, because the engine goes on where an operation was
//! killed. Where the record has another story, nobody guesses.

use engine::{Release, Status};
use serde_json::{Value, json};

use super::release::summary;
use crate::protocol::{
    Code, Error,
    command::{Command, State, Verb},
    objects::PatchType,
};

/// How often an operation is begun before it is given up: one that ends its
/// agent each time must not do so for ever.
const ATTEMPTS_MAX: u32 = 5;

/// What to do.
pub(super) enum Recovery {
    /// It was not finished: do it again.
    Again,
    /// It was done; this is its result.
    Done(Value),
    /// It is over, and this is what is known.
    Over(State, Error),
}

/// Decides by the newest revision now and the one when it was begun.
pub(super) fn decide(
    command: &Command,
    base: Option<i64>,
    attempt: u32,
    newest: &Result<Option<Release>, Error>,
) -> Recovery {
    let over = |state: State, message: String, release: Option<&Release>| {
        let error = Error::internal(message);
        let details = match (release, newest) {
            (Some(release), _) => summary(release),
            (None, Err(error)) => json!({"error": error.message}),
            (None, Ok(_)) => Value::Null,
        };
        Recovery::Over(state, error.with("release", details))
    };
    let Ok(newest) = newest else {
        return over(State::Unknown, "the agent ended in the middle; the release cannot be read".to_owned(), None);
    };
    let newest = newest.as_ref();
    if attempt > ATTEMPTS_MAX {
        let message = format!("given up: {ATTEMPTS_MAX} times an agent ended in the middle of this");
        return over(State::Unknown, message, newest);
    }
    let Some(base) = base else {
        return over(State::Unknown, "the agent that worked on this ended".to_owned(), newest);
    };
    let json_patch = command.spec.objects.as_ref().is_some_and(|objects| objects.patch_type == PatchType::Json);
    // All others can be done twice; a JSON patch may add something twice.
    if command.dry_run || command.verb == Verb::Test || (command.verb.is_of_objects() && !json_patch) {
        return Recovery::Again;
    }
    if command.verb.is_of_objects() {
        return over(State::Unknown, "the agent that patched this ended".to_owned(), None);
    }
    let status = newest.map(|release| release.info.status);
    if command.verb == Verb::Uninstall {
        return match (newest, status) {
            (None, _) => Recovery::Done(json!({"name": command.spec.release, "namespace": command.spec.namespace})),
            (Some(release), Some(Status::Uninstalled)) => Recovery::Done(summary(release)),
            _ => Recovery::Again,
        };
    }
    let Some(release) = newest else {
        // An install that was taken back, or never recorded.
        return if base == 0 { Recovery::Again } else { over(State::Unknown, "the release is gone".to_owned(), None) };
    };
    if release.version == base {
        return Recovery::Again;
    }
    match release.info.status {
        Status::Deployed if release.version == base + 1 => Recovery::Done(summary(release)),
        Status::Failed if release.version == base + 1 => {
            let error = Error::new(Code::Upstream, release.info.description.clone());
            Recovery::Over(State::Failed, error.with("release", summary(release)))
        }
        status if status.is_pending() && release.version == base + 1 => Recovery::Again,
        _ => over(State::Unknown, "the agent ended in the middle, and others changed the release".to_owned(), newest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(verb: &str) -> Command {
        serde_json::from_value(json!({"op_id": "a", "verb": verb, "spec": {"namespace": "n", "release": "r"}})).unwrap()
    }

    fn at(version: i64, status: Status) -> Result<Option<Release>, Error> {
        let mut release = Release { version, ..Release::default() };
        release.info.status = status;
        Ok(Some(release))
    }

    #[test]
    fn the_record_decides() {
        let upgrade = command("helm.upgrade");
        let decide_at = |base, newest| decide(&upgrade, Some(base), 2, &newest);
        assert!(matches!(decide_at(1, at(1, Status::Deployed)), Recovery::Again));
        assert!(matches!(decide_at(1, at(2, Status::PendingUpgrade)), Recovery::Again));
        assert!(matches!(decide_at(1, at(2, Status::Deployed)), Recovery::Done(_)));
        assert!(matches!(decide_at(1, at(2, Status::Failed)), Recovery::Over(State::Failed, _)));
        assert!(matches!(decide_at(1, at(3, Status::Deployed)), Recovery::Over(State::Unknown, _)));
        assert!(matches!(decide_at(1, Ok(None)), Recovery::Over(State::Unknown, _)));
        assert!(matches!(decide_at(0, Ok(None)), Recovery::Again));
    }

    #[test]
    fn an_uninstall_is_done_when_the_release_is_gone() {
        let uninstall = command("helm.uninstall");
        assert!(matches!(decide(&uninstall, Some(1), 2, &Ok(None)), Recovery::Done(_)));
        assert!(matches!(decide(&uninstall, Some(1), 2, &at(1, Status::Uninstalling)), Recovery::Again));
    }

    #[test]
    fn what_ends_its_agent_each_time_is_given_up() {
        let found = at(1, Status::Deployed);
        let upgrade = command("helm.upgrade");
        assert!(matches!(decide(&upgrade, Some(1), ATTEMPTS_MAX + 1, &found), Recovery::Over(State::Unknown, _)));
        assert!(matches!(decide(&upgrade, None, 2, &found), Recovery::Over(State::Unknown, _)));
    }
}
