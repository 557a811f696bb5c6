//! One kind in one place, for ever: its objects, then its changes.
//!
//! Owns listing in pages, watching from where the list ended, coming back
//! after an interruption and starting anew when the API server has forgotten
//! the place (410). It keeps one resource version and no object.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{
    Accept, Api,
    client::{Held, Pieces, from_status, parse},
    path::Path,
    table::{Meta, WithMeta},
};
use crate::protocol::{Code, Error};

/// How long the API server keeps a watch open.
pub const WATCH: Duration = Duration::from_secs(290);
/// Time beyond it after which a watch that the API server did not end is given
/// up.
const WATCH_LATE: Duration = Duration::from_secs(40);
/// First and longest pause after an error.
pub const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Longest line of a watch, in bytes: one object with its status.
const LINE_MAX: usize = 8 * 1024 * 1024;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or matches the selector now.
    Added,
    /// It changed.
    Modified,
    /// It is gone, or no longer matches the selector.
    Deleted,
}

/// What a feed has to say next.
pub enum Signal {
    /// Pages with all objects follow.
    Begin,
    /// A page of the list, as the API server sent it.
    Page(Held),
    /// That was the last page; changes follow.
    Listed,
    /// A change, with the object in the form that was asked for.
    Change(Change, Box<RawValue>),
    /// Nothing changed up to here.
    Bookmark,
    /// The place is lost: what was told may be out of date. `Begin` follows.
    Reset(String),
    /// The API server failed; the feed goes on by itself after a pause.
    Retry(Error),
}

enum State {
    Start,
    Listing { next: String },
    Idle,
    Watching { pieces: Pieces, buffer: BytesMut, until: Instant },
}

/// A feed of one kind in one namespace or all.
pub struct Feed {
    api: Api,
    objects: Path,
    list_form: Accept,
    watch_form: Accept,
    chunk: u32,
    rv: Option<String>,
    state: State,
    failures: u32,
    pause: (Duration, Duration),
    watch: Duration,
}

impl Feed {
    /// A feed of `objects`, a path with its selectors, in pages of `chunk`. It
    /// begins with a list, or with changes since `rv` when one is given.
    pub fn new(api: Api, objects: Path, forms: (Accept, Accept), chunk: u32, rv: Option<String>) -> Self {
        let state = if rv.is_some() { State::Idle } else { State::Start };
        let (list_form, watch_form) = forms;
        Feed { api, objects, list_form, watch_form, chunk, rv, state, failures: 0, pause: PAUSE, watch: WATCH }
    }

    /// The same with other pauses after an error and another life of a watch.
    #[must_use]
    pub fn paced(mut self, pause: (Duration, Duration), watch: Duration) -> Self {
        self.pause = pause;
        self.watch = watch;
        self
    }

    /// Where a later feed could go on: the resource version of the last thing
    /// that was told; `None` before the end of the list.
    pub fn rv(&self) -> Option<&str> {
        self.rv.as_deref()
    }

    /// What happens next.
    ///
    /// # Errors
    /// What cannot be cured by waiting: no right, no such kind, a wrong
    /// selector.
    pub async fn next(&mut self) -> Result<Signal, Error> {
        loop {
            let step = match &mut self.state {
                State::Start => {
                    self.rv = None;
                    self.state = State::Listing { next: String::new() };
                    return Ok(Signal::Begin);
                }
                State::Listing { next } => {
                    let next = next.clone();
                    self.list(&next).await.map(Some)
                }
                State::Idle => self.watch().await.map(|()| None),
                State::Watching { .. } => self.change().await,
            };
            match step {
                Ok(Some(signal)) => {
                    self.failures = 0;
                    return Ok(signal);
                }
                Ok(None) => {}
                Err(error) => return self.failed(error).await,
            }
        }
    }

    async fn list(&mut self, next: &str) -> Result<Signal, Error> {
        // The end of the list was told as a page; now say so.
        if next == END_OF_LIST {
            self.state = State::Idle;
            return Ok(Signal::Listed);
        }
        #[derive(Deserialize)]
        struct List {
            #[serde(default)]
            metadata: ListMeta,
        }
        #[derive(Deserialize, Default)]
        #[serde(default, rename_all = "camelCase")]
        struct ListMeta {
            resource_version: String,
            #[serde(rename = "continue")]
            next: String,
        }
        let path = self.objects.clone().query("limit", &self.chunk.to_string()).query("continue", next);
        let held = match self.api.get(&path, self.list_form).await {
            Err(error) if error.code == Code::TooLarge && self.chunk > 1 => {
                self.chunk = (self.chunk / 4).max(1);
                return Ok(Signal::Retry(error));
            }
            held => held?,
        };
        let list: List = parse(&held.bytes)?;
        if list.metadata.next.is_empty() {
            self.rv = Some(list.metadata.resource_version);
            self.state = State::Listing { next: END_OF_LIST.to_owned() };
        } else {
            self.state = State::Listing { next: list.metadata.next };
        }
        Ok(Signal::Page(held))
    }

    async fn watch(&mut self) -> Result<(), Error> {
        let path = self
            .objects
            .clone()
            .query("watch", "1")
            .query("allowWatchBookmarks", "true")
            .query("timeoutSeconds", &self.watch.as_secs().to_string())
            .query("resourceVersion", self.rv.as_deref().unwrap_or_default());
        let pieces = self.api.stream(&path, self.watch_form).await?;
        self.state =
            State::Watching { pieces, buffer: BytesMut::new(), until: Instant::now() + self.watch + WATCH_LATE };
        Ok(())
    }

