#![doc = include_str!("../README.md")]

mod aliases;
mod config;
mod infer;
mod interpolate;
mod layer;
mod loader;
mod media;
mod problem;
mod profile;
mod providers;
mod reader;
mod server;
mod units;
mod usage;

pub use config::{Config, MediaConfig, ProviderConfig, Row, Source};
pub use infer::{Inference, infer};
pub use loader::Loader;
pub use problem::{Problem, Problems, nearest};
pub use server::Server;
pub use usage::{BudgetConfig, PriceSource, UsageConfig, WebhookConfig};

/// Every key of the configuration but those below a name of one's own, for the reference page.
pub const KEYS: &[&str] = &[
    "server.listen",
    "server.body_limit",
    "server.drain_timeout",
    "server.strict",
    "server.losses",
    "server.stream_cost",
    "server.allow_open",
    "server.cors_origins",
    "server.reply_model",
    "server.bare_models",
    "server.default_provider",
    "server.state_cache_size",
    "server.state_cache_ttl",
    "usage.dir",
    "usage.enabled",
    "usage.cost",
    "usage.durability",
    "usage.on_leave",
    "usage.drain_limit",
    "usage.content",
    "usage.spool_limit",
    "usage.prices",
    "usage.prices_refresh",
    "usage.rates",
    "usage.events",
    "usage.webhook",
    "usage.webhook_secret",
    "budgets",
    "media.fetch",
    "media.hosts",
    "media.networks",
    "media.max_bytes",
    "media.timeout",
    "media.redirects",
    "media.parallel",
    "timeouts.connect",
    "timeouts.first_byte",
    "timeouts.idle",
    "timeouts.total",
    "timeouts.finish",
    "aliases",
    "profiles",
    "providers",
    "kind",
    "enabled",
    "api_key",
    "base_url",
    "embed_base_url",
    "headers",
    "models",
    "timeouts",
    "fetch_media",
    "display_name",
    "max_tokens",
    "supports_tools",
    "supports_vision",
    "supports_streaming",
    "supports_response_format",
    "base_model",
    "context_window",
    "think_tags",
];
