//! The named limits on charts and values: what meets one gets an error that
//! says which, in Helm's words where Helm has the limit.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::Write as _;

use charts::schema::{LocalResolver, validate_single};
use charts::values::{SetKind, load_values, parse_into};
use charts::{Compat, File, Warnings, load};
use flate2::Compression;
use flate2::write::GzEncoder;
use templates_compat::Map;

/// An archive of a chart with files of these sizes.
fn archive(sizes: impl IntoIterator<Item = (String, u64)>) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut add = |name: &str, size: u64, data: &mut dyn std::io::Read| {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("web/{name}"), data).unwrap();
    };
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    add("Chart.yaml", chart.len() as u64, &mut chart.as_bytes());
    for (name, size) in sizes {
        add(&name, size, &mut std::io::Read::take(std::io::repeat(b'a'), size));
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn load_error(packed: &[u8], compat: Compat) -> String {
    load::load_archive(packed, compat, &mut Warnings::new()).unwrap_err().to_string()
}

#[test]
fn archives_unpack_to_a_limit() {
    let large = archive((0..21).map(|n| (format!("files/{n}"), 5 << 20)));
    assert!(large.len() < 2 << 20, "a small archive of {} bytes", large.len());
    let error = load_error(&large, Compat::Helm4);
    assert_eq!(error, "decompressed chart is larger than the maximum size 104857600");
    let error = load_error(&large, Compat::Helm3);
    assert_eq!(error, "decompressed chart is larger than the maximum file size 104857600");
}

#[test]
fn a_file_of_an_archive_has_a_limit_in_helm_3() {
    let large = archive([("files/a".to_owned(), (5 << 20) + 1)]);
    let error = load_error(&large, Compat::Helm3);
    assert_eq!(error, "decompressed chart file \"web/files/a\" is larger than the maximum file size 5242880");
    assert!(load::load_archive(&large, Compat::Helm4, &mut Warnings::new()).is_ok());
}

#[test]
fn an_archive_has_at_most_so_many_files() {
    let many = archive((0..100_001).map(|n| (format!("files/{n}"), 0)));
    let error = load_error(&many, Compat::Helm4);
    assert_eq!(error, "decompressed chart is larger than the maximum size 104857600");
}

#[test]
fn a_stream_without_end_ends() {
    // Zeros are empty blocks of a tar: there is no file to count.
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..200 {
        gzip.write_all(&zeros).unwrap();
    }
    let error = load_error(&gzip.finish().unwrap(), Compat::Helm4);
    assert_eq!(error, "no files in chart archive");
}

#[test]
fn charts_nest_to_a_limit() {
    let nested = |depth: usize| {
        let files = (0..=depth).map(|n| {
            let chart = format!("apiVersion: v2\nname: c{n}\nversion: 1.0.0\n");
            let folder: String = (1..=n).map(|n| format!("charts/c{n}/")).collect();
            File::new(format!("{folder}Chart.yaml"), chart.into_bytes())
        });
        load::load_files(files.collect(), Compat::Helm4, &mut Warnings::new()).map(drop)
    };
    assert!(nested(60).is_ok());
    let error = nested(70).unwrap_err().to_string();
    assert!(error.contains("charts are nested too deeply"), "{error}");
}

#[test]
fn folders_nest_to_a_limit() {
    let top = std::env::temp_dir().join(format!("charts-limits-{}", std::process::id()));
    let mut folder = top.clone();
    for _ in 0..520 {
        folder.push("a");
    }
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(top.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n").unwrap();
    let loaded = load::load_dir(&top, Compat::Helm4, &mut Warnings::new());
    std::fs::remove_dir_all(&top).unwrap();
    let error = loaded.unwrap_err().to_string();
    assert!(error.ends_with("folders are nested too deeply"), "{error}");
}

fn set_error(text: &str) -> String {
    parse_into(text, &Map::new(), SetKind::Set, Compat::Helm4).unwrap_err().to_string()
}

#[test]
fn set_has_limits() {
    assert!(set_error("a[65537]=1").contains("index of 65537 is greater than maximum supported index of 65536"));
    let name = vec!["a"; 32].join(".");
    let error = set_error(&format!("{name}=1"));
    assert!(error.contains("nested level is greater than maximum supported nested level of 30"), "{error}");
    let error = set_error(&format!("a={}1", "{".repeat(600)));
    assert!(!error.is_empty());
}

#[test]
fn values_nest_to_a_limit() {
    let values = format!("{}1{}", "{a: ".repeat(1001), "}".repeat(1001));
    let error = load_values(values.as_bytes(), Compat::Helm4).unwrap_err().to_string();
    assert!(error.contains("exceeded max depth"), "{error}");
}

#[test]
fn schemas_have_limits() {
    let deep = format!("{}true{}", "{\"not\":".repeat(600), "}".repeat(600));
    let error = validate_single(&Map::new(), deep.as_bytes(), Compat::Helm4, &LocalResolver).unwrap_err().to_string();
    assert!(!error.is_empty());
    // Every round doubles what is checked, and there is no end to the values.
    let endless = br##"{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}"##;
    let error = validate_single(&Map::new(), endless, Compat::Helm4, &LocalResolver).unwrap_err().to_string();
    assert!(error.contains("causing reference cycle"), "{error}");
}
