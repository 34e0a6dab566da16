//! Rows from a user's own price file.

use std::collections::{BTreeMap, BTreeSet};

use tollbridge_core::Currency;

use super::document::{Node, Value};
use super::{Component, Rate, Row, Tier, names, parse_day};

/// What is wrong with a price file: line, field and problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) line: usize,
    pub(crate) field: String,
    pub(crate) text: String,
}

/// Reads the rows of a price file.
pub(crate) fn rows(document: &Node) -> Result<Vec<Row>, Problem> {
    let root = Fields::of(document, "")?;
    root.refuse_unknown(|name| ["model", "currency", "unit"].contains(&name))?;
    let list = match root.fields.get("model") {
        Some(Node { value: Value::List(list), .. }) => list,
        Some(node) => return Err(root.problem("model", node, "is no list; write [[model]]")),
        None => return Err(problem(document, "model", "is missing; write [[model]] with name, input and output")),
    };
    let models =
        list.iter().enumerate().map(|(index, node)| model(&Fields::of(node, &format!("model[{index}]."))?, &root));
    let rows: Vec<Row> = models.collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    if let Some(double) = rows.iter().position(|row| !seen.insert((&row.key, row.since))) {
        let node = list.get(double).unwrap_or(document);
        return Err(problem(node, &format!("model[{double}].name"), "has a row of the same day already"));
    }
    Ok(rows)
}

fn model(fields: &Fields<'_>, root: &Fields<'_>) -> Result<Row, Problem> {
    fields.refuse_unknown(|name| {
        PLAIN.contains(&name) || component(name).is_some() || Tier::from_name(name).is_some_and(is_service)
    })?;
    let name = fields.text("name")?.ok_or_else(|| problem(fields.node, &fields.path("name"), "is missing"))?;
    let provider = fields.text("provider")?.unwrap_or_default();
    if name == "*" && provider.is_empty() {
        return Err(fields.wrong("name", name, "needs a provider, all of whose models it stands for"));
    }
    let vendor = names::vendors(provider).first().copied().unwrap_or(provider);
    let mut row = Row {
        key: if vendor.is_empty() { name.to_owned() } else { format!("{vendor}/{name}") },
        vendor: vendor.to_owned(),
        mode: "chat".to_owned(),
        currency: fields.or(
            root,
            "currency",
            "USD",
            |code| Currency::from_code(code).map(|_| code.to_owned()),
            CURRENCY,
        )?,
        since: fields.or(root, "since", "1970-01-01", parse_day, "is no day such as 2026-11-20")?,
        ..Row::default()
    };
    let per = fields.or(root, "unit", "million_tokens", per, "is neither `tokens` nor `million_tokens`")?;
    row.limits.max_input = fields.count("max_input")?;
    row.limits.max_output = fields.count("max_output")?;
    rates(fields, Tier::Base, 0, per, &mut row)?;
    for tier in Tier::ALL.iter().copied().filter(|tier| is_service(*tier)) {
        if let Some(node) = fields.fields.get(tier.name()) {
            let inner = Fields::of(node, &format!("{}.", fields.path(tier.name())))?;
            inner.refuse_unknown(|name| component(name).is_some())?;
            rates(&inner, tier, 0, per, &mut row)?;
        }
    }
    if let Some(node) = fields.fields.get("above") {
        let Value::List(list) = &node.value else {
            return Err(fields.problem("above", node, "is no list; write [[model.above]]"));
        };
        for (index, node) in list.iter().enumerate() {
            let inner = Fields::of(node, &format!("{}[{index}].", fields.path("above")))?;
            inner.refuse_unknown(|name| name == "tokens" || component(name).is_some())?;
            let above = inner.count("tokens")?.filter(|tokens| *tokens > 0);
            let above = above.ok_or_else(|| problem(node, &inner.path("tokens"), "is missing or 0"))?;
            rates(&inner, Tier::Base, above, per, &mut row)?;
        }
    }
    if row.figures.is_empty() {
        return Err(problem(fields.node, &fields.path("input"), "is missing, and so is every other price; free is 0"));
    }
    Ok(row)
}

