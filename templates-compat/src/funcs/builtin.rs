//! The functions that Go's template language brings itself.

use crate::func::Func;

/// Go's own functions.
pub(crate) const FUNCS: &[Func] = &[];
