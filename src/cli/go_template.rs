//! Small Go templates on the command line: `--template`, `--name-template`.

use templates_compat::value::{Map, Value};
use templates_compat::{Compat, Options, TemplateSet};

use super::chart_source::OsHost;
use super::failure::Failure;

/// Renders a template whose `.` has these fields.
///
/// # Errors
/// A template that cannot be read or executed.
pub(crate) fn render(template: &str, fields: &[(&str, &str)], compat: Compat) -> Result<Vec<u8>, Failure> {
    let map: Map = fields.iter().map(|(k, v)| ((*k).into(), Value::str(*v))).collect();
    render_value(template, &Value::Map(map), compat)
}

/// Renders a template with any `.`.
///
/// # Errors
/// As [`render`].
pub(crate) fn render_value(template: &str, dot: &Value, compat: Compat) -> Result<Vec<u8>, Failure> {
    let mut set = TemplateSet::new(Options { compat, ..Options::default() });
    set.parse("_", template.as_bytes()).map_err(Failure::from_display)?;
    set.render("_", dot, &OsHost).map_err(Failure::from_display)
}
