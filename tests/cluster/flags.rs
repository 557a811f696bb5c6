//! Flags of release verbs that the tables of [`crate::parity`] leave out, and
//! the proof that none is left out by all: every flag that real Helm names in
//! the help of such a verb stands in a command that runs by both, or in a test
//! that is named here.

use std::collections::BTreeSet;

use testbed::suite::Outcome;
use testbed::{FileServer, FileServerOptions, FileServerTls, Program, Registry, RegistryOptions};

use crate::fetch;
use crate::parity::{self, Commands};
use crate::scene::{Cluster, GUEST, Scene, json};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

const INSTALL: Commands = &[
    &["install", "CHART", "--generate-name", "--dry-run=client"],
    &["install", "a", "CHART", "--generate-name"],
    &["install", "a", "CHART", "--output=json", "--set-file=word=CHART/values.yaml"],
    &["install", "b", "CHART", "--output=yaml", "--values=NEXT/values.yaml", "--no-hooks"],
    &["install", "c", "CHART", "--output=nonsense"],
    &["install", "d", "CHART", "--set=bad=true", "--output=json"],
    &["install", "f", "CHART", "--set-file=word=CHART/none"],
    &["install", "g", "CHART", "--values=CHART/none.yaml"],
    &["get", "values", "a"],
    &["get", "values", "b"],
];

const UPGRADE: Commands = &[
    &["upgrade", "u", "CHART", "--install", "--create-namespace", "--namespace=NS-up", "--skip-crds", "--no-hooks"],
    &["upgrade", "u", "CHART", "--install", "--output=json", "--wait-for-jobs", "--wait"],
    &[
        "upgrade",
        "u",
        "CHART",
        "--output=yaml",
        "--set-string=word=7",
        "--set-json=list=[1]",
        "--set-literal=nested.b.c=a,b",
    ],
    &["upgrade", "u", "CHART", "--output=nonsense"],
    &["upgrade", "u", "CHART", "--set-file=word=CHART/values.yaml", "--values=NEXT/values.yaml", "--enable-dns"],
    &["get", "values", "u", "--output=json"],
    &["upgrade", "u", "CHART", "--render-subchart-notes", "--disable-openapi-validation", "--set=word=two"],
    &["upgrade", "u", "CHART", "--skip-schema-validation", "--set=port=81", "--skip-crds"],
    &["upgrade", "u", "CHART", "--skip-schema-validation", "--set=port=x"],
    &["upgrade", "v", "CHART", "--create-namespace", "--namespace=NS-none"],
    &["get", "manifest", "u", "--revision=1"],
    &["get", "notes", "u", "--revision=9"],
];

/// What Helm 3 had: some of it goes on with a note, some is unknown.
const OLD: Commands = &[
    &["install", "a", "CHART", "--atomic", "--timeout=60s"],
    &["install", "b", "CHART", "--wait=true", "--no-hooks"],
    &["install", "c", "CHART", "--wait=false", "--no-hooks"],
    &["install", "d", "CHART", "--dry-run"],
    &["install", "d", "CHART", "--dry-run=true", "--no-hooks"],
    &["install", "d", "CHART", "--dry-run=false", "--no-hooks"],
    &["install", "e", "CHART", "--force", "--no-hooks"],
    &["upgrade", "a", "CHART", "--force"],
    &["upgrade", "a", "CHART", "--force", "--server-side=false", "--set=word=two"],
    &["upgrade", "a", "CHART", "--force-replace", "--force-conflicts"],
    &["upgrade", "a", "CHART", "--dry-run", "--set=word=dry"],
    &["upgrade", "a", "CHART", "--atomic", "--set=bad=true", "--timeout=60s"],
    &["upgrade", "a", "CHART", "--recreate-pods"],
    &["rollback", "a", "1", "--force"],
    &["rollback", "a", "1", "--force", "--server-side=false"],
    &["rollback", "a", "1", "--wait=true", "--timeout=60s"],
    &["rollback", "a", "1", "--wait=false"],
    &["rollback", "a", "1", "--dry-run"],
    &["rollback", "a", "1", "--recreate-pods"],
    &["status", "a", "--show-desc"],
    &["status", "a", "--show-resources"],
    &["list", "--all", "--short"],
    &["list", "-a", "--short"],
    &["history", "a", "--col-width=4"],
    &["get", "values", "a", "--all=true"],
    &["get", "all", "a", "--template", "{{ .Release.Name | len }} {{ .Release.Info.Status }} {{ .Release.Labels }}"],
    &["get", "all", "a", "--template", "{{ .Release.Info.LastDeployed.Year }} {{ .Release.Info.Deleted }}"],
    &["get", "all", "a", "--template", "{{ range .Release.Hooks }}{{ .Name }} {{ .Events }} {{ .Weight }}\n{{ end }}"],
    &[
        "get",
        "all",
        "a",
        "--template",
        "{{ with .Release.Chart.Metadata }}{{ .Name }} {{ .APIVersion }}{{ .Icon }}{{ end }}",
    ],
    &[
        "get",
        "all",
        "a",
        "--template",
        "{{ .Release.Chart.Values.nested }} {{ .Release.Config }} {{ .Release.ApplyMethod }}",
    ],
    &["get", "all", "a", "--template={{ .Release.Nothing }}"],
    &["get", "all", "a", "--template={{ .Release.Info.Nothing }}"],
    &["get", "all", "a", "--template={{ .Release.Chart.Metadata.name }}"],
    &["get", "all", "a", "--template={{ .Nothing }} {{ .Release.Name"],
    &["test", "a", "--cleanup"],
    &["uninstall", "b", "--wait=true", "--timeout=60s"],
    &["uninstall", "c", "--wait=false"],
    &["uninstall", "d", "--purge"],
    &["delete", "d"],
    &["del", "e", "--wait=nonsense"],
    &["un", "e"],
    &["ls", "--short"],
    &["hist", "a", "--max=1"],
];

