//! The table of interplay: a long random sequence of operations on one
//! release, spread over Helm 3, Helm 4 and us, ends as the same sequence by
//! Helm 4 alone: the same objects, the same history.
//!
//! What client-side apply cannot do is left out, because Helm 3 has nothing
//! else: after a failed revision it does not know which items of a merged list
//! (the ports of a Service) are left from the one before, and no longer takes
//! them away; and what it takes over keeps annotations that it no longer has. What it
//! left behind by policy, Helm 4 takes up again only if no field changes.
//! Edits by hand are left out, too: server-side apply names their
//! owner and fails, client-side apply overwrites them.
//!
//! `INTERPLAY_SEED` and `INTERPLAY_OPERATIONS` choose another sequence; a
//! failure names both.

use serde_json::Value;
use testbed::Program;
use testbed::suite::Outcome;

use crate::scene::{Cluster, Scene, json};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

const OPERATIONS: u64 = 200;

/// How often both clusters are compared on the way.
const EVERY: u64 = 25;

const OBJECTS: &str = include_str!("parity/objects.yaml");

const KEPT: &str = "{{- if .Values.keep }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-kept
  annotations: {helm.sh/resource-policy: keep}
{{- end }}
";

const FILES: [(&str, &str); 3] = [
    ("templates/kept.yaml", KEPT),
    ("templates/hooks.yaml", include_str!("parity/hooks.yaml")),
    ("values.yaml", "word: one\nlist: [a, b]\nnested: {a: 1, b: {c: 2}}\nport: 80\n"),
];

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

pub(crate) fn sequence_ends_as_by_helm4_alone(cluster: &Cluster) -> Outcome {
    let number = |name: &str, default: u64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let (seed, operations) = (number("INTERPLAY_SEED", 20_261_124), number("INTERPLAY_OPERATIONS", OPERATIONS));
    let (alone, mixed) = (cluster.scene("alone")?, cluster.scene("mixed")?);
    let programs = [&mixed.helm3, &mixed.helm4, &mixed.ours];
    let names = ["helm3", "helm4", "ours"];
    let objects_file = OBJECTS
        .replace("port: {{ .Values.port }}", "port: 80, targetPort: {{ .Values.port }}")
        .replace("{{- if .Values.keep }}", "{{- if false }}");
    let files = [FILES[0], FILES[1], FILES[2], ("templates/objects.yaml", objects_file.as_str())];
    let (chart, other) = (alone.chart("interplay", &files)?, mixed.chart("interplay", &files)?);
    let mut random = Random(seed);
    let mut log = Vec::new();
    for operation in 1..=operations {
        let by = usize::try_from(random.below(3))?;
        let args = next(&mut random, &alone)?;
        let place = |chart: &str| args.iter().map(|a| a.replace("CHART", chart)).collect::<Vec<_>>();
        let expected = alone.helm4.run(place(&chart))?;
        let found = programs[by].run(place(&other))?;
        log.push(format!("{operation}: {} {}", names[by], args.join(" ")));
        let said = || format!("seed {seed}:\n{}", log.join("\n"));
        assert_eq!(expected.code, found.code, "{}\n{}\n{}", said(), expected.stderr, found.stderr);
        if operation % EVERY == 0 || operation == operations {
            assert_eq!(history(&alone, &alone.helm4)?, history(&mixed, &mixed.helm4)?, "{}", said());
            assert_eq!(objects(&alone)?, objects(&mixed)?, "{}", said());
        }
    }
    Ok(())
}

/// The next operation, by what Helm 4 alone has come to.
fn next(random: &mut Random, scene: &Scene<'_>) -> Anything<Vec<String>> {
    let finished = scene.helm4.run(["history", "r", "--output=json", "--max=300"])?;
    let revisions = if finished.code == 0 { json(&finished.stdout)? } else { Value::Array(Vec::new()) };
    let revisions = revisions.as_array().ok_or("no list")?;
    let number = |r: &Value| r["revision"].as_u64().unwrap_or(0);
    let Some(last) = revisions.last() else { return Ok(change(random, &["install", "r", "CHART"])) };
    if last["status"] == "uninstalled" {
        return Ok(match random.below(3) {
            0 | 1 => change(random, &["install", "r", "CHART", "--replace"]),
            _ => ["uninstall", "r"].map(str::to_owned).to_vec(),
        });
    }
    Ok(match random.below(12) {
        0 if random.one_in(3) => ["uninstall", "r"].map(str::to_owned).to_vec(),
        0 => ["uninstall", "r", "--keep-history"].map(str::to_owned).to_vec(),
        1..=3 if revisions.len() > 1 => {
            let to = &revisions[usize::try_from(random.below(revisions.len() as u64 - 1))?];
            vec!["rollback".into(), "r".into(), number(to).to_string(), "--history-max=6".into()]
        }
        4 => change(random, &["upgrade", "r", "CHART", "--reuse-values", "--history-max=6"]),
        5 => change(random, &["upgrade", "r", "CHART", "--no-hooks", "--history-max=6"]),
        6 => change(random, &["upgrade", "r", "CHART", "--set=bad=true", "--history-max=6"]),
        _ => change(random, &["upgrade", "r", "CHART", "--history-max=6"]),
    })
}

/// The same with other values.
fn change(random: &mut Random, args: &[&str]) -> Vec<String> {
    let mut args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    args.push(format!("--set=word=w{},port={}", random.below(1000), 80 + random.below(5)));
    if random.one_in(3) {
        args.push("--set=extra=true".into());
    }
    if random.one_in(6) {
        args.push("--set=keep=true".into());
    }
    if random.one_in(4) {
        args.push(format!("--set=nested.k{}=v", random.below(4)));
    }
    args
}

/// Revisions with their status, and with their description where every Helm
/// says the same.
fn history(scene: &Scene<'_>, program: &Program) -> Anything<Vec<String>> {
    let finished = program.run(["history", "r", "--output=json", "--max=300"])?;
    if finished.code != 0 {
        return Ok(Vec::new());
    }
    let revisions = json(&finished.stdout)?;
    let entry = |r: &Value| {
        // A revision that failed may count as superseded later; why it did is
        // still in the words of the one that tried.
        let failed = r["status"] == "failed" || r["description"].as_str().is_some_and(|d| d.contains("\" failed: "));
        let description = if failed { Value::Null } else { r["description"].clone() };
        format!("{} {} {} {description}", r["revision"], r["status"], r["chart"]).replace(&scene.namespace, "NS")
    };
    Ok(revisions.as_array().ok_or("no list")?.iter().map(entry).collect())
}

/// What stands in the cluster, without what only the server decides.
fn objects(scene: &Scene<'_>) -> Anything<Vec<String>> {
    let list = scene.get(&["configmaps,services,secrets,serviceaccounts", "--selector=owner!=helm"])?;
    let mut objects: Vec<String> = Vec::new();
    for object in list["items"].as_array().ok_or("no list")? {
        let metadata = &object["metadata"];
        if metadata["name"] == "kube-root-ca.crt" {
            continue;
        }
        let shown = serde_json::json!({
            "kind": object["kind"], "name": metadata["name"],
            "labels": metadata["labels"], "annotations": metadata["annotations"],
            "data": object["data"], "ports": object["spec"]["ports"],
        });
        objects.push(shown.to_string().replace(&scene.namespace, "NS"));
    }
    objects.sort();
    Ok(objects)
}
