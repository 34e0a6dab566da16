//! Rows from litellm's model map.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tollbridge_usage::price::{Component, Rate, Row, Tier, parse_day};

/// One entry of the map; numbers keep the digits that they are written with.
type Entry = BTreeMap<String, Box<RawValue>>;

/// Reads the map.
pub(super) fn rows(json: &str, source: &str) -> Result<Vec<Row>, String> {
    let map: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(json).map_err(|error| format!("litellm's model map is not what it was: {error}"))?;
    let entries = map.iter().filter(|(key, _)| !SKIPPED.contains(&key.as_str()));
    entries.map(|(key, entry)| row(key, entry, source).map_err(|problem| format!("`{key}`: {problem}"))).collect()
}

fn row(key: &str, entry: &RawValue, source: &str) -> Result<Row, String> {
    let entry: Entry = serde_json::from_str(entry.get()).map_err(|error| error.to_string())?;
    let provider = text(&entry, "litellm_provider").unwrap_or_default();
    let mut row = Row {
        key: key.to_owned(),
        vendor: vendor(&provider),
        mode: text(&entry, "mode").unwrap_or_default(),
        currency: "USD".to_owned(),
        search_per_prompt: is_search_per_prompt(key, &provider, &entry),
        ..Row::default()
    };
    row.limits.max_input = count(&entry, "max_input_tokens");
    row.limits.max_output = count(&entry, "max_output_tokens").or_else(|| count(&entry, "max_tokens"));
    row.limits.deprecated = text(&entry, "deprecation_date").and_then(|date| parse_day(&date));
    for (field, ability) in ABILITIES {
        if entry.get(*field).is_some_and(|value| value.get() == "true") {
            row.limits.capabilities.add(ability);
        }
    }
    for (field, value) in &entry {
        if let Some((component, tier, above)) = meaning(field)
            && let Some(rate) = number(value)?
        {
            row.put(component, tier, above, rate, source);
        }
    }
    ranges(&entry, &mut row, source)?;
    off_peak(&entry, &mut row, source)?;
    searches(&entry, &mut row, source)?;
    factors(&entry, &mut row, source)?;
    Ok(row)
}

/// Tells what a field of the map is the price of.
fn meaning(field: &str) -> Option<(Component, Tier, u32)> {
    let (field, tier) = TIERS
        .iter()
        .find_map(|(suffix, tier)| field.strip_suffix(suffix).map(|field| (field, *tier)))
        .unwrap_or((field, Tier::Base));
    let (field, above) = match field.rsplit_once("_above_") {
        Some((start, size)) if size.ends_with("_tokens") => {
            let size = size.strip_suffix("_tokens")?;
            let above = match size.strip_suffix('k') {
                Some(thousands) => thousands.parse::<u32>().ok()?.checked_mul(1000)?,
                None => size.parse().ok()?,
            };
            (start, above)
        }
        _ => (field, 0),
    };
    FIELDS.iter().find(|(name, _)| *name == field).map(|(_, component)| (*component, tier, above))
}

/// Reads prices by ranges of the prompt's size; a range is known by where it starts.
fn ranges(entry: &Entry, row: &mut Row, source: &str) -> Result<(), String> {
    let Some(tiers) = entry.get("tiered_pricing") else { return Ok(()) };
    let tiers: Vec<Entry> = serde_json::from_str(tiers.get()).map_err(|error| error.to_string())?;
    for tier in tiers {
        let range: Option<[Box<RawValue>; 2]> =
            tier.get("range").and_then(|range| serde_json::from_str(range.get()).ok());
        let Some([start, _]) = range else { continue };
        let start = number(&start)?.and_then(whole).ok_or("a range starts nowhere")?;
        for (field, value) in &tier {
            if let Some((component, Tier::Base, 0)) = meaning(field)
                && let Some(rate) = number(value)?
            {
                row.put(component, Tier::Range, start, rate, source);
            }
        }
    }
    Ok(())
}

