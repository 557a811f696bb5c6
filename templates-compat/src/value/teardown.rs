//! Dropping deeply nested values without deep recursion: a template can nest
//! lists a million times over, and the stack must not care.

use std::cell::{Cell, RefCell};

use super::Value;

/// How many levels are dropped by plain recursion before the rest is put
/// aside and dropped from a loop.
const RECURSION_LIMIT: u32 = 64;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

/// Whether dropping this value can lead to further containers.
pub(super) fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_))
}

/// Drops the contents of a container that is going away.
pub(super) fn drop_all(values: impl Iterator<Item = Value>) {
    let depth = DEPTH.try_with(Cell::get).unwrap_or(0);
    if depth >= RECURSION_LIMIT {
        // While the thread's own storage is being torn down, `try_with`
        // fails and the values fall here, as they would anyway.
        let _ = LATER.try_with(|later| later.borrow_mut().extend(values.filter(is_container)));
        return;
    }
    let _ = DEPTH.try_with(|d| d.set(depth + 1));
    values.for_each(drop);
    if depth == 0 {
        while let Some(value) = LATER.try_with(|later| later.borrow_mut().pop()).ok().flatten() {
            drop(value);
        }
    }
    let _ = DEPTH.try_with(|d| d.set(depth));
}

#[cfg(test)]
mod tests {
    use super::super::{Map, Value};

    #[test]
    fn a_million_levels_fall_without_a_deep_stack() {
        let mut value = Value::int(1);
        for level in 0..1_000_000 {
            value = if level % 2 == 0 {
                Value::list(vec![value])
            } else {
                let map = Map::new();
                map.insert("k", value);
                Value::Map(map)
            };
        }
        drop(value);
    }
}
