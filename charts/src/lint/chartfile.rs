//! The rules for `Chart.yaml`.

use templates_compat::neturl::Url;
use templates_compat::regexp::Regexp;
use templates_compat::semver::{Constraints, Version};
use templates_compat::yaml::{self, Shape};
use templates_compat::{Compat, Map};

use super::{Linter, Severity};
use crate::error::go_errno;
use crate::go_path::base;
use crate::metadata::{API_VERSION_V1, API_VERSION_V2, METADATA, Metadata};

const FILE: &str = "Chart.yaml";

type Outcome = Result<(), String>;

impl Linter<'_> {
    pub(super) fn chartfile(&mut self) {
        let compat = self.options.compat;
        let path = self.dir.join(FILE);
        let is_dir = path.is_dir();
        let outcome = if is_dir { Err("should be a file, not a directory".to_string()) } else { Ok(()) };
        self.rule(Severity::Error, FILE, outcome);
        let content = std::fs::read(&path).map_err(|e| {
            let operation = if is_dir { "read" } else { "open" };
            format!("{operation} {}: {}", path.display(), go_errno(&e))
        });
        let parsed = content.and_then(|c| Ok((Metadata::parse(&c, compat).map_err(|e| e.to_string())?, c)));
        let (metadata, content) = match parsed {
            Ok(parsed) => parsed,
            Err(e) => {
                self.rule(Severity::Error, FILE, Err(format!("unable to parse YAML\n\t{e}")));
                return;
            }
        };
        if compat.lints_strictly() {
            let strict = yaml::decode_strict(&content, &Shape::Struct(&METADATA), compat);
            let outcome = strict.map(drop).map_err(|e| format!("failed to strictly parse chart metadata file\n\t{e}"));
            self.rule(Severity::Warning, FILE, outcome);
        }
        let raw = yaml::read_map(&content, compat).ok().flatten().unwrap_or_default();
        self.metadata(&metadata, &raw);
    }

    fn metadata(&mut self, metadata: &Metadata, raw: &Map) {
        let compat = self.options.compat;
        for outcome in [
            name(metadata, compat),
            api_version(metadata),
            is_string(raw, "version", compat),
            version(metadata, compat),
            is_string(raw, "appVersion", compat),
            maintainers(metadata, compat),
            sources(metadata, compat),
        ] {
            self.rule(Severity::Error, FILE, outcome);
        }
        let icon = &metadata.icon;
        let outcome = if icon.is_empty() { Err("icon is recommended".to_string()) } else { Ok(()) };
        self.rule(Severity::Info, FILE, outcome);
        let outcome = require(icon.is_empty() || is_request_url(icon, compat), || format!("invalid icon URL '{icon}'"));
        self.rule(Severity::Error, FILE, outcome);
        let old = metadata.api_version != API_VERSION_V2;
        let api = &metadata.api_version;
        let outcome = require(metadata.r#type.is_empty() || !old, || {
            format!("chart type is not valid in apiVersion '{api}'. It is valid in apiVersion 'v2'")
        });
        self.rule(Severity::Error, FILE, outcome);
        let outcome = require(metadata.dependencies().is_empty() || !old, || {
            format!(
                "dependencies are not valid in the Chart file with apiVersion '{api}'. They are valid in apiVersion 'v2'"
            )
        });
        self.rule(Severity::Error, FILE, outcome);
        if compat.lints_strictly() {
            let strict = Version::parse_strict(&metadata.version, compat).is_ok();
            let outcome = require(strict, || format!("version '{}' is not a valid SemVerV2", metadata.version));
            self.rule(Severity::Warning, FILE, outcome);
        }
    }
}

fn require(holds: bool, text: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(text()) }
}

fn name(metadata: &Metadata, compat: Compat) -> Outcome {
    let name = &metadata.name;
    require(!name.is_empty(), || "name is required".into())?;
    require(base(name) == name, || format!("chart name {} is invalid", crate::go_text::quote(name, compat)))
}

