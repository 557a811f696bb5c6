//! From a chart reference to a loaded chart, and the world that a render may
//! see.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use charts::schema::{LocalResolver, Resolver};
use charts::{Chart, Warnings};
use engine::provenance::{self, Verified};
use engine::pull::dependencies::{Fetching, Verify};
use engine::pull::{self, Located, PullOptions, Pulled, SchemaFetcher};
use templates_compat::value::Value;
use templates_compat::{Compat, Host, Seed, Seeded};

use super::flags::ChartArgs;
use super::{Context, Failure};

/// A chart that is there, not yet loaded.
#[derive(Debug)]
pub(crate) enum Source {
    /// A folder or an archive.
    Path(PathBuf),
    /// A fetched archive.
    Archive(Vec<u8>),
}

/// Where Helm 4 says what it has got from a registry; Helm 3 always says so on
/// standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    #[default]
    Stdout,
    Stderr,
}

impl Origin {
    /// # Errors
    /// A closed standard output.
    pub(crate) fn tell(self, cx: &Context, text: &str) -> Result<(), Failure> {
        match (self, cx.settings.compat.prints_where_charts_are_from()) {
            (Origin::Stdout, true) => cx.printer.line(text),
            _ => {
                cx.printer.note(text);
                Ok(())
            }
        }
    }
}

/// Finds a chart, and fetches it if need be. With `--verify` only one that was
/// signed is taken.
///
/// # Errors
/// The reference or the download; a chart that is not believed.
pub(crate) fn locate(cx: &Context, reference: &str, args: &ChartArgs, told: Origin) -> Result<Source, Failure> {
    let (options, trusted) = (&args.pull_options(&cx.settings), args.trusted(&cx.settings));
    let compat = cx.settings.compat;
    match pull::locate(reference, options).map_err(Failure::from_display)? {
        Located::Path(path) => {
            // Helm's messages name the whole path.
            let absolute = std::path::absolute(&path).map_err(Failure::from_display)?;
            let absolute = PathBuf::from(charts::clean_path(&absolute.to_string_lossy()));
            if let Some(keyring) = trusted {
                provenance::verify_file(&absolute, &keyring, compat).map_err(Failure::from_display)?;
            }
            Ok(Source::Path(absolute))
        }
        Located::Remote(remote) => {
            let pulled = cx.block_on(async { pull::pull(&remote, options).await.map_err(Failure::from_display) })?;
            for warning in &pulled.warnings {
                cx.printer.note(warning);
            }
            if let Some(origin) = pulled.origin() {
                told.tell(cx, &origin)?;
            }
            if let Some(keyring) = trusted {
                verify(&pulled, &keyring, compat)?;
            }
            Ok(Source::Archive(pulled.bytes))
        }
    }
}

/// Checks what was fetched by what was signed for it.
///
/// # Errors
/// No provenance file, or one that does not fit.
pub(crate) fn verify(pulled: &Pulled, keyring: &Path, compat: Compat) -> Result<Verified, Failure> {
    let provenance = match &pulled.provenance {
        Some(Ok(provenance)) => provenance,
        Some(Err(missing)) => return Err(Failure::new(format!("failed to fetch provenance {:?}", missing.url))),
        None => return Err(Failure::new("signature block not found")),
    };
    provenance::verify(&pulled.bytes, provenance, &pulled.name, keyring, compat).map_err(Failure::from_display)
}

/// Loads a chart.
///
/// # Errors
/// A folder or archive that is no chart.
pub(crate) fn load(cx: &Context, source: &Source) -> Result<Chart, Failure> {
    let compat = cx.settings.compat;
    let mut warnings = Warnings::new();
    let chart = match source {
        Source::Path(path) => match cx.read_ahead(path) {
            Some((chart, told)) => {
                warnings = told;
                chart
            }
            None => charts::load::load(path, compat, &mut warnings),
        },
        Source::Archive(bytes) => charts::load::load_archive(bytes, compat, &mut warnings),
    };
    cx.show(warnings);
    chart.map_err(Failure::from_display)
}

/// Loads a chart to show it, which Helm does without a look at the chart's
/// format before everything else.
///
/// # Errors
/// As [`load`].
pub(crate) fn load_to_show(cx: &Context, source: &Source) -> Result<Chart, Failure> {
    let Source::Path(path) = source else { return load(cx, source) };
    let mut warnings = Warnings::new();
    let chart = charts::load::load_known(path, cx.settings.compat, &mut warnings);
    cx.show(warnings);
    chart.map_err(Failure::from_display)
}

/// Loads a chart and makes sure that it can be installed and that its
/// dependencies are there; with `--dependency-update` they are fetched.
///
/// # Errors
/// As [`load`]; a library chart; missing dependencies.
pub(crate) fn load_installable(
    cx: &Context,
    source: &Source,
    args: &ChartArgs,
    update: bool,
) -> Result<Chart, Failure> {
    let chart = load(cx, source)?;
    charts::template::check_installable(&chart).map_err(Failure::from_display)?;
    tell_deprecated(cx, &chart);
    let chart = if update { with_dependencies(cx, source, chart, args, Origin::Stdout)? } else { chart };
    charts::dependencies::check(&chart, cx.settings.compat).map_err(Failure::from_display)?;
    Ok(chart)
}

