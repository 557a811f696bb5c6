//! One request and its answer. Owns the texts of refusals and failures, in
//! client-go's words; not what is asked.

use std::error::Error as StdError;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Cluster;
use super::limit::Permit;
use super::retry::{self, Retries};
use crate::error::{Error, Result};

/// Accepts only the metadata of one object, whatever it holds.
pub(crate) const ONE_METADATA: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";

/// The same of a list.
pub(crate) const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";

/// The media types of patches.
pub(crate) mod patch_type {
    /// Server-side apply. JSON is YAML.
    pub(crate) const APPLY: &str = "application/apply-patch+yaml";
    /// RFC 6902.
    pub(crate) const JSON: &str = "application/json-patch+json";
    /// By the merge keys of the built-in kinds.
    pub(crate) const STRATEGIC: &str = "application/strategic-merge-patch+json";
    /// RFC 7386.
    pub(crate) const MERGE: &str = "application/merge-patch+json";
}

/// What the API server says when it refuses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusBody {
    kind: String,
    message: String,
    reason: String,
}

/// A request under construction.
pub(crate) struct Call<'a> {
    cluster: &'a Cluster,
    method: Method,
    path: String,
    query: String,
    content_type: &'static str,
    accept: &'static str,
    body: Bytes,
    urgent: bool,
}

impl Cluster {
    /// A request without a body.
    pub(crate) fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        Call {
            cluster: self,
            method,
            path: path.into(),
            query: String::new(),
            content_type: "application/json",
            accept: "application/json",
            body: Bytes::new(),
            urgent: false,
        }
    }

    /// A GET.
    pub(crate) fn get_call(&self, path: impl Into<String>) -> Call<'_> {
        self.call(Method::GET, path)
    }
}

