//! A plan as a person reads it.

use std::fmt;

use super::{Action, Change, Counts, Plan, Step};

/// Longer values are cut.
const MAX_VALUE: usize = 120;

impl Action {
    fn sign(self) -> char {
        match self {
            Action::Create => '+',
            Action::Update => '~',
            Action::Adopt => '&',
            Action::Unchanged => '=',
            Action::Delete => '-',
            Action::Keep => '!',
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.create, "to create"),
            (self.update, "to update"),
            (self.adopt, "to adopt"),
            (self.delete, "to delete"),
            (self.keep, "to keep"),
            (self.unchanged, "unchanged"),
        ];
        let parts: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        f.write_str(if parts.is_empty() { "no objects" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |value: &serde_json::Value| {
            let text = value.to_string();
            match text.char_indices().nth(MAX_VALUE) {
                Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
                None => text,
            }
        };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{}: {} → {}", self.path, short(before), short(after)),
            (None, Some(after)) => write!(f, "{}: + {}", self.path, short(after)),
            (Some(before), None) => write!(f, "{}: - {}", self.path, short(before)),
            (None, None) => f.write_str(&self.path),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let note = match self.action {
            Action::Keep => " (kept by its resource policy)",
            Action::Adopt => " (adopted)",
            _ => "",
        };
        writeln!(f, "{} {} {}{note}", self.action.sign(), self.object.api_version, self.object)?;
        for change in &self.changes {
            writeln!(f, "      {change}")?;
        }
        if let Some(problem) = &self.problem {
            writeln!(f, "      refused: {problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { release, namespace, revision, .. } = self;
        writeln!(f, "Plan for release {release:?} in namespace {namespace:?}, revision {revision}: {}", self.counts())?;
        for crd in &self.crds {
            writeln!(f, "+ {crd} (custom resource definition)")?;
        }
        for hook in &self.hooks_before {
            writeln!(f, "> {} {hook} (hook, before)", hook.api_version)?;
        }
        for step in self.steps.iter().filter(|s| s.action != Action::Unchanged) {
            write!(f, "{step}")?;
        }
        for hook in &self.hooks_after {
            writeln!(f, "> {} {hook} (hook, after)", hook.api_version)?;
        }
        Ok(())
    }
}
