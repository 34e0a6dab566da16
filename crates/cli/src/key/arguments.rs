use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use tollbridge_usage::key::{KeyBudget, ModelPattern, NewKey, Scope, Tag};
use tollbridge_usage::now_ms;

#[derive(Debug, Args)]
pub(crate) struct KeyOptions {
    /// The data directory; TOLLBRIDGE_USAGE_DIR or the key usage.dir by default
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key, and print it this once
    #[command(
        after_help = "Examples:\n  tollbridge key create --name ci\n  tollbridge key create --name ci --owner ann --team infra --tag project=whale --expires 90d\n  tollbridge key create --name web --model openai/gpt-4o --model 'anthropic/*' --usd 20 --window month\n  tollbridge key create --name prometheus --scope usage:read\n\nFrom the first key on, the gateway refuses whoever has none."
    )]
    Create(Box<CreateOptions>),
    /// List all keys, without their texts
    #[command(after_help = "Examples:\n  tollbridge key list\n  tollbridge key list --json")]
    List {
        /// Print a JSON array; times are milliseconds since 1970 UTC
        #[arg(long)]
        json: bool,
    },
    /// Show one key, without its text
    #[command(after_help = "Examples:\n  tollbridge key show ci\n  tollbridge key show key_4fGh7x9ZqLmN --json")]
    Show {
        /// Its id, or its name
        #[arg(value_name = "ID|NAME")]
        key: String,
        /// Print a JSON object; times are milliseconds since 1970 UTC
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key for good; gateways refuse it within a second
    #[command(after_help = "Examples:\n  tollbridge key revoke ci\n  tollbridge key revoke key_4fGh7x9ZqLmN")]
    Revoke {
        /// Its id, or its name
        #[arg(value_name = "ID|NAME")]
        key: String,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("limit").args(["usd", "tokens"]).multiple(true)))]
pub(crate) struct CreateOptions {
    /// What people call it: letters, digits, `_`, `-` and `.`
    #[arg(long)]
    name: String,
    /// The person or program that it is given to; calls get it as the tag `user`
    #[arg(long)]
    owner: Option<String>,
    /// Whose bill it is on; calls get it as the tag `team`
    #[arg(long)]
    team: Option<String>,
    /// What its calls are for, as often as needed
    #[arg(long, value_name = "NAME=VALUE")]
    tag: Vec<Tag>,
    /// A model that it may call: provider/model, provider/* or an alias; all by default
    #[arg(long)]
    model: Vec<ModelPattern>,
    /// When its time is over: after 12h, 90d or 8w, or at the beginning of 2027-01-01 in UTC
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    expires: Option<u64>,
    /// The most that its calls may cost, in US dollars
    #[arg(long, requires = "window")]
    usd: Option<String>,
    /// The most tokens that its calls may use
    #[arg(long, requires = "window", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: Option<u64>,
    /// How long that counts: day, week, month, year, forever, or the last 24h or 30d
    #[arg(long, requires = "limit")]
    window: Option<String>,
    /// The time zone whose midnights begin it, such as Europe/Berlin; UTC by default
    #[arg(long, requires = "window")]
    zone: Option<String>,
    /// What it opens: call, usage:read or admin; `call` by default
    #[arg(long)]
    scope: Vec<Scope>,
    /// Print a JSON object with the key in it
    #[arg(long)]
    pub(crate) json: bool,
}

impl CreateOptions {
    pub(crate) fn new_key(&self) -> NewKey {
        let mut new = NewKey::new(&self.name);
        new.owner.clone_from(&self.owner);
        new.team.clone_from(&self.team);
        new.tags = self.tag.iter().map(|tag| (tag.name.clone(), tag.value.clone())).collect();
        new.models.clone_from(&self.model);
        new.expires_at = self.expires;
        if !self.scope.is_empty() {
            new.scopes = self.scope.iter().copied().collect();
        }
        let window = self.window.clone().unwrap_or_default();
        let money = self.usd.iter().map(|usd| KeyBudget::usd(usd, &window));
        let tokens = self.tokens.iter().map(|tokens| KeyBudget::tokens(*tokens, &window));
        new.budgets = money.chain(tokens).collect();
        for budget in &mut new.budgets {
            budget.zone.clone_from(&self.zone);
        }
        new
    }
}

fn expiry(text: &str) -> Result<u64, String> {
    let at = after(text).or_else(|| moment(text)).ok_or("write it as 12h, 90d, 8w or 2027-01-01")?;
    if at > now_ms() { Ok(at) } else { Err("it is not in the future".to_owned()) }
}

fn after(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(hours * 3_600_000)?;
    // What no calendar has could not be shown.
    let at = Timestamp::from_millisecond(i64::try_from(now_ms().checked_add(millis)?).ok()?).ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

fn moment(text: &str) -> Option<u64> {
    let date = text.parse::<civil::Date>().ok().filter(|_| text.len() == "2027-01-01".len());
    let midnight = date.and_then(|date| date.to_zoned(TimeZone::UTC).ok()).map(|zoned| zoned.timestamp());
    let at = midnight.or_else(|| text.parse::<Timestamp>().ok())?;
    u64::try_from(at.as_millisecond()).ok()
}
