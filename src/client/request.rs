//! Requests to an agent, with replies in one message or in parts.
//!
//! Owns the connection, the wait for a reply, putting parts together and the
//! client's view of an agent that is not there.

use std::{collections::BTreeMap, time::Duration};

use async_nats::{HeaderMap, Message, StatusCode, Subscriber};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::{access::Access, relay::Relays};
use crate::protocol::{
    ClusterId, Code, Error, SERVICE_NAME, Subjects, VERSION,
    error::ErrorReply,
    header,
    id::{ulid, unix_ms},
    user::User,
};

/// Longest reply that is put together, in bytes.
const REPLY_MAX: usize = 64 * 1024 * 1024;
/// Most parts of one reply.
const PARTS_MAX: usize = 4096;
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long agents may take to answer when all are asked who is there.
const PING_WAIT: Duration = Duration::from_millis(500);

/// One agent, as NATS' service discovery knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Found {
    /// Id among all services.
    pub id: String,
    /// Version of the agent.
    pub version: String,
    /// `cluster`, `instance`, `prefix` and `protocol`.
    pub metadata: BTreeMap<String, String>,
}

impl Found {
    /// The cluster that it belongs to.
    pub fn cluster(&self) -> &str {
        self.metadata.get("cluster").map_or("", String::as_str)
    }

    /// Its name among the agents of the cluster.
    pub fn instance(&self) -> &str {
        self.metadata.get("instance").map_or("", String::as_str)
    }
}

/// A connection to the agents of one cluster.
#[derive(Clone, Debug)]
pub struct Client {
    nats: async_nats::Client,
    subjects: Subjects,
    timeout: Duration,
}

/// Connects to NATS as a client.
///
/// # Errors
/// When no server can be reached, or it refuses the credentials.
pub async fn connect(access: &Access) -> Result<async_nats::Client, Error> {
    let relays = Relays::default();
    let options = access.options().await?.name("ankra-helm").connection_timeout(CONNECT_TIMEOUT);
    let (servers, relayed) = relays.servers(access).await?;
    let options = if relayed { options.ignore_discovered_servers() } else { options };
    // The ports of the loopback live as long as the runtime, as the connection.
    std::mem::forget(relays.clone());
    options.connect(servers).await.map_err(|error| {
        use async_nats::ConnectErrorKind as Kind;
        let code = match error.kind() {
            Kind::Authentication | Kind::AuthorizationViolation => Code::Unauthenticated,
            _ => Code::Upstream,
        };
        Error::new(code, format!("connecting to NATS: {}", relays.trouble().unwrap_or_else(|| error.to_string())))
    })
}

/// All agents that answer within half a second, by cluster and instance.
///
/// # Errors
/// When the connection fails. Nobody answering is no error.
pub async fn discover(nats: &async_nats::Client) -> Result<Vec<Found>, Error> {
    let inbox = nats.new_inbox();
    let mut replies = nats.subscribe(inbox.clone()).await.map_err(lost)?;
    let subject = format!("$SRV.PING.{SERVICE_NAME}");
    nats.publish_with_reply(subject, inbox, Bytes::new()).await.map_err(lost)?;
    let end = Instant::now() + PING_WAIT;
    let mut found = Vec::new();
    while let Ok(Some(message)) = timeout_at(end, replies.next()).await {
        if is_nobody(&message) {
            break;
        }
        if let Ok(agent) = serde_json::from_slice::<Found>(&message.payload) {
            found.push(agent);
        }
    }
    found.sort_by(|a, b| (a.cluster(), a.instance()).cmp(&(b.cluster(), b.instance())));
    Ok(found)
}

impl Client {
    /// A client of `cluster`'s agents; without one, of the only cluster whose
    /// agents answer.
    ///
    /// # Errors
    /// When no cluster is named and not exactly one answers.
    pub async fn new(nats: async_nats::Client, prefix: &str, cluster: Option<&str>) -> Result<Self, Error> {
        let cluster = match cluster {
            Some(cluster) => ClusterId::new(cluster)?,
            None => only_cluster(&discover(&nats).await?)?,
        };
        Ok(Client { nats, subjects: Subjects::new(prefix, cluster)?, timeout: Duration::from_secs(30) })
    }

    /// The same with another wait for replies.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The same in the name of a user of the cluster.
    #[must_use]
    pub fn acting_as(mut self, user: &User) -> Self {
        self.subjects = self.subjects.acting_as(user);
        self
    }

    /// The connection.
    pub fn nats(&self) -> &async_nats::Client {
        &self.nats
    }

