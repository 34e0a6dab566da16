//! What was spent a day, as bars.

mod raster;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use tollbridge::core::{Currency, ExchangeRates, Money};
use tollbridge::usage::ledger::{Filter, GroupBy, Reader, SummaryRow};

use super::arguments::PlotValue;
use crate::failure::Failure;
use raster::Canvas;

/// The bars: one a day, without gaps.
#[derive(Debug)]
pub(super) struct Chart {
    title: String,
    value: PlotValue,
    bars: Vec<(String, i128)>,
}

impl Chart {
    pub(super) fn read(
        reader: &Reader,
        filter: &Filter,
        zone: &TimeZone,
        value: PlotValue,
        rates: &ExchangeRates,
    ) -> Result<Self, Failure> {
        let summary = reader.summary(filter, &[GroupBy::Day], zone)?;
        let days = summary
            .rows
            .iter()
            .filter_map(|row| Some((row.group.get("day")?.parse().ok()?, height(row, value, rates))));
        let title = match value {
            PlotValue::Cost => "US dollars a day",
            PlotValue::Tokens => "tokens a day",
            PlotValue::Calls => "calls a day",
        };
        let left_out = summary.total.cost.iter().any(|cost| rates.usd(*cost).is_none());
        let note = match value {
            PlotValue::Cost if left_out => ", currencies without a rate left out",
            PlotValue::Cost if rates.total(&summary.total.cost).is_some() => ", other currencies converted",
            _ => "",
        };
        Ok(Self { title: format!("{title}{note}"), value, bars: without_gaps(days.collect()) })
    }

    fn highest(&self) -> i128 {
        self.bars.iter().map(|(_, height)| *height).max().unwrap_or(0)
    }

    fn label(&self, height: i128) -> String {
        match self.value {
            PlotValue::Cost => {
                // To the cent where there are cents to see, else as it is.
                let cents = height / 10_000_000_000;
                if cents > 0 { format!("${}.{:02}", cents / 100, cents % 100) } else { usd(height) }
            }
            PlotValue::Tokens | PlotValue::Calls => height.to_string(),
        }
    }

    /// Returns a height as a part of the highest, in the units of a picture.
    fn scaled(&self, height: i128, units: u32) -> u32 {
        let highest = self.highest().max(1);
        let scaled = (height.saturating_mul(i128::from(units)) + highest / 2) / highest;
        let scaled = u32::try_from(scaled).unwrap_or(units).min(units);
        // What is not nothing is seen.
        if height > 0 { scaled.max(1) } else { scaled }
    }
}

fn usd(pico: i128) -> String {
    format!("${}", Money::from_pico(pico, Currency::USD).to_decimal())
}

fn height(row: &SummaryRow, value: PlotValue, rates: &ExchangeRates) -> i128 {
    let tokens =
        [row.input, row.cache_read, row.cache_write, row.input_media, row.output, row.reasoning, row.output_media];
    match value {
        PlotValue::Cost => row.cost.iter().filter_map(|cost| rates.usd(*cost)).map(Money::pico).sum(),
        PlotValue::Tokens => tokens.iter().copied().map(i128::from).sum(),
        PlotValue::Calls => i128::from(row.calls),
    }
}

/// Fills in days of which there is nothing.
fn without_gaps(days: Vec<(Date, i128)>) -> Vec<(String, i128)> {
    let mut bars = Vec::new();
    let mut expected = None;
    for (day, height) in days {
        while let Some(gap) = expected.filter(|gap| *gap < day && bars.len() < MOST) {
            bars.push((Date::to_string(&gap), 0));
            expected = gap.tomorrow().ok();
        }
        bars.push((day.to_string(), height));
        expected = day.tomorrow().ok();
    }
    bars
}

/// Draws for a terminal: a line a day.
pub(super) fn text(chart: &Chart) -> String {
    if chart.bars.is_empty() {
        return "nothing was recorded in this time\n".to_owned();
    }
    let mut text = format!("{}\n", chart.title);
    for (day, height) in &chart.bars {
        // Eighths of a letter, so that small differences show.
        let eighths = chart.scaled(*height, COLUMNS * 8);
        let part = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"].get((eighths % 8) as usize).copied().unwrap_or_default();
        let bar = "█".repeat((eighths / 8) as usize);
        text.push_str(format!("{day}  {bar}{part} {}", chart.label(*height)).trim_end());
        text.push('\n');
    }
    text
}

