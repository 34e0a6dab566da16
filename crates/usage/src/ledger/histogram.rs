/// How often durations fell where, to an eighth of a power of two.
///
/// A percentile read from it is within 7 % of the true one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram(Vec<u64>);

impl Histogram {
    /// Counts a duration, in microseconds.
    pub fn record(&mut self, micros: u64) {
        self.add(usize::from(slot(micros)), 1);
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Self) {
        for (slot, count) in other.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.add(slot, *count);
        }
    }

    fn add(&mut self, slot: usize, count: u64) {
        if self.0.len() <= slot {
            self.0.resize(slot + 1, 0);
        }
        if let Some(sum) = self.0.get_mut(slot) {
            *sum = sum.saturating_add(count);
        }
    }

    /// Returns how many durations were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the duration, in microseconds, that `percent` of all do not exceed; `None` without any.
    pub fn percentile(&self, percent: u8) -> Option<u64> {
        let wanted = (u128::from(self.count()) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        self.0.iter().enumerate().find_map(|(slot, count)| {
            seen += u128::from(*count);
            (seen >= wanted).then(|| middle(slot as u64))
        })
    }

    /// Writes pairs of slot and count, each number in base 128.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (slot, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            put(&mut bytes, slot as u64);
            put(&mut bytes, *count);
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; damaged bytes end it early.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut histogram = Self::default();
        histogram.merge_bytes(bytes);
        histogram
    }

    /// Adds what [`to_bytes`](Self::to_bytes) wrote.
    pub(crate) fn merge_bytes(&mut self, bytes: &[u8]) {
        let mut rest = bytes.iter().copied();
        while let Some((slot, count)) = take(&mut rest).zip(take(&mut rest)) {
            match usize::try_from(slot) {
                Ok(slot) if slot < SLOTS => self.add(slot, count),
                _ => return,
            }
        }
    }
}

/// Small numbers have a slot of their own; above, each power of two has eight.
fn slot(micros: u64) -> u16 {
    if micros < 8 {
        return micros as u16;
    }
    let power = 63 - micros.leading_zeros();
    let eighth = (micros >> (power - 3)) & 7;
    ((power - 2) * 8) as u16 + eighth as u16
}

fn middle(slot: u64) -> u64 {
    if slot < 8 {
        return slot;
    }
    let (power, eighth) = (slot / 8 + 2, slot % 8);
    let width = 1_u64.checked_shl((power - 3) as u32).unwrap_or(1);
    width.saturating_mul(8 + eighth).saturating_add(width / 2)
}

/// More than any number of 64 bits has.
const SLOTS: usize = 512;

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = bytes.next()?;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_come_back(durations: Vec<u64>) {
            let mut histogram = Histogram::default();
            durations.iter().for_each(|duration| histogram.record(*duration));
            prop_assert_eq!(Histogram::from_bytes(&histogram.to_bytes()), histogram);
        }

        #[test]
        fn percentiles_are_near(mut durations in proptest::collection::vec(0_u64..1 << 40, 1..200), percent in 1_u8..=100) {
            let mut histogram = Histogram::default();
            durations.iter().for_each(|duration| histogram.record(*duration));
            durations.sort_unstable();
            let place = (durations.len() * usize::from(percent)).div_ceil(100) - 1;
            let (true_one, read) = (durations[place] as f64, histogram.percentile(percent).unwrap() as f64);
            prop_assert!((read - true_one).abs() <= true_one * 0.07, "{read} for {true_one}");
        }
    }
}
