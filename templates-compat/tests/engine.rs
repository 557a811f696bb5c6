//! The template engine by its public interface: sets, limits, nesting.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

use templates_compat::value::{Map, MapType, Value};
use templates_compat::{Compat, Host, Limits, Options, Parsed, TemplateSet, with_deep_stack};

/// A world in which nothing is found and time stands still.
struct Nowhere;

impl Host for Nowhere {
    fn now_unix_nanos(&self) -> i128 {
        0
    }
    fn random(&self, buf: &mut [u8]) {
        buf.fill(4);
    }
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Value, String> {
        Err("no cluster".into())
    }
    fn host_by_name(&self, _: &str) -> String {
        String::new()
    }
}

fn set_of(options: Options, files: &[(&str, &str)]) -> TemplateSet {
    let mut set = TemplateSet::new(options);
    for (name, text) in files {
        set.parse(name, text.as_bytes()).unwrap();
    }
    set
}

fn render(set: &TemplateSet, name: &str) -> Result<String, String> {
    let root = Value::Map(Map::of_type(MapType::Values));
    match set.render(name, &root, &Nowhere) {
        Ok(text) => Ok(String::from_utf8(text).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

fn render_text(text: &str) -> Result<String, String> {
    render(&set_of(Options::default(), &[("f", text)]), "f")
}

fn limited(limits: Limits, text: &str) -> Result<String, String> {
    render(&set_of(Options { limits, ..Options::default() }, &[("f", text)]), "f")
}

#[test]
fn a_later_definition_wins_unless_it_is_blank() {
    let one = ("a", "{{ define \"d\" }}one{{ end }}");
    let two = ("b", "{{ define \"d\" }}two{{ end }}");
    let blank = ("c", "{{ define \"d\" }} \n{{/* nothing */}}{{ end }}");
    let caller = ("f", "{{ template \"d\" }}");
    assert_eq!(render(&set_of(Options::default(), &[one, two, caller]), "f").unwrap(), "two");
    assert_eq!(render(&set_of(Options::default(), &[one, blank, caller]), "f").unwrap(), "one");
    assert_eq!(render(&set_of(Options::default(), &[blank, one, caller]), "f").unwrap(), "one");
}

#[test]
fn a_parsed_file_serves_many_sets() {
    let parsed = Parsed::new("f", b"{{ upper \"x\" }}", Compat::Helm3).unwrap();
    for _ in 0..2 {
        let mut set = TemplateSet::new(Options { compat: Compat::Helm3, ..Options::default() });
        set.add(&parsed);
        assert!(set.has("f") && !set.has("g"));
        assert_eq!(render(&set, "f").unwrap(), "X");
    }
}

#[test]
fn strict_sets_miss_keys() {
    let strict = Options { strict: true, ..Options::default() };
    let error = render(&set_of(strict, &[("f", "{{ .a }}")]), "f").unwrap_err();
    assert!(error.ends_with("map has no entry for key \"a\""), "{error}");
}

#[test]
fn lint_lets_fail_and_required_pass() {
    let lint = Options { lint: true, ..Options::default() };
    assert_eq!(render(&set_of(lint, &[("f", "[{{ fail \"x\" }}{{ required \"y\" .z }}]")]), "f").unwrap(), "[]");
}

#[test]
fn functions_of_helm_4_are_unknown_to_helm_3() {
    let error = Parsed::new("f", b"{{ mustToDuration 1 }}", Compat::Helm3).unwrap_err();
    assert_eq!(error.to_string(), "parse error at (f:1): function \"mustToDuration\" not defined");
}

#[test]
fn errors_of_lookup_name_it() {
    let error = render_text("{{ lookup \"v1\" \"Pod\" \"\" \"\" }}").unwrap_err();
    assert!(error.ends_with("error calling lookup: no cluster"), "{error}");
}

#[test]
fn loops_end_at_the_limit_of_steps() {
    let limits = Limits { steps: 10_000, ..Limits::default() };
    let error = limited(limits, "{{ range 1000 }}{{ range 1000 }}{{ end }}{{ end }}").unwrap_err();
    assert!(error.contains("too many steps"), "{error}");
    assert_eq!(limited(limits, "{{ range 9 }}{{ . }}{{ end }}").unwrap(), "012345678");
}

#[test]
fn output_ends_at_its_limit() {
    let limits = Limits { output: 1000, ..Limits::default() };
    let error = limited(limits, "{{ range 1000 }}abc{{ end }}").unwrap_err();
    assert!(error.contains("output is too large"), "{error}");
}

#[test]
fn templates_nest_as_deeply_as_in_go() {
    let limits = Limits { template_depth: 5000, ..Limits::default() };
    let error = limited(limits, "{{ define \"r\" }}{{ template \"r\" . }}{{ end }}{{ template \"r\" . }}").unwrap_err();
    assert!(error.ends_with("exceeded maximum template depth (5000)"), "{error}");
}

#[test]
fn includes_of_one_name_end_after_a_thousand() {
    let error = render_text("{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}").unwrap_err();
    assert_eq!(error.matches("error calling include").count(), 1002);
    assert!(error.ends_with("rendering template has a nested reference name: r: unable to execute template"));
}

#[test]
fn endless_recursion_of_tpl_is_an_error() {
    // Go's own process dies of this one.
    let text = "{{ $t := \"{{ tpl .t . }}\" }}{{ tpl $t (dict \"t\" $t) }}";
    let error = render_text(text).unwrap_err();
    assert!(error.contains("nest too deeply"), "{}", &error[error.len().saturating_sub(200)..]);
}

#[test]
fn parentheses_nest_up_to_go_s_limit() {
    let nested = |depth: usize| format!("{{{{ {}1{} }}}}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(render_text(&nested(9_999)).unwrap(), "1");
    let error = Parsed::new("f", nested(10_001).as_bytes(), Compat::Helm4).unwrap_err();
    assert_eq!(error.to_string(), "parse error at (f:1): max expression depth exceeded");
}

#[test]
fn control_structures_nest_deeply() {
    let text = format!("{}x{}", "{{ if true }}".repeat(9_000), "{{ end }}".repeat(9_000));
    assert_eq!(render_text(&text).unwrap(), "x");
    let text = format!("{{{{ if false }}}}{}{{{{ else }}}}y{{{{ end }}}}", "{{ else if false }}".repeat(9_000));
    assert_eq!(render_text(&text).unwrap(), "y");
    let text = format!("{}x{}", "{{ if true }}".repeat(30_000), "{{ end }}".repeat(30_000));
    let error = Parsed::new("f", text.as_bytes(), Compat::Helm4).unwrap_err();
    assert!(error.to_string().contains("max nesting depth exceeded"), "{error}");
}

#[test]
fn one_deep_stack_serves_many_renders() {
    let set = set_of(Options::default(), &[("f", "{{ add 1 2 }}")]);
    let texts = with_deep_stack(|| (0..3).map(|_| render(&set, "f").unwrap()).collect::<Vec<_>>());
    assert_eq!(texts, ["3", "3", "3"]);
}

#[test]
fn a_thousand_texts_of_tpl_stay_cheap() {
    let text = "{{ range $i := until 10000 }}{{ tpl \"{{ . }},\" 1 }}{{ end }}";
    assert_eq!(render_text(text).unwrap().len(), 20_000);
}

#[test]
fn any_bytes_are_parsed_or_refused() {
    // Every cut of a text with everything in it, and every byte of it spoilt.
    let text = "{{- define \"d\" -}}{{ $x := 1 }}{{ if eq $x 0x1F }}a{{ else }}{{ range $i, $e := .l }}{{ break }}{{ end }}{{ end }}\
        {{ end }}{{/* c */}}{{ (index .a 'b' \"q\\n\" `r`).c | printf \"%d\" 1.5e3 2i }}é{{ template \"d\" . }}";
    let bytes = text.as_bytes();
    for at in 0..bytes.len() {
        let _ = Parsed::new("f", &bytes[..at], Compat::Helm4);
        for byte in [0u8, b'{', b'}', b'"', b'(', b' ', b'\n', 0xFF, b'-', b'.'] {
            let mut spoilt = bytes.to_vec();
            spoilt[at] = byte;
            if let Ok(parsed) = Parsed::new("f", &spoilt, Compat::Helm3) {
                let mut set = TemplateSet::new(Options { compat: Compat::Helm3, ..Options::default() });
                set.add(&parsed);
                let _ = set.render("f", &Value::Map(Map::new()), &Nowhere);
            }
        }
    }
}
