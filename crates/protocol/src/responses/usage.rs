use std::collections::BTreeSet;

use tollbridge_types::Usage;

use crate::buckets::put_tool;
use crate::object::{Fields, Object};
use crate::openai::usage::{details, take as take_openai};

/// Takes the usage of a response, with the tools that it called on the vendor's side.
///
/// Those are counted in the output, which must still be there; what the vendor itself counts goes before it.
pub(crate) fn take(response: &mut Object) -> Option<Usage> {
    let mut usage = take_openai(response)?;
    if !usage.tools.is_empty() {
        return Some(usage);
    }
    let items: Vec<Item> = response.peek("output").and_then(|json| json.parse().ok()).unwrap_or_default();
    let count = |kind: &str| items.iter().filter(|item| item.kind == kind).count() as u64;
    put_tool(&mut usage, "file_search", count("file_search_call"));
    // Pages that are opened or searched after a search are not charged.
    let searches = items.iter().filter(|item| item.kind == "web_search_call" && item.searches()).count();
    put_tool(&mut usage, "web_search", searches as u64);
    // A container is charged once, however often it runs something.
    let containers: BTreeSet<_> = items.iter().filter_map(|item| item.container_id.as_deref()).collect();
    put_tool(&mut usage, "code_execution", containers.len() as u64);
    Some(usage)
}

/// What an item of the output says of a tool.
#[derive(serde::Deserialize)]
struct Item {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    action: Option<Action>,
    #[serde(default)]
    container_id: Option<String>,
}

#[derive(serde::Deserialize)]
struct Action {
    #[serde(default, rename = "type")]
    kind: String,
}

impl Item {
    fn searches(&self) -> bool {
        self.action.as_ref().is_none_or(|action| action.kind == "search")
    }
}

/// Writes the `usage` object of a response.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let (read, written) = details(usage);
    let mut fields = Fields::new();
    fields.put("input_tokens", &usage.total_input()).put("input_tokens_details", &read);
    fields.put("output_tokens", &usage.total_output()).put("output_tokens_details", &written);
    fields.put("total_tokens", &usage.total());
    fields
}
