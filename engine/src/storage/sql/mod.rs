//! Releases in PostgreSQL: the tables of Helm's SQL driver, so that either
//! reads what the other wrote. Records are not bound by the size of a Secret.

mod settings;
mod tls;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use jiff::Timestamp;
use templates_compat::Compat;
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};

use super::{Key, Query, ReleaseStore, SYSTEM_LABELS, record_key};
use crate::error::{Error, Result, Stage};
use crate::release::codec;
use crate::release::{Release, Status};
use settings::{Mode, Settings};
use tls::Tls;

/// The namespace of a release that names none.
const DEFAULT_NAMESPACE: &str = "default";

/// What makes the tables, by the names under which Helm's migrations note that
/// they were done.
const MIGRATIONS: [(&str, &str); 2] = [
    (
        "init",
        "CREATE TABLE releases_v1 (
            key VARCHAR(90), type VARCHAR(64) NOT NULL, body TEXT NOT NULL,
            name VARCHAR(64) NOT NULL, namespace VARCHAR(64) NOT NULL, version INTEGER NOT NULL,
            status TEXT NOT NULL, owner TEXT NOT NULL,
            createdat INTEGER NOT NULL, modifiedat INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (key, namespace));
        CREATE INDEX ON releases_v1 (key, namespace);
        CREATE INDEX ON releases_v1 (version);
        CREATE INDEX ON releases_v1 (status);
        CREATE INDEX ON releases_v1 (owner);
        CREATE INDEX ON releases_v1 (createdat);
        CREATE INDEX ON releases_v1 (modifiedat);
        GRANT ALL ON releases_v1 TO PUBLIC;
        ALTER TABLE releases_v1 ENABLE ROW LEVEL SECURITY;",
    ),
    (
        "custom_labels",
        "CREATE TABLE custom_labels_v1 (
            releasekey VARCHAR(64), releasenamespace VARCHAR(67), key VARCHAR(317), value VARCHAR(63));
        CREATE INDEX ON custom_labels_v1 (releasekey, releasenamespace);
        GRANT ALL ON custom_labels_v1 TO PUBLIC;
        ALTER TABLE custom_labels_v1 ENABLE ROW LEVEL SECURITY;",
    ),
];

/// Keeps releases in a PostgreSQL database.
pub struct SqlStore {
    client: Mutex<Client>,
    /// Empty: all namespaces.
    namespace: String,
    compat: Compat,
}

type Labels = BTreeMap<String, String>;

impl SqlStore {
    /// Connects, and makes the tables if they are not there yet.
    ///
    /// # Errors
    /// `unable to instantiate SQL driver: …`
    pub async fn connect(connection: &str, namespace: impl Into<String>, compat: Compat) -> Result<SqlStore> {
        let open = async {
            let mut client = client(connection).await?;
            migrate(&mut client).await?;
            Ok(client)
        };
        let client = open.await.map_err(|e: Error| e.context("unable to instantiate SQL driver"))?;
        Ok(SqlStore { client: Mutex::new(client), namespace: namespace.into(), compat })
    }

