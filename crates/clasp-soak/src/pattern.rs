//! The data of a transfer: a stream that both its ends can make anew, octet by octet (RFC 5246 6.2.1: a record's data is opaque).

/// A sequence that looks random, by its number: SplitMix64, of Steele, Lea and Flood.
fn word(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Fills `out` with the bytes of the stream of this seed, from `position` on.
pub(crate) fn fill(seed: u64, position: u64, out: &mut [u8]) {
    for (at, byte) in (position..).zip(out) {
        let place = usize::try_from(at % 8).unwrap_or_default();
        *byte = word(seed, at / 8).to_le_bytes()[place];
    }
}

/// Choices that are the same in every run.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    seed: u64,
    next: u64,
}

impl Chance {
    /// Those of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, next: 0 }
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next += 1;
        word(self.seed, self.next) % bound
    }

    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.below(u64::MAX)
    }

    /// From `least` to `most`.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        least + usize::try_from(self.below((most - least) as u64 + 1)).unwrap_or_default()
    }

    /// One of several.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.between(0, of.len() - 1)]
    }

    /// Waits for up to so many milliseconds.
    pub(crate) async fn pause(&mut self, most: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(self.below(most + 1))).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_same_however_it_is_cut() {
        let mut whole = [0; 100];
        fill(7, 3, &mut whole);
        let mut pieces = [0; 100];
        let (first, second) = pieces.split_at_mut(41);
        fill(7, 3, first);
        fill(7, 44, second);
        assert_eq!(whole, pieces);
        fill(8, 3, &mut pieces);
        assert_ne!(whole, pieces);
    }

    #[test]
    fn chance_stays_within_bounds() {
        let mut chance = Chance::new(1);
        let all: Vec<usize> = (0..100).map(|_| chance.between(2, 5)).collect();
        assert!(all.iter().all(|n| (2..=5).contains(n)) && (2..=5).all(|n| all.contains(&n)));
    }
}
