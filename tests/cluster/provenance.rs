//! Signed charts: what real Helm signs is believed here, what we sign is
//! believed by real Helm, and what is wrong is refused in the same words.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testbed::suite::Outcome;
use testbed::{FileServer, Program, Registry, RegistryOptions};

use crate::scene::{Cluster, Scene};

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

const FILES: [(&str, &str); 3] = [
    ("Chart.yaml", "apiVersion: v2\nname: signed\nversion: 0.1.0+build\ndescription: 'ends with blanks  '\n"),
    ("values.yaml", "word: one\n"),
    ("templates/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n"),
];

const ARCHIVE: &str = "signed-0.1.0+build.tgz";

/// Why these tests cannot run here.
pub(crate) fn no_gpg() -> Option<String> {
    let found = Command::new("gpg").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    (!found.is_ok_and(|status| status.success())).then(|| "there is no gpg".to_owned())
}

/// A folder of GnuPG's with keys in it, and those keys as files.
struct Keys {
    home: PathBuf,
}

/// Names and kinds of the keys, each of which signs.
const SIGNERS: [(&str, &str); 4] = [
    ("Alice (charts) <alice@example.com>", "rsa2048"),
    ("Bob <bob@example.com>", "ed25519"),
    ("Carol <carol@example.com>", "nistp384"),
    ("Dan <dan@example.com>", "dsa2048"),
];

impl Keys {
    fn make(folder: &Path) -> Anything<Keys> {
        use std::os::unix::fs::PermissionsExt;
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
        let keys = Keys { home: folder.to_owned() };
        for (name, kind) in SIGNERS {
            keys.gpg(&["--passphrase", "", "--quick-gen-key", name, kind, "sign", "never"], None)?;
        }
        keys.gpg(&["--passphrase", "hush", "--quick-gen-key", "Locked <l@example.com>", "rsa2048", "sign"], None)?;
        keys.export("pub.gpg", &["--export"])?;
        keys.export("pub.asc", &["--armor", "--export"])?;
        keys.export("alice.gpg", &["--export", "alice@example.com"])?;
        keys.export("others.gpg", &["--export", "bob@example.com", "dan@example.com"])?;
        keys.export("secret.gpg", &["--passphrase", "hush", "--export-secret-keys"])?;
        Ok(keys)
    }

    fn gpg(&self, args: &[&str], input: Option<&str>) -> Anything<Vec<u8>> {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--homedir"]).arg(&self.home);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut pipe) = child.stdin.take() {
            std::io::Write::write_all(&mut pipe, input.unwrap_or_default().as_bytes())?;
        }
        let done = child.wait_with_output()?;
        if !done.status.success() {
            return Err(format!("gpg {args:?}: {}", String::from_utf8_lossy(&done.stderr)).into());
        }
        Ok(done.stdout)
    }

    fn export(&self, file: &str, args: &[&str]) -> Outcome {
        std::fs::write(self.home.join(file), self.gpg(args, None)?)?;
        Ok(())
    }

    fn file(&self, name: &str) -> String {
        self.home.join(name).display().to_string()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Its agent would outlive the test.
        let stop = Command::new("gpgconf").arg("--homedir").arg(&self.home).args(["--kill", "all"]).status();
        drop(stop);
    }
}

/// The same command ends, and says, the same by both.
#[track_caller]
fn same(helm: &Program, ours: &Program, args: &[&str]) -> Outcome {
    let (want, got) = (helm.run(args)?, ours.run(args)?);
    assert_eq!(got.stderr, want.stderr, "{args:?}");
    assert_eq!(got.stdout, want.stdout, "{args:?}");
    assert_eq!(got.code, want.code, "{args:?}");
    Ok(())
}

fn sign(program: &Program, chart: &str, keys: &Keys, key: &str, folder: &Path) -> Anything<String> {
    let secret = keys.file("secret.gpg");
    let folder = folder.display().to_string();
    let args = ["package", chart, "--sign", "--key", key, "--keyring", &secret, "--destination", &folder];
    let _ = program.run(args)?.ok();
    Ok(format!("{folder}/{ARCHIVE}"))
}