fn api_version(metadata: &Metadata) -> Outcome {
    const EITHER: &str = "The value must be either \"v1\" or \"v2\"";
    match metadata.api_version.as_str() {
        "" => Err(format!("apiVersion is required. {EITHER}")),
        API_VERSION_V1 | API_VERSION_V2 => Ok(()),
        other => Err(format!("apiVersion '{other}' is not valid. {EITHER}")),
    }
}

fn is_string(raw: &Map, key: &str, compat: Compat) -> Outcome {
    match raw.get(key.as_bytes()) {
        Some(value) if value.as_bytes().is_none() => {
            Err(format!("{key} should be of type string but it's of type {}", value.type_name(compat)))
        }
        _ => Ok(()),
    }
}

fn version(metadata: &Metadata, compat: Compat) -> Outcome {
    let text = &metadata.version;
    require(!text.is_empty(), || "version is required".into())?;
    let parsed = Version::parse(text, compat).map_err(|_| format!("version '{text}' is not a valid SemVer"))?;
    let released = Constraints::parse(">0.0.0-0", compat).map_err(|e| e.to_string())?;
    match released.validate(&parsed) {
        Err(why) if !why.is_empty() => Err(format!("version {}", why[0])),
        _ => Ok(()),
    }
}

fn maintainers(metadata: &Metadata, compat: Compat) -> Outcome {
    if metadata.has_null_maintainer() {
        return Err("a maintainer entry is empty".into());
    }
    for m in &metadata.maintainers {
        require(!m.name.is_empty(), || "each maintainer requires a name".into())?;
        require(m.email.is_empty() || is_email(&m.email, compat), || {
            format!("invalid email '{}' for maintainer '{}'", m.email, m.name)
        })?;
        require(m.url.is_empty() || is_url(&m.url, compat), || {
            format!("invalid url '{}' for maintainer '{}'", m.url, m.name)
        })?;
    }
    Ok(())
}

fn sources(metadata: &Metadata, compat: Compat) -> Outcome {
    match metadata.sources.iter().find(|s| s.is_empty() || !is_request_url(s, compat)) {
        Some(source) => Err(format!("invalid source URL '{source}'")),
        None => Ok(()),
    }
}

/// An absolute address, or a path from the root (which has no scheme, so it
/// is none).
fn is_request_url(text: &str, compat: Compat) -> bool {
    let scheme = text.split_once(':').map(|(s, _)| s).unwrap_or_default();
    let has_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    has_scheme && Url::parse(text.as_bytes(), compat).is_ok()
}

fn fits(pattern: &str, text: &str, compat: Compat) -> bool {
    Regexp::compile(pattern.as_bytes(), compat).is_ok_and(|p| p.is_match(text.as_bytes()))
}

/// A local part of dotted atoms (or quoted) and a domain with at least two
/// labels.
fn is_email(text: &str, compat: Compat) -> bool {
    let atom = r"[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~\x{00A0}-\x{D7FF}\x{F900}-\x{FFEF}]+";
    let letter = r"[a-zA-Z0-9\x{00A0}-\x{D7FF}\x{F900}-\x{FFEF}]";
    let label = format!(r"{letter}([a-zA-Z0-9\-._~\x{{00A0}}-\x{{D7FF}}\x{{F900}}-\x{{FFEF}}]*{letter})?");
    let pattern = format!(r#"^({atom}(\.{atom})*|"[^"\\]*")@(({label}\.)+)({label}\.?)$"#);
    fits(&pattern, text, compat)
}

/// A web address; the scheme may be left out.
fn is_url(text: &str, compat: Compat) -> bool {
    let length = text.chars().count();
    if length >= 2083 || text.len() <= 3 || text.starts_with('.') {
        return false;
    }
    let scheme = r"((ftp|tcp|udp|wss?|https?)://)?(\S+(:\S*)?@)?";
    let host = r"(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9\x{00a1}-\x{ffff}]([a-zA-Z0-9\x{00a1}-\x{ffff}._-]*[a-zA-Z0-9\x{00a1}-\x{ffff}])?)";
    fits(&format!(r"^{scheme}{host}\.?(:\d{{1,5}})?([/?#]\S*)?$"), text, compat)
        && (text.contains('.') || text.contains("://"))
}
