/// Choices that can be made again.
pub(crate) struct Random(u64);

impl Random {
    /// Begins with the seed of the environment, or with one of the clock, and says which.
    #[expect(clippy::print_stderr, reason = "whoever sees a failure needs the seed")]
    pub(crate) fn seeded() -> Self {
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let seed = std::env::var(SEED).map_or_else(|_| now(), |seed| seed.parse().unwrap());
        eprintln!("{SEED}={seed}");
        Self(seed)
    }

    /// Begins a row of choices of its own.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    /// Chooses a number below another.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Chooses a number of a range without its end.
    pub(crate) fn between(&mut self, start: u64, end: u64) -> u64 {
        start + self.below(end - start)
    }

    /// Chooses one of several.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    /// The steps of SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

const SEED: &str = "TOLLBRIDGE_KILL_SEED";