/// Draws an SVG picture.
pub(super) fn svg(chart: &Chart) -> Vec<u8> {
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{}</text>\n",
        chart.title
    );
    for line in lines(chart) {
        picture.push_str(&format!(
            "<path d=\"M{LEFT} {0}H{1}\" stroke=\"#ddd\"/><text x=\"{2}\" y=\"{3}\" text-anchor=\"end\">{4}</text>\n",
            line.y,
            WIDTH - RIGHT,
            LEFT - 8,
            line.y + 4,
            line.label
        ));
    }
    for bar in bars(chart) {
        picture.push_str(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#2f6fb0\"><title>{}: {}</title></rect>\n",
            bar.x, bar.y, bar.width, bar.height, bar.day, bar.label
        ));
        if bar.is_named {
            picture.push_str(&format!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                bar.x + bar.width / 2,
                HEIGHT - BOTTOM + 18,
                bar.day.get(5..).unwrap_or(&bar.day)
            ));
        }
    }
    picture.push_str("</svg>\n");
    picture.into_bytes()
}

/// Draws a PNG picture.
pub(super) fn png(chart: &Chart) -> Vec<u8> {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    canvas.text(LEFT, 12, &chart.title, INK);
    for line in lines(chart) {
        canvas.fill(LEFT, line.y, WIDTH - LEFT - RIGHT, 1, GRID);
        canvas.text_before(LEFT - 8, line.y.saturating_sub(4), &line.label, INK);
    }
    for bar in bars(chart) {
        canvas.fill(bar.x, bar.y, bar.width, bar.height, BAR);
        if bar.is_named {
            canvas.text_around(bar.x + bar.width / 2, HEIGHT - BOTTOM + 10, bar.day.get(5..).unwrap_or(&bar.day), INK);
        }
    }
    canvas.png()
}

struct Line {
    y: u32,
    label: String,
}

fn lines(chart: &Chart) -> Vec<Line> {
    let line = |quarter: u32| {
        let height = chart.highest() * i128::from(quarter) / 4;
        Line { y: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * quarter / 4, label: chart.label(height) }
    };
    (0..=4).map(line).collect()
}

struct Bar {
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    day: String,
    label: String,
    /// Whether there is room for its day below it.
    is_named: bool,
}

fn bars(chart: &Chart) -> Vec<Bar> {
    let count = u32::try_from(chart.bars.len()).unwrap_or(u32::MAX).max(1);
    let room = WIDTH - LEFT - RIGHT;
    let every = (count * 48).div_ceil(room).max(1);
    let bar = |(place, (day, height)): (u32, &(String, i128))| {
        let (x, next) = (LEFT + room * place / count, LEFT + room * (place + 1) / count);
        let gap = u32::from(next > x + 3);
        let points = chart.scaled(*height, HEIGHT - TOP - BOTTOM);
        Bar {
            x: x + gap,
            y: HEIGHT - BOTTOM - points,
            width: (next - x).saturating_sub(2 * gap).max(1),
            height: points,
            day: day.clone(),
            label: chart.label(*height),
            is_named: place % every == 0,
        }
    };
    (0..count).zip(&chart.bars).map(bar).collect()
}

const COLUMNS: u32 = 50;
const WIDTH: u32 = 960;
const HEIGHT: u32 = 400;
const LEFT: u32 = 110;
const RIGHT: u32 = 20;
const TOP: u32 = 48;
const BOTTOM: u32 = 40;
/// The most days of a picture that holds gaps.
const MOST: usize = 4000;
const INK: [u8; 3] = [0x33, 0x33, 0x33];
const GRID: [u8; 3] = [0xdd, 0xdd, 0xdd];
const BAR: [u8; 3] = [0x2f, 0x6f, 0xb0];