    /// The next line of the watch; `None` when the watch ended, which is
    /// nothing special.
    async fn change(&mut self) -> Result<Option<Signal>, Error> {
        let State::Watching { pieces, buffer, until } = &mut self.state else { return Ok(None) };
        let line = match tokio::time::timeout_at(*until, next_line(pieces, buffer)).await {
            Ok(line) => line?,
            Err(_) => None,
        };
        let Some(line) = line else {
            self.state = State::Idle;
            return Ok(None);
        };
        self.signal(&line)
    }

    fn signal(&mut self, line: &[u8]) -> Result<Option<Signal>, Error> {
        #[derive(Deserialize)]
        struct Event<'a> {
            #[serde(rename = "type")]
            kind: &'a str,
            #[serde(borrow)]
            object: &'a RawValue,
        }
        let event: Event<'_> = parse(line)?;
        let change = match event.kind {
            "ADDED" => Change::Added,
            "MODIFIED" => Change::Modified,
            "DELETED" => Change::Deleted,
            "BOOKMARK" => {
                self.moved_to(event.object);
                return Ok(Some(Signal::Bookmark));
            }
            "ERROR" => return Err(status_error(event.object)),
            _ => return Ok(None),
        };
        self.moved_to(event.object);
        Ok(Some(Signal::Change(change, event.object.to_owned())))
    }

    fn moved_to(&mut self, object: &RawValue) {
        if let Some(rv) = rv_of(object, self.watch_form) {
            self.rv = Some(rv);
        }
    }

    /// What an error means: the place is lost, or wait, or give up.
    async fn failed(&mut self, error: Error) -> Result<Signal, Error> {
        if error.code == Code::Expired {
            self.state = State::Start;
            return Ok(Signal::Reset(error.message));
        }
        let passing = matches!(error.code, Code::Upstream | Code::Timeout | Code::RateLimited | Code::TooLarge);
        if !passing {
            return Err(error);
        }
        if matches!(self.state, State::Watching { .. }) {
            self.state = State::Idle;
        }
        let pause = self.pause.0.saturating_mul(1 << self.failures.min(5)).min(self.pause.1);
        self.failures = self.failures.saturating_add(1);
        let chance = f64::from(rand::random::<u16>()) / f64::from(u16::MAX);
        tokio::time::sleep(pause / 2 + (pause / 2).mul_f64(chance)).await;
        Ok(Signal::Retry(error))
    }
}

/// Stands for the end of a list where a server's token would stand.
const END_OF_LIST: &str = "\u{0}end";

fn status_error(status: &RawValue) -> Error {
    #[derive(Deserialize)]
    struct Code {
        #[serde(default)]
        code: u16,
    }
    let code = serde_json::from_str::<Code>(status.get()).map_or(500, |status| status.code);
    let status_code = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    from_status(status_code, status.get().as_bytes())
}

/// The resource version of an object or of the only row of a table.
fn rv_of(object: &RawValue, form: Accept) -> Option<String> {
    #[derive(Deserialize)]
    struct Rows {
        #[serde(default)]
        metadata: Meta,
        #[serde(default)]
        rows: Option<Vec<Row>>,
    }
    #[derive(Deserialize)]
    struct Row {
        object: Option<WithMeta>,
    }
    let rv = if form == Accept::Table {
        let table: Rows = serde_json::from_str(object.get()).ok()?;
        let row = table.rows.unwrap_or_default().pop().and_then(|row| row.object);
        row.map_or(table.metadata.resource_version, |object| object.metadata.resource_version)
    } else {
        serde_json::from_str::<WithMeta>(object.get()).ok()?.metadata.resource_version
    };
    Some(rv).filter(|rv| !rv.is_empty())
}

/// The next line of at most [`LINE_MAX`] bytes, without its end; `None` at the
/// end of the stream.
async fn next_line(pieces: &mut Pieces, buffer: &mut BytesMut) -> Result<Option<Bytes>, Error> {
    let mut searched = 0;
    loop {
        if let Some(at) = buffer[searched..].iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(searched + at).freeze();
            buffer.advance(1);
            if line.is_empty() {
                searched = 0;
                continue;
            }
            return Ok(Some(line));
        }
        searched = buffer.len();
        if searched > LINE_MAX {
            return Err(Error::new(Code::Upstream, format!("a watch event is over {LINE_MAX} bytes")));
        }
        match pieces.next().await? {
            Some(piece) => buffer.extend_from_slice(&piece),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_place_is_found_in_each_form() {
        let object = raw(r#"{"metadata":{"resourceVersion":"7"},"rows":3}"#);
        assert_eq!(rv_of(&object, Accept::Json).as_deref(), Some("7"));
        let row = raw(
            r#"{"kind":"Table","metadata":{},"rows":[{"cells":[],"object":{"metadata":{"resourceVersion":"8"}}}]}"#,
        );
        assert_eq!(rv_of(&row, Accept::Table).as_deref(), Some("8"));
        let bookmark = raw(r#"{"kind":"Table","metadata":{"resourceVersion":"9"},"rows":[]}"#);
        assert_eq!(rv_of(&bookmark, Accept::Table).as_deref(), Some("9"));
        assert_eq!(rv_of(&raw("{}"), Accept::Json), None);
    }

    #[test]
    fn a_lost_place_is_told_from_other_errors() {
        let gone = status_error(&raw(r#"{"kind":"Status","code":410,"message":"too old resource version"}"#));
        assert_eq!(gone.code, Code::Expired);
        assert_eq!(status_error(&raw(r#"{"code":99999}"#)).code, Code::Upstream);
    }
}
