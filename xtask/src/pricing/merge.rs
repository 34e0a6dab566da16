//! Puts the sources together, and notes where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use tollbridge_usage::price::{Component, Figure, Rate, Row, Tier};

use super::genai::Opinion;
use super::overrides::Overrides;

/// Two sources that name different prices.
pub(super) struct Disagreement {
    key: String,
    vendor: String,
    component: Component,
    above: u32,
    ours: Rate,
    theirs: Rate,
    /// Who was found right, or nothing if nobody has looked.
    pub(super) settled: Option<String>,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, vendor, component, above, ours, theirs, settled } = self;
        let above = if *above > 0 { format!(" above {above}") } else { String::new() };
        let settled = settled.as_deref().unwrap_or("NOT REVIEWED");
        write!(f, "{vendor}: {key}: {}{above}: litellm {ours}, genai-prices {theirs}: {settled}", component.name())
    }
}

/// Lays the second opinions beside the rows: conflicts are settled as reviewed, older and later prices are added.
pub(super) fn merge(
    rows: &mut Vec<Row>,
    opinions: &[Opinion],
    overrides: &Overrides,
) -> Result<Vec<Disagreement>, String> {
    let by_key: BTreeMap<&str, &Opinion> = opinions.iter().map(|opinion| (opinion.key.as_str(), opinion)).collect();
    let (mut disagreements, mut dated) = (Vec::new(), Vec::new());
    for row in rows.iter_mut() {
        let Some(opinion) = by_key.get(row.key.as_str()) else { continue };
        let Some(current) = opinion.rows.iter().rev().find(|version| version.since <= overrides.as_of()) else {
            continue;
        };
        let found = compare(row, current);
        if found.is_empty() {
            dated.extend(history(row, current, &opinion.rows));
        }
        add_units(row, current);
        for mut disagreement in found {
            if let Some(preference) = overrides.preference(row) {
                disagreement.settled =
                    Some(preference.settle(row, disagreement.component, disagreement.above, current)?);
            }
            disagreements.push(disagreement);
        }
    }
    rows.extend(dated);
    Ok(disagreements)
}

/// Adds the models that only the second source has.
pub(super) fn add(rows: &mut Vec<Row>, own: Vec<Opinion>) {
    let known: BTreeSet<String> = rows.iter().map(|row| row.key.clone()).collect();
    let new = own.into_iter().filter(|opinion| {
        let bare = opinion.key.split_once('/').map_or("", |(_, name)| name);
        !known.contains(&opinion.key) && !known.contains(bare)
    });
    rows.extend(new.flat_map(|opinion| opinion.rows).filter(|row| !row.figures.is_empty()));
}

/// Adds prices of tools and other units that only the second source has.
///
/// Searches of the web are not among them: whether a model is charged for those is the first source's word, and where it
/// has none, a bill shows the searches without a price.
fn add_units(row: &mut Row, current: &Row) {
    for figure in &current.figures {
        let is_known = row.figures.iter().any(|known| known.component == figure.component);
        if !figure.component.is_token() && !FIRST_SOURCE.contains(&figure.component) && !is_known {
            row.figures.push(figure.clone());
        }
    }
}

fn compare(row: &Row, current: &Row) -> Vec<Disagreement> {
    let ours = row.figures.iter().filter(|figure| figure.tier == Tier::Base && COMPARED.contains(&figure.component));
    let both = ours.filter_map(|figure| Some((figure, current.rate(figure.component, Tier::Base, figure.above)?)));
    let differing = both.filter(|(figure, theirs)| figure.rate != *theirs);
    let disagreement = |(figure, theirs): (&Figure, Rate)| Disagreement {
        key: row.key.clone(),
        vendor: row.vendor.clone(),
        component: figure.component,
        above: figure.above,
        ours: figure.rate,
        theirs,
        settled: None,
    };
    differing.map(disagreement).collect()
}

