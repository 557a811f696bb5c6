//! What one input of a fuzz target may cost. What is done with it is `replay`'s.

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most memory that one input may take, in MiB.
const MAX_MIB: f32 = 256.0;

/// The most time that one input may take, in seconds of the processor. Code
/// that counts its branches and checks its arithmetic is several times slower
/// than what is released, and a template is rendered twice.
const MAX_SECONDS: f64 = 10.0;

/// Runs a body on one input and panics if that took too much.
pub fn run(body: fn(&[u8]), data: &[u8]) {
    MEMORY.reset_peak_usage();
    let (memory, time) = (MEMORY.current_usage_as_mb(), processor_seconds());
    body(data);
    let (memory, time) = (MEMORY.peak_usage_as_mb() - memory, processor_seconds() - time);
    assert!(memory < MAX_MIB, "{memory:.0} MiB for an input of {} bytes", data.len());
    assert!(time < MAX_SECONDS, "{time:.1} s for an input of {} bytes", data.len());
}

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
