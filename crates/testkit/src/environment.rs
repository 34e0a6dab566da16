use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::kind::Kind;
use crate::upstream::{Builder, Upstream};

impl Upstream {
    /// Starts building an upstream as the environment describes it: `PORT` or the port variable of
    /// the kind, `MOCK_MODEL`, `MOCK_TARGET`, `MOCK_API_KEY`, `MOCK_INLINE_RESPONSE`.
    ///
    /// # Errors
    /// When a variable with a port holds none.
    pub fn from_env(kind: Kind, lookup: impl Fn(&str) -> Option<String>) -> Result<Builder, String> {
        let set = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let mut builder = Self::new(kind);
        let port = [kind.port_variable(), "PORT"].into_iter().find_map(|name| Some((name, set(name)?)));
        let port = match port {
            Some((name, text)) => text.trim().parse().map_err(|_| format!("{name} is `{text}`, which is no port"))?,
            None => kind.default_port(),
        };
        builder = builder.listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        if let Some(model) = set("MOCK_MODEL") {
            builder = builder.model(model);
        }
        if let Some(target) = set("MOCK_TARGET") {
            builder = builder.target(target);
        }
        if let Some(key) = set("MOCK_API_KEY") {
            builder = builder.api_key(key);
        }
        Ok(builder.inline(set("MOCK_INLINE_RESPONSE").is_some_and(|value| matches!(value.as_str(), "1" | "true"))))
    }
}
