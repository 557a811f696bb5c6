//! Go maps with string keys: shared, mutable, always walked in key order.
//!
//! Lock rule: no lock is held while foreign code runs, except in
//! [`Map::for_each`], whose closure must not write to the same map.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Str, Value, teardown};
use crate::compat::Compat;

/// The Go type of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MapType {
    /// `map[string]interface {}`
    Any,
    /// `map[string]string`
    String,
    /// `chartutil.Values` / `common.Values`: what `.Values` is
    Values,
}

impl MapType {
    /// The type as `%T` prints it.
    pub fn name(self, compat: Compat) -> &'static str {
        match self {
            MapType::Any => "map[string]interface {}",
            MapType::String => "map[string]string",
            MapType::Values => compat.values_type_name(),
        }
    }
}

/// A Go map: clones are the same map. The Go type belongs to the holder, not
/// to the entries: a conversion in Go keeps the map.
#[derive(Clone)]
pub struct Map {
    entries: Arc<RwLock<Entries>>,
    map_type: MapType,
    nil: bool,
}

/// Small maps are a sorted vector (the usual case: a handful of keys in one
/// allocation); past this many keys a tree keeps insertion from being
/// quadratic.
const SMALL: usize = 24;

enum Entries {
    Small(Vec<(Str, Value)>),
    Large(BTreeMap<Str, Value>),
}

/// The value under a key. Among few keys most differ in length already, which
/// is seen sooner than an order.
#[inline]
fn find<'e>(entries: &'e [(Str, Value)], key: &[u8]) -> Option<&'e Value> {
    entries.iter().find(|entry| entry.0.as_bytes() == key).map(|entry| &entry.1)
}

impl Drop for Entries {
    fn drop(&mut self) {
        match self {
            Entries::Small(v) if v.iter().any(|e| teardown::is_container(&e.1)) => {
                teardown::drop_all(std::mem::take(v).into_iter().map(|e| e.1));
            }
            Entries::Small(_) => {}
            Entries::Large(m) => teardown::drop_all(std::mem::take(m).into_values()),
        }
    }
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Self {
        Map::of_type(MapType::Any)
    }

    /// An empty map of this Go type.
    pub fn of_type(map_type: MapType) -> Self {
        Map { entries: Arc::new(RwLock::new(Entries::Small(Vec::new()))), map_type, nil: false }
    }

    /// The nil map of this Go type: reads as empty, JSON writes it as `null`,
    /// and whoever would write to it must panic as Go does
    /// (`assignment to entry in nil map`).
    pub fn nil(map_type: MapType) -> Self {
        Map { nil: true, ..Map::of_type(map_type) }
    }

    /// Whether this is a nil map (not merely an empty one).
    pub fn is_nil(&self) -> bool {
        self.nil
    }

    /// The Go type.
    pub fn map_type(&self) -> MapType {
        self.map_type
    }

    /// The same map, held as another Go type.
    pub fn with_type(&self, map_type: MapType) -> Map {
        Map { entries: Arc::clone(&self.entries), map_type, nil: self.nil }
    }

