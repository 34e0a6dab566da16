use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use tollbridge::usage::ledger::{Filter, GroupBy, moment, zone};
use tollbridge::usage::now_ms;

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct UsageOptions {
    /// The data directory; TOLLBRIDGE_USAGE_DIR or the key usage.dir by default
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: UsageCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsageCommand {
    /// Sum up calls, tokens, cost, latency and failures
    #[command(
        after_help = "Examples:\n  tollbridge usage summary\n  tollbridge usage summary --since 30d --by day --zone Europe/Berlin\n  tollbridge usage summary --by team,model --since month --json\n  tollbridge usage summary --by outcome --provider openai\n\nA call is counted where its last attempt went. Percentiles are of answered attempts, within 7 %."
    )]
    Summary {
        #[command(flatten)]
        filter: FilterOptions,
        /// Split by provider, model, alias, category, key, outcome, day, hour, task, user, team or tag:NAME
        #[arg(long, value_name = "FIELDS", value_delimiter = ',', default_value = "provider,model")]
        by: Vec<GroupBy>,
        /// Print a JSON object; times are milliseconds since 1970 UTC, durations microseconds
        #[arg(long)]
        json: bool,
    },
    /// List attempts, the latest first
    #[command(
        after_help = "Examples:\n  tollbridge usage records --limit 5\n  tollbridge usage records --tag task=t1 --outcome failed --json"
    )]
    Records {
        #[command(flatten)]
        filter: FilterOptions,
        /// How many at most
        #[arg(long, default_value_t = 20)]
        limit: u64,
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Write all attempts to a file or to standard output, the oldest first
    #[command(
        after_help = "Examples:\n  tollbridge usage export --format csv --out november.csv --since 2026-11-01 --until 2026-12-01\n  tollbridge usage export --format jsonl | jq .charge.cost"
    )]
    Export {
        #[command(flatten)]
        filter: FilterOptions,
        /// The form
        #[arg(long, value_enum, default_value_t = Format::Csv)]
        format: Format,
        /// The file; it must not be there yet. Standard output by default
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Add attempts from JSON lines: of an export, or of a simple usage log
    #[command(
        after_help = "Examples:\n  tollbridge usage import november.jsonl\n  tollbridge usage export --dir other --format jsonl | tollbridge usage import -\n\nWhat the ledger has already stays as it is. A wrong line is named, and nothing is added."
    )]
    Import {
        /// The file; `-` stands for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Draw what was spent a day, in the terminal or as a picture
    #[command(
        after_help = "Examples:\n  tollbridge usage plot --since 30d\n  tollbridge usage plot --value tokens --svg tokens.svg\n  tollbridge usage plot --since month --png spend.png"
    )]
    Plot {
        #[command(flatten)]
        filter: FilterOptions,
        /// What the bars are
        #[arg(long, value_enum, default_value_t = PlotValue::Cost)]
        value: PlotValue,
        /// Write an SVG picture there
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// Write a PNG picture there
        #[arg(long, value_name = "FILE")]
        png: Option<PathBuf>,
    },
    /// Show how the cost of one call comes about, line by line
    #[command(after_help = "Examples:\n  tollbridge usage explain 01a1fd3b630974a59a60ce2244e2e85f")]
    Explain {
        /// The id of the call, as in the header x-request-id
        #[arg(value_name = "REQUEST_ID")]
        call: String,
        /// Print a JSON array of the attempts
        #[arg(long)]
        json: bool,
    },
    /// Price attempts again, by the prices of now or of another book
    #[command(
        after_help = "Examples:\n  tollbridge usage reprice --since 30d\n  tollbridge usage reprice --since 2026-11-01 --model my-model --book prices.toml\n\nA second run changes nothing. What was done stands in the ledger's table `audit`."
    )]
    Reprice {
        #[command(flatten)]
        filter: FilterOptions,
        /// A file of prices over those that are built in; usage.prices by default, of an address what was last fetched
        #[arg(long, value_name = "FILE")]
        book: Option<PathBuf>,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Delete old attempts; sums by hour and day stay
    #[command(
        after_help = "Examples:\n  tollbridge usage cleanup --keep 90d --dry-run\n  tollbridge usage cleanup --keep 90d"
    )]
    Cleanup {
        /// Keep what is not older, such as 90d
        #[arg(long, value_name = "TIME")]
        keep: String,
        /// Only say how many would go
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which attempts are meant.
#[derive(Debug, Args)]
pub(crate) struct FilterOptions {
    /// From this time on: 24h, 90d, today, month, 2026-11-01, 2026-11-01T08:30:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// The time zone of days, such as Europe/Berlin or local
    #[arg(long, default_value = "UTC")]
    zone: String,
    /// Of this provider
    #[arg(long)]
    provider: Option<String>,
    /// Of this model, by the vendor's own name
    #[arg(long)]
    model: Option<String>,
    /// Under this alias
    #[arg(long)]
    alias: Option<String>,
    /// With this value of the tag `category`
    #[arg(long)]
    category: Option<String>,
    /// Charged to this virtual key, by its id
    #[arg(long)]
    key: Option<String>,
    /// With this outcome: ok, failed, or a kind such as rate_limit
    #[arg(long)]
    outcome: Option<String>,
    /// With this tag, as often as needed
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<String>,
}

impl FilterOptions {
    pub(crate) fn zone(&self) -> Result<TimeZone, Failure> {
        zone(&self.zone).map_err(|error| Failure::usage(format!("--zone: {error}")))
    }

    pub(crate) fn resolve(&self) -> Result<Filter, Failure> {
        let zone = self.zone()?;
        let time = |flag: &str, text: &Option<String>| {
            let read = text.as_deref().map(|text| moment(text, now_ms(), &zone)).transpose();
            read.map_err(|error| {
                Failure::usage(format!("--{flag}: {}; {}", error.message(), error.hint().unwrap_or("")))
            })
        };
        let mut filter = Filter::default();
        (filter.since, filter.until) = (time("since", &self.since)?, time("until", &self.until)?);
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
            return Err(Failure::usage("--until: it is not after --since"));
        }
        filter.provider.clone_from(&self.provider);
        filter.model.clone_from(&self.model);
        filter.alias.clone_from(&self.alias);
        filter.category.clone_from(&self.category);
        filter.key.clone_from(&self.key);
        filter.outcome.clone_from(&self.outcome);
        for tag in &self.tags {
            let (name, value) = tag
                .split_once('=')
                .ok_or_else(|| Failure::usage(format!("--tag: `{tag}` is no tag; write it as NAME=VALUE")))?;
            filter.tags.push((name.to_owned(), value.to_owned()));
        }
        Ok(filter)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values, safe for spreadsheets
    Csv,
    /// One JSON object a line, with every field
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlotValue {
    /// US dollars
    Cost,
    /// Tokens of prompts and answers
    Tokens,
    /// Logical calls
    Calls,
}
