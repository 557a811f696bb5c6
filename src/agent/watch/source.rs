//! One source of a watch session: a kind in one namespace or all.
//!
//! Owns the way from the API server's feed to events in the queue.

use std::{sync::Arc, time::Duration};

use super::queue::{Event, Mark, Queue};
use crate::{
    agent::api::{
        Api, Resolved,
        feed::{self, Change, Feed, Signal},
        path::Path,
        project::{self, Item, Shape},
    },
    protocol::{
        Error,
        read::Projection,
        watch::{Op, Scope, WatchRequest},
    },
};

/// Objects of one page of the first list.
const CHUNK: u32 = 500;
/// The same when objects come whole.
const CHUNK_FULL: u32 = 64;

/// How a source treats the API server and its objects.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// First pause after the API server failed.
    pub(super) first: Duration,
    /// Longest such pause.
    pub(super) longest: Duration,
    /// How long the API server keeps a watch open.
    pub(super) watch: Duration,
    /// Whether managed fields are kept.
    pub(super) keep_fields: bool,
    /// Whether values of Secrets are shown.
    pub(super) reveal: bool,
}

impl Default for Pace {
    fn default() -> Self {
        let (first, longest) = feed::PAUSE;
        Pace { first, longest, watch: feed::WATCH, keep_fields: false, reveal: false }
    }
}

/// A kind in one namespace or all.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) kind: Arc<Resolved>,
    pub(super) namespace: String,
}

impl Source {
    /// How the client knows it.
    pub(super) fn scope(&self) -> Scope {
        Scope { gvk: self.kind.gvk.to_string(), namespace: self.namespace.clone() }
    }

    /// Feeds `queue` until an error that waiting does not cure.
    pub(super) async fn run(
        self,
        at: usize,
        api: Api,
        request: Arc<WatchRequest>,
        place: Option<String>,
        queue: Arc<Queue>,
        pace: Pace,
    ) -> Result<(), Error> {
        let objects = Path::objects(&self.kind, &self.namespace)
            .query("labelSelector", &request.label_selector)
            .query("fieldSelector", &request.field_selector);
        let projection = request.projection;
        let chunk = if projection == Projection::Full { CHUNK_FULL } else { CHUNK };
        let forms = (project::list_form(projection), project::object_form(projection));
        let mut feed = Feed::new(api, objects, forms, chunk, place).paced((pace.first, pace.longest), pace.watch);
        let shape = Shape { projection, keep_fields: pace.keep_fields, reveal: pace.reveal };
        let mut teller = Teller { kind: self.kind, at, projection, queue, columns: false };
        // Without the first list only its place is of interest.
        let mut silent = !request.initial && feed.rv().is_none();
        loop {
            match feed.next().await? {
                Signal::Begin if silent => {}
                Signal::Begin => teller.queue.mark(at, Mark::SyncBegin),
                Signal::Page(held) => {
                    let page = project::page(&held.bytes, &teller.kind, shape)?;
                    // The page's bytes are not needed while the client is slow.
                    drop(held);
                    teller.columns(page.columns);
                    if !silent {
                        for item in page.items {
                            teller.tell(Op::Add, item, None).await;
                        }
                    }
                }
                Signal::Listed => {
                    teller.queue.stand(at, feed.rv());
                    if !silent {
                        teller.queue.mark(at, Mark::SyncEnd);
                    }
                    silent = false;
                }
                Signal::Change(change, object) => {
                    let (columns, item) = project::single(&object, &teller.kind, shape)?;
                    teller.columns(columns);
                    let op = match change {
                        Change::Added => Op::Add,
                        Change::Modified => Op::Mod,
                        Change::Deleted => Op::Del,
                    };
                    teller.tell(op, item, feed.rv()).await;
                }
                Signal::Bookmark => teller.queue.stand(at, feed.rv()),
                Signal::Reset(reason) => {
                    // The client must know what it lost, wanted or not.
                    silent = false;
                    teller.queue.reset(at, reason);
                }
                Signal::Retry(error) => {
                    tracing::debug!(kind = %teller.kind.gvk, %error, "a watch goes on after a pause");
                }
            }
        }
    }
}

/// Puts what a source saw into the queue.
struct Teller {
    kind: Arc<Resolved>,
    at: usize,
    projection: Projection,
    queue: Arc<Queue>,
    /// Whether the columns were told.
    columns: bool,
}

impl Teller {
    fn columns(&mut self, columns: Vec<crate::protocol::read::Column>) {
        if self.projection == Projection::Table && !self.columns && !columns.is_empty() {
            self.columns = true;
            self.queue.mark(self.at, Mark::Columns(columns));
        }
    }

    async fn tell(&self, op: Op, item: Item, place: Option<&str>) {
        let event =
            Event { op, gvk: self.kind.gvk.to_string(), key: item.key, uid: item.uid, rv: item.rv, obj: item.json };
        self.queue.push(self.at, event, place).await;
    }
}
