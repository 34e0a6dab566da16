use std::collections::HashMap;

use base64::Engine;

/// Turns lines of `base64 rank` into the 256 single bytes, and then the two halves of each merge as 24-bit numbers.
///
/// Every token of more than one byte was made by one merge of two earlier tokens, so the halves are the whole
/// vocabulary, in less space than its text, and they are what counting needs.
pub(super) fn table(text: &str) -> Result<Vec<u8>, String> {
    let tokens = parse(text)?;
    let ranks: HashMap<&[u8], usize> =
        tokens.iter().enumerate().map(|(rank, token)| (token.as_slice(), rank)).collect();
    let mut table = Vec::new();
    for (rank, token) in tokens.iter().enumerate() {
        if rank < 256 {
            let [byte] = token[..] else { return Err(format!("token {rank} is not a single byte")) };
            table.push(byte);
            continue;
        }
        let (left, right) = halves(token, rank, &ranks).ok_or_else(|| format!("no merge makes token {rank}"))?;
        table.extend_from_slice(&left.to_le_bytes()[..3]);
        table.extend_from_slice(&right.to_le_bytes()[..3]);
    }
    Ok(table)
}

pub(super) fn parse(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut tokens = Vec::new();
    for (line, row) in text.lines().enumerate() {
        let wrong = || format!("line {}: not a token and its rank", line + 1);
        let (token, rank) = row.split_once(' ').ok_or_else(wrong)?;
        if rank.parse() != Ok(line) {
            return Err(wrong());
        }
        tokens.push(base64::prelude::BASE64_STANDARD.decode(token).map_err(|_| wrong())?);
    }
    Ok(tokens)
}

/// Merges a token's bytes, lowest rank first, by what ranks below it, until two parts are left.
fn halves(token: &[u8], rank: usize, ranks: &HashMap<&[u8], usize>) -> Option<(usize, usize)> {
    let mut ends: Vec<usize> = (0..=token.len()).collect();
    while ends.len() > 3 {
        let merged = |at: usize| ranks.get(&token[ends[at]..ends[at + 2]]).copied();
        let (lowest, at) = (0..ends.len() - 2).filter_map(|at| Some((merged(at)?, at))).min()?;
        if lowest >= rank {
            return None;
        }
        ends.remove(at + 1);
    }
    let (left, right) = token.split_at(ends[1]);
    Some((*ranks.get(left)?, *ranks.get(right)?))
}
