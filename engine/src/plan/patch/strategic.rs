//! Strategic merge patches of three states: what is wanted and not live is
//! set, what the revision before had and is no longer wanted is taken away,
//! and what others added stays. The server merges lists by their keys; the
//! order is said beside them.
//!
//! Objects and lists go by together in all three states. Fields of `old` count
//! only where they are no longer in `new`; fields of `live` only where `new`
//! has them, too.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json, json};

use super::States;
use super::schema::{Field, Shape, Type, by_number};

/// No object that the API server takes is nested deeper.
const MAX_DEPTH: usize = 200;

type Fields = Map<String, Json>;
type Result<T> = std::result::Result<T, String>;

/// The patch of an object of a kind.
pub(super) fn three_way(states: &States<'_>, kind: &'static Type) -> Result<Json> {
    let empty = Fields::new();
    let fields = |state: &'_ Json| state.as_object().cloned();
    let new = fields(states.new).unwrap_or_default();
    let walk = Walk { of: Some(kind), retains_keys: false, depth: 0 };
    let patch = walk.object(states.old.as_object(), &new, states.live.as_object().unwrap_or(&empty))?;
    Ok(Json::Object(patch))
}

/// Where in an object the comparison is.
#[derive(Clone, Copy)]
struct Walk {
    /// The type here; `None` below a map of the user's own keys.
    of: Option<&'static Type>,
    retains_keys: bool,
    depth: usize,
}

impl Walk {
    fn object(self, old: Option<&Fields>, new: &Fields, live: &Fields) -> Result<Fields> {
        if self.depth > MAX_DEPTH {
            return Err(format!("an object is nested more than {MAX_DEPTH} levels deep"));
        }
        let mut patch = Fields::new();
        for (key, value) in new {
            let old = old.and_then(|o| o.get(key));
            match (live.get(key), value) {
                (Some(Json::Object(live)), Json::Object(new)) => {
                    let old = old.and_then(Json::as_object);
                    if let Some(inner) = self.inner(key, old, new, live)? {
                        patch.insert(key.clone(), inner);
                    }
                }
                (Some(Json::Array(live)), Json::Array(new)) => {
                    let old = old.and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
                    self.list(key, old, new, live, &mut patch)?;
                }
                (Some(live), value) if live == value => {}
                _ => {
                    patch.insert(key.clone(), value.clone());
                }
            }
        }
        for key in old.into_iter().flat_map(Fields::keys).filter(|k| !new.contains_key(*k)) {
            patch.insert(key.clone(), Json::Null);
        }
        if self.retains_keys {
            retain(new, live, &mut patch);
        }
        Ok(patch)
    }

    /// The field of this name; what is equal needs none.
    fn field(self, key: &str, same: bool) -> Result<Option<Field>> {
        let field = match self.of {
            Some(of) => of
                .field(key)
                .ok_or_else(|| format!("unable to find api field in struct {} for the json field {key:?}", of.name)),
            None => Err("merging an object in json but data type is not struct, instead is: map".to_string()),
        };
        if same { Ok(field.ok()) } else { field.map(Some) }
    }

    fn inner(self, key: &str, old: Option<&Fields>, new: &Fields, live: &Fields) -> Result<Option<Json>> {
        let same = live == new && old.is_none_or(|old| old == new);
        let Some(field) = self.field(key, same)? else { return Ok(None) };
        if field.replaces {
            return Ok(Some(Json::Object(new.clone())));
        }
        let of = match field.shape {
            Shape::Object(number) => by_number(number),
            _ => None,
        };
        let walk = Walk { of, retains_keys: field.retains_keys, depth: self.depth + 1 };
        let patch = walk.object(old, new, live)?;
        Ok((!patch.is_empty()).then_some(Json::Object(patch)))
    }

    fn list(self, key: &str, old: &[Json], new: &[Json], live: &[Json], patch: &mut Fields) -> Result<()> {
        let Some(field) = self.field(key, live == new && (old.is_empty() || old == new))? else { return Ok(()) };
        if !field.merges {
            if live != new {
                patch.insert(key.to_string(), new.into());
            }
            return Ok(());
        }
        if live.is_empty() {
            if !new.is_empty() {
                patch.insert(key.to_string(), new.into());
            }
            return Ok(());
        }
        check_items(&[live, new])?;
        check_items(&[old, new])?;
        if live.iter().chain(new).any(Json::is_object) {
            self.objects(key, field, Lists { old, new, live }, patch)
        } else {
            plain(key, old, new, live, patch);
            Ok(())
        }
    }

