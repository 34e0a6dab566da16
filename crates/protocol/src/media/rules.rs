use tollbridge_profiles::{Media, Unsupported};
use tollbridge_types::MediaKind;

/// What a vendor takes of media, and in which form.
///
/// This is what is documented of a protocol as a whole; a model may take less.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MediaRules<'a> {
    /// The vendor, as errors name it.
    pub vendor: &'a str,
    /// Images.
    pub image: Types<'a>,
    /// Recorded sound.
    pub audio: Types<'a>,
    /// Moving pictures.
    pub video: Types<'a>,
    /// Documents that are not text.
    pub document: Types<'a>,
    /// The form of documents that are text.
    pub text: TextForm<'a>,
    /// What the vendor calls some types, behind their usual names.
    pub names: &'a [(&'a str, &'a str)],
    /// Whether a medium that is not refused stays as it came, whatever its label says.
    pub untouched: bool,
    /// The most images of a request.
    pub max_images: Option<usize>,
    /// Whether what the vendor does not take becomes a word such as `<image>`, instead of an error.
    pub placeholders: bool,
}

/// Which types of a kind are taken, and from where.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Types<'a> {
    /// The types that are taken as bytes; `None` leaves that to the vendor.
    pub bytes: Option<&'a [&'a str]>,
    /// The types that the model takes, where it is known; they stand over those of the vendor.
    pub model: Option<&'a [String]>,
    /// The addresses that are taken.
    pub addresses: Addresses<'a>,
    /// The most bytes of one.
    pub max_bytes: Option<u64>,
}

/// The addresses that a vendor reads itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Addresses<'a> {
    /// None: the vendor takes bytes only.
    None,
    /// Any; what is wrong with one is the vendor's to say.
    Any,
    /// Those that begin with one of these texts.
    Starting(&'a [&'a str]),
    /// Those of HTTP whose type, as far as a label or the name tells it, is one of these.
    Web(&'a [&'a str]),
    /// Those of HTTPS whose type must be known and one of these, and those that begin with one of the second texts.
    Typed(&'a [&'a str], &'a [&'a str]),
}

/// What becomes of a document that is text.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum TextForm<'a> {
    /// A document given as its words.
    Words,
    /// A part of text, like those that people write.
    Part,
    /// Bytes of one of these types, the first of which stands for any other text.
    Bytes(&'a [&'a str]),
}

impl Addresses<'_> {
    /// Leaves out what anybody can fetch.
    fn without_web(self) -> Self {
        match self {
            Self::Starting(_) => self,
            Self::Typed(_, own) => Self::Starting(own),
            _ => Self::None,
        }
    }
}

impl<'a> Types<'a> {
    /// Takes nothing of a kind.
    pub const NONE: Self = Self::new(&[], Addresses::None);
    /// Leaves everything to the vendor.
    pub const ANY: Self = Self { bytes: None, model: None, addresses: Addresses::Any, max_bytes: None };

    /// Takes these types as bytes, and these addresses.
    pub const fn new(bytes: &'a [&'a str], addresses: Addresses<'a>) -> Self {
        Self { bytes: Some(bytes), model: None, addresses, max_bytes: None }
    }

    /// Says whether nothing of the kind is taken.
    pub fn is_none(&self) -> bool {
        self.model.map_or_else(|| self.bytes.is_some_and(<[_]>::is_empty), <[_]>::is_empty)
    }

    /// Lists the types that are taken; `None` if nobody knows.
    pub fn list(&self) -> Option<Vec<&'a str>> {
        match (self.model, self.bytes) {
            (Some(model), _) => Some(model.iter().map(String::as_str).collect()),
            (None, bytes) => bytes.map(<[_]>::to_vec),
        }
    }
}

impl<'a> MediaRules<'a> {
    /// Leaves everything to the vendor but the form of text.
    pub const ANY: Self = Self {
        vendor: "the vendor",
        image: Types::ANY,
        audio: Types::ANY,
        video: Types::ANY,
        document: Types::ANY,
        text: TextForm::Words,
        names: &[],
        untouched: false,
        max_images: None,
        placeholders: false,
    };

