//! The flags of each verb are those that real Helm names in its help, and a
//! few of our own.

use std::collections::BTreeSet;

use libtest_mimic::{Failed, Trial};
use testbed::tools::HELM4;
use testbed::{HelmVersion, Program, Workdir, build_only};

use crate::ANKRA_HELM;

/// Every verb of Helm 4 that we have.
const VERBS: &[&[&str]] = &[
    &["dependency", "build"],
    &["dependency", "list"],
    &["dependency", "update"],
    &["env"],
    &["get", "all"],
    &["get", "hooks"],
    &["get", "manifest"],
    &["get", "metadata"],
    &["get", "notes"],
    &["get", "values"],
    &["history"],
    &["install"],
    &["lint"],
    &["list"],
    &["package"],
    &["pull"],
    &["rollback"],
    &["show", "all"],
    &["show", "chart"],
    &["show", "crds"],
    &["show", "readme"],
    &["show", "values"],
    &["status"],
    &["template"],
    &["test"],
    &["uninstall"],
    &["upgrade"],
    &["verify"],
    &["version"],
];

/// Ours alone (COMPATIBILITY.md).
const OWN: &[&str] = &["agent", "compat", "seed"];

/// Flags that one of the two takes without naming them in its help.
const UNNAMED: &[(&str, &str)] = &[
    // An alias of `color`.
    ("*", "colour"),
    ("template", "hide-notes"),
    ("template", "render-subchart-notes"),
    ("template", "replace"),
    ("template", "server-side"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("flags::are_helms", are_helms)]
}

/// The names of the flags that a help text lists, with their letters: each
/// stands at the start of a line.
fn listed(help: &str) -> BTreeSet<String> {
    let mut flags = BTreeSet::new();
    for line in help.lines() {
        let line = line.trim_start();
        let (letter, rest) = match line.strip_prefix('-').and_then(|l| l.split_once(", --")) {
            Some((letter, rest)) if letter.len() == 1 => (letter, rest),
            _ => match line.strip_prefix("--") {
                Some(rest) => ("", rest),
                None => continue,
            },
        };
        let end = rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-').unwrap_or(rest.len());
        // A flag that a description names has no letter where it is listed.
        let name = &rest[..end];
        if !name.is_empty() && (end == rest.len() || rest[end..].starts_with([' ', '=', '['])) {
            flags.insert(if letter.is_empty() { name.to_owned() } else { format!("{name} -{letter}") });
        }
    }
    // `-n, --namespace` counts once, whoever mentions it without its letter.
    let with_letters: BTreeSet<String> =
        flags.iter().filter_map(|f| f.split_once(" -").map(|(name, _)| name.to_owned())).collect();
    flags.retain(|f| !with_letters.contains(f));
    flags
}

fn are_helms() -> Result<(), Failed> {
    let work = Workdir::new("flags")?;
    let helm = HelmVersion::V4.program(&build_only(&[HELM4], |_| {})?, work.path())?;
    let ours = Program::new(ANKRA_HELM, work.path())?;
    let mut wrong = Vec::new();
    for verb in VERBS {
        let help = |program: &Program| Ok::<_, Failed>(listed(&program.run([*verb, &["--help"]].concat())?.ok()));
        let (theirs, own) = (help(&helm)?, help(&ours)?);
        assert!(theirs.len() > 15 && theirs.contains("namespace -n"), "{verb:?}: {theirs:?}");
        let expected = |flag: &&String| {
            let unnamed = UNNAMED.iter().any(|(of, name)| (*of == "*" || verb.contains(of)) && name == flag);
            !unnamed && !OWN.contains(&flag.as_str())
        };
        for flag in theirs.difference(&own).filter(expected) {
            wrong.push(format!("{verb:?} lacks {flag}"));
        }
        for flag in own.difference(&theirs).filter(expected) {
            wrong.push(format!("{verb:?} has {flag}, which Helm has not"));
        }
    }
    // What is not named is taken all the same.
    for (verb, flag) in UNNAMED {
        let verb = if *verb == "*" { "version" } else { verb };
        let value = if *flag == "colour" { "never" } else { "true" };
        let done = ours.run([verb, &format!("--{flag}={value}"), "--help"])?;
        if done.code != 0 {
            wrong.push(format!("{verb} does not take {flag}: {}", done.stderr));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
