//! What a vendor's page says and no table does: rules by name, each reviewed in `overrides.toml`.

use std::collections::BTreeMap;

use tollbridge_usage::price::{Component, Figure, Rate, Row, Tier};

use super::overrides::Rule;

/// Applies a rule to every row of its vendor.
pub(super) fn apply(rule: &Rule, rows: &mut [Row]) -> Result<(), String> {
    let source = format!("rule {}", rule.apply);
    let of_vendor = rows.iter_mut().filter(|row| rule.vendor == "*" || row.vendor == rule.vendor);
    match rule.apply.as_str() {
        "no-cache-or-long-rates" => of_vendor.for_each(no_cache_or_long_rates),
        "inclusive-thresholds" => of_vendor.for_each(|row| row.inclusive = true),
        "reasoning-is-output" => {
            of_vendor.for_each(|row| row.figures.retain(|figure| figure.component != Component::Reasoning))
        }
        "cache-reads-at-half" => of_vendor.for_each(|row| cache_reads_at_half(row, &source)),
        "grounding-at-list-price" => of_vendor.for_each(|row| grounding_at_list_price(row, &source)),
        "long-flex-in-proportion" => of_vendor.for_each(|row| long_flex_in_proportion(row, &source)),
        "in-region-as-profile" => in_region_as_profile(rows, &source),
        other => return Err(format!("overrides.toml has a rule `{other}`, which rules.rs does not know")),
    }
    Ok(())
}

fn no_cache_or_long_rates(row: &mut Row) {
    use Component::{CacheRead, CacheWrite, CacheWrite1h};
    row.figures
        .retain(|figure| figure.above == 0 && ![CacheRead, CacheWrite, CacheWrite1h].contains(&figure.component));
}

fn cache_reads_at_half(row: &mut Row, source: &str) {
    let has = row.rate(Component::CacheRead, Tier::Base, 0).is_some();
    let embeds = row.mode == "embedding" || row.key.contains("embedding");
    if let (false, Some(input)) = (has || embeds, row.rate(Component::Input, Tier::Base, 0)) {
        row.put(Component::CacheRead, Tier::Base, 0, input.divided(2), source);
    }
}

fn grounding_at_list_price(row: &mut Row, source: &str) {
    let is_gemini = row.key.contains("gemini") && !row.key.contains("claude") && row.mode != "embedding";
    let list_price = Rate::ONE.divided(1_000).scaled(Rate::from_yocto(Rate::ONE.yocto() * 35));
    if is_gemini && row.rate(Component::WebSearch, Tier::Base, 0).is_none() {
        row.put(Component::WebSearch, Tier::Base, 0, list_price, source);
    }
}

/// Gives long prompts at flex the part of the long rate that short ones have of the short rate.
fn long_flex_in_proportion(row: &mut Row, source: &str) {
    let is_long =
        |figure: &Figure| (figure.component, figure.tier) == (Component::Input, Tier::Flex) && figure.above > 0;
    if row.figures.iter().any(is_long) {
        return;
    }
    for figure in row.figures.clone().into_iter().filter(|figure| figure.tier == Tier::Base && figure.above > 0) {
        let short = |tier| row.rate(figure.component, tier, 0);
        let (Some(base), Some(flex)) = (short(Tier::Base), short(Tier::Flex)) else { continue };
        if let Some(rate) = in_proportion(figure.rate, flex, base) {
            row.put(figure.component, Tier::Flex, figure.above, rate, source);
        }
    }
}

/// Returns the part of a rate that one rate is of another, rounded down at 10⁻²⁴.
fn in_proportion(rate: Rate, part: Rate, whole: Rate) -> Option<Rate> {
    let divisor = greatest_common_divisor(part.yocto(), whole.yocto()).max(1);
    let product = rate.yocto().checked_mul(part.yocto() / divisor)?;
    product.checked_div(whole.yocto() / divisor).map(Rate::from_yocto)
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Gives a bare Bedrock id, which is a call in the region, the rates of the region's profile where `global.` is cheaper.
fn in_region_as_profile(rows: &mut [Row], source: &str) {
    let profiles: BTreeMap<String, Row> = rows.iter().map(|row| (row.key.clone(), row.clone())).collect();
    let of = |profile: &str, key: &str| profiles.get(&format!("{profile}.{key}"));
    let input = |row: &Row| row.rate(Component::Input, Tier::Base, 0);
    for row in rows.iter_mut().filter(|row| row.key.starts_with("anthropic.claude")) {
        let (Some(us), Some(global)) = (of("us", &row.key), of("global", &row.key)) else { continue };
        if input(row) == input(global) && input(us) != input(global) {
            row.figures = us.figures.clone();
            row.figures.iter_mut().for_each(|figure| figure.source = format!("{}, {source}", figure.source));
        }
    }
}