pub(crate) fn of_helm3(cluster: &Cluster) -> Outcome {
    parity::same(cluster, "flags-old", OLD)
}

pub(crate) fn of_install(cluster: &Cluster) -> Outcome {
    parity::same(cluster, "flags-install", INSTALL)
}

pub(crate) fn of_upgrade(cluster: &Cluster) -> Outcome {
    parity::same(cluster, "flags-upgrade", UPGRADE)
}

/// A generated name is the chart's and the time.
pub(crate) fn generated_names(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("named")?;
    let chart = scene.chart("some.chart", &[("Chart.yaml", "apiVersion: v2\nname: x\nversion: 0.1.0\n")])?;
    for (program, flag) in [(&scene.helm4, "--generate-name"), (&scene.ours, "-g")] {
        let _ = program.run(["install", flag, &chart])?.ok();
        let listed = json(&scene.helm4.run(["list", "--output=json"])?.ok())?;
        let name = listed[0]["name"].as_str().ok_or("no release")?.to_owned();
        let stamp = name.strip_prefix("some-").ok_or(name.clone())?;
        assert!(stamp.len() == 10 && stamp.bytes().all(|b| b.is_ascii_digit()), "{name}");
        let _ = program.run(["uninstall", &name])?.ok();
    }
    Ok(())
}

/// Releases of all namespaces, by both at the same time.
pub(crate) fn of_all_namespaces(cluster: &Cluster) -> Outcome {
    let (one, two) = (cluster.scene("all-one")?, cluster.scene("all-two")?);
    for scene in [&one, &two] {
        let chart = scene.chart("all", &[("templates/a.yaml", "")])?;
        let _ = scene.helm4.run(["install", "everywhere", &chart, "--labels=mark=everywhere"])?.ok();
    }
    for flags in [["--all-namespaces", "--output=table"], ["-A", "--output=json"], ["-A", "--short"]] {
        let args = [&["list", "--selector=mark=everywhere"], &flags[..]].concat();
        let want = one.helm4.run(&args)?.ok();
        // Releases of one name come in any order.
        let sorted = |text: &str| {
            let mut parts: Vec<String> =
                text.split(['\n', '{']).map(|p| p.trim_end_matches([',', ']']).to_owned()).collect();
            parts.sort();
            parts
        };
        assert_eq!(sorted(&one.ours.run(&args)?.ok()), sorted(&want), "{args:?}");
        assert_eq!(want.matches("everywhere").count(), 2, "{want}");
    }
    Ok(())
}

