//! Command lines that are wrong, side by side with real Helm: what both print
//! and end with must be the same, but for the program's name.

use std::path::Path;

use libtest_mimic::Failed;
use testbed::tools::{HELM3, HELM4};
use testbed::{Binaries, HelmVersion, Program, Workdir, build_only};

use crate::{ANKRA_HELM, same};

/// Charts that are wrong, each in its own way: path and content.
const FILES: &[(&str, &str)] = &[
    ("good/Chart.yaml", "apiVersion: v2\nname: good\nversion: 1.0.0\n"),
    ("good/values.yaml", "image: {tag: a}\nlist: [1, 2]\nport: 80\n"),
    ("good/templates/a.yaml", "kind: A\nport: {{ .Values.port }}\n"),
    ("good/crds/c.yaml", "kind: CustomResourceDefinition\n"),
    ("schema/Chart.yaml", "apiVersion: v2\nname: schema\nversion: 1.0.0\n"),
    ("schema/values.schema.json", r#"{"type":"object","required":["name"],"properties":{"port":{"minimum":5}}}"#),
    ("badschema/Chart.yaml", "apiVersion: v2\nname: badschema\nversion: 1.0.0\n"),
    ("badschema/values.schema.json", "{\"type\":"),
    ("noname/Chart.yaml", "apiVersion: v2\nversion: 1.0.0\n"),
    ("noversion/Chart.yaml", "apiVersion: v2\nname: noversion\n"),
    ("badversion/Chart.yaml", "apiVersion: v2\nname: badversion\nversion: one\n"),
    ("badyaml/Chart.yaml", "apiVersion: v2\nname: [\n"),
    ("listyaml/Chart.yaml", "- a\n- b\n"),
    ("api9/Chart.yaml", "apiVersion: v9\nname: api9\nversion: 1.0.0\n"),
    ("badtype/Chart.yaml", "apiVersion: v2\nname: badtype\nversion: 1.0.0\ntype: thing\n"),
    ("library/Chart.yaml", "apiVersion: v2\nname: library\nversion: 1.0.0\ntype: library\n"),
    ("badvalues/Chart.yaml", "apiVersion: v2\nname: badvalues\nversion: 1.0.0\n"),
    ("badvalues/values.yaml", "a: [\n"),
    ("listvalues/Chart.yaml", "apiVersion: v2\nname: listvalues\nversion: 1.0.0\n"),
    ("listvalues/values.yaml", "- a\n"),
    ("parse/Chart.yaml", "apiVersion: v2\nname: parse\nversion: 1.0.0\n"),
    ("parse/templates/a.yaml", "a: {{ if }}\n"),
    ("exec/Chart.yaml", "apiVersion: v2\nname: exec\nversion: 1.0.0\n"),
    ("exec/templates/a.yaml", "a: {{ .Values.a.b.c }}\n"),
    ("include/Chart.yaml", "apiVersion: v2\nname: include\nversion: 1.0.0\n"),
    ("include/templates/a.yaml", "a: {{ include \"nobody\" . }}\n"),
    ("required/Chart.yaml", "apiVersion: v2\nname: required\nversion: 1.0.0\n"),
    ("required/templates/a.yaml", "a: {{ required \"say a\" .Values.a }}\n"),
    ("output/Chart.yaml", "apiVersion: v2\nname: output\nversion: 1.0.0\n"),
    ("output/templates/a.yaml", "a: b: c\n"),
    ("kube/Chart.yaml", "apiVersion: v2\nname: kube\nversion: 1.0.0\nkubeVersion: '<1.10'\n"),
    (
        "lacks/Chart.yaml",
        "apiVersion: v2\nname: lacks\nversion: 1.0.0\ndependencies: [{name: x, version: 1, repository: ''}]\n",
    ),
    ("lacksv1/Chart.yaml", "apiVersion: v1\nname: lacksv1\nversion: 1.0.0\n"),
    ("lacksv1/requirements.yaml", "dependencies: [{name: x, version: 1, repository: ''}]\n"),
    ("subbad/Chart.yaml", "apiVersion: v2\nname: subbad\nversion: 1.0.0\n"),
    ("subbad/charts/s/Chart.yaml", "apiVersion: v2\nname: s\n"),
    ("submap/Chart.yaml", "apiVersion: v2\nname: submap\nversion: 1.0.0\n"),
    ("submap/values.yaml", "s: 1\n"),
    ("submap/charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 1.0.0\n"),
    ("nothing/readme.txt", "no chart\n"),
    ("text.tgz", "this is no archive\n"),
    ("empty.tgz", ""),
    ("bad-values.yaml", "a: b: c\n"),
    ("list-values.yaml", "- a\n"),
    ("list-schema.json", "[]"),
    ("secret.txt", "s3cret"),
];

/// The command lines; `4` and `3` before one keep it to that Helm.
const LINES: &str = include_str!("../../testdata/bad-invocations.txt");

pub(crate) fn bad_invocations() -> Result<(), Failed> {
    let work = Workdir::new("bad")?;
    for (path, content) in FILES {
        let path = work.path().join("charts").join(path);
        std::fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        std::fs::write(path, content)?;
    }
    // Whether Helm 3 looks at charts without templates differs among its
    // versions.
    for entry in std::fs::read_dir(work.path().join("charts"))? {
        let templates = entry?.path().join("templates");
        if templates.with_file_name("Chart.yaml").exists() && !templates.exists() {
            std::fs::create_dir(&templates)?;
            std::fs::write(templates.join("_helpers.tpl"), "")?;
        }
    }
    let binaries = build_only(&[HELM4, HELM3], |_| {})?;
    let lines: Vec<&str> = LINES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(lines.len() >= 100, "there are {} lines only", lines.len());
    let mut problems = Vec::new();
    for line in lines {
        let (versions, line) = match line.split_once(": ") {
            Some(("4", rest)) => (&HelmVersion::BOTH[..1], rest),
            Some(("3", rest)) => (&HelmVersion::BOTH[1..], rest),
            _ => (&HelmVersion::BOTH[..], line),
        };
        for version in versions {
            if let Err(difference) = compare(line, *version, &binaries, work.path()) {
                problems.push(format!("{version:?} `{line}`: {}", difference.message().unwrap_or_default()));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

fn compare(line: &str, version: HelmVersion, binaries: &Binaries, work: &Path) -> Result<(), Failed> {
    let args = testbed::golden::Case::parse(&format!("$ helm4 {line}\n"))?.args();
    let place = |program: Program| {
        program.in_folder(work.join("charts")).with_kubeconfig(&work.join("no-kubeconfig")).with_stdin("")
    };
    let mut ours = place(Program::new(ANKRA_HELM, work.join("ours"))?);
    if version == HelmVersion::V3 {
        ours = ours.with("ANKRA_HELM_COMPAT", "helm3");
    }
    let helm = place(version.program(binaries, work)?).run(&args)?;
    let ours = ours.run(&args)?;
    // Some log lines have a time in them in one of the two.
    let kept = |text: &str| -> String {
        let logged = |line: &&str| !line.starts_with("20");
        text.replace("ankra-helm", "helm").split_inclusive('\n').filter(logged).collect()
    };
    same("standard error", &kept(&helm.stderr), &kept(&ours.stderr))?;
    same("standard output", &helm.stdout, &ours.stdout.replace("ankra-helm", "helm"))?;
    if helm.code != ours.code {
        return Err(format!("exit code {} and not {}", ours.code, helm.code).into());
    }
    if helm.code == 0 {
        return Err("Helm finds nothing wrong with it".into());
    }
    Ok(())
}
