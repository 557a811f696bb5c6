//! Names that come again and again in a text: each is kept once, and a
//! function is looked up once. Both remember few and forget the others.

use super::ast::Special;
use crate::compat::Compat;
use crate::func::Func;
use crate::funcs;
use crate::value::Str;

/// How many are remembered: a text has its own small vocabulary.
const SLOTS: usize = 64;

/// The place of a name. Names of one place displace each other.
fn slot(name: &[u8]) -> usize {
    // FNV-1a: the names are short.
    let hash = name.iter().fold(0x811C_9DC5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash ^ (hash >> 16)) as usize % SLOTS
}

/// The names of fields.
pub(super) struct Names([Option<Str>; SLOTS]);

impl Default for Names {
    fn default() -> Self {
        Names([const { None }; SLOTS])
    }
}

impl Names {
    /// The name as a string that all its uses share.
    pub(super) fn get(&mut self, name: &[u8]) -> Str {
        let slot = &mut self.0[slot(name)];
        match slot {
            Some(known) if known.as_bytes() == name => known.clone(),
            _ => slot.insert(Str::from(name)).clone(),
        }
    }
}

/// The functions that were called so far.
pub(super) struct Functions([Option<(&'static Func, Special)>; SLOTS]);

impl Default for Functions {
    fn default() -> Self {
        Functions([None; SLOTS])
    }
}

impl Functions {
    /// The function of this name, if that Helm has one.
    pub(super) fn get(&mut self, name: &[u8], compat: Compat) -> Option<(&'static Func, Special)> {
        let slot = &mut self.0[slot(name)];
        match slot {
            Some(known) if known.0.name.as_bytes() == name => Some(*known),
            _ => {
                let func = funcs::find(std::str::from_utf8(name).ok()?, compat)?;
                Some(*slot.insert((func, special(func.name))))
            }
        }
    }
}

fn special(name: &str) -> Special {
    match name {
        "and" => Special::And,
        "or" => Special::Or,
        "call" => Special::Call,
        "include" => Special::Include,
        "len" => Special::Len,
        "tpl" => Special::Tpl,
        "bcrypt"
        | "derivePassword"
        | "genCA"
        | "genCAWithKey"
        | "genPrivateKey"
        | "genSelfSignedCert"
        | "genSelfSignedCertWithKey"
        | "genSignedCert"
        | "genSignedCertWithKey"
        | "htpasswd" => Special::Slow,
        _ => Special::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_displace_each_other_stay_themselves() {
        let mut names = Names::default();
        let all: Vec<String> = (0..3 * SLOTS).map(|n| format!("name{n}")).collect();
        for name in all.iter().chain(&all) {
            assert_eq!(names.get(name.as_bytes()).as_bytes(), name.as_bytes());
        }
    }

    #[test]
    fn every_function_is_found_at_the_first_and_the_second_call() {
        for compat in [Compat::Helm3, Compat::Helm4] {
            let mut functions = Functions::default();
            for func in funcs::functions(compat).chain(funcs::functions(compat)) {
                let found = functions.get(func.name.as_bytes(), compat).unwrap();
                assert_eq!((found.0.name, found.1), (func.name, special(func.name)));
                assert_eq!(functions.get(func.name.as_bytes(), compat).unwrap().0.name, func.name);
            }
            assert!(functions.get(b"nope", compat).is_none());
        }
    }
}
