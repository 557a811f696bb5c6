//! The table of all template functions: which names exist for which Helm,
//! found once when a template is parsed.
//!
//! The functions themselves live in the modules below, each of which gives
//! its part of the table as `FUNCS`.

mod args;
pub(crate) mod builtin;
pub(crate) mod case;
pub(crate) mod certs;
pub(crate) mod codec;
pub(crate) mod compare;
pub(crate) mod crypto;
pub(crate) mod dates;
mod decimal;
pub(crate) mod defaults;
pub(crate) mod dicts;
pub(crate) mod encoding;
pub(crate) mod helm;
pub(crate) mod lists;
pub(crate) mod math;
pub(crate) mod merge;
pub(crate) mod net;
pub(crate) mod path;
pub(crate) mod random;
pub(crate) mod reflect;
pub(crate) mod regex;
pub(crate) mod semver;
pub(crate) mod strings;
#[cfg(test)]
mod testing;
pub(crate) mod url;
pub(crate) mod wrap;

use std::sync::LazyLock;

use crate::compat::Compat;
use crate::func::Func;

/// Every module's part of the table. A name stands in one of them only.
#[rustfmt::skip]
const GROUPS: &[&[Func]] = &[
    builtin::FUNCS,
    case::FUNCS,
    certs::FUNCS,
    codec::FUNCS,
    compare::FUNCS,
    crypto::FUNCS,
    dates::FUNCS,
    defaults::FUNCS,
    dicts::FUNCS,
    encoding::FUNCS,
    helm::FUNCS,
    lists::FUNCS,
    math::FUNCS,
    merge::FUNCS,
    net::FUNCS,
    path::FUNCS,
    random::FUNCS,
    reflect::FUNCS,
    regex::FUNCS,
    semver::FUNCS,
    strings::FUNCS,
    url::FUNCS,
    wrap::FUNCS,
];

/// Functions that came with Helm 4 and that Helm 3.19 refuses to parse.
const NOT_IN_HELM3: &[&str] = &[
    "durationDays",
    "durationHours",
    "durationMicroseconds",
    "durationMilliseconds",
    "durationMinutes",
    "durationNanoseconds",
    "durationRoundTo",
    "durationSeconds",
    "durationTruncateTo",
    "durationWeeks",
    "mustToDuration",
    "mustToToml",
];

static TABLE: LazyLock<Vec<&'static Func>> = LazyLock::new(|| {
    let mut table: Vec<&'static Func> = GROUPS.iter().flat_map(|group| group.iter()).collect();
    table.sort_by_key(|func| func.name);
    table
});

/// The function of this name, if that Helm has one.
pub(crate) fn find(name: &str, compat: Compat) -> Option<&'static Func> {
    if compat == Compat::Helm3 && NOT_IN_HELM3.contains(&name) {
        return None;
    }
    TABLE.binary_search_by(|func| func.name.cmp(name)).ok().map(|at| TABLE[at])
}

/// All functions that a template of that Helm can call, by name.
pub fn functions(compat: Compat) -> impl Iterator<Item = &'static Func> {
    TABLE.iter().copied().filter(move |func| find(func.name, compat).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let twice: Vec<_> = TABLE.windows(2).filter(|two| two[0].name == two[1].name).map(|two| two[0].name).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }
}
