//! What revisions that were interrupted mean for a plan. Pure.

use serde_json::Value as Json;

use super::{Inputs, Live, ownership};
use crate::cluster::Object;

/// Adds to what an object was before what an interrupted revision may have
/// made of it: every field that either has. So no field of it is taken for
/// one of somebody else.
pub(super) fn join(known: &mut Json, interrupted: &Json) {
    match (known, interrupted) {
        (Json::Object(known), Json::Object(more)) => {
            for (key, value) in more {
                match known.get_mut(key) {
                    Some(known) => join(known, value),
                    None => {
                        known.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (known, more) => known.clone_from(more),
    }
}

/// Whether an object of an interrupted revision is there and the release's.
pub(super) fn is_left(inputs: &Inputs<'_>, object: &Object) -> bool {
    match inputs.live.objects.get(&object.reference.key()) {
        Some(Live::Present(live)) => ownership::check(live, inputs.release, inputs.namespace).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_of_both_is_known() {
        let mut known = json!({ "data": { "a": "1", "b": "2" }, "list": [1] });
        join(&mut known, &json!({ "data": { "b": "3", "c": "4" }, "list": [2] }));
        assert_eq!(known, json!({ "data": { "a": "1", "b": "3", "c": "4" }, "list": [2] }));
    }
}
