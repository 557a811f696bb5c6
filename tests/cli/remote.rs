//! Values and schemas from a real HTTP server, side by side with real Helm:
//! what both print and end with must be the same.

use std::path::Path;

use libtest_mimic::{Failed, Trial};
use testbed::tools::{FILESERVER, HELM3, HELM4, LEASH};
use testbed::{Binaries, FileServer, HelmVersion, Program, Workdir, build_only};

use crate::{ANKRA_HELM, same};

type Outcome = Result<(), Failed>;

/// What the server has.
const SERVED: &[(&str, &str)] = &[
    ("values.yaml", "a: 1\nport: 80\n"),
    ("two.yaml", "a: 1\n---\nport: 80\n"),
    ("bad-values.yaml", "a: [\n"),
    ("list.yaml", "- a\n"),
    ("text.txt", "only a line"),
    ("port.json", r#"{"type":"object","properties":{"port":{"type":"integer"}}}"#),
    ("chain.json", r##"{"$ref":"port.json#/properties/port"}"##),
    ("named.json", r##"{"$id":"http://example.invalid/n","$defs":{"p":{"$anchor":"p","type":"integer"}}}"##),
    ("broken.json", r#"{"type":"#),
    ("page.json", "<html>"),
    ("noschema.json", r#"{"type":12}"#),
    ("round.json", r#"{"properties":{"a":{"$ref":"round.json"}}}"#),
];

/// Values options; the server is `URL`. Nobody listens on port 1.
const VALUES: &[&str] = &[
    "-f URL/values.yaml",
    "-f URL/two.yaml",
    "-f URL/values.yaml -f - --set a=2",
    "-f -",
    "-f - -f -",
    "-f URL/bad-values.yaml",
    "-f URL/list.yaml",
    "-f URL/nothing.yaml",
    "-f http://127.0.0.1:1/values.yaml",
    "-f https://127.0.0.1:1/values.yaml",
    "-f SECURE/values.yaml",
    "-f http://nowhere.invalid/values.yaml",
    "-f http:///values.yaml",
    "-f http://[::1",
    "-f http://a%zz/",
    "-f ftp://127.0.0.1/values.yaml",
    "-f 1a:b.yaml",
    "-f %zz.yaml",
    "--set-file a=URL/text.txt",
    "--set-file a=-",
    "--set-file a=URL/nothing.txt",
    "--set-file a=http://127.0.0.1:1/text.txt",
    "--set-file a=nothing.txt",
    "--username u --password p -f URL/values.yaml",
];

/// Schemas that refer to others; the values have a port.
const SCHEMAS: &[&str] = &[
    r#"{"$ref":"URL/port.json"}"#,
    r#"{"properties":{"port":{"$ref":"URL/chain.json"}}}"#,
    r##"{"properties":{"port":{"$ref":"URL/port.json#/properties/port"},"a":{"$ref":"URL/port.json#/properties/port"}}}"##,
    r##"{"properties":{"port":{"$ref":"URL/port.json#/nothing"}}}"##,
    r##"{"properties":{"port":{"$ref":"URL/named.json#p"}}}"##,
    r##"{"properties":{"port":{"$ref":"URL/named.json#q"}}}"##,
    r#"{"$ref":"URL/broken.json"}"#,
    r#"{"$ref":"URL/page.json"}"#,
    r#"{"$ref":"URL/noschema.json"}"#,
    r#"{"$ref":"URL/round.json"}"#,
    r#"{"$ref":"URL/nothing.json"}"#,
    r#"{"$ref":"SECURE/port.json"}"#,
    r#"{"$ref":"http://127.0.0.1:1/port.json"}"#,
    r#"{"$ref":"ftp://127.0.0.1/port.json"}"#,
    r#"{"$ref":"file://FOLDER/port.json"}"#,
    r#"{"$ref":"file://FOLDER/nothing.json"}"#,
    r#"{"$ref":"file://FOLDER/broken.json"}"#,
    r#"{"$ref":"nothing.json"}"#,
    r#"{"$id":"URL/own.json","properties":{"port":{"$ref":"chain.json"}}}"#,
    r#"{"$schema":"URL/port.json","properties":{"port":{"type":"integer"}}}"#,
    r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"port":{"$ref":"URL/port.json"}}}"#,
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("remote::values", values), Trial::test("remote::schemas", schemas)]
}

struct Place {
    work: Workdir,
    binaries: Binaries,
    server: FileServer,
}

impl Place {
    fn new() -> Result<Self, Failed> {
        let work = Workdir::new("remote")?;
        let files = SERVED.iter().map(|(name, text)| (format!("served/{name}"), *text));
        let chart = [
            ("chart/Chart.yaml".to_string(), "apiVersion: v2\nname: chart\nversion: 1.0.0\n"),
            ("chart/templates/a.yaml".to_string(), "values: {{ .Values | toJson | quote }}\n"),
        ];
        for (path, text) in files.chain(chart) {
            let path = work.path().join(path);
            std::fs::create_dir_all(path.parent().ok_or("no folder")?)?;
            std::fs::write(path, text)?;
        }
        let binaries = build_only(&[HELM4, HELM3, FILESERVER, LEASH], |_| {})?;
        let server = FileServer::start(&binaries, &work.path().join("served"), None)?;
        Ok(Place { work, binaries, server })
    }

    /// A text with the addresses of this place.
    fn fill(&self, text: &str) -> String {
        let url = self.server.url();
        let folder = self.work.path().join("served").display().to_string();
        text.replace("SECURE", &url.replace("http:", "https:")).replace("URL", &url).replace("FOLDER", &folder)
    }

    /// What both answer, with the same words on standard input.
    fn compare(&self, args: &[String], problems: &mut Vec<String>) -> Outcome {
        for version in HelmVersion::BOTH {
            let run = |path: &Path, home: &str| {
                let program = Program::new(path, self.work.path().join(home))?.in_folder(self.work.path());
                let compat = if version == HelmVersion::V3 { "helm3" } else { "helm4" };
                program.with("ANKRA_HELM_COMPAT", compat).with_stdin("from: input\n").run(args)
            };
            let real = if version == HelmVersion::V3 { &self.binaries.helm3 } else { &self.binaries.helm4 };
            let (helm, ours) = (run(real, "helm")?, run(Path::new(ANKRA_HELM), "ours")?);
            let outcome = same("standard output", &helm.stdout, &ours.stdout)
                .and_then(|()| same("standard error", &helm.stderr, &ours.stderr.replace("ankra-helm", "helm")));
            if let Err(difference) = outcome {
                let line = args.join(" ");
                problems.push(format!("{version:?} `{line}`: {}", difference.message().unwrap_or_default()));
            } else if helm.code != ours.code {
                problems.push(format!("{version:?}: exit code {} and not {}", ours.code, helm.code));
            }
        }
        Ok(())
    }
}

fn told(problems: &[String]) -> Outcome {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

fn values() -> Outcome {
    let place = Place::new()?;
    let mut problems = Vec::new();
    for line in VALUES {
        let mut args = vec!["template".to_string(), "chart".to_string()];
        args.extend(line.split(' ').map(|word| place.fill(word)));
        place.compare(&args, &mut problems)?;
    }
    assert!(place.server.requests().contains("/values.yaml"));
    told(&problems)
}

fn schemas() -> Outcome {
    let place = Place::new()?;
    let mut problems = Vec::new();
    for schema in SCHEMAS {
        std::fs::write(place.work.path().join("chart/values.schema.json"), place.fill(schema))?;
        let before = problems.len();
        let sets = [&["--set", "port=80"][..], &["--set", "port=x"], &["--set", "port=x", "--skip-schema-validation"]];
        for set in sets {
            let args = [&["template", "chart"], set].concat();
            place.compare(&args.iter().map(ToString::to_string).collect::<Vec<_>>(), &mut problems)?;
        }
        place.compare(&["lint", "chart", "--set", "port=x"].map(String::from), &mut problems)?;
        if problems.len() > before {
            problems.push(format!("with the schema {schema}"));
        }
    }
    told(&problems)
}
