use std::collections::HashMap;
use std::fmt;

use super::table::{HEADER, INCLUSIVE, SEARCH_PER_PROMPT, UNKNOWN, hash};
use super::{Figure, Row};

/// Writes rows as the bytes of a book, which [`PriceBook::from_bytes`](super::PriceBook::from_bytes) opens.
///
/// The order of the rows does not matter, and equal rows make equal bytes.
///
/// # Errors
///
/// Two rows of one key and day, and numbers that the format has no room for.
pub fn write(version: &str, rows: &[Row]) -> Result<Vec<u8>, WriteError> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| (&a.key, a.since).cmp(&(&b.key, b.since)));
    if let Some(key) = rows.windows(2).find_map(|pair| match pair {
        [a, b] if (&a.key, a.since) == (&b.key, b.since) => Some(&a.key),
        _ => None,
    }) {
        return Err(WriteError(format!("`{key}` has two rows of the same day")));
    }
    let mut strings = Strings::default();
    // Sources come first: a figure has one byte for its own.
    for figure in rows.iter().flat_map(|row| &row.figures) {
        strings.number(&figure.source);
    }
    let slots = (rows.len() * 2).next_power_of_two().max(2);
    let start = HEADER.len() + 32 + version.len() + slots * 4;
    let (mut body, mut index, mut older) = (Vec::new(), vec![0_u32; slots], HashMap::new());
    for row in &rows {
        let at = number(start + body.len())?;
        let before = older.insert(&row.key, at);
        encode(row, before.unwrap_or_default(), &mut strings, &mut body)?;
        place(&mut index, &row.key, before.unwrap_or_default(), at);
    }
    let list = start + body.len();
    let mut out = HEADER.to_vec();
    let pairs = [
        (HEADER.len() + 32, version.len()),
        (list, strings.texts.len()),
        (HEADER.len() + 32 + version.len(), slots),
        (start, rows.len()),
    ];
    for (at, count) in pairs {
        out.extend(number(at)?.to_le_bytes());
        out.extend(number(count)?.to_le_bytes());
    }
    out.extend(version.as_bytes());
    index.iter().for_each(|slot| out.extend(slot.to_le_bytes()));
    out.extend(body);
    strings.write(&mut out)?;
    Ok(out)
}

/// Puts the newest row of a key into the slot of the older one, or into the first free one.
fn place(index: &mut [u32], key: &str, before: u32, at: u32) {
    let mask = index.len() - 1;
    let first = hash(&[key]) as usize & mask;
    let free = (0..index.len()).map(|step| (first + step) & mask).find(|slot| index.get(*slot) == Some(&before));
    if let Some(slot) = free.and_then(|slot| index.get_mut(slot)) {
        *slot = at;
    }
}

fn encode(row: &Row, before: u32, strings: &mut Strings, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let too_long = |what: &str| WriteError(format!("`{}` has {what} that the format has no room for", row.key));
    let short = |length: usize| u16::try_from(length).map_err(|_| too_long("a length"));
    let currency: [u8; 3] = row.currency.as_bytes().try_into().map_err(|_| too_long("a currency"))?;
    out.extend(short(row.key.len())?.to_le_bytes());
    for text in [&row.vendor, &row.mode, &row.off_peak] {
        out.extend(short(strings.number(text))?.to_le_bytes());
    }
    out.extend(currency);
    let flag = |set: bool, bit: u8| if set { bit } else { 0 };
    out.push(flag(row.inclusive, INCLUSIVE) | flag(row.search_per_prompt, SEARCH_PER_PROMPT));
    out.extend(row.since.to_le_bytes());
    out.extend(row.limits.deprecated.unwrap_or(UNKNOWN).to_le_bytes());
    out.extend(row.limits.capabilities.0.to_le_bytes());
    out.extend(row.limits.max_input.unwrap_or(UNKNOWN).to_le_bytes());
    out.extend(row.limits.max_output.unwrap_or(UNKNOWN).to_le_bytes());
    out.extend(before.to_le_bytes());
    out.extend(short(row.figures.len())?.to_le_bytes());
    out.extend(row.key.as_bytes());
    let mut figures: Vec<&Figure> = row.figures.iter().collect();
    figures.sort_by_key(|figure| (figure.component, figure.tier, figure.above));
    for figure in figures {
        let (mut mantissa, mut power) = (figure.rate.yocto(), 0_u8);
        while mantissa != 0 && mantissa % 10 == 0 {
            (mantissa, power) = (mantissa / 10, power + 1);
        }
        let mantissa = u64::try_from(mantissa).map_err(|_| too_long("a rate"))?;
        let source = u8::try_from(strings.number(&figure.source)).map_err(|_| too_long("more sources"))?;
        out.extend([figure.component.code(), figure.tier.code(), power, source]);
        out.extend(figure.above.to_le_bytes());
        out.extend(mantissa.to_le_bytes());
    }
    Ok(())
}

/// The texts that rows share.
#[derive(Default)]
struct Strings {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Strings {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    /// Writes the offsets of the texts, then the texts.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let mut at = out.len() + self.texts.len() * 4;
        for text in &self.texts {
            out.extend(number(at)?.to_le_bytes());
            at += 2 + text.len();
        }
        for text in &self.texts {
            let length = u16::try_from(text.len()).map_err(|_| WriteError("a text is too long".to_owned()))?;
            out.extend(length.to_le_bytes());
            out.extend(text.as_bytes());
        }
        Ok(())
    }
}

fn number(value: usize) -> Result<u32, WriteError> {
    u32::try_from(value).map_err(|_| WriteError("the book is larger than 4 GB".to_owned()))
}

/// Rows that the format has no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteError(String);

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WriteError {}
