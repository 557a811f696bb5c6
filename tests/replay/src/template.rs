//! A template is parsed and executed over values: the result is a text or an
//! error, and the same one each time.

use templates_compat::value::MapType;
use templates_compat::{Compat, Error, Limits, Map, Options, Parsed, TemplateSet, Value, with_deep_stack, yaml};

use crate::nowhere::world;

/// Ends the template; the values follow, as YAML.
const SEPARATOR: &[u8] = b"\n-- values --\n";

/// A chart may take long where its author wants that; a fuzzer has no time.
/// What is checked is that the limits mean what they say.
const LIMITS: Limits = Limits { output: 16 << 20, steps: 1_000_000, template_depth: 100_000 };

/// Definitions that a template can call.
const HELPERS: &[u8] = br#"{{ define "name" }}{{ .Release.Name }}-web{{ end }}
{{- define "self" }}{{ include "self" . }}{{ end }}
{{- define "loop" }}{{ template "loop" . }}{{ end }}
{{- define "list" }}{{ range . }}- {{ . | quote }}
{{ end }}{{ end }}"#;

const VALUES: &[u8] = br#"
name: web
port: 8080
on: true
off: false
nothing: null
empty: ""
half: 0.5
text: "two\nlines"
list: [a, b, 1, null, {k: v}]
map: {a: 1, b: {c: [x, y]}, "k.with/odd": z}
day: 2024-02-29T12:30:00Z
"#;

/// The body of the target.
pub fn template(data: &[u8]) {
    let compat = if data.len() % 8 == 3 { Compat::Helm3 } else { Compat::Helm4 };
    let (text, values) = match data.windows(SEPARATOR.len()).position(|w| w == SEPARATOR) {
        Some(at) => (&data[..at], &data[at + SEPARATOR.len()..]),
        None => (data, VALUES),
    };
    // What makes keys takes a second of honest work each; it has no input
    // that could make it worse.
    const SLOW: [&[u8]; 6] = [b"gen", b"bcrypt", b"htpasswd", b"derivePassword", b"Cert", b"AES"];
    if SLOW.iter().any(|word| text.windows(word.len()).any(|w| w == *word)) {
        return;
    }
    let Ok(values) = yaml::read_map(values, compat) else { return };
    let values = values.unwrap_or_default();
    with_deep_stack(|| {
        let first = render(text, &values, compat, Parsed::new);
        let again = render(text, &values, compat, Parsed::at_once);
        assert_eq!(first, again, "the same render twice, once parsed where it runs and once at once");
    });
}

fn render(
    text: &[u8],
    values: &Map,
    compat: Compat,
    parse: impl Fn(&str, &[u8], Compat) -> Result<Parsed, Error>,
) -> Result<Vec<u8>, String> {
    let mut set = TemplateSet::new(Options { compat, limits: LIMITS, ..Options::default() });
    for (name, text) in [("web/templates/_helpers.tpl", HELPERS), ("web/templates/page.yaml", text)] {
        set.add(&parse(name, text, compat).map_err(|e| e.to_string())?);
    }
    let values = Value::Map(values.deep_copy());
    let root = Map::of_type(MapType::Values);
    root.insert("Values", values);
    root.insert("Release", Value::Map([("Name".into(), Value::str("rel"))].into_iter().collect()));
    root.insert("Capabilities", charts::Capabilities::defaults(compat).to_value());
    let files = [charts::File::new("a.txt", b"one\ntwo".to_vec()), charts::File::new("b/c.bin", vec![0xff, 0])];
    root.insert("Files", Value::Object(std::sync::Arc::new(charts::Files::new(&files))));
    set.render("web/templates/page.yaml", &Value::Map(root), &world()).map_err(|e| e.to_string())
}
