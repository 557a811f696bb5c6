//! Independent work on two threads.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use templates_compat::{Apart, with_stack_of};

/// Less work than this, in bytes of text, is done sooner than a thread starts.
pub(crate) const WORTH_A_THREAD: usize = 24 << 10;
/// The helper's stack, and what of it templates and documents may have: as
/// much as the first thread of a process usually has.
const STACK: usize = 8 << 20;
const ROOM: usize = STACK / 4 * 3;

type Job = Box<dyn FnOnce() + Send>;

/// Two threads that share work: the one that has it, and a helper that is
/// started when there is some. Work is posted as soon as it is known and taken
/// when it is needed; whoever waits for one piece does others meanwhile.
/// Clones share the helper, which ends with the last of them.
#[derive(Clone, Default)]
pub struct Crew {
    handle: Arc<Handle>,
}

#[derive(Default)]
struct Handle {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    posted: Mutex<Posted>,
    /// Something was posted or done, or there is nothing more to come.
    changed: Condvar,
}

#[derive(Default)]
struct Posted {
    jobs: VecDeque<Job>,
    helped: bool,
    over: bool,
}

/// Work that was posted.
pub(crate) struct Pending<R> {
    done: Arc<Mutex<Option<thread::Result<R>>>>,
    crew: Crew,
}

/// Texts that are being read before it is known whether they are needed, found
/// again by where they are.
#[derive(Debug)]
pub(crate) struct Reading<R>(Vec<(Arc<[u8]>, Pending<R>)>);

impl<R> Default for Reading<R> {
    fn default() -> Self {
        Reading(Vec::new())
    }
}

impl<R: Send + 'static> Reading<R> {
    /// Begins with a text.
    pub(crate) fn begin(&mut self, text: &Arc<[u8]>, crew: &Crew, read: impl FnOnce(&[u8]) -> R + Send + 'static) {
        let own = Arc::clone(text);
        self.0.push((Arc::clone(text), crew.post(move || read(&own))));
    }

    /// What came of a text, if it was begun with.
    pub(crate) fn take(&mut self, text: &Arc<[u8]>) -> Option<R> {
        let at = self.0.iter().position(|(known, _)| Arc::ptr_eq(known, text))?;
        Some(self.0.swap_remove(at).1.take())
    }
}

impl Crew {
    /// Gives work to whoever is free first. Nothing may depend on when it is
    /// done.
    pub(crate) fn post<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Pending<R> {
        let done = Arc::new(Mutex::new(None));
        let (put, shared) = (Arc::clone(&done), Arc::clone(&self.handle.shared));
        let job = move || {
            let result = panic::catch_unwind(AssertUnwindSafe(work));
            *lock(&put) = Some(result);
            // A waiter has either seen the result or waits by now.
            drop(lock(&shared.posted));
            shared.changed.notify_all();
        };
        let mut posted = lock(&self.handle.shared.posted);
        posted.jobs.push_back(Box::new(job));
        let starts = !std::mem::replace(&mut posted.helped, true);
        drop(posted);
        if starts {
            self.start();
        } else {
            self.handle.shared.changed.notify_all();
        }
        Pending { done, crew: self.clone() }
    }

    /// Without a second thread everything is done by those who wait for it.
    fn start(&self) {
        let (apart, shared) = (Apart::here(), Arc::clone(&self.handle.shared));
        let help = move || {
            apart.leave();
            with_stack_of(ROOM, || shared.help());
        };
        if thread::Builder::new().name("helper".into()).stack_size(STACK).spawn(help).is_ok() {
            apart.let_go();
        }
    }
}

impl<R> Pending<R> {
    /// What came of it, when it is done; until then other work is.
    pub(crate) fn take(self) -> R {
        let shared = &self.crew.handle.shared;
        loop {
            if let Some(result) = lock(&self.done).take() {
                return result.unwrap_or_else(|payload: Box<dyn Any + Send>| panic::resume_unwind(payload));
            }
            let mut posted = lock(&shared.posted);
            if let Some(job) = posted.jobs.pop_front() {
                drop(posted);
                job();
                continue;
            }
            if lock(&self.done).is_none() {
                drop(shared.changed.wait(posted).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}

impl Shared {
    /// Does what is posted until nothing more can come.
    fn help(&self) {
        let mut posted = lock(&self.posted);
        loop {
            if let Some(job) = posted.jobs.pop_front() {
                drop(posted);
                job();
                posted = lock(&self.posted);
            } else if posted.over {
                return;
            } else {
                posted = self.changed.wait(posted).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut posted = lock(&self.shared.posted);
        posted.over = true;
        // Nobody waits for what nobody took.
        posted.jobs.clear();
        drop(posted);
        self.shared.changed.notify_all();
    }
}

/// A lock whose holder panicked guards whole values all the same.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crew").finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Pending<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_may_post_work_and_wait_for_it() {
        let crew = Crew::default();
        let inner = crew.clone();
        let outer = crew.post(move || {
            let parts: Vec<_> = (0..50u64).map(|n| inner.post(move || n * 2)).collect();
            parts.into_iter().map(Pending::take).sum::<u64>()
        });
        let other: Vec<_> = (0..50u64).map(|n| crew.post(move || n)).collect();
        assert_eq!((outer.take(), other.into_iter().map(Pending::take).sum::<u64>()), (2450, 1225));
    }

    #[test]
    fn what_nobody_takes_holds_nobody_up() {
        let crew = Crew::default();
        for _ in 0..10 {
            drop(crew.post(|| thread::sleep(std::time::Duration::from_millis(1))));
        }
        assert_eq!(crew.post(|| 1).take(), 1);
    }

    #[test]
    fn a_panic_of_the_helper_is_one_of_who_takes_it() {
        let crew = Crew::default();
        let bad = crew.post(|| panic!("elsewhere"));
        let good = crew.post(|| 7);
        assert!(panic::catch_unwind(AssertUnwindSafe(|| bad.take())).is_err());
        assert_eq!(good.take(), 7, "and the crew goes on");
    }
}
