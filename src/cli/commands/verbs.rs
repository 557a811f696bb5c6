//! The table of verbs: what each is called, what reads its arguments, what
//! runs it.
//!
//! A run needs one verb. The others are only named: to build the parser of all
//! their flags takes longer than to render a small chart.

use clap::error::ErrorKind;
use clap::{ArgMatches, Subcommand};

/// One verb, before anything is known of its flags.
#[derive(Debug)]
pub(super) struct Verb {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) about: &'static str,
    /// Adds its flags or the verbs below it.
    pub(super) fill: fn(clap::Command) -> clap::Command,
}

impl Verb {
    /// The verb without its flags.
    pub(super) fn bare(&self) -> clap::Command {
        self.named(clap::Command::new(self.name))
    }

    /// The verb as it is parsed.
    pub(super) fn full(&self) -> clap::Command {
        self.named((self.fill)(clap::Command::new(self.name)))
    }

    fn named(&self, command: clap::Command) -> clap::Command {
        command.about(self.about).visible_aliases(self.aliases.iter().copied())
    }
}

/// A verb whose flags are fields of a struct.
pub(super) fn flags<T: clap::Args>(command: clap::Command) -> clap::Command {
    T::augment_args(command)
}

/// A verb with verbs below it.
pub(super) fn below<T: Subcommand>(command: clap::Command) -> clap::Command {
    T::augment_subcommands(command).subcommand_required(true).arg_required_else_help(true)
}

/// The verb that was parsed, and what was parsed for it.
pub(super) fn chosen(matches: &ArgMatches) -> Result<(&str, &ArgMatches), clap::Error> {
    matches.subcommand().ok_or_else(|| clap::Error::raw(ErrorKind::MissingSubcommand, "a verb is missing"))
}

/// What [`chosen`] gives is in the table, and so is this verb.
pub(super) fn unknown(name: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::InvalidSubcommand, format!("{name} is no verb"))
}

/// Writes the enum of verbs with all that has to be said for each of them.
macro_rules! verbs {
    ($($(#[doc = $about:literal])+ $variant:ident($kind:ident $($type:ident)::+) $name:literal $aliases:tt => $run:path;)+) => {
        /// The verbs.
        #[derive(Debug)]
        pub(crate) enum Command {
            $($(#[doc = $about])+ $variant(Box<$($type)::+>),)+
        }

        /// The verbs in the order of the help.
        const VERBS: &[$crate::cli::commands::verbs::Verb] = &[$($crate::cli::commands::verbs::Verb {
            name: $name,
            aliases: &$aliases,
            about: concat!($($about),+).trim_ascii(),
            fill: $crate::cli::commands::verbs::$kind::<$($type)::+>,
        },)+];

        impl Command {
            /// Runs the verb.
            ///
            /// # Errors
            /// The verb's failure.
            pub(crate) fn run(&self, cx: &Context) -> Result<(), Failure> {
                match self {
                    $(Command::$variant(parsed) => $run(parsed, cx),)+
                }
            }
        }

        impl clap::FromArgMatches for Command {
            fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Self, clap::Error> {
                let (name, matches) = $crate::cli::commands::verbs::chosen(matches)?;
                match name {
                    $($name => Ok(Command::$variant(Box::new(clap::FromArgMatches::from_arg_matches(matches)?))),)+
                    other => Err($crate::cli::commands::verbs::unknown(other)),
                }
            }

            fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
                *self = clap::FromArgMatches::from_arg_matches(matches)?;
                Ok(())
            }
        }
    };
}

pub(super) use verbs;
