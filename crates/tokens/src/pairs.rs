//! A map from two small numbers to one.

use crate::words::SPREAD;

/// Maps a pair of numbers to a third, all below 2²⁰.
#[derive(Debug)]
pub(crate) struct Pairs {
    slots: Vec<u64>,
    shift: u32,
}

/// Tells that most pairs are not in a map, by one bit for each hash: small enough for the processor's cache.
#[derive(Debug)]
pub(crate) struct Filter {
    bits: Vec<u64>,
    shift: u32,
}

impl Pairs {
    pub(crate) fn new(entries: u32) -> Self {
        let bits = entries.next_power_of_two().trailing_zeros() + 1;
        Self { slots: vec![0; 1 << bits], shift: 64 - bits }
    }

    pub(crate) fn insert(&mut self, first: u32, second: u32, value: u32) {
        let (key, hash) = hash(first, second);
        let mut at = (hash >> self.shift) as usize;
        while self.slots.get(at).is_some_and(|slot| *slot != 0) {
            at = (at + 1) & (self.slots.len() - 1);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = key << BITS | u64::from(value);
        }
    }

    #[inline]
    pub(crate) fn get(&self, first: u32, second: u32) -> Option<u32> {
        let (key, hash) = hash(first, second);
        let mut at = (hash >> self.shift) as usize;
        loop {
            let slot = *self.slots.get(at)?;
            if slot >> BITS == key {
                return Some((slot & ((1 << BITS) - 1)) as u32);
            }
            if slot == 0 {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

impl Filter {
    pub(crate) fn new(entries: u32) -> Self {
        let bits = entries.next_power_of_two().trailing_zeros() + 3;
        Self { bits: vec![0; 1 << (bits - 6)], shift: 64 - bits }
    }

    pub(crate) fn insert(&mut self, first: u32, second: u32) {
        let bit = hash(first, second).1 >> self.shift;
        if let Some(bits) = self.bits.get_mut((bit >> 6) as usize) {
            *bits |= 1 << (bit & 63);
        }
    }

    #[inline]
    pub(crate) fn may_have(&self, first: u32, second: u32) -> bool {
        let bit = hash(first, second).1 >> self.shift;
        self.bits.get((bit >> 6) as usize).is_some_and(|bits| bits >> (bit & 63) & 1 == 1)
    }
}

#[inline]
fn hash(first: u32, second: u32) -> (u64, u64) {
    let key = u64::from(first) << BITS | u64::from(second);
    (key, (key ^ key >> 15).wrapping_mul(SPREAD))
}

/// The bits of each number.
const BITS: u32 = 20;
