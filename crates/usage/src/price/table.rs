//! A price book as bytes, read in place.
//!
//! Nothing is parsed when a table is opened: a look-up hashes the name, follows one slot to its row, and reads the
//! figures that it needs. [`write`] makes the bytes. All numbers are little-endian.
//!
//! ```text
//! HEADER  a line of text, then 8 × u32: where the version, the strings, the slots and the rows are, and how many
//! string  u16 length, bytes; a list of u32 offsets leads to them
//! slot    u32 offset of the newest row whose key hashes there, or of the next free slot before; 0 is empty
//! row     38 bytes, its key, 16 bytes for each figure
//! ```

use std::borrow::Cow;

use tollbridge_core::Currency;

use super::{Capabilities, Component, Figure, Limits, Rate, Row, Tier};

/// The bytes of a book.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    bytes: Cow<'static, [u8]>,
    version: (usize, usize),
    strings: (usize, usize),
    slots: (usize, usize),
    rows: (usize, usize),
}

impl Table {
    /// Opens a table; `None` if the bytes are not one.
    pub(crate) fn open(bytes: Cow<'static, [u8]>) -> Option<Self> {
        bytes.starts_with(HEADER).then_some(())?;
        let pair = |index: usize| {
            let at = HEADER.len() + index * 8;
            Some((read_u32(&bytes, at)? as usize, read_u32(&bytes, at + 4)? as usize))
        };
        let (version, strings, slots, rows) = (pair(0)?, pair(1)?, pair(2)?, pair(3)?);
        slots.1.is_power_of_two().then_some(())?;
        Some(Self { bytes, version, strings, slots, rows })
    }

    pub(crate) fn version(&self) -> &str {
        let (at, length) = self.version;
        self.text(at, length)
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.1
    }

    /// Finds the newest row whose key is these parts joined.
    pub(crate) fn find(&self, key: &[&str]) -> Option<RowView<'_>> {
        let mask = self.slots.1.checked_sub(1)?;
        let mut slot = hash(key) as usize & mask;
        for _ in 0..=mask {
            let at = read_u32(&self.bytes, self.slots.0 + slot * 4)?;
            if at == 0 {
                return None;
            }
            let row = self.row(at as usize)?;
            if is_joined(row.key_bytes(), key) {
                return Some(row);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    /// Returns all rows, in the order of their keys.
    pub(crate) fn rows(&self) -> impl Iterator<Item = RowView<'_>> {
        let mut at = self.rows.0;
        (0..self.rows.1).map_while(move |_| {
            let row = self.row(at)?;
            at = row.end();
            Some(row)
        })
    }

    fn row(&self, at: usize) -> Option<RowView<'_>> {
        self.bytes.get(at..at + ROW).map(|head| RowView { table: self, at, head })
    }

    fn string(&self, index: u16) -> &str {
        let (at, count) = self.strings;
        let offset = (usize::from(index) < count).then(|| read_u32(&self.bytes, at + usize::from(index) * 4)).flatten();
        let Some(offset) = offset.map(|offset| offset as usize) else { return "" };
        let length = read_u16(&self.bytes, offset).unwrap_or_default();
        self.text(offset + 2, usize::from(length))
    }

    fn text(&self, at: usize, length: usize) -> &str {
        let bytes = self.bytes.get(at..at.saturating_add(length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// A row where it stands in its table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowView<'a> {
    table: &'a Table,
    at: usize,
    head: &'a [u8],
}

impl<'a> RowView<'a> {
    /// Returns the version of the row's book.
    pub(crate) fn book(self) -> &'a str {
        self.table.version()
    }

    pub(crate) fn key(self) -> &'a str {
        self.table.text(self.at + ROW, usize::from(self.u16_at(0)))
    }

    fn key_bytes(self) -> &'a [u8] {
        let start = self.at + ROW;
        self.table.bytes.get(start..start + usize::from(self.u16_at(0))).unwrap_or_default()
    }