    /// Records that fit, with or without their bodies. One query for them and
    /// one for their labels, however many they are.
    async fn select(&self, query: Query<'_>, what: &str) -> Result<Vec<(Row, Labels)>> {
        let mut text = format!("SELECT key, namespace, {what} FROM releases_v1 WHERE owner = 'helm'");
        let status = query.status.map(|s| s.to_string());
        let name = query.name.map(str::to_string);
        let mut values: Vec<&(dyn ToSql + Sync)> = Vec::new();
        let namespace = (!self.namespace.is_empty()).then_some(&self.namespace);
        let filters = [("namespace", namespace), ("name", name.as_ref()), ("status", status.as_ref())];
        for (column, value) in filters.iter().filter_map(|(c, v)| v.map(|v| (c, v))) {
            values.push(value);
            text.push_str(&format!(" AND {column} = ${}", values.len()));
        }
        let client = self.client.lock().await;
        let rows = client.query(&text, &values).await.map_err(|e| failed(&e))?;
        let labels = client.query("SELECT releasekey, releasenamespace, key, value FROM custom_labels_v1", &[]);
        let mut by_record: BTreeMap<(String, String), Labels> = BTreeMap::new();
        for row in labels.await.map_err(|e| failed(&e))? {
            let record = (text_of(&row, 0)?, text_of(&row, 1)?);
            by_record.entry(record).or_default().insert(text_of(&row, 2)?, text_of(&row, 3)?);
        }
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let record = (text_of(&row, 0)?, text_of(&row, 1)?);
            let labels = by_record.remove(&record).unwrap_or_default();
            found.push((row, labels));
        }
        Ok(found)
    }

    async fn releases(&self, query: Query<'_>, head: bool) -> Result<Vec<Release>> {
        let mut releases = Vec::new();
        for (row, labels) in self.select(query, "body").await? {
            let body = text_of(&row, 2)?;
            let decoded = if head { codec::decode_head(body.as_bytes()) } else { codec::decode(body.as_bytes()) };
            // Helm skips what it cannot decode, and says so in its debug log.
            if let Ok(mut release) = decoded {
                release.labels = labels;
                if query.name.is_none() {
                    let system = system_labels(&release);
                    release.labels.extend(system);
                }
                releases.push(release);
            }
        }
        Ok(releases)
    }

    async fn read(&self, namespace: &str, name: &str, version: i64, head: bool) -> Result<Release> {
        let (key, namespace) = (record_key(name, version), namespace.to_string());
        let client = self.client.lock().await;
        let text = "SELECT body FROM releases_v1 WHERE key = $1 AND namespace = $2";
        let row = client.query_opt(text, &[&key, &namespace]).await.ok().flatten().ok_or(Error::ReleaseNotFound)?;
        let body = text_of(&row, 0)?;
        let decoded = if head { codec::decode_head(body.as_bytes()) } else { codec::decode(body.as_bytes()) };
        let mut release = decoded.map_err(|e| Error::other(Stage::Storage, e.to_string()))?;
        let text = "SELECT key, value FROM custom_labels_v1 WHERE releasekey = $1 AND releasenamespace = $2";
        for row in client.query(text, &[&key, &namespace]).await.map_err(|e| failed(&e))? {
            release.labels.insert(text_of(&row, 0)?, text_of(&row, 1)?);
        }
        release.labels.retain(|k, _| !SYSTEM_LABELS.contains(&k.as_str()));
        Ok(release)
    }

    async fn insert(&self, release: &Release) -> Result<()> {
        let body = self.body(release)?;
        let (key, namespace) = (record_key(&release.name, release.version), namespace_of(release));
        let (version, status, now) = (number(release.version), release.info.status.to_string(), now());
        let mut client = self.client.lock().await;
        let work = client.transaction().await.map_err(|e| failed(&e).context("error beginning transaction"))?;
        let text = "INSERT INTO releases_v1 (key, type, body, name, namespace, version, status, owner, createdat)
            VALUES ($1, 'helm.sh/release.v1', $2, $3, $4, $5, $6, 'helm', $7) ON CONFLICT DO NOTHING";
        let values: [&(dyn ToSql + Sync); 7] = [&key, &body, &release.name, &namespace, &version, &status, &now];
        if work.execute(text, &values).await.map_err(|e| failed(&e))? == 0 {
            return Err(Error::ReleaseExists);
        }
        let own = release.labels.iter().filter(|(k, _)| !SYSTEM_LABELS.contains(&k.as_str()));
        for (label, value) in own {
            let text =
                "INSERT INTO custom_labels_v1 (releasekey, releasenamespace, key, value) VALUES ($1, $2, $3, $4)";
            work.execute(text, &[&key, &namespace, label, value]).await.map_err(|e| failed(&e))?;
        }
        work.commit().await.map_err(|e| failed(&e))
    }

    async fn rewrite(&self, release: &Release) -> Result<()> {
        let body = self.body(release)?;
        let (key, namespace) = (record_key(&release.name, release.version), namespace_of(release));
        let (version, status, now) = (number(release.version), release.info.status.to_string(), now());
        let text = "UPDATE releases_v1 SET body = $3, name = $4, version = $5, status = $6, owner = 'helm',
            modifiedat = $7 WHERE key = $1 AND namespace = $2";
        let values: [&(dyn ToSql + Sync); 7] = [&key, &namespace, &body, &release.name, &version, &status, &now];
        match self.client.lock().await.execute(text, &values).await.map_err(|e| failed(&e))? {
            0 => Err(Error::ReleaseNotFound),
            _ => Ok(()),
        }
    }

    async fn remove(&self, name: &str, version: i64) -> Result<()> {
        let key = record_key(name, version);
        let mut client = self.client.lock().await;
        let work = client.transaction().await.map_err(|e| failed(&e).context("error beginning transaction"))?;
        let text = "DELETE FROM releases_v1 WHERE key = $1 AND namespace = $2";
        if work.execute(text, &[&key, &self.namespace]).await.map_err(|e| failed(&e))? == 0 {
            return Err(Error::ReleaseNotFound);
        }
        let text = "DELETE FROM custom_labels_v1 WHERE releasekey = $1 AND releasenamespace = $2";
        work.execute(text, &[&key, &self.namespace]).await.map_err(|e| failed(&e))?;
        work.commit().await.map_err(|e| failed(&e))
    }

    fn body(&self, release: &Release) -> Result<String> {
        codec::encode(release, self.compat)
            .map_err(|e| Error::other(Stage::Storage, format!("failed to encode release {:?}: {e}", release.name)))
    }
}