/// Reads the prices of quiet hours, and when those are.
fn off_peak(entry: &Entry, row: &mut Row, source: &str) -> Result<(), String> {
    let Some(block) = entry.get("off_peak_pricing") else { return Ok(()) };
    let block: Entry = serde_json::from_str(block.get()).map_err(|error| error.to_string())?;
    let calendar = text(&block, "weekday_timezone").unwrap_or_default();
    let offset = match calendar.as_str() {
        "" | "UTC" => "+0",
        "Asia/Shanghai" => "+8",
        other => return Err(format!("the calendar `{other}` has no known offset; add it to litellm.rs")),
    };
    let hours = |rule: &Entry| {
        let one = text(rule, "hours_utc").map(|window| vec![window]);
        one.or_else(|| rule.get("hours_utc").and_then(|list| serde_json::from_str::<Vec<String>>(list.get()).ok()))
    };
    let mut rules: Vec<_> =
        hours(&block).map(|windows| format!("{offset} 1234567 {}", windows.join(","))).into_iter().collect();
    let windows: Vec<Entry> =
        block.get("windows").and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
    for rule in &windows {
        let days: Option<Vec<u8>> = rule.get("weekdays").and_then(|days| serde_json::from_str(days.get()).ok());
        let days = days.map_or("1234567".to_owned(), |days| days.iter().map(u8::to_string).collect());
        rules.extend(hours(rule).map(|windows| format!("{offset} {days} {}", windows.join(","))));
    }
    row.off_peak = rules.join("; ");
    row.off_peak.parse::<tollbridge_usage::price::Schedule>().map_err(|error| error.to_string())?;
    for (field, value) in &block {
        if let Some((component, Tier::Base, 0)) = meaning(field)
            && let Some(rate) = number(value)?
        {
            row.put(component, Tier::OffPeak, 0, rate, source);
        }
    }
    Ok(())
}

/// Reads what a search costs; the medium size is what a vendor uses unless told otherwise.
fn searches(entry: &Entry, row: &mut Row, source: &str) -> Result<(), String> {
    let Some(sizes) = entry.get("search_context_cost_per_query") else { return Ok(()) };
    let sizes: Entry = serde_json::from_str(sizes.get()).map_err(|error| error.to_string())?;
    let size = ["medium", "low", "high"].iter().find_map(|size| sizes.get(&format!("search_context_size_{size}")));
    if let Some(rate) = size.map(|value| number(value)).transpose()?.flatten() {
        row.put(Component::WebSearch, Tier::Base, 0, rate, source);
    }
    Ok(())
}

fn factors(entry: &Entry, row: &mut Row, source: &str) -> Result<(), String> {
    let Some(special) = entry.get("provider_specific_entry") else { return Ok(()) };
    let special: Entry = serde_json::from_str(special.get()).map_err(|error| error.to_string())?;
    for (field, component) in [("us", Component::GeoUs), ("fast", Component::Fast)] {
        if let Some(rate) = special.get(field).map(|value| number(value)).transpose()?.flatten() {
            row.put(component, Tier::Base, 0, rate, source);
        }
    }
    Ok(())
}

fn is_search_per_prompt(key: &str, provider: &str, entry: &Entry) -> bool {
    let google = provider == "gemini" || (provider.starts_with("vertex_ai") && !key.contains("claude"));
    google && text(entry, "web_search_billing_unit").as_deref() != Some("per_query")
}

/// Returns the vendor that charges, of whose several APIs the map has several names.
fn vendor(provider: &str) -> String {
    let one = match provider {
        "bedrock_converse" => "bedrock",
        "text-completion-openai" => "openai",
        "text-completion-codestral" => "codestral",
        "azure_text" => "azure",
        "cohere_chat" => "cohere",
        "fireworks_ai-embedding-models" => "fireworks_ai",
        _ if provider.starts_with("vertex_ai-") => "vertex_ai",
        _ => provider,
    };
    one.to_owned()
}

/// Reads a price, without what a float left at its end; `None` if there is none.
fn number(value: &RawValue) -> Result<Option<Rate>, String> {
    let text = value.get().trim_matches('"');
    if text == "null" || text.starts_with(['{', '[']) {
        return Ok(None);
    }
    let rate: Rate = text.parse().map_err(|error: tollbridge_usage::price::ParseRateError| error.to_string())?;
    if rate < Rate::ZERO { Err(format!("`{text}` is below 0")) } else { Ok(Some(rate.denoised())) }
}

fn whole(rate: Rate) -> Option<u32> {
    u32::try_from(rate.yocto() / Rate::ONE.yocto()).ok()
}

fn count(entry: &Entry, field: &str) -> Option<u32> {
    number(entry.get(field)?).ok().flatten().and_then(whole)
}

fn text(entry: &Entry, field: &str) -> Option<String> {
    entry.get(field).and_then(|value| serde_json::from_str(value.get()).ok())
}

const SKIPPED: &[&str] = &["sample_spec", "rules"];

