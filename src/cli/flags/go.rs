//! Flags as Go's pflag reads them: booleans that take `=true`, durations,
//! pairs.

use std::time::Duration;

use clap::builder::ValueParser;
use clap::{ArgAction, Command};

/// Lets every switch of a command also be written `--switch=true` and
/// `--switch=false`, as pflag does.
pub(crate) fn go_bools(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        if !matches!(arg.get_action(), ArgAction::SetTrue) {
            return arg;
        }
        arg.action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_value("false")
            .default_missing_value("true")
            .hide_default_value(true)
            .hide_possible_values(true)
            .value_name("")
            .value_parser(ValueParser::new(parse_bool))
    });
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, go_bools))
}

/// Go's `strconv.ParseBool`.
///
/// # Errors
/// Go's own words.
pub(crate) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Go's `time.ParseDuration`, without negative ones.
///
/// # Errors
/// Go's own words.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let nanos = templates_compat::gotime::Duration::parse(text.as_bytes())?.nanos();
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| format!("duration {text:?} is negative"))
}

/// One pair of pflag's `stringToString`: `a=1`.
///
/// # Errors
/// A text without `=`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(format!("{text} must be formatted as key=value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Probe {
        #[arg(long)]
        on: bool,
        #[arg(long)]
        off: bool,
    }

    #[test]
    fn switches_take_a_value() {
        use clap::{CommandFactory, FromArgMatches};
        let read = |args: &[&str]| {
            go_bools(Probe::command())
                .try_get_matches_from(args)
                .map(|m| Probe::from_arg_matches(&m).unwrap())
                .map(|p| (p.on, p.off))
        };
        assert_eq!(read(&["x", "--on", "--off=false"]).unwrap(), (true, false));
        assert_eq!(read(&["x", "--on=T"]).unwrap(), (true, false));
        assert_eq!(read(&["x"]).unwrap(), (false, false));
        assert!(read(&["x", "--on=maybe"]).is_err());
    }

    #[test]
    fn labels_are_pairs() {
        assert_eq!(key_value("a=b=c").unwrap(), ("a".into(), "b=c".into()));
        assert!(key_value("a").is_err());
    }
}