fn rates(fields: &Fields<'_>, tier: Tier, above: u32, per: u32, row: &mut Row) -> Result<(), Problem> {
    for (name, node) in fields.fields {
        let Some(component) = component(name) else { continue };
        let Value::Text(text) = &node.value else {
            return Err(fields.problem(name, node, "is no number"));
        };
        let rate: Rate = text.parse().map_err(|error| fields.problem(name, node, &format!("{error}")))?;
        let (least, most) = match component {
            _ if component.is_factor() => ("0.01", "100"),
            _ if component.is_token() && per == 1 => ("0", "0.1"),
            _ if component.is_token() => ("0", "100000"),
            _ => ("0", "10000"),
        };
        let within = |least: &str, most: &str| {
            least.parse().is_ok_and(|least| rate >= least) && most.parse().is_ok_and(|most| rate <= most)
        };
        if !within(least, most) {
            let text = format!("{rate} is not between {least} and {most}, where a price of this unit can be");
            return Err(fields.problem(name, node, &text));
        }
        row.put(component, tier, above, if component.is_token() { rate.divided(per) } else { rate }, "price file");
    }
    Ok(())
}

/// The fields of a table, with the way to them.
struct Fields<'a> {
    node: &'a Node,
    fields: &'a BTreeMap<String, Node>,
    way: String,
}

impl<'a> Fields<'a> {
    fn of(node: &'a Node, way: &str) -> Result<Self, Problem> {
        match &node.value {
            Value::Table(fields) => Ok(Self { node, fields, way: way.to_owned() }),
            _ => Err(problem(node, way.trim_end_matches('.'), "is no table")),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>, Problem> {
        match self.fields.get(name) {
            None => Ok(None),
            Some(Node { value: Value::Text(text), .. }) => Ok(Some(text)),
            Some(node) => Err(self.problem(name, node, "is no text")),
        }
    }

    fn count(&self, name: &str) -> Result<Option<u32>, Problem> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let count = text.replace('_', "").parse().ok();
        count.map(Some).ok_or_else(|| self.wrong(name, text, "is no number of tokens"))
    }

    /// Reads a field of this table, or else of the whole file, or else the usual.
    fn or<T>(
        &self,
        root: &Fields<'_>,
        name: &str,
        usual: &str,
        read: impl Fn(&str) -> Option<T>,
        wrong: &str,
    ) -> Result<T, Problem> {
        let (at, text) = match (self.text(name)?, root.text(name)?) {
            (Some(text), _) => (self, text),
            (None, Some(text)) => return read(text).ok_or_else(|| root.wrong(name, text, wrong)),
            (None, None) => (self, usual),
        };
        read(text).ok_or_else(|| at.wrong(name, text, wrong))
    }

    fn refuse_unknown(&self, known: impl Fn(&str) -> bool) -> Result<(), Problem> {
        match self.fields.iter().find(|(name, _)| !known(name)) {
            Some((name, node)) => Err(self.problem(name, node, "is unknown; docs/prices.md lists the fields")),
            None => Ok(()),
        }
    }

    fn wrong(&self, name: &str, text: &str, wrong: &str) -> Problem {
        let node = self.fields.get(name).unwrap_or(self.node);
        self.problem(name, node, &format!("`{}` {wrong}", text.chars().take(40).collect::<String>()))
    }

    fn problem(&self, name: &str, node: &Node, text: &str) -> Problem {
        problem(node, &self.path(name), text)
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.way)
    }
}

fn problem(node: &Node, field: &str, text: &str) -> Problem {
    Problem { line: node.line, field: field.to_owned(), text: text.to_owned() }
}

fn component(name: &str) -> Option<Component> {
    match name {
        "input_price" => Some(Component::Input),
        "output_price" => Some(Component::Output),
        _ => Component::from_name(name),
    }
}

fn per(unit: &str) -> Option<u32> {
    match unit {
        "tokens" | "token" => Some(1),
        "million_tokens" => Some(1_000_000),
        _ => None,
    }
}

/// Tells whether a tier is one that a call is served at, and a file may price by itself.
fn is_service(tier: Tier) -> bool {
    !matches!(tier, Tier::Base | Tier::Range | Tier::OffPeak)
}

const PLAIN: &[&str] = &["name", "provider", "currency", "unit", "since", "max_input", "max_output", "above"];
const CURRENCY: &str = "is no code of three capitals such as USD";
