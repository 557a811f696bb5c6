//! Reads of releases: `req.helm.list`, `req.helm.history`, `req.helm.get`,
//! `req.helm.values` and `req.helm.diff`.
//!
//! Owns their requests and replies. A release travels as the JSON of its
//! record, as Helm writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    command::{Command, Precondition, ReleaseSpec, Verb},
    error::Error,
    validate,
};

/// Most releases or revisions of one reply.
pub const RELEASES_MAX: usize = 10_000;

/// Body of `req.helm.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleasesRequest {
    /// Namespace; empty means all.
    pub namespace: String,
    /// A regular expression on the name.
    pub filter: String,
    /// On the record's labels.
    pub selector: String,
    /// Only these statuses (`deployed`, …); empty means all.
    pub statuses: Vec<String>,
    /// Oldest first instead of by name.
    pub by_date: bool,
    /// The other way round.
    pub reverse: bool,
    /// At most so many; 0 means [`RELEASES_MAX`].
    pub max: usize,
    /// Without the first so many.
    pub offset: usize,
}

impl ReleasesRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        if !self.namespace.is_empty() {
            validate::namespace(&self.namespace)?;
        }
        validate::selector("filter", &self.filter)?;
        validate::selector("selector", &self.selector)?;
        if self.statuses.len() > 16 {
            return Err(Error::invalid("statuses holds over 16 words"));
        }
        if self.max > RELEASES_MAX {
            return Err(Error::invalid(format!("max is over {RELEASES_MAX}")));
        }
        Ok(())
    }
}

/// Body of the reads of one release.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseRequest {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub release: String,
    /// The revision; 0 for the newest.
    pub revision: u32,
    /// `helm.history`: at most so many; 0 means [`RELEASES_MAX`].
    pub max: usize,
    /// `helm.get`: with its live objects, as `status` shows them.
    pub live: bool,
    /// `helm.get` with `live`: these as rows of tables.
    pub table: bool,
    /// `helm.get`: with the chart's templates and files.
    pub chart: bool,
    /// `helm.values`: the chart's values, too.
    pub all: bool,
}

impl ReleaseRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn check(&self) -> Result<(), Error> {
        validate::namespace(&self.namespace)?;
        validate::release(&self.release)?;
        if self.max > RELEASES_MAX {
            return Err(Error::invalid(format!("max is over {RELEASES_MAX}")));
        }
        Ok(())
    }
}

/// One revision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The record's JSON; in lists without values, manifest and hooks.
    pub record: Box<RawValue>,
    /// Labels of the record.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Reply to `req.helm.list` and `req.helm.history`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Releases {
    /// The releases or revisions.
    pub releases: Vec<ReleaseRecord>,
}

/// Reply to `req.helm.values`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseValues {
    /// The values; `null` when there never were any.
    pub values: Option<Box<RawValue>>,
}

/// What a plan is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Against {
    /// What is live in the cluster.
    #[default]
    Live,
    /// The last revision's manifest.
    Manifest,
}

/// Body of `req.helm.diff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiffRequest {
    /// `helm.install`, `helm.upgrade` or `helm.rollback`.
    pub verb: Verb,
    /// What to compare with; not for `helm.install`.
    #[serde(default)]
    pub against: Against,
    /// What the command would hold.
    pub spec: ReleaseSpec,
}

impl DiffRequest {
    /// The command of which this is the plan, checked.
    ///
    /// # Errors
    /// [`Code::Invalid`](super::Code::Invalid), naming the field.
    pub fn command(self) -> Result<Command, Error> {
        if !matches!(self.verb, Verb::Install | Verb::Upgrade | Verb::Rollback) {
            return Err(Error::invalid("verb must be helm.install, helm.upgrade or helm.rollback"));
        }
        let command = Command {
            op_id: "diff".to_owned(),
            verb: self.verb,
            actor: String::new(),
            created_at: String::new(),
            expires_at: String::new(),
            timeout_s: 0,
            dry_run: true,
            precondition: Precondition::default(),
            spec: self.spec,
            user: None,
        };
        command.check()?;
        Ok(command)
    }
}

/// Reply to `req.helm.diff`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiffReply {
    /// Whether anything would change.
    pub changes: bool,
    /// The plan for a person.
    pub text: String,
    /// The plan for a program; values of Secrets are not in it.
    pub plan: Box<RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_plan_can_be_compared() {
        let parse = |text: &str| serde_json::from_str::<DiffRequest>(text).unwrap().command();
        let spec = r#""spec":{"namespace":"n","release":"r","chart":{"name":"/etc/x.tgz"}}"#;
        assert!(parse(&format!(r#"{{"verb":"helm.rollback",{spec}}}"#)).unwrap().dry_run);
        for verb in ["helm.uninstall", "res.delete", "helm.upgrade"] {
            assert!(parse(&format!(r#"{{"verb":"{verb}",{spec}}}"#)).is_err(), "{verb}");
        }
    }

    #[test]
    fn requests_are_checked() {
        assert!(ReleasesRequest::default().check().is_ok());
        assert!(ReleasesRequest { namespace: "A".into(), ..ReleasesRequest::default() }.check().is_err());
        let one = ReleaseRequest { namespace: "a".into(), release: "r".into(), ..ReleaseRequest::default() };
        assert!(one.check().is_ok());
        assert!(ReleaseRequest { release: "../r".into(), ..one }.check().is_err());
    }
}
