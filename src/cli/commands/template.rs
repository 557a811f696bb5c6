//! `ankra-helm template`

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use charts::template::{Rendered, TemplateOptions};
use charts::{Chart, KubeVersion, Warnings};
use engine::DryRun;
use templates_compat::{Map, Seed};

use super::install::{NameArgs, ReleaseArgs, name_and_chart};
use crate::cli::chart_source::{self, Origin, OsHost, SchemaResolver};
use crate::cli::flags::{ApplyArgs, ChartArgs, PostRenderArgs, SeedArgs, ValuesArgs, WaitArgs, dry_run, parse_bool};
use crate::cli::{Context, Failure};

/// The name of a release that nobody named.
const DEFAULT_NAME: &str = "release-name";

/// locally render templates
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// the release's name (optional) and the chart
    #[arg(value_name = "NAME CHART", num_args = 0..)]
    words: Vec<String>,
    #[command(flatten)]
    name: NameArgs,
    #[command(flatten)]
    release: ReleaseArgs,
    #[command(flatten)]
    apply: ApplyArgs,
    #[command(flatten)]
    chart: ChartArgs,
    #[command(flatten)]
    post_render: PostRenderArgs,
    #[command(flatten)]
    seed: SeedArgs,
    #[command(flatten)]
    values: ValuesArgs,
    #[command(flatten)]
    wait: WaitArgs,
    /// Kubernetes api versions used for Capabilities.APIVersions (multiple can be specified)
    #[arg(short, long, value_name = "strings")]
    api_versions: Vec<String>,
    /// simulates the operation either client-side or server-side. Must be either: "client", or "server"
    #[arg(long, value_name = "string", num_args = 0..=1, require_equals = true, default_value = "client", default_missing_value = "unset")]
    dry_run: String,
    /// include CRDs in the templated output
    #[arg(long)]
    include_crds: bool,
    /// set .Release.IsUpgrade instead of .Release.IsInstall
    #[arg(long)]
    is_upgrade: bool,
    /// Kubernetes version used for Capabilities.KubeVersion
    #[arg(long, value_name = "string", default_value = "", hide_default_value = true)]
    kube_version: String,
    /// writes the executed templates to files in output-dir instead of stdout
    #[arg(long, value_name = "string")]
    output_dir: Option<String>,
    /// use release name in the output-dir path.
    #[arg(long)]
    release_name: bool,
    #[arg(long, hide = true)]
    replace: bool,
    #[arg(long, action = clap::ArgAction::Set, hide = true, num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true", value_parser = parse_bool)]
    server_side: bool,
    /// only show manifests rendered from the given templates
    #[arg(short, long, value_name = "stringArray")]
    show_only: Vec<String>,
    /// skip tests from templated output
    #[arg(long)]
    skip_tests: bool,
    /// deprecated: use '--dry-run=server' instead
    #[arg(long, hide = true)]
    validate: bool,
}

/// Renders a chart and prints it.
///
/// # Errors
/// Helm's words on what failed first.
pub(crate) fn run(args: &Args, cx: &Context) -> Result<(), Failure> {
    let compat = cx.settings.compat;
    args.apply.check()?;
    let post_renderer = args.post_render.renderer(cx)?;
    let kube_version = KubeVersion::from_flag(&args.kube_version, compat).map_err(Failure::from_display)?;
    let server = args.validate || asks_server(&args.dry_run, cx)?;
    let seed = args.seed.seed()?;
    let (name, reference) = name_and_chart(&args.words, &args.name, Some(DEFAULT_NAME), seed, cx)?;
    let source = chart_source::locate(cx, &reference, &args.chart, Origin::Stderr)?;
    let values = args.values.merge(cx)?;
    let chart = chart_source::load(cx, &source)?;
    chart_source::tell_deprecated(cx, &chart);
    let chart = match args.release.dependency_update {
        true => chart_source::with_dependencies(cx, &source, chart, &args.chart, Origin::Stderr)?,
        false => chart,
    };
    engine::action::validate_release_name(&name).map_err(|e| {
        let error = format!("release name {name:?}: {e}");
        match compat.logs_install_errors() {
            false => Failure::new(error),
            true => {
                cx.printer.log("ERROR", "release name check failed", &[("error", error.clone())]);
                Failure::new(format!("release name check failed: {error}"))
            }
        }
    })?;
    let options = TemplateOptions {
        release_name: name.clone(),
        namespace: offline_namespace(cx)?,
        compat,
        kube_version,
        api_versions: args.api_versions.clone(),
        helm_version: None,
        include_crds: args.include_crds,
        is_upgrade: args.is_upgrade,
        no_hooks: args.apply.no_hooks,
        skip_tests: args.skip_tests,
        skip_schema_validation: args.release.skip_schema_validation,
        subchart_notes: args.release.render_subchart_notes,
        post_renderer,
        crew: cx.crew.clone(),
        ends_process: true,
    };
    let mut warnings = Warnings::new();
    if server {
        return on_server(args, cx, chart, values, options, seed);
    }
    let resolver = SchemaResolver::new(cx);
    let rendered = charts::template::template(chart, &values, &options, &OsHost::new(seed), &resolver, &mut warnings)
        .map_err(|e| Failure::new(charts::template::error_text(&e)));
    cx.show(warnings);
    let rendered = rendered?;
    match args.output_dir.as_deref().filter(|folder| !folder.is_empty()) {
        Some(folder) => {
            write(&rendered, folder, args.release_name.then_some(name.as_str()), cx)?;
            if args.show_only.is_empty() {
                return cx.printer.line("");
            }
            // Helm looks for them in what is left to print.
            charts::template::show_only(b"", &args.show_only, compat).map(drop).map_err(Failure::from_display)
        }
        None if args.show_only.is_empty() => cx.printer.bytes(&rendered.text()),
        None => cx.printer.bytes(&rendered.show_only(&args.show_only, compat).map_err(Failure::from_display)?),
    }
}

