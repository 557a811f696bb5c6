//! Room for recursion: templates may nest as deeply as Go's may, on a thread
//! whose stack is large, and never past its end.

use std::cell::Cell;
use std::panic;
use std::thread;

/// The stack of a thread made by [`with_deep_stack`], in bytes. Only what is
/// touched takes memory.
const DEEP: usize = 512 << 20;

/// What is left untouched at the end of a deep stack, in bytes: room for the
/// deepest call that does not ask [`exhausted`] itself.
const RESERVE: usize = 4 << 20;

/// What a shallow stack may use, in bytes, counted from the first question;
/// every thread has at least this.
const SHALLOW: usize = 384 << 10;

thread_local! {
    /// The lowest address that may be used.
    static LIMIT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs `f` where recursion has room: on this thread if it came from here
/// already, else on a new one with a large stack. Rendering many files in one
/// call saves starting a thread for each.
pub fn with_deep_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    with_stack(DEEP, f)
}

fn with_stack<R: Send>(size: usize, f: impl FnOnce() -> R + Send) -> R {
    if LIMIT.with(Cell::get).is_some() {
        return f();
    }
    // The closure must survive a thread that could not be started.
    let f = std::sync::Mutex::new(Some(f));
    let run = || {
        LIMIT.with(|limit| limit.set(Some(here().saturating_sub(size - RESERVE))));
        f.lock().ok().and_then(|mut f| f.take()).map(|f| f())
    };
    let done = thread::scope(|scope| {
        let thread = thread::Builder::new().name("templates".into()).stack_size(size).spawn_scoped(scope, run);
        thread.ok().map(|thread| thread.join())
    });
    match done {
        Some(Ok(Some(result))) => result,
        Some(Err(payload)) => panic::resume_unwind(payload),
        Some(Ok(None)) | None => with_shallow_stack(|| match f.lock().ok().and_then(|mut f| f.take()) {
            Some(f) => f(),
            None => panic::resume_unwind(Box::new("a closure that ran twice")),
        }),
    }
}

/// Runs `f` with the little room that every thread has, unless there is more.
pub(crate) fn with_shallow_stack<R>(f: impl FnOnce() -> R) -> R {
    if LIMIT.with(Cell::get).is_some() {
        return f();
    }
    let _unset = Unset;
    LIMIT.with(|limit| limit.set(Some(here().saturating_sub(SHALLOW))));
    f()
}

/// Takes the limit away again, also when `f` panics.
struct Unset;

impl Drop for Unset {
    fn drop(&mut self) {
        LIMIT.with(|limit| limit.set(None));
    }
}

/// Whether recursion must stop. Without a limit set for this thread, nothing
/// is known and nothing is allowed.
pub(crate) fn exhausted() -> bool {
    LIMIT.with(Cell::get).is_none_or(|limit| here() < limit)
}

/// An address in the present stack frame. Stacks grow downwards on every
/// platform that Rust supports.
#[inline(always)]
fn here() -> usize {
    let mark = 0u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dig(depth: u64) -> u64 {
        if exhausted() { depth } else { std::hint::black_box(dig(depth + 1)) }
    }

    #[test]
    fn recursion_ends_before_the_stack_does() {
        let deep = with_stack(3 * RESERVE, || dig(0));
        let shallow = with_shallow_stack(|| dig(0));
        assert!(shallow > 100 && deep > 10 * shallow, "{shallow} {deep}");
        assert!(exhausted(), "no limit outside");
    }
}
