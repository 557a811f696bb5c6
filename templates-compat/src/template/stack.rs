//! Room for recursion: templates may nest as deeply as Go's may, and never
//! past the end of a stack. They run where they are called, and go on with a
//! large stack of their own where that one ends.

use std::cell::Cell;
use std::panic;
use std::thread;

/// The stack of a thread made here, in bytes. Only what is touched takes
/// memory.
const DEEP: usize = 512 << 20;

/// What is left untouched at the end of a stack, in bytes: room for the
/// deepest call that does not ask [`exhausted`] itself.
const RESERVE: usize = 4 << 20;

/// What a shallow stack may use, in bytes, counted from the first question;
/// every thread has at least this. Functions that need the reserve are not
/// called on it.
const SHALLOW: usize = 384 << 10;

/// What is known of a thread's stack.
#[derive(Clone, Copy)]
struct Stack {
    /// The lowest address that may be used.
    limit: usize,
    /// Whether it is as large as they come.
    deep: bool,
}

thread_local! {
    static STACK: Cell<Option<Stack>> = const { Cell::new(None) };
}

/// Runs `f` on this thread, of whose stack `size` bytes are left. If that is
/// too little for templates, nothing is known of it, and they get a thread of
/// their own.
pub fn with_stack_of<R>(size: usize, f: impl FnOnce() -> R) -> R {
    match size.checked_sub(RESERVE) {
        Some(size) if STACK.get().is_none() => with_limit(size, f),
        _ => f(),
    }
}

/// Runs `f` where templates may run: on this thread if enough is known of its
/// stack, else on a new one with a large stack. Rendering many files in one
/// call saves starting a thread for each.
pub fn with_room<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    match STACK.get() {
        Some(_) => f(),
        None => with_deep_stack(f),
    }
}

/// Runs `f` with a large stack, on a new thread unless this is one.
pub fn with_deep_stack<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    match STACK.get() {
        Some(Stack { deep: true, .. }) => f(),
        _ => on_thread(DEEP, f),
    }
}

/// Runs `f`, with a large stack if this one is at its end; nothing if this was
/// a large one.
#[inline]
pub fn go_on<R: Send>(f: impl FnOnce() -> R + Send) -> Option<R> {
    if !exhausted() {
        return Some(f());
    }
    match STACK.get() {
        Some(Stack { deep: true, .. }) => None,
        _ => Some(on_thread(DEEP, f)),
    }
}

fn on_thread<R: Send>(size: usize, f: impl FnOnce() -> R + Send) -> R {
    // The closure must survive a thread that could not be started.
    let f = std::sync::Mutex::new(Some(f));
    let run = || {
        STACK.set(Some(Stack { limit: here().saturating_sub(size - RESERVE), deep: true }));
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
    if STACK.get().is_some() { f() } else { with_limit(SHALLOW, f) }
}

fn with_limit<R>(size: usize, f: impl FnOnce() -> R) -> R {
    let _unset = Unset;
    STACK.set(Some(Stack { limit: here().saturating_sub(size), deep: false }));
    f()
}

/// Takes the limit away again, also when `f` panics.
struct Unset;

impl Drop for Unset {
    fn drop(&mut self) {
        STACK.set(None);
    }
}

/// Whether recursion must stop here. Where nothing is known of the stack,
/// nothing is allowed.
#[inline]
pub(crate) fn exhausted() -> bool {
    STACK.get().is_none_or(|stack| here() < stack.limit)
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
        let deep = on_thread(3 * RESERVE, || dig(0));
        let shallow = with_shallow_stack(|| dig(0));
        assert!(shallow > 100 && deep > 10 * shallow, "{shallow} {deep}");
        assert!(exhausted(), "no limit outside");
    }

    fn go_down(depth: u64) -> u64 {
        if depth == 100_000 { depth } else { go_on(|| std::hint::black_box(go_down(depth + 1))).unwrap_or(depth) }
    }

    #[test]
    fn recursion_goes_on_where_a_small_stack_ends() {
        let size = RESERVE + (64 << 10);
        let thread = thread::Builder::new().stack_size(2 * size).spawn(move || {
            let (known, unknown) = (with_stack_of(size, || with_room(|| go_down(0))), with_room(|| go_down(0)));
            (known, unknown, with_stack_of(RESERVE / 2, || STACK.get().is_none()))
        });
        assert_eq!(thread.unwrap().join().unwrap(), (100_000, 100_000, true));
    }
}