/// Returns what the model cost before and will cost, and dates the row between.
fn history(row: &mut Row, current: &Row, versions: &[Row]) -> Vec<Row> {
    let others = versions.iter().filter(|version| version.since != current.since && !version.figures.is_empty());
    let dated: Vec<Row> = others
        .map(|version| {
            let mut dated = Row { off_peak: String::new(), ..row.clone() };
            // What is no token keeps its price, and a factor is one; the tiers of another time are not known.
            dated.figures.retain(|figure| figure.tier == Tier::Base && !figure.component.is_token());
            for figure in &version.figures {
                dated.put(figure.component, figure.tier, figure.above, figure.rate, &figure.source);
            }
            Row { since: version.since, ..dated }
        })
        .collect();
    if !dated.is_empty() {
        row.since = current.since;
    }
    dated
}

const FIRST_SOURCE: &[Component] = &[Component::Request, Component::WebSearch];
const COMPARED: &[Component] =
    &[Component::Input, Component::Output, Component::CacheRead, Component::CacheWrite, Component::CacheWrite1h];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, since: u32, input: &str) -> Row {
        let mut row = Row { key: key.to_owned(), vendor: "acme".to_owned(), since, ..Row::default() };
        row.put(Component::Input, Tier::Base, 0, input.parse().unwrap(), "test");
        row
    }

    fn overrides(preference: &str) -> Overrides {
        toml::from_str(&format!("as_of = 2026-11-20\nrule = []\nrow = []\n{preference}")).unwrap()
    }

    fn opinion(rows: Vec<Row>) -> Vec<Opinion> {
        vec![Opinion { key: "acme/a".to_owned(), rows }]
    }

    #[test]
    fn a_conflict_that_nobody_reviewed_stays_open() {
        let mut rows = vec![row("acme/a", 0, "1")];
        let found = merge(&mut rows, &opinion(vec![row("acme/a", 0, "2")]), &overrides("")).unwrap();
        let told: Vec<_> = found.iter().map(Disagreement::to_string).collect();
        assert_eq!(told, ["acme: acme/a: input: litellm 1, genai-prices 2: NOT REVIEWED"]);
    }

    #[test]
    fn a_review_settles_it_for_the_models_that_it_names() {
        let review = "address = 'https://acme.example'\ndate = 2026-11-20\nreason = 'their page'";
        let preference = format!("[[prefer]]\nvendor = 'acme'\nmodels = ['acme/*']\nsource = 'genai-prices'\n{review}");
        let mut rows = vec![row("acme/a", 0, "1")];
        let found = merge(&mut rows, &opinion(vec![row("acme/a", 0, "2")]), &overrides(&preference)).unwrap();
        assert_eq!(found.first().unwrap().settled.as_deref(), Some("genai-prices: their page"));
        assert_eq!(rows.first().unwrap().rate(Component::Input, Tier::Base, 0), "2".parse().ok());
        let preference = preference.replace("acme/*", "acme/b*");
        let mut rows = vec![row("acme/a", 0, "1")];
        let found = merge(&mut rows, &opinion(vec![row("acme/a", 0, "2")]), &overrides(&preference)).unwrap();
        assert_eq!(found.first().unwrap().settled, None);
    }

    #[test]
    fn older_and_coming_prices_become_rows() {
        let mut rows = vec![row("acme/a", 0, "2")];
        let versions = vec![row("acme/a", 0, "1"), row("acme/a", 20_000, "2"), row("acme/a", 30_000, "3")];
        assert!(merge(&mut rows, &opinion(versions), &overrides("")).unwrap().is_empty());
        let mut dated: Vec<_> = rows
            .iter()
            .map(|row| (row.since, row.rate(Component::Input, Tier::Base, 0).unwrap().to_string()))
            .collect();
        dated.sort();
        assert_eq!(dated, [(0, "1".to_owned()), (20_000, "2".to_owned()), (30_000, "3".to_owned())]);
    }
}