/// Where a chart is fetched from, and how: by install and upgrade.
pub(crate) fn of_sources(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("sources")?;
    let shelf = scene.work.path().join("shelf");
    let folder = shelf.display().to_string();
    let registry = Registry::start(&cluster.binaries, RegistryOptions::default())?;
    let place = format!("oci://{}/charts", registry.host());
    for version in ["0.1.0", "0.2.0-rc.1"] {
        let metadata = format!("apiVersion: v2\nname: web\nversion: {version}\n");
        let chart = scene.chart(&format!("web-{version}"), &[("Chart.yaml", &metadata), ("templates/a.yaml", "")])?;
        let _ = scene.helm4.run(["package", &chart, "--destination", &folder])?.ok();
        let _ = scene.helm4.run(["push", &format!("{folder}/web-{version}.tgz"), &place, "--plain-http"])?.ok();
    }
    let _ = scene.helm4.run(["repo", "index", &folder])?.ok();
    let keys = fetch::certificates(&scene, "keys")?;
    let file = |name: &str| keys.join(name);
    let tls = FileServerTls { cert: file("server.crt"), key: file("server.key"), client_ca: Some(file("ca.crt")) };
    let options = FileServerOptions { login: Some(("reader".to_owned(), "s3cret".to_owned())), tls: Some(tls) };
    let server = FileServer::start_with(&cluster.binaries, &shelf, &options)?;
    let flag = |name: &str, file: &str| format!("--{name}={}", keys.join(file).display());
    let (url, oci) = (server.url(), format!("{place}/web"));
    let (ca, cert, key) = (flag("ca-file", "ca.crt"), flag("cert-file", "client.crt"), flag("key-file", "client.key"));
    let client = [cert.as_str(), &key, "--username=reader", "--password=s3cret"];
    let repo = ["web", "--repo", &url];
    let cases = [
        ([&repo[..], &client, &[&ca]].concat(), true),
        ([&repo[..], &client, &[&ca, "--devel", "--pass-credentials"]].concat(), true),
        ([&repo[..], &client, &["--insecure-skip-tls-verify", "--version=0.1.0"]].concat(), true),
        ([&repo[..], &client, &["--insecure-skip-tls-verify", "--version=9"]].concat(), false),
        ([&repo[..], &client, &[]].concat(), false),
        ([&repo[..], &client[..2], &[&ca]].concat(), false),
        ([&repo[..], &client[2..], &[&ca]].concat(), false),
        (vec![&oci, "--plain-http"], true),
        (vec![&oci, "--plain-http", "--devel"], true),
        (vec![&oci, "--plain-http", "--version=7.0.0"], false),
    ];
    for (source, works) in cases {
        for verb in [&["install", "s"][..], &["upgrade", "--install", "s"]] {
            let args = [verb, &source].concat();
            let mut ends = Vec::new();
            for program in [&scene.helm4, &scene.ours] {
                let done = program.run(&args)?;
                assert_eq!(done.code == 0, works, "{args:?}: {}", done.stderr);
                let listed = json(&scene.helm4.run(["list", "--output=json"])?.ok())?;
                ends.push(listed[0]["chart"].clone());
                let _ = scene.helm4.run(["uninstall", "s", "--ignore-not-found"])?.ok();
            }
            assert_eq!(ends[1], ends[0], "{args:?}");
        }
    }
    Ok(())
}

