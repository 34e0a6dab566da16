//! The rules by which a row and a usage make a bill.

use tollbridge_core::{Money, half_even};
use tollbridge_types::Usage;

use super::table::{FigureView, RowView};
use super::{BillLine, Component, Rate, Schedule, Terms, Tier};

/// Prices a usage by a row.
pub(crate) fn charge(row: RowView<'_>, usage: &Usage, terms: &Terms, at: u64) -> (Option<Money>, Vec<BillLine>) {
    let rates = Rates::of(row, usage, terms, at);
    let factor = rates.factor(usage, terms);
    let mut sum = Some(0_i128);
    let mut lines = Vec::new();
    let mut add = |component: Option<Component>, item: &str, quantity: u64| {
        if quantity == 0 {
            return;
        }
        let is_token = component.is_some_and(Component::is_token);
        let rate = component.and_then(|component| rates.rate(component));
        let rate = rate.map(|rate| if is_token { rate.scaled(factor) } else { rate });
        let amount = rate.map(|rate| Rate::from_yocto(rate.yocto().saturating_mul(i128::from(quantity))));
        sum = match amount {
            Some(amount) => sum.map(|sum| sum.saturating_add(amount.yocto())),
            None if is_token => None,
            None => sum,
        };
        lines.push(BillLine { item: item.to_owned(), quantity, rate, amount });
    };
    for (component, quantity) in tokens(usage) {
        add(Some(component), component.name(), quantity);
    }
    if rates.rate(Component::Request).is_some() && usage.total() > 0 {
        add(Some(Component::Request), Component::Request.name(), 1);
    }
    for (name, calls) in &usage.tools {
        let component = Component::from_name(name).filter(|component| !component.is_token() && !component.is_factor());
        let once =
            row.is_search_per_prompt() && matches!(component, Some(Component::WebSearch | Component::MapsSearch));
        add(component, name, if once { (*calls).min(1) } else { *calls });
    }
    let cost = sum.map(|sum| Money::from_pico(half_even(sum, YOCTO_OF_PICO), row.currency()));
    (cost, lines)
}

fn tokens(usage: &Usage) -> [(Component, u64); 13] {
    let count = Option::unwrap_or_default;
    [
        (Component::Input, count(usage.input)),
        (Component::InputAudio, count(usage.input_audio)),
        (Component::InputImage, count(usage.input_image)),
        (Component::InputVideo, count(usage.input_video)),
        (Component::CacheRead, count(usage.cache_read)),
        (Component::CacheReadAudio, count(usage.cache_read_audio)),
        // Half an hour is a default lifetime, not one with a price of its own.
        (Component::CacheWrite, count(usage.cache_write).saturating_add(count(usage.cache_write_30m))),
        (Component::CacheWrite1h, count(usage.cache_write_1h)),
        (Component::CacheWrite12h, count(usage.cache_write_12h)),
        (Component::Output, count(usage.output)),
        (Component::OutputAudio, count(usage.output_audio)),
        (Component::OutputImage, count(usage.output_image)),
        (Component::Reasoning, count(usage.reasoning)),
    ]
}

/// The rate of each component under the conditions of one call.
struct Rates {
    chosen: [Option<Choice>; Component::ALL.len()],
}

/// A rate with what it was chosen for: the highest threshold, then the most particular tier.
#[derive(Clone, Copy)]
struct Choice {
    rank: (u32, u8),
    rate: Rate,
}

impl Rates {
    fn of(row: RowView<'_>, usage: &Usage, terms: &Terms, at: u64) -> Self {
        let wanted = match usage.service_tier.as_deref().or(terms.service_tier.as_deref()) {
            _ if terms.batch => Tier::Batch,
            Some(word) => Tier::from_service(word),
            None => Tier::Base,
        };
        let total = usage.total_input();
        let starts = row.figures().filter(|figure| figure.tier == Tier::Range && u64::from(figure.above) < total);
        let call = Call {
            wanted,
            total,
            inclusive: row.is_inclusive(),
            range: starts.map(|figure| figure.above).max(),
            batch_is_published: row.figures().any(|figure| is_batch_input(&figure)),
            off_peak: !row.off_peak().is_empty()
                && row.off_peak().parse::<Schedule>().is_ok_and(|quiet| quiet.is_open(at)),
        };
        let mut rates = Self { chosen: [None; Component::ALL.len()] };
        for figure in row.figures() {
            let Some(rank) = call.rank(&figure) else { continue };
            if rates.choice(figure.component).is_none_or(|before| before.rank < rank) {
                let halved = wanted == Tier::Batch && figure.tier == Tier::Base && figure.component.is_token();
                let rate = if halved { figure.rate.divided(2) } else { figure.rate };
                rates.put(figure.component, Some(Choice { rank, rate }));
            }
        }
        // A tier that has a rate of its own for answers has it for reasoning too.
        let particular = |component| rates.choice(component).map(|choice: Choice| choice.rank.1);
        if particular(Component::Output) == Some(PARTICULAR) && particular(Component::Reasoning) == Some(GENERAL) {
            rates.put(Component::Reasoning, None);
        }
        rates
    }

