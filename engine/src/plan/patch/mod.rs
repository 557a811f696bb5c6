//! What is sent to change an object client-side: a strategic merge patch for
//! the built-in kinds, a JSON merge patch for all others. Owns how a patch is
//! made of the old manifest, the new one and what is live; pure.

mod json;
mod schema;
mod strategic;

use serde_json::Value as Json;

pub(crate) use json::apply as apply_json_patch;

/// A patch that is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Patch {
    /// `application/strategic-merge-patch+json`
    Strategic(Json),
    /// `application/merge-patch+json`
    Merge(Json),
}

/// The three states of an object.
pub(crate) struct States<'a> {
    /// As the revision before had it.
    pub(crate) old: &'a Json,
    /// As it is wanted.
    pub(crate) new: &'a Json,
    /// As it is.
    pub(crate) live: &'a Json,
}

/// The patch that leads from what is live to what is wanted, and takes away
/// what the revision before had; `None` if there is nothing to send. Custom
/// resources are compared without what is live, as Helm does it, unless
/// `live_counts`.
///
/// # Errors
/// Helm's text on an object that does not fit its kind.
pub(crate) fn patch(states: &States<'_>, live_counts: bool) -> Result<Option<Patch>, String> {
    let text = |key: &str| states.new.get(key).and_then(Json::as_str).unwrap_or_default();
    if let Some(kind) = schema::kind(text("apiVersion"), text("kind")) {
        let patch = strategic::three_way(states, kind)?;
        return Ok(not_empty(patch).map(Patch::Strategic));
    }
    let patch = if live_counts { json::three_way(states) } else { json::two_way(states.old, states.new) };
    Ok(not_empty(patch).map(Patch::Merge))
}

fn not_empty(patch: Json) -> Option<Json> {
    patch.as_object().is_some_and(|fields| !fields.is_empty()).then_some(patch)
}
