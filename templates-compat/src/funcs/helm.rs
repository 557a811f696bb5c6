//! The functions that Helm's engine adds, apart from the codecs.

use crate::func::Func;

/// Helm's own functions.
pub(crate) const FUNCS: &[Func] = &[];
