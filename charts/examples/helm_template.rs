//! A small command shaped like `helm template NAME CHART …`, without clusters
//! and repositories: what the suites of recorded outputs are run against.

use std::io::Write;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use charts::schema::LocalResolver;
use charts::template::{TemplateOptions, error_text, template};
use charts::values::{ValueOptions, read_local};
use charts::{Compat, KubeVersion, Warnings, load};
use templates_compat::{Host, Value};

/// The world of a command without a cluster.
struct LocalHost;

impl Host for LocalHost {
    fn now_unix_nanos(&self) -> i128 {
        SystemTime::now().duration_since(UNIX_EPOCH).map(|d| d.as_nanos() as i128).unwrap_or_default()
    }

    fn random(&self, buf: &mut [u8]) {
        use std::io::Read;
        if let Ok(mut source) = std::fs::File::open("/dev/urandom") {
            let _ = source.read_exact(buf);
        }
    }

    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, String> {
        Ok(Value::empty_map())
    }

    fn host_by_name(&self, _: &str) -> String {
        String::new()
    }
}

#[derive(Default)]
struct Arguments {
    positional: Vec<String>,
    values: ValueOptions,
    options: TemplateOptions,
    kube_version: Option<String>,
    show_only: Vec<String>,
}

/// Reads the arguments; `--name value` and `--name=value` mean the same.
fn arguments(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    arguments.options.namespace = "default".to_string();
    let mut words = words.peekable();
    if words.peek().is_some_and(|w| w == "template") {
        words.next();
    }
    while let Some(word) = words.next() {
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name.to_string(), Some(value.to_string())),
            _ => (word.clone(), None),
        };
        let flag = inline.as_deref() != Some("false");
        let mut value = || inline.clone().or_else(|| words.next()).ok_or(format!("flag needs an argument: {name}"));
        let list = |text: String| text.split(',').map(str::to_string).collect::<Vec<_>>();
        match name.as_str() {
            "-f" | "--values" => arguments.values.files.extend(list(value()?)),
            "--set" => arguments.values.set.push(value()?),
            "--set-string" => arguments.values.set_string.push(value()?),
            "--set-file" => arguments.values.set_file.push(value()?),
            "--set-json" => arguments.values.set_json.push(value()?),
            "--set-literal" => arguments.values.set_literal.push(value()?),
            "-n" | "--namespace" => arguments.options.namespace = value()?,
            "--kube-version" => arguments.kube_version = Some(value()?),
            "-a" | "--api-versions" => arguments.options.api_versions.extend(list(value()?)),
            "-s" | "--show-only" => arguments.show_only.push(value()?),
            "--compat" => {
                arguments.options.compat = match value()?.as_str() {
                    "helm3" => Compat::Helm3,
                    _ => Compat::Helm4,
                };
            }
            "--include-crds" => arguments.options.include_crds = flag,
            "--is-upgrade" => arguments.options.is_upgrade = flag,
            "--skip-tests" => arguments.options.skip_tests = flag,
            "--no-hooks" => arguments.options.no_hooks = flag,
            "--skip-schema-validation" => arguments.options.skip_schema_validation = flag,
            "--skip-crds" | "--debug" => {}
            other if other.starts_with('-') && other.len() > 1 => return Err(format!("unknown flag: {other}")),
            _ => arguments.positional.push(word),
        }
    }
    Ok(arguments)
}

fn run(mut arguments: Arguments, warnings: &mut Warnings) -> Result<Vec<u8>, String> {
    let compat = arguments.options.compat;
    if let Some(version) = &arguments.kube_version {
        let parsed =
            KubeVersion::parse(version, compat).map_err(|e| format!("invalid kube version '{version}': {e}"))?;
        arguments.options.kube_version = Some(parsed);
    }
    let (name, chart) = match arguments.positional.as_slice() {
        [chart] => ("release-name", chart),
        [name, chart] => (name.as_str(), chart),
        _ => return Err("expected at most two arguments, unexpected arguments".to_string()),
    };
    arguments.options.release_name = name.to_string();
    let path =
        load::locate(chart, compat).map_err(|e| e.to_string())?.ok_or_else(|| format!("path {chart:?} not found"))?;
    let values = arguments.values.merge(&mut read_local, compat).map_err(|e| e.to_string())?;
    let chart = load::load(&path, compat, warnings).map_err(|e| e.to_string())?;
    let rendered = template(chart, &values, &arguments.options, &LocalHost, &LocalResolver, warnings)
        .map_err(|e| error_text(&e))?;
    if arguments.show_only.is_empty() {
        return Ok(rendered.text());
    }
    rendered.show_only(&arguments.show_only, compat).map_err(|e| e.to_string())
}

fn main() -> ExitCode {
    let mut warnings = Warnings::new();
    let outcome = arguments(std::env::args().skip(1)).and_then(|a| run(a, &mut warnings));
    let mut stderr = std::io::stderr().lock();
    for warning in warnings.iter().filter(|w| w.level == charts::Level::Warn) {
        let _ = writeln!(stderr, "{}", warning.text);
    }
    match outcome {
        Ok(text) => {
            let _ = std::io::stdout().lock().write_all(&text);
            ExitCode::SUCCESS
        }
        Err(text) => {
            let _ = writeln!(stderr, "Error: {text}");
            ExitCode::FAILURE
        }
    }
}
