//! Small Go templates on the command line: `--template`, `--name-template`.

use templates_compat::{Compat, Host, Options, TemplateSet, Value};

use super::chart_source::OsHost;
use super::failure::Failure;

/// Renders the template of a release's name.
///
/// # Errors
/// A template that cannot be read or executed.
pub(crate) fn render_name(template: &str, compat: Compat, host: &dyn Host) -> Result<Vec<u8>, Failure> {
    render_named("name-template", template, &Value::Nil, compat, host)
}

/// Renders a template with any `.`.
///
/// # Errors
/// As [`render_name`].
pub(crate) fn render_value(template: &str, dot: &Value, compat: Compat) -> Result<Vec<u8>, Failure> {
    render_named("_", template, dot, compat, &OsHost::default())
}

/// Nothing of Helm's engine stands around these: errors have Go's own text.
fn render_named(name: &str, template: &str, dot: &Value, compat: Compat, host: &dyn Host) -> Result<Vec<u8>, Failure> {
    let mut set = TemplateSet::new(Options { compat, ..Options::default() });
    set.parse(name, template.as_bytes()).map_err(|e| Failure::new(e.go_text()))?;
    set.execute(name, dot, host).map_err(|e| Failure::new(e.go_text()))
}
