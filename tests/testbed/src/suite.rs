//! A test binary whose tests share servers.
//!
//! The servers are started when the first test needs them and stopped when the
//! last one has ended. When the machine lacks what they need, every test is
//! listed as ignored, and each is named as skipped with the reason: a test that
//! could not run never counts as passed.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};

use crate::{Binaries, Progress, Result};

/// What a test of a suite comes to.
pub type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

/// The servers that the tests of a suite share.
pub trait Bed: Send + Sync + Sized + 'static {
    /// How many tests run at one time, unless the command line says; `None`: as
    /// many as there are processors. Tests that mostly wait may be more.
    const THREADS: Option<usize> = None;

    /// Starts them.
    ///
    /// # Errors
    /// When one of them does not start. All tests fail then.
    fn start(binaries: &Binaries) -> Result<Self>;

    /// Leaves their logs where they are, because a test has failed. Returns
    /// where that is.
    fn keep_logs(&self) -> String;
}

/// One test: its name and what it does.
#[derive(Debug)]
pub struct Case<B> {
    /// Its name, with its module in front.
    pub name: &'static str,
    /// What it does. It fails when this returns an error or panics.
    pub test: fn(&B) -> Outcome,
    /// Why it cannot run on this machine, if it cannot.
    pub missing: fn() -> Option<String>,
}

// Derived implementations would ask the same of `B`.
impl<B> Clone for Case<B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<B> Copy for Case<B> {}

/// Lists functions as the cases of a suite, by their names.
///
/// `cases![install::twice, install::fails]`, with `if reason_fn` after one that
/// some machines cannot run.
#[macro_export]
macro_rules! cases {
    ($($first:ident $(:: $rest:ident)* $(if $missing:path)?),* $(,)?) => {
        &[$($crate::suite::Case {
            name: concat!(stringify!($first) $(, "::", stringify!($rest))*),
            test: $first $(:: $rest)*,
            missing: $crate::cases!(@missing $($missing)?),
        }),*]
    };
    (@missing) => { || None };
    (@missing $missing:path) => { $missing };
}

/// The servers, started once.
struct Shared<B> {
    binaries: Binaries,
    bed: OnceLock<std::result::Result<B, String>>,
}

impl<B: Bed> Shared<B> {
    fn bed(&self) -> std::result::Result<&B, String> {
        let start = || B::start(&self.binaries).map_err(|e| format!("the servers did not start: {e}"));
        self.bed.get_or_init(start).as_ref().map_err(Clone::clone)
    }
}

/// Runs the cases that the command line asks for, as any Rust test binary does.
#[expect(clippy::print_stderr, reason = "a test binary talks to whoever runs it")]
pub fn run<B: Bed>(cases: &[Case<B>]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(B::THREADS);
    if arguments.list {
        let trials = cases.iter().map(|case| Trial::test(case.name, || Ok(()))).collect();
        return libtest_mimic::run(&arguments, trials).exit_code();
    }
    let binaries = match crate::build(reporter()) {
        Ok(binaries) => Ok(binaries),
        Err(e) if e.is_missing_prerequisite() => Err(e.to_string()),
        Err(e) => {
            eprintln!("error: the test servers could not be built: {e}");
            return ExitCode::FAILURE;
        }
    };
    let shared = binaries.map(|binaries| Arc::new(Shared { binaries, bed: OnceLock::new() }));
    let mut skipped = Vec::new();
    // What is not asked for is not looked after either: that may install things.
    let wanted = |case: &&Case<B>| !arguments.is_filtered_out(&Trial::test(case.name, || Ok(())));
    let trials = cases.iter().filter(wanted).map(|case| trial(*case, &shared, &mut skipped)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    for line in &skipped {
        eprintln!("SKIPPED {line}");
    }
    // Nobody else holds the servers now: dropping this stops them.
    if let Ok(shared) = shared
        && conclusion.has_failed()
        && let Some(Ok(bed)) = shared.bed.get()
    {
        eprintln!("the servers' logs are kept: {}", bed.keep_logs());
    }
    conclusion.exit_code()
}

fn trial<B: Bed>(
    case: Case<B>,
    shared: &std::result::Result<Arc<Shared<B>>, String>,
    skipped: &mut Vec<String>,
) -> Trial {
    let reason = match shared {
        Err(reason) => Some(reason.clone()),
        Ok(_) => (case.missing)(),
    };
    match (shared, reason) {
        (Ok(shared), None) => {
            let shared = Arc::clone(shared);
            Trial::test(case.name, move || run_case(case, &shared))
        }
        (_, reason) => {
            skipped.push(format!("{}: {}", case.name, reason.unwrap_or_default()));
            Trial::test(case.name, || Err(Failed::from("it cannot run on this machine"))).with_ignored_flag(true)
        }
    }
}

fn run_case<B: Bed>(case: Case<B>, shared: &Shared<B>) -> std::result::Result<(), Failed> {
    let bed = shared.bed()?;
    match std::panic::catch_unwind(AssertUnwindSafe(|| (case.test)(bed))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(e)) => Err(e.to_string().into()),
        Err(panic) => Err(panic_text(&*panic).into()),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").to_owned()
}

/// Says in plain lines what is being built, for a test run that seems to hang.
#[expect(clippy::print_stderr, reason = "a first run takes minutes, and whoever waits wants to know why")]
fn reporter() -> impl FnMut(Progress) {
    let mut last = "";
    move |news| match news {
        Progress::Waiting => eprintln!("another process is building the test servers: waiting for it"),
        Progress::Building { name, version, .. } if name != last => {
            last = name;
            eprintln!("building {name} {version} for the tests; this is done once");
        }
        Progress::Built { name, version, took } => {
            eprintln!("built {name} {version} in {:.0} s", took.as_secs_f32());
        }
        Progress::Building { .. } => {}
    }
}
