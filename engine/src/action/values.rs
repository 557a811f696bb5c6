//! Which values an upgrade has: the new ones, the old ones, or both.

use charts::{Chart, Warnings};
use templates_compat::{Compat, Map, json};

use super::UpgradeOptions;
use crate::Run;
use crate::error::{Error, Result, Stage};
use crate::release::Release;

/// The chart and the values of an upgrade, as `--reset-values`,
/// `--reuse-values` and `--reset-then-reuse-values` say.
pub(super) fn reuse(
    run: &Run,
    mut chart: Chart,
    new: Map,
    before: &Release,
    options: &UpgradeOptions,
    compat: Compat,
) -> Result<(Chart, Map)> {
    let old = before.config.clone().unwrap_or_default();
    if options.reset_values {
        return Ok((chart, new));
    }
    if options.reuse_values {
        chart.values = old_defaults(run, before, &old, compat)?;
        return Ok((chart, over(run, &new, &old, compat)?));
    }
    if options.reset_then_reuse_values {
        return Ok((chart, over(run, &new, &old, compat)?));
    }
    if new.is_empty() && !old.is_empty() {
        return Ok((chart, old));
    }
    Ok((chart, new))
}

/// What the templates of the old revision saw: its chart's defaults and its
/// values.
pub(super) fn old_defaults(run: &Run, before: &Release, config: &Map, compat: Compat) -> Result<Map> {
    coalesce(run, &recorded_chart(before, compat)?, config, compat)
        .map_err(|e| e.context("failed to rebuild old values"))
}

/// The values that templates of a revision saw.
pub(super) fn computed(run: &Run, release: &Release, compat: Compat) -> Result<Map> {
    coalesce(run, &recorded_chart(release, compat)?, &release.config.clone().unwrap_or_default(), compat)
}

/// A chart with the name and the defaults that a record keeps.
fn recorded_chart(release: &Release, compat: Compat) -> Result<Chart> {
    let defaults = json::read(release.chart.values_json().as_bytes(), compat)
        .map_err(|e| Error::other(Stage::Storage, format!("failed to rebuild old values: {e}")))?;
    let mut chart = with_defaults(defaults.as_map().cloned().unwrap_or_default());
    chart.metadata.name = release.chart.name().to_string();
    Ok(chart)
}

fn with_defaults(values: Map) -> Chart {
    let mut chart = Chart::default();
    chart.values = values;
    chart
}

/// `new` over `old`.
fn over(run: &Run, new: &Map, old: &Map, compat: Compat) -> Result<Map> {
    coalesce(run, &with_defaults(old.clone()), new, compat)
}

fn coalesce(run: &Run, chart: &Chart, values: &Map, compat: Compat) -> Result<Map> {
    let mut warnings = Warnings::new();
    let result = charts::values::coalesce(chart, values, compat, &mut warnings);
    run.events.report(warnings);
    Ok(result?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use templates_compat::Value;

    fn map(text: &str) -> Map {
        json::read(text.as_bytes(), Compat::Helm4).unwrap().as_map().cloned().unwrap()
    }

    fn shown(map: &Map) -> String {
        let bytes = json::write(&Value::Map(map.clone()), &json::Options::default(), Compat::Helm4).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn reused(new: &str, change: impl FnOnce(&mut UpgradeOptions)) -> (String, String) {
        let before = Release { config: Some(map(r#"{"a":1,"b":{"c":1}}"#)), ..Release::default() };
        let chart = with_defaults(map(r#"{"default":true}"#));
        let mut options = UpgradeOptions::default();
        change(&mut options);
        let (chart, values) = reuse(&Run::default(), chart, map(new), &before, &options, Compat::Helm4).unwrap();
        (shown(&chart.values), shown(&values))
    }

    #[test]
    fn no_new_values_means_the_old_ones() {
        assert_eq!(reused("{}", |_| {}).1, r#"{"a":1,"b":{"c":1}}"#);
        assert_eq!(reused(r#"{"x":1}"#, |_| {}).1, r#"{"x":1}"#);
        assert_eq!(reused("{}", |o| o.reset_values = true).1, "{}");
    }

    #[test]
    fn reused_values_bring_the_old_defaults() {
        let (defaults, values) = reused(r#"{"b":{"d":2}}"#, |o| o.reuse_values = true);
        assert_eq!(values, r#"{"a":1,"b":{"c":1,"d":2}}"#);
        assert_eq!(defaults, r#"{"a":1,"b":{"c":1}}"#);
        let (defaults, values) = reused(r#"{"a":9}"#, |o| o.reset_then_reuse_values = true);
        assert_eq!(values, r#"{"a":9,"b":{"c":1}}"#);
        assert_eq!(defaults, r#"{"default":true}"#);
    }
}
