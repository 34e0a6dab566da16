use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::budget::BudgetCommand;
use crate::key::KeyOptions;
use crate::usage::UsageOptions;

/// One layer between an application and every LLM.
#[derive(Debug, Parser)]
#[command(name = "tollbridge", version, propagate_version = true, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) sources: Sources,
    /// Log more; twice for even more. TOLLBRIDGE_LOG sets a filter of one's own
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(crate) struct Sources {
    /// Read this configuration file (TOML, YAML or JSON) instead of looking for one
    #[arg(short, long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Set one key over file and environment, such as server.listen=127.0.0.1:0
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway
    #[command(
        after_help = "Examples:\n  tollbridge serve\n  tollbridge serve --listen 127.0.0.1:0\n  OPENAI_API_KEY=… tollbridge serve\n\nWithout any key the provider `echo` answers, so that the first call works."
    )]
    Serve(ServeOptions),
    /// Ask a model, and stream its answer to the terminal
    #[command(
        after_help = "Examples:\n  tollbridge chat -m echo/any hello\n  tollbridge chat -m anthropic/claude-sonnet-5 --system 'Be brief.' 'Why is the sky blue?'\n  git diff | tollbridge chat -m openai/gpt-5 'Review this change:' -\n  tollbridge chat -m gemini/gemini-3-pro --image photo.png 'What is this?' --json"
    )]
    Chat(ChatOptions),
    /// Turn texts into vectors
    #[command(
        after_help = "Examples:\n  tollbridge embed -m echo/any 'first text' 'second text'\n  cat text.txt | tollbridge embed -m openai/text-embedding-3-small --json -"
    )]
    Embed(EmbedOptions),
    /// List the models of all providers, or show what one takes
    #[command(
        args_conflicts_with_subcommands = true,
        after_help = "Examples:\n  tollbridge models\n  tollbridge models --provider openai --json\n  tollbridge models show anthropic/claude-sonnet-4-5"
    )]
    Models(ModelsOptions),
    /// Count the tokens of a text, or of each row of a file, without calling anybody
    #[command(
        after_help = "Examples:\n  tollbridge tokens -m gpt-4o 'hello world'\n  tollbridge tokens --encoding cl100k --ids 'hello world'\n  cat book.txt | tollbridge tokens -m anthropic/claude-opus-5 --json\n  tollbridge tokens --jsonl rows.jsonl\n\nA row has `text` with `encoding` or `model`, or it has `messages`, `tools` and `tool_choice` as OpenAI writes\nthem, with `model`. It is written back with `tokens` and `basis`: counted, or estimated for models whose\nvocabulary is not public. Rows that are wrong are told, and make the exit code 1."
    )]
    Tokens(TokensOptions),
    /// Run mock upstreams that speak the vendors' own protocols
    #[command(
        after_help = "Examples:\n  tollbridge mock all\n  tollbridge mock openai --listen 127.0.0.1:0 --model my-model\n  tollbridge mock anthropic --script steps.json\n\nEnvironment: PORT, MOCK_OAI_PORT, MOCK_ANTH_PORT, MOCK_GGL_PORT, MOCK_GROK_PORT, MOCK_KIMI_PORT,\nMOCK_MODEL, MOCK_TARGET, MOCK_API_KEY, MOCK_INLINE_RESPONSE."
    )]
    Mock(MockOptions),
    /// Tell what a call costs, or price rows of usage
    #[command(
        after_help = "Examples:\n  tollbridge cost openai/gpt-4o --input 1000 --output 500\n  tollbridge cost anthropic/claude-sonnet-5 --input 2000 --cache-read 90000 --output 800 --batch --json\n  tollbridge cost openai/gpt-5 --input 1000 --output 500 --service-tier flex\n  tollbridge cost --jsonl usage.jsonl > costs.jsonl\n  tollbridge cost --jsonl - --prices prices.toml < usage.jsonl\n\nA row has `model`, `route_provider` or `provider`, and `usage` as totals, or `raw_usage` with its `shape`.\nIt is written back with `cost_usd`, `unpriced` and `lines`."
    )]
    Cost(CostOptions),
    /// Check, show or explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Try every provider, and explain what is wrong
    #[command(
        after_help = "Examples:\n  tollbridge doctor\n  tollbridge doctor openai/gpt-5 anthropic/claude-sonnet-5 --timeout 10\n\nWithout models, each provider is asked for its list, which costs nothing."
    )]
    Doctor(DoctorOptions),
    /// Make, list and revoke the keys that the gateway asks its clients for
    Key(KeyOptions),
    /// Show where budgets stand
    #[command(subcommand)]
    Budget(BudgetCommand),
    /// Read and keep the ledger: sums, records, exports, pictures, prices
    Usage(UsageOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Listen there; port 0 lets the system choose. Loopback unless told otherwise
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// While there is no key, answer everybody who reaches the gateway, and let them spend on its vendors' keys
    #[arg(long)]
    pub(crate) allow_open: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ChatOptions {
    /// The prompt; `-` stands for standard input, which is read too if nothing is given
    #[arg(value_name = "TEXT")]
    pub(crate) prompt: Vec<String>,
    /// The model, as provider/model or an alias; the alias `main` or else `echo/echo` by default
    #[arg(short, long, env = "TOLLBRIDGE_MODEL")]
    pub(crate) model: Option<String>,
    /// Standing instructions
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) system: Option<String>,
    /// An image to look at: a file or an address
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) image: Vec<String>,
    /// The most tokens of the answer
    #[arg(long, value_name = "TOKENS")]
    pub(crate) max_tokens: Option<u64>,
    /// Randomness; 0 is the least
    #[arg(long)]
    pub(crate) temperature: Option<f64>,
    /// Demand a JSON object, unless there is a schema
    #[arg(long)]
    pub(crate) json_mode: bool,
    /// Demand JSON that fits the schema in this file; an answer that does not fit is asked for again
    #[arg(long, value_name = "FILE", conflicts_with = "type")]
    pub(crate) schema: Option<PathBuf>,
    /// Demand JSON of this type, such as 'Dict[str, Union[str, int, List[str]]]', in the same way
    #[arg(long, value_name = "TYPE")]
    pub(crate) r#type: Option<String>,
    /// How often an answer that must fit a schema or a type is asked for
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) attempts: u32,
    /// The task that the call is for; the ledger and budgets add up what a task costs
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<String>,
    /// What else the call is for, as often as needed
    #[arg(long, value_name = "NAME=VALUE", value_parser = tag)]
    pub(crate) tag: Vec<(String, String)>,
    /// Wait for the whole answer
    #[arg(long)]
    pub(crate) no_stream: bool,
    /// Print one JSON object with answer, usage and what else is known
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EmbedOptions {
    /// The texts; `-` stands for standard input
    #[arg(value_name = "TEXT", required = true)]
    pub(crate) texts: Vec<String>,
    /// The model, as provider/model or an alias
    #[arg(short, long, env = "TOLLBRIDGE_EMBED_MODEL", default_value = "echo/echo")]
    pub(crate) model: String,
    /// The length of the vectors
    #[arg(long)]
    pub(crate) dimensions: Option<u32>,
    /// Print one JSON object instead of one vector a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsOptions {
    /// Only this provider
    #[arg(long)]
    pub(crate) provider: Option<String>,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// Show what a model takes, and where each rule comes from, without calling anybody
    #[command(
        after_help = "Examples:\n  tollbridge models show anthropic/claude-sonnet-4-5\n  tollbridge models show openai/gpt-5.4 --protocol openai.responses --json"
    )]
    Show(ShowModelOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ShowModelOptions {
    /// The model: an alias or provider/model
    pub(crate) model: String,
    /// The vendor's protocol, if not the one that the provider likes best
    #[arg(long)]
    pub(crate) protocol: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TokensOptions {
    /// The text; `-` stands for standard input, which is read too if nothing is given
    #[arg(value_name = "TEXT")]
    pub(crate) texts: Vec<String>,
    /// Count as this model does; a provider before its name does not matter
    #[arg(short, long)]
    pub(crate) model: Option<String>,
    /// Count by this vocabulary: cl100k or o200k, which is the default
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// Count each row of this file of JSON lines; `-` stands for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "texts")]
    pub(crate) jsonl: Option<PathBuf>,
    /// Print the numbers of the tokens too
    #[arg(long)]
    pub(crate) ids: bool,
    /// Print a JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MockOptions {
    /// openai, anthropic, google, grok, kimi, mistral, ollama, cohere, bedrock, vertex or all
    #[arg(value_name = "KIND", required = true)]
    pub(crate) kinds: Vec<String>,
    /// Listen there; of several mocks each takes the next port, or a free one for port 0
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Name this model in answers
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// Forward to a server of OpenAI's protocol, over plain HTTP
    #[arg(long, value_name = "URL")]
    pub(crate) target: Option<String>,
    /// Seed ids and vectors
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Refuse what the vendor would refuse: bad JSON, missing keys and versions
    #[arg(long)]
    pub(crate) strict: bool,
    /// What to report as usage: true, constant or omit
    #[arg(long, default_value = "true", value_parser = ["true", "constant", "omit"])]
    pub(crate) usage: String,
    /// Script the first requests with the steps in this JSON file, as POST /__script takes them
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// Print one JSON object a line instead of words
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CostOptions {
    /// The model, as provider/model
    #[arg(value_name = "MODEL", conflicts_with = "jsonl")]
    pub(crate) model: Option<String>,
    /// Price each line of this file instead; `-` stands for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) jsonl: Option<PathBuf>,
    /// Put the prices of this file (TOML or JSON) before those that are built in; usage.prices by default
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Tokens of the prompt that no cache served or stored
    #[arg(long, value_name = "TOKENS")]
    pub(crate) input: Option<u64>,
    /// Visible tokens of the answer
    #[arg(long, value_name = "TOKENS")]
    pub(crate) output: Option<u64>,
    /// Tokens of the answer spent on reasoning
    #[arg(long, value_name = "TOKENS")]
    pub(crate) reasoning: Option<u64>,
    /// Tokens read from a prompt cache
    #[arg(long, value_name = "TOKENS")]
    pub(crate) cache_read: Option<u64>,
    /// Tokens written to a prompt cache
    #[arg(long, value_name = "TOKENS")]
    pub(crate) cache_write: Option<u64>,
    /// Tokens written to a prompt cache for an hour
    #[arg(long, value_name = "TOKENS")]
    pub(crate) cache_write_1h: Option<u64>,
    /// Audio tokens of the prompt
    #[arg(long, value_name = "TOKENS")]
    pub(crate) input_audio: Option<u64>,
    /// Audio tokens of the answer
    #[arg(long, value_name = "TOKENS")]
    pub(crate) output_audio: Option<u64>,
    /// Calls of a tool or other units, such as web_search=3 or output_images=1
    #[arg(long, value_name = "NAME=N", value_parser = named_count)]
    pub(crate) tool: Vec<(String, u64)>,
    /// The call is part of a batch
    #[arg(long)]
    pub(crate) batch: bool,
    /// The tier that serves, such as flex or priority
    #[arg(long, value_name = "TIER")]
    pub(crate) service_tier: Option<String>,
    /// Where the vendor's endpoint stands, such as eu-west-1 or eu
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// Where the data must stay, such as eu
    #[arg(long, value_name = "REGION")]
    pub(crate) data_residency: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report every problem of the configuration at once
    #[command(after_help = "Examples:\n  tollbridge config check\n  tollbridge config check --config tollbridge.toml")]
    Check,
    /// Print the resolved configuration with the source of each value; secrets are masked
    #[command(after_help = "Examples:\n  tollbridge config show\n  tollbridge config show --json")]
    Show {
        /// Print a JSON array
        #[arg(long)]
        json: bool,
    },
    /// Tell which provider a loose description means, without calling it
    #[command(
        after_help = "Examples:\n  tollbridge config resolve grok-4\n  tollbridge config resolve gpt-4o --provider azure_openai\n  tollbridge config resolve my-model --base-url https://api.deepseek.com"
    )]
    Resolve {
        /// The model
        model: String,
        /// The provider, by any of its names
        #[arg(long)]
        provider: Option<String>,
        /// The base URL
        #[arg(long)]
        base_url: Option<String>,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Ask these models a short question, which costs a few tokens each
    #[arg(value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// How long each may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

fn named_count(text: &str) -> Result<(String, u64), String> {
    let (name, count) = text.split_once('=').ok_or("not of the form NAME=N")?;
    count.parse().map(|count| (name.to_owned(), count)).map_err(|_| format!("`{count}` is not a number"))
}

fn tag(text: &str) -> Result<(String, String), String> {
    let tag = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    tag.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "write it as NAME=VALUE".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero()).ok_or_else(|| "not above zero".to_owned())
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a call failed, or a provider is unwell
  2  the arguments or the configuration are wrong
130  interrupted";