    /// Anthropic, after its pages on vision, PDF support and files.
    pub const ANTHROPIC: Self = Self {
        vendor: "Anthropic",
        image: Types::new(COMMON_IMAGES, Addresses::Web(COMMON_IMAGES)),
        audio: Types::NONE,
        video: Types::NONE,
        document: Types::new(PDF, Addresses::Web(PDF)),
        ..Self::ANY
    };

    /// OpenAI's chat completions, after its pages on vision, audio and file inputs.
    pub const OPENAI_CHAT: Self = Self {
        vendor: "OpenAI's chat",
        image: Types::new(COMMON_IMAGES, Addresses::Web(COMMON_IMAGES)),
        audio: Types::new(&["audio/wav", "audio/mpeg"], Addresses::None),
        video: Types::NONE,
        document: Types::new(PDF, Addresses::None),
        text: TextForm::Part,
        ..Self::ANY
    };

    /// Servers that took over OpenAI's chat completions, each with more or less of them.
    pub const OPENAI_COMPATIBLE: Self = Self {
        document: Types { addresses: Addresses::None, ..Types::ANY },
        audio: Types { addresses: Addresses::None, ..Types::ANY },
        text: TextForm::Part,
        ..Self::ANY
    };

    /// Mistral, after its pages on vision, documents and audio.
    pub const MISTRAL: Self = Self {
        vendor: "Mistral",
        image: Types::new(COMMON_IMAGES, Addresses::Web(COMMON_IMAGES)),
        audio: Types { addresses: Addresses::None, ..Types::ANY },
        video: Types::NONE,
        text: TextForm::Part,
        ..Self::ANY
    };

    /// OpenAI's responses, after its page on file inputs.
    pub const OPENAI_RESPONSES: Self = Self {
        vendor: "OpenAI",
        image: Types::new(COMMON_IMAGES, Addresses::Web(COMMON_IMAGES)),
        audio: Types::new(&["audio/wav", "audio/mpeg"], Addresses::None),
        video: Types::NONE,
        text: TextForm::Bytes(&[
            "text/plain",
            "text/csv",
            "text/tab-separated-values",
            "text/markdown",
            "text/html",
            "text/css",
            "text/xml",
            "text/javascript",
            "text/x-python",
            "application/json",
        ]),
        ..Self::ANY
    };