    /// The cluster's subjects.
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Asks `verb` and waits for the reply.
    ///
    /// # Errors
    /// The agent's; or [`Code::NotFound`] with the detail `cluster_offline`
    /// when nobody listens; or [`Code::Timeout`].
    pub async fn request<T: DeserializeOwned>(&self, verb: &str, body: &impl Serialize) -> Result<T, Error> {
        let bytes = self.request_bytes(self.subjects.request(verb), body).await?;
        serde_json::from_slice(&bytes).map_err(|error| Error::internal(format!("the reply cannot be read: {error}")))
    }

    /// The same on any subject, with the reply's bytes.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn request_bytes(&self, subject: String, body: &impl Serialize) -> Result<Bytes, Error> {
        let payload = serde_json::to_vec(body).map_err(|error| Error::internal(error.to_string()))?;
        let inbox = self.nats.new_inbox();
        let mut replies = self.nats.subscribe(inbox.clone()).await.map_err(lost)?;
        let ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let mut headers = HeaderMap::new();
        headers.insert(header::VERSION, VERSION.to_string());
        headers.insert(header::REQUEST, ulid());
        headers.insert(header::DEADLINE, unix_ms().saturating_add(ms).to_string());
        self.nats.publish_with_reply_and_headers(subject, inbox, headers, payload.into()).await.map_err(lost)?;
        collect(&mut replies, Instant::now() + self.timeout, self.subjects.cluster()).await
    }
}

fn only_cluster(found: &[Found]) -> Result<ClusterId, Error> {
    let mut clusters: Vec<_> = found.iter().map(Found::cluster).collect();
    clusters.dedup();
    match clusters.as_slice() {
        [cluster] => ClusterId::new(*cluster),
        [] => Err(offline("no agent answers on this NATS server".to_owned())),
        several => Err(Error::invalid(format!("several clusters answer, name one: {}", several.join(", ")))),
    }
}

/// Waits for a whole reply.
async fn collect(replies: &mut Subscriber, end: Instant, cluster: &ClusterId) -> Result<Bytes, Error> {
    let mut whole = BytesMut::new();
    let mut digest = None;
    for at in 1..=PARTS_MAX {
        let message = timeout_at(end, replies.next())
            .await
            .map_err(|_| Error::new(Code::Timeout, format!("the agent of cluster {cluster} did not answer in time")))?
            .ok_or_else(|| Error::new(Code::Upstream, "the connection to NATS was closed"))?;
        if is_nobody(&message) {
            return Err(offline(format!("cluster {cluster} is offline: no agent listens")));
        }
        if let Some(error) = error_of(&message) {
            return Err(error);
        }
        let value = |name: &str| message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned());
        let Some(chunk) = value(header::CHUNK) else { return Ok(message.payload) };
        if message.payload.is_empty() {
            return finish(whole.freeze(), digest.as_deref());
        }
        let number = chunk.split('/').next().and_then(|number| number.parse::<usize>().ok());
        if number != Some(at) {
            return Err(Error::new(Code::Upstream, "a part of the reply was lost"));
        }
        digest = digest.or_else(|| value(header::DIGEST));
        if whole.len().saturating_add(message.payload.len()) > REPLY_MAX {
            break;
        }
        whole.extend_from_slice(&message.payload);
    }
    Err(Error::new(Code::TooLarge, format!("the reply is over {REPLY_MAX} bytes")))
}

fn finish(whole: Bytes, digest: Option<&str>) -> Result<Bytes, Error> {
    let hex: String = Sha256::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect();
    match digest {
        Some(digest) if digest == format!("sha256={hex}") => Ok(whole),
        _ => Err(Error::new(Code::Upstream, "the parts of the reply do not have its digest")),
    }
}

/// Whether this is the server's word that nobody listens on a subject.
pub(super) fn is_nobody(message: &Message) -> bool {
    message.status == Some(StatusCode::NO_RESPONDERS)
}

/// The error that a reply holds, if it is one.
pub(super) fn error_of(message: &Message) -> Option<Error> {
    let headers = message.headers.as_ref()?;
    let number = headers.get(header::SERVICE_ERROR_CODE)?;
    if let Ok(reply) = serde_json::from_slice::<ErrorReply>(&message.payload) {
        return Some(reply.error);
    }
    let text = headers.get(header::SERVICE_ERROR).map_or("", |text| text.as_str());
    Some(Error::new(Code::Upstream, format!("the agent answered {number}: {text}")))
}

fn offline(message: String) -> Error {
    Error::new(Code::Upstream, message).with("reason", "cluster_offline")
}

/// The connection failed under a request.
pub(super) fn lost(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Upstream, format!("the connection to NATS failed: {error}"))
}
