//! The named limits: what meets one gets an error that says which, soon.

#![allow(clippy::unwrap_used, reason = "a test")]

use templates_compat::value::MapType;
use templates_compat::{Compat, Limits, Map, Options, Seed, Seeded, TemplateSet, Value};

fn render(text: &str, limits: Limits) -> Result<String, String> {
    let mut set = TemplateSet::new(Options { compat: Compat::Helm4, limits, ..Options::default() });
    set.parse("f", text.as_bytes()).unwrap();
    let root = Value::Map(Map::of_type(MapType::Values));
    match set.render("f", &root, &Seeded::new(Seed::at(1, 0))) {
        Ok(text) => Ok(String::from_utf8(text).unwrap()),
        Err(error) => Err(error.to_string()),
    }
}

/// A list that holds another one many times, which holds … : ten bytes of
/// template stand for 2⁴⁰ parts.
const SHARED: &str = "{{ $l := list 1 }}{{ range until 40 }}{{ $l = list $l $l }}{{ end }}";

/// A map that holds itself.
const CYCLE: &str = "{{ $m := dict }}{{ $_ := set $m \"a\" $m }}";

/// Each text, put behind `before`, ends in an error with these words.
fn each_is_refused(before: &str, cases: &[(&str, &str)]) {
    for (text, words) in cases {
        let text = format!("{before}{text}");
        let error = render(&text, Limits::default()).unwrap_err();
        assert!(error.contains(words), "{text}: {error}");
    }
}

#[test]
fn what_functions_make_is_limited() {
    let cases = [
        ("{{ repeat 67108865 \"a\" }}", "result is larger than 67108864 bytes"),
        ("{{ $t := repeat 60000000 \"a\" }}{{ replace \"a\" \"bb\" $t }}", "result is larger than 67108864 bytes"),
        ("{{ $t := repeat 60000000 \"a\" }}{{ print $t $t }}", "result is larger than 67108864 bytes"),
        ("{{ until 1048577 }}", "1048576"),
        ("{{ $l := until 1048576 }}{{ concat $l $l }}", "1048576"),
        ("{{ printf \"%v\" $l }}", "result is larger than 67108864 bytes"),
        ("{{ toJson $l }}", "result is larger than 67108864 bytes"),
        ("{{ toYaml $l }}", "result is larger than 67108864 bytes"),
        ("{{ toToml (dict \"a\" $l) }}", "value to write has more than 16777216 parts"),
        ("{{ deepCopy $l }}", "has more than 1048576 parts"),
    ];
    each_is_refused(SHARED, &cases);
}

#[test]
fn depth_is_limited() {
    let cases = [
        ("{{ $m }}", "value is nested deeper than 2000"),
        ("{{ deepCopy $m }}", "value to copy is nested deeper than 2000"),
        ("{{ mustToJson $m }}", "encountered a cycle"),
        ("{{ mustToYaml $m }}", "encountered a cycle"),
        ("{{ mustToToml $m }}", "exceeded max depth"),
        ("{{ $n := dict }}{{ $_ := set $n \"a\" $n }}{{ merge $m $n }}", "maps to merge are nested deeper than 2000"),
        ("{{ (fromYaml (print (repeat 1001 \"{a: \") (repeat 1001 \"}\"))).Error | fail }}", "exceeded max depth"),
        (
            "{{ (fromJson (print (repeat 1001 \"{\\\"a\\\":\") 1 (repeat 1001 \"}\"))).Error | fail }}",
            "exceeded max depth",
        ),
        ("{{ (fromToml (print \"a = \" (repeat 251 \"[\") (repeat 251 \"]\"))).Error | fail }}", "exceeded max depth"),
    ];
    each_is_refused(CYCLE, &cases);
}

#[test]
fn documents_and_patterns_are_limited() {
    let cases = [
        ("{{ (fromYamlArray (repeat 4194304 \"- \\n\")) | first | fail }}", "document has too many nodes"),
        ("{{ mustRegexMatch (repeat 400 \"\\\\pL{1000}\") \"a\" }}", "expression too large"),
        ("{{ mustRegexMatch (print (repeat 1001 \"(\") (repeat 1001 \")\")) \"a\" }}", "expression nests too deeply"),
    ];
    each_is_refused("", &cases);
    let product = format!("{{{{ mulf{} }}}}", " 1.2345678901234567".repeat(20_000));
    each_is_refused("", &[(&product, "product has too many digits")]);
}

/// Work that neither an argument's size nor a result's tells.
#[test]
fn hidden_work_counts_as_steps() {
    let bomb = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\\n\
        c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c]\\n";
    let twelve = "{{ $v := append (until 999) 1 }}{{ $w := append (until 999) 2 }}{{ $l := list $v }}\
        {{ range until 12 }}{{ $l = concat $l $l }}{{ end }}";
    let cases = [
        format!("{{{{ range until 1000 }}}}{{{{ $_ := fromYaml \"{bomb}\" }}}}{{{{ end }}}}"),
        format!("{twelve}{{{{ has $w $l }}}}"),
        format!("{twelve}{{{{ without $l $w }}}}"),
        format!(
            "{twelve}{{{{ $c := list (deepCopy $v) }}}}{{{{ range until 12 }}}}{{{{ $c = concat $c $c }}}}{{{{ end }}}}\
             {{{{ deepEqual $l $c }}}}"
        ),
        "{{ $l := list }}{{ range until 3000 }}{{ $l = append $l (list 1 2 3 4 5 6 7 8 .) }}{{ end }}{{ uniq $l }}"
            .into(),
        format!("{twelve}{{{{ range until 4000 }}}}{{{{ $_ := deepCopy $v }}}}{{{{ end }}}}"),
        "{{ $a := dict }}{{ range until 30 }}{{ $a = dict \"a\" $a \"b\" $a }}{{ end }}\
            {{ $b := dict }}{{ range until 30 }}{{ $b = dict \"a\" $b \"b\" $b }}{{ end }}{{ merge $a $b }}"
            .into(),
        // What cannot be written gives nothing, but not for nothing.
        "{{ $m := dict }}{{ $_ := set $m \"z\" $m }}{{ $_ = set $m \"a\" (repeat 10000 \"a\") }}\
            {{ range until 1000 }}{{ toJson $m }}{{ toYaml $m }}{{ end }}"
            .into(),
    ];
    for text in cases {
        let outcome = render(&text, Limits { steps: 3_000_000, ..Limits::default() });
        let says = outcome.as_ref().err().is_some_and(|error| error.contains("the template takes too many steps"));
        assert!(says, "{text}: {outcome:?}");
    }
}

/// The same text has the same addresses in it each time.
#[test]
fn addresses_are_counted() {
    let text = "{{ $a := dict }}{{ $b := dict }}{{ printf \"%p %p %p\" $a $b $a }} {{ printf \"%p\" $b }}";
    let first = render(text, Limits::default()).unwrap();
    assert_eq!(first, "0xc000000000 0xc000000010 0xc000000000 0xc000000000");
}
