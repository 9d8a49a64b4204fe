//! Times that can be compared: every round runs each subject once, in turn, so that whatever slows the
//! machine down slows all of them.

use std::time::{Duration, Instant};

/// A subject is repeated within a round until it has run for so long.
const LEAST: Duration = Duration::from_micros(500);

/// Seconds a run, for each subject and round.
pub(crate) fn interleave(subjects: &[&dyn Fn()], rounds: usize) -> Vec<Vec<f64>> {
    let repeats: Vec<u32> = subjects.iter().map(|work| calibrate(work)).collect();
    let mut times = vec![Vec::with_capacity(rounds); subjects.len()];
    for round in 0..rounds {
        // Another one begins each round: none always runs behind the same.
        for step in 0..subjects.len() {
            let index = (round + step) % subjects.len();
            let begin = Instant::now();
            (0..repeats[index]).for_each(|_| subjects[index]());
            times[index].push(begin.elapsed().as_secs_f64() / f64::from(repeats[index]));
        }
    }
    times
}

fn calibrate(work: &dyn Fn()) -> u32 {
    for _ in 0..3 {
        work();
    }
    let begin = Instant::now();
    work();
    let once = begin.elapsed().max(Duration::from_nanos(1));
    u32::try_from(LEAST.as_nanos() / once.as_nanos())
        .unwrap_or(u32::MAX)
        .max(1)
}

pub(crate) fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

pub(crate) fn median_of_ratios(times: &[f64], base: &[f64]) -> f64 {
    median(
        &times
            .iter()
            .zip(base)
            .map(|(time, base)| time / base)
            .collect::<Vec<_>>(),
    )
}
