//! The few numbers that a benchmark boils down to.

use std::time::Duration;

/// The middle one; of an even number the lower of the two.
pub(super) fn median<T: Copy + Ord>(mut all: Vec<T>) -> Option<T> {
    all.sort_unstable();
    all.get(all.len().checked_sub(1)? / 2).copied()
}

/// The value below which this part of them lies; of none, nothing.
pub(super) fn percentile(all: &[Duration], part: f64) -> Duration {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(place.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// The geometric mean: of ratios, the only mean that is the same seen from
/// either side.
#[expect(clippy::cast_precision_loss, reason = "a count of cases")]
pub(super) fn geometric_mean(ratios: &[f64]) -> f64 {
    (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len().max(1) as f64).exp()
}

/// How many times the second goes into the first.
pub(super) fn ratio(theirs: Duration, ours: Duration) -> f64 {
    theirs.as_secs_f64() / ours.as_secs_f64()
}

/// The power with which `y` grows with `x`: 1 is linear, 2 is quadratic. The
/// slope of the line that fits best where both are logarithms.
#[expect(clippy::cast_precision_loss, reason = "a count of points")]
pub(super) fn growth(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let (x, y) = logs.iter().fold((0.0, 0.0), |(a, b), (x, y)| (a + x / count, b + y / count));
    let along: f64 = logs.iter().map(|(px, _)| (px - x).powi(2)).sum();
    logs.iter().map(|(px, py)| (px - x) * (py - y)).sum::<f64>() / along
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_mean() {
        assert_eq!(median(vec![3, 1, 2]), Some(2));
        assert_eq!(median(vec![4, 1, 2, 3]), Some(2));
        assert_eq!(median::<u8>(Vec::new()), None);
        assert!((geometric_mean(&[2.0, 8.0]) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let all: Vec<Duration> = (1..=200).rev().map(Duration::from_secs).collect();
        let of = |part| percentile(&all, part).as_secs();
        assert_eq!((of(0.5), of(0.99), of(1.0), of(0.0)), (100, 198, 200, 1));
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn linear_and_quadratic_growth_are_told_apart() {
        let linear: Vec<_> = [10.0, 25.0, 50.0, 100.0].iter().map(|x| (*x, 3.0 * x)).collect();
        let quadratic: Vec<_> = linear.iter().map(|(x, _)| (*x, x * x)).collect();
        assert!((growth(&linear) - 1.0).abs() < 1e-9);
        assert!((growth(&quadratic) - 2.0).abs() < 1e-9);
    }
}
