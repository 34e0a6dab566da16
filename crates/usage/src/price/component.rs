//! What a price is a price of.

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// Every one, in the order of their codes.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name that files and bills use.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// Returns the one of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }

            pub(crate) fn code(self) -> u8 {
                self as u8
            }

            pub(crate) fn from_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }
        }
    };
}

named! {
    /// What a rate is charged for: a token of some kind, a call, a page, or a factor on the tokens.
    ///
    /// The order is that of the codes in a book; whoever changes it makes the book anew.
    Component {
        /// A fresh text token of the prompt.
        Input = "input",
        /// A visible token of the answer.
        Output = "output",
        /// A token read from a prompt cache.
        CacheRead = "cache_read",
        /// A token written to a cache with its default lifetime.
        CacheWrite = "cache_write",
        /// A token written to a cache for an hour.
        CacheWrite1h = "cache_write_1h",
        /// A token written to a cache for twelve hours.
        CacheWrite12h = "cache_write_12h",
        /// A token of reasoning.
        Reasoning = "reasoning",
        /// An audio token of the prompt.
        InputAudio = "input_audio",
        /// An audio token of the answer.
        OutputAudio = "output_audio",
        /// An audio token read from a prompt cache.
        CacheReadAudio = "cache_read_audio",
        /// An image token of the prompt.
        InputImage = "input_image",
        /// An image token of the answer.
        OutputImage = "output_image",
        /// A video token of the prompt.
        InputVideo = "input_video",
        /// A call, whatever its size.
        Request = "request",
        /// A search of the web, or a prompt that was grounded by searches.
        WebSearch = "web_search",
        /// A query of maps, or a prompt that was grounded by maps.
        MapsSearch = "maps_grounding",
        /// A search of files that the vendor stores.
        FileSearch = "file_search",
        /// A token of a citation that the vendor read.
        CitationToken = "citation_tokens",
        /// A session of a code interpreter.
        CodeSession = "code_interpreter",
        /// A query, of a reranker or a search engine.
        Query = "queries",
        /// A character of the prompt.
        InputCharacter = "input_characters",
        /// A character of the answer.
        OutputCharacter = "output_characters",
        /// An image of the prompt.
        InputPicture = "input_images",
        /// An image of the answer.
        OutputPicture = "output_images",
        /// A second of what goes in.
        InputSecond = "input_seconds",
        /// A second of what comes out.
        OutputSecond = "output_seconds",
        /// A second of audio in the prompt.
        AudioSecond = "input_audio_seconds",
        /// A second of video in the prompt.
        VideoSecond = "input_video_seconds",
        /// A pixel of what goes in.
        InputPixel = "input_pixels",
        /// A pixel of what comes out.
        OutputPixel = "output_pixels",
        /// A page of a document that was read.
        Page = "pages",
        /// A page of a document that was annotated.
        AnnotatedPage = "annotated_pages",
        /// A factor on all tokens of calls that stay in the EU.
        ResidencyEu = "factor_residency_eu",
        /// A factor on all tokens of calls that stay in the US.
        ResidencyUs = "factor_residency_us",
        /// A factor on all tokens of calls to an endpoint that is not global.
        Regional = "factor_region",
        /// A factor on all tokens of calls whose model ran in the US.
        GeoUs = "factor_geo_us",
        /// A factor on all tokens of calls at the speed `fast`.
        Fast = "factor_fast",
    }
}

named! {
    /// Under which condition a rate holds.
    Tier {
        /// Always, unless another rate does.
        Base = "base",
        /// Served late.
        Flex = "flex",
        /// Served first.
        Priority = "priority",
        /// Served in between.
        Balanced = "balanced",
        /// Served at the highest speed.
        Ultrafast = "ultrafast",
        /// Part of a batch.
        Batch = "batch",
        /// The whole request falls into a range of prompt sizes.
        Range = "range",
        /// The vendor's quiet hours.
        OffPeak = "off_peak",
    }
}

impl Component {
    /// Tells whether it is a token, which factors and batches apply to.
    pub fn is_token(self) -> bool {
        self.code() <= Self::InputVideo.code()
    }

    /// Tells whether it is a factor on tokens instead of a price.
    pub fn is_factor(self) -> bool {
        self.code() >= Self::ResidencyEu.code()
    }
}

impl Tier {
    /// Returns the tier of a vendor's word; `default`, `standard`, `auto` and unknown words are the base.
    pub fn from_service(word: &str) -> Self {
        let named = WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        named.map_or(Self::Base, |(_, tier)| *tier)
    }
}

/// What vendors call the tiers.
const WORDS: &[(&str, Tier)] = &[
    ("flex", Tier::Flex),
    ("on_demand_flex", Tier::Flex),
    ("priority", Tier::Priority),
    ("fast", Tier::Priority),
    ("on_demand_priority", Tier::Priority),
    ("balanced", Tier::Balanced),
    ("ultrafast", Tier::Ultrafast),
    ("batch", Tier::Batch),
];
