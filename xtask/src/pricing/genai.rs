//! What genai-prices knows: a second opinion on each price, since when it holds, and models that nobody else has.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use tollbridge_usage::price::{Component, Rate, Row, Tier, parse_day};

/// What the package answers.
#[derive(Deserialize)]
pub(super) struct Answer {
    /// The versions of the model that each key means.
    models: Vec<(String, String, Vec<Version>)>,
    /// The models that no key means, by provider and id.
    own: Vec<(String, String, Vec<Version>)>,
}

/// The prices of a model since a day.
#[derive(Deserialize)]
pub(super) struct Version {
    since: Option<String>,
    rates: Vec<(String, u32, String)>,
}

/// One opinion on one model: rows from the oldest, each with the day since when it holds.
pub(super) struct Opinion {
    pub(super) key: String,
    pub(super) rows: Vec<Row>,
}

/// Asks the package of every row whose vendor it knows.
pub(super) fn ask(package: &Path, rows: &[Row], source: &str) -> Result<(Vec<Opinion>, Vec<Opinion>), String> {
    let named = rows.iter().filter_map(|row| Some((row.key.as_str(), provider(&row.vendor)?, Some(name(row)?))));
    let others = VENDORS.iter().filter(|(_, _, is_own)| *is_own).map(|(_, provider, _)| ("", *provider, None));
    let question: Vec<_> = named.chain(others).collect();
    let mut child = Command::new("python3")
        .arg(crate::root().join("xtask/src/pricing/genai.py"))
        .arg(package)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("python3 cannot start: {error}"))?;
    let question = serde_json::to_vec(&question).map_err(|error| error.to_string())?;
    child.stdin.take().ok_or("python3 takes no input")?.write_all(&question).map_err(|error| error.to_string())?;
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("genai.py ended with {}", output.status));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|error| format!("genai.py: {error}"))?;
    let known = answer.models.into_iter().map(|(key, _, versions)| opinion(key, "", &versions, source));
    let own = answer.own.into_iter().filter_map(|(provider, id, versions)| {
        let vendor = VENDORS.iter().find(|(_, known, is_own)| *is_own && *known == provider)?.0;
        Some(opinion(format!("{vendor}/{id}"), vendor, &versions, source))
    });
    Ok((known.collect::<Result<_, _>>()?, own.collect::<Result<_, _>>()?))
}

fn opinion(key: String, vendor: &str, versions: &[Version], source: &str) -> Result<Opinion, String> {
    let rows = versions.iter().map(|version| {
        let since = version.since.as_deref().map_or(Some(0), parse_day);
        let mut row = Row {
            key: key.clone(),
            vendor: vendor.to_owned(),
            mode: "chat".to_owned(),
            currency: "USD".to_owned(),
            since: since.ok_or_else(|| format!("`{key}`: {:?} is no date", version.since))?,
            ..Row::default()
        };
        for (unit, above, price) in &version.rates {
            if let Some((_, component, per)) = UNITS.iter().find(|(name, _, _)| name == unit) {
                let rate: Rate = price.parse().map_err(|error| format!("`{key}`: {error}"))?;
                row.put(*component, Tier::Base, *above, rate.divided(*per), source);
            }
        }
        Ok(row)
    });
    rows.collect::<Result<_, String>>().map(|rows| Opinion { key, rows })
}

/// Returns the name that the vendor itself uses; `None` for a row of one region, whose price is its own.
fn name(row: &Row) -> Option<&str> {
    let name = row.key.strip_prefix(row.vendor.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&row.key);
    let regional = ["azure", "bedrock"].contains(&row.vendor.as_str()) && name.contains('/');
    (!regional).then_some(name)
}

fn provider(vendor: &str) -> Option<&'static str> {
    VENDORS.iter().find(|(ours, _, _)| *ours == vendor).map(|(_, theirs, _)| *theirs)
}

/// Vendors by their name in the book and in the package, and whether models that only the package has are added. Not so
/// where its ids stand for families of names.
const VENDORS: &[(&str, &str, bool)] = &[
    ("anthropic", "anthropic", true),
    ("openai", "openai", true),
    ("gemini", "google", true),
    ("vertex_ai", "google", false),
    ("bedrock", "aws", false),
    ("azure", "azure", false),
    ("cerebras", "cerebras", true),
    ("cohere", "cohere", true),
    ("deepseek", "deepseek", true),
    ("fireworks_ai", "fireworks", false),
    ("groq", "groq", true),
    ("minimax", "minimax", true),
    ("mistral", "mistral", true),
    ("moonshot", "moonshotai", true),
    ("openrouter", "openrouter", true),
    ("perplexity", "perplexity", false),
    ("together_ai", "together", true),
    ("voyage", "voyageai", true),
    ("xai", "x-ai", true),
    ("zai", "zai", true),
    ("bigmodel", "zhipuai", true),
];

/// The package's units: what is charged, and how many its price is for.
const UNITS: &[(&str, Component, u32)] = &[
    ("input_mtok", Component::Input, 1_000_000),
    ("output_mtok", Component::Output, 1_000_000),
    ("cache_read_mtok", Component::CacheRead, 1_000_000),
    ("cache_write_mtok", Component::CacheWrite, 1_000_000),
    ("cache_write_1h_mtok", Component::CacheWrite1h, 1_000_000),
    ("input_audio_mtok", Component::InputAudio, 1_000_000),
    ("output_audio_mtok", Component::OutputAudio, 1_000_000),
    ("cache_audio_read_mtok", Component::CacheReadAudio, 1_000_000),
    ("input_image_mtok", Component::InputImage, 1_000_000),
    ("output_image_mtok", Component::OutputImage, 1_000_000),
    ("input_video_mtok", Component::InputVideo, 1_000_000),
    ("output_reasoning_mtok", Component::Reasoning, 1_000_000),
    ("output_citation_mtok", Component::CitationToken, 1_000_000),
    ("web_searches_kcount", Component::WebSearch, 1_000),
    ("storage_searches_kcount", Component::FileSearch, 1_000),
    ("requests_kcount", Component::Request, 1_000),
    ("input_document_kpages", Component::Page, 1_000),
    ("input_annotated_document_kpages", Component::AnnotatedPage, 1_000),
    ("input_mchars", Component::InputCharacter, 1_000_000),
];
