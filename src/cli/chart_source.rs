//! From a chart reference to a loaded chart, and the world that a render may
//! see.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use charts::schema::{LocalResolver, Resolver};
use charts::{Chart, Warnings};
use engine::pull::{self, Located, PullOptions, SchemaFetcher};
use templates_compat::value::Value;
use templates_compat::{Compat, Host, Seed, Seeded};

use super::{Context, Failure};

/// A chart that is there, not yet loaded.
#[derive(Debug)]
pub(crate) enum Source {
    /// A folder or an archive.
    Path(PathBuf),
    /// A fetched archive.
    Archive(Vec<u8>),
}

/// Finds a chart, and fetches it if need be.
///
/// # Errors
/// The reference or the download.
pub(crate) fn locate(cx: &Context, reference: &str, options: &PullOptions) -> Result<Source, Failure> {
    match pull::locate(reference, options).map_err(Failure::from_display)? {
        Located::Path(path) => {
            // Helm's messages name the whole path.
            let absolute = std::path::absolute(&path).map_err(Failure::from_display)?;
            Ok(Source::Path(PathBuf::from(charts::clean_path(&absolute.to_string_lossy()))))
        }
        Located::Remote(remote) => {
            let pulled = cx.block_on(async { pull::pull(&remote, options).await.map_err(Failure::from_display) })?;
            for warning in &pulled.warnings {
                cx.printer.note(warning);
            }
            if let Some(origin) = &pulled.oci {
                cx.printer.note(&format!("Pulled: {}\nDigest: {}", origin.reference, origin.digest));
            }
            Ok(Source::Archive(pulled.bytes))
        }
    }
}

/// Loads a chart.
///
/// # Errors
/// A folder or archive that is no chart.
pub(crate) fn load(cx: &Context, source: &Source) -> Result<Chart, Failure> {
    let mut warnings = Warnings::new();
    let chart = match source {
        Source::Path(path) => charts::load::load(path, cx.settings.compat, &mut warnings),
        Source::Archive(bytes) => charts::load::load_archive(bytes, cx.settings.compat, &mut warnings),
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
/// dependencies are there.
///
/// # Errors
/// As [`load`]; a library chart; missing dependencies.
pub(crate) fn load_installable(cx: &Context, source: &Source) -> Result<Chart, Failure> {
    let chart = load(cx, source)?;
    charts::template::check_installable(&chart).map_err(Failure::from_display)?;
    tell_deprecated(cx, &chart);
    charts::dependencies::check(&chart, cx.settings.compat).map_err(Failure::from_display)?;
    Ok(chart)
}

/// Says that a chart is deprecated, unless it cannot be installed at all.
pub(crate) fn tell_deprecated(cx: &Context, chart: &Chart) {
    if !chart.metadata.deprecated || charts::template::check_installable(chart).is_err() {
        return;
    }
    match cx.settings.compat {
        Compat::Helm3 => cx.printer.note("WARNING: This chart is deprecated"),
        Compat::Helm4 => cx.printer.warn("this chart is deprecated"),
    }
}

/// Says how dependencies are had, where `--dependency-update` would fetch them.
pub(crate) fn hint_on_dependencies(failure: Failure, asked: bool) -> Failure {
    let missing = failure.message.as_ref().is_some_and(|text| text.contains("missing in charts/ directory"));
    if asked && missing {
        return failure.hint("--dependency-update fetches nothing yet; `helm dependency update` does");
    }
    failure
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
