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

use crate::compat::Compat;
use crate::func::Func;

/// Every module's part of the table. A name stands in one of them only.
#[rustfmt::skip]
static GROUPS: &[&[Func]] = &[
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

/// Places for names, four times as many as there are: most are found at once.
const SLOTS: usize = 1024;

/// Group and place of each function plus one, or zero, by the hash of its
/// name; made when this is compiled, because every run needs it.
static INDEX: [u16; SLOTS] = index();

const fn index() -> [u16; SLOTS] {
    let mut index = [0; SLOTS];
    let mut group = 0;
    while group < GROUPS.len() {
        let mut at = 0;
        while at < GROUPS[group].len() {
            let mut slot = hash(GROUPS[group][at].name.as_bytes());
            while index[slot] != 0 {
                slot = (slot + 1) % SLOTS;
            }
            index[slot] = ((group as u16) << 8) + at as u16 + 1;
            at += 1;
        }
        group += 1;
    }
    index
}

/// FNV-1a: the names are short.
const fn hash(name: &[u8]) -> usize {
    let (mut hash, mut at) = (0x811C_9DC5u32, 0);
    while at < name.len() {
        hash = (hash ^ name[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ (hash >> 16)) as usize % SLOTS
}

/// The function of this name, if that Helm has one.
pub(crate) fn find(name: &[u8], compat: Compat) -> Option<&'static Func> {
    let mut slot = hash(name);
    loop {
        let place = usize::from(INDEX[slot].checked_sub(1)?);
        let func = &GROUPS[place >> 8][place & 0xFF];
        if func.name.as_bytes() == name {
            return (compat.has_newer_functions() || !NOT_IN_HELM3.contains(&func.name)).then_some(func);
        }
        slot = (slot + 1) % SLOTS;
    }
}

/// All functions that a template of that Helm can call, by name.
pub fn functions(compat: Compat) -> impl Iterator<Item = &'static Func> {
    let mut table: Vec<&'static Func> = GROUPS.iter().flat_map(|group| group.iter()).collect();
    table.sort_by_key(|func| func.name);
    table.into_iter().filter(move |func| find(func.name.as_bytes(), compat).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_twice() {
        let table: Vec<_> = functions(Compat::Helm4).map(|func| func.name).collect();
        let twice: Vec<_> = table.windows(2).filter(|two| two[0] == two[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
        assert_eq!(table.len(), GROUPS.iter().map(|group| group.len()).sum::<usize>());
    }
}