    /// The value under a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        match &*self.entries.read() {
            Entries::Small(v) => find(v, key).cloned(),
            Entries::Large(m) => m.get(key).cloned(),
        }
    }

    /// The value at the end of a path of keys, and the Go type of the map
    /// that holds it. Nothing if a step is missing or is no map, or if the
    /// step could mean a method of the map's type.
    pub(crate) fn get_path(&self, path: &[Str]) -> Option<(Value, MapType)> {
        let (key, rest) = path.split_first()?;
        if self.map_type == MapType::Values && is_values_method(key) {
            return None;
        }
        let entries = self.entries.read_recursive();
        let value = match &*entries {
            Entries::Small(v) => find(v, key)?,
            Entries::Large(m) => m.get(key.as_bytes())?,
        };
        match value {
            value if rest.is_empty() => Some((value.clone(), self.map_type)),
            Value::Map(inner) => inner.get_path(rest),
            _ => None,
        }
    }

    /// Whether a key is there.
    pub fn contains_key(&self, key: &[u8]) -> bool {
        match &*self.entries.read() {
            Entries::Small(v) => find(v, key).is_some(),
            Entries::Large(m) => m.contains_key(key),
        }
    }

    /// Sets a key for every holder of this map; gives back what was there.
    pub fn insert(&self, key: impl Into<Str>, value: Value) -> Option<Value> {
        let key = key.into();
        let mut entries = self.entries.write();
        if let Entries::Small(v) = &mut *entries {
            // Keys mostly arrive in order (decoders sort); then this is a push.
            let at = match v.last() {
                Some(last) if last.0 < key => Err(v.len()),
                None => Err(0),
                _ => v.binary_search_by(|e| e.0.cmp(&key)),
            };
            match at {
                Ok(i) => return Some(std::mem::replace(&mut v[i].1, value)),
                Err(i) if v.len() < SMALL => {
                    v.insert(i, (key, value));
                    return None;
                }
                Err(_) => *entries = Entries::Large(std::mem::take(v).into_iter().collect()),
            }
        }
        match &mut *entries {
            Entries::Large(m) => m.insert(key, value),
            Entries::Small(_) => None,
        }
    }

    /// Removes a key for every holder of this map.
    pub fn remove(&self, key: &[u8]) -> Option<Value> {
        match &mut *self.entries.write() {
            Entries::Small(v) => v.binary_search_by(|e| e.0.as_bytes().cmp(key)).ok().map(|i| v.remove(i).1),
            Entries::Large(m) => m.remove(key),
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        match &*self.entries.read() {
            Entries::Small(v) => v.len(),
            Entries::Large(m) => m.len(),
        }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys in byte order.
    pub fn keys(&self) -> Vec<Str> {
        match &*self.entries.read() {
            Entries::Small(v) => v.iter().map(|e| e.0.clone()).collect(),
            Entries::Large(m) => m.keys().cloned().collect(),
        }
    }

    /// The entries as they are now, in byte order of the keys. For loops
    /// whose body may change the map.
    pub fn snapshot(&self) -> Vec<(Str, Value)> {
        match &*self.entries.read() {
            Entries::Small(v) => v.clone(),
            Entries::Large(m) => m.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }

    /// Calls `f` for each entry in byte order of the keys, without copying.
    /// `f` must not write to this map (it would wait for ever).
    pub fn for_each(&self, mut f: impl FnMut(&Str, &Value)) {
        match &*self.entries.read_recursive() {
            Entries::Small(v) => v.iter().for_each(|(k, v)| f(k, v)),
            Entries::Large(m) => m.iter().for_each(|(k, v)| f(k, v)),
        }
    }

    /// Whether both are the same map (not merely equal ones).
    pub fn is_same(&self, other: &Map) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }

    /// An address that tells this map from every other living one.
    pub fn address(&self) -> usize {
        Arc::as_ptr(&self.entries).addr()
    }

    /// A copy that shares no map with this one; the Go types stay.
    pub fn deep_copy(&self) -> Map {
        let copy: Map = self.snapshot().into_iter().map(|(k, v)| (k, v.deep_copy())).collect();
        copy.with_type(self.map_type)
    }
}

/// Whether Go's `Values` type has a method of this name; it hides a key.
fn is_values_method(name: &[u8]) -> bool {
    matches!(name, b"AsMap" | b"Encode" | b"PathValue" | b"Table" | b"YAML")
}

impl Default for Map {
    fn default() -> Self {
        Map::new()
    }
}

impl FromIterator<(Str, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Str, Value)>>(iter: I) -> Self {
        let map = Map::new();
        for (k, v) in iter {
            map.insert(k, v);
        }
        map
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.snapshot()).finish()
    }
}