const TIERS: &[(&str, Tier)] = &[
    ("_flex", Tier::Flex),
    ("_priority", Tier::Priority),
    ("_balanced", Tier::Balanced),
    ("_ultrafast", Tier::Ultrafast),
    ("_batches", Tier::Batch),
];

const FIELDS: &[(&str, Component)] = &[
    ("input_cost_per_token", Component::Input),
    ("output_cost_per_token", Component::Output),
    ("cache_read_input_token_cost", Component::CacheRead),
    ("cache_creation_input_token_cost", Component::CacheWrite),
    ("cache_creation_input_token_cost_above_1hr", Component::CacheWrite1h),
    ("cache_creation_input_token_cost_above_12hr", Component::CacheWrite12h),
    ("output_cost_per_reasoning_token", Component::Reasoning),
    ("input_cost_per_audio_token", Component::InputAudio),
    ("output_cost_per_audio_token", Component::OutputAudio),
    ("cache_read_input_audio_token_cost", Component::CacheReadAudio),
    ("input_cost_per_image_token", Component::InputImage),
    ("output_cost_per_image_token", Component::OutputImage),
    ("input_cost_per_video_token", Component::InputVideo),
    ("input_cost_per_request", Component::Request),
    ("google_maps_grounding_cost_per_query", Component::MapsSearch),
    ("citation_cost_per_token", Component::CitationToken),
    ("code_interpreter_cost_per_session", Component::CodeSession),
    ("input_cost_per_query", Component::Query),
    ("input_cost_per_character", Component::InputCharacter),
    ("output_cost_per_character", Component::OutputCharacter),
    ("input_cost_per_image", Component::InputPicture),
    ("output_cost_per_image", Component::OutputPicture),
    ("input_cost_per_second", Component::InputSecond),
    ("output_cost_per_second", Component::OutputSecond),
    ("input_cost_per_audio_per_second", Component::AudioSecond),
    ("input_cost_per_video_per_second", Component::VideoSecond),
    ("output_cost_per_video_per_second", Component::OutputSecond),
    ("input_cost_per_pixel", Component::InputPixel),
    ("output_cost_per_pixel", Component::OutputPixel),
    ("ocr_cost_per_page", Component::Page),
    ("annotation_cost_per_page", Component::AnnotatedPage),
    ("regional_processing_uplift_multiplier_eu", Component::ResidencyEu),
    ("regional_processing_uplift_multiplier_us", Component::ResidencyUs),
    ("regional_endpoint_uplift_multiplier", Component::Regional),
];

const ABILITIES: &[(&str, &str)] = &[
    ("supports_function_calling", "tools"),
    ("supports_tool_choice", "tool_choice"),
    ("supports_parallel_function_calling", "parallel_tools"),
    ("supports_vision", "vision"),
    ("supports_reasoning", "reasoning"),
    ("supports_response_schema", "json_schema"),
    ("supports_prompt_caching", "prompt_caching"),
    ("supports_pdf_input", "pdf_input"),
    ("supports_system_messages", "system_messages"),
    ("supports_assistant_prefill", "prefill"),
    ("supports_audio_input", "audio_input"),
    ("supports_audio_output", "audio_output"),
    ("supports_video_input", "video_input"),
    ("supports_image_output", "image_output"),
    ("supports_web_search", "web_search"),
    ("supports_computer_use", "computer_use"),
    ("supports_native_streaming", "streaming"),
    ("supports_url_context", "url_context"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_mean_component_tier_and_threshold() {
        let table = [
            ("input_cost_per_token", Some((Component::Input, Tier::Base, 0))),
            ("output_cost_per_token_above_272k_tokens_priority", Some((Component::Output, Tier::Priority, 272_000))),
            ("cache_creation_input_token_cost_above_1hr", Some((Component::CacheWrite1h, Tier::Base, 0))),
            (
                "cache_creation_input_token_cost_above_12hr_above_272k_tokens_batches",
                Some((Component::CacheWrite12h, Tier::Batch, 272_000)),
            ),
            ("input_cost_per_video_per_second_above_15s_interval", None),
            ("supports_vision", None),
        ];
        for (field, expected) in table {
            assert_eq!(meaning(field), expected, "{field}");
        }
    }

    #[test]
    fn a_price_below_zero_or_not_a_number_names_its_model() {
        for price in ["-1e-6", "\"cheap\""] {
            let map = format!(r#"{{"bad-model": {{"litellm_provider": "x", "input_cost_per_token": {price}}}}}"#);
            assert!(rows(&map, "test").unwrap_err().contains("bad-model"), "{price}");
        }
    }
}
