//! `getHostByName`; whether and how names are resolved is the host's matter.

use super::args::{bytes, fixed};
use crate::func::{Func, Param};
use crate::value::Value;

pub(crate) const FUNCS: &[Func] = &[fixed("getHostByName", &[Param::Str], Param::Str, |cx, a| {
    Ok(Value::str(cx.host.host_by_name(&String::from_utf8_lossy(bytes(a, 0)))))
})];
