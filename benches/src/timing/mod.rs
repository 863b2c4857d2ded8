//! Does the time tell a secret? Measurements of inputs of several classes, drawn at random, and Welch's t-test between
//! them, as in dudect (Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", DATE 2017).

pub mod clock;
pub mod measure;
pub mod random;
pub mod stats;

pub use measure::{Class, Comparison, Subject, measure};
pub use random::Random;
pub use stats::{Finding, THRESHOLD, Timings};
