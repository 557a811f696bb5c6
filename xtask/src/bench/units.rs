//! Times and sizes as they are read.

use std::time::Duration;

/// As many milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A time, with as many digits as mean something.
pub(super) fn ms(time: Duration) -> String {
    match millis(time) {
        ms if ms >= 10_000.0 => format!("{:.1} s", ms / 1000.0),
        ms if ms >= 100.0 => format!("{ms:.0} ms"),
        ms => format!("{ms:.1} ms"),
    }
}

/// As many MiB.
#[expect(clippy::cast_precision_loss, reason = "KiB of a process")]
pub(super) fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// The memory of a process.
pub(super) fn mib(kib: u64) -> String {
    format!("{:.1} MiB", mebibytes(kib))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_digits_that_mean_something() {
        let of = |millis| ms(Duration::from_millis(millis));
        assert_eq!((of(1), of(456), of(12_345)), ("1.0 ms".into(), "456 ms".into(), "12.3 s".into()));
        assert_eq!(mib(1536), "1.5 MiB");
    }
}
