//! The `ankra-helm` command: arguments, settings, one file per verb, and the
//! printer.
//!
//! A verb reads its arguments, calls one action of the engine and prints what
//! it gave back. Nothing here decides about releases.

mod agent;
mod ahead;
mod chart_source;
mod commands;
mod failure;
mod flags;
mod go_template;
mod jsonpath;
mod pflag;
mod post_renderer;
mod printer;
mod progress;
mod remote;
mod settings;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use clap::{Args, FromArgMatches};

use ahead::Ahead;
pub use failure::Failure;
pub use printer::{Format, Printer};
pub use settings::{GlobalArgs, Settings};
pub use table::Table;

use crate::protocol::user::User;

/// A command line that has been read.
#[derive(Debug)]
struct Cli {
    global: GlobalArgs,
    command: commands::Command,
}

impl Cli {
    /// The program and its global flags, without verbs.
    fn root() -> clap::Command {
        let root = clap::Command::new(PROGRAM).about("The Kubernetes package manager, natively");
        GlobalArgs::augment_args(root.disable_version_flag(true))
    }

    /// What these words are to be read with: their verb, or all of them.
    fn command(words: &[String]) -> clap::Command {
        // Usually the verb comes first, and nothing has to be known to see it.
        let first = words.first().filter(|word| commands::is_verb(word)).cloned();
        let verb = first.or_else(|| pflag::verb(&commands::named(Cli::root()), words));
        commands::with(Cli::root(), verb.as_deref())
    }

    fn from_matches(matches: &mut clap::ArgMatches) -> Result<Cli, clap::Error> {
        Ok(Cli {
            global: GlobalArgs::from_arg_matches_mut(matches)?,
            command: commands::Command::from_arg_matches_mut(matches)?,
        })
    }
}

/// What every verb gets.
#[derive(Debug)]
pub struct Context {
    /// Resolved settings.
    pub settings: Settings,
    /// The way out.
    pub printer: Arc<Printer>,
    /// Who helps to render.
    pub(crate) crew: charts::Crew,
    /// The chart that was begun with before the verb.
    ahead: Mutex<Option<Ahead>>,
}

/// What the program is called.
const PROGRAM: &str = "ankra-helm";