/// Every kind of key, every kind of keyring, each signed by both.
pub(crate) fn same_as_helm(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("signed")?;
    let keys = Keys::make(&scene.work.path().join("keys"))?;
    let chart = scene.chart("signed", &FILES)?;
    let helm3 = scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3");
    for (name, _) in SIGNERS {
        for (at, signer) in [&scene.helm4, &scene.ours, &scene.helm3].into_iter().enumerate() {
            let folder = scene.work.path().join(format!("{at}-{}", &name[..3]));
            let archive = sign(signer, &chart, &keys, name, &folder)?;
            for ring in ["pub.gpg", "pub.asc", "pubring.kbx", "secret.gpg", "alice.gpg", "others.gpg", "none.gpg"] {
                let args = ["verify", &archive, "--keyring", &keys.file(ring)];
                same(&scene.helm4, &scene.ours, &args)?;
                if ring.ends_with("gpg") {
                    same(&scene.helm3, &helm3, &args)?;
                }
            }
            let _ = scene.ours.run(["verify", &archive, "--keyring", &keys.file("pub.gpg")])?.ok();
        }
    }
    passphrases(&scene, &keys, &chart)
}

fn passphrases(scene: &Scene<'_>, keys: &Keys, chart: &str) -> Outcome {
    let (secret, public) = (keys.file("secret.gpg"), keys.file("pub.gpg"));
    let right = scene.work.path().join("right").display().to_string();
    let wrong = scene.work.path().join("wrong").display().to_string();
    std::fs::write(&right, "hush\nmore\n")?;
    std::fs::write(&wrong, "loud\n")?;
    let folder = scene.work.path().join("locked").display().to_string();
    let package = ["package", chart, "--destination", &folder, "--sign"];
    let cases: [&[&str]; 9] = [
        &["--key", "Locked", "--keyring", &secret, "--passphrase-file", &right],
        &["--key", "Locked", "--keyring", &secret, "--passphrase-file", &wrong],
        &["--key", "Locked", "--keyring", &secret, "--passphrase-file", "/nowhere"],
        &["--key", "example.com", "--keyring", &secret],
        &["--key", "Nobody", "--keyring", &secret],
        &["--key", "alice@", "--keyring", &public],
        &["--key", "Alice", "--keyring", "/nowhere"],
        &["--keyring", &secret],
        &["--key", "Alice", "--keyring", ""],
    ];
    for case in cases {
        same(&scene.helm4, &scene.ours, &[&package[..], case].concat())?;
    }
    let _ = scene
        .ours
        .run([
            "package",
            chart,
            "--sign",
            "--key=Locked",
            "--keyring",
            &secret,
            "--passphrase-file",
            &right,
            "--destination",
            &folder,
        ])?
        .ok();
    let archive = format!("{folder}/{ARCHIVE}");
    assert!(scene.helm4.run(["verify", &archive, "--keyring", &public])?.ok().contains("Signed by: Locked"));
    Ok(())
}

type Change = fn(&str) -> String;

