//! The command line as Helm's own libraries (pflag, cobra) read it.
//!
//! Which flags there are is said once, by the verbs' structs; here the words
//! are read by the rules that Helm's users know, wrong ones are answered in
//! their words, and the parser behind gets a form that it cannot read in two
//! ways: verbs, `--flag=value` for each flag, `--`, arguments.

mod flag;
mod values;
mod verbs;

use clap::Command;

use super::PROGRAM;

use flag::Flag;

/// Words that mean nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) String);

/// Reads the words after the program's name and gives those for the parser
/// behind. `notes` gets what Helm says of flags with old names, a line each.
///
/// # Errors
/// What Helm prints after `Error: `.
pub(super) fn read(root: &Command, words: &[String], notes: &mut Vec<String>) -> Result<Vec<String>, Wrong> {
    let place = find(root, words)?;
    // The clients of agents have rules of their own.
    if place.path.first().is_some_and(|verb| verb == "agent" || verb == "help") {
        return Ok(words.to_vec());
    }
    let mut parsed = Parsed::default();
    parsed.all(&place, root)?;
    let mut line = place.path.clone();
    if parsed.help || place.command.has_subcommands() {
        line.push("--help".into());
        return Ok(line);
    }
    notes.append(&mut parsed.notes);
    verbs::check_arguments(&place.path, &parsed.arguments)?;
    verbs::check_groups(&place.path, &parsed.given)?;
    line.extend(parsed.flags);
    if !parsed.arguments.is_empty() {
        line.push("--".into());
        line.extend(parsed.arguments);
    }
    Ok(line)
}

/// The verb that the words name, if the root knows one of that name.
pub(super) fn verb(root: &Command, words: &[String]) -> Option<String> {
    find(root, words).ok()?.path.into_iter().next()
}

/// The command that the words name, and the words without its name.
struct Place<'a> {
    command: &'a Command,
    path: Vec<String>,
    rest: Vec<String>,
}

/// Goes down the verbs as long as the next word that is no flag names one.
fn find<'a>(root: &'a Command, words: &[String]) -> Result<Place<'a>, Wrong> {
    let mut place = Place { command: root, path: Vec::new(), rest: words.to_vec() };
    loop {
        let Some(at) = first_argument(place.command, root, &place.rest) else { return Ok(place) };
        let name = &place.rest[at];
        let next =
            place.command.get_subcommands().find(|c| c.get_name() == name || c.get_all_aliases().any(|a| a == name));
        match next {
            Some(next) => {
                place.command = next;
                place.path.push(next.get_name().to_owned());
                place.rest.remove(at);
            }
            None if place.path.is_empty() && name == "help" => {
                place.path.push("help".into());
                return Ok(place);
            }
            None if place.path.is_empty() => return Err(verbs::unknown(root, name)),
            None => return Ok(place),
        }
    }
}

/// The first word that is neither a flag nor a flag's value.
fn first_argument(command: &Command, root: &Command, words: &[String]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match word.as_bytes() {
            b"--" => return None,
            [b'-', b'-', ..] if !word.contains('=') => {
                // What is not known may have a value, too.
                let alone = Flag::long(command, root, &word[2..]).is_some_and(|f| f.value_if_bare().is_some());
                at += if alone { 1 } else { 2 };
            }
            [b'-', letter] => {
                let alone = Flag::short(command, root, *letter as char).is_some_and(|f| f.value_if_bare().is_some());
                at += if alone { 1 } else { 2 };
            }
            [b'-', ..] | b"" => at += 1,
            _ => return Some(at),
        }
    }
    None
}

/// What has been read so far.
#[derive(Default)]
struct Parsed {
    flags: Vec<String>,
    arguments: Vec<String>,
    /// The names of the flags that were given, as they were given.
    given: Vec<String>,
    notes: Vec<String>,
    help: bool,
}

