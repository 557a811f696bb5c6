//! The HTTP side: `/health`, `/ready`, `/livez`, `/readyz` and `/metrics`.
//!
//! Owns the routes; what is ready and healthy is `status`' decision.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, http::header, response::IntoResponse, routing};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{metrics::Metrics, status::Status};
use crate::protocol::Error;

#[derive(Clone)]
struct Shared {
    status: Arc<Status>,
    metrics: Arc<Metrics>,
}

/// Serves until `stop`; gives the address that it listens on.
///
/// # Errors
/// When the address is not free.
pub(super) async fn serve(
    addr: SocketAddr,
    status: Arc<Status>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<(SocketAddr, tokio::task::JoinHandle<()>), Error> {
    let cannot = |error: std::io::Error| Error::internal(format!("listening on {addr}: {error}"));
    let listener = TcpListener::bind(addr).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    let router = Router::new()
        .route("/health", routing::get(health))
        .route("/livez", routing::get(health))
        .route("/ready", routing::get(ready))
        .route("/readyz", routing::get(ready))
        .route("/metrics", routing::get(text))
        .with_state(Shared { status, metrics });
    let task = tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await }).await;
        if let Err(error) = served {
            tracing::error!(%error, "the health server ended");
        }
    });
    Ok((bound, task))
}

async fn health(State(shared): State<Shared>) -> impl IntoResponse {
    answer(shared.status.healthy())
}

async fn ready(State(shared): State<Shared>) -> impl IntoResponse {
    answer(shared.status.snapshot().ready())
}

fn answer(state: Result<(), String>) -> (StatusCode, String) {
    match state {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", super::redact::redact(&why))),
    }
}

async fn text(State(shared): State<Shared>) -> impl IntoResponse {
    let up = shared.status.snapshot().ready().is_ok();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], shared.metrics.text(up))
}
