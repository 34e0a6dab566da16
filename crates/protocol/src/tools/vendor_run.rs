//! Tools that vendors run themselves, such as a search of the web, from one vendor's form to another's.

use http::HeaderValue;
use tollbridge_core::Loss;
use tollbridge_types::{ChatRequest, Json, Opaque, Protocol, Tool};

use super::Offer;
use super::mcp::{self, Server};
use crate::object::{Fields, Object, json};

const CHAT: Protocol = Protocol::OPENAI_CHAT;
const RESPONSES: Protocol = Protocol::OPENAI_RESPONSES;
const ANTHROPIC: Protocol = Protocol::ANTHROPIC_MESSAGES;
const GEMINI: Protocol = Protocol::GEMINI_GENERATE;

/// The field by which chat completions ask for a search of the web.
const SEARCH_FIELD: &str = "web_search_options";

/// A tool that a vendor runs, in no vendor's form.
enum Run {
    Search(Settings),
    Code(Settings),
    Fetch(Settings),
    Mcp(Box<Server>),
}

/// The settings of a tool, by the names that most vendors have for them.
#[derive(Default)]
struct Settings(Vec<(String, Json)>);

impl Settings {
    fn of(fields: Object) -> Self {
        Self(fields.into_fields().filter(|(_, value)| value.as_str() != "null").collect())
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let place = self.0.iter().position(|(field, _)| field == name)?;
        Some(self.0.remove(place).1)
    }
}

/// Says whether a request's body has fields for such tools that `to` has no name for.
pub(super) fn has_fields(request: &ChatRequest, to: Protocol) -> bool {
    to != CHAT && request.extras.get(CHAT, SEARCH_FIELD).is_some()
        || to != ANTHROPIC && request.extras.get(ANTHROPIC, mcp::FIELD).is_some()
}

