//! What each family's tokeniser is taken to make of each kind of text; docs/tokens.md says which are measured, and how.

/// Thousandths of a token for each thing that `estimate` counts in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// A word of Latin letters, however long.
    pub(crate) word: u64,
    /// A letter of a word beyond its seventh.
    pub(crate) long: u64,
    /// A Latin letter beyond ASCII.
    pub(crate) accent: u64,
    /// A run of digits.
    pub(crate) number: u64,
    /// A digit.
    pub(crate) digit: u64,
    /// A run of ASCII signs.
    pub(crate) signs: u64,
    /// An ASCII sign.
    pub(crate) sign: u64,
    /// White space other than the space before a word.
    pub(crate) gap: u64,
    /// A Han character that is a token of cl100k.
    pub(crate) han: u64,
    /// A Han character that is a token of o200k only.
    pub(crate) han_rarer: u64,
    /// Any other Han character.
    pub(crate) han_rare: u64,
    /// A character of Hiragana or Katakana.
    pub(crate) kana: u64,
    /// A character of Hangul that is a token of o200k.
    pub(crate) hangul: u64,
    /// Any other character of Hangul.
    pub(crate) hangul_rare: u64,
    /// A sign or a space as wide as a Han character, or of general punctuation.
    pub(crate) wide: u64,
    /// A letter of another script that is a token of cl100k.
    pub(crate) other: u64,
    /// A letter of another script that is a token of o200k only.
    pub(crate) other_rarer: u64,
    /// Any other letter.
    pub(crate) other_rare: u64,
    /// A run of symbols and emoji.
    pub(crate) symbols: u64,
    /// A symbol or emoji.
    pub(crate) symbol: u64,
    /// What the sum is multiplied by, in hundredths.
    pub(crate) percent: u64,
}

/// Claude up to Opus 4.6, by its last published tokeniser.
pub(crate) const CLAUDE: Rates = Rates {
    word: 990,
    long: 289,
    accent: 1897,
    number: 1136,
    digit: 51,
    signs: 1069,
    sign: 48,
    gap: 812,
    han: 638,
    han_rarer: 1867,
    han_rare: 2252,
    kana: 927,
    hangul: 1254,
    hangul_rare: 2497,
    wide: 1801,
    other: 1120,
    other_rarer: 2382,
    other_rare: 241,
    symbols: 251,
    symbol: 1636,
    percent: 100,
};

/// Claude since Opus 4.7, which is taken to make 1.3 times as many tokens of the same text.
pub(crate) static CLAUDE_SINCE_OPUS_4_7: Rates = Rates { percent: 130, ..CLAUDE };

/// DeepSeek V3 and later.
pub(crate) static DEEPSEEK: Rates = Rates {
    word: 1066,
    long: 137,
    accent: 877,
    number: 694,
    digit: 360,
    signs: 782,
    sign: 45,
    gap: 1131,
    han: 533,
    han_rarer: 493,
    han_rare: 1908,
    kana: 580,
    hangul: 1061,
    hangul_rare: 2078,
    wide: 901,
    other: 272,
    other_rarer: 1100,
    other_rare: 2198,
    symbols: 906,
    symbol: 1698,
    percent: 100,
};

/// Llama 3 and later.
pub(crate) static LLAMA: Rates = Rates {
    word: 1066,
    long: 121,
    accent: 1567,
    number: 862,
    digit: 350,
    signs: 622,
    sign: 83,
    gap: 831,
    han: 663,
    han_rarer: 1006,
    han_rare: 2069,
    kana: 603,
    hangul: 1121,
    hangul_rare: 2055,
    wide: 983,
    other: 358,
    other_rarer: 2188,
    other_rare: 2399,
    symbols: 690,
    symbol: 2002,
    percent: 100,
};

