//! `cargo xtask deps`: what this project may depend on.
//!
//! Reads `cargo metadata`, so it needs no network and no other tool. Checks
//! licences, banned crates, crates that are there in two versions, and that the
//! pure crates of the workspace stay pure. The rules are in [`rules`].

mod graph;
mod licence;
mod rules;

use std::collections::BTreeMap;

use crate::{Outcome, repository};
use graph::Graph;

/// Says everything that is wrong at once.
pub(crate) fn check() -> Outcome {
    let graph = Graph::parse(&metadata()?)?;
    let mut wrong = Vec::new();
    licences(&graph, &mut wrong);
    banned(&graph, &mut wrong);
    duplicates(&graph, &mut wrong);
    purity(&graph, &mut wrong);
    if wrong.is_empty() {
        println!("deps: {} crates, all within the rules", graph.packages.len());
        return Ok(());
    }
    Err(format!("the dependency tree breaks rules (xtask/src/deps/rules.rs):\n  {}", wrong.join("\n  ")).into())
}

/// The dependency tree of the platform that releases are built for.
fn metadata() -> Result<String, Box<dyn std::error::Error>> {
    let args = ["metadata", "--format-version=1", "--offline", "--locked"];
    let output = repository::cargo().args(args).args(["--filter-platform", rules::PLATFORM]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn licences(graph: &Graph, wrong: &mut Vec<String>) {
    for package in graph.used() {
        match &package.licence {
            Some(expression) if licence::is_allowed(expression, &rules::LICENCES) => {}
            Some(expression) => {
                wrong.push(format!("{package}: the licence {expression:?} is not on the list"));
            }
            None => wrong.push(format!("{package} names no licence")),
        }
    }
}

fn banned(graph: &Graph, wrong: &mut Vec<String>) {
    for package in graph.used() {
        if let Some((_, reason)) = rules::BANNED.iter().find(|(name, _)| *name == package.name) {
            wrong.push(format!("{package} is banned: {reason}; it comes by {}", graph.who_needs(&package.id)));
        }
    }
}

fn duplicates(graph: &Graph, wrong: &mut Vec<String>) {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in graph.used() {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    for (name, found) in &versions {
        let excused = rules::DUPLICATES.iter().any(|(allowed, _)| allowed == name);
        if found.len() > 1 && !excused {
            let who: Vec<String> = graph
                .used()
                .filter(|package| package.name == *name)
                .map(|package| format!("{} by {}", package.version, graph.who_needs(&package.id)))
                .collect();
            wrong.push(format!("{name} is there more than once: {}", who.join("; ")));
        }
    }
    for (name, _) in rules::DUPLICATES {
        if versions.get(name).is_none_or(|found| found.len() < 2) {
            wrong.push(format!("{name} is excused for being there twice and is not any more"));
        }
    }
}

fn purity(graph: &Graph, wrong: &mut Vec<String>) {
    for (member, never) in rules::PURE {
        let Some(id) = graph.member(member) else {
            wrong.push(format!("there is no crate {member} in the workspace"));
            continue;
        };
        for reached in graph.reached_from(id) {
            if never.contains(&reached.name.as_str()) {
                wrong.push(format!("{member} must not reach {reached}"));
            }
        }
    }
}
