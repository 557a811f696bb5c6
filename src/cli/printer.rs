//! The only place of the command that prints.
//!
//! Results go to stdout, everything else to stderr, as Helm does it. A reader
//! that goes away (`| head`) ends the command quietly.

use std::io::{self, IsTerminal, Write};

use templates_compat::value::Value;
use templates_compat::{Compat, json, yaml};

use super::failure::Failure;

/// `-o/--output`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One line of JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Writes to the terminal or the pipe.
#[derive(Debug)]
pub struct Printer {
    color: bool,
    progress: bool,
}

impl Printer {
    /// A printer for this process's stdout and stderr. `color` is the setting
    /// `never`, `auto` or `always`.
    pub fn new(color: &str) -> Self {
        let color = match color {
            "always" => true,
            "never" => false,
            _ => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        Printer { color, progress: io::stderr().is_terminal() }
    }

    /// Whether stdout takes colours.
    pub fn color(&self) -> bool {
        self.color
    }

    /// Whether stderr is a terminal, where progress may be redrawn.
    pub fn is_terminal(&self) -> bool {
        self.progress
    }

    /// Writes bytes to stdout.
    ///
    /// # Errors
    /// What the operating system says; a closed pipe ends the command with
    /// success.
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Failure::quiet(0)),
            other => other.map_err(Failure::from_display),
        }
    }

    /// Writes text to stdout.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub fn text(&self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())
    }

    /// Writes a line to stdout.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        self.text(&format!("{text}\n"))
    }

    /// Writes a line to stderr; nobody can be told when that fails.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Writes a warning to stderr in the form of Helm's logger.
    pub fn warn(&self, text: &str) {
        self.log("WARN", text, &[]);
    }

    /// Writes a line to stderr as Helm's logger does.
    pub(crate) fn log(&self, level: &str, text: &str, details: &[(&'static str, String)]) {
        let mut line = format!("level={level} msg={}", quoted(text));
        for (name, value) in details {
            line.push_str(&format!(" {name}={}", quoted(value)));
        }
        self.note(&line);
    }

    /// Writes a line to stderr that the next one replaces. Only for terminals.
    pub fn status_line(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = write!(err, "\r\x1b[2K{text}");
        let _ = err.flush();
    }

    /// Writes a value as Helm's `-o json` and `-o yaml` do. `json_text` is the
    /// value as Go would marshal it, fields in Go's order.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub fn structured(&self, format: Format, json_text: &str) -> Result<(), Failure> {
        if format == Format::Json {
            return self.line(&go_escaped(json_text));
        }
        let value = json::read(json_text.as_bytes(), Compat::default()).map_err(Failure::from_display)?;
        self.yaml(&value)
    }

    /// Writes a value as YAML.
    ///
    /// # Errors
    /// As [`Printer::bytes`].
    pub fn yaml(&self, value: &Value) -> Result<(), Failure> {
        self.bytes(&yaml::write(value, Compat::default()).map_err(Failure::from_display)?)
    }
}

/// Writes a line to stderr before there is a printer.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Go's encoder escapes these in every string; outside strings they do not
/// occur, so the finished text can be treated as a whole.
fn go_escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}
/// A value of Helm's log: in quotes only where it would not be one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=');
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}
