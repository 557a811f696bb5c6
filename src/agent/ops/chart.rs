//! Fetching the chart of a command.
//!
//! Owns the way from a command's words to `engine::pull` and the check of the
//! digest that the command names. A chart comes from a registry, a repository
//! or a URL, never from the agent's own file system.

use engine::pull::{self, PullError, PullOptions, Remote};

use crate::protocol::{Code, Error, command::ChartSpec};

/// The packed chart.
pub(super) async fn pull(spec: &ChartSpec) -> Result<Vec<u8>, Error> {
    let remote = if !spec.repo.is_empty() {
        Remote::InRepository { url: spec.repo.clone(), name: spec.name.clone() }
    } else if spec.name.starts_with("oci://") {
        Remote::Oci(spec.name.clone())
    } else {
        Remote::Url(spec.name.clone())
    };
    let options = PullOptions { version: spec.version.clone(), plain_http: spec.plain_http, ..PullOptions::default() };
    let pulled = pull::pull(&remote, &options).await.map_err(|error| failed(&error))?;
    if !spec.digest.is_empty() && !spec.digest.eq_ignore_ascii_case(&pulled.digest) {
        let (wanted, got) = (&spec.digest, &pulled.digest);
        return Err(Error::new(Code::Conflict, format!("the chart has the digest {got}, not {wanted}")));
    }
    Ok(pulled.bytes)
}

fn failed(error: &PullError) -> Error {
    let code = match error {
        PullError::Request { .. } | PullError::Status { .. } => Code::Upstream,
        PullError::TooLarge { .. } => Code::TooLarge,
        _ => Code::Invalid,
    };
    Error::new(code, format!("pulling the chart: {error}"))
}
