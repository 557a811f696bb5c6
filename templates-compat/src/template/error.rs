//! What went wrong in a template: Go's text for it, and what each Helm makes
//! of that text.

use std::fmt;

use crate::compat::Compat;

/// A parse or execution error. It displays what Helm prints after `Error: `
/// (without the hint about `--debug`, which is the command's).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    go: String,
    helm: String,
}

impl Error {
    /// The message as Go's `text/template` words it.
    pub fn go_text(&self) -> &str {
        &self.go
    }

    /// Helm's clean-up of a parse error.
    pub(super) fn parse(file: &str, go: String) -> Self {
        // "template", then the place, then a chain of which the last counts.
        let mut tokens = go.split(": ");
        tokens.next();
        let helm = match (tokens.next(), go.rsplit(": ").next()) {
            (Some(location), Some(message)) => format!("parse error at ({location}): {message}"),
            _ => format!("parse error in ({file}): {go}"),
        };
        Error { go, helm }
    }

    /// Helm's clean-up of an execution error.
    pub(super) fn exec(file: &str, trace: &Trace, compat: Compat) -> Self {
        let (go, starts) = trace.text();
        let helm = clean_exec(file, &go, &starts, compat);
        Error { go, helm }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.helm)
    }
}

impl std::error::Error for Error {}

/// An error on its way out of nested templates: each level wraps the text of
/// the one inside.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Innermost first. Every part begins an error of Go's chain of wrapped
    /// errors, whose text is this part and all the parts before it here.
    parts: Vec<String>,
}

impl Trace {
    pub(super) fn new(text: String) -> Self {
        Trace { parts: vec![text] }
    }

    /// Wraps the error: the new text is `prefix` and then the old one.
    pub(super) fn wrap(&mut self, prefix: String) {
        self.parts.push(prefix);
    }

    /// The whole text, and where in it each error of the chain begins.
    fn text(&self) -> (String, Vec<usize>) {
        let mut text = String::with_capacity(self.parts.iter().map(String::len).sum());
        let mut starts = Vec::with_capacity(self.parts.len());
        for part in self.parts.iter().rev() {
            starts.push(text.len());
            text.push_str(part);
        }
        (text, starts)
    }
}

const WARN_START: &str = "HELM_ERR_START";
const WARN_END: &str = "HELM_ERR_END";

/// Marks the message of `fail` and `required`, which Helm shows bare.
pub(crate) fn warn(message: &str) -> String {
    format!("{WARN_START}{message}{WARN_END}")
}

fn clean_exec(file: &str, go: &str, starts: &[usize], compat: Compat) -> String {
    let mut tokens = go.splitn(3, ": ");
    let (Some(_), Some(location), Some(message)) = (tokens.next(), tokens.next(), tokens.next()) else {
        return format!("execution error in ({file}): {go}");
    };
    if let Some(warning) = find_warning(message) {
        return format!("execution error at ({location}): {warning}");
    }
    match compat.traces_errors() {
        false => go.to_owned(),
        true => traced(go, starts).unwrap_or_else(|| go.to_owned()),
    }
}

/// What stands between the first start mark and the last end mark after it.
fn find_warning(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(WARN_START)?;
    rest.rsplit_once(WARN_END).map(|(warning, _)| warning)
}

/// One place of Helm 4's trace.
#[derive(Debug, PartialEq, Eq, Default)]
struct Place<'t> {
    location: &'t str,
    /// The template's name and the node.
    executing: Option<(&'t str, &'t str)>,
    message: &'t str,
}

/// Helm 4's trace, one paragraph for each error of the chain. Nothing if one
/// of them is not worded like an error of a template.
fn traced(go: &str, starts: &[usize]) -> Option<String> {
    let mut places: Vec<Place<'_>> = Vec::new();
    for &start in starts {
        let place = read_place(go.get(start..)?)?;
        if places.last() != Some(&place) {
            places.push(place);
        }
    }
    let mut text = String::new();
    for place in &places {
        if !place.location.is_empty() {
            text.push_str(place.location);
            text.push_str("\n  ");
        }
        if let Some((name, node)) = place.executing {
            text.push_str(&format!("executing \"{name}\" at <{node}>:\n    "));
        }
        if !place.message.is_empty() {
            text.push_str(place.message);
            text.push('\n');
        }
    }
    Some(text.trim().to_owned())
}

fn read_place(text: &str) -> Option<Place<'_>> {
    let rest = text.strip_prefix("template: ")?;
    if rest.starts_with("no template ") {
        return Some(Place { message: text, ..Place::default() });
    }
    executing(rest).or_else(|| {
        let (location, message) = rest.rsplit_once(": ")?;
        Some(Place { location, executing: None, message: before_next(message) })
    })
}

fn executing(rest: &str) -> Option<Place<'_>> {
    let (location, after) = rest.split_once(": executing ")?;
    let (name, after) = after.strip_prefix('"')?.split_once('"')?;
    let (node, message) = after.strip_prefix(" at <")?.split_once(">: ")?;
    Some(Place { location, executing: Some((name, node)), message: before_next(message) })
}

/// The message without the error that it wraps.
fn before_next(message: &str) -> &str {
    message.split_once(" template:").map_or(message, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested() -> Trace {
        let mut trace = Trace::new("template: c/templates/_h.tpl:2:3: executing \"h\" at <.x.y>: nil pointer".into());
        trace.wrap("template: c/templates/a.yaml:1:3: executing \"c/templates/a.yaml\" at <include \"h\" .>: error calling include: ".into());
        trace
    }

    #[test]
    fn helm3_keeps_one_line() {
        let error = Error::exec("a.yaml", &nested(), Compat::Helm3);
        assert_eq!(error.to_string(), error.go_text());
    }

    #[test]
    fn helm4_traces_each_level() {
        let error = Error::exec("a.yaml", &nested(), Compat::Helm4).to_string();
        assert_eq!(
            error,
            "c/templates/a.yaml:1:3\n  executing \"c/templates/a.yaml\" at <include \"h\" .>:\n    error calling include:\n\
             c/templates/_h.tpl:2:3\n  executing \"h\" at <.x.y>:\n    nil pointer"
        );
    }

    #[test]
    fn a_parse_error_keeps_the_text_after_the_last_colon() {
        let error = Error::parse("f", "template: f:1: integer overflow: \"08\"".into());
        assert_eq!(error.to_string(), "parse error at (f:1): \"08\"");
    }

    #[test]
    fn warnings_are_shown_bare() {
        let trace =
            Trace::new(format!("template: f:1:2: executing \"f\" at <fail>: error calling fail: {}", warn("no: way")));
        assert_eq!(Error::exec("f", &trace, Compat::Helm4).to_string(), "execution error at (f:1:2): no: way");
    }
}