impl Parsed {
    fn all(&mut self, place: &Place<'_>, root: &Command) -> Result<(), Wrong> {
        let mut words = place.rest.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                self.arguments.extend(words.cloned());
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                self.long(place, root, long, &mut words)?;
            } else if word.len() > 1 && word.starts_with('-') {
                self.shorts(place, root, &word[1..], &mut words)?;
            } else {
                self.arguments.push(word.clone());
            }
            // Nothing after a call for help is looked at.
            if self.help {
                break;
            }
        }
        Ok(())
    }

    fn long<'w>(
        &mut self,
        place: &Place<'_>,
        root: &Command,
        text: &str,
        words: &mut impl Iterator<Item = &'w String>,
    ) -> Result<(), Wrong> {
        if text.starts_with(['-', '=']) {
            return Err(Wrong(format!("bad flag syntax: --{text}")));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name == "help" {
            self.help = value.as_deref().is_none_or(|v| v != "false");
            return Ok(());
        }
        let flag = Flag::long(place.command, root, name).ok_or_else(|| Wrong(format!("unknown flag: --{name}")))?;
        let value = match value.or_else(|| flag.value_if_bare()) {
            Some(value) => value,
            None => words.next().cloned().ok_or_else(|| Wrong(format!("flag needs an argument: --{name}")))?,
        };
        self.set(place, &flag, name, &value)
    }

    /// `-n shop`, `-nshop`, `-n=shop`, `-ag`.
    fn shorts<'w>(
        &mut self,
        place: &Place<'_>,
        root: &Command,
        text: &str,
        words: &mut impl Iterator<Item = &'w String>,
    ) -> Result<(), Wrong> {
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let after = &rest[letter.len_utf8()..];
            if letter == 'h' {
                self.help = true;
                return Ok(());
            }
            let flag = Flag::short(place.command, root, letter)
                .ok_or_else(|| Wrong(format!("unknown shorthand flag: {} in -{rest}", quoted(letter))))?;
            let (value, next) = match after.strip_prefix('=') {
                Some(value) if !value.is_empty() => (value.to_owned(), ""),
                _ => match flag.value_if_bare() {
                    Some(value) => (value, after),
                    None if !after.is_empty() => (after.to_owned(), ""),
                    None => {
                        let missing = || Wrong(format!("flag needs an argument: {} in -{rest}", quoted(letter)));
                        (words.next().cloned().ok_or_else(missing)?, "")
                    }
                },
            };
            let name = flag.name().to_owned();
            self.set(place, &flag, &name, &value)?;
            rest = next;
        }
        Ok(())
    }

    fn set(&mut self, place: &Place<'_>, flag: &Flag<'_>, name: &str, value: &str) -> Result<(), Wrong> {
        if let Some(instead) = verbs::deprecated(&place.path, name) {
            let note = format!("Flag --{name} has been deprecated, {instead}");
            self.notes.push(note);
        }
        self.given.push(name.to_owned());
        if flag.is_ignored() {
            return Ok(());
        }
        for value in flag.values(name, value)? {
            self.flags.push(format!("--{}={value}", flag.name()));
        }
        Ok(())
    }
}

/// A letter as Go prints it in quotes.
fn quoted(letter: char) -> String {
    format!("{letter:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let root = super::super::Cli::command(&words);
        read(&root, &words, &mut Vec::new()).map_err(|wrong| wrong.0)
    }

    #[test]
    fn flags_stand_anywhere() {
        let want = ["template", "--namespace=x", "--generate-name=true", "--set=a=-1", "--", "./c"];
        assert_eq!(line("-nx template -g ./c --set a=-1").unwrap(), want);
        assert_eq!(line("--namespace x template --generate-name ./c --set=a=-1").unwrap(), want);
        assert_eq!(line("template -n=x -g --set a=-1 -- ./c").unwrap(), want);
    }

    #[test]
    fn lists_are_taken_apart() {
        let got = line(r#"template ./c -f a,"b,c" -a x -a y"#).unwrap();
        assert_eq!(
            got,
            ["template", "--values=a", "--values=b,c", "--api-versions=x", "--api-versions=y", "--", "./c"]
        );
    }

    #[test]
    fn wrong_words_get_their_answers() {
        for (words, want) in [
            ("template --nope ./c", "unknown flag: --nope"),
            ("template -gz ./c", "unknown shorthand flag: 'z' in -z"),
            ("template ./c -n", "flag needs an argument: 'n' in -n"),
            ("template ./c --set", "flag needs an argument: --set"),
            ("template --=1", "bad flag syntax: --=1"),
            ("template ./c --timeout x", "invalid argument \"x\" for \"--timeout\" flag: time: invalid duration \"x\""),
            (
                "template ./c --generate-name=maybe",
                "invalid argument \"maybe\" for \"-g, --generate-name\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            (
                "show chart",
                "\"ankra-helm show chart\" requires 1 argument\n\nUsage:  ankra-helm show chart [CHART] [flags]",
            ),
        ] {
            assert_eq!(line(words).unwrap_err(), want, "{words}");
        }
    }

    #[test]
    fn agents_have_rules_of_their_own() {
        let words = ["agent", "get", "--nope"].map(str::to_owned);
        assert_eq!(read(&super::super::Cli::command(&words), &words, &mut Vec::new()).unwrap(), words);
    }
}
