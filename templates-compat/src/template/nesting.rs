//! Dropping deeply nested trees without deep recursion.

use std::cell::{Cell, RefCell};

use super::ast::{Command, Node};

/// How many levels are dropped by plain recursion.
const RECURSION_LIMIT: u32 = 64;

/// The contents of a tree node that is going away.
pub(super) enum Part {
    Nodes(Vec<Node>),
    Commands(Vec<Command>),
}

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<Vec<Part>> = const { RefCell::new(Vec::new()) };
}

/// Drops `part`, at once or, far down, after what stands above it.
pub(super) fn drop_deep(part: Part) {
    let depth = DEPTH.try_with(Cell::get).unwrap_or(0);
    if depth >= RECURSION_LIMIT {
        let _ = LATER.try_with(|later| later.borrow_mut().push(part));
        return;
    }
    let _ = DEPTH.try_with(|d| d.set(depth + 1));
    let empty = |part: Part| match part {
        Part::Nodes(nodes) => drop(nodes),
        Part::Commands(commands) => drop(commands),
    };
    empty(part);
    if depth == 0 {
        while let Some(part) = LATER.try_with(|later| later.borrow_mut().pop()).ok().flatten() {
            empty(part);
        }
    }
    let _ = DEPTH.try_with(|d| d.set(depth));
}