impl Offer<'_> {
    /// Keeps the names of Anthropic's own tools, which share theirs with functions, from functions.
    pub(super) fn block_names_of_vendors(&mut self, request: &ChatRequest) {
        let foreign = request.tools.iter().filter_map(|tool| match tool {
            Tool::Opaque(opaque) if opaque.protocol != self.to => Some(opaque),
            _ => None,
        });
        let runs: Vec<Run> = foreign.flat_map(|opaque| read(opaque, "", &self.servers)).map(|(run, ..)| run).collect();
        for run in runs.iter().filter(|_| self.to == ANTHROPIC) {
            match run {
                Run::Search(_) => self.flat.block("web_search"),
                Run::Code(_) => self.flat.block("code_execution"),
                Run::Fetch(_) => self.flat.block("web_fetch"),
                Run::Mcp(_) => {}
            }
        }
    }

    /// Turns fields of the body into tools, and tools into fields of the body.
    pub(super) fn vendor_run(&mut self, request: &mut ChatRequest) {
        if let Some(options) = request.extras.get(CHAT, SEARCH_FIELD).filter(|_| self.to != CHAT) {
            let settings = Settings::of(Object::lenient(options));
            if self.run(Run::Search(settings), SEARCH_FIELD, SEARCH_FIELD) {
                request.extras.retain(|owner, name| owner != CHAT || name != SEARCH_FIELD);
            }
        }
        if self.to == RESPONSES && !self.servers.is_empty() {
            let named = |tool: &Tool| match tool {
                Tool::Opaque(opaque) => Object::lenient(&opaque.json).find_text("mcp_server_name"),
                _ => None,
            };
            let named: Vec<String> = request.tools.iter().filter_map(named).collect();
            // A server without a set of tools offers them all.
            for (place, json) in self.servers.clone().iter().enumerate() {
                let server = Server::of_anthropics(json).filter(|server| !named.contains(&server.name));
                if let Some(server) = server {
                    self.run(Run::Mcp(Box::new(server)), mcp::FIELD, &format!("{}[{place}]", mcp::FIELD));
                }
            }
            request.extras.retain(|owner, name| owner != ANTHROPIC || name != mcp::FIELD);
        }
        request.extras.extend(std::mem::take(&mut self.fields));
    }

    /// Offers another vendor's tool in this vendor's form; `false` if it has none.
    pub(super) fn vendors(&mut self, opaque: &Opaque, path: &str) -> bool {
        let runs = read(opaque, path, &self.servers);
        let mut all = !runs.is_empty();
        for (run, name, path) in runs {
            all &= self.run(run, &name, &path);
        }
        all
    }

    fn run(&mut self, run: Run, own: &str, path: &str) -> bool {
        match (run, self.to) {
            (Run::Search(settings), _) => self.search(settings, own, path),
            (Run::Code(mut settings), RESPONSES) => {
                let container =
                    settings.take("container").unwrap_or_else(|| json(&serde_json::json!({"type": "auto"})));
                let mut fields = Fields::new();
                fields.put("type", "code_interpreter").put("container", &container);
                self.own(&fields, "code_interpreter", own, settings, path)
            }
            (Run::Code(settings), ANTHROPIC) => {
                let mut fields = Fields::new();
                fields.put("type", "code_execution_20250825").put("name", "code_execution");
                self.own(&fields, "code_execution", own, settings, path)
            }
            (Run::Code(settings), GEMINI) => self.googles("codeExecution", own, settings, path),
            (Run::Fetch(settings), GEMINI) => self.googles("urlContext", own, settings, path),
            (Run::Fetch(settings), ANTHROPIC) => {
                let mut fields = Fields::new();
                fields.put("type", "web_fetch_20250910").put("name", "web_fetch");
                self.own(&fields, "web_fetch", own, settings, path)
            }
            (Run::Mcp(server), RESPONSES) => {
                let (fields, lost) = server.to_openai();
                self.own(&fields, "mcp", own, Settings::default(), path);
                self.lost(lost, path);
                true
            }
            (Run::Mcp(server), ANTHROPIC) => {
                let Some((server, toolset, lost)) = server.to_anthropic() else {
                    let reason = "Anthropic asks nobody before it calls a tool of a server";
                    self.losses.push(Loss::dropped(path, reason));
                    return true;
                };
                let list = self.fields.get(ANTHROPIC, mcp::FIELD).and_then(|list| list.parse::<Vec<Json>>().ok());
                let mut list = list.unwrap_or_default();
                list.push(server);
                self.fields.insert(ANTHROPIC, mcp::FIELD, json(&list));
                self.headers.insert(mcp::BETA.0, HeaderValue::from_static(mcp::BETA.1));
                self.own(&toolset, mcp::TOOLSET, own, Settings::default(), path);
                self.lost(lost, path);
                true
            }
            _ => false,
        }
    }

    fn search(&mut self, mut settings: Settings, own: &str, path: &str) -> bool {
        let mut filters = settings.take("filters").map(|filters| Object::lenient(&filters)).unwrap_or_default();
        let mut domains = |name: &str, settings: &mut Settings| {
            let given = settings.take(name).or_else(|| filters.take(name));
            given.filter(|list| !matches!(list.as_str(), "null" | "[]"))
        };
        let allowed = domains("allowed_domains", &mut settings);
        let blocked = domains("blocked_domains", &mut settings);
        settings.0.extend(Settings::of(filters).0);
        let location = settings.take("user_location").map(|location| place(&location));
        let mut fields = Fields::new();
        match self.to {
            RESPONSES => {
                fields.put("type", "web_search");
                fields.put_some("filters", allowed.map(|list| Fields::one("allowed_domains", &list)));
                fields.put_some("user_location", location);
                fields.put_some("search_context_size", settings.take("search_context_size"));
                settings.0.extend(blocked.map(|list| ("blocked_domains".to_owned(), list)));
                self.own(&fields, "web_search", own, settings, path)
            }
            ANTHROPIC => {
                fields.put("type", "web_search_20250305").put("name", "web_search");
                fields.put_some("max_uses", settings.take("max_uses"));
                // Of the two lists Anthropic takes one.
                match (allowed, blocked) {
                    (Some(allowed), blocked) => {
                        fields.put("allowed_domains", &allowed);
                        settings.0.extend(blocked.map(|list| ("blocked_domains".to_owned(), list)));
                    }
                    (None, blocked) => {
                        fields.put_some("blocked_domains", blocked);
                    }
                }
                fields.put_some("user_location", location);
                self.own(&fields, "web_search", own, settings, path)
            }
            CHAT if self.forms.web_search => {
                let mut options = Fields::new();
                options.put_some("search_context_size", settings.take("search_context_size"));
                if let Some(location) = location {
                    let mut inner = Fields::new();
                    for (name, value) in Object::lenient(&location).into_fields().filter(|(name, _)| name != "type") {
                        inner.put(&name, &value);
                    }
                    let mut outer = Fields::new();
                    outer.put("type", "approximate").put("approximate", &inner);
                    options.put("user_location", &outer);
                }
                self.fields.insert(CHAT, SEARCH_FIELD, options.to_json());
                self.runs.push((own.to_owned(), SEARCH_FIELD.to_owned()));
                settings.0.extend(allowed.map(|list| ("allowed_domains".to_owned(), list)));
                settings.0.extend(blocked.map(|list| ("blocked_domains".to_owned(), list)));
                self.settings(settings, path);
                true
            }
            GEMINI => {
                settings.0.extend(allowed.map(|list| ("allowed_domains".to_owned(), list)));
                settings.0.extend(blocked.map(|list| ("blocked_domains".to_owned(), list)));
                settings.0.extend(location.map(|location| ("user_location".to_owned(), location)));
                self.googles("googleSearch", own, settings, path)
            }
            _ => false,
        }
    }

    /// Offers one of Google's tools, which most of its models take only without functions.
    fn googles(&mut self, name: &str, own: &str, settings: Settings, path: &str) -> bool {
        if self.has_functions {
            let reason = format!("most of Gemini's models take `{name}` only in a request without functions");
            self.losses.push(Loss::dropped(path, reason));
            return true;
        }
        self.own(&Fields::one(name, &Fields::new()), name, own, settings, path)
    }

    /// Offers a tool of this vendor's own, and tells which settings it does not have.
    fn own(&mut self, fields: &Fields, kind: &str, own: &str, settings: Settings, path: &str) -> bool {
        self.settings(settings, path);
        self.runs.push((own.to_owned(), kind.to_owned()));
        self.keep(&Tool::Opaque(Opaque::new(self.to, fields.to_json())), path);
        true
    }

    fn settings(&mut self, settings: Settings, path: &str) {
        self.lost(settings.0.into_iter().map(|(name, _)| name).collect(), path);
    }

    fn lost(&mut self, names: Vec<String>, path: &str) {
        let told =
            names.into_iter().map(|name| Loss::dropped(format!("{path}.{name}"), "the vendor has no such setting"));
        self.losses.extend(told);
    }
}

