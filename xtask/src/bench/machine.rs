//! What the numbers were measured on.

use std::fs::read_to_string;
use std::process::Command;

/// One line: processor, cores, memory, kernel.
pub(super) fn describe() -> String {
    let processors = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|l| Some(l.strip_prefix("model name")?.split_once(": ")?.1));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let (model, memory) = (model.unwrap_or("an unknown processor"), kib.unwrap_or_default() / (1024 * 1024));
    let release: Vec<&str> = kernel.trim().split('.').take(2).collect();
    format!("{model}, {cores} cores, {memory} GiB, Linux {}", release.join("."))
}

/// How busy the machine was with other things: the load of the last minute.
pub(super) fn load() -> String {
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// The compiler's own short name.
pub(super) fn rustc() -> String {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}
