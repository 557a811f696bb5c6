//! Commands on objects: `manifest.*` and `res.*`.
//!
//! Owns their part of a command's `spec` and its checks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    error::Error,
    read::KindRef,
    validate::{self, NAMES_MAX},
};

/// Longest name of a field manager.
const MANAGER_MAX: usize = 128;
/// Most replicas that may be asked for.
const REPLICAS_MAX: u32 = 1_000_000;

/// How a patch is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PatchType {
    /// RFC 7396.
    #[default]
    Merge,
    /// Kubernetes' own, for built-in kinds.
    Strategic,
    /// RFC 6902.
    Json,
}

/// What a command on objects is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectsSpec {
    /// Documents of YAML or JSON, for `manifest.apply` and `manifest.delete`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manifest: String,
    /// The kind, for the others.
    #[serde(flatten)]
    pub kind: KindRef,
    /// Names of objects of that kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// `res.scale`: how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u32>,
    /// `res.patch`: the patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<Value>,
    /// `res.patch`: how it is written.
    pub patch_type: PatchType,
    /// `manifest.apply`: who owns the fields; empty for `ankra-agent`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field_manager: String,
    /// `manifest.apply`: takes fields that others own.
    pub force: bool,
    /// Deleting: an absent object is no error.
    pub ignore_not_found: bool,
}

impl ObjectsSpec {
    /// Checks what `manifest.apply` and `manifest.delete` need.
    pub(super) fn check_manifest(&self) -> Result<(), Error> {
        if self.manifest.trim().is_empty() {
            return Err(Error::invalid("spec.objects.manifest is empty"));
        }
        if self.field_manager.len() > MANAGER_MAX || self.field_manager.chars().any(|c| c.is_control()) {
            return Err(Error::invalid("spec.objects.field_manager is too long or holds control characters"));
        }
        Ok(())
    }

    /// Checks what the commands on named objects need.
    pub(super) fn check_named(&self) -> Result<(), Error> {
        self.kind.check()?;
        if self.names.is_empty() || self.names.len() > NAMES_MAX {
            return Err(Error::invalid(format!("spec.objects.names must hold 1 to {NAMES_MAX} names")));
        }
        self.names.iter().try_for_each(|name| validate::name(name))
    }

    pub(super) fn check_replicas(&self) -> Result<(), Error> {
        match self.replicas {
            Some(replicas) if replicas <= REPLICAS_MAX => Ok(()),
            _ => Err(Error::invalid(format!("spec.objects.replicas must be 0 to {REPLICAS_MAX}"))),
        }
    }

    pub(super) fn check_patch(&self) -> Result<(), Error> {
        match (&self.patch, self.patch_type) {
            (Some(Value::Array(_)), PatchType::Json) => Ok(()),
            (Some(Value::Object(_)), PatchType::Merge | PatchType::Strategic) => Ok(()),
            (None, _) => Err(Error::invalid("spec.objects.patch is missing")),
            _ => Err(Error::invalid("spec.objects.patch is not of the form that patch_type names")),
        }
    }
}
