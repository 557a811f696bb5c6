//! What comes back; the rest is compared with real Helm in the command's
//! tests.

use super::{KeptDocument, write_kept};

fn again(text: &str) -> String {
    let document = KeptDocument::parse(text.as_bytes()).unwrap().unwrap();
    String::from_utf8(write_kept(&[document])).unwrap()
}

#[test]
fn looks_are_kept() {
    let text = "a: 'one'\nb: \"two\"\n# above\nc: {x: 1, y: [a, b]} # beside\nd: |\n  text\n    # no comment\nl:\n- a\n- - b\n  - c\n- k: v\n  w: ~\n";
    assert_eq!(again(text), text);
}

#[test]
fn indentation_is_made_the_same() {
    assert_eq!(again("a:\n    - b: 1\n      c: 2\n    -\n      d\n"), "a:\n- b: 1\n  c: 2\n- d\n");
}

#[test]
fn comments_below_are_parted_from_what_follows() {
    let text = "a:\n  b: 1\n  # below b\n\n  c: 2\n# below a\n\n# at the end\n";
    assert_eq!(again(text), text);
}

#[test]
fn annotations_come_and_go() {
    let mut document = KeptDocument::parse(b"kind: A\nmetadata: {}\n").unwrap().unwrap();
    document.set_annotation("n", "v");
    let text = String::from_utf8(write_kept(&[document.clone()])).unwrap();
    assert_eq!(text, "kind: A\nmetadata:\n  annotations:\n    n: 'v'\n");
    assert_eq!(document.annotation("n").as_deref(), Some("v"));
    document.clear_annotation("n");
    assert_eq!(String::from_utf8(write_kept(&[document])).unwrap(), "kind: A\n");
}

#[test]
fn nothing_is_nothing() {
    for text in ["", "# only this\n", "null\n", "---\n"] {
        assert!(KeptDocument::parse(text.as_bytes()).unwrap().is_none(), "{text}");
    }
    assert!(KeptDocument::parse(b"a: b: c\n").is_err());
}

#[test]
fn blocks_end_where_the_indentation_does() {
    assert_eq!(again("a: |\nb: 1 # beside\n"), "a: \"\"\nb: 1 # beside\n");
    for text in [
        "- |\n  a\n# above\n- b\n",
        "- - |2\n       x\n    # text\n  # above\n  - w # beside\n",
        "a:\n- k: |2\n     x\n    # text\n  w: 1 # beside\n",
    ] {
        assert_eq!(again(text), text);
    }
}
