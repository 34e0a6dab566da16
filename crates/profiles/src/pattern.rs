/// Says whether a name fits a pattern: `*` is any text, and `.` is any of the signs that vendors write versions with.
///
/// It is linear in the name for each `*`.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut place) = (0, 0);
    // Where the last star stands, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while place < name.len() {
        match (pattern.get(at), name.get(place)) {
            (Some(b'*'), _) => {
                star = Some((at, place));
                at += 1;
            }
            (Some(wanted), Some(letter)) if same(*wanted, *letter) => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((behind, taken)) => {
                    star = Some((behind, taken + 1));
                    at = behind + 1;
                    place = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|rest| *rest == b'*')
}

fn same(wanted: u8, letter: u8) -> bool {
    wanted == letter || (wanted == b'.' && matches!(letter, b'.' | b'-' | b'_' | b'p'))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn versions_are_written_in_several_ways() {
        for name in ["claude-opus-4.5", "claude-opus-4-5", "claude-opus-4p5"] {
            assert!(fits("claude-opus-4.5", name), "{name}");
        }
        assert!(fits("gpt-5.4*", "gpt-5.4-mini") && fits("*gemma*", "google-gemma-3") && fits("*", ""));
        for (pattern, name) in [("gpt-5", "gpt-5.4"), ("gpt-5.4", "gpt-5"), ("o1-*", "o1"), ("a*b", "ac"), ("", "a")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
        assert!(!fits(&"*a".repeat(50), &"b".repeat(2000)));
    }
}
