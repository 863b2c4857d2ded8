//! Welch's t-test between two groups of classes, over all measurements and over what is left when the slowest are cut off
//! at one of a hundred places, as dudect does: what disturbs a measurement makes it slower, so the quick ones see best.

use super::measure::{Class, Comparison};

/// From this |t| on, two groups are taken to differ. With no difference, one t-test in 150,000 comes out so.
pub const THRESHOLD: f64 = 4.5;

/// How many places the slowest measurements are cut off at.
const CROPS: usize = 100;

/// Groups with fewer measurements than this are not compared: their t is not normal yet.
const LEAST: f64 = 200.0;

/// With the slowest measurements among them, which may be a thousand times as slow as the others, t is normal from here on.
const LEAST_WITH_TAIL: f64 = 10_000.0;

/// What is kept when the slowest are cut off for sure.
const WITHOUT_TAIL: f64 = 0.9;

/// Measurements, each with the class of its input.
#[derive(Debug, Default)]
pub struct Timings(Vec<(u64, Class)>);

/// How one comparison came out: at the crop where |t| is largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    /// Welch's t; positive when the first group is slower.
    pub t: f64,
    /// How much slower the first group is there, ticks.
    pub difference: f64,
    /// The part of all measurements that was looked at.
    pub kept: f64,
    /// The least difference that would have reached the threshold at some crop, ticks.
    pub resolution: f64,
}

/// Number, sum and sum of squares.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        self.sum += x;
        self.squares += x * x;
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn mean(self) -> f64 {
        self.sum / self.count
    }

    /// The variance of the mean.
    fn error(self) -> f64 {
        (self.squares - self.sum * self.mean()).max(0.0) / (self.count - 1.0) / self.count
    }
}

