//! Post-renderers beside real Helm: what they are given, what becomes of what
//! they answer, and what is said when they fail.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use testbed::tools::{HELM3, HELM4};
use testbed::{Binaries, HelmVersion, Program, Workdir, build_only};

use crate::{ANKRA_HELM, same};

type Outcome = Result<(), Failed>;

/// Plugins: name, what their `plugin.yaml` says beside it, their script.
const PLUGINS: &[(&str, &str, &str)] = &[
    ("same", RUN, "tee \"$GIVEN\""),
    ("fails", RUN, "echo oops >&2; exit 3"),
    ("empty", RUN, "cat >/dev/null; echo"),
    ("list", RUN, "cat >/dev/null; echo '- a: b'"),
    ("broken", RUN, "cat >/dev/null; echo 'a: b: c'"),
    ("other", RUN, "cat >/dev/null; printf 'kind: O\\n---\\nkind: List\\nitems: []\\n'"),
    ("adds", RUN, "cat; for a in \"$@\"; do printf -- '---\\nkind: X\\na: %s\\n' \"$a\"; done"),
    (
        "names",
        RUN,
        "cat; printf -- '---\\nkind: N\\na: %s\\nb: %s\\n' \"$HELM_PLUGIN_NAME\" \"${HELM_PLUGIN_DIR##*/}\"",
    ),
    ("labels", RUN, "sed 's/^  name:/  labels: {by: sed}\\n  name:/'"),
    ("command", "type: cli/v1\nruntime: subprocess\nversion: 1.0.0\n", "cat"),
    (
        "nowhere",
        "type: postrenderer/v1\nruntime: subprocess\nversion: 1.0.0\nruntimeConfig: {platformCommand: [{os: windows, command: x}]}\n",
        "cat",
    ),
    ("unversioned", "type: postrenderer/v1\nruntime: subprocess\n", "cat"),
];

const RUN: &str = "type: postrenderer/v1\nruntime: subprocess\nversion: 1.0.0\nruntimeConfig:\n  platformCommand:\n  - command: ${HELM_PLUGIN_DIR}/run.sh\n";

/// Templates of a chart of their own, one after the other.
const TEMPLATES: &[&str] = &[
    "kind: A\nmetadata:\n  name: a\n",
    "kind: A\nmetadata: {}\n---\nkind: B\nmetadata:\n  annotations: {}\nspec: 1\n---\nkind: C\nmetadata:\n",
    "kind: A\nmetadata:\n  annotations: {a: b, \"helm.sh/hook\": pre-install}\n---\nkind: B\n",
    // Looks: quotes, flow, indentation, anchors, tags.
    "a: 'x'\nb: \"y\\tz\"\nc: [1, {d: e}, http://f, 'g']\nh: {i: , j: k}\nl:\n    - m\n    -   - n\n        - o\n    - p: q\n      r: s\nt: &u\n  v: 1\nw: *u\nx: !!str 1\ny: !own {z: 1}\n",
    "a: |\n  b\n    c\nd: >-\n  e\n  f\n\n  g\nh: |+\n  i\n\nj: |-\n  k\nl: plain\n  goes on\nm: \"quoted\n  goes on\"\nn: ~\no:\np: \"\"\nq: {}\nr: []\n",
    "kind: List\nitems:\n- kind: A\n  # in a list\n  b: 1\n- kind: B\n",
    "kind: List\nitems: []\n---\nkind: A\n",
    "? a long key that is written with a mark because it has more than one hundred and twenty-eight letters in it, which is more than simple keys have\n: 1\n",
    "a: yes\nb: 0777\nc: 1e3\nd: 2001-01-01\ne: .inf\nf: 0o17\ng: \"null\"\nh: -\ni: a b  c\n",
    // Comments.
    "# of the document\n\n# of the kind\nkind: A # beside\n# of the metadata\nmetadata: # beside metadata\n  # of the name\n  name: a\n  # below the name\n\n  # of the labels\n  labels: {a: b}\n# of data\ndata:\n  a: 1\n\n  # after a line\n  b: 2\n  # at the end of data\n# at the end\n",
    "kind: A\nlist:\n# of the first\n- a # beside\n# of the second\n- b\n- c: d\n  # of e\n  e: f\n# of nothing\n\n# and more\n",
    "# only this\n---\nkind: A\n# below\n---\n# above\nkind: B\ntext: |\n  # no comment\n  a # no comment\nother: \"# no comment\" # a comment\n",
    "a: | # beside a block\n  text\nb:\n  c: 1\n# dedented\n\nd: 1\n",
    "a:\n  b:\n  - c\n  # in a\n# at the top\nd:\n# of the list\n- e\n\n# of f\n- f\n# below f\n\ng: {h: i} # beside g\n\n\n# two lines above\n\nj: k\n",
    "\n# first\na: 1 # one\n# second\n\n\n# third\nb:   # two\n    - c # three\n    # fourth\n    - d\n\n    # fifth\n",
    // What is none.
    "- a\n- b\n",
    "just text\n",
    "a: b: c\n",
    "# nothing\n",
    "a: 1\n--- text\nb: 1\n",
    "a: *nobody\n",
];

