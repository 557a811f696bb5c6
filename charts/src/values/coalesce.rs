//! A chart's defaults, its subcharts' defaults, and the user's values become
//! one map.

use templates_compat::{Compat, Map, Value};

use super::tables::{MergeMode, Merger, Source, concat_prefix, copy};
use crate::chart::Chart;
use crate::error::Error;
use crate::go_text::verb_t;
use crate::warning::Warnings;

const GLOBAL: &[u8] = b"global";

/// The values that templates see: `values` win over the chart's defaults, a
/// null among them deletes a default.
///
/// # Errors
/// `type mismatch on NAME: …` when something else than a table stands under a
/// subchart's name.
pub fn coalesce(chart: &Chart, values: &Map, compat: Compat, warnings: &mut Warnings) -> Result<Map, Error> {
    run(chart, values, MergeMode::Coalesce, compat, warnings)
}

/// As [`coalesce`], but nulls stay, for a later coalescing.
///
/// # Errors
/// As [`coalesce`].
pub fn merge(chart: &Chart, values: &Map, compat: Compat, warnings: &mut Warnings) -> Result<Map, Error> {
    run(chart, values, MergeMode::Merge, compat, warnings)
}

fn run(chart: &Chart, values: &Map, mode: MergeMode, compat: Compat, warnings: &mut Warnings) -> Result<Map, Error> {
    let dest = values.deep_copy();
    Coalescer { merger: Merger { compat, warnings } }.chart(chart, &dest, "", mode)?;
    Ok(dest)
}

struct Coalescer<'w> {
    merger: Merger<'w>,
}

impl Coalescer<'_> {
    fn chart(&mut self, chart: &Chart, dest: &Map, prefix: &str, mode: MergeMode) -> Result<(), Error> {
        let prefix = concat_prefix(prefix, chart.name());
        self.defaults(chart, dest, &prefix, mode);
        for sub in &chart.dependencies {
            let own = match dest.get(sub.name().as_bytes()) {
                None => {
                    let fresh = Map::new();
                    dest.insert(sub.name(), Value::Map(fresh.clone()));
                    fresh
                }
                Some(Value::Map(m)) => m,
                Some(other) => {
                    let shown = verb_t(&other, self.merger.compat);
                    return Err(Error::values(format!("type mismatch on {}: {shown}", sub.name())));
                }
            };
            self.globals(&own, dest, &prefix);
            self.chart(sub, &own, &prefix, mode)?;
        }
        Ok(())
    }

    /// Puts the chart's own defaults under what is in `dest`.
    fn defaults(&mut self, chart: &Chart, dest: &Map, prefix: &str, mode: MergeMode) {
        // Helm 4 cleans the nulls of defaults before they meet anything.
        let clean = self.merger.compat.cleans_nulls_of_defaults();
        for (key, default) in chart.values.snapshot() {
            match dest.get(&key) {
                None => {
                    let skip_nulls = clean && !mode.is_merge();
                    if !(skip_nulls && default.is_nil()) {
                        dest.insert(key, copy(&default, skip_nulls));
                    }
                }
                Some(Value::Nil) if !mode.is_merge() => {
                    dest.remove(&key);
                }
                Some(Value::Map(have)) => match &default {
                    Value::Map(default) => {
                        let is_sub = chart.dependencies.iter().any(|d| d.name().as_bytes() == key.as_bytes());
                        let mode = if is_sub { MergeMode::Merge } else { mode };
                        let source = Source { copy: true, skip_nulls: clean && !mode.is_merge() };
                        let path = concat_prefix(prefix, &key.to_text());
                        self.merger.tables(&have, default, &path, mode, source);
                    }
                    Value::Nil => {}
                    _ => {
                        let text = format!("warning: skipped value for {prefix}.{key}: Not a table.");
                        self.merger.warnings.log(self.merger.compat, "coalesce.go:237", text);
                    }
                },
                Some(_) => {}
            }
        }
    }

    /// Hands the parent's `global` down to a subchart; the parent wins. The
    /// tables inside of it stay shared with the parent's, as in Helm.
    fn globals(&mut self, dest: &Map, parent: &Map, prefix: &str) {
        let compat = self.merger.compat;
        let mut table_of = |values: &Map, whose: &str, place: &str| match values.get(GLOBAL) {
            None => Some(Map::new()),
            Some(Value::Map(m)) => Some(m),
            Some(_) => {
                let text = format_args!("warning: skipping globals because {whose} global is not a table.");
                self.merger.warnings.log(compat, place, text);
                None
            }
        };
        let Some(own) = table_of(dest, "destination", "coalesce.go:138") else { return };
        let Some(parents) = table_of(parent, "source", "coalesce.go:145") else { return };
        for (key, value) in parents.snapshot() {
            match (&value, own.get(&key)) {
                (Value::Map(table), None) => {
                    own.insert(key, Value::Map(shallow_copy(table)));
                }
                (Value::Map(table), Some(Value::Map(own_table))) => {
                    let merged = shallow_copy(table);
                    let path = concat_prefix(prefix, &key.to_text());
                    let source = Source { copy: false, skip_nulls: false };
                    self.merger.tables(&merged, &own_table, &path, MergeMode::Merge, source);
                    own.insert(key, Value::Map(merged));
                }
                (Value::Map(_), Some(_)) => {
                    let name = crate::go_text::quote(&key.to_text(), compat);
                    let text = format_args!("Conflict: cannot merge map onto non-map for {name}. Skipping.");
                    self.merger.warnings.log(compat, "coalesce.go:161", text);
                }
                (_, Some(Value::Map(_))) => {
                    let text = format_args!("key {key} is table. Skipping");
                    self.merger.warnings.log(compat, "coalesce.go:175", text);
                }
                _ => {
                    own.insert(key, value);
                }
            }
        }
        dest.insert("global", Value::Map(own));
    }
}

fn shallow_copy(map: &Map) -> Map {
    map.snapshot().into_iter().collect()
}