/// Which API server, as whom, and what of it is shown.
pub(crate) fn of_the_connection(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("connection")?;
    let chart = scene.chart("here", &[("templates/a.yaml", "")])?;
    let _ = scene.helm4.run(["install", "here", &chart])?.ok();
    let kubeconfig = cluster.plane.write_kubeconfig("admin", &scene.namespace)?;
    let text = std::fs::read_to_string(&kubeconfig)?;
    let authority = text.lines().find_map(|l| l.trim().strip_prefix("certificate-authority: ")).ok_or("no CA")?;
    let (config, server) = (kubeconfig.display().to_string(), cluster.plane.url());
    let direct = ["--kube-apiserver", &server, "--kube-token", "admin-token", "--namespace", &scene.namespace];
    let direct = |more: &[&'static str]| [&direct[..], more].concat();
    let with = |more: &[&'static str]| [&["--kubeconfig", config.as_str()], more].concat();
    // Whether it works, and whether its words are Go's own.
    let cases: [(Vec<&str>, bool, bool); 18] = [
        (with(&[]), true, true),
        (with(&["--kube-context=testbed"]), true, true),
        (with(&["--kube-context=none"]), false, true),
        (vec!["--kubeconfig=/nowhere"], false, true),
        ([direct(&[]), vec!["--kube-ca-file", authority]].concat(), true, true),
        (direct(&["--kube-insecure-skip-tls-verify"]), true, true),
        (direct(&[]), false, false),
        (direct(&["--kube-ca-file=/nowhere"]), false, false),
        (with(&["--kube-token=wrong"]), false, true),
        (with(&["--kube-tls-server-name=wrong.example"]), false, false),
        (with(&["--kube-as-user", GUEST]), false, true),
        (with(&["--kube-as-user", GUEST, "--kube-as-group=system:masters"]), true, true),
        (with(&["--qps=100", "--burst-limit=10"]), true, true),
        (with(&["--qps=x"]), false, true),
        (with(&["--burst-limit=x"]), false, true),
        (with(&["--debug"]), true, true),
        (with(&["--color=always"]), true, true),
        (with(&["--colour=pink"]), false, true),
    ];
    for (flags, works, words) in cases {
        let args = [&["list"], &flags[..]].concat();
        let away = |program: &Program| program.clone().with("KUBECONFIG", "/nowhere").run(&args);
        let (want, got) = (away(&scene.helm4)?, away(&scene.ours)?);
        assert_eq!(want.code == 0, works, "{args:?}: {}", want.stderr);
        assert_eq!(got.code, want.code, "{args:?}: {}", got.stderr);
        assert_eq!(got.stdout, want.stdout, "{args:?}");
        let error = |text: &str| text.find("Error: ").map_or(String::new(), |at| text[at..].to_owned());
        if words {
            assert_eq!(error(&got.stderr).replace("ankra-helm", "helm"), error(&want.stderr), "{args:?}");
        }
    }
    for (verb, color) in [("status", "always"), ("status", "never"), ("list", "never"), ("list", "auto")] {
        let args = [verb, if verb == "status" { "here" } else { "--short=false" }, "--color", color];
        let want = scene.helm4.run(args)?.ok();
        let plain =
            |text: &str| text.lines().filter(|l| !l.starts_with("LAST DEPLOYED")).collect::<Vec<_>>().join("\n");
        assert_eq!(plain(&scene.ours.run(args)?.ok()), plain(&want), "{args:?}");
        assert_eq!(want.contains('\u{1b}'), color == "always", "{want}");
    }
    places(&scene)
}

/// Where Helm's own files are, as `env` says it.
fn places(scene: &Scene<'_>) -> Outcome {
    let flags = [
        ("registry-config", "HELM_REGISTRY_CONFIG"),
        ("repository-config", "HELM_REPOSITORY_CONFIG"),
        ("repository-cache", "HELM_REPOSITORY_CACHE"),
        ("content-cache", "HELM_CONTENT_CACHE"),
    ];
    for (flag, name) in flags {
        let args = ["env", &format!("--{flag}=/elsewhere/{flag}")];
        let value = |program: &Program| -> Anything<String> {
            let text = program.run(args)?.ok();
            Ok(text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned())
        };
        let want = value(&scene.helm4)?;
        assert!(want.contains("/elsewhere/"), "{want}");
        assert_eq!(value(&scene.ours)?, want);
    }
    Ok(())
}

/// Flags that are tested by tests of their own.
const ELSEWHERE: &[(&[&str], &[&str], &str)] = &[
    (&["install", "upgrade"], &["post-renderer", "post-renderer-args"], include_str!("post_render.rs")),
    (&["install", "upgrade"], &["verify", "keyring"], include_str!("provenance.rs")),
    (&["install", "upgrade"], &["dependency-update"], include_str!("dependencies.rs")),
    (
        &["install", "upgrade"],
        &[
            "ca-file",
            "cert-file",
            "key-file",
            "insecure-skip-tls-verify",
            "repo",
            "version",
            "devel",
            "username",
            "password",
            "pass-credentials",
            "plain-http",
        ],
        include_str!("flags.rs"),
    ),
    (&["list"], &["all-namespaces"], include_str!("flags.rs")),
];

/// The long names of the flags that a verb's help lists before those of all
/// verbs.
fn named(help: &str) -> BTreeSet<String> {
    let own = help.split("Global Flags:").next().unwrap_or_default();
    let flag = |line: &str| {
        let line = line.trim_start();
        let (letter, rest) = line.split_once("--")?;
        let listed = letter.is_empty() || (letter.len() == 4 && letter.starts_with('-'));
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        (listed && end > 0).then(|| rest[..end].to_owned())
    };
    own.lines().filter_map(flag).filter(|name| name != "help").collect()
}

pub(crate) fn every_flag_has_a_test(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("every")?;
    let tables = parity::tables().into_iter().chain([INSTALL, UPGRADE, OLD]);
    let commands: Vec<&[&str]> = tables.flatten().copied().collect();
    let verbs: [&[&str]; 14] = [
        &["install"],
        &["upgrade"],
        &["rollback"],
        &["uninstall"],
        &["test"],
        &["list"],
        &["status"],
        &["history"],
        &["get", "all"],
        &["get", "hooks"],
        &["get", "manifest"],
        &["get", "metadata"],
        &["get", "notes"],
        &["get", "values"],
    ];
    let mut untested = Vec::new();
    for verb in verbs {
        let flags = named(&scene.helm4.run([verb, &["--help"]].concat())?.ok());
        assert!(!flags.is_empty(), "{verb:?}");
        for flag in flags {
            let long = format!("--{flag}");
            let runs = |command: &&&[&str]| {
                command.starts_with(verb) && command.iter().any(|a| *a == long || a.starts_with(&format!("{long}=")))
            };
            let elsewhere = ELSEWHERE.iter().any(|(verbs, names, text)| {
                verb.iter().any(|v| verbs.contains(v)) && names.contains(&flag.as_str()) && text.contains(&long[2..])
            });
            if commands.iter().find(runs).is_none() && !elsewhere {
                untested.push(format!("{} {long}", verb.join(" ")));
            }
        }
    }
    assert!(untested.is_empty(), "no test for {}", untested.join(", "));
    Ok(())
}