/// Archives and signatures that somebody has changed, keys that no longer
/// count, and things that are none.
pub(crate) fn what_is_wrong_is_refused(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("unsigned")?;
    let keys = Keys::make(&scene.work.path().join("keys"))?;
    let chart = scene.chart("signed", &FILES)?;
    let shelf = scene.work.path().join("shelf");
    let helm3 = scene.ours.clone().with("ANKRA_HELM_COMPAT", "helm3");
    let archive = sign(&scene.helm4, &chart, &keys, "Alice", &shelf)?;
    let (bytes, signed) = (std::fs::read(&archive)?, std::fs::read_to_string(format!("{archive}.prov"))?);
    let ring = keys.file("pub.gpg");
    let both = |file: &str, ring: &str| -> Outcome {
        let args = ["verify", file, "--keyring", ring];
        same(&scene.helm4, &scene.ours, &args)?;
        same(&scene.helm3, &helm3, &args)
    };
    both(&archive, &ring)?;
    let changes: [(&str, Change); 10] = [
        ("text", |s| s.replace("name: signed", "name: forged")),
        ("blanks", |s| s.replace("name: signed\n", "name: signed   \n")),
        ("windows", |s| s.replace('\n', "\r\n")),
        ("around", |s| format!("before\n{s}\nafter\n")),
        ("header", |s| s.replace("Hash: SHA512", "Comment: x")),
        ("hash", |s| s.replace("Hash: SHA512", "Hash: SHA256")),
        ("cut", |s| s.replace("-----END PGP SIGNATURE-----", "")),
        ("begin", |s| s.replace("BEGIN PGP SIGNED MESSAGE", "BEGIN PGP MESSAGE")),
        ("empty", |_| String::new()),
        ("unsigned", |_| "name: signed\n...\nfiles: {}\n".to_owned()),
    ];
    for (what, change) in changes {
        let folder = scene.work.path().join(what);
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(ARCHIVE).display().to_string();
        std::fs::write(&file, &bytes)?;
        std::fs::write(format!("{file}.prov"), change(&signed))?;
        both(&file, &ring)?;
    }
    // Another archive, another name, and messages of other kinds, well signed.
    let other = scene.work.path().join("other").display().to_string();
    std::fs::create_dir_all(&other)?;
    let place = |name: &str, bytes: &[u8], signed: &str| -> Anything<String> {
        let file = format!("{other}/{name}");
        std::fs::write(&file, bytes)?;
        std::fs::write(format!("{file}.prov"), signed)?;
        Ok(file)
    };
    both(&place(ARCHIVE, b"other", &signed)?, &ring)?;
    both(&place("renamed.tgz", &bytes, &signed)?, &ring)?;
    both(&place("other.zip", &bytes, &signed)?, &ring)?;
    for text in ["name: signed\n", "a\n...\nfiles: [1\n", "a\n...\nfiles: {}\n", "a\n...\nother: {}\n", "a\n...\n- 1\n"]
    {
        let made =
            keys.gpg(&["--local-user", "bob@example.com", "--digest-algo", "SHA256", "--clearsign"], Some(text))?;
        both(&place("made.tgz", &bytes, &String::from_utf8(made)?)?, &ring)?;
    }
    std::fs::remove_file(format!("{other}/made.tgz.prov"))?;
    for file in [format!("{other}/made.tgz"), format!("{other}/none.tgz"), other.clone()] {
        both(&file, &ring)?;
    }
    for (name, text) in [("text.gpg", "hello\n"), ("empty.gpg", "")] {
        std::fs::write(keys.home.join(name), text)?;
        both(&archive, &keys.file(name))?;
    }
    both(&archive, "/nowhere/ring.gpg")?;
    revoked_and_expired(&scene, &keys, &chart)
}

fn revoked_and_expired(scene: &Scene<'_>, keys: &Keys, chart: &str) -> Outcome {
    // It ends while the test runs.
    keys.gpg(&["--passphrase", "", "--quick-gen-key", "Eve <eve@example.com>", "rsa2048", "sign", "seconds=8"], None)?;
    keys.export("secret.gpg", &["--passphrase", "hush", "--export-secret-keys"])?;
    let by_eve = sign(&scene.helm4, chart, keys, "Eve", &scene.work.path().join("eve"))?;
    let by_bob = sign(&scene.helm4, chart, keys, "Bob", &scene.work.path().join("bob"))?;
    let revocation = std::fs::read_dir(keys.home.join("openpgp-revocs.d"))?
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .find(|text| text.contains("bob@example.com"))
        .ok_or("no revocation")?;
    // It is kept from being used by accident.
    keys.gpg(&["--import"], Some(&revocation.replace(":-----BEGIN", "-----BEGIN")))?;
    keys.export("revoked.gpg", &["--export"])?;
    std::thread::sleep(std::time::Duration::from_secs(8));
    for archive in [by_bob, by_eve] {
        let args = ["verify", &archive, "--keyring", &keys.file("revoked.gpg")];
        same(&scene.helm4, &scene.ours, &args)?;
        let _ = scene.ours.run(args)?.fails(1);
    }
    Ok(())
}

