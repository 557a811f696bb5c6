//! Independent work on two threads, where there is enough of it to be worth
//! the start of one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Less work than this, in bytes of text, is done sooner than a thread starts.
const WORTH_A_THREAD: usize = 24 << 10;

/// The results of `f` in the order of the items, of which `size` bytes are to
/// be read in all. `f` may be called for any item at any time.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], size: usize, f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < 2 || size < WORTH_A_THREAD {
        return items.iter().map(f).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((at, item)) = claim(&next, items) {
            done.push((at, f(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let helper = thread::Builder::new().spawn_scoped(scope, work);
        let mut done = work();
        // Without a second thread the first one has done everything.
        if let Ok(helper) = helper {
            match helper.join() {
                Ok(more) => done.extend(more),
                Err(payload) => std::panic::resume_unwind(payload),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn claim<'i, T>(next: &AtomicUsize, items: &'i [T]) -> Option<(usize, &'i T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    items.get(at).map(|item| (at, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_their_order() {
        let items: Vec<usize> = (0..1000).collect();
        let want: Vec<usize> = items.iter().map(|i| i * i).collect();
        for size in [0, usize::MAX] {
            assert_eq!(map(&items, size, |i| i * i), want);
        }
    }
}
