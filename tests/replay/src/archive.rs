//! A packed chart is loaded, and if it is one, rendered. Inputs that do not
//! begin as gzip are a plain tar, or files after another: `== NAME` lines each
//! followed by the content.

use std::io::Write;

use charts::template::{TemplateOptions, template};
use charts::{Compat, File, Warnings, load};
use flate2::Compression;
use flate2::write::GzEncoder;
use templates_compat::Map;

use crate::nowhere::{Nowhere, world};

/// The body of the target.
pub fn archive(data: &[u8]) {
    let compat = if data.len() % 8 == 3 { Compat::Helm3 } else { Compat::Helm4 };
    let mut warnings = Warnings::new();
    let chart = if data.starts_with(b"== ") {
        load::load_files(files(data), compat, &mut warnings)
    } else if data.starts_with(b"\x1f\x8b") {
        load::load_archive(data, compat, &mut warnings)
    } else {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = gzip.write_all(data).and_then(|()| gzip.finish());
        load::load_archive(&packed.unwrap_or_default(), compat, &mut warnings)
    };
    let Ok(chart) = chart else { return };
    // The language has a target of its own; here is what stands around it.
    let slow = chart.raw.iter().any(|f| f.data.windows(2).filter(|w| w == b"{{").count() > 4);
    if slow {
        return;
    }
    let options = TemplateOptions {
        release_name: "rel".into(),
        namespace: "shop".into(),
        compat,
        include_crds: true,
        subchart_notes: true,
        ..TemplateOptions::default()
    };
    if let Ok(rendered) = template(chart, &Map::new(), &options, &world(), &Nowhere, &mut warnings) {
        rendered.text();
    }
}

fn files(data: &[u8]) -> Vec<File> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in data.split_inclusive(|&b| b == b'\n') {
        match (line.strip_prefix(b"== "), files.last_mut()) {
            (Some(name), _) => files.push((String::from_utf8_lossy(name).trim_end().to_owned(), Vec::new())),
            (None, Some((_, content))) => content.extend_from_slice(line),
            (None, None) => {}
        }
    }
    files.into_iter().map(|(name, content)| File::new(name, content)).collect()
}
