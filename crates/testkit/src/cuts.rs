//! Ways to cut an input into chunks.
//!
//! A stream arrives in whatever pieces the network makes of it, so every engine must do the same
//! whatever the pieces are. All cuts here are repeatable: randomness is a seed.

/// A small seeded generator (xorshift64*): the same seed gives the same sequence everywhere.
///
/// ```
/// use xmpp_tls_testkit::cuts::Rng;
///
/// let (mut a, mut b) = (Rng::new(7), Rng::new(7));
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert!(a.below(10) < 10);
/// ```
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator; every seed is good, 0 included.
    pub fn new(seed: u64) -> Self {
        // One round of splitmix64: neighbouring seeds give unrelated sequences, and never the state 0.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Rng((z ^ (z >> 31)).max(1))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, or 0 if `bound` is 0. Good enough for tests: slightly biased.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next_u64() % (bound as u64).max(1)) as usize
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        out.fill_with(|| self.next_u64() as u8);
    }
}

/// The input in two pieces, cut at every place, the ends included (one piece is empty then: empty
/// input must be a no-op).
///
/// ```
/// use xmpp_tls_testkit::cuts;
///
/// let all: Vec<_> = cuts::single(b"abc").collect();
/// assert_eq!(all, [[&b""[..], b"abc"], [b"a", b"bc"], [b"ab", b"c"], [b"abc", b""]]);
/// ```
pub fn single(input: &[u8]) -> impl Iterator<Item = [&[u8]; 2]> {
    (0..=input.len()).map(|at| {
        let (head, tail) = input.split_at(at);
        [head, tail]
    })
}

/// The input byte by byte.
pub fn bytewise(input: &[u8]) -> Vec<&[u8]> {
    input.chunks(1).collect()
}

/// The input cut at random places: `count` different ways, from 2 pieces to many.
///
/// ```
/// use xmpp_tls_testkit::cuts;
///
/// for chunks in cuts::random(b"<stream:stream>", 1, 100) {
///     assert_eq!(chunks.concat(), b"<stream:stream>");
/// }
/// ```
pub fn random(input: &[u8], seed: u64, count: usize) -> impl Iterator<Item = Vec<&[u8]>> {
    (0..count as u64).map(move |index| one_random(input, seed, index))
}

/// The `index`th way of [`random`]: what a failure message names.
pub fn one_random(input: &[u8], seed: u64, index: u64) -> Vec<&[u8]> {
    let mut rng = Rng::new(seed ^ index.rotate_left(32));
    // Few cuts, many cuts and almost only cuts find different mistakes.
    let density = [2, 8, input.len().max(2)][rng.below(3)];
    let mut places: Vec<usize> = (0..1 + rng.below(density))
        .map(|_| rng.below(input.len() + 1))
        .collect();
    places.sort_unstable();
    let mut chunks = Vec::with_capacity(places.len() + 1);
    let mut start = 0;
    for place in places {
        chunks.push(&input[start..place]);
        start = place;
    }
    chunks.push(&input[start..]);
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_keeps_every_byte() {
        let input: Vec<u8> = (0..=255).collect();
        assert_eq!(single(&input).count(), 257);
        assert!(single(&input).all(|chunks| chunks.concat() == input));
        assert!(random(&input, 3, 500).all(|chunks| chunks.len() > 1 && chunks.concat() == input));
        assert_eq!(bytewise(&input).concat(), input);
    }

    #[test]
    fn the_same_seed_gives_the_same_cuts_and_another_gives_others() {
        let input = [0; 100];
        let lengths = |seed| {
            random(&input, seed, 20)
                .map(|c| c.iter().map(|x| x.len()).collect())
                .collect::<Vec<Vec<_>>>()
        };
        assert_eq!(lengths(1), lengths(1));
        assert_ne!(lengths(1), lengths(2));
    }

    #[test]
    fn an_empty_input_can_be_cut() {
        assert_eq!(single(b"").count(), 1);
        assert!(random(b"", 1, 50).all(|chunks| chunks.concat().is_empty()));
    }
}