    /// Returns the rate of a component, or of the one that stands in where a vendor publishes none.
    fn rate(&self, component: Component) -> Option<Rate> {
        let own = self.choice(component).map(|choice| choice.rate);
        let stand_in = match component {
            Component::Input => return own.or_else(|| self.free_beside(PROMPT_UNITS)),
            Component::Output => {
                let image = self.choice(Component::OutputImage).map(|choice| choice.rate);
                return own
                    .filter(|rate| *rate != Rate::ZERO)
                    .or(image)
                    .or(own)
                    .or_else(|| self.free_beside(ANSWER_UNITS));
            }
            Component::CacheRead | Component::CacheWrite => Component::Input,
            Component::InputAudio | Component::InputImage | Component::InputVideo => Component::Input,
            Component::CacheWrite1h | Component::CacheWrite12h => Component::CacheWrite,
            Component::CacheReadAudio => Component::CacheRead,
            Component::Reasoning | Component::OutputAudio | Component::OutputImage => Component::Output,
            _ => return own,
        };
        own.or_else(|| self.rate(stand_in))
    }

    /// Returns 0 if one of these units is charged, in place of tokens.
    fn free_beside(&self, units: &[Component]) -> Option<Rate> {
        units.iter().any(|unit| self.choice(*unit).is_some()).then_some(Rate::ZERO)
    }

    /// Returns the product of the factors on tokens that hold for a call.
    fn factor(&self, usage: &Usage, terms: &Terms) -> Rate {
        let is =
            |word: &Option<String>, name: &str| word.as_deref().is_some_and(|word| word.eq_ignore_ascii_case(name));
        let regional = terms.region.as_deref().is_some_and(|region| !region.eq_ignore_ascii_case("global"));
        let factors = [
            (Component::ResidencyEu, is(&terms.data_residency, "eu")),
            (Component::ResidencyUs, is(&terms.data_residency, "us")),
            (Component::Regional, regional),
            (Component::GeoUs, is(&usage.inference_geo, "us")),
            (Component::Fast, is(&usage.speed, "fast")),
        ];
        let held = factors.into_iter().filter(|(_, holds)| *holds);
        held.filter_map(|(component, _)| self.rate(component)).fold(Rate::ONE, Rate::scaled)
    }

    fn put(&mut self, component: Component, choice: Option<Choice>) {
        if let Some(place) = self.chosen.get_mut(usize::from(component.code())) {
            *place = choice;
        }
    }

    fn choice(&self, component: Component) -> Option<Choice> {
        self.chosen.get(usize::from(component.code())).copied().flatten()
    }
}

/// What decides between the rates of a component.
struct Call {
    wanted: Tier,
    total: u64,
    inclusive: bool,
    range: Option<u32>,
    off_peak: bool,
    batch_is_published: bool,
}

impl Call {
    /// Ranks a rate among those that hold; `None` if it does not.
    fn rank(&self, figure: &FigureView<'_>) -> Option<(u32, u8)> {
        let crossed = self.total > u64::from(figure.above) || (self.inclusive && self.total == u64::from(figure.above));
        let crossed = figure.above == 0 || crossed;
        match figure.tier {
            Tier::OffPeak => self.off_peak.then_some((u32::MAX, PARTICULAR + 1)),
            Tier::Range => (self.range == Some(figure.above)).then_some((0, PARTICULAR)),
            // Whoever prices by ranges has one of them for the whole prompt, whatever the tier.
            Tier::Base if self.range.is_some() => {
                let in_ranges = figure.component == Component::Input || is_cache(figure.component);
                (!in_ranges && figure.above == 0).then_some((0, GENERAL))
            }
            _ if self.range.is_some() => None,
            tier if tier == self.wanted && tier != Tier::Base => crossed.then_some((figure.above, PARTICULAR)),
            Tier::Base if self.wanted == Tier::Batch && !self.is_halved(figure.component) => None,
            Tier::Base => crossed.then_some((figure.above, GENERAL)),
            _ => None,
        }
    }

    /// Tells whether a batch has a rate where none is published: half of the usual one for input and output, and for
    /// the cache if the vendor publishes no batch rate at all. What is no token costs the same in a batch.
    fn is_halved(&self, component: Component) -> bool {
        match component {
            Component::Input | Component::Output => true,
            _ if is_cache(component) => !self.batch_is_published,
            _ => !component.is_token(),
        }
    }
}

fn is_batch_input(figure: &FigureView<'_>) -> bool {
    (figure.component, figure.tier) == (Component::Input, Tier::Batch)
}

fn is_cache(component: Component) -> bool {
    use Component::{CacheRead, CacheWrite, CacheWrite1h, CacheWrite12h};
    matches!(component, CacheRead | CacheWrite | CacheWrite1h | CacheWrite12h)
}

const PROMPT_UNITS: &[Component] = &[
    Component::InputCharacter,
    Component::InputPicture,
    Component::InputSecond,
    Component::AudioSecond,
    Component::VideoSecond,
    Component::InputPixel,
    Component::Query,
    Component::Page,
];
const ANSWER_UNITS: &[Component] =
    &[Component::OutputCharacter, Component::OutputPicture, Component::OutputSecond, Component::OutputPixel];
const GENERAL: u8 = 0;
const PARTICULAR: u8 = 1;
const YOCTO_OF_PICO: i128 = 1_000_000_000_000;