/// A chart whose missing dependencies were fetched into its folder.
///
/// # Errors
/// Why they cannot be had.
pub(crate) fn with_dependencies(
    cx: &Context,
    source: &Source,
    chart: Chart,
    args: &ChartArgs,
    told: Origin,
) -> Result<Chart, Failure> {
    if charts::dependencies::check_present(&chart).is_ok() {
        return Ok(chart);
    }
    let Source::Path(path) = source else { return Err(Failure::new("only unpacked charts can be updated")) };
    Dependencies { told, ..Dependencies::default() }.fetch(cx, path, &args.pull_options(&cx.settings), true)?;
    load(cx, source).map_err(|f| f.context("failed reloading chart after repo update"))
}

/// How the dependencies of a folder are fetched.
#[derive(Default)]
pub(crate) struct Dependencies {
    /// By `Chart.lock`, if there is one.
    pub(crate) locked: bool,
    pub(crate) skip_refresh: bool,
    pub(crate) verify: Verify,
    pub(crate) keyring: PathBuf,
    pub(crate) told: Origin,
}

impl Dependencies {
    /// Fetches them. Helm prints what it does on standard output, if at all.
    ///
    /// # Errors
    /// Helm's words on what cannot be had.
    pub(crate) fn fetch(&self, cx: &Context, chart: &Path, options: &PullOptions, tells: bool) -> Result<(), Failure> {
        // What nobody can read any more is no reason to stop half-way.
        let tell = |line: &str| drop(tells.then(|| cx.printer.line(line)));
        let fetching = Fetching {
            chart,
            options,
            skip_refresh: self.skip_refresh,
            verify: self.verify,
            keyring: self.keyring.clone(),
            epoch: source_date_epoch(cx)?,
            debug: cx.settings.debug,
            compat: cx.settings.compat,
            tell: &tell,
            note: &|text| drop(self.told.tell(cx, text)),
        };
        cx.block_on(async {
            let done = if self.locked { fetching.build().await } else { fetching.update().await };
            done.map_err(Failure::from_display)
        })
    }
}

/// `SOURCE_DATE_EPOCH`: the time that all packed files get. Helm 3 has no such
/// thing.
///
/// # Errors
/// Helm's words on what is no number of seconds.
pub(crate) fn source_date_epoch(cx: &Context) -> Result<Option<SystemTime>, Failure> {
    if !cx.settings.compat.reads_source_date_epoch() {
        return Ok(None);
    }
    let Some(text) = super::settings::env("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let wrong = |why: String| Failure::new(format!("invalid SOURCE_DATE_EPOCH: {why}"));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")));
    }
    let seconds: i64 =
        text.parse().map_err(|_| wrong(format!("strconv.ParseInt: parsing {text:?}: value out of range")))?;
    match u64::try_from(seconds) {
        Ok(seconds) => Ok(Some(UNIX_EPOCH + Duration::from_secs(seconds))),
        Err(_) => Err(wrong("must not be negative".into())),
    }
}

/// Says that a chart is deprecated, unless it cannot be installed at all.
pub(crate) fn tell_deprecated(cx: &Context, chart: &Chart) {
    if !chart.metadata.deprecated || charts::template::check_installable(chart).is_err() {
        return;
    }
    match cx.settings.compat.log_has_levels() {
        false => cx.printer.note("WARNING: This chart is deprecated"),
        true => cx.printer.warn("this chart is deprecated"),
    }
}

/// The real clock and the operating system's random numbers, or a seed's; no
/// cluster and no DNS.
#[derive(Debug, Default)]
pub(crate) struct OsHost {
    seeded: Option<Seeded>,
}

impl OsHost {
    /// A world that begins anew from a seed, where there is one.
    pub(crate) fn new(seed: Option<Seed>) -> Self {
        OsHost { seeded: seed.map(Seeded::new) }
    }
}

impl Host for OsHost {
    fn now_unix_nanos(&self) -> i128 {
        if let Some(seeded) = &self.seeded {
            return seeded.now_unix_nanos();
        }
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128)
    }

    fn random(&self, buf: &mut [u8]) {
        use rand::Rng as _;
        match &self.seeded {
            Some(seeded) => seeded.random(buf),
            None => rand::rng().fill_bytes(buf),
        }
    }

    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, String> {
        Ok(Value::empty_map())
    }

    fn host_by_name(&self, _: &str) -> String {
        String::new()
    }
}

/// Reads what schemas refer to from files and from the network.
pub(crate) struct SchemaResolver<'a> {
    cx: &'a Context,
    fetcher: SchemaFetcher,
}

impl<'a> SchemaResolver<'a> {
    /// One for one check of values.
    pub(crate) fn new(cx: &'a Context) -> Self {
        SchemaResolver { cx, fetcher: SchemaFetcher::default() }
    }
}

impl Resolver for SchemaResolver<'_> {
    fn resolve(&self, address: &str) -> Result<Vec<u8>, String> {
        if !SchemaFetcher::is_for(address) {
            return LocalResolver.resolve(address);
        }
        let fetched = self.cx.block_on(async { Ok(self.fetcher.fetch(address).await) });
        fetched.unwrap_or_else(|failure| Err(failure.message.unwrap_or_default()))
    }
}
