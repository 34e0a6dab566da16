use std::collections::HashMap;

use crate::ToolCallKind;

/// The caller's own names of the tools that went to a vendor under other names, or as another kind.
///
/// ```
/// use tollbridge_types::{ToolCallKind, ToolName, ToolNames};
/// let mut names = ToolNames::default();
/// names.insert("mcp__docs__read", ToolName::new("read", Some("mcp__docs__".into()), ToolCallKind::Function));
/// assert_eq!(names.get("mcp__docs__read").map(|own| own.name.as_str()), Some("read"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolNames(HashMap<String, ToolName>);

impl ToolNames {
    /// Notes what the caller calls a tool that the vendor knows as `sent`.
    pub fn insert(&mut self, sent: impl Into<String>, own: ToolName) {
        self.0.insert(sent.into(), own);
    }

    /// Returns what the caller calls a tool.
    pub fn get(&self, sent: &str) -> Option<&ToolName> {
        self.0.get(sent)
    }

    /// Says whether all tools went out as they are.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many tools went out under another name or as another kind.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// How a caller describes and names a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolName {
    /// Its name.
    pub name: String,
    /// The namespace that it is in.
    pub namespace: Option<String>,
    /// How it is described.
    pub kind: ToolCallKind,
}

impl ToolName {
    /// Makes the caller's name of a tool.
    pub fn new(name: impl Into<String>, namespace: Option<String>, kind: ToolCallKind) -> Self {
        Self { name: name.into(), namespace, kind }
    }
}
