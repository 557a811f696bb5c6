//! `--dependency-update` and `dependency`: what is fetched from folders,
//! repositories and registries is what real Helm fetches, and `Chart.lock` says
//! the same.

use std::collections::BTreeMap;
use std::path::Path;

use testbed::suite::Outcome;
use testbed::{FileServer, Program, Registry, RegistryOptions};

use crate::scene::{Cluster, Scene};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// A shelf with versions of two charts, on a file server and in a registry.
struct Shelf {
    server: FileServer,
    registry: Registry,
}

impl Shelf {
    fn fill(cluster: &Cluster, scene: &Scene<'_>) -> Anything<Shelf> {
        let folder = scene.work.path().join("shelf");
        let shown = folder.display().to_string();
        let registry = Registry::start(&cluster.binaries, RegistryOptions::default())?;
        let place = format!("oci://{}/charts", registry.host());
        for (name, version) in [("db", "1.0.0"), ("db", "1.1.0"), ("db", "2.0.0-rc.1"), ("cache", "0.3.0+a")] {
            let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
            let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Chart.Name }}-{{ .Chart.Version | replace \"+\" \"-\" }}}\n";
            let chart =
                scene.chart(&format!("{name}-{version}"), &[("Chart.yaml", &metadata), ("templates/m.yaml", map)])?;
            let _ = scene.helm4.run(["package", &chart, "--destination", &shown])?.ok();
            let _ = scene.helm4.run(["push", &format!("{shown}/{name}-{version}.tgz"), &place, "--plain-http"])?.ok();
        }
        let _ = scene.helm4.run(["repo", "index", &shown])?.ok();
        Ok(Shelf { server: FileServer::start(&cluster.binaries, &folder, None)?, registry })
    }
}

/// The files of a chart, `Chart.lock` without its time. Archives that are
/// packed here count by what is in them.
fn files(folder: &Path) -> Anything<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder)?.display().to_string();
            let mut bytes = std::fs::read(&path)?;
            if name.ends_with(".lock") {
                let text = String::from_utf8(bytes)?;
                let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("generated: ")).collect();
                assert_eq!(kept.len() + 1, text.lines().count(), "{text}");
                bytes = kept.join("\n").into_bytes();
            }
            if name.ends_with(".tgz") && Path::new(&name).starts_with("charts") {
                bytes = unpacked(&bytes)?;
            }
            found.insert(name, bytes);
        }
    }
    Ok(found)
}

fn unpacked(archive: &[u8]) -> Anything<Vec<u8>> {
    let mut all = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(archive), &mut all)?;
    let mut text = Vec::new();
    for entry in tar::Archive::new(&all[..]).entries()? {
        let mut entry = entry?;
        text.extend_from_slice(entry.path()?.display().to_string().as_bytes());
        std::io::Read::read_to_end(&mut entry, &mut text)?;
    }
    Ok(text)
}

/// Runs a command by both, each on a chart of its own with these files, and
/// compares what is printed and what stands in the chart then. `CHART` stands
/// for its folder.
fn same(scene: &Scene<'_>, (helm, ours): (&Program, &Program), chart: &[(&str, String)], args: &[&str]) -> Outcome {
    let mut results = Vec::new();
    for program in [helm, ours] {
        // The same path for both: messages name it.
        let folder = scene.work.path().join("app");
        let _ = std::fs::remove_dir_all(&folder);
        let chart: Vec<(&str, &str)> = chart.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let shown = scene.chart("app", &chart)?;
        let args: Vec<&str> = args.iter().map(|a| if *a == "CHART" { shown.as_str() } else { *a }).collect();
        // What Helm has in its cache it does not tell of again.
        let cache = scene.work.path().join("content");
        let _ = std::fs::remove_dir_all(&cache);
        let done = program.clone().with("HELM_CONTENT_CACHE", &cache).run(&args)?;
        results.push((done.code, done.stdout, done.stderr, files(&folder)?));
    }
    let (want, got) = (&results[0], &results[1]);
    assert_eq!(got.2, want.2, "{args:?} {chart:?}");
    assert_eq!(got.1, want.1, "{args:?} {chart:?}");
    assert_eq!(got.0, want.0, "{args:?} {chart:?}");
    assert_eq!(got.3.keys().collect::<Vec<_>>(), want.3.keys().collect::<Vec<_>>(), "{args:?} {chart:?}");
    for (name, bytes) in &got.3 {
        assert_eq!(String::from_utf8_lossy(bytes), String::from_utf8_lossy(&want.3[name]), "{name} after {args:?}");
    }
    Ok(())
}

