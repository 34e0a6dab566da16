use std::net::SocketAddr;
use std::time::Duration;

use tollbridge_core::{Registry, ReplyModel};

use crate::aliases::{is_on, on};
use crate::config::ProviderConfig;
use crate::reader::{Reader, Table};
use crate::{units, usage};

/// How the gateway listens and what it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Server {
    /// The address; loopback unless told otherwise. Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// How long open calls may go on after the gateway was told to stop.
    pub drain_timeout: Duration,
    /// Whether calls are refused of which the target's protocol cannot carry all, unless they say otherwise.
    pub strict: bool,
    /// Whether a session is told only the losses that are new to it, unless the call says otherwise.
    pub new_losses: bool,
    /// Whether the last usage of a stream tells what the call cost, unless the call says otherwise.
    pub stream_cost: bool,
    /// Whether the gateway answers everybody who reaches it while no virtual key is defined.
    pub allow_open: bool,
    /// The most bytes of state that are kept in memory for clients that do not send it back; 0 keeps none.
    pub state_cache_size: usize,
    /// How long that is kept.
    pub state_cache_ttl: Duration,
    /// The origins whose pages may call from a browser; `*` stands for all.
    pub cors_origins: Vec<String>,
    /// Which name of the model a reply carries.
    pub reply_model: ReplyModel,
    /// Whether a model's name without a provider is looked up in the providers' lists.
    pub bare_models: bool,
    /// The provider of names without a provider that no list decides.
    pub default_provider: Option<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            body_limit: 32 << 20,
            drain_timeout: Duration::from_secs(30),
            strict: false,
            new_losses: false,
            stream_cost: false,
            allow_open: false,
            state_cache_size: 64 << 20,
            state_cache_ttl: Duration::from_secs(60 * 60),
            cors_origins: Vec::new(),
            reply_model: ReplyModel::default(),
            bare_models: false,
            default_provider: None,
        }
    }
}

pub(crate) fn resolve(reader: &mut Reader<'_>, table: &Table) -> Server {
    reader.known(table, KEYS);
    let mut server = Server::default();
    if let Some(text) = reader.text(table, "listen") {
        match text.parse::<SocketAddr>() {
            Ok(address) => server.listen = address,
            Err(_) => {
                reader.problem(table, "listen", "`server.listen` is not an address").hint =
                    Some("write it as IP:PORT, such as 127.0.0.1:4000 or [::1]:4000".to_owned());
            }
        }
    }
    server.body_limit = reader.unit(table, "body_limit", units::bytes).unwrap_or(server.body_limit);
    server.drain_timeout = reader.unit(table, "drain_timeout", units::duration).unwrap_or(server.drain_timeout);
    server.state_cache_size =
        reader.unit(table, "state_cache_size", units::bytes_or_none).unwrap_or(server.state_cache_size);
    server.state_cache_ttl = reader.unit(table, "state_cache_ttl", units::duration).unwrap_or(server.state_cache_ttl);
    server.strict = reader.flag(table, "strict").unwrap_or(server.strict);
    server.new_losses = usage::choice(reader, table, "losses", ["all", "new"]) == "new";
    server.stream_cost = reader.flag(table, "stream_cost").unwrap_or(server.stream_cost);
    server.allow_open = reader.flag(table, "allow_open").unwrap_or(server.allow_open);
    server.bare_models = reader.flag(table, "bare_models").unwrap_or(server.bare_models);
    server.default_provider = reader.text(table, "default_provider").filter(|name| !name.is_empty());
    server.cors_origins = origins(reader, table);
    if let Some(word) = reader.text(table, "reply_model") {
        match ReplyModel::from_word(&word) {
            Some(choice) => server.reply_model = choice,
            None => {
                reader.problem(table, "reply_model", format!("`server.reply_model` is `{word}`")).hint =
                    Some("use `auto`, `asked` or `vendor`".to_owned());
            }
        }
    }
    reader.show(table, "allow_open", server.allow_open.to_string());
    reader.show(table, "strict", server.strict.to_string());
    reader.show(table, "losses", if server.new_losses { "new" } else { "all" }.to_owned());
    reader.show(table, "stream_cost", server.stream_cost.to_string());
    reader.show(table, "listen", server.listen.to_string());
    reader.show(table, "body_limit", server.body_limit.to_string());
    reader.show(table, "state_cache_size", server.state_cache_size.to_string());
    reader.show(table, "state_cache_ttl", format!("{:?}", server.state_cache_ttl));
    reader.show(table, "drain_timeout", format!("{:?}", server.drain_timeout));
    let origins = if server.cors_origins.is_empty() { "none".to_owned() } else { server.cors_origins.join(", ") };
    reader.show(table, "cors_origins", origins);
    reader.show(table, "reply_model", server.reply_model.as_str());
    reader.show(table, "bare_models", server.bare_models.to_string());
    reader.show(table, "default_provider", server.default_provider.clone().unwrap_or_else(|| "none".to_owned()));
    server
}

/// Reports a default provider that is not on.
pub(crate) fn check_default_provider(
    reader: &mut Reader<'_>,
    table: &Table,
    server: &Server,
    providers: &[ProviderConfig],
    registry: &Registry,
) {
    let Some(name) = server.default_provider.as_deref().filter(|name| !is_on(name, providers, registry)) else {
        return;
    };
    let message = format!("`server.default_provider` is `{name}`, which is not on");
    let hint = format!("providers that are on: {}", on(providers).collect::<Vec<_>>().join(", "));
    reader.problem(table, "default_provider", message).hint = Some(hint);
}

/// Reads origins as browsers write them: a scheme and a host, and a port if it is not the usual one.
fn origins(reader: &mut Reader<'_>, table: &Table) -> Vec<String> {
    let origins = reader.list(table, "cors_origins").unwrap_or_default();
    let is_origin = |text: &str| {
        let parts = text.split_once("://");
        parts.is_some_and(|(scheme, host)| {
            !scheme.is_empty() && !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
        })
    };
    for origin in origins.iter().filter(|origin| *origin != "*" && !is_origin(origin)) {
        reader.problem(table, "cors_origins", format!("`server.cors_origins`: `{origin}` is no origin")).hint =
            Some("write it as scheme://host or scheme://host:port, without a path, or `*` for all".to_owned());
    }
    // Browsers write hosts in small letters.
    origins.into_iter().map(|origin| origin.to_ascii_lowercase()).collect()
}

const KEYS: &[&str] = &[
    "listen",
    "body_limit",
    "drain_timeout",
    "strict",
    "losses",
    "stream_cost",
    "allow_open",
    "state_cache_size",
    "state_cache_ttl",
    "cors_origins",
    "reply_model",
    "bare_models",
    "default_provider",
];