/// Runs the command of this process.
pub fn main() -> ExitCode {
    // The parser of long flag lists and deep templates want more stack than a
    // main thread is promised everywhere.
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    let crew = charts::Crew::default();
    let ahead = Ahead::of(&words, &crew);
    let mut notes = Vec::new();
    let command = Cli::command(&words);
    let read = pflag::read(&command, &words, &mut notes);
    for note in notes {
        printer::complain(&note);
    }
    let words = match read {
        Ok(words) => words,
        Err(pflag::Wrong(text)) => {
            printer::complain(&format!("Error: {text}"));
            return ExitCode::FAILURE;
        }
    };
    let mut command = flags::go_bools(command).args_override_self(true);
    let matches = command.try_get_matches_from_mut(std::iter::once(PROGRAM.to_owned()).chain(words));
    // All the flags of a verb in many small pieces: the process needs no room.
    std::mem::forget(command);
    let mut matches = match matches {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    // Helm says this one to its log, and ends.
    if let Some(mode) = wrong_color(&matches) {
        let list = "must be one of: never, auto, always";
        printer::complain(&format!(
            "level=WARN msg=\"command failed\" error=\"invalid color mode \\\"{mode}\\\": {list}\""
        ));
        return ExitCode::FAILURE;
    }
    let cli = match Cli::from_matches(&mut matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    std::mem::forget(matches);
    let settings = Settings::resolve(cli.global);
    let printer = Arc::new(Printer::new(match settings.compat.has_colors() {
        // Helm 3 has no colours.
        false => "never",
        true => &settings.color,
    }));
    let cx = Context { settings, printer, crew, ahead: Mutex::new(ahead) };
    match templates_compat::with_stack_of(stack_left(), || cli.command.run(&cx)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = &failure.message {
                cx.printer.note(&format!("Error: {message}"));
            }
            if let Some(hint) = &failure.hint {
                cx.printer.note(hint);
            }
            ExitCode::from(failure.code)
        }
    }
}

/// What is left of this thread's stack, the first one's, in bytes: templates
/// run on it. Arguments and environment stand on it, too, and take a quarter
/// at most.
fn stack_left() -> usize {
    const USUAL: u64 = 8 << 20;
    let size = rustix::process::getrlimit(rustix::process::Resource::Stack).current.unwrap_or(USUAL).min(USUAL);
    usize::try_from(size / 4 * 3).unwrap_or(0)
}

/// A value of `--color` that is none.
fn wrong_color(matches: &clap::ArgMatches) -> Option<String> {
    let mode = matches.try_get_one::<String>("color").ok().flatten();
    let below = || matches.subcommand().and_then(|(_, below)| below.try_get_one::<String>("color").ok().flatten());
    let mode = mode.or_else(below).cloned().or_else(|| settings::env("HELM_COLOR"))?;
    (!matches!(mode.as_str(), "never" | "auto" | "always")).then_some(mode)
}

/// Help goes to stdout and is no error; everything else is Helm's exit code 1,
/// but for the `agent` verbs, whose usage errors are 2.
fn usage(error: &clap::Error) -> ExitCode {
    let failed = error.use_stderr();
    // Printing fails only when nobody reads.
    let _ = error.print();
    let agent = std::env::args().nth(1).as_deref() == Some("agent");
    match (failed, agent) {
        (false, _) => ExitCode::SUCCESS,
        (true, true) => ExitCode::from(2),
        (true, false) => ExitCode::from(1),
    }
}

impl Context {
    /// A chart that was read before anybody asked for it: once, since its folder
    /// may be written after that.
    pub(crate) fn read_ahead(&self, path: &Path) -> Option<ahead::Loaded> {
        let ahead = self.ahead.lock().ok()?.take()?;
        ahead.take(path, self.settings.compat)
    }

    /// How to reach the cluster.
    pub fn connect_options(&self) -> engine::ConnectOptions {
        let args = &self.settings.args;
        let text = |flag: &Option<String>, name: &str| flag.clone().or_else(|| settings::env(name));
        let groups = match args.kube_as_group.as_slice() {
            [] => settings::env("HELM_KUBEASGROUPS")
                .map(|g| g.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            groups => groups.to_vec(),
        };
        engine::ConnectOptions {
            kubeconfig: args.kubeconfig.clone(),
            kube_context: text(&args.kube_context, "HELM_KUBECONTEXT"),
            kube_apiserver: text(&args.kube_apiserver, "HELM_KUBEAPISERVER"),
            kube_token: text(&args.kube_token, "HELM_KUBETOKEN"),
            kube_as_user: text(&args.kube_as_user, "HELM_KUBEASUSER"),
            kube_as_groups: groups,
            kube_ca_file: args.kube_ca_file.clone().or_else(|| settings::env("HELM_KUBECAFILE").map(Into::into)),
            kube_insecure_skip_tls_verify: args.kube_insecure_skip_tls_verify
                || settings::env_bool("HELM_KUBEINSECURE_SKIP_TLS_VERIFY"),
            kube_tls_server_name: text(&args.kube_tls_server_name, "HELM_KUBETLS_SERVER_NAME"),
            qps: self.settings.qps,
            burst_limit: self.settings.burst_limit,
            namespace: self.settings.namespace.clone(),
        }
    }

    /// In whose name an agent is asked.
    ///
    /// # Errors
    /// A name that cannot be used, or groups: an agent takes no client's word
    /// for them.
    pub(crate) fn acting_user(&self) -> Result<Option<User>, Failure> {
        let options = self.connect_options();
        if !options.kube_as_groups.is_empty() {
            return Err(Failure::new(
                "--kube-as-group cannot be used with an agent: the cluster knows the user's groups",
            ));
        }
        options.kube_as_user.map(|name| User::new(name).map_err(|error| Failure::new(error.message))).transpose()
    }

    /// The namespace of this run: flag, variable, kubeconfig, `default`.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub fn namespace(&self) -> Result<String, Failure> {
        match &self.settings.namespace {
            Some(namespace) => Ok(namespace.clone()),
            None => {
                let options = self.connect_options();
                self.block_on(async { engine::Cluster::namespace_of(&options).await.map_err(Failure::from_display) })
            }
        }
    }

    async fn cluster(&self) -> Result<engine::Cluster, Failure> {
        let cluster = engine::Cluster::connect(&self.connect_options()).await.map_err(Failure::from_display)?;
        let printer = Arc::clone(&self.printer);
        Ok(cluster.with_warnings(move |text| printer.note(&format!("Warning: {text}"))))
    }

    /// Shows what Helm logs of a chart.
    pub fn show(&self, warnings: charts::Warnings) {
        for charts::Warning { level, text, details } in warnings {
            match level {
                charts::Level::Line => self.printer.note(&text),
                charts::Level::Info => self.printer.log("INFO", &text, &details),
                charts::Level::Warn => self.printer.log("WARN", &text, &details),
                charts::Level::Error => self.printer.log("ERROR", &text, &details),
            }
        }
    }

    /// Runs an async verb to its end.
    ///
    /// # Errors
    /// The verb's own failure, or that of the runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        // One thread, so that an answer wakes nobody else: rendering, which
        // takes time, has threads of its own.
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::from_display)?;
        let result = runtime.block_on(future);
        // Watches that are still open end with the process, not before it.
        runtime.shutdown_background();
        result
    }

    /// The engine for this run's namespace.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn engine(&self) -> Result<engine::Engine, Failure> {
        let cluster = self.cluster().await?;
        let namespace = self.settings.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
        self.engine_in(cluster, &namespace).await
    }

    /// The engine for the releases of all namespaces.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn engine_of_all_namespaces(&self) -> Result<engine::Engine, Failure> {
        self.engine_in(self.cluster().await?, "").await
    }

    /// An engine whose releases are where `HELM_DRIVER` says.
    async fn engine_in(&self, cluster: engine::Cluster, namespace: &str) -> Result<engine::Engine, Failure> {
        let text = |name: &str| settings::env(name).unwrap_or_default();
        let (driver, connection) = (text("HELM_DRIVER"), text("HELM_DRIVER_SQL_CONNECTION_STRING"));
        let compat = self.settings.compat;
        let store = engine::storage::open(&driver, &cluster, namespace, &connection, compat).await;
        let store = store.map_err(Failure::from_display)?;
        Ok(engine::Engine::new(cluster, namespace).with_compat(compat).with_store(store))
    }

    /// Events that are drawn, and a cancellation by the first Ctrl-C or
    /// SIGTERM, which says so as Helm does. A second signal ends the process.
    pub fn run_of(&self, release: &str) -> engine::Run {
        let run = engine::Run {
            events: progress::events(&self.printer, self.settings.debug),
            cancel: engine::CancellationToken::new(),
        };
        let (cancel, printer, release) = (run.cancel.clone(), Arc::clone(&self.printer), release.to_owned());
        tokio::spawn(async move {
            interrupted().await;
            // Nothing can be done for a reader that is gone.
            let _ = printer.line(&format!("Release {release} has been cancelled."));
            cancel.cancel();
            interrupted().await;
            std::process::exit(130);
        });
        run
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
