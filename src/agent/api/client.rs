//! GET requests to the API server with a limit on time and size.
//!
//! Owns the connection's settings and the way from a Kubernetes `Status` to an
//! error of the protocol. It keeps nothing of what it reads.

use std::{
    path::Path as FilePath,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use engine::{Cluster, ConnectOptions};
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{
    discovery::{Discovery, Resolved},
    path::Path,
};
use crate::protocol::{Code, Error, read::KindRef, user::User};

/// Longest body of one answer, in bytes. A page that is longer is asked for
/// again with fewer objects.
pub const BODY_MAX: usize = 8 * 1024 * 1024;
/// Longest body of an error, in bytes.
const ERROR_BODY_MAX: usize = 64 * 1024;
/// Detail of an error that holds a token to go on with, where the one that was
/// given is too old.
pub const CONTINUE: &str = "continue";
/// Longest wait for the first byte of an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The representation that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// Whole objects.
    Json,
    /// Metadata of a list or a watch.
    MetaList,
    /// Metadata of one object.
    Meta,
    /// kubectl's columns.
    Table,
    /// Lines of a log.
    Log,
    /// The groups of aggregated discovery.
    Discovery,
}

impl Accept {
    fn header(self) -> &'static str {
        match self {
            Accept::Json => "application/json",
            Accept::Log => "text/plain, */*",
            // The second choice serves servers (aggregated APIs) that know
            // only the first form.
            Accept::MetaList => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
            Accept::Meta => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
            Accept::Table => "application/json;as=Table;g=meta.k8s.io;v=v1,application/json",
            Accept::Discovery => {
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                 application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
            }
        }
    }
}

/// A client of the API server for reads.
#[derive(Clone)]
pub struct Api {
    client: Client,
    discovery: Arc<Discovery>,
    reads: Arc<Semaphore>,
}

impl Api {
    /// Connects by `kubeconfig` and `context`, or as Helm does: by the
    /// kubeconfig of the environment, then by the pod's service account. At
    /// most `reads` bodies are held at one time.
    ///
    /// # Errors
    /// When there is no usable configuration. The server need not be there.
    pub async fn connect(kubeconfig: Option<&FilePath>, context: Option<&str>, reads: usize) -> Result<Self, Error> {
        let options = ConnectOptions {
            kubeconfig: kubeconfig.map(FilePath::to_path_buf),
            kube_context: context.map(str::to_owned),
            ..ConnectOptions::default()
        };
        let cluster = Cluster::connect(&options).await.map_err(|error| Error::invalid(error.to_string()))?;
        let client = cluster.client().clone();
        Ok(Api { client, discovery: Arc::default(), reads: Arc::new(Semaphore::new(reads)) })
    }

    /// The kind that a request names.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the cluster has no such kind.
    pub async fn resolve(&self, kind: &KindRef) -> Result<Resolved, Error> {
        self.discovery.resolve(self, kind).await
    }

    /// The client itself, for what changes the cluster.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The same in the name of a user: the API server decides by that user's
    /// rights.
    ///
    /// # Errors
    /// When the name cannot be sent.
    pub fn acting_as(&self, user: &User) -> Result<Api, Error> {
        let name = http::HeaderValue::from_str(user.as_str()).map_err(|_| Error::invalid("the user cannot be sent"))?;
        Ok(Api { client: engine::acting_as(&self.client, &name), ..self.clone() })
    }

    /// What the cluster can do, by discovery.
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// One whole answer of at most [`BODY_MAX`] bytes. While it is held, the
    /// returned guard counts against the number of reads.
    ///
    /// # Errors
    /// The API server's, or [`Code::TooLarge`].
    pub async fn get(&self, path: &Path, accept: Accept) -> Result<Held, Error> {
        let permit = Arc::clone(&self.reads)
            .acquire_owned()
            .await
            .map_err(|_| Error::new(Code::Cancelled, "the agent is stopping"))?;
        let mut body = self.send(path, accept).await?;
        let bytes = collect(&mut body, BODY_MAX).await?;
        Ok(Held { bytes, _permit: permit })
    }

    /// An answer that is read piece by piece: a watch or a log.
    ///
    /// # Errors
    /// The API server's.
    pub async fn stream(&self, path: &Path, accept: Accept) -> Result<Pieces, Error> {
        Ok(Pieces { body: self.send(path, accept).await? })
    }

