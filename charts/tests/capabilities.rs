//! How `.Capabilities` prints, as real Helm 4 and Helm 3 print it.

#![allow(clippy::unwrap_used, reason = "a test")]

use charts::Compat;
use charts::capabilities::Capabilities;
use templates_compat::{Map, Options, Seed, Seeded, TemplateSet, Value};

fn render(text: &str, compat: Compat) -> String {
    let mut set = TemplateSet::new(Options { compat, ..Options::default() });
    set.parse("x/templates/a.yaml", text.as_bytes()).unwrap();
    let root = Map::new();
    root.insert("Capabilities", Capabilities::defaults(compat).to_value());
    let out = set.render("x/templates/a.yaml", &Value::Map(root), &Seeded::new(Seed::at(1, 0))).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_version_prints_its_name_only_where_its_address_can_be_taken() {
    let whole = [(Compat::Helm4, "v1.37.0", "{v1.37.0 v1.37.0 1 37}"), (Compat::Helm3, "v1.34.0", "{v1.34.0 1 34}")];
    for (compat, name, whole) in whole {
        for direct in [
            "{{ .Capabilities.KubeVersion }}",
            "{{ $v := .Capabilities.KubeVersion }}{{ $v }}",
            "{{ with .Capabilities.KubeVersion }}{{ . }}{{ end }}",
            "{{ or .Capabilities.KubeVersion 1 }}",
            "{{ .Capabilities.KubeVersion.String }}",
        ] {
            assert_eq!(render(direct, compat), name, "{direct}");
        }
        for copied in [
            "{{ print .Capabilities.KubeVersion }}",
            "{{ .Capabilities.KubeVersion | toString }}",
            "{{ (dict \"a\" .Capabilities.KubeVersion).a }}",
            "{{ index (list .Capabilities.KubeVersion) 0 }}",
            "{{ join \"\" (list .Capabilities.KubeVersion) }}",
        ] {
            assert_eq!(render(copied, compat), whole, "{copied}");
        }
        let nested = render("{{ .Capabilities }}", compat);
        assert!(nested.starts_with(&format!("{{{whole} [v1 ")), "{nested}");
        let copied = render("{{ print .Capabilities }}", compat);
        assert_eq!(copied, format!("&{nested}"));
    }
}

#[test]
fn an_empty_field_of_the_build_is_no_json() {
    let four = r#"{"version":"v4.3.1","git_tree_state":"clean","go_version":"go1.27.2","kube_client_version":"v1.37"}"#;
    assert_eq!(render("{{ toJson .Capabilities.HelmVersion }}", Compat::Helm4), four);
    assert!(render("{{ toJson .Capabilities.HelmVersion }}", Compat::Helm3).contains("\"git_commit\":\"3d8990f"));
}
