//! Servers of tools (MCP) that the vendor calls itself.

use serde_json::json;
use tollbridge_types::Json;

use crate::object::{Fields, Object, json as value};

/// The field of Anthropic's that names the servers.
pub(super) const FIELD: &str = "mcp_servers";

/// Anthropic's tool that stands for a server's.
pub(super) const TOOLSET: &str = "mcp_toolset";

/// The header that switches them on.
pub(super) const BETA: (&str, &str) = ("anthropic-beta", "mcp-client-2025-11-20");

/// A server, and which of its tools may be called.
#[derive(Debug, Default)]
pub(super) struct Server {
    pub(super) name: String,
    url: Option<Json>,
    token: Option<Json>,
    /// The tools that may be called, if not all.
    allowed: Option<Vec<String>>,
    /// Whether the vendor may call without asking the client.
    unasked: bool,
    /// Settings that only their own vendor has.
    rest: Vec<String>,
}

impl Server {
    /// Reads OpenAI's tool `mcp`.
    pub(super) fn of_openai(mut fields: Object) -> Self {
        let mut server = Self {
            name: fields.find_text("server_label").unwrap_or_default(),
            url: fields.take("server_url"),
            token: fields.take("authorization"),
            // OpenAI asks unless it is told not to.
            unasked: fields.take("require_approval").is_some_and(|word| word.as_str() == "\"never\""),
            ..Self::default()
        };
        if let Some(allowed) = fields.take("allowed_tools") {
            let names = allowed.parse::<Vec<String>>().ok();
            let names = names.or_else(|| Object::lenient(&allowed).find::<Vec<String>>("tool_names"));
            match names {
                Some(names) => server.allowed = Some(names),
                None => server.rest.push("allowed_tools".to_owned()),
            }
        }
        server.rest.extend(fields.into_fields().map(|(name, _)| name));
        server
    }

    /// Reads Anthropic's tool `mcp_toolset` with the server that it names; `None` if there is no such server.
    pub(super) fn of_anthropic(mut fields: Object, servers: &[Json]) -> Option<Self> {
        let name = fields.find_text("mcp_server_name")?;
        let mut server = servers.iter().filter_map(Self::of_anthropics).find(|server| server.name == name)?;
        let mut default = fields.find_object("default_config");
        let all = default.find::<bool>("enabled").unwrap_or(true);
        if default.find::<bool>("defer_loading") == Some(true) {
            server.rest.push("default_config.defer_loading".to_owned());
        }
        let (mut on, mut off) = (Vec::new(), false);
        for (tool, config) in fields.find_object("configs").into_fields() {
            match Object::lenient(&config).find::<bool>("enabled").unwrap_or(all) {
                true => on.push(tool),
                false => off = true,
            }
        }
        if !all {
            server.allowed = Some(on);
        } else if off {
            server.rest.push("configs".to_owned());
        }
        server.rest.extend(fields.into_fields().map(|(name, _)| name));
        Some(server)
    }

    /// Reads one of Anthropic's servers; `None` without a name.
    pub(super) fn of_anthropics(json: &Json) -> Option<Self> {
        let mut fields = Object::lenient(json);
        fields.take("type");
        let mut server = Self {
            name: fields.find_text("name")?,
            url: fields.take("url"),
            token: fields.take("authorization_token"),
            ..Self::default()
        };
        let mut settings = fields.find_object("tool_configuration");
        server.allowed = settings.find::<Vec<String>>("allowed_tools");
        if settings.find::<bool>("enabled") == Some(false) {
            server.allowed = Some(Vec::new());
        }
        server.rest.extend(fields.into_fields().map(|(name, _)| name));
        Some(server)
    }

    pub(super) fn to_openai(&self) -> (Fields, Vec<String>) {
        let mut fields = Fields::new();
        fields.put("type", "mcp").put("server_label", &self.name).put_some("server_url", self.url.as_ref());
        fields.put_some("authorization", self.token.as_ref()).put_some("allowed_tools", self.allowed.as_ref());
        // Anthropic asks nobody, and its clients have no way to answer.
        fields.put("require_approval", "never");
        (fields, self.rest.clone())
    }

    /// Returns the server and the set of its tools; `None` if the client wants to be asked.
    pub(super) fn to_anthropic(&self) -> Option<(Json, Fields, Vec<String>)> {
        let url = self.url.as_ref().filter(|_| self.unasked)?;
        let mut server = Fields::new();
        server.put("type", "url").put("name", &self.name).put("url", url);
        server.put_some("authorization_token", self.token.as_ref());
        let mut toolset = Fields::new();
        toolset.put("type", TOOLSET).put("mcp_server_name", &self.name);
        if let Some(allowed) = &self.allowed {
            let mut configs = Fields::new();
            for tool in allowed {
                configs.put(tool, &json!({"enabled": true}));
            }
            toolset.put("default_config", &json!({"enabled": false})).put("configs", &configs);
        }
        Some((value(&server), toolset, self.rest.clone()))
    }
}