impl Call<'_> {
    /// Adds a query parameter; the value is escaped.
    pub(crate) fn query(mut self, key: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(key);
        self.query.push('=');
        escape_into(&mut self.query, value);
        self
    }

    /// Asks for another representation.
    pub(crate) fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// Sends a body of this media type.
    pub(crate) fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.content_type = content_type;
        self.body = body.into();
        self
    }

    /// Sends it at once, however many are under way.
    pub(crate) fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    /// Sends a JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        let bytes = body.to_string().into_bytes();
        self.body("application/json", bytes)
    }

    /// Sends it and reads the answer's JSON.
    pub(crate) async fn send<T: DeserializeOwned>(self) -> Result<T> {
        let described = self.describe();
        let bytes = self.send_bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| api_error(format!("{described}: the server's answer cannot be read: {e}"), 0, ""))
    }

    /// Sends it and reads the answer's bytes.
    pub(crate) async fn send_bytes(self) -> Result<Bytes> {
        let described = self.describe();
        let response = self.send_stream().await?;
        let collected = response.into_body().collect().await;
        Ok(collected.map_err(|e| api_error(format!("{described}: {}", cause(&e, "")), 0, ""))?.to_bytes())
    }

    /// Sends it and gives the answer once its head is there. What can be asked
    /// again without harm is asked again when the server has too much to do,
    /// or is away for a while.
    pub(crate) async fn send_stream(self) -> Result<http::Response<Body>> {
        let inner = &self.cluster.inner;
        let mut retries = Retries::new(&self.method, inner.answered.load(Ordering::Relaxed));
        loop {
            if let Some(rate) = inner.rate.as_ref().filter(|_| !self.urgent) {
                rate.wait().await;
            }
            let permit = if self.urgent { None } else { Some(inner.limit.permit().await) };
            let pause = match inner.client.clone().send(self.request()?).await {
                Err(e) => {
                    let pause = retries.after_failure(is_refused(&e));
                    if retries.is_out_of_patience() {
                        inner.answered.store(false, Ordering::Relaxed);
                    }
                    pause.ok_or_else(|| api_error(format!("{}: {}", self.describe(), self.cause(&e)), 0, ""))?
                }
                Ok(response) => {
                    inner.answered.store(true, Ordering::Relaxed);
                    if let Some(warnings) = &inner.warnings {
                        warnings.hear(response.headers());
                    }
                    let status = response.status();
                    if status.is_success() {
                        permit.into_iter().for_each(Permit::answered);
                        return Ok(response);
                    }
                    let asked = retry::asked(&response);
                    let body = match response.into_body().collect().await {
                        Ok(body) => body.to_bytes(),
                        Err(_) => Bytes::new(),
                    };
                    let Some(pause) = retries.after_answer(status, asked, &body) else {
                        permit.into_iter().for_each(Permit::answered);
                        return Err(refusal(status, &body));
                    };
                    if status == StatusCode::TOO_MANY_REQUESTS {
                        permit.into_iter().for_each(|permit| permit.refused(pause));
                    }
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn cause(&self, error: &(dyn StdError + 'static)) -> String {
        cause(error, authority(self.cluster.server()))
    }

    fn request(&self) -> Result<Request<Body>> {
        let uri = format!("{}{}", self.path, self.query);
        let mut builder = Request::builder().method(self.method.clone()).uri(uri);
        if let Ok(accept) = HeaderValue::from_str(self.accept) {
            builder = builder.header(header::ACCEPT, accept);
        }
        if !self.body.is_empty() {
            builder = builder.header(header::CONTENT_TYPE, self.content_type);
        }
        builder.body(Body::from(self.body.clone())).map_err(|e| api_error(format!("invalid request: {e}"), 0, ""))
    }

    /// `Get "https://…"`, as Go names a failed request.
    fn describe(&self) -> String {
        let method = self.method.as_str();
        let (first, rest) = method.split_at(1.min(method.len()));
        let server = self.cluster.server();
        format!("{first}{} \"{server}{}{}\"", rest.to_lowercase(), self.path, self.query)
    }
}

/// The error for an answer that is not a success.
fn refusal(status: StatusCode, body: &[u8]) -> Error {
    let parsed: StatusBody = serde_json::from_slice(body).unwrap_or_default();
    if parsed.kind == "Status" && !parsed.message.is_empty() {
        return api_error(parsed.message, status.as_u16(), &parsed.reason);
    }
    let (text, reason) = match status {
        StatusCode::NOT_FOUND => ("the server could not find the requested resource", "NotFound"),
        StatusCode::UNAUTHORIZED => ("the server has asked for the client to provide credentials", "Unauthorized"),
        StatusCode::TOO_MANY_REQUESTS => {
            ("the server has received too many requests and has asked us to try again later", "TooManyRequests")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            ("the server is currently unable to handle the request", "ServiceUnavailable")
        }
        _ => ("", ""),
    };
    if text.is_empty() {
        let line = String::from_utf8_lossy(body).lines().next().unwrap_or_default().to_string();
        let text = format!("an error on the server ({line:?}) has prevented the request from succeeding");
        return api_error(text, status.as_u16(), "InternalError");
    }
    api_error(text.to_string(), status.as_u16(), reason)
}

pub(crate) fn api_error(text: String, code: u16, reason: &str) -> Error {
    Error::Api { text, code, reason: reason.to_string() }
}

/// `host:port` of an address.
fn authority(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

/// Whether nobody was there to take the request.
fn is_refused(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(e) = next {
        let io = e.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return true;
        }
        next = e.source();
    }
    false
}

/// Why there was no answer, near to Go's words.
fn cause(error: &(dyn StdError + 'static), authority: &str) -> String {
    let mut next = Some(error);
    let mut text = error.to_string();
    while let Some(e) = next {
        if let Some(io) = e.downcast_ref::<std::io::Error>() {
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused => {
                    return format!("dial tcp {authority}: connect: connection refused");
                }
                std::io::ErrorKind::TimedOut => return "i/o timeout".into(),
                std::io::ErrorKind::ConnectionReset => return "read: connection reset by peer".into(),
                std::io::ErrorKind::UnexpectedEof => return "EOF".into(),
                _ => {}
            }
        }
        text = e.to_string();
        next = e.source();
    }
    text
}

/// Percent-escapes what a query value may not have.
fn escape_into(out: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_the_servers_own_message() {
        let body = br#"{"kind":"Status","message":"namespaces \"x\" not found","reason":"NotFound","code":404}"#;
        let error = refusal(StatusCode::NOT_FOUND, body);
        assert_eq!(error.to_string(), "namespaces \"x\" not found");
        assert_eq!(error.api_code(), Some(404));
    }

    #[test]
    fn an_answer_without_a_status_still_says_something() {
        let error = refusal(StatusCode::BAD_GATEWAY, b"<html>oops");
        assert_eq!(
            error.to_string(),
            "an error on the server (\"<html>oops\") has prevented the request from succeeding"
        );
    }

    #[test]
    fn query_values_are_escaped() {
        let mut out = String::new();
        escape_into(&mut out, "owner=helm,name in (a)");
        assert_eq!(out, "owner%3Dhelm,name%20in%20%28a%29");
    }
}