    pub(crate) fn vendor(self) -> &'a str {
        self.table.string(self.u16_at(2))
    }

    pub(crate) fn mode(self) -> &'a str {
        self.table.string(self.u16_at(4))
    }

    pub(crate) fn off_peak(self) -> &'a str {
        self.table.string(self.u16_at(6))
    }

    pub(crate) fn currency(self) -> Currency {
        let code = self.head.get(8..11).and_then(|code| std::str::from_utf8(code).ok());
        code.and_then(Currency::from_code).unwrap_or(Currency::USD)
    }

    pub(crate) fn is_inclusive(self) -> bool {
        self.flags() & INCLUSIVE != 0
    }

    pub(crate) fn is_search_per_prompt(self) -> bool {
        self.flags() & SEARCH_PER_PROMPT != 0
    }

    pub(crate) fn since(self) -> u32 {
        self.u32_at(12)
    }

    pub(crate) fn limits(self) -> Limits {
        let known = |at| Some(self.u32_at(at)).filter(|value| *value != UNKNOWN);
        Limits {
            deprecated: known(16),
            capabilities: Capabilities(self.u32_at(20)),
            max_input: known(24),
            max_output: known(28),
        }
    }

    /// Returns the row that held on a day: this one, or an older one of the same key.
    pub(crate) fn on(self, day: u32) -> Self {
        let mut row = self;
        while row.since() > day {
            match row.older() {
                Some(older) => row = older,
                None => break,
            }
        }
        row
    }

    fn older(self) -> Option<Self> {
        // Older rows stand before newer ones, so that this ends whatever the bytes say.
        Some(self.u32_at(32) as usize).filter(|at| *at != 0 && *at < self.at).and_then(|at| self.table.row(at))
    }

    pub(crate) fn figures(self) -> impl Iterator<Item = FigureView<'a>> {
        let start = self.at + ROW + usize::from(self.u16_at(0));
        let bytes = self.table.bytes.get(start..self.end()).unwrap_or_default();
        bytes.chunks_exact(FIGURE).filter_map(move |bytes| FigureView::read(self.table, bytes))
    }

    fn end(self) -> usize {
        self.at + ROW + usize::from(self.u16_at(0)) + usize::from(self.u16_at(36)) * FIGURE
    }

    /// Copies the row out of its table.
    pub(crate) fn to_row(self) -> Row {
        let figure = |view: FigureView<'_>| Figure {
            component: view.component,
            tier: view.tier,
            above: view.above,
            rate: view.rate,
            source: view.source.to_owned(),
        };
        Row {
            key: self.key().to_owned(),
            vendor: self.vendor().to_owned(),
            mode: self.mode().to_owned(),
            currency: self.currency().to_string(),
            since: self.since(),
            limits: self.limits(),
            inclusive: self.is_inclusive(),
            search_per_prompt: self.is_search_per_prompt(),
            off_peak: self.off_peak().to_owned(),
            figures: self.figures().map(figure).collect(),
        }
    }

    fn flags(self) -> u8 {
        self.head.get(11).copied().unwrap_or_default()
    }

    fn u16_at(self, at: usize) -> u16 {
        read_u16(self.head, at).unwrap_or_default()
    }

    fn u32_at(self, at: usize) -> u32 {
        read_u32(self.head, at).unwrap_or_default()
    }
}

/// One rate of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FigureView<'a> {
    pub(crate) component: Component,
    pub(crate) tier: Tier,
    pub(crate) above: u32,
    pub(crate) rate: Rate,
    pub(crate) source: &'a str,
}

impl<'a> FigureView<'a> {
    fn read(table: &'a Table, bytes: &[u8]) -> Option<Self> {
        let mantissa = u64::from_le_bytes(bytes.get(8..16)?.try_into().ok()?);
        let factor = 10_i128.checked_pow(u32::from(*bytes.get(2)?))?;
        Some(Self {
            component: Component::from_code(*bytes.first()?)?,
            tier: Tier::from_code(*bytes.get(1)?)?,
            above: read_u32(bytes, 4)?,
            rate: Rate::from_yocto(i128::from(mantissa).checked_mul(factor)?),
            source: table.string(u16::from(*bytes.get(3)?)),
        })
    }
}

pub(crate) fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

pub(crate) fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Hashes the parts of a key as if they were joined (FNV-1a).
pub(crate) fn hash(key: &[&str]) -> u32 {
    key.iter()
        .flat_map(|part| part.bytes())
        .fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn is_joined(text: &[u8], parts: &[&str]) -> bool {
    let rest = parts.iter().try_fold(text, |rest, part| rest.strip_prefix(part.as_bytes()));
    rest.is_some_and(<[u8]>::is_empty)
}

pub(crate) const HEADER: &[u8] = b"Tollbridge price book 1, made by `cargo xtask pricing`\n";
pub(crate) const ROW: usize = 38;
pub(crate) const FIGURE: usize = 16;
pub(crate) const UNKNOWN: u32 = u32::MAX;
pub(crate) const INCLUSIVE: u8 = 1;
pub(crate) const SEARCH_PER_PROMPT: u8 = 2;