/// Command lines for the first template; `BIN` is the folder of the scripts.
const LINES: &[(&[HelmVersion], &str)] = &[
    (&[HelmVersion::V4], "--post-renderer fails"),
    (&[HelmVersion::V4], "--post-renderer empty"),
    (&[HelmVersion::V4], "--post-renderer list"),
    (&[HelmVersion::V4], "--post-renderer broken"),
    (&[HelmVersion::V4], "--post-renderer other"),
    (&[HelmVersion::V4], "--post-renderer adds --post-renderer-args x --post-renderer-args=y,z"),
    (&[HelmVersion::V4], "--post-renderer-args -q --post-renderer adds"),
    (&[HelmVersion::V4], "--post-renderer names"),
    (&[HelmVersion::V4], "--post-renderer labels -s templates/a.yaml"),
    (&[HelmVersion::V4], "--post-renderer command"),
    (&[HelmVersion::V4], "--post-renderer nowhere"),
    (&[HelmVersion::V4], "--post-renderer unversioned"),
    (&[HelmVersion::V4], "--post-renderer nobody"),
    (&[HelmVersion::V4], "--post-renderer same --post-renderer adds"),
    (&HelmVersion::BOTH, "--post-renderer="),
    (&HelmVersion::BOTH, "--post-renderer-args x"),
    (&[HelmVersion::V3], "--post-renderer BIN/fails/run.sh"),
    (&[HelmVersion::V3], "--post-renderer BIN/empty/run.sh"),
    (&[HelmVersion::V3], "--post-renderer BIN/list/run.sh"),
    (&[HelmVersion::V3], "--post-renderer BIN/broken/run.sh"),
    (&[HelmVersion::V3], "--post-renderer BIN/adds/run.sh --post-renderer-args x --post-renderer-args=y,z"),
    (&[HelmVersion::V3], "--post-renderer BIN/labels/run.sh -s templates/a.yaml"),
    (&[HelmVersion::V3], "--post-renderer BIN/same/run.sh --include-crds --no-hooks"),
    (&[HelmVersion::V3], "--post-renderer cat"),
    (&[HelmVersion::V3], "--post-renderer nobody-has-this"),
    (&[HelmVersion::V3], "--post-renderer ./nothing"),
    (&[HelmVersion::V3], "--post-renderer BIN/same/plugin.yaml"),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("post_render::templates", templates),
        Trial::test("post_render::lines", lines),
        Trial::test("post_render::charts", charts),
    ]
}

struct Place {
    work: Workdir,
    binaries: Binaries,
}

