//! Where releases are kept (`HELM_DRIVER`): what Helm wrote we read, and the
//! other way round, for every driver.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testbed::suite::Outcome;
use testbed::{Program, Workdir};

use crate::fetch::certificates;
use crate::scene::{Cluster, Scene, json};

const MAP: (&str, &str) = (
    "templates/map.yaml",
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map\ndata:\n  word: {{ .Values.word | default \"one\" }}\n",
);

/// Who owns the database when this runs as root, who may not run one.
const NOBODY: u32 = 65534;

/// Why there is no PostgreSQL, if there is none.
pub(crate) fn no_postgres() -> Option<String> {
    postgres_folder().is_none().then(|| "PostgreSQL is not installed (Debian: postgresql)".to_owned())
}

/// Debian keeps the server's programs beside the path.
fn postgres_folder() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&on_path).chain(versions.map(|v| v.path().join("bin")));
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

pub(crate) fn configmaps(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("driver-maps")?;
    let with = |program: &Program, word: &str| program.clone().with("HELM_DRIVER", word);
    take_turns(&scene, &with(&scene.helm4, "configmap"), &with(&scene.ours, "configmaps"))?;
    // Nothing of it is in the other places.
    assert_eq!(json(&scene.ours.run(["list", "--output=json"])?.ok())?, serde_json::json!([]));
    Ok(())
}

pub(crate) fn memory_and_unknown(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("driver-memory")?;
    // Helm does not even start without a file of releases to load.
    let memory = scene.ours.clone().with("HELM_DRIVER", "memory");
    let chart = scene.chart("maps", &[MAP])?;
    let _ = memory.run(["install", "m", &chart])?.ok();
    assert_eq!(memory.run(["list", "--short"])?.ok(), "");
    assert_eq!(scene.left_behind()?, "configmap/map");
    for program in [&scene.helm4, &scene.ours] {
        let unknown = program.clone().with("HELM_DRIVER", "sqlite").run(["list"])?.fails(1);
        assert!(unknown.contains("unknown driver") && unknown.contains("sqlite"), "{unknown}");
    }
    Ok(())
}

pub(crate) fn sql(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("driver-sql")?;
    let database = Database::start()?;
    let connection = database.connection();
    let with = |program: &Program| {
        program.clone().with("HELM_DRIVER", "sql").with("HELM_DRIVER_SQL_CONNECTION_STRING", &connection)
    };
    // Each makes the tables once.
    take_turns(&scene, &with(&scene.helm4), &with(&scene.ours))?;
    database.query("DROP TABLE releases_v1, custom_labels_v1, gorp_migrations")?;
    take_turns(&scene, &with(&scene.ours), &with(&scene.helm4))?;
    take_turns(&scene, &with(&scene.ours), &with(&scene.helm3))?;
    let secrets = scene.kubectl(&["get", "secrets", "--output=name"])?.ok();
    assert_eq!(secrets, "", "no record is in the cluster");

    let away = with(&scene.ours).with("HELM_DRIVER_SQL_CONNECTION_STRING", "host=127.0.0.1 port=1 sslmode=disable");
    let said = away.run(["list"])?.fails(1);
    assert!(said.contains("unable to instantiate SQL driver: "), "{said}");
    Ok(())
}

/// Which server is believed is what Helm's client for PostgreSQL believes.
pub(crate) fn sql_with_tls(cluster: &Cluster) -> Outcome {
    let scene = cluster.scene("driver-tls")?;
    let (keys, others) = (certificates(&scene, "one")?, certificates(&scene, "other")?);
    let database = Database::start_with(Some(&keys))?;
    database.query("CREATE DATABASE certs")?;
    let file = |folder: &Path, name: &str| folder.join(name).display().to_string();
    let (ca, wrong) = (file(&keys, "ca.crt"), file(&others, "ca.crt"));
    let (cert, key) = (file(&keys, "client.crt"), file(&keys, "client.key"));
    let port = database.port;
    let url = |rest: &str| format!("postgres://helm@127.0.0.1:{port}/postgres?{rest}");
    let words = |host: &str, rest: &str| format!("host={host} port={port} user=helm dbname=postgres {rest}");
    let certs = |rest: &str| format!("host=127.0.0.1 port={port} user=helm dbname=certs {rest}");
    let cases = [
        (url(""), true),
        (url("sslmode=require"), true),
        (url("sslmode=prefer"), true),
        (url("sslmode=allow"), true),
        // The server refuses what is not encrypted.
        (url("sslmode=disable"), false),
        (url("sslmode=nonsense"), false),
        (url("sslmode=verify-ca"), false),
        (url(&format!("sslmode=verify-ca&sslrootcert={ca}")), true),
        (url(&format!("sslmode=verify-full&sslrootcert={ca}")), true),
        (url(&format!("sslmode=verify-ca&sslrootcert={wrong}")), false),
        (url(&format!("sslmode=require&sslrootcert={wrong}")), false),
        (url("sslmode=require&sslrootcert=/nowhere"), true),
        (url("sslmode=verify-ca&sslrootcert=/nowhere"), false),
        (words("localhost", &format!("sslmode=verify-ca sslrootcert='{ca}'")), true),
        // The certificate is for the address, not for this name.
        (words("localhost", &format!("sslmode=verify-full sslrootcert={ca}")), false),
        (certs("sslmode=require"), false),
        (certs(&format!("sslmode=require sslcert={cert} sslkey={key}")), true),
    ];
    for (connection, works) in cases {
        let with = |program: &Program| {
            program.clone().with("HELM_DRIVER", "sql").with("HELM_DRIVER_SQL_CONNECTION_STRING", &connection)
        };
        let (want, got) = (with(&scene.helm4).run(["list"])?, with(&scene.ours).run(["list"])?);
        assert_eq!(want.code == 0, works, "{connection}: {}", want.stderr);
        assert_eq!(got.code, want.code, "{connection}: {}", got.stderr);
        assert_eq!(got.stdout, want.stdout, "{connection}");
        assert!(works || got.stderr.contains("unable to instantiate SQL driver: "), "{}", got.stderr);
    }
    let connection = url(&format!("sslmode=verify-full&sslrootcert={ca}"));
    let with = |program: &Program| {
        program.clone().with("HELM_DRIVER", "sql").with("HELM_DRIVER_SQL_CONNECTION_STRING", &connection)
    };
    take_turns(&scene, &with(&scene.helm4), &with(&scene.ours))
}

/// Both use the same releases in turn, and read the same of them.
fn take_turns(scene: &Scene<'_>, first: &Program, second: &Program) -> Outcome {
    let chart = scene.chart("maps", &[MAP])?;
    let _ = first.run(["install", "m", &chart, "--labels=team=red"])?.ok();
    let _ = second.run(["upgrade", "m", &chart, "--set=word=two", "--labels=tier=one"])?.ok();
    same(first, second)?;
    let _ = first.run(["rollback", "m", "1"])?.ok();
    let _ = second.run(["upgrade", "m", &chart, "--set=word=three", "--history-max=2"])?.ok();
    same(first, second)?;
    let said = first.run(["install", "m", &chart])?.fails(1);
    assert!(said.contains("name that is still in use"), "{said}");
    let _ = first.run(["uninstall", "m", "--keep-history"])?.ok();
    same(first, second)?;
    let _ = second.run(["uninstall", "m"])?.ok();
    assert_eq!(json(&first.run(["list", "--output=json"])?.ok())?, serde_json::json!([]));
    Ok(())
}

fn same(first: &Program, second: &Program) -> Outcome {
    let reads: [&[&str]; 6] = [
        &["list", "--output=json", "--uninstalled", "--deployed"],
        &["list", "--selector=team=red", "--short", "--uninstalled", "--deployed"],
        &["history", "m", "--max=9"],
        &["get", "values", "m"],
        &["get", "manifest", "m"],
        &["get", "notes", "m"],
    ];
    for args in reads {
        let (one, other) = (first.run(args)?.ok(), second.run(args)?.ok());
        assert_eq!(one, other, "{args:?}");
    }
    Ok(())
}

/// A PostgreSQL server of this test's own.
struct Database {
    server: Child,
    folder: PathBuf,
    port: u16,
    tls: bool,
    _work: Workdir,
}

/// With TLS nobody may come without it, and into one database only with a
/// certificate.
const RULES: &str = "local all all trust
hostnossl all all 127.0.0.1/32 reject
hostssl certs all 127.0.0.1/32 cert
hostssl all all 127.0.0.1/32 trust
";

impl Database {
    fn start() -> Result<Database, Box<dyn std::error::Error>> {
        Database::start_with(None)
    }

    /// With a folder of keys it speaks TLS only.
    fn start_with(keys: Option<&Path>) -> Result<Database, Box<dyn std::error::Error>> {
        let folder = postgres_folder().ok_or("no PostgreSQL")?;
        let work = Workdir::new("postgres")?;
        let data = work.path().join("data");
        std::fs::create_dir_all(&data)?;
        let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?) == 0;
        if is_root {
            std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY))?;
            open_to_all(work.path())?;
        }
        let command = |program: &str| {
            let mut command = Command::new(folder.join(program));
            command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let initdb = ["--username=helm", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "--pgdata"];
        if !command("initdb").args(initdb).arg(&data).status()?.success() {
            return Err("initdb failed".into());
        }
        if let Some(keys) = keys {
            use std::os::unix::fs::PermissionsExt;
            std::fs::write(data.join("pg_hba.conf"), RULES)?;
            for name in ["server.crt", "server.key", "ca.crt"] {
                std::fs::copy(keys.join(name), data.join(name))?;
                std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o600))?;
                if is_root {
                    std::os::unix::fs::chown(data.join(name), Some(NOBODY), Some(NOBODY))?;
                }
            }
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = command("postgres");
        server.arg("-D").arg(&data).arg("-k").arg(&data).args(["-F", "-h", "127.0.0.1", "-p", &port.to_string()]);
        if keys.is_some() {
            server.args(["-c", "ssl=on", "-c", "ssl_ca_file=ca.crt"]);
        }
        let tls = keys.is_some();
        let database = Database { server: server.spawn()?, folder: folder.clone(), port, tls, _work: work };
        let until = Instant::now() + Duration::from_secs(60);
        while database.query("SELECT 1").is_err() {
            if Instant::now() > until {
                return Err("PostgreSQL did not start".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(database)
    }

    fn connection(&self) -> String {
        let mode = if self.tls { "require" } else { "disable" };
        format!("postgres://helm@127.0.0.1:{}/postgres?sslmode={mode}", self.port)
    }

    fn query(&self, text: &str) -> Outcome {
        let psql = self.folder.join("psql");
        let psql = if psql.is_file() { psql } else { Path::new("psql").to_owned() };
        let mut command = Command::new(psql);
        command.args(["--quiet", "--no-psqlrc", "--command", text]).arg(self.connection());
        let worked = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success();
        if worked { Ok(()) } else { Err(format!("{text} failed").into()) }
    }
}

/// The folders above the data must let its owner pass.
fn open_to_all(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

impl Drop for Database {
    fn drop(&mut self) {
        // SIGINT ends sessions and stops it; it has nothing to keep.
        testbed::program::interrupt(&self.server);
        let _ = self.server.wait();
    }
}