fn chart(version: &str, dependencies: &str) -> Vec<(&'static str, String)> {
    let text = format!("apiVersion: {version}\nname: app\nversion: 0.1.0\ndependencies:\n{dependencies}");
    let (name, text) = match version {
        "v1" => ("requirements.yaml", format!("dependencies:\n{dependencies}")),
        _ => ("Chart.yaml", text),
    };
    let mut files = vec![(name, text), ("templates/a.yaml", "# nothing\n".to_owned())];
    if version == "v1" {
        files.push(("Chart.yaml", "apiVersion: v1\nname: app\nversion: 0.1.0\n".to_owned()));
    }
    files
}

pub(crate) fn same_as_helm(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("dependencies")?;
    let shelf = Shelf::fill(cluster, &scene)?;
    let (url, oci) = (shelf.server.url(), format!("oci://{}/charts", shelf.registry.host()));
    let _ = scene.chart("lib", &[("templates/_a.tpl", "")])?;
    let helm3 = scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3");
    let pairs = [(&scene.helm4, &scene.ours), (&scene.helm3, &helm3)];
    let fetched = [
        format!("- {{name: db, version: ~1, repository: {url}}}\n"),
        format!(
            "- {{name: db, version: 1.0.0, repository: {url}/, alias: a}}\n- {{name: db, version: '>1.0.0', repository: {url}, alias: b}}\n"
        ),
        format!("- {{name: cache, version: '>=0.2', repository: \"{url}\", condition: cache.enabled, tags: [x]}}\n"),
        format!(
            "- {{name: db, version: ^1.0, repository: \"{oci}\"}}\n- {{name: cache, version: 0.3.0+a, repository: \"{oci}\"}}\n"
        ),
        "- {name: lib, version: '*', repository: file://../lib}\n".to_owned(),
        format!("- {{name: lib, version: 0.1.0, repository: file://{}/lib}}\n", scene.work.path().display()),
        // And what cannot be had.
        format!("- {{name: db, version: ^9, repository: {url}}}\n- {{name: db, version: ~7, repository: {url}}}\n"),
        format!("- {{name: nothing, version: '*', repository: {url}}}\n"),
        format!("- {{name: db, version: 'not a version', repository: {url}}}\n"),
        "- {name: lib, version: '>3', repository: file://../lib}\n".to_owned(),
        "- {name: lib, version: '*', repository: file://../gone}\n".to_owned(),
        "- {name: db, version: '*', repository: stable}\n- {name: x, version: '*', repository: '@more'}\n".to_owned(),
        "- {name: db, version: '*', repository: 'alias:more'}\n".to_owned(),
        "- {name: db, version: '*', repository: 'ftp://h/charts'}\n".to_owned(),
        "- {name: own, version: '*'}\n".to_owned(),
    ];
    for dependencies in &fetched {
        for version in ["v2", "v1"] {
            let files = chart(version, dependencies);
            // The Helm 3 that is reproduced is older than the one that runs
            // here, and has other words for this.
            let pairs = if dependencies.contains("not a version") { &pairs[..1] } else { &pairs[..] };
            for pair in pairs.iter().copied() {
                same(&scene, pair, &files, &["dependency", "update", "CHART", "--plain-http"])?;
                same(&scene, pair, &files, &["dependency", "build", "CHART", "--plain-http"])?;
                same(&scene, pair, &files, &["dependency", "list", "CHART"])?;
            }
            same(&scene, pairs[0], &files, &["template", "x", "CHART", "--dependency-update", "--plain-http"])?;
        }
    }
    verbs(&scene, &url)
}

