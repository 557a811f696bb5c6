//! One flag: what it is called and what its value may be.

use clap::{Arg, ArgAction, Command};

use super::Wrong;
use super::values::{csv_fields, parse_float, parse_int};
use crate::cli::flags::{parse_bool, parse_duration, parse_wait_word};

/// Flags of the logging library that Helm's clients take along: taken, and
/// without effect. The second part says whether the flag is a switch.
const IGNORED: [(&str, bool); 14] = [
    ("add-dir-header", true),
    ("alsologtostderr", true),
    ("log-backtrace-at", false),
    ("log-dir", false),
    ("log-file", false),
    ("log-file-max-size", false),
    ("logtostderr", true),
    ("one-output", true),
    ("skip-headers", true),
    ("skip-log-headers", true),
    ("stderrthreshold", false),
    ("legacy-stderr-threshold-behavior", true),
    ("v", false),
    ("vmodule", false),
];

/// A flag of a command, or one that is taken without effect.
pub(super) enum Flag<'a> {
    Known(&'a Arg),
    Ignored { name: &'static str, switch: bool },
}

impl<'a> Flag<'a> {
    /// The flag with this name, of the command or of all.
    pub(super) fn long(command: &'a Command, root: &'a Command, name: &str) -> Option<Flag<'a>> {
        let named =
            |arg: &&Arg| arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|all| all.contains(&name));
        let known = command.get_arguments().chain(root.get_arguments()).find(named);
        known.map(Flag::Known).or_else(|| {
            let found = IGNORED.iter().find(|(ignored, _)| *ignored == name);
            found.map(|(name, switch)| Flag::Ignored { name, switch: *switch })
        })
    }

    /// The flag with this letter.
    pub(super) fn short(command: &'a Command, root: &'a Command, letter: char) -> Option<Flag<'a>> {
        let lettered = |arg: &&Arg| arg.get_short() == Some(letter);
        let known = command.get_arguments().chain(root.get_arguments()).find(lettered).map(Flag::Known);
        known.or((letter == 'v').then_some(Flag::Ignored { name: "v", switch: false }))
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Flag::Known(arg) => arg.get_long().unwrap_or_default(),
            Flag::Ignored { name, .. } => name,
        }
    }

    pub(super) fn is_ignored(&self) -> bool {
        matches!(self, Flag::Ignored { .. })
    }

    /// What it means without a value, if it may have none.
    pub(super) fn value_if_bare(&self) -> Option<String> {
        match self {
            Flag::Known(arg) if self.is_switch() => {
                let default = arg.get_default_values().first().map(|_| "true");
                Some(default.unwrap_or("true").to_owned())
            }
            Flag::Known(arg) if arg.is_require_equals_set() => match arg.get_id().as_str() {
                "wait" => Some("watcher".to_owned()),
                _ => Some("unset".to_owned()),
            },
            Flag::Ignored { switch: true, .. } => Some("true".to_owned()),
            _ => None,
        }
    }

    fn is_switch(&self) -> bool {
        match self {
            Flag::Known(arg) => matches!(arg.get_action(), ArgAction::SetTrue) || self.value_type() == Some(""),
            Flag::Ignored { switch, .. } => *switch,
        }
    }

    /// The type of its value, under pflag's name for it.
    fn value_type(&self) -> Option<&str> {
        match self {
            Flag::Known(arg) => arg.get_value_names().and_then(|names| names.first()).map(|name| name.as_str()),
            Flag::Ignored { .. } => None,
        }
    }

    /// The values that a word stands for, checked.
    ///
    /// # Errors
    /// `invalid argument …`
    pub(super) fn values(&self, name: &str, value: &str) -> Result<Vec<String>, Wrong> {
        let checked = match self.value_type() {
            _ if self.is_switch() => parse_bool(value).map(|on| vec![on.to_string()]),
            Some("duration") => parse_duration(value).map(|_| vec![value.to_owned()]),
            Some("int") => parse_int(value).map(|number| vec![number.to_string()]),
            Some("float32") => parse_float(value).map(|()| vec![value.to_owned()]),
            Some("format") => match value {
                "table" | "json" | "yaml" => Ok(vec![value.to_owned()]),
                _ => Err("invalid format type".to_owned()),
            },
            Some("strings") => csv_fields(value),
            Some("stringToString") => labels(value),
            _ if self.name() == "wait" => parse_wait_word(value).map(|()| vec![value.to_owned()]),
            _ => Ok(vec![value.to_owned()]),
        };
        checked.map_err(|why| {
            let letter = match self {
                Flag::Known(arg) => arg.get_short(),
                Flag::Ignored { .. } => None,
            };
            let shown = letter.map_or_else(|| format!("--{name}"), |letter| format!("-{letter}, --{name}"));
            Wrong(format!("invalid argument {value:?} for {shown:?} flag: {why}"))
        })
    }
}

/// `a=1,b=2`: pairs with commas between them, in quotes if they hold one.
fn labels(value: &str) -> Result<Vec<String>, String> {
    // With one `=` the whole rest is its value, commas included.
    let parts = match value.matches('=').count() {
        0 => return Err(format!("{value} must be formatted as key=value")),
        1 => vec![value.trim_matches('"').to_owned()],
        _ => csv_fields(value)?,
    };
    match parts.iter().find(|part| !part.contains('=')) {
        Some(part) => Err(format!("{part} must be formatted as key=value")),
        None => Ok(parts),
    }
}