impl Timings {
    /// Takes one measurement in.
    pub fn push(&mut self, ticks: u64, class: Class) {
        self.0.push((ticks, class));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The median, ticks.
    pub fn median(&mut self) -> u64 {
        let middle = self.0.len() / 2;
        self.0.select_nth_unstable(middle).1.0
    }

    /// Makes every comparison.
    pub fn compare(&mut self, comparisons: &[Comparison]) -> Vec<Finding> {
        self.0.sort_unstable();
        let classes = self.0.iter().map(|(_, class)| class + 1).max().unwrap_or(0);
        // Sums are taken from the median on, so that the squares keep their precision.
        let middle = self.0.get(self.0.len() / 2).map_or(0.0, |(ticks, _)| *ticks as f64);
        let mut moments = vec![Moments::default(); classes];
        let mut done = 0;
        let mut findings =
            vec![Finding { t: 0.0, difference: 0.0, kept: 1.0, resolution: f64::INFINITY }; comparisons.len()];
        for crop in 1..=CROPS + 1 {
            // Close together where most measurements are cut off, as in dudect: 6.7 % are kept at first, 99.9 % in the
            // end, and then all.
            let kept = if crop > CROPS { 1.0 } else { 1.0 - 0.5_f64.powf(10.0 * crop as f64 / CROPS as f64) };
            let end = (kept * self.0.len() as f64) as usize;
            // Never between equal measurements, as those are sorted by class.
            let limit = self.0.get(end).map_or(u64::MAX, |(ticks, _)| *ticks);
            let end = self.0.partition_point(|(ticks, _)| *ticks < limit);
            for (ticks, class) in &self.0[done..end] {
                moments[*class].add(*ticks as f64 - middle);
            }
            done = end;
            for (comparison, finding) in comparisons.iter().zip(&mut findings) {
                let least = if kept > WITHOUT_TAIL { LEAST_WITH_TAIL } else { LEAST };
                let Some((difference, error)) = welch(comparison, &moments, least) else { continue };
                finding.resolution = finding.resolution.min(THRESHOLD * error);
                // Where all measurements are the same, there is no difference or an infinite one.
                let t = if difference == 0.0 { 0.0 } else { difference / error };
                if t.abs() > finding.t.abs() {
                    *finding = Finding { t, difference, kept, ..*finding };
                }
            }
        }
        findings
    }
}

/// By how much the first group is slower, and the standard error of that; `None` when there are fewer than `least`
/// measurements in one of them.
fn welch(comparison: &Comparison, moments: &[Moments], least: f64) -> Option<(f64, f64)> {
    let group = |classes: &[Class]| {
        let mut all = Moments::default();
        classes.iter().filter_map(|class| moments.get(*class)).for_each(|moments| all.merge(*moments));
        all
    };
    let (a, b) = (group(&comparison.a), group(&comparison.b));
    if a.count < least || b.count < least {
        return None;
    }
    Some((a.mean() - b.mean(), (a.error() + b.error()).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::super::Random;
    use super::*;

    fn two() -> Vec<Comparison> {
        vec![Comparison { name: "0 : 1".into(), a: vec![0], b: vec![1] }]
    }

    /// About 1000 ticks, with a long tail as of a busy machine.
    fn noise(random: &mut Random) -> u64 {
        let bell: usize = (0..12).map(|_| random.below(100)).sum();
        let tail = if random.below(50) == 0 { random.below(100_000) } else { 0 };
        (400 + bell + tail) as u64
    }

    fn measured(seed: u64, slower: impl Fn(Class) -> u64) -> Finding {
        measured_by(1, seed, slower)
    }

    /// With a clock that tells no less than `step` ticks.
    fn measured_by(step: u64, seed: u64, slower: impl Fn(Class) -> u64) -> Finding {
        let mut random = Random::new(seed);
        let mut timings = Timings::default();
        for _ in 0..100_000 {
            let class = random.below(2);
            let ticks = noise(&mut random) + slower(class);
            timings.push(ticks / step * step, class);
        }
        timings.compare(&two())[0]
    }

    /// Worked out by hand for two groups of the same five numbers, one of them shifted.
    #[test]
    fn the_error_is_welchs() {
        let mut moments = [Moments::default(); 2];
        for x in [1.0, 2.0, 3.0, 4.0, 5.0] {
            (0..100).for_each(|_| moments[0].add(x));
            (0..100).for_each(|_| moments[1].add(x + 1.0));
        }
        // Variance 2 * 500 / 499, so the error of the difference is sqrt(2 * 2 / 499).
        let (difference, error) = welch(&two()[0], &moments, LEAST).unwrap();
        assert!((difference + 1.0).abs() < 1e-9);
        assert!((error - (4.0_f64 / 499.0).sqrt()).abs() < 1e-9, "{error}");
    }

    #[test]
    fn small_groups_are_not_compared() {
        let mut moments = [Moments::default(); 2];
        (0..199).for_each(|_| moments[0].add(1.0));
        (0..1000).for_each(|_| moments[1].add(2.0));
        assert_eq!(welch(&two()[0], &moments, LEAST), None);
    }

    #[test]
    fn where_there_is_no_difference_none_is_found() {
        for step in [1, 50] {
            let over = (0..50).filter(|seed| measured_by(step, *seed, |_| 0).t.abs() >= THRESHOLD).count();
            assert!(over <= 1, "{over} by {step}");
        }
    }

    /// One in fifty measurements is slow, so most of a hundred small groups have seen a few and some have seen none.
    #[test]
    fn a_few_slow_measurements_are_no_difference_for_a_small_group() {
        let comparisons: Vec<Comparison> = (0..100)
            .map(|class| Comparison {
                name: String::new(),
                a: vec![class],
                b: (0..100).filter(|other| *other != class).collect(),
            })
            .collect();
        let mut random = Random::new(5);
        let mut timings = Timings::default();
        for _ in 0..50_000 {
            let class = random.below(100);
            timings.push(noise(&mut random), class);
        }
        let over = timings.compare(&comparisons).iter().filter(|finding| finding.t.abs() >= THRESHOLD).count();
        assert_eq!(over, 0);
    }

    /// Four ticks in a thousand, under noise of a hundred and a tail of a hundred thousand.
    #[test]
    fn a_small_difference_is_found() {
        let finding = measured(1, |class| if class == 0 { 4 } else { 0 });
        assert!(finding.t >= THRESHOLD, "{finding:?}");
        assert!((1.0..8.0).contains(&finding.difference), "{finding:?}");
        let finding = measured(1, |class| if class == 1 { 4 } else { 0 });
        assert!(finding.t <= -THRESHOLD, "{finding:?}");
    }

    /// What all the crops are for: the tail hides it from the test over all measurements.
    #[test]
    fn the_largest_t_is_where_the_tail_is_cut_off() {
        let finding = measured(2, |class| if class == 0 { 10 } else { 0 });
        assert!(finding.kept < 1.0, "{finding:?}");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let mut timings = Timings::default();
        [5, 1, 9, 3, 7].iter().for_each(|ticks| timings.push(*ticks, 0));
        assert_eq!((timings.median(), timings.len(), timings.is_empty()), (5, 5, false));
    }
}
