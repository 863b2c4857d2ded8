//! The measuring itself: classes drawn at random, inputs made ready before, one buffer for all.

use std::hint::black_box;

use super::clock::now;
use super::random::Random;
use super::stats::Timings;

/// The number of a class of inputs, from 0.
pub type Class = usize;

/// Two groups of classes that must take the same time.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What against what.
    pub name: String,
    /// The classes on the one side.
    pub a: Vec<Class>,
    /// The classes on the other.
    pub b: Vec<Class>,
}

/// What is measured.
pub trait Subject {
    /// How many classes of inputs there are.
    fn classes(&self) -> usize;

    /// Draws a class.
    fn draw(&self, random: &mut Random) -> Class {
        random.below(self.classes())
    }

    /// What is compared.
    fn comparisons(&self) -> Vec<Comparison>;

    /// Makes an input of the class; its length depends on what is public only.
    fn prepare(&mut self, class: Class, random: &mut Random, input: &mut Vec<u8>);

    /// The work that is measured, in place.
    fn work(&mut self, input: &mut [u8]);

    /// Whether the last work ended as it must for this class, so that nobody measures what was never there.
    fn is_right(&self, class: Class, input: &[u8]) -> bool;
}

/// Inputs made ready at a time. What was read while making them is then the same for all classes.
const BATCH: usize = 128;

/// Takes so many measurements, and some more before that do not count.
///
/// # Errors
/// The class whose work ended otherwise than it must.
pub fn measure(subject: &mut dyn Subject, samples: usize, random: &mut Random) -> Result<Timings, Class> {
    let mut timings = Timings::default();
    let mut inputs: Vec<(Class, Vec<u8>)> = vec![(0, Vec::new()); BATCH];
    let mut work = Vec::new();
    let warm_up = (samples / 50).clamp(2 * BATCH, 20_000);
    let mut taken = 0;
    while timings.len() < samples {
        for (class, input) in &mut inputs {
            *class = subject.draw(random);
            input.clear();
            subject.prepare(*class, random, input);
        }
        for (class, input) in &inputs {
            // Always the same buffer.
            work.clear();
            work.extend_from_slice(input);
            let start = now();
            subject.work(black_box(&mut work));
            let ticks = now() - start;
            if !subject.is_right(*class, &work) {
                return Err(*class);
            }
            taken += 1;
            if taken > warm_up && timings.len() < samples {
                timings.push(ticks, *class);
            }
        }
    }
    Ok(timings)
}

#[cfg(test)]
mod tests {
    use super::super::stats::THRESHOLD;
    use super::*;

    /// Compares bytes with zeros, up to the first difference.
    struct Compare {
        equal: bool,
        claims: bool,
    }

    impl Subject for Compare {
        fn classes(&self) -> usize {
            2
        }

        fn comparisons(&self) -> Vec<Comparison> {
            vec![Comparison { name: "wrong at once : right".into(), a: vec![0], b: vec![1] }]
        }

        fn prepare(&mut self, class: Class, _random: &mut Random, input: &mut Vec<u8>) {
            input.resize(256, 0);
            input[0] = u8::from(class == 0);
        }

        fn work(&mut self, input: &mut [u8]) {
            self.equal = !input.iter().any(|byte| black_box(*byte) != 0);
        }

        fn is_right(&self, class: Class, _input: &[u8]) -> bool {
            (self.equal == (class == 1)) == self.claims
        }
    }

    #[test]
    fn an_early_exit_is_detected() {
        let mut subject = Compare { equal: false, claims: true };
        let mut timings = measure(&mut subject, 20_000, &mut Random::new(3)).unwrap();
        assert_eq!(timings.len(), 20_000);
        assert!(timings.compare(&subject.comparisons())[0].t <= -THRESHOLD);
    }

    #[test]
    fn a_class_that_is_not_what_it_says_is_an_error() {
        let mut subject = Compare { equal: false, claims: false };
        assert!(measure(&mut subject, 10, &mut Random::new(3)).is_err());
    }
}
