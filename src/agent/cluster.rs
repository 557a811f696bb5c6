//! Keeps an eye on the API server.
//!
//! Owns the probe behind `/ready` and the identity of the cluster.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    api::{Accept, Api, client, path::Path, table::WithMeta},
    status::Status,
};
use crate::protocol::Error;

/// Time between two probes of the API server.
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two probes while it does not answer.
const PROBE_AGAIN: Duration = Duration::from_secs(2);

/// UID of the namespace `kube-system`, which lives as long as the cluster.
///
/// # Errors
/// The API server's.
pub(super) async fn uid(api: &Api) -> Result<String, Error> {
    let path = Path::fixed("/api/v1/namespaces/kube-system");
    let held = api.get(&path, Accept::Meta).await?;
    let namespace: WithMeta = client::parse(&held.bytes)?;
    Ok(namespace.metadata.uid)
}

/// The same, asked for until the API server answers; `None` when stopped.
pub(super) async fn wait_for_uid(api: &Api, status: &Status, stop: &CancellationToken) -> Option<String> {
    loop {
        match uid(api).await {
            Ok(uid) => return Some(uid),
            Err(error) => {
                tracing::warn!(%error, "waiting for the API server to name the cluster");
                status.api(Err(error.message));
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(PROBE_AGAIN) => {}
        }
    }
}

/// Probes the API server until `stop`.
pub(super) async fn probe(api: Api, status: Arc<Status>, stop: CancellationToken) {
    loop {
        let answer = api.version().await;
        let pause = if answer.is_ok() { PROBE_INTERVAL } else { PROBE_AGAIN };
        let before = status.snapshot();
        match (&answer, before.api_server) {
            (Err(error), true) => tracing::warn!(%error, "the API server does not answer"),
            (Ok((version, _)), false) => tracing::info!(%version, "the API server answers"),
            _ => {}
        }
        status.api(answer.map(|(version, _)| version).map_err(|error| error.message));
        if before.cluster_uid.is_none()
            && let Ok(uid) = uid(&api).await
        {
            status.cluster_uid(uid);
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
