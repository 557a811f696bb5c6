//! What Helm says of each verb: how many arguments it takes, which of its
//! flags have other names now, and which exclude each other.

use clap::Command;

use super::{PROGRAM, Wrong};

/// How many arguments a verb takes.
#[derive(Clone, Copy)]
enum Count {
    AtLeast(usize),
    AtMost(usize),
    Exactly(usize),
    /// The verb itself says what is wrong.
    Any,
}

use Count::{Any, AtLeast, AtMost, Exactly};

/// Each verb with its arguments, as Helm's usage lines name them.
const VERBS: [(&str, &str, Count); 26] = [
    ("diff", "[RELEASE] [CHART]", Exactly(2)),
    ("env", "", AtMost(1)),
    ("get all", "RELEASE_NAME", Exactly(1)),
    ("get hooks", "RELEASE_NAME", Exactly(1)),
    ("get manifest", "RELEASE_NAME", Exactly(1)),
    ("get metadata", "RELEASE_NAME", Exactly(1)),
    ("get notes", "RELEASE_NAME", Exactly(1)),
    ("get values", "RELEASE_NAME", Exactly(1)),
    ("history", "RELEASE_NAME", Exactly(1)),
    ("install", "[NAME] [CHART]", AtLeast(1)),
    ("lint", "PATH", AtLeast(1)),
    ("list", "", Exactly(0)),
    ("package", "[CHART_PATH] [...]", Any),
    ("pull", "[chart URL | repo/chartname] [...]", AtLeast(1)),
    ("rollback", "<RELEASE> [REVISION]", AtLeast(1)),
    ("show all", "[CHART]", Exactly(1)),
    ("show chart", "[CHART]", Exactly(1)),
    ("show crds", "[CHART]", Exactly(1)),
    ("show readme", "[CHART]", Exactly(1)),
    ("show values", "[CHART]", Exactly(1)),
    ("status", "RELEASE_NAME", Exactly(1)),
    ("template", "[NAME] [CHART]", AtLeast(1)),
    ("test", "[RELEASE]", Exactly(1)),
    ("uninstall", "RELEASE_NAME [...]", AtLeast(1)),
    ("upgrade", "[RELEASE] [CHART]", Exactly(2)),
    ("version", "", Exactly(0)),
];

/// Checks the number of arguments.
///
/// # Errors
/// Helm's text with the usage line.
pub(super) fn check_arguments(path: &[String], arguments: &[String]) -> Result<(), Wrong> {
    let name = path.join(" ");
    let Some(&(_, usage, count)) = VERBS.iter().find(|(verb, ..)| *verb == name) else { return Ok(()) };
    let given = arguments.len();
    let plural = |n: usize| if n == 1 { "argument" } else { "arguments" };
    let problem = match count {
        AtLeast(n) if given < n => format!("requires at least {n} {}", plural(n)),
        AtMost(n) if given > n => format!("accepts at most {n} {}", plural(n)),
        Exactly(0) if given > 0 => "accepts no arguments".to_owned(),
        Exactly(n) if given != n => format!("requires {n} {}", plural(n)),
        _ => return Ok(()),
    };
    let mut line = format!("{PROGRAM} {name}");
    if !usage.is_empty() {
        line.push(' ');
        line.push_str(usage);
    }
    line.push_str(" [flags]");
    Err(Wrong(format!("\"{PROGRAM} {name}\" {problem}\n\nUsage:  {line}")))
}

/// What to use instead of a flag with an old name.
pub(super) fn deprecated(path: &[String], flag: &str) -> Option<&'static str> {
    const NO_EFFECT: &str = "this flag has no effect for 'helm template' and will be removed in Helm 5";
    match (path.first()?.as_str(), flag) {
        ("install" | "upgrade" | "template" | "rollback" | "diff", "force") => Some("use --force-replace instead"),
        ("install" | "upgrade" | "template" | "diff", "atomic") => Some("use --rollback-on-failure instead"),
        ("template", "hide-notes" | "render-subchart-notes") => Some(NO_EFFECT),
        ("template", "validate") => Some("use '--dry-run=server' instead"),
        _ => None,
    }
}

/// Flags of which only one may be given.
const EXCLUSIVE: [[&str; 2]; 3] =
    [["force-replace", "force-conflicts"], ["force", "force-conflicts"], ["validate", "dry-run"]];

/// Checks that flags that exclude each other are not given together.
///
/// # Errors
/// cobra's text.
pub(super) fn check_groups(path: &[String], given: &[String]) -> Result<(), Wrong> {
    // cobra walks its groups in the order of their names.
    let mut groups = EXCLUSIVE;
    groups.sort_by_key(|group| group.join(" "));
    for group in groups {
        let applies = group[0] != "validate" || path.first().is_some_and(|verb| verb == "template");
        if applies && group.iter().all(|flag| given.iter().any(|g| g == flag)) {
            let mut set = group;
            set.sort_unstable();
            let (group, set) = (group.join(" "), set.join(" "));
            return Err(Wrong(format!(
                "if any flags in the group [{group}] are set none of the others can be; [{set}] were all set"
            )));
        }
    }
    Ok(())
}

/// The verbs in the order in which Helm suggests them.
const ORDER: [&str; 28] = [
    "create",
    "dependency",
    "pull",
    "show",
    "lint",
    "package",
    "repo",
    "search",
    "verify",
    "get",
    "history",
    "install",
    "list",
    "test",
    "rollback",
    "status",
    "template",
    "uninstall",
    "upgrade",
    "completion",
    "env",
    "plugin",
    "version",
    "registry",
    "push",
    "help",
    "diff",
    "agent",
];

/// How many letters a name may be away to be suggested.
const NEAR: usize = 2;

/// The answer to a verb that is none, with those that may have been meant.
pub(super) fn unknown(root: &Command, name: &str) -> Wrong {
    let lower = name.to_lowercase();
    let known = |verb: &&str| root.get_subcommands().any(|c| c.get_name() == *verb);
    let meant: Vec<&str> = ORDER
        .into_iter()
        .filter(known)
        .filter(|verb| distance(&lower, &verb.to_lowercase()) <= NEAR || verb.to_lowercase().starts_with(&lower))
        .collect();
    let mut text = format!("unknown command {name:?} for \"{PROGRAM}\"");
    if !meant.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for verb in meant {
            text.push_str(&format!("\t{verb}\n"));
        }
    }
    text.push_str(&format!("\nRun '{PROGRAM} --help' for usage."));
    Wrong(text)
}

/// How many letters must be changed, added or taken away (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let changed = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!((distance("instal", "install"), distance("lst", "list"), distance("", "ab")), (1, 1, 2));
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
