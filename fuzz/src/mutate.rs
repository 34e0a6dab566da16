//! Changes JSON by its values and names, wherever it stands in the bytes: alone, or in the events of a stream.
//!
//! Bytes alone seldom make one valid document out of another. What is found here is where values begin and
//! end; duplicates, odd numbers and broken documents stay as they are.

use std::ops::Range;

/// A generator of numbers that are random enough.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u32) -> Self {
        Self(u64::from(seed) ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// Returns a number below `sides`, which is above zero.
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.roll(list.len())) }
    }
}

/// Changes one thing; `None` if there is no JSON.
pub(crate) fn change(data: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    if dice.one_in(8)
        && let Some(changed) = change_events(data, dice)
    {
        return Some(changed);
    }
    let places = places(data);
    let value = dice.pick(&places.values)?.clone();
    let text = &data[value.clone()];
    Some(match dice.roll(8) {
        0 | 1 => replace(data, value, dice.pick(LITERALS)?.as_bytes()),
        2 => replace(data, value, &data[dice.pick(&places.values)?.clone()]),
        3 => replace(data, dice.pick(&places.names)?.clone(), &data[dice.pick(&places.names)?.clone()]),
        4 => {
            let (open, close) = *dice.pick(&[("[", "]"), ("{\"type\":", "}"), ("[{},", "]"), ("\"", "\"")])?;
            let times = if dice.one_in(20) { 100 } else { 1 };
            let wrapped = [open.repeat(times).as_bytes(), text, close.repeat(times).as_bytes()].concat();
            replace(data, value, &wrapped)
        }
        5 => {
            // Twice: of a name that stands twice, readers take one.
            let member = dice.pick(&places.members)?.clone();
            let twice = [&data[member.clone()], b",", &data[member.clone()]].concat();
            replace(data, member, &twice)
        }
        6 => {
            let member = dice.pick(&places.members)?.clone();
            let comma = data.get(member.end) == Some(&b',');
            let end = member.end + usize::from(comma);
            replace(data, member.start..end, b"")
        }
        _ => {
            let member = dice.pick(&places.members)?.clone();
            let other = dice.pick(&places.members)?.clone();
            let both = [&data[other], b",", &data[member.clone()]].concat();
            replace(data, member, &both)
        }
    })
}

/// Puts a value or member of the second document into the first.
pub(crate) fn cross(first: &[u8], second: &[u8], dice: &mut Dice) -> Vec<u8> {
    let (into, from) = (places(first), places(second));
    if dice.one_in(2)
        && let (Some(into), Some(from)) = (dice.pick(&into.members), dice.pick(&from.members))
    {
        let both = [&second[from.clone()], b",", &first[into.clone()]].concat();
        return replace(first, into.clone(), &both);
    }
    match (dice.pick(&into.values), dice.pick(&from.values)) {
        (Some(into), Some(from)) => replace(first, into.clone(), &second[from.clone()]),
        _ => [first, second].concat(),
    }
}

/// Drops, doubles or swaps events of a stream.
fn change_events(data: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let cut = |ends: &[&[u8]]| {
        let (mut events, mut start) = (Vec::new(), 0);
        for end in (1..=data.len()).filter(|end| ends.iter().any(|mark| data[..*end].ends_with(mark))) {
            events.push(&data[start..end]);
            start = end;
        }
        (events, start)
    };
    let (mut events, mut start) = cut(&[b"\n\n", b"\n\r\n"]);
    if events.len() < 2 {
        (events, start) = cut(&[b"\n"]);
    }
    if events.len() < 2 {
        return None;
    }
    let (one, other) = (dice.roll(events.len()), dice.roll(events.len()));
    match dice.roll(3) {
        0 => drop(events.remove(one)),
        1 => events.insert(other, events[one]),
        _ => events.swap(one, other),
    }
    events.push(&data[start..]);
    Some(events.concat())
}

fn replace(data: &[u8], place: Range<usize>, by: &[u8]) -> Vec<u8> {
    [&data[..place.start], by, &data[place.end..]].concat()
}

/// Where the parts of JSON stand.
#[derive(Default)]
struct Places {
    values: Vec<Range<usize>>,
    names: Vec<Range<usize>>,
    /// Names with their values, and elements of arrays.
    members: Vec<Range<usize>>,
}

fn places(data: &[u8]) -> Places {
    let mut places = Places::default();
    // The containers that are open: whether each is an object, where it begins, where its member began.
    let mut open: Vec<(bool, usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(byte) = data.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' | b'[' => {
                open.push((*byte == b'{', start, at));
                continue;
            }
            b'}' | b']' => match open.pop() {
                Some((_, begin, _)) => end_value(begin..at, &mut open, &mut places),
                None => continue,
            },
            b'"' => {
                while let Some(inner) = data.get(at) {
                    at += 1;
                    match inner {
                        b'\\' => at += 1,
                        b'"' => break,
                        _ => {}
                    }
                }
                at = at.min(data.len());
                let named = data[at..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                match open.last_mut() {
                    Some((true, _, member)) if named => {
                        places.names.push(start..at);
                        *member = start;
                    }
                    _ => end_value(start..at, &mut open, &mut places),
                }
            }
            b'-' | b'0'..=b'9' | b'a'..=b'z' if !open.is_empty() => {
                let rest = data[at..].iter().position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte));
                at = rest.map_or(data.len(), |length| at + length);
                end_value(start..at, &mut open, &mut places);
            }
            _ => {}
        }
    }
    places
}

fn end_value(value: Range<usize>, open: &mut [(bool, usize, usize)], places: &mut Places) {
    if let Some((object, _, member)) = open.last_mut() {
        let start = if *object { (*member).min(value.start) } else { value.start };
        places.members.push(start..value.end);
        *member = value.end;
    }
    places.values.push(value);
}

/// What readers stumble over.
const LITERALS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1",
    "0.5",
    "1.0",
    "-0",
    "1e400",
    "-1e-400",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "99999999999999999999",
    "\"\"",
    "\" \"",
    "\"x\"",
    "\"null\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u0000\"",
    "\"é\\n\"",
    "\"1\"",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "[{}]",
    "{\"\":null}",
    "[\"\"]",
    "{\"type\":\"text\",\"text\":\"x\"}",
    "{\"error\":null}",
];
