//! `req.helm.*`: what Helm has recorded in the cluster.
//!
//! Owns the way from the engine's actions to records. They hold what Helm
//! keeps: values and manifests with whatever is secret in them, so each has a
//! subject of its own.

use std::sync::Arc;

use engine::{
    Cluster, Engine, Release, Run, Status,
    action::{self, HistoryOptions, ListOptions},
    release::codec,
};
use serde_json::value::RawValue;

use crate::{
    agent::{api::Api, ops::engine_error},
    protocol::{
        Code, Error,
        releases::{RELEASES_MAX, ReleaseRecord, ReleaseRequest, ReleaseValues, Releases, ReleasesRequest},
    },
};

/// Longest record that is sent, in bytes.
const RECORD_MAX: usize = 16 * 1024 * 1024;

fn engine(api: &Api, namespace: &str) -> Engine {
    Engine::new(Cluster::from_client(api.client(), namespace.to_owned()), namespace.to_owned())
}

/// The releases of a namespace or all.
pub(in crate::agent) async fn list(api: &Api, request: ReleasesRequest) -> Result<Releases, Error> {
    request.check()?;
    let options = ListOptions {
        filter: request.filter,
        selector: request.selector,
        statuses: request.statuses.iter().map(|word| Status::from_word(word)).collect(),
        by_date: request.by_date,
        reverse: request.reverse,
        max: if request.max == 0 { RELEASES_MAX } else { request.max },
        offset: request.offset,
    };
    let found = action::list(&engine(api, &request.namespace), &Run::default(), &options).await;
    Ok(Releases { releases: found.map_err(engine_error)?.into_iter().map(head).collect::<Result<_, _>>()? })
}

/// The revisions of a release, the oldest first.
pub(in crate::agent) async fn history(api: &Api, request: ReleaseRequest) -> Result<Releases, Error> {
    request.check()?;
    let options = HistoryOptions { max: if request.max == 0 { RELEASES_MAX } else { request.max } };
    let engine = engine(api, &request.namespace);
    let found = action::history(&engine, &Run::default(), &request.release, &options).await;
    Ok(Releases { releases: found.map_err(engine_error)?.into_iter().map(head).collect::<Result<_, _>>()? })
}

/// One revision, whole.
pub(in crate::agent) async fn get(api: &Api, request: ReleaseRequest) -> Result<ReleaseRecord, Error> {
    request.check()?;
    let (engine, run, revision) = (engine(api, &request.namespace), Run::default(), i64::from(request.revision));
    let found = if request.live {
        action::status(&engine, &run, &request.release, revision, request.table).await
    } else {
        action::get(&engine, &run, &request.release, revision).await
    };
    let mut release = found.map_err(engine_error)?;
    // Templates and files are the chart's; few want to see them.
    if !request.chart {
        release.chart = Arc::new(release.chart.without_files());
    }
    record(&release)
}

/// The values of a revision.
pub(in crate::agent) async fn values(api: &Api, request: ReleaseRequest) -> Result<ReleaseValues, Error> {
    request.check()?;
    let (engine, run, revision) = (engine(api, &request.namespace), Run::default(), i64::from(request.revision));
    let found = action::get_values(&engine, &run, &request.release, revision, request.all).await;
    let Some(map) = found.map_err(engine_error)? else { return Ok(ReleaseValues { values: None }) };
    let options = templates_compat::json::Options::default();
    let text = templates_compat::json::write(&templates_compat::Value::Map(map), &options, charts::Compat::Helm4)
        .map_err(|error| Error::internal(error.to_string()))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(ReleaseValues { values: Some(raw(text)?) })
}

/// What lists show of a revision.
fn head(mut release: Release) -> Result<ReleaseRecord, Error> {
    release.config = None;
    release.manifest = String::new();
    release.hooks = Vec::new();
    release.info.notes = String::new();
    release.chart = Arc::new(release.chart.head());
    record(&release)
}

/// A release as it travels.
pub(in crate::agent) fn record(release: &Release) -> Result<ReleaseRecord, Error> {
    let text = codec::to_json(release).map_err(|error| Error::internal(format!("writing a record: {error}")))?;
    if text.len() > RECORD_MAX {
        return Err(Error::new(Code::TooLarge, format!("the release is over {RECORD_MAX} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| Error::internal("a record is no text"))?;
    Ok(ReleaseRecord { record: raw(text)?, labels: release.labels.clone() })
}

fn raw(text: String) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(text).map_err(|error| Error::internal(error.to_string()))
}
