//! What names in a text stand for: functions, and variables by numbers.

use std::collections::HashMap;

use super::ast::Special;
use super::parser::Parts;
use crate::compat::Compat;
use crate::func::Func;
use crate::funcs;
use crate::value::Str;

/// The words of one source.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    /// The numbers of the variables' names; `$` is 0 and not among them.
    pub(super) symbols: HashMap<Str, u32>,
    /// Room for the parser's work.
    pub(super) parts: Parts,
}

/// The function of this name, if that Helm has one.
pub(super) fn function(name: &[u8], compat: Compat) -> Option<(&'static Func, Special)> {
    let func = funcs::find(name, compat)?;
    Some((func, special(func.name)))
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
    fn every_function_is_found() {
        for compat in [Compat::Helm3, Compat::Helm4] {
            for func in funcs::functions(compat) {
                let found = function(func.name.as_bytes(), compat).unwrap();
                assert_eq!((found.0.name, found.1), (func.name, special(func.name)));
            }
            assert!(function(b"nope", compat).is_none());
        }
    }
}