/// Reads a tool of a vendor's with what its choice is called and its place; nothing for what is not known here.
fn read(opaque: &Opaque, path: &str, servers: &[Json]) -> Vec<(Run, String, String)> {
    let mut fields = Object::lenient(&opaque.json);
    let path = path.to_owned();
    if opaque.protocol == GEMINI {
        let known = |(name, value): (String, Json)| {
            let settings = Settings::of(Object::lenient(&value));
            let run = match name.as_str() {
                "googleSearch" | "google_search" | "googleSearchRetrieval" | "google_search_retrieval" => {
                    Run::Search(settings)
                }
                "codeExecution" | "code_execution" => Run::Code(settings),
                "urlContext" | "url_context" => Run::Fetch(settings),
                _ => return None,
            };
            Some((run, name, path.clone()))
        };
        let all: Option<Vec<_>> = fields.into_fields().map(known).collect();
        return all.unwrap_or_default();
    }
    let kind = fields.find_text("type").unwrap_or_default();
    let name = fields.find_text("name");
    let search = kind.starts_with("web_search");
    let run = match opaque.protocol {
        CHAT | RESPONSES if search => {
            // What is so anyway is no setting.
            if fields.peek("external_web_access").is_some_and(|access| access.as_str() == "true") {
                fields.take("external_web_access");
            }
            Run::Search(Settings::of(fields))
        }
        CHAT | RESPONSES if kind == "code_interpreter" => {
            let container = fields.peek("container").map(|container| container.compact());
            if container.as_deref() == Some("{\"type\":\"auto\"}") {
                fields.take("container");
            }
            Run::Code(Settings::of(fields))
        }
        RESPONSES if kind == "mcp" => Run::Mcp(Box::new(Server::of_openai(fields))),
        ANTHROPIC if search => Run::Search(Settings::of(fields)),
        ANTHROPIC if kind.starts_with("code_execution") => Run::Code(Settings::of(fields)),
        ANTHROPIC if kind.starts_with("web_fetch") => Run::Fetch(Settings::of(fields)),
        ANTHROPIC if kind == mcp::TOOLSET => match Server::of_anthropic(fields, servers) {
            Some(server) => Run::Mcp(Box::new(server)),
            None => return Vec::new(),
        },
        _ => return Vec::new(),
    };
    vec![(run, name.unwrap_or(kind), path)]
}

/// Returns where the user is, as most vendors write it; chat completions wrap it once more.
fn place(location: &Json) -> Json {
    let mut fields = Object::lenient(location);
    let inner = match fields.peek("approximate") {
        Some(_) => fields.find_object("approximate"),
        None => fields,
    };
    let mut place = Fields::new();
    place.put("type", "approximate");
    for (name, value) in inner.into_fields().filter(|(name, value)| name != "type" && value.as_str() != "null") {
        place.put(&name, &value);
    }
    place.to_json()
}
