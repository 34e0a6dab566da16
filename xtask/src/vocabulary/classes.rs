use std::collections::HashMap;

use regex_syntax::hir::{Class, HirKind};

/// Makes the classes of all characters as two stages: a block's number for each 256 code points, then the blocks.
///
/// A class is one bit, as `crates/tokens/src/class.rs` names them.
pub(super) fn table() -> Result<Vec<u8>, String> {
    const OTHER: u8 = 128;
    let mut classes = vec![OTHER; 0x11_0000];
    for (pattern, bit) in [
        (r"[\p{Lu}\p{Lt}]", 1),
        (r"\p{Ll}", 2),
        (r"[\p{Lm}\p{Lo}]", 4),
        (r"\p{M}", 8),
        (r"\p{N}", 16),
        (r"[\r\n]", 32),
        (r"[\s--\r\n]", 64),
    ] {
        let parsed = regex_syntax::parse(pattern).map_err(|error| error.to_string())?;
        let HirKind::Class(Class::Unicode(class)) = parsed.kind() else {
            return Err(format!("{pattern} is no class"));
        };
        for range in class.ranges() {
            classes[range.start() as usize..=range.end() as usize].fill(bit);
        }
    }
    let (mut numbers, mut blocks) = (Vec::new(), Vec::new());
    let mut known = HashMap::new();
    for block in classes.chunks(256) {
        let next = known.len();
        let number = *known.entry(block).or_insert_with(|| {
            blocks.extend_from_slice(block);
            next
        });
        numbers.push(u8::try_from(number).map_err(|_| "more than 256 different blocks".to_owned())?);
    }
    numbers.append(&mut blocks);
    Ok(numbers)
}
