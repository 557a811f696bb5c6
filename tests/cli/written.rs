//! What the command writes into files, beside real Helm: the folders of
//! `template --output-dir` and the archives of `package`.

use std::fmt::Write as _;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flate2::read::GzDecoder;
use libtest_mimic::{Failed, Trial};
use testbed::tools::{HELM3, HELM4};
use testbed::{Binaries, HelmVersion, Program, Workdir, build_only};

use crate::{ANKRA_HELM, same};

type Outcome = Result<(), Failed>;

/// The files of a chart with everything that a package can have.
const CHART: &[(&str, &str)] = &[
    (
        "Chart.yaml",
        "# lost\napiVersion: v2\nversion: 1.2.3\nname: web\nappVersion: 0123\ntype: application\nicon: http://x/i.png\n\
         description: |\n  two\n  lines\nkeywords: [b, a]\nhome: \"http://x\"\nsources: [s]\nkubeVersion: '>=1.20'\n\
         maintainers:\n- {name: Zoë, email: z@example.org, url: http://z}\n- name: y\ndeprecated: true\n\
         annotations: {b: \"1\", a: 'yes'}\ndependencies:\n\
         - {name: store, version: ~0.1, repository: 'file://../store', condition: store.on, tags: [t], alias: shop,\n\
         \x20  import-values: [a, {child: b, parent: c}]}\n",
    ),
    (
        "Chart.lock",
        "dependencies:\n- name: store\n  repository: file://../store\n  version: 0.1.0\n\
         digest: sha256:0000\ngenerated: \"2024-02-29T12:00:00.123456789+01:00\"\n",
    ),
    ("values.yaml", "# kept\na:   1\n"),
    ("values.schema.json", "{ \"type\": \"object\" }\n"),
    (".helmignore", "*.bak\n/docs\n"),
    ("README.md", "# Web\n"),
    ("LICENSE", "free\n"),
    ("a.bak", "ignored\n"),
    ("docs/a.md", "ignored\n"),
    ("files/deep/er/b.txt", "b\n"),
    ("files/a.txt", "a\n"),
    ("templates/z.yaml", "kind: A\nmetadata: {name: z}\n"),
    ("templates/_helpers.tpl", "{{ define \"x\" }}x{{ end }}\n"),
    ("templates/NOTES.txt", "notes\n"),
    (
        "templates/hook.yaml",
        "kind: H\nmetadata:\n  name: h\n  annotations: {\"helm.sh/hook\": pre-install}\n---\nkind: B\nmetadata: {name: b}\n",
    ),
    ("templates/tests/t.yaml", "kind: Pod\nmetadata:\n  name: t\n  annotations: {\"helm.sh/hook\": test}\n"),
    ("templates/empty.yaml", "{{ if false }}x{{ end }}\n"),
    (
        "crds/c.yaml",
        "kind: CustomResourceDefinition\nmetadata: {name: c}\n---\nkind: CustomResourceDefinition\nmetadata: {name: d}\n",
    ),
    ("charts/store/Chart.yaml", "apiVersion: v1\nname: store\nversion: 0.1.0\n"),
    ("charts/store/requirements.yaml", "dependencies: []\n"),
    ("charts/store/values.yaml", "on: true\n"),
    ("charts/store/templates/s.yaml", "kind: S\nmetadata: {name: s}\n"),
];

/// Changes of that chart: the file, and what is in it.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("", "", "web"),
    ("", "", "web --version 2.0.0 --app-version 9"),
    ("", "", "web --version v2 -d out/deep"),
    ("", "", "web --version nothing"),
    ("", "", "web web"),
    ("", "", "missing"),
    ("", "", "web/values.yaml"),
    ("", "", "web/charts/store"),
    ("", "", ""),
    ("web/values.schema.json", "{", "web"),
    ("web/values.yaml", "a: [", "web"),
    ("web/Chart.yaml", "apiVersion: v2\nname: web\n", "web"),
    ("web/Chart.yaml", "apiVersion: v2\nversion: 1.0.0\n", "web"),
    ("web/Chart.yaml", "apiVersion: v2\nname: a/b\nversion: 1.0.0\n", "web"),
    ("web/Chart.yaml", "apiVersion: v3\nname: web\nversion: 1.0.0\n", "web"),
    ("web/Chart.yaml", "apiVersion: v1\nname: web\nversion: 1.0.0+meta\n", "web"),
    ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\ntype: nothing\n", "web"),
    ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: gone, version: 1}]\n", "web"),
];

/// Command lines that write a folder.
const FOLDERS: &[&str] = &[
    "rel web --output-dir out",
    "rel web --output-dir out --include-crds",
    "rel web --output-dir out --no-hooks",
    "rel web --output-dir out --skip-tests",
    "rel web --output-dir out --release-name",
    "rel web --output-dir out/not/there --release-name --include-crds",
    "rel web --output-dir out -s templates/hook.yaml",
    "rel web --output-dir out -s charts/store/templates/s.yaml -s templates/z.yaml",
    "rel web --output-dir out -s templates/none.yaml",
    "rel web --output-dir web/values.yaml",
    "rel web --output-dir web/values.yaml/x",
    "rel web --output-dir=",
    "rel web --output-dir ./out/",
    "rel web --output-dir out/ --release-name",
    "rel web --output-dir out --name-template x --release-name",
    "rel web --output-dir out --set a.b=c --dry-run=client",
    "rel missing --output-dir out",
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("written::folders", folders), Trial::test("written::packages", packages)]
}