impl Place {
    fn new() -> Result<Self, Failed> {
        let work = Workdir::new("post")?;
        for (name, description, script) in PLUGINS {
            let folder = work.path().join("plugins").join(name);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join("plugin.yaml"), format!("apiVersion: v1\nname: {name}\n{description}"))?;
            std::fs::write(folder.join("run.sh"), format!("#!/bin/sh\n{script}\n"))?;
            std::fs::set_permissions(folder.join("run.sh"), PermissionsExt::from_mode(0o755))?;
        }
        std::fs::create_dir_all(work.path().join("chart/templates"))?;
        std::fs::write(work.path().join("chart/Chart.yaml"), "apiVersion: v2\nname: chart\nversion: 1.0.0\n")?;
        Ok(Place { work, binaries: build_only(&[HELM4, HELM3], |_| {})? })
    }

    fn template(&self, text: &str) -> Outcome {
        Ok(std::fs::write(self.work.path().join("chart/templates/a.yaml"), text)?)
    }

    /// Runs both; what differs.
    fn compare(&self, version: HelmVersion, args: &[String]) -> Outcome {
        let mut given = Vec::new();
        let mut run = |path: &Path, name: &str| {
            let file = self.work.path().join(format!("given-{name}"));
            let _ = std::fs::remove_file(&file);
            let program = Program::new(path, self.work.path().join(name))?.in_folder(self.work.path());
            let mut program = program.with("GIVEN", &file);
            // Helm 3 has its own plugins and refuses the new ones.
            if version == HelmVersion::V4 {
                program = program.with("HELM_PLUGINS", self.work.path().join("plugins"));
            } else {
                program = program.with("ANKRA_HELM_COMPAT", "helm3");
            }
            let answer = program.run(args)?;
            given.push(std::fs::read_to_string(&file).unwrap_or_default());
            Ok::<_, Failed>(answer)
        };
        let real = if version == HelmVersion::V3 { &self.binaries.helm3 } else { &self.binaries.helm4 };
        let (helm, ours) = (run(real, "helm")?, run(Path::new(ANKRA_HELM), "ours")?);
        let kept = |text: &str| -> String {
            // Helm tells of a broken plugin each time that it looks for plugins.
            let broken = |line: &str| line.starts_with("level=WARN msg=\"failed to load plugin");
            let logged = |line: &&str| !broken(line) && !line.starts_with("WARNING: ");
            text.replace("ankra-helm", "helm").split_inclusive('\n').filter(logged).collect()
        };
        same("what the post-renderer is given", &given[0], &given[1])?;
        same("standard output", &helm.stdout, &ours.stdout)?;
        same("standard error", &kept(&helm.stderr), &kept(&ours.stderr))?;
        if helm.code == ours.code {
            Ok(())
        } else {
            Err(format!("exit code {} and not {}", ours.code, helm.code).into())
        }
    }
}

fn words(line: &str) -> Vec<String> {
    ["template", "chart"].into_iter().chain(line.split(' ')).map(str::to_string).collect()
}

fn told(problems: &[String]) -> Outcome {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

fn templates() -> Outcome {
    let place = Place::new()?;
    let mut problems = Vec::new();
    for text in TEMPLATES {
        place.template(text)?;
        let script = place.work.path().join("plugins/same/run.sh").display().to_string();
        for (version, name) in [(HelmVersion::V4, "same"), (HelmVersion::V3, script.as_str())] {
            if let Err(e) = place.compare(version, &words(&format!("--post-renderer {name}"))) {
                problems.push(format!("{version:?} {text:?}: {}", e.message().unwrap_or_default()));
            }
        }
    }
    told(&problems)
}

fn lines() -> Outcome {
    let place = Place::new()?;
    place.template(TEMPLATES[0])?;
    let bin = place.work.path().join("plugins").display().to_string();
    let mut problems = Vec::new();
    for (versions, line) in LINES {
        for version in *versions {
            if let Err(e) = place.compare(*version, &words(&line.replace("BIN", &bin))) {
                problems.push(format!("{version:?} `{line}`: {}", e.message().unwrap_or_default()));
            }
        }
    }
    told(&problems)
}

/// Charts with hooks, notes, definitions and subcharts.
fn charts() -> Outcome {
    let place = Place::new()?;
    let charts = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/charts");
    let mut problems = Vec::new();
    for chart in ["demo", "site"] {
        for more in [&[][..], &["--include-crds"], &["--no-hooks"], &["--skip-tests"]] {
            let path = charts.join(chart).display().to_string();
            let args = [&["template", "rel", path.as_str(), "--post-renderer", "same"], more].concat();
            let args: Vec<String> = args.into_iter().map(str::to_string).collect();
            if let Err(e) = place.compare(HelmVersion::V4, &args) {
                problems.push(format!("{chart} {more:?}: {}", e.message().unwrap_or_default()));
            }
        }
    }
    told(&problems)
}