    /// Changes something; gives the status of the success.
    ///
    /// # Errors
    /// The API server's.
    pub async fn write(&self, method: http::Method, path: &Path, media: &str, body: Vec<u8>) -> Result<u16, Error> {
        let request = Request::builder()
            .method(method)
            .uri(path.as_str())
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, media)
            .body(Body::from(body))
            .map_err(|error| Error::invalid(format!("the request makes no valid URL: {error}")))?;
        let answer = self.answer(request).await?;
        let status = answer.status();
        let mut body = answer.into_body();
        // The object itself is of no interest, only that all of it came.
        let text = collect(&mut body, BODY_MAX).await?;
        if status.is_success() { Ok(status.as_u16()) } else { Err(from_status(status, &text)) }
    }

    async fn answer(&self, request: Request<Body>) -> Result<http::Response<Body>, Error> {
        tokio::time::timeout(ANSWER_TIMEOUT, self.client.send(request))
            .await
            .map_err(|_| Error::new(Code::Timeout, "the API server did not answer in time"))?
            .map_err(|error| Error::new(Code::Upstream, format!("reaching the API server: {}", chain(&error))))
    }

    async fn send(&self, path: &Path, accept: Accept) -> Result<Body, Error> {
        let request = Request::get(path.as_str())
            .header(header::ACCEPT, accept.header())
            .body(Body::empty())
            .map_err(|error| Error::invalid(format!("the request makes no valid URL: {error}")))?;
        let answer = self.answer(request).await?;
        let status = answer.status();
        let mut body = answer.into_body();
        if status.is_success() {
            return Ok(body);
        }
        let text = collect(&mut body, ERROR_BODY_MAX).await.unwrap_or_default();
        Err(from_status(status, &text))
    }

    /// How long the API server takes to say its version, and the version.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn version(&self) -> Result<(String, Duration), Error> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(rename = "gitVersion")]
            git_version: String,
        }
        let start = Instant::now();
        let mut body = self.send(&Path::fixed("/version"), Accept::Json).await?;
        let bytes = collect(&mut body, ERROR_BODY_MAX).await?;
        let version: Version = parse(&bytes)?;
        Ok((version.git_version, start.elapsed()))
    }
}

/// A body that counts against the number of reads while it lives.
pub struct Held {
    /// The body.
    pub bytes: Bytes,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

/// A body that is read piece by piece.
pub struct Pieces {
    body: Body,
}

impl Pieces {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.body.frame().await {
            let frame =
                frame.map_err(|error| Error::new(Code::Upstream, format!("reading from the API server: {error}")))?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// Reads JSON of the API server.
///
/// # Errors
/// [`Code::Upstream`] when it is not what was expected.
pub fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::new(Code::Upstream, format!("the API server's answer cannot be read: {error}")))
}

async fn collect(body: &mut Body, limit: usize) -> Result<Bytes, Error> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Error::new(Code::Upstream, format!("reading from the API server: {error}")))?;
        if let Some(data) = frame.data_ref() {
            if all.len().saturating_add(data.len()) > limit {
                return Err(Error::new(Code::TooLarge, format!("the API server's answer is over {limit} bytes")));
            }
            all.extend_from_slice(data);
        }
    }
    Ok(all.freeze())
}

/// An error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    /// More causes than any real error has.
    const CAUSES_MAX: usize = 8;
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..CAUSES_MAX {
        let Some(error) = cause else { break };
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// One page of a list, as far as the API server's envelope goes.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    /// Where the next page begins.
    #[serde(default)]
    pub metadata: ListMeta,
    /// Go writes an empty list as null.
    #[serde(default = "Option::default")]
    pub items: Option<Vec<T>>,
}

/// The part of a list's metadata that leads on.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub struct ListMeta {
    /// The `continue` token; empty on the last page.
    #[serde(rename = "continue")]
    pub next: String,
}

/// An answer that is no success, as an error of the protocol.
pub fn from_status(status: StatusCode, body: &[u8]) -> Error {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Status {
        message: String,
        reason: String,
        code: u16,
        details: Details,
        metadata: ListMeta,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Details {
        #[serde(rename = "retryAfterSeconds")]
        retry_after_seconds: u64,
    }
    let parsed: Status = serde_json::from_slice(body).unwrap_or_default();
    let number = if parsed.code == 0 { status.as_u16() } else { parsed.code };
    let code = match number {
        400 | 405 | 406 | 415 | 422 => Code::Invalid,
        401 => Code::Unauthenticated,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        409 => Code::Conflict,
        410 => Code::Expired,
        413 => Code::TooLarge,
        429 => Code::RateLimited,
        408 | 504 => Code::Timeout,
        _ => Code::Upstream,
    };
    let message = if parsed.message.is_empty() {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.is_empty() { format!("the API server answered {status}") } else { text.to_owned() }
    } else {
        parsed.message
    };
    let mut error = Error::new(code, message);
    error.retry_after_ms = parsed.details.retry_after_seconds.saturating_mul(1000);
    if !parsed.metadata.next.is_empty() {
        error = error.with(CONTINUE, parsed.metadata.next);
    }
    if parsed.reason.is_empty() { error } else { error.with("reason", parsed.reason) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_its_message_and_number() {
        let body = br#"{"kind":"Status","message":"pods \"x\" not found","reason":"NotFound","code":404}"#;
        let error = from_status(StatusCode::NOT_FOUND, body);
        assert_eq!((error.code, error.message.as_str()), (Code::NotFound, "pods \"x\" not found"));
        assert_eq!(error.details["reason"], "NotFound");
        let error = from_status(StatusCode::BAD_GATEWAY, b"");
        assert_eq!((error.code, error.retryable), (Code::Upstream, true));
        assert_eq!(from_status(StatusCode::GONE, b"gone").code, Code::Expired);
        let body =
            br#"{"kind":"Status","message":"too old","reason":"Expired","code":410,"metadata":{"continue":"next"}}"#;
        assert_eq!(from_status(StatusCode::GONE, body).details[CONTINUE], "next");
    }
}
