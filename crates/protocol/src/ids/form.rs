use tollbridge_profiles::Profile;

/// What ids of tool calls a vendor takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdForm {
    /// Which letters.
    pub letters: IdLetters,
    /// The least length, in characters.
    pub least: usize,
    /// The greatest length, in characters.
    pub most: usize,
    /// Whether an id may stand only once in a request, instead of once in a turn of the model.
    pub unique: bool,
}

/// The letters of ids: any, or those of ASCII that are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdLetters(Option<u128>);

impl IdLetters {
    /// Any at all.
    pub const ANY: Self = Self(None);
    /// Letters and digits.
    pub const ALPHANUMERIC: Self = Self::of("A-Za-z0-9");
    /// Letters, digits, `_` and `-`.
    pub const PLAIN: Self = Self::of("A-Za-z0-9_-");

    /// Reads a class as regular expressions have it between brackets, such as `A-Za-z0-9_-`.
    pub const fn of(class: &str) -> Self {
        let class = class.as_bytes();
        let (mut letters, mut place) = (0, 0);
        while let Some((_, [first, rest @ ..])) = class.split_at_checked(place) {
            let (first, mut last) = (*first, *first);
            place += 1;
            if let [b'-', end, ..] = rest {
                last = *end;
                place += 2;
            }
            let mut letter = first;
            while letter <= last && letter < 128 {
                letters |= 1 << letter;
                letter += 1;
            }
        }
        Self(Some(letters))
    }

    fn has(self, letter: char) -> bool {
        let listed = |letters: u128| letter.is_ascii() && letters & (1 << u32::from(letter)) != 0;
        self.0.is_none_or(listed)
    }
}

impl IdForm {
    /// Whatever there is, as vendors make it whose own ids may come again in each turn.
    pub const OPEN: Self = Self { letters: IdLetters::ANY, least: 1, most: usize::MAX, unique: false };

    /// Any, each once.
    pub const UNIQUE: Self = Self { unique: true, ..Self::OPEN };

    /// OpenAI's chat completions: 40 characters.
    pub const OPENAI_CHAT: Self = Self { most: 40, ..Self::UNIQUE };

    /// OpenAI's responses: 64 characters.
    pub const OPENAI_RESPONSES: Self = Self { most: 64, ..Self::UNIQUE };

    /// Anthropic and Bedrock: 64 plain letters.
    pub const ANTHROPIC: Self = Self { letters: IdLetters::PLAIN, most: 64, ..Self::UNIQUE };

    /// Mistral: nine letters and digits.
    pub const MISTRAL: Self = Self { letters: IdLetters::ALPHANUMERIC, least: 9, most: 9, unique: true };

    /// Returns the form that a model's profile demands, which is this one where it says nothing.
    pub(crate) fn under(self, profile: &Profile) -> Self {
        let ids = &profile.ids;
        Self {
            letters: ids.letters.as_deref().map_or(self.letters, IdLetters::of),
            least: ids.exact.unwrap_or(self.least),
            most: ids.exact.or(ids.most).unwrap_or(self.most),
            unique: ids.unique || self.unique,
        }
    }

    /// Says whether an id has the form.
    pub(crate) fn takes(&self, id: &str) -> bool {
        let length = id.chars().count();
        (self.least.max(1)..=self.most).contains(&length) && id.chars().all(|letter| self.letters.has(letter))
    }

    /// Brings an id into the form. The same id always becomes the same; a later `number` makes another of it.
    pub(crate) fn fitted(&self, id: &str, number: usize) -> String {
        if number == 0 && self.takes(id) {
            return id.to_owned();
        }
        if !self.letters.has('_') || self.least > 1 || self.most < READABLE {
            return spread(id, number, READABLE.clamp(self.least.max(1), self.most.max(1)));
        }
        let plain: Vec<char> = id.chars().map(|letter| if self.letters.has(letter) { letter } else { '_' }).collect();
        let mark = if number == 0 { String::new() } else { format!("_{}", number + 1) };
        // Ids of one maker begin alike and differ at their end.
        let start = plain.len().saturating_sub(self.most.saturating_sub(mark.len()));
        plain.get(start..).into_iter().flatten().collect::<String>() + &mark
    }
}

/// Makes as many letters and digits of a text and a number, the same each time.
pub(crate) fn spread(text: &str, number: usize, length: usize) -> String {
    let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // FNV-1a, and a step of splitmix to spread it over all bits.
    let mut seed = text
        .bytes()
        .chain(number.to_le_bytes().into_iter().filter(|_| number > 0))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut made = String::with_capacity(length);
    while made.len() < length {
        let mut rest = seed;
        rest = (rest ^ (rest >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        rest = (rest ^ (rest >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        rest ^= rest >> 31;
        for _ in 0..11.min(length - made.len()) {
            let place = usize::try_from(rest % 62).unwrap_or_default();
            made.push(letters.get(place).copied().map_or('0', char::from));
            rest /= 62;
        }
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    }
    made
}

/// How long an id is that is hashed, where the vendor leaves that open; ids that it takes shorter are all hashed.
const READABLE: usize = 24;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::IdForm;

    #[test]
    fn short_ids_are_valid_and_apart() {
        let form = IdForm::MISTRAL;
        let ids: HashSet<String> =
            (0..200_000).map(|number| form.fitted(&format!("call_tb_chatcmpl_0_{number}"), 0)).collect();
        assert_eq!(ids.len(), 200_000);
        assert!(ids.iter().all(|id| form.takes(id)));
        assert_eq!(form.fitted("g6fVbXS8K", 0), "g6fVbXS8K");
        assert_eq!(form.fitted("toolu_01", 0), form.fitted("toolu_01", 0));
        assert_ne!(form.fitted("toolu_01", 0), form.fitted("toolu_01", 1));
    }

    #[test]
    fn ids_keep_what_the_vendor_takes_of_them() {
        assert_eq!(IdForm::ANTHROPIC.fitted("functions.Bash:0", 0), "functions_Bash_0");
        assert_eq!(IdForm::ANTHROPIC.fitted("functions.Bash:0", 1), "functions_Bash_0_2");
        assert_eq!(IdForm::OPENAI_CHAT.fitted("functions.Bash:0", 0), "functions.Bash:0");
        let long = format!("{}ü", "x".repeat(90));
        assert!(IdForm::OPENAI_CHAT.takes(&IdForm::OPENAI_CHAT.fitted(&long, 1234)));
        assert!(IdForm::OPENAI_CHAT.fitted(&long, 0).ends_with('ü'));
    }
}
