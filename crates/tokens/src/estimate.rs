//! Estimates the tokens of a text by what it is made of, for tokenisers that nobody has published.

use crate::common::{Tier, tier};
use crate::rates::Rates;

/// Estimates the tokens of a text; rounded up, so that text is never free.
pub(crate) fn estimate(text: &str, rates: &Rates) -> u64 {
    let mut sum = 0_u64;
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        let kind = Kind::of(first);
        let mut add = |thousandths: u64| sum = sum.saturating_add(thousandths);
        add(kind.rate_of_run(rates));
        let (mut length, mut last, mut next) = (0, first, Some(first));
        while let Some(character) = next {
            length += 1;
            last = character;
            add(kind.rate(character, length, rates));
            next = rest.next_if(|next| kind.goes_on(last, *next));
        }
        let one_space = length == 1 && last == ' ';
        if kind == Kind::Space && !(one_space && rest.peek().is_some_and(|next| Kind::of(*next).takes_a_space())) {
            add(rates.gap);
        }
    }
    sum.saturating_mul(rates.percent).div_ceil(100_000)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Latin,
    Digit,
    Sign,
    Space,
    Han,
    Kana,
    Hangul,
    Wide,
    Other,
    Symbol,
}

impl Kind {
    fn of(character: char) -> Self {
        match character {
            'a'..='z' | 'A'..='Z' => Self::Latin,
            '0'..='9' => Self::Digit,
            ' ' | '\t'..='\r' => Self::Space,
            '\0'..='\x7f' => Self::Sign,
            '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' => {
                Self::Han
            }
            '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}' => Self::Kana,
            '\u{ac00}'..='\u{d7af}' | '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' => Self::Hangul,
            '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}' | '\u{2000}'..='\u{206f}' => Self::Wide,
            _ if character.is_whitespace() => Self::Wide,
            _ if character.is_alphabetic() && character < '\u{250}' => Self::Latin,
            '\u{300}'..='\u{36f}' | '\u{590}'..='\u{1fff}' => Self::Other,
            _ if character.is_alphabetic() => Self::Other,
            _ => Self::Symbol,
        }
    }

    /// Tells whether one space before it belongs to its token.
    fn takes_a_space(self) -> bool {
        !matches!(self, Self::Digit | Self::Han | Self::Kana | Self::Hangul | Self::Other | Self::Symbol)
    }

    /// Tells whether a character belongs to a run; a capital after a small letter begins another word, as in code.
    fn goes_on(self, last: char, next: char) -> bool {
        let another = self == Self::Latin && next.is_uppercase() && last.is_lowercase();
        Self::of(next) == self && !another
    }

    /// Returns what a run of it costs, however long.
    fn rate_of_run(self, rates: &Rates) -> u64 {
        match self {
            Self::Latin => rates.word,
            Self::Digit => rates.number,
            Self::Sign => rates.signs,
            Self::Symbol => rates.symbols,
            _ => 0,
        }
    }

    /// Returns what one character of it costs, which is so many characters from the run's beginning.
    fn rate(self, character: char, place: u64, rates: &Rates) -> u64 {
        match (self, tier(character)) {
            (Self::Latin, _) => {
                let accent = if character.is_ascii() { 0 } else { rates.accent };
                accent + if place > 7 { rates.long } else { 0 }
            }
            (Self::Digit, _) => rates.digit,
            (Self::Sign, _) => rates.sign,
            (Self::Han, Tier::Common) => rates.han,
            (Self::Han, Tier::Rarer) => rates.han_rarer,
            (Self::Han, Tier::Rare) => rates.han_rare,
            (Self::Kana, _) => rates.kana,
            (Self::Hangul, Tier::Rare) => rates.hangul_rare,
            (Self::Hangul, _) => rates.hangul,
            (Self::Wide, _) => rates.wide,
            (Self::Other, Tier::Common) => rates.other,
            (Self::Other, Tier::Rarer) => rates.other_rarer,
            (Self::Other, Tier::Rare) => rates.other_rare,
            (Self::Symbol, _) => rates.symbol,
            (Self::Space, _) => 0,
        }
    }
}
