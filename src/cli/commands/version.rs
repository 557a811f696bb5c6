//! `ankra-helm version`

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use templates_compat::{Compat, GoType, Object, Value};

use crate::cli::{Context, Failure};

/// The Helm whose behaviour is reproduced, with our own version as build
/// metadata: scripts that compare Helm's version by its numbers keep working.
pub(crate) const HELM_VERSION: &str = concat!("v4.3.1+ankra-helm.", env!("CARGO_PKG_VERSION"));

/// The same for `--compat=helm3`.
pub(crate) const HELM3_VERSION: &str = concat!("v3.19.0+ankra-helm.", env!("CARGO_PKG_VERSION"));

/// print the helm version information
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// print the version number
    #[arg(long)]
    short: bool,
    /// template for version string format
    #[arg(long, value_name = "string")]
    template: Option<String>,
}

/// Prints the version.
///
/// # Errors
/// A `--template` that cannot be rendered.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let version = match cx.settings.compat {
        Compat::Helm3 => HELM3_VERSION,
        Compat::Helm4 => HELM_VERSION,
    };
    if let Some(template) = &args.template {
        let mut fields = vec![("Version", version), ("GitCommit", ""), ("GitTreeState", ""), ("GoVersion", "")];
        let kube_client = cx.settings.compat.kube_client_version();
        if !kube_client.is_empty() {
            fields.push(("KubeClientVersion", kube_client));
        }
        let dot = Value::Object(Arc::new(BuildInfo(fields)));
        let text = crate::cli::go_template::render_value(template, &dot, cx.settings.compat)?;
        return cx.printer.bytes(&text);
    }
    if args.short {
        return cx.printer.line(version);
    }
    let kube_client = match cx.settings.compat.kube_client_version() {
        "" => String::new(),
        version => format!(", KubeClientVersion:\"{version}\""),
    };
    cx.printer.line(&format!(
        "version.BuildInfo{{Version:\"{version}\", GitCommit:\"\", GitTreeState:\"\", GoVersion:\"\"{kube_client}}}"
    ))
}

/// What `--template` sees.
#[derive(Debug)]
struct BuildInfo(Vec<(&'static str, &'static str)>);

impl Object for BuildInfo {
    fn type_name(&self, _: Compat) -> Cow<'static, str> {
        Cow::Borrowed("version.BuildInfo")
    }

    fn kind(&self) -> GoType {
        GoType::Struct
    }

    fn field(&self, name: &[u8]) -> Option<Value> {
        self.0.iter().find(|(field, _)| field.as_bytes() == name).map(|(_, value)| Value::str(*value))
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.0.iter().map(|(field, value)| (*field, Value::str(*value))).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