/// `--verify` of every verb that takes a chart, from a file, a repository and
/// a registry.
pub(crate) fn of_every_verb(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("verify")?;
    let keys = Keys::make(&scene.work.path().join("keys"))?;
    let chart = scene.chart("signed", &FILES)?;
    let shelf = scene.work.path().join("shelf");
    let archive = sign(&scene.helm4, &chart, &keys, "Alice", &shelf)?;
    let unsigned = scene.chart("plain", &[("templates/a.yaml", "")])?;
    let _ = scene.helm4.run(["package", &unsigned, "--destination", &shelf.display().to_string()])?.ok();
    let _ = scene.helm4.run(["repo", "index", &shelf.display().to_string()])?.ok();
    let server = FileServer::start(&cluster.binaries, &shelf, None)?;
    let registry = Registry::start(&cluster.binaries, RegistryOptions::default())?;
    let place = format!("oci://{}/charts", registry.host());
    for file in [archive.clone(), format!("{}/plain-0.1.0.tgz", shelf.display())] {
        let _ = scene.helm4.run(["push", &file, &place, "--plain-http"])?.ok();
    }
    let url = server.url();
    let (good, bad) = (keys.file("pub.gpg"), keys.file("others.gpg"));
    let (oci, plain_oci) = (format!("{place}/signed"), format!("{place}/plain"));
    let references: [&[&str]; 6] = [
        &[&archive],
        &[&chart],
        &["signed", "--repo", &url, "--version=0.1.0+build"],
        &["plain", "--repo", &url],
        &[&oci, "--version=0.1.0+build", "--plain-http"],
        &[&plain_oci, "--version=0.1.0", "--plain-http"],
    ];
    for reference in references {
        for ring in [&good, &bad] {
            let flags = ["--verify", "--keyring", ring];
            for verb in [&["template", "x"][..], &["show", "chart"], &["install", "x", "--dry-run=client"]] {
                let args = [verb, reference, &flags].concat();
                let (want, got) = (scene.helm4.run(&args)?, scene.ours.run(&args)?);
                assert_eq!(got.code, want.code, "{args:?}: {}\n{}", got.stderr, want.stderr);
                // What Helm has in its cache it does not tell of again.
                let last = |text: &str| text.lines().last().unwrap_or_default().to_owned();
                if want.code != 0 {
                    assert_eq!(last(&got.stderr), last(&want.stderr), "{args:?}");
                }
                if verb[0] == "show" {
                    assert_eq!(got.stdout, want.stdout, "{args:?}");
                }
            }
            pulls(&scene, &[reference, &flags].concat(), reference)?;
        }
        pulls(&scene, &[reference, &["--prov"]].concat(), reference)?;
    }
    // What was verified is what is installed and upgraded.
    let trusted = ["--verify", "--keyring", &good];
    let _ = scene.ours.run([&["install", "s", &archive], &trusted[..]].concat())?.ok();
    let _ = scene.ours.run([&["upgrade", "s", &archive], &trusted[..]].concat())?.ok();
    let said = scene.ours.run(["upgrade", "s", &archive, "--verify", "--keyring", &bad])?.fails(1);
    assert!(said.contains("openpgp: signature made by unknown entity"), "{said}");
    Ok(())
}

/// Both write the same files and say the same.
fn pulls(scene: &Scene<'_>, args: &[&str], reference: &[&str]) -> Outcome {
    if Path::new(reference[0]).exists() {
        return Ok(());
    }
    let mut results = Vec::new();
    for program in [&scene.helm4, &scene.ours] {
        let folder = scene.work.path().join("pulled");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        let done = program.run([&["pull"], args, &["--destination", &folder.display().to_string()]].concat())?;
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            files.push((entry.file_name(), std::fs::read(entry.path())?));
        }
        files.sort();
        results.push((done.code, done.stdout, done.stderr, files));
    }
    assert_eq!(results[1].2, results[0].2, "{args:?}");
    assert_eq!(results[1].1, results[0].1, "{args:?}");
    let names = |i: usize| results[i].3.iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(1), names(0), "{args:?}");
    assert!(results[1].3 == results[0].3 && results[1].0 == results[0].0, "{args:?}");
    Ok(())
}
