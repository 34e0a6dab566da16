use std::fmt;
use std::str::FromStr;

/// Which vendor an upstream plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// OpenAI, with Azure's paths too.
    OpenAi,
    /// Anthropic.
    Anthropic,
    /// Google, in its own protocol and in OpenAI's.
    Google,
    /// xAI.
    Grok,
    /// Moonshot.
    Kimi,
    /// Mistral, which sends usage on streams unasked.
    Mistral,
    /// Ollama, in its own protocol.
    Ollama,
    /// Cohere.
    Cohere,
    /// Amazon Bedrock.
    Bedrock,
    /// Vertex AI, with its token server.
    Vertex,
}

impl Kind {
    /// All kinds, in the order of their usual ports.
    pub const ALL: [Self; 10] = [
        Self::OpenAi,
        Self::Anthropic,
        Self::Google,
        Self::Grok,
        Self::Kimi,
        Self::Mistral,
        Self::Ollama,
        Self::Cohere,
        Self::Bedrock,
        Self::Vertex,
    ];

    /// Returns the name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Google => "google",
            Self::Grok => "grok",
            Self::Kimi => "kimi",
            Self::Mistral => "mistral",
            Self::Ollama => "ollama",
            Self::Cohere => "cohere",
            Self::Bedrock => "bedrock",
            Self::Vertex => "vertex",
        }
    }

    /// Returns the port that the command line uses unless told otherwise.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::OpenAi => 18080,
            Self::Anthropic => 18081,
            Self::Google => 18082,
            Self::Grok => 18083,
            Self::Kimi => 18084,
            Self::Mistral => 18085,
            Self::Ollama => 18086,
            Self::Cohere => 18087,
            Self::Bedrock => 18088,
            Self::Vertex => 18089,
        }
    }

    /// Returns the model that is named in answers unless told otherwise.
    pub const fn default_model(self) -> &'static str {
        match self {
            Self::OpenAi => "qwen2.5-0.5b-instruct-mlx",
            Self::Anthropic => "claude-3-haiku",
            Self::Google => "gemini-1.5-flash",
            Self::Grok => "grok-1.5",
            Self::Kimi => "moonshot-v1-8k",
            Self::Mistral => "mistral-small-latest",
            Self::Ollama => "qwen3:0.6b",
            Self::Cohere => "command-a-03-2025",
            Self::Bedrock => "amazon.nova-micro-v1:0",
            Self::Vertex => "gemini-2.5-flash",
        }
    }

    /// Returns the paths of its own protocol's chat, for a whole answer and for a stream.
    pub const fn chat_paths(self) -> [&'static str; 2] {
        match self {
            Self::Anthropic => ["/v1/messages"; 2],
            Self::Google => {
                ["/v1beta/models/mock:generateContent", "/v1beta/models/mock:streamGenerateContent?alt=sse"]
            }
            Self::Ollama => ["/api/chat"; 2],
            Self::Cohere => ["/v2/chat"; 2],
            Self::Bedrock => ["/model/mock/converse", "/model/mock/converse-stream"],
            Self::Vertex => ["/models/mock:generateContent", "/models/mock:streamGenerateContent?alt=sse"],
            _ => ["/v1/chat/completions"; 2],
        }
    }

    /// Returns the variable that sets the port of this kind.
    pub const fn port_variable(self) -> &'static str {
        match self {
            Self::OpenAi => "MOCK_OAI_PORT",
            Self::Anthropic => "MOCK_ANTH_PORT",
            Self::Google => "MOCK_GGL_PORT",
            Self::Grok => "MOCK_GROK_PORT",
            Self::Kimi => "MOCK_KIMI_PORT",
            Self::Mistral => "MOCK_MISTRAL_PORT",
            Self::Ollama => "MOCK_OLLAMA_PORT",
            Self::Cohere => "MOCK_COHERE_PORT",
            Self::Bedrock => "MOCK_BEDROCK_PORT",
            Self::Vertex => "MOCK_VERTEX_PORT",
        }
    }

    /// Returns the id of answers and the word before the model, in OpenAI's protocol.
    pub(crate) const fn openai_names(self) -> (&'static str, &'static str) {
        match self {
            Self::Google => ("mock-google-openai", "mock-google"),
            Self::Grok => ("mock-grok", "mock-grok"),
            Self::Kimi => ("mock-kimi", "mock-kimi"),
            _ => ("mock-openai", "mock"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("`{text}` is no mock; use one of {}", names.join(", "))
        })
    }
}
