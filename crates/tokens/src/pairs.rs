//! A map from two small numbers to one, that is quick to say no.

use crate::words::SPREAD;

/// Maps a pair of numbers to a third; none of them above 2²⁰, and their bits not more than 64 together.
///
/// Most questions are answered no, by a filter of one bit per hash that stays in the processor's cache.
#[derive(Debug)]
pub(crate) struct Pairs {
    slots: Vec<u64>,
    filter: Vec<u64>,
    slot_shift: u32,
    filter_shift: u32,
}

/// The bits of a value, and of the second number of a key.
const VALUE: u32 = 20;
const SECOND: u32 = 20;

impl Pairs {
    pub(crate) fn new(entries: u32) -> Self {
        let bits = entries.next_power_of_two().trailing_zeros() + 1;
        let filter_bits = (bits + 2).max(6);
        Self {
            slots: vec![0; 1 << bits],
            filter: vec![0; 1 << (filter_bits - 6)],
            slot_shift: 64 - bits,
            filter_shift: 64 - filter_bits,
        }
    }

    pub(crate) fn insert(&mut self, first: u32, second: u32, value: u32) {
        let (key, hash) = hash(first, second);
        let bit = hash >> self.filter_shift;
        if let Some(word) = self.filter.get_mut((bit >> 6) as usize) {
            *word |= 1 << (bit & 63);
        }
        let mut at = (hash >> self.slot_shift) as usize;
        while self.slots.get(at).is_some_and(|slot| *slot != 0) {
            at = (at + 1) & (self.slots.len() - 1);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = key << VALUE | u64::from(value);
        }
    }

    #[inline]
    pub(crate) fn get(&self, first: u32, second: u32) -> Option<u32> {
        let (key, hash) = hash(first, second);
        let bit = hash >> self.filter_shift;
        if self.filter.get((bit >> 6) as usize)? >> (bit & 63) & 1 == 0 {
            return None;
        }
        let mut at = (hash >> self.slot_shift) as usize;
        loop {
            let slot = *self.slots.get(at)?;
            if slot >> VALUE == key {
                return Some((slot & ((1 << VALUE) - 1)) as u32);
            }
            if slot == 0 {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}

#[inline]
fn hash(first: u32, second: u32) -> (u64, u64) {
    let key = u64::from(first) << SECOND | u64::from(second);
    (key, (key ^ key >> 15).wrapping_mul(SPREAD))
}