    /// Gemini, after its pages on images, audio, video, documents and file input methods.
    pub const GEMINI: Self = Self {
        vendor: "Gemini",
        image: Types::new(
            &["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "image/avif", "image/bmp"],
            Addresses::Typed(&["image/png", "image/jpeg", "image/webp", "image/bmp"], OF_GOOGLE),
        ),
        audio: Types::new(
            &[
                "audio/wav",
                "audio/mpeg",
                "audio/aiff",
                "audio/aac",
                "audio/ogg",
                "audio/flac",
                "audio/mp4",
                "audio/opus",
                "audio/webm",
                "audio/L16",
                "audio/pcm",
            ],
            Addresses::Starting(OF_GOOGLE),
        ),
        video: Types::new(
            &[
                "video/mp4",
                "video/mpeg",
                "video/quicktime",
                "video/x-msvideo",
                "video/x-flv",
                "video/webm",
                "video/x-ms-wmv",
                "video/3gpp",
            ],
            Addresses::Starting(OF_GOOGLE),
        ),
        document: Types::new(
            PDF,
            Addresses::Typed(
                &[
                    "application/pdf",
                    "text/plain",
                    "text/html",
                    "text/css",
                    "text/xml",
                    "text/csv",
                    "text/javascript",
                    "application/json",
                ],
                OF_GOOGLE,
            ),
        ),
        text: TextForm::Bytes(&["text/plain", "text/csv", "text/html", "text/css", "text/markdown", "text/xml"]),
        names: &[("video/x-msvideo", "video/avi"), ("video/x-ms-wmv", "video/wmv")],
        ..Self::ANY
    };

    /// Amazon Bedrock's Converse, after its API reference. Which formats there are is in the codec's own table.
    pub const BEDROCK: Self = Self {
        vendor: "Bedrock",
        image: Types::new(COMMON_IMAGES, IN_S3),
        audio: Types { addresses: IN_S3, ..Types::ANY },
        video: Types { addresses: IN_S3, ..Types::ANY },
        document: Types { addresses: IN_S3, ..Types::ANY },
        text: TextForm::Bytes(&["text/plain", "text/csv", "text/html", "text/markdown"]),
        ..Self::ANY
    };

    /// Cohere's chat, after its page on image inputs.
    pub const COHERE: Self = Self {
        vendor: "Cohere",
        image: Types::new(COMMON_IMAGES, Addresses::Web(COMMON_IMAGES)),
        audio: Types::NONE,
        video: Types::NONE,
        document: Types::NONE,
        text: TextForm::Part,
        ..Self::ANY
    };

    /// Ollama, which reads images only.
    pub const OLLAMA: Self = Self {
        vendor: "Ollama",
        image: Types::new(&["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"], Addresses::None),
        audio: Types::NONE,
        video: Types::NONE,
        document: Types::NONE,
        text: TextForm::Part,
        ..Self::ANY
    };

    /// Changes nothing, where a vendor judges what came in its own protocol.
    pub const UNTOUCHED: Self = Self { untouched: true, ..Self::ANY };

    /// A server whose content is but a text.
    pub const ONLY_TEXT: Self = Self {
        image: Types::NONE,
        audio: Types::NONE,
        video: Types::NONE,
        document: Types::NONE,
        text: TextForm::Part,
        placeholders: true,
        ..Self::ANY
    };

    /// Says whether nothing is refused, so that nobody has to look.
    pub(crate) fn takes_all(&self) -> bool {
        let kinds = [&self.image, &self.audio, &self.video, &self.document];
        let open = |types: &Types<'_>| {
            types.list().is_none() && types.max_bytes.is_none() && matches!(types.addresses, Addresses::Any)
        };
        self.max_images.is_none() && kinds.into_iter().all(open)
    }

    /// Returns what a model takes of what its vendor takes.
    #[must_use]
    pub fn for_model(mut self, model: &'a Media) -> Self {
        if model.content_parts == Some(false) {
            return Self { vendor: self.vendor, placeholders: true, ..Self::ONLY_TEXT };
        }
        let lists = [
            (&mut self.image, &model.image, model.image_bytes),
            (&mut self.document, &model.document, model.document_bytes),
            (&mut self.audio, &model.audio, None),
            (&mut self.video, &model.video, None),
        ];
        for (types, list, most) in lists {
            types.model = list.as_deref().or(types.model);
            types.max_bytes = most.or(types.max_bytes);
            if model.urls == Some(false) {
                types.addresses = types.addresses.without_web();
            }
        }
        self.max_images = model.images.or(self.max_images);
        self.placeholders |= model.unsupported == Unsupported::Flatten;
        self
    }

    /// Returns the form of documents that are text: a part of the conversation where the model takes no documents of it.
    pub(crate) fn text(&self) -> TextForm<'a> {
        match self.document.model {
            Some(types) if !types.iter().any(|known| super::label::is_text(known)) => TextForm::Part,
            _ => self.text,
        }
    }

    /// Returns what is taken of a kind.
    pub fn of(&self, kind: MediaKind) -> &Types<'a> {
        match kind {
            MediaKind::Audio => &self.audio,
            MediaKind::Video => &self.video,
            MediaKind::Document => &self.document,
            _ => &self.image,
        }
    }
}

const COMMON_IMAGES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];
const PDF: &[&str] = &["application/pdf"];
const IN_S3: Addresses<'_> = Addresses::Starting(&["s3://"]);

/// What Google reads from its own storage.
const OF_GOOGLE: &[&str] = &[
    "gs://",
    "files/",
    "https://generativelanguage.googleapis.com/",
    "https://www.youtube.com/",
    "https://youtube.com/",
    "https://youtu.be/",
];
