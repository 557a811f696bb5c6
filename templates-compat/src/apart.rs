//! Threads that are started for the sake of speed, kept apart from the one
//! that starts them.
//!
//! A kernel may keep the young threads of a process together on one processor
//! and share them out only when they have run for some milliseconds. A render
//! is over by then: the second thread would have taken turns with the first.

use std::thread;

/// The processor of a thread that is about to start another.
#[derive(Debug, Clone, Copy)]
pub struct Apart {
    #[cfg(target_os = "linux")]
    first: usize,
}

impl Apart {
    /// To be called by the thread that starts the other, just before that.
    pub fn here() -> Self {
        Apart {
            #[cfg(target_os = "linux")]
            first: rustix::thread::sched_getcpu(),
        }
    }

    /// To be called by the other thread before anything else: it runs on the
    /// other processors, if there are any.
    pub fn leave(self) {
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::{sched_getaffinity, sched_setaffinity};
            let Ok(mut others) = sched_getaffinity(None) else { return };
            others.unset(self.first);
            if others.count() > 0 {
                // Where it is not allowed, the thread stays where it is.
                let _ = sched_setaffinity(None, &others);
            }
        }
    }

    /// To be called by the first thread when the other was started: so that it
    /// may leave, should it be waiting for this processor.
    pub fn let_go(self) {
        thread::yield_now();
    }
}