/// The verbs that fetch on the way.
fn verbs(scene: &Scene<'_>, url: &str) -> Outcome {
    let files = chart("v2", &format!("- {{name: db, version: ~1, repository: {url}}}\n"));
    let pair = (&scene.helm4, &scene.ours);
    let target = scene.work.path().join("packed").display().to_string();
    same(scene, pair, &files, &["package", "CHART", "--dependency-update", "--destination", &target])?;
    same(scene, pair, &files, &["package", "CHART", "-u", "--destination", &target])?;
    same(scene, pair, &files, &["package", "CHART", "--destination", &target])?;
    same(scene, pair, &files, &["template", "x", "CHART"])?;
    for verb in [["install", "x"], ["upgrade", "x"]] {
        let folder = scene.work.path().join("app");
        let _ = std::fs::remove_dir_all(&folder);
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let chart = scene.chart("app", &files)?;
        let said = scene.ours.run([verb[0], verb[1], &chart])?.fails(1);
        assert!(said.contains("missing in charts/ directory: db"), "{said}");
        let said = scene.ours.run([verb[0], verb[1], &chart, "--dependency-update"])?.ok();
        assert!(said.contains(&format!("Downloading db from repo {url}")), "{said}");
        assert!(scene.kubectl(&["get", "configmap", "db-1.1.0"])?.code == 0);
    }
    Ok(())
}

/// What `Chart.lock` and the folder `charts` say counts.
pub(crate) fn locked_and_outdated(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("locked")?;
    let shelf = Shelf::fill(cluster, &scene)?;
    let url = shelf.server.url();
    let add = ["repo", "add", "more", &url];
    let _ = scene.helm4.run(add)?.ok();
    let listed = scene.helm4.run(["env", "HELM_REPOSITORY_CONFIG"])?.ok();
    let cached = scene.helm4.run(["env", "HELM_REPOSITORY_CACHE"])?.ok();
    let with = |program: &Program| {
        program.clone().with("HELM_REPOSITORY_CONFIG", listed.trim()).with("HELM_REPOSITORY_CACHE", cached.trim())
    };
    let (helm, ours) = (with(&scene.helm4), with(&scene.ours));
    let pair = (&helm, &ours);
    let aliased = chart("v2", "- {name: db, version: ~1.0, repository: '@more'}\n");
    let folder = scene.work.path().join("app");
    same(&scene, pair, &aliased, &["dependency", "update", "CHART"])?;
    let lock = std::fs::read_to_string(folder.join("Chart.lock"))?;
    let archive = std::fs::read(folder.join("charts/db-1.0.0.tgz"))?;
    assert!(lock.contains("version: 1.0.0") && lock.contains(&url), "{lock}");
    let mut locked = aliased.clone();
    locked.push(("Chart.lock", lock.clone()));
    same(&scene, pair, &locked, &["dependency", "build", "CHART"])?;
    same(&scene, pair, &locked, &["dependency", "build", "CHART", "--skip-refresh"])?;
    same(&scene, pair, &locked, &["dependency", "update", "CHART", "--skip-refresh"])?;
    let mut other = chart("v2", "- {name: db, version: ~1.1, repository: '@more'}\n");
    other.push(("Chart.lock", lock));
    same(&scene, pair, &other, &["dependency", "build", "CHART"])?;
    same(&scene, pair, &other, &["dependency", "update", "CHART"])?;
    // An archive of another version goes, what is no chart stays.
    let _ = std::fs::remove_dir_all(&folder);
    let mut results = Vec::new();
    for program in [&helm, &ours] {
        let _ = std::fs::remove_dir_all(&folder);
        let files: Vec<(&str, &str)> = other.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let shown = scene.chart("app", &files)?;
        std::fs::create_dir_all(folder.join("charts/own/templates"))?;
        std::fs::write(folder.join("charts/own/Chart.yaml"), "apiVersion: v2\nname: own\nversion: 1.0.0\n")?;
        std::fs::write(folder.join("charts/db-1.0.0.tgz"), &archive)?;
        std::fs::write(folder.join("charts/_notes.txt"), "mine")?;
        let listed = program.run(["dependency", "list", &shown])?;
        let done = program.run(["dependency", "update", &shown])?;
        results.push((listed.stdout, listed.stderr, done.code, done.stdout, done.stderr, files_of(&folder)?));
    }
    assert_eq!(results[1], results[0]);
    assert!(!folder.join("charts/db-1.0.0.tgz").exists() && folder.join("charts/_notes.txt").exists(), "{results:?}");
    Ok(())
}

fn files_of(folder: &Path) -> Anything<Vec<String>> {
    Ok(files(folder)?.into_keys().collect())
}
