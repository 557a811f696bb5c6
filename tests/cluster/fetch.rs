//! Charts from elsewhere: a real registry and a real HTTP server.

use std::path::{Path, PathBuf};

use testbed::suite::Outcome;
use testbed::{FileServer, FileServerOptions, FileServerTls, Registry, RegistryOptions};

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
    let url = format!("{}/{ARCHIVE}", server.url());
    renders_the_same(&scene, &[&url])?;
    // An image that holds nothing but the program has no authorities to trust,
    // and plain HTTP needs none.
    let bare = scene.ours.clone().with("SSL_CERT_FILE", "/nonexistent").with("SSL_CERT_DIR", "/nonexistent");
    assert!(bare.run(["template", "shop", &url])?.ok().contains("kind: Deployment"));
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

/// `--devel` also takes versions before a release.
pub(crate) fn prereleases(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let shelf = pack(&scene)?;
    let folder = shelf.display().to_string();
    let files = [("Chart.yaml", "apiVersion: v2\nname: site\nversion: 0.4.0-rc.1\n"), ("templates/a.txt", "early")];
    let chart = scene.chart("site", &files)?;
    let _ = scene.helm4.run(["package", &chart, "--destination", &folder])?.ok();
    let _ = scene.helm4.run(["repo", "index", &folder])?.ok();
    let server = FileServer::start(&cluster.binaries, &shelf, None)?;
    let url = server.url();
    for flags in [&[][..], &["--devel"], &["--devel", "--version=0.3.1"], &["--version=>0.3.1-0"]] {
        let args = [&["show", "chart", "site", "--repo", &url], flags].concat();
        let want = scene.helm4.run(&args)?.ok();
        assert_eq!(scene.ours.run(&args)?.ok(), want, "{flags:?}");
        assert_eq!(want.contains("0.4.0-rc.1"), !flags.is_empty() && !flags.contains(&"--version=0.3.1"), "{want}");
    }
    Ok(())
}

/// Certificates for 127.0.0.1 and for a client of the name `helm`, and their CA's, as files in
/// a folder of this name, which nobody else may read.
pub(crate) fn certificates(scene: &Scene<'_>, name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    use std::os::unix::fs::PermissionsExt;
    let template = r#"{{ $ca := genCA "shelf" 2 -}}
{{ $server := genSignedCert "shelf" (list "127.0.0.1") nil 2 $ca -}}
{{ $client := genSignedCert "helm" nil nil 2 $ca -}}
{{ dict "ca.crt" $ca.Cert "server.crt" $server.Cert "server.key" $server.Key
    "client.crt" $client.Cert "client.key" $client.Key | toJson }}
"#;
    let chart = scene.chart(name, &[("templates/keys.yaml", template)])?;
    let text = scene.helm4.run(["template", "keys", &chart])?.ok();
    let json = text.lines().find(|line| line.starts_with('{')).ok_or("no certificates")?;
    let files: std::collections::BTreeMap<String, String> = serde_json::from_str(json)?;
    let folder = scene.work.path().join(name).join("keys");
    std::fs::create_dir_all(&folder)?;
    for (name, text) in files {
        std::fs::write(folder.join(&name), text)?;
        std::fs::set_permissions(folder.join(&name), std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(folder)
}

fn serve_tls(cluster: &Cluster, shelf: &Path, keys: &Path, asks_clients: bool) -> testbed::Result<FileServer> {
    let client_ca = asks_clients.then(|| keys.join("ca.crt"));
    let tls = FileServerTls { cert: keys.join("server.crt"), key: keys.join("server.key"), client_ca };
    FileServer::start_with(&cluster.binaries, shelf, &FileServerOptions { login: None, tls: Some(tls) })
}

/// `--ca-file`, `--cert-file`, `--key-file`, `--insecure-skip-tls-verify`: what
/// real Helm fetches is fetched, and what it refuses is refused.
pub(crate) fn from_a_repository_with_tls(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("fetch")?;
    let shelf = pack(&scene)?;
    let _ = scene.helm4.run(["repo", "index", &shelf.display().to_string()])?.ok();
    let keys = certificates(&scene, "keys")?;
    let flag = |name: &str, file: &str| format!("--{name}={}", keys.join(file).display());
    let (ca, cert, key) = (flag("ca-file", "ca.crt"), flag("cert-file", "client.crt"), flag("key-file", "client.key"));
    let insecure = "--insecure-skip-tls-verify";
    let cases: [(bool, &[&str], bool); 8] = [
        (false, &[], false),
        (false, &[&ca], true),
        (false, &[insecure], true),
        (false, &[&cert, &key], false),
        (true, &[&ca], false),
        (true, &[insecure], false),
        (true, &[&ca, &cert, &key], true),
        (true, &[insecure, &cert, &key], true),
    ];
    let servers = [serve_tls(cluster, &shelf, &keys, false)?, serve_tls(cluster, &shelf, &keys, true)?];
    for (asks_clients, flags, fetched) in cases {
        let url = servers[usize::from(asks_clients)].url();
        // By the index of a repository, and by the archive's own address.
        for reference in [vec!["site".to_owned(), format!("--repo={url}")], vec![format!("{url}/{ARCHIVE}")]] {
            let reference: Vec<&str> = reference.iter().map(String::as_str).collect();
            let args = [&["template", "shop"], &reference[..], flags].concat();
            if fetched {
                let want = scene.helm4.run(&args)?.ok();
                assert_eq!(scene.ours.run(&args)?.ok(), want, "{args:?}");
            } else {
                let _ = scene.helm4.run(&args)?.fails(1);
                let said = scene.ours.run(&args)?.fails(1);
                assert!(said.to_lowercase().contains("certificate"), "{args:?}: {said}");
            }
        }
    }
    Ok(())
}
