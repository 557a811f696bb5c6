//! `charts::lint` against what real Helm 4 says about the charts in
//! `testdata/charts` (`testdata/lint/NAME.txt`, `{CHARTS}` for the folder).

use std::path::PathBuf;

use charts::lint::{LintOptions, lint};
use charts::schema::LocalResolver;
use charts::{Compat, Warnings};
use templates_compat::{Map, Seed, Seeded};

#[test]
fn says_what_helm_says() {
    let testdata = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata").canonicalize().unwrap();
    let charts = testdata.join("charts");
    for name in ["faulty", "demo"] {
        let options = LintOptions {
            namespace: "default".to_string(),
            skip_schema_validation: true,
            compat: Compat::Helm4,
            ..LintOptions::default()
        };
        let mut warnings = Warnings::new();
        let messages = lint(
            &charts.join(name),
            &Map::new(),
            &options,
            &Seeded::new(Seed::at(1, 0)),
            &LocalResolver,
            &mut warnings,
        )
        .unwrap();
        let got: String = messages.iter().map(|m| format!("{m}\n")).collect();
        let got = got.replace(&*charts.to_string_lossy(), "{CHARTS}");
        let want = std::fs::read_to_string(testdata.join("lint").join(format!("{name}.txt"))).unwrap();
        assert_eq!(got, want, "{name}");
    }
}