/// Qwen 2 and later.
pub(crate) static QWEN: Rates = Rates {
    word: 1049,
    long: 112,
    accent: 1416,
    number: 172,
    digit: 1154,
    signs: 572,
    sign: 69,
    gap: 1218,
    han: 524,
    han_rarer: 894,
    han_rare: 1562,
    kana: 601,
    hangul: 1164,
    hangul_rare: 1905,
    wide: 769,
    other: 136,
    other_rarer: 1376,
    other_rare: 2121,
    symbols: 810,
    symbol: 958,
    percent: 100,
};

/// Mistral, by its v3 tokeniser.
pub(crate) static MISTRAL: Rates = Rates {
    word: 1066,
    long: 155,
    accent: 3044,
    number: 0,
    digit: 1182,
    signs: 696,
    sign: 59,
    gap: 1058,
    han: 866,
    han_rarer: 1123,
    han_rare: 2177,
    kana: 646,
    hangul: 862,
    hangul_rare: 2021,
    wide: 146,
    other: 280,
    other_rarer: 829,
    other_rare: 2319,
    symbols: 527,
    symbol: 2469,
    percent: 100,
};

/// Kimi K2.
pub(crate) static KIMI: Rates = Rates {
    word: 1051,
    long: 90,
    accent: 1428,
    number: 717,
    digit: 353,
    signs: 583,
    sign: 51,
    gap: 1275,
    han: 466,
    han_rarer: 885,
    han_rare: 1929,
    kana: 723,
    hangul: 1256,
    hangul_rare: 2208,
    wide: 679,
    other: 434,
    other_rarer: 995,
    other_rare: 2491,
    symbols: 482,
    symbol: 2098,
    percent: 100,
};

/// GLM 4.
pub(crate) static GLM: Rates = Rates {
    word: 1052,
    long: 124,
    accent: 2115,
    number: 923,
    digit: 400,
    signs: 608,
    sign: 62,
    gap: 1082,
    han: 550,
    han_rarer: 771,
    han_rare: 2016,
    kana: 679,
    hangul: 1213,
    hangul_rare: 2420,
    wide: 692,
    other: 330,
    other_rarer: 2375,
    other_rare: 2639,
    symbols: 379,
    symbol: 2058,
    percent: 100,
};

/// MiniMax M2.
pub(crate) static MINIMAX: Rates = Rates {
    word: 1021,
    long: 104,
    accent: 1731,
    number: 747,
    digit: 362,
    signs: 687,
    sign: 43,
    gap: 1189,
    han: 463,
    han_rarer: 496,
    han_rare: 1934,
    kana: 320,
    hangul: 852,
    hangul_rare: 2107,
    wide: 924,
    other: 251,
    other_rarer: 2337,
    other_rare: 2519,
    symbols: 228,
    symbol: 1782,
    percent: 100,
};

/// cl100k, for programs without its vocabulary.
pub(crate) static CL100K: Rates = Rates {
    word: 1070,
    long: 110,
    accent: 1429,
    number: 861,
    digit: 354,
    signs: 603,
    sign: 76,
    gap: 943,
    han: 766,
    han_rarer: 2068,
    han_rare: 2455,
    kana: 940,
    hangul: 1503,
    hangul_rare: 2589,
    wide: 1382,
    other: 691,
    other_rarer: 2154,
    other_rare: 2401,
    symbols: 516,
    symbol: 2022,
    percent: 100,
};

/// o200k, for programs without its vocabulary and for models nobody knows.
pub(crate) const O200K: Rates = Rates {
    word: 1037,
    long: 140,
    accent: 1127,
    number: 874,
    digit: 355,
    signs: 672,
    sign: 76,
    gap: 852,
    han: 680,
    han_rarer: 949,
    han_rare: 2096,
    kana: 683,
    hangul: 902,
    hangul_rare: 2060,
    wide: 441,
    other: 150,
    other_rarer: 452,
    other_rare: 2015,
    symbols: 972,
    symbol: 1773,
    percent: 100,
};

/// Gemini and Gemma: as o200k, but each digit is a token. Not measured.
pub(crate) static GEMINI: Rates = Rates { number: 0, digit: 1000, ..O200K };
