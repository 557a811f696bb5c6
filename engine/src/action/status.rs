//! `status`: a release and its live objects.

use crate::error::Result;
use crate::release::Release;
use crate::{Engine, Run};

/// Reads a release and, into [`crate::Info::resources`], its live objects.
/// With `table` they are the API's tables (with whole objects in their rows),
/// else objects.
///
/// # Errors
/// `release: not found`, and the API server's.
pub async fn status(engine: &Engine, run: &Run, name: &str, revision: i64, table: bool) -> Result<Release> {
    let _ = (engine, run, name, revision, table);
    Err(crate::Error::other(crate::Stage::Storage, "status has not landed"))
}
