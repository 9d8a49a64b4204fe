//! Takes turns among subjects, so that what disturbs the machine disturbs all of them.

use crate::ALLOCATOR;
use stats_alloc::Region;
use std::time::Instant;

const ROUNDS: usize = 201;

pub struct Subject<'a> {
    name: &'static str,
    repeat: u32,
    work: Box<dyn Fn() + 'a>,
}

impl<'a> Subject<'a> {
    /// `repeat` runs make one measurement.
    pub fn new(name: &'static str, repeat: u32, work: impl Fn() + 'a) -> Self {
        Subject { name, repeat, work: Box::new(work) }
    }

    fn nanoseconds(&self) -> f64 {
        let start = Instant::now();
        (0..self.repeat).for_each(|_| (self.work)());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(self.repeat)
    }

    fn allocations(&self) -> usize {
        let region = Region::new(ALLOCATOR);
        (self.work)();
        let change = region.change();
        change.allocations + change.reallocations
    }
}

/// Prints times, ratios to the first subject, and allocations.
pub fn compare(what: &str, subjects: &[Subject<'_>]) {
    for subject in subjects {
        let _warm = subject.nanoseconds();
    }
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, times) in subjects.iter().zip(&mut times) {
            times.push(subject.nanoseconds());
        }
    }
    println!("{what}");
    for (index, subject) in subjects.iter().enumerate() {
        let ratios = times[index].iter().zip(&times[0]).map(|(own, first)| own / first).collect();
        println!(
            "  {:<28} {:>10.0} ns {:>8.3}x {:>4} allocations",
            subject.name,
            median(times[index].clone()),
            median(ratios),
            subject.allocations(),
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
