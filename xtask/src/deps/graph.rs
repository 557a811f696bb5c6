//! The dependency tree, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// One crate in one version.
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: Option<String>,
    /// What its library and its programs need to be built; not its tests.
    needs: Vec<String>,
    /// What its tests need beside that.
    tests_need: Vec<String>,
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// All crates and who needs whom.
pub(super) struct Graph {
    pub(super) packages: BTreeMap<String, Package>,
    members: BTreeSet<String>,
}

impl Graph {
    /// Reads the output of `cargo metadata`.
    pub(super) fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let data: Value = serde_json::from_str(text)?;
        let mut edges: BTreeMap<&str, (Vec<String>, Vec<String>)> = BTreeMap::new();
        for node in list(&data["resolve"]["nodes"]) {
            let (needs, tests_need) = edges.entry(word(&node["id"])).or_default();
            for dependency in list(&node["deps"]) {
                let only_tests = list(&dependency["dep_kinds"]).iter().all(|kind| word(&kind["kind"]) == "dev");
                let into = if only_tests { &mut *tests_need } else { &mut *needs };
                into.push(word(&dependency["pkg"]).to_owned());
            }
        }
        let mut packages = BTreeMap::new();
        for package in list(&data["packages"]) {
            let id = word(&package["id"]);
            // What is not resolved is there for another platform only.
            let Some((needs, tests_need)) = edges.remove(id) else { continue };
            let package = Package {
                id: id.to_owned(),
                name: word(&package["name"]).to_owned(),
                version: word(&package["version"]).to_owned(),
                licence: package["license"].as_str().map(str::to_owned),
                needs,
                tests_need,
            };
            packages.insert(package.id.clone(), package);
        }
        let members = list(&data["workspace_members"]).iter().map(|id| word(id).to_owned()).collect();
        Ok(Self { packages, members })
    }

    /// Every crate that the workspace's own are built or tested with.
    pub(super) fn used(&self) -> impl Iterator<Item = &Package> {
        let mut roots: BTreeSet<&str> = self.members.iter().map(String::as_str).collect();
        for id in &self.members {
            if let Some(member) = self.packages.get(id) {
                roots.extend(member.tests_need.iter().map(String::as_str));
            }
        }
        let used = self.closure(roots);
        self.packages.values().filter(move |package| used.contains(package.id.as_str()))
    }

    /// The id of a crate of the workspace.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        let is_it = |id: &&String| self.packages.get(*id).is_some_and(|package| package.name == name);
        self.members.iter().find(is_it).map(String::as_str)
    }

    /// Every crate that one is built with, itself included; not what its tests
    /// need.
    pub(super) fn reached_from<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Package> {
        let reached = self.closure(BTreeSet::from([id]));
        self.packages.values().filter(move |package| reached.contains(package.id.as_str()))
    }

    fn closure<'a>(&'a self, roots: BTreeSet<&'a str>) -> BTreeSet<&'a str> {
        let mut todo: Vec<&str> = roots.iter().copied().collect();
        let mut seen = roots;
        while let Some(id) = todo.pop() {
            for next in self.packages.get(id).into_iter().flat_map(|package| &package.needs) {
                if seen.insert(next) {
                    todo.push(next);
                }
            }
        }
        seen
    }

    /// The crates that need this one, for a message.
    pub(super) fn who_needs(&self, id: &str) -> String {
        let needs = |package: &&Package| package.needs.iter().chain(&package.tests_need).any(|need| need == id);
        let names: Vec<String> = self.packages.values().filter(needs).map(ToString::to_string).collect();
        names.join(", ")
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph() -> Graph {
        let kinds = |kind: &str| format!(r#"[{{"kind":{kind}}}]"#);
        let node = |id: &str, deps: &[(&str, &str)]| {
            let deps: Vec<String> =
                deps.iter().map(|(to, kind)| format!(r#"{{"pkg":"{to}","dep_kinds":{}}}"#, kinds(kind))).collect();
            format!(r#"{{"id":"{id}","deps":[{}]}}"#, deps.join(","))
        };
        let package = |id: &str| format!(r#"{{"id":"{id}","name":"{id}","version":"1.0.0","license":"MIT"}}"#);
        let nodes = [
            node("ours", &[("direct", "null"), ("tester", "\"dev\"")]),
            node("direct", &[("deep", "\"build\""), ("not-ours", "\"dev\"")]),
            node("deep", &[]),
            node("tester", &[]),
            node("not-ours", &[]),
        ];
        let packages = ["ours", "direct", "deep", "tester", "not-ours", "windows-only"].map(package);
        let text = format!(
            r#"{{"workspace_members":["ours"],"packages":[{}],"resolve":{{"nodes":[{}]}}}}"#,
            packages.join(","),
            nodes.join(",")
        );
        Graph::parse(&text).unwrap()
    }

    fn names<'a>(packages: impl Iterator<Item = &'a Package>) -> Vec<&'a str> {
        packages.map(|package| package.name.as_str()).collect()
    }

    #[test]
    fn tests_count_for_what_is_used_and_not_for_what_is_reached() {
        let graph = graph();
        assert_eq!(names(graph.used()), ["deep", "direct", "ours", "tester"]);
        assert_eq!(names(graph.reached_from("ours")), ["deep", "direct", "ours"]);
        assert_eq!(graph.member("ours"), Some("ours"));
        assert_eq!(graph.who_needs("deep"), "direct 1.0.0");
    }
}
