//! The crate's error: by stage, with Helm's texts.

use crate::release::Release;

/// Where an action was when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reaching the API server.
    Connect,
    /// Checking names, options and the last release.
    Prepare,
    /// Rendering the chart.
    Render,
    /// Making objects out of manifests, and comparing them with live ones.
    Plan,
    /// Custom resource definitions.
    Crds,
    /// A hook.
    Hook,
    /// Creating, updating or deleting objects.
    Apply,
    /// Waiting for objects.
    Wait,
    /// Reading and writing release records.
    Storage,
}

/// Why an action failed. Displays as Helm's own text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The release (or the revision) is not there.
    #[error("release: not found")]
    ReleaseNotFound,
    /// No revision of the release is deployed.
    #[error("{name:?} has no deployed releases")]
    NoDeployedReleases {
        /// The release.
        name: String,
    },
    /// Another operation holds the release.
    #[error("another operation (install/upgrade/rollback) is in progress")]
    Pending,
    /// Another operation took this one for dead and goes on with the release.
    #[error("another operation has taken over this release")]
    TakenOver,
    /// A record of this name and revision is already there.
    #[error("release: already exists")]
    ReleaseExists,
    /// The caller cancelled.
    #[error("context canceled")]
    Cancelled,
    /// A time limit was reached while waiting. The text names each object.
    #[error("{text}")]
    Timeout {
        /// Helm's text.
        text: String,
    },
    /// A chart, its values or its templates.
    #[error(transparent)]
    Chart(#[from] charts::Error),
    /// The API server refused, or could not be reached.
    #[error("{text}")]
    Api {
        /// Helm's text.
        text: String,
        /// The HTTP status code, 0 if there was no answer.
        code: u16,
        /// The API's reason (`NotFound`, `Conflict`, `Forbidden`, …), if any.
        reason: String,
    },
    /// Everything else.
    #[error("{text}")]
    Other {
        /// Where.
        stage: Stage,
        /// Helm's text.
        text: String,
    },
    /// The release got as far as a record (or a partial render), and failed.
    #[error("{source}")]
    Failed {
        /// The release as it stands.
        release: Box<Release>,
        /// Why.
        #[source]
        source: Box<Error>,
    },
    /// An error with more text before it, as Go's `%w` wraps.
    #[error("{before}: {source}")]
    Context {
        /// What was being done.
        before: String,
        /// Why it failed.
        #[source]
        source: Box<Error>,
    },
}

impl Error {
    /// An error of a stage with this text.
    pub fn other(stage: Stage, text: impl Into<String>) -> Error {
        Error::Other { stage, text: text.into() }
    }

    /// The same error with `before: ` in front.
    #[must_use]
    pub fn context(self, before: impl Into<String>) -> Error {
        Error::Context { before: before.into(), source: Box::new(self) }
    }

    /// The same error with the release as far as it got.
    #[must_use]
    pub fn with_release(self, release: Release) -> Error {
        match self {
            Error::Failed { .. } => self,
            source => Error::Failed { release: Box::new(release), source: Box::new(source) },
        }
    }

    /// The innermost error.
    pub fn root(&self) -> &Error {
        match self {
            Error::Failed { source, .. } | Error::Context { source, .. } => source.root(),
            other => other,
        }
    }

    /// The release, where one got as far as a record or a partial render.
    pub fn release(&self) -> Option<&Release> {
        match self {
            Error::Failed { release, .. } => Some(release),
            Error::Context { source, .. } => source.release(),
            _ => None,
        }
    }

    /// Whether the release or revision was not found.
    pub fn is_release_not_found(&self) -> bool {
        matches!(self.root(), Error::ReleaseNotFound)
    }

    /// Whether the caller cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.root(), Error::Cancelled)
    }

    /// The HTTP status code of the API server's answer, if that is the cause.
    pub fn api_code(&self) -> Option<u16> {
        match self.root() {
            Error::Api { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// The API server's reason, if that is the cause; else empty.
    pub(crate) fn api_reason(&self) -> &str {
        match self.root() {
            Error::Api { reason, .. } => reason,
            _ => "",
        }
    }
}

/// The result of an action.
pub type Result<T, E = Error> = std::result::Result<T, E>;
