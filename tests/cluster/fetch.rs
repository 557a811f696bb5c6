//! Charts from elsewhere: a real registry and a real HTTP server.

use std::path::PathBuf;

use testbed::suite::Outcome;
use testbed::{FileServer, Registry, RegistryOptions};

use crate::scene::{Cluster, Scene, testdata_chart};

/// The archive that the tests put on those servers.
const ARCHIVE: &str = "site-0.3.1.tgz";

/// Packs the chart with real Helm into a folder.
fn pack(scene: &Scene<'_>) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let shelf = scene.work.path().join("shelf");
    let folder = shelf.display().to_string();
    let _ = scene.helm4.run(["package", &testdata_chart("site"), "--destination", &folder])?.ok();
    Ok(shelf)
}

/// What a reference renders to is what the folder renders to.
#[track_caller]
fn renders_the_same(scene: &Scene<'_>, reference: &[&str]) -> Outcome {
    let local = scene.ours.run(["template", "shop", &testdata_chart("site")])?.ok();
    let remote = scene.ours.run([&["template", "shop"], reference].concat())?.ok();
    assert_eq!(local, remote);
    assert!(local.contains("kind: Deployment"));
    Ok(())
}

pub(crate) fn from_a_registry(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let registry = Registry::start(&cluster.binaries, RegistryOptions::default())?;
    let archive = pack(&scene)?.join(ARCHIVE).display().to_string();
    let place = format!("oci://{}/charts", registry.host());
    let _ = scene.helm4.run(["push", &archive, &place, "--plain-http"])?.ok();
    let reference = format!("{place}/site");
    renders_the_same(&scene, &[&reference, "--plain-http", "--version=0.3.1"])?;
    renders_the_same(&scene, &[&reference, "--plain-http", "--version=~0.3"])?;
    renders_the_same(&scene, &[&reference, "--plain-http"])?;
    let _ = scene.ours.run(["install", "shop", &reference, "--plain-http", "--set=replicas=0"])?.ok();
    assert_eq!(scene.get(&["deployment", "shop-site"])?["spec"]["replicas"], 0);
    let said = scene.ours.run(["install", "two", &reference, "--plain-http", "--version=9.9.9"])?.fails(1);
    assert!(said.contains("9.9.9"), "{said}");
    let missing = format!("{place}/nothing");
    let said = scene.ours.run(["install", "two", &missing, "--plain-http", "--version=1.0.0"])?.fails(1);
    assert!(said.contains("nothing"), "{said}");
    Ok(())
}

pub(crate) fn from_a_registry_with_a_login(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let registry = Registry::start(&cluster.binaries, RegistryOptions { authenticated: true, ..Default::default() })?;
    let archive = pack(&scene)?.join(ARCHIVE).display().to_string();
    let (user, password) = testbed::registry::LOGIN;
    let host = registry.host();
    let login = ["registry", "login", &host, "--plain-http", "--username", user, "--password", password];
    let _ = scene.helm4.run(login)?.ok();
    let place = format!("oci://{host}/charts");
    let _ = scene.helm4.run(["push", &archive, &place, "--plain-http"])?.ok();
    let reference = format!("{place}/site");
    let fetch = [reference.as_str(), "--plain-http", "--version=0.3.1"];
    let said = scene.ours.run([&["template", "shop"], &fetch[..]].concat())?.fails(1);
    let words = ["authorized", "401", "credential"];
    assert!(words.iter().any(|word| said.to_lowercase().contains(word)), "{said}");
    assert!(!said.contains(password), "{said}");
    let login = ["--username", user, "--password", password];
    renders_the_same(&scene, &[&fetch[..], &login].concat())
}

pub(crate) fn from_a_repository(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let shelf = pack(&scene)?;
    let _ = scene.helm4.run(["repo", "index", &shelf.display().to_string()])?.ok();
    let server = FileServer::start(&cluster.binaries, &shelf, None)?;
    let url = server.url();
    renders_the_same(&scene, &["site", "--repo", &url])?;
    renders_the_same(&scene, &["site", "--repo", &url, "--version=>0.3.0 <0.4.0"])?;
    assert!(server.requests().contains("GET /index.yaml"));
    let said = scene.ours.run(["template", "shop", "site", "--repo", &url, "--version=2.x"])?.fails(1);
    assert!(said.contains("site") && said.contains(&url), "{said}");
    let said = scene.ours.run(["template", "shop", "nothing", "--repo", &url])?.fails(1);
    assert!(said.contains("nothing"), "{said}");

    let closed = FileServer::start(&cluster.binaries, &shelf, Some(("reader", "s3cret")))?;
    let url = closed.url();
    let said = scene.ours.run(["template", "shop", "site", "--repo", &url])?.fails(1);
    assert!(said.contains("401"), "{said}");
    renders_the_same(&scene, &["site", "--repo", &url, "--username=reader", "--password=s3cret"])
}

pub(crate) fn from_a_url(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let shelf = pack(&scene)?;
    let server = FileServer::start(&cluster.binaries, &shelf, None)?;
    renders_the_same(&scene, &[&format!("{}/{ARCHIVE}", server.url())])?;
    let said = scene.ours.run(["template", "shop", &format!("{}/gone.tgz", server.url())])?.fails(1);
    assert!(said.contains("gone.tgz") && said.contains("404"), "{said}");
    Ok(())
}

/// The index of a repository says what an archive's digest is. One that has
/// been changed since is refused.
pub(crate) fn archive_with_another_digest(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let shelf = pack(&scene)?;
    let folder = shelf.display().to_string();
    let _ = scene.helm4.run(["repo", "index", &folder])?.ok();
    let chart = scene.chart("site", &[("Chart.yaml", "apiVersion: v2\nname: site\nversion: 0.3.1\n")])?;
    let _ = scene.helm4.run(["package", &chart, "--destination", &folder])?.ok();
    let server = FileServer::start(&cluster.binaries, &shelf, None)?;
    let said = scene.ours.run(["template", "shop", "site", "--repo", &server.url()])?.fails(1);
    assert!(said.contains("sha256") || said.contains("digest"), "{said}");
    Ok(())
}
