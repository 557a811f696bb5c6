//! Merging and looking up tables (maps of values): the pieces that
//! coalescing, dependencies and values files are made of.

use templates_compat::{Compat, Map, Value};

use crate::go_text::verb_v;
use crate::warning::Warnings;

/// Maps nested deeper than this are taken as they are, not merged.
const MAX_DEPTH: usize = 2000;

/// What happens to nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMode {
    /// A null of the destination deletes the source's value, and goes with it.
    Coalesce,
    /// Nulls stay; a later coalescing needs them.
    Merge,
}

impl MergeMode {
    pub(super) fn is_merge(self) -> bool {
        self == MergeMode::Merge
    }
}

/// What the source of a merge is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// It belongs to somebody else: what is taken from it is copied.
    pub(crate) copy: bool,
    /// Its own nulls do not count.
    pub(crate) skip_nulls: bool,
}

/// What every merge step needs.
pub(crate) struct Merger<'w> {
    pub(crate) compat: Compat,
    pub(crate) warnings: &'w mut Warnings,
}

impl Merger<'_> {
    /// Puts into `dst` what `src` has and it has not; tables are merged.
    pub(crate) fn tables(&mut self, dst: &Map, src: &Map, prefix: &str, mode: MergeMode, source: Source) {
        self.tables_at(dst, src, prefix, mode, source, 0);
    }

    fn tables_at(&mut self, dst: &Map, src: &Map, prefix: &str, mode: MergeMode, source: Source, depth: usize) {
        if depth > MAX_DEPTH || dst.is_same(src) {
            return;
        }
        let nulls = self.null_keys(dst, src, mode);
        for (key, value) in src.snapshot() {
            if (source.skip_nulls && value.is_nil()) || nulls.contains(&key) {
                continue;
            }
            match (dst.get(&key), &value) {
                (None, _) => {
                    dst.insert(key, if source.copy { copy(&value, source.skip_nulls) } else { value });
                }
                (Some(Value::Map(d)), Value::Map(s)) => {
                    let path = concat_prefix(prefix, &key.to_text());
                    self.tables_at(&d, s, &path, mode, source, depth + 1);
                }
                (Some(_), Value::Map(_)) => {
                    let path = concat_prefix(prefix, &key.to_text());
                    let shown = verb_v(&value, self.compat);
                    let text = format_args!("warning: cannot overwrite table with non table for {path} ({shown})");
                    self.warnings.log(self.compat, "coalesce.go:298", text);
                }
                (Some(Value::Map(_)), value) if !value.is_nil() => {
                    let path = concat_prefix(prefix, &key.to_text());
                    let shown = verb_v(value, self.compat);
                    let text =
                        format_args!("warning: destination for {path} is a table. Ignoring non-table value ({shown})");
                    self.warnings.log(self.compat, "coalesce.go:301", text);
                }
                _ => {}
            }
        }
    }

    /// The keys under which the destination has a null. When coalescing, a
    /// null goes together with what it deletes (in Helm 3 also with a null of
    /// the source); others stay.
    fn null_keys(&self, dst: &Map, src: &Map, mode: MergeMode) -> Vec<templates_compat::Str> {
        let mut nulls = Vec::new();
        dst.for_each(|k, v| {
            if v.is_nil() {
                nulls.push(k.clone());
            }
        });
        if mode == MergeMode::Coalesce {
            for key in &nulls {
                let deleted = match src.get(key) {
                    None => false,
                    Some(Value::Nil) => self.compat.nulls_delete_nulls(),
                    Some(_) => true,
                };
                if deleted {
                    dst.remove(key);
                }
            }
        } else if self.compat.nulls_delete_nulls() {
            // There they only take part in the comparison of tables.
            nulls.clear();
        }
        nulls
    }
}

/// A copy that shares no map; without nulls in tables if so wanted.
pub(crate) fn copy(value: &Value, skip_nulls: bool) -> Value {
    match value {
        Value::Map(m) if skip_nulls => {
            let mut entries = Vec::with_capacity(m.len());
            m.for_each(|k, v| {
                if !v.is_nil() {
                    entries.push((k.clone(), copy(v, true)));
                }
            });
            Value::Map(entries.into_iter().collect())
        }
        other => other.deep_copy(),
    }
}

/// A copy of values that shares no map with them.
pub fn copy_values(values: &Map) -> Map {
    values.deep_copy()
}

/// Both maps in one; `b` wins, tables are merged. Neither is changed.
pub fn merge_maps(a: &Map, b: &Map) -> Map {
    merge_maps_at(a, b, 0)
}

fn merge_maps_at(a: &Map, b: &Map, depth: usize) -> Map {
    let out: Map = a.snapshot().into_iter().collect();
    for (key, value) in b.snapshot() {
        let merged = match (&value, out.get(&key)) {
            (Value::Map(new), Some(Value::Map(old))) if depth < MAX_DEPTH => {
                Value::Map(merge_maps_at(&old, new, depth + 1))
            }
            _ => value,
        };
        out.insert(key, merged);
    }
    out
}

/// The table at a dotted path; in case of failure the part that is none.
///
/// # Errors
/// The name of the missing table.
pub fn table(values: &Map, path: &str) -> Result<Map, String> {
    let mut at = values.clone();
    for part in path.split('.') {
        at = match at.get(part.as_bytes()) {
            Some(Value::Map(m)) => m,
            _ => return Err(part.to_string()),
        };
    }
    Ok(at)
}

/// The value at a dotted path, if there is one that is not a table.
pub fn path_value(values: &Map, path: &str) -> Option<Value> {
    let found = match path.rsplit_once('.') {
        Some((parent, key)) => table(values, parent).ok()?.get(key.as_bytes()),
        None => values.get(path.as_bytes()),
    };
    found.filter(|v| v.as_map().is_none())
}

/// Two parts of a dotted path.
pub(crate) fn concat_prefix(a: &str, b: &str) -> String {
    if a.is_empty() { b.to_string() } else { format!("{a}.{b}") }
}