/// Both sides' work, each in a folder of its own.
struct Place {
    work: Workdir,
    binaries: Binaries,
}

/// What a command left behind.
struct Left {
    code: i32,
    stdout: String,
    stderr: String,
    files: String,
}

impl Place {
    fn new(name: &str) -> Result<Self, Failed> {
        Ok(Place { work: Workdir::new(name)?, binaries: build_only(&[HELM4, HELM3], |_| {})? })
    }

    fn compare(&self, version: HelmVersion, change: (&str, &str), args: &[&str]) -> Outcome {
        let real = if version == HelmVersion::V3 { &self.binaries.helm3 } else { &self.binaries.helm4 };
        let helm = self.run(real, version, change, args)?;
        let ours = self.run(Path::new(ANKRA_HELM), version, change, args)?;
        same("standard output", &helm.stdout, &ours.stdout)?;
        same("standard error", &helm.stderr, &ours.stderr)?;
        same("files", &helm.files, &ours.files)?;
        if helm.code == ours.code {
            Ok(())
        } else {
            Err(format!("exit code {} and not {}", ours.code, helm.code).into())
        }
    }

    /// Runs a program in a folder that is the same each time.
    fn run(&self, path: &Path, version: HelmVersion, change: (&str, &str), args: &[&str]) -> Result<Left, Failed> {
        let folder = self.work.path().join("here");
        let _ = std::fs::remove_dir_all(&folder);
        for (name, text) in CHART.iter().map(|(name, text)| (format!("web/{name}"), *text)) {
            write(&folder.join(name), text)?;
        }
        if !change.0.is_empty() {
            write(&folder.join(change.0), change.1)?;
        }
        let mut program = Program::new(path, self.work.path().join("home"))?.in_folder(&folder);
        if version == HelmVersion::V3 {
            program = program.with("ANKRA_HELM_COMPAT", "helm3");
        }
        let answer = program.run(args)?;
        // The debug lines of Helm 3 have times.
        let logged = |line: &&str| !line.starts_with("time=");
        let stderr = answer.stderr.replace("ankra-helm", "helm").split_inclusive('\n').filter(logged).collect();
        std::fs::remove_dir_all(folder.join("web"))?;
        let mut files = String::new();
        tree(&folder, "", &mut files)?;
        Ok(Left { code: answer.code, stdout: answer.stdout, stderr, files })
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

/// Every file below a folder: name, mode and content, of archives their files.
fn tree(folder: &Path, inside: &str, out: &mut String) -> Outcome {
    let mut names: Vec<_> =
        std::fs::read_dir(folder)?.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect();
    names.sort();
    for name in names {
        let (path, inside) = (folder.join(&name), format!("{inside}/{name}"));
        let mode = std::fs::metadata(&path)?.permissions().mode();
        writeln!(out, "== {inside} {mode:o}")?;
        if path.is_dir() {
            tree(&path, &inside, out)?;
        } else if name.ends_with(".tgz") {
            archive(&std::fs::read(&path)?, out)?;
        } else {
            out.push_str(&std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The head of the gzip, and each file in order. Times are those of the run.
fn archive(packed: &[u8], out: &mut String) -> Outcome {
    let gzip = GzDecoder::new(packed);
    if let Some(header) = gzip.header() {
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| bytes.escape_ascii().to_string());
        let (extra, comment) = (text(header.extra()), text(header.comment()));
        writeln!(out, "gzip {extra:?} {comment:?} {} {}", header.operating_system(), header.mtime())?;
    }
    for entry in tar::Archive::new(gzip).entries()? {
        let mut entry = entry?;
        let head = entry.header();
        let (mode, uid, gid, kind) = (head.mode()?, head.uid()?, head.gid()?, head.entry_type());
        let owner = (head.username()?.unwrap_or_default().to_owned(), head.groupname()?.unwrap_or_default().to_owned());
        let path = entry.path()?.display().to_string();
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        writeln!(out, "-- {path} {kind:?} {mode:o} {uid} {gid} {owner:?}\n{text}")?;
    }
    Ok(())
}

fn told(problems: &[String]) -> Outcome {
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

fn folders() -> Outcome {
    let place = Place::new("folders")?;
    let mut problems = Vec::new();
    for version in HelmVersion::BOTH {
        for line in FOLDERS {
            let args: Vec<&str> = ["template"].into_iter().chain(line.split(' ')).collect();
            if let Err(e) = place.compare(version, ("", ""), &args) {
                problems.push(format!("{version:?} `{line}`: {}", e.message().unwrap_or_default()));
            }
        }
    }
    told(&problems)
}

fn packages() -> Outcome {
    let place = Place::new("packages")?;
    let mut problems = Vec::new();
    for version in HelmVersion::BOTH {
        for (file, text, line) in PACKAGES {
            let args: Vec<&str> = ["package"].into_iter().chain(line.split_whitespace()).collect();
            if let Err(e) = place.compare(version, (file, text), &args) {
                problems.push(format!("{version:?} {file} {text:?} `{line}`: {}", e.message().unwrap_or_default()));
            }
        }
    }
    told(&problems)
}