    /// A list of objects that have a key.
    fn objects(self, key: &str, field: Field, lists: Lists<'_>, patch: &mut Fields) -> Result<()> {
        let Lists { old, new, live } = lists;
        let of = match field.shape {
            Shape::Objects(number) => by_number(number),
            _ => None,
        };
        let walk = Walk { of, retains_keys: field.retains_keys, depth: self.depth + 1 };
        let (old, new_sorted, live_sorted) = (keyed(old, field.key)?, keyed(new, field.key)?, keyed(live, field.key)?);
        let (live_of, _) = pair(&new_sorted, &live_sorted);
        let (old_of, gone) = pair(&new_sorted, &old);
        let mut items = Vec::new();
        for ((item, live), old) in new_sorted.iter().zip(live_of).zip(old_of) {
            let change = match live {
                None => item.fields.clone(),
                Some(live) => walk.object(old.map(|o| o.fields), item.fields, live.fields)?,
            };
            if !change.is_empty() {
                let mut change = change;
                change.insert(field.key.to_string(), item.key.clone());
                items.push((item.index, Json::Object(change)));
            }
        }
        items.sort_by_key(|(index, _)| *index);
        let mut items: Vec<Json> = items.into_iter().map(|(_, item)| item).collect();
        items.extend(gone.iter().map(|item| json!({ field.key: item.key, "$patch": "delete" })));
        let key_of = |item: &Json| item.get(field.key).cloned().unwrap_or_default();
        let same_order = live.len() == new.len() && live.iter().zip(new).all(|(l, n)| key_of(l) == key_of(n));
        if !new.is_empty() && (!items.is_empty() || !same_order) {
            let order: Vec<Json> = new.iter().map(|item| json!({ field.key: key_of(item) })).collect();
            patch.insert(format!("$setElementOrder/{key}"), order.into());
        }
        if !items.is_empty() {
            patch.insert(key.to_string(), items.into());
        }
        Ok(())
    }
}

/// A list in its three states.
struct Lists<'a> {
    old: &'a [Json],
    new: &'a [Json],
    live: &'a [Json],
}

/// Which fields stay, if there are others or something changes.
fn retain(new: &Fields, live: &Fields, patch: &mut Fields) {
    let mut keys: Vec<&String> = new.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k).collect();
    let has_more = live.keys().any(|k| !new.contains_key(k));
    if !keys.is_empty() && (has_more || !patch.is_empty()) {
        keys.sort();
        patch.insert("$retainKeys".into(), json!(keys));
    }
}

/// A list of plain values that is merged.
fn plain(key: &str, old: &[Json], new: &[Json], live: &[Json], patch: &mut Fields) {
    let missing = |from: &[Json], of: &[Json]| {
        let mut rest = from.to_vec();
        let mut missing = Vec::new();
        for value in of {
            match rest.iter().position(|r| r == value) {
                Some(at) => drop(rest.swap_remove(at)),
                None => missing.push(value.clone()),
            }
        }
        missing
    };
    let added = missing(live, new);
    let mut gone = missing(new, old);
    gone.dedup();
    if !new.is_empty() && (!gone.is_empty() || live != new) {
        patch.insert(format!("$setElementOrder/{key}"), new.into());
    }
    if !added.is_empty() {
        patch.insert(key.to_string(), added.into());
    }
    if !gone.is_empty() {
        patch.insert(format!("$deleteFromPrimitiveList/{key}"), gone.into());
    }
}

/// All items of merged lists must be of one type, and none a list.
fn check_items(lists: &[&[Json]]) -> Result<()> {
    let mut items = lists.iter().flat_map(|list| list.iter());
    let Some(first) = items.next() else { return Ok(()) };
    if first.is_array() {
        return Err("lists of lists are not supported".into());
    }
    let differs = |item: &Json| std::mem::discriminant(item) != std::mem::discriminant(first);
    if items.any(differs) {
        let texts: Vec<String> = lists.iter().map(|list| go_text(&Json::Array(list.to_vec()))).collect();
        return Err(format!("list element types are not identical: [{}]", texts.join(" ")));
    }
    Ok(())
}

/// An item of a list, with its key.
struct Item<'a> {
    index: usize,
    key: Json,
    text: String,
    fields: &'a Fields,
}

/// The items in the order of their keys.
fn keyed<'a>(list: &'a [Json], key: &str) -> Result<Vec<Item<'a>>> {
    let mut items = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let Some(fields) = item.as_object() else { continue };
        let Some(value) = fields.get(key) else {
            return Err(format!("map: {} does not contain declared merge key: {key}", go_text(item)));
        };
        items.push(Item { index, key: value.clone(), text: go_text(value), fields });
    }
    // The items of one key meet in pairs from their end: so they do in
    // client-go, whose comparison has an equal item before itself.
    items.sort_by(|a, b| a.text.cmp(&b.text).then(b.index.cmp(&a.index)));
    Ok(items)
}

/// For each item of `new` the one of `others` with its key, and those of
/// `others` that are left.
fn pair<'a, 'b>(new: &[Item<'_>], others: &'b [Item<'a>]) -> (Vec<Option<&'b Item<'a>>>, Vec<&'b Item<'a>>) {
    let (mut found, mut left) = (Vec::with_capacity(new.len()), Vec::new());
    let mut others = others.iter().peekable();
    for item in new {
        let mut other = None;
        while let Some(next) = others.peek() {
            match next.text.cmp(&item.text) {
                Ordering::Less => left.extend(others.next()),
                Ordering::Equal => {
                    other = others.next();
                    break;
                }
                Ordering::Greater => break,
            }
        }
        found.push(other);
    }
    left.extend(others);
    (found, left)
}

/// A value as Go prints it with `%v`.
fn go_text(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".into(),
        Json::String(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(go_text).collect::<Vec<_>>().join(" ")),
        Json::Object(fields) => {
            let mut pairs: Vec<String> = fields.iter().map(|(k, v)| format!("{k}:{}", go_text(v))).collect();
            pairs.sort();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