/// Connects as the connection string says. Helm's driver wants TLS unless told
/// otherwise.
async fn client(connection: &str) -> Result<Client> {
    let wrong = |text: String| Error::other(Stage::Storage, text);
    let (settings, rest) = Settings::of(connection).map_err(wrong)?;
    let mut config: Config = rest.parse().map_err(|e| failed(&e))?;
    let local = config.get_hosts().iter().any(|host| matches!(host, tokio_postgres::config::Host::Unix(_)));
    if matches!(settings.mode, Mode::Disable | Mode::Allow) || local {
        match config.ssl_mode(SslMode::Disable).connect(NoTls).await {
            Ok((client, connection)) => {
                // It ends with the client, or with an error that every query then has.
                drop(tokio::spawn(connection));
                return Ok(client);
            }
            Err(e) if settings.mode != Mode::Allow || local => return Err(failed(&e)),
            Err(_) => {}
        }
    }
    config.ssl_mode(if settings.mode == Mode::Prefer { SslMode::Prefer } else { SslMode::Require });
    let (client, connection) = config.connect(Tls::of(&settings).map_err(wrong)?).await.map_err(|e| failed(&e))?;
    drop(tokio::spawn(connection));
    Ok(client)
}

async fn migrate(client: &mut Client) -> Result<()> {
    let done = "SELECT id FROM gorp_migrations";
    // Without the table nothing was done yet.
    let rows = client.query(done, &[]).await.unwrap_or_default();
    let is_done = |rows: &[Row], id: &str| rows.iter().any(|row| row.try_get::<_, &str>(0).is_ok_and(|r| r == id));
    if MIGRATIONS.iter().all(|(id, _)| is_done(&rows, id)) {
        return Ok(());
    }
    let work = client.transaction().await.map_err(|e| failed(&e))?;
    let table = "CREATE TABLE IF NOT EXISTS gorp_migrations (
        id TEXT NOT NULL PRIMARY KEY, applied_at TIMESTAMP WITH TIME ZONE);
        LOCK TABLE gorp_migrations IN EXCLUSIVE MODE;";
    work.batch_execute(table).await.map_err(|e| failed(&e))?;
    // Another process may have been faster.
    let rows = work.query(done, &[]).await.map_err(|e| failed(&e))?;
    for (id, text) in MIGRATIONS.iter().filter(|(id, _)| !is_done(&rows, id)) {
        work.batch_execute(text).await.map_err(|e| failed(&e))?;
        let note = "INSERT INTO gorp_migrations (id, applied_at) VALUES ($1, now())";
        work.execute(note, &[id]).await.map_err(|e| failed(&e))?;
    }
    work.commit().await.map_err(|e| failed(&e))
}

/// The server's own words where it has some, with the prefix that Helm's
/// client for PostgreSQL gives them.
fn failed(error: &tokio_postgres::Error) -> Error {
    let text = match error.as_db_error() {
        Some(e) => format!("pq: {}", e.message()),
        None => match std::error::Error::source(error) {
            Some(cause) if cause.to_string() == "server does not support TLS" => {
                "pq: SSL is not enabled on the server".into()
            }
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    };
    Error::other(Stage::Storage, text)
}

fn text_of(row: &Row, column: usize) -> Result<String> {
    row.try_get::<_, Option<String>>(column).map(Option::unwrap_or_default).map_err(|e| failed(&e))
}

fn namespace_of(release: &Release) -> String {
    let namespace = release.namespace.as_str();
    if namespace.is_empty() { DEFAULT_NAMESPACE.into() } else { namespace.into() }
}

/// The column holds 32 bits.
fn number(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn now() -> i32 {
    number(Timestamp::now().as_second())
}

fn system_labels(release: &Release) -> Labels {
    let pairs = [
        ("name", release.name.clone()),
        ("owner", "helm".into()),
        ("status", release.info.status.to_string()),
        ("version", release.version.to_string()),
    ];
    pairs.into_iter().map(|(k, v)| (k.to_string(), v)).collect()
}

impl ReleaseStore for SqlStore {
    fn get<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<Release>> {
        Box::pin(self.read(&self.namespace, name, version, false))
    }

    fn get_head<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Release>> {
        Box::pin(async move {
            let mut release = self.read(&key.namespace, &key.name, key.version, true).await?;
            release.labels.clone_from(&key.labels);
            Ok(release)
        })
    }

    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        Box::pin(self.releases(query, false))
    }

    fn query_heads<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Release>>> {
        Box::pin(self.releases(query, true))
    }

    fn keys<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(async move {
            let mut keys = Vec::new();
            for (row, mut labels) in self.select(query, "name, version, status").await? {
                let version: i32 = row.try_get(3).map_err(|e| failed(&e))?;
                let (name, status) = (text_of(&row, 2)?, text_of(&row, 4)?);
                if query.name.is_none() {
                    let system = [("name", &name), ("status", &status), ("version", &version.to_string())];
                    labels.extend(system.map(|(k, v)| (k.to_string(), v.clone())));
                    labels.insert("owner".into(), "helm".into());
                }
                let status = Status::from_word(&status);
                keys.push(Key { namespace: text_of(&row, 1)?, name, version: version.into(), status, labels });
            }
            Ok(keys)
        })
    }

    fn create<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.insert(release))
    }

    fn update<'a>(&'a self, release: &'a Release) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.rewrite(release))
    }

    fn delete<'a>(&'a self, name: &'a str, version: i64) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.remove(name, version))
    }
}
