//! A platform: it registers agents over HTTP and makes NATS credentials for
//! them, which a NATS server in operator mode accepts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use testbed::{Binaries, NatsOptions, NatsServer, Workdir};

use crate::scene::{Anything, CLUSTER};

/// The token that the platform accepts.
pub(crate) const TOKEN: &str = "cluster-token-3f9a";

/// An operator with one account, and a NATS server that trusts it.
pub(crate) struct Operator {
    key: KeyPair,
    account: KeyPair,
    system: KeyPair,
    pub(crate) server: NatsServer,
    work: Workdir,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A signed claim.
fn jwt(issuer: &KeyPair, subject: &str, expires: Option<u64>, nats: &Value) -> Anything<String> {
    let mut claims = json!({"jti": format!("{subject}-{}", now()), "iat": now(), "iss": issuer.public_key(),
        "sub": subject, "name": subject, "nats": nats});
    if let Some(expires) = expires {
        claims["exp"] = json!(expires);
    }
    let header = BASE64URL_NOPAD.encode(br#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let body = format!("{header}.{}", BASE64URL_NOPAD.encode(claims.to_string().as_bytes()));
    let signature = issuer.sign(body.as_bytes())?;
    Ok(format!("{body}.{}", BASE64URL_NOPAD.encode(&signature)))
}

fn credentials(account: &KeyPair, user: &KeyPair, expires: Option<u64>) -> Anything<String> {
    let nats = json!({"pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
    let jwt = jwt(account, &user.public_key(), expires, &nats)?;
    Ok(format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed()?
    ))
}

impl Operator {
    pub(crate) fn start(binaries: &Binaries) -> Anything<Self> {
        let work = Workdir::new("operator")?;
        let (key, account, system) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
        let config = work.path().join("nats.conf");
        std::fs::write(&config, configuration(&key, &account, &system, &json!({}))?)?;
        let options = NatsOptions { jetstream: true, config: Some(config), ..NatsOptions::default() };
        let server = NatsServer::start(binaries, options)?;
        Ok(Operator { key, account, system, server, work })
    }

    /// A file with credentials that do not end, for a client.
    pub(crate) fn client(&self, name: &str) -> Anything<PathBuf> {
        let path = self.work.path().join(name);
        std::fs::write(&path, credentials(&self.account, &KeyPair::new_user(), None)?)?;
        Ok(path)
    }

    /// Restarts the server, which refuses all that was issued to `user` so far.
    pub(crate) fn revoke(&mut self, user: &str) -> Anything<()> {
        self.server.stop();
        let revoked = json!({user: now() + 1});
        let text = configuration(&self.key, &self.account, &self.system, &revoked)?;
        std::fs::write(self.work.path().join("nats.conf"), text)?;
        self.server.resume()?;
        Ok(())
    }
}

fn configuration(operator: &KeyPair, account: &KeyPair, system: &KeyPair, revoked: &Value) -> Anything<String> {
    let limits = |storage: i64| {
        json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": storage, "disk_storage": storage, "streams": storage, "consumer": storage})
    };
    let of = |key: &KeyPair, nats: Value| jwt(operator, &key.public_key(), None, &nats);
    let own = of(operator, json!({"type": "operator", "version": 2, "system_account": system.public_key()}))?;
    let account_jwt =
        of(account, json!({"limits": limits(-1), "revocations": revoked, "type": "account", "version": 2}))?;
    let system_jwt = of(system, json!({"limits": limits(0), "type": "account", "version": 2}))?;
    Ok(format!(
        "operator: {own}\nsystem_account: {system_key}\nresolver: MEMORY\n\
         resolver_preload: {{\n  {account_key}: {account_jwt}\n  {system_key}: {system_jwt}\n}}\n",
        system_key = system.public_key(),
        account_key = account.public_key(),
    ))
}

/// What a platform does with registrations, and what it has seen of them.
#[derive(Default)]
pub(crate) struct Seen {
    /// Status to answer with instead of a grant.
    pub(crate) refuse: Option<u16>,
    /// Requests so far.
    pub(crate) requests: usize,
    /// Body of the last request.
    pub(crate) last: Value,
    /// Public keys of the users that were made.
    pub(crate) users: Vec<String>,
    /// All secrets that were given away.
    pub(crate) secrets: Vec<String>,
}

/// An HTTP server that registers agents.
pub(crate) struct Platform {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Platform {
    /// Starts one that grants credentials for `life`.
    pub(crate) fn start(operator: &Operator, life: Duration) -> Anything<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (shared, nats) = (Arc::clone(&seen), operator.server.url());
        let account = KeyPair::from_seed(&operator.account.seed()?)?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A broken request is the agent's loss.
                let _ = answer(stream, &account, &nats, life, &shared);
            }
        });
        Ok(Platform { url, seen })
    }

    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

fn answer(stream: TcpStream, account: &KeyPair, nats: &str, life: Duration, seen: &Mutex<Seen>) -> Anything<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut length, mut bearer) = (String::new(), 0, String::new());
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "authorization" => bearer = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (status, text) = {
        let mut seen = seen.lock().map_err(|_| "poisoned")?;
        seen.requests += 1;
        seen.last = serde_json::from_slice(&body)?;
        if let Some(status) = seen.refuse {
            (status, String::new())
        } else if !first.starts_with("POST /agent/v1/register ") {
            (404, String::new())
        } else if bearer != format!("Bearer {TOKEN}") {
            (401, String::new())
        } else {
            let user = KeyPair::new_user();
            let end = SystemTime::now() + life;
            let expires = end.duration_since(UNIX_EPOCH)?.as_secs();
            let creds = credentials(account, &user, Some(expires))?;
            seen.users.push(user.public_key());
            seen.secrets.push(user.seed()?);
            let expires_at = jiff::Timestamp::from_second(i64::try_from(expires)?)?.to_string();
            let reply = json!({"cluster_id": CLUSTER, "nats_urls": [nats], "creds": creds, "expires_at": expires_at});
            (200, reply.to_string())
        }
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )?;
    Ok(())
}

/// A client of the cluster's agents with these credentials.
pub(crate) async fn client(server: &NatsServer, creds: &Path) -> Anything<ankra_helm::client::Client> {
    use ankra_helm::client::{Access, Client, connect};
    let access = Access { nats_url: server.url(), nats_creds: Some(creds.to_owned()), ..Access::default() };
    Ok(Client::new(connect(&access).await?, "ah.v1", Some(CLUSTER)).await?)
}
