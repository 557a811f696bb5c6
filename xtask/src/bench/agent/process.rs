//! What a process takes of the machine, from `/proc`.

use std::fs::read_to_string;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::Anything;

/// How often memory is looked at for the plot.
const EVERY: Duration = Duration::from_millis(500);
/// Ticks of processor time in a second: the same on all of Linux.
const TICKS: u32 = 100;

/// A running process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process(u32);

impl Process {
    /// The only child of a process, which started it a moment ago.
    pub(super) fn child_of(parent: u32) -> Anything<Self> {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let path = format!("/proc/{parent}/task");
            let threads = std::fs::read_dir(&path).map_err(|e| format!("{path}: {e}"))?;
            // A thread that ends meanwhile is none that started it.
            for thread in threads.flatten() {
                let children = read_to_string(thread.path().join("children")).unwrap_or_default();
                if let Some(pid) = children.split_whitespace().next() {
                    return Ok(Self(pid.parse()?));
                }
            }
            if Instant::now() > until {
                return Err(format!("process {parent} has started nothing").into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Resident memory now, in KiB.
    pub(super) fn resident(self) -> Anything<u64> {
        self.status("VmRSS:")
    }

    /// The most that it ever was, in KiB: the kernel keeps it.
    pub(super) fn peak(self) -> Anything<u64> {
        self.status("VmHWM:")
    }

    /// What would be free without it, in KiB: its own pages, and its part of
    /// those that it shares with others of the same program.
    pub(super) fn proportional(self) -> Anything<u64> {
        field(&format!("/proc/{}/smaps_rollup", self.0), "Pss:")
    }

    /// Processor time so far.
    pub(super) fn processor(self) -> Anything<Duration> {
        let path = format!("/proc/{}/stat", self.0);
        let stat = read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        // Behind the name, which may hold anything.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
        Ok(Duration::from_secs(1) * (ticks(11) + ticks(12)) / TICKS)
    }

    fn status(self, name: &str) -> Anything<u64> {
        field(&format!("/proc/{}/status", self.0), name)
    }
}

fn field(path: &str, name: &str) -> Anything<u64> {
    let text = read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    value.ok_or_else(|| format!("{path} has no {name}").into())
}

/// Looks at the memory of a process again and again.
pub(super) struct Sampler {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<(f64, u64)>>,
}

impl Sampler {
    pub(super) fn start(process: Process) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let start = Instant::now();
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                if let Ok(kib) = process.resident() {
                    all.push((start.elapsed().as_secs_f64(), kib));
                }
                std::thread::sleep(EVERY);
            }
            all
        });
        Self { stop, thread }
    }

    /// Seconds since the start, and KiB.
    pub(super) fn stop(self) -> Vec<(f64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_measured() {
        let me = Process(std::process::id());
        let (now, peak) = (me.resident().unwrap(), me.peak().unwrap());
        assert!(now > 500 && peak >= now, "{now} {peak}");
        assert!(me.proportional().unwrap() <= peak);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let found = Process::child_of(me.0).map(|process| process.0);
        child.kill().unwrap();
        child.wait().unwrap();
        // Other tests of this binary may have started a child too.
        assert!(found.unwrap() > 0);
        assert!(Process(u32::MAX).resident().is_err());
        assert!(me.processor().is_ok());
    }
}
