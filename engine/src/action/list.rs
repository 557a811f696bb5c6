//! `list`: the newest revision of each release.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use regex::Regex;

use super::common;
use crate::error::{Error, Result, Stage};
use crate::release::{Release, Status};
use crate::selector::Selector;
use crate::storage::{Key, Query};
use crate::{Engine, Run};

/// What to list. Field names are those of Helm's flags.
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// `-f/--filter`: a regular expression on the name.
    pub filter: String,
    /// `-l/--selector` on the record's labels.
    pub selector: String,
    /// Only these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// `-d/--date`: oldest first instead of by name.
    pub by_date: bool,
    /// `-r/--reverse`
    pub reverse: bool,
    /// `-m/--max`; 0: no limit.
    pub max: usize,
    /// `--offset`
    pub offset: usize,
}

impl Default for ListOptions {
    fn default() -> Self {
        ListOptions {
            filter: String::new(),
            selector: String::new(),
            statuses: Vec::new(),
            by_date: false,
            reverse: false,
            max: 256,
            offset: 0,
        }
    }
}

/// Records read at once.
const CONCURRENCY: usize = 16;

/// Lists releases (without manifests, hooks and values). An engine with an
/// empty namespace lists all namespaces.
///
/// Labels alone say which revision is the newest, so only those are read
/// whole. A record that cannot be read gives way to the one before it.
///
/// # Errors
/// Helm's texts.
pub async fn list(engine: &Engine, run: &Run, options: &ListOptions) -> Result<Vec<Release>> {
    common::reading(engine, run, list_now(engine, options)).await
}

async fn list_now(engine: &Engine, options: &ListOptions) -> Result<Vec<Release>> {
    let invalid = |text: String| Error::other(Stage::Prepare, text);
    let filter = match options.filter.as_str() {
        "" => None,
        pattern => Some(Regex::new(pattern).map_err(|e| invalid(format!("error parsing regexp: {e}")))?),
    };
    let selector = Selector::parse(&options.selector).map_err(invalid)?;
    let keys = engine.store().keys(Query::default()).await?;
    let keys = keys.into_iter().filter(|k| filter.as_ref().is_none_or(|f| f.is_match(&k.name)));
    let only_superseded = options.statuses == [Status::Superseded];
    let groups = candidates(keys, only_superseded);
    let reads: Vec<BoxFuture<'_, _>> = groups.into_iter().map(|keys| newest_readable(engine, keys).boxed()).collect();
    let found: Vec<Option<Release>> = futures::stream::iter(reads).buffer_unordered(CONCURRENCY).collect().await;
    let wanted = |r: &Release| {
        (options.statuses.is_empty() || options.statuses.contains(&r.info.status)) && selector.matches(&r.labels)
    };
    let mut releases: Vec<Release> = found.into_iter().flatten().filter(wanted).collect();
    sort(&mut releases, options);
    let max = if options.max == 0 { usize::MAX } else { options.max };
    Ok(releases.into_iter().skip(options.offset).take(max).collect())
}

/// For each release its revisions, newest first; or each revision by itself.
fn candidates(keys: impl Iterator<Item = Key>, each: bool) -> Vec<Vec<Key>> {
    let mut groups: BTreeMap<(String, String, i64), Vec<Key>> = BTreeMap::new();
    for key in keys {
        let apart = if each { key.version } else { 0 };
        groups.entry((key.name.clone(), key.namespace.clone(), apart)).or_default().push(key);
    }
    let mut groups: Vec<Vec<Key>> = groups.into_values().collect();
    groups.iter_mut().for_each(|g| g.sort_by_key(|k| std::cmp::Reverse(k.version)));
    groups
}

async fn newest_readable(engine: &Engine, keys: Vec<Key>) -> Option<Release> {
    for key in keys {
        if let Ok(release) = engine.store().get_head(&key).await {
            return Some(release);
        }
    }
    None
}

fn sort(releases: &mut [Release], options: &ListOptions) {
    let by_name = |a: &Release, b: &Release| a.name.cmp(&b.name).then(a.namespace.cmp(&b.namespace));
    match (options.by_date, options.reverse) {
        (false, false) => releases.sort_by(by_name),
        (false, true) => releases.sort_by(|a, b| by_name(b, a)),
        (true, false) => releases.sort_by_key(|r| r.info.last_deployed),
        (true, true) => releases.sort_by_key(|r| std::cmp::Reverse(r.info.last_deployed)),
    }
}
