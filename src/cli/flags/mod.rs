//! Groups of flags that several verbs share, with Helm's names and words.

mod chart;
mod go;
mod post_render;
mod release;
mod seed;
mod values;

pub(crate) use chart::{ChartArgs, TransportArgs, keyring};
pub(crate) use go::{go_bools, key_value, parse_bool, parse_duration};
pub(crate) use post_render::PostRenderArgs;
pub(crate) use release::{ApplyArgs, WaitArgs, dry_run, parse_wait, parse_wait_word, server_side};
pub(crate) use seed::SeedArgs;
pub(crate) use values::ValuesArgs;