/// `--dry-run=server`: the cluster answers `lookup` and capabilities.
fn on_server(
    args: &Args,
    cx: &Context,
    chart: Chart,
    values: Map,
    options: TemplateOptions,
    seed: Option<Seed>,
) -> Result<(), Failure> {
    if args.output_dir.as_ref().is_some_and(|folder| !folder.is_empty()) {
        return Err(Failure::new("--output-dir cannot be used together with --dry-run=server"));
    }
    let name = options.release_name.clone();
    let options = engine::action::TemplateOptions {
        name: options.release_name,
        namespace: options.namespace,
        dry_run: DryRun::Server,
        include_crds: options.include_crds,
        is_upgrade: options.is_upgrade,
        kube_version: options.kube_version,
        api_versions: options.api_versions,
        enable_dns: args.release.enable_dns,
        seed,
        post_renderer: options.post_renderer,
        render_subchart_notes: options.subchart_notes,
        skip_schema_validation: options.skip_schema_validation,
        hide_secret: false,
    };
    let release = cx.block_on(async {
        let engine = cx.engine().await?;
        engine::action::template(Some(&engine), &cx.run_of(&name), chart, values, &options)
            .await
            .map_err(Failure::from_display)
    })?;
    let mut text = format!("{}\n", release.manifest.trim());
    for hook in &release.hooks {
        let test = hook.events.contains(&engine::release::HookEvent::Test);
        if args.apply.no_hooks || (args.skip_tests && test) {
            continue;
        }
        text.push_str(&format!("---\n# Source: {}\n{}\n", hook.path, hook.manifest));
    }
    if args.show_only.is_empty() {
        return cx.printer.text(&text);
    }
    let shown = charts::template::show_only(text.as_bytes(), &args.show_only, cx.settings.compat);
    cx.printer.bytes(&shown.map_err(Failure::from_display)?)
}

/// The namespace of verbs that need no cluster. Without one nobody is asked for the namespace unless a kubeconfig
/// has one, as in Helm.
pub(super) fn offline_namespace(cx: &Context) -> Result<String, Failure> {
    match &cx.settings.namespace {
        Some(namespace) => Ok(namespace.clone()),
        None => Ok(cx.namespace().unwrap_or_else(|_| "default".into())),
    }
}

fn asks_server(word: &str, cx: &Context) -> Result<bool, Failure> {
    match word {
        "none" | "false" => {
            Err(Failure::new(format!("invalid dry-run value ({word:?}). Must be \"server\" or \"client\"")))
        }
        word => Ok(dry_run(word, &cx.printer)? == DryRun::Server),
    }
}

/// `--output-dir`: one file per template, and a line for each document.
fn write(rendered: &Rendered, folder: &str, below: Option<&str>, cx: &Context) -> Result<(), Failure> {
    let mut written = HashSet::new();
    for (name, content) in rendered.output_files(below) {
        let path = format!("{folder}/{name}");
        let path = if below.is_some() { charts::clean_path(&path) } else { path };
        if let Some(parent) = Path::new(&path).parent() {
            std::fs::create_dir_all(parent).map_err(|e| no_folder(parent, &e))?;
        }
        let again = !written.insert(path.clone());
        let mut how = OpenOptions::new();
        how.write(true).create(true).append(again).truncate(!again);
        let done = how.open(&path).and_then(|mut file| file.write_all(&content));
        done.map_err(|e| not_written("open", &path, &e))?;
        cx.printer.line(&format!("wrote {path}"))?;
    }
    Ok(())
}

/// An error of writing is one of rendering to Helm.
fn not_written(operation: &str, path: &str, error: &std::io::Error) -> Failure {
    let text = charts::go_file_error(operation, path, error);
    Failure::new(format!("{text}\n\nUse --debug flag to render out invalid YAML"))
}

/// Helm looks for the folder first; then Go names the first on the way that
/// cannot be made.
fn no_folder(folder: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::NotADirectory {
        return not_written("stat", &folder.to_string_lossy(), error);
    }
    let on_the_way = folder.ancestors().filter(|at| !at.as_os_str().is_empty() && !at.is_dir()).last();
    not_written("mkdir", &on_the_way.unwrap_or(folder).to_string_lossy(), error)
}
