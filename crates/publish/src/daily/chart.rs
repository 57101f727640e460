//! The report's drawings as inline SVG. Colours come from the page's classes, so that light, dark and
//! print need one drawing.

use std::fmt::Write;

use chrono::NaiveDate;
use minijinja::HtmlEscape;

use super::{HourLine, TrendDay, words};
use crate::Decimal;

/// A drawing's size in pixels; text does not scale, so wide pages and phones have one each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

const LEFT: f64 = 60.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 22.0;

/// Maps values to heights, zero always among them.
struct Scale {
    low: f64,
    high: f64,
    step: f64,
    size: Size,
}

impl Scale {
    fn new(values: impl Iterator<Item = f64>, size: Size) -> Self {
        let (low, high) = values.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        let rough = ((high - low) / 3.0).max(1.0);
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|nice| nice * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        Self { low: (low / step).floor() * step, high: (high / step).ceil().max(1.0) * step, step, size }
    }

    fn y(&self, value: f64) -> f64 {
        let inner = self.size.height - TOP - BOTTOM;
        TOP + inner * (self.high - value) / (self.high - self.low)
    }

    /// Lines across with their values.
    fn grid(&self, out: &mut String, currency: &str) {
        let mut tick = self.low;
        while tick <= self.high + self.step / 2.0 {
            let y = self.y(tick);
            let class = if tick.abs() < self.step / 2.0 { "zero" } else { "grid" };
            let value = Decimal::new(tick.round() as i128, 0);
            // The currency stands once, at the top; thousands on an axis of thousands are all `k`.
            let label = match tick.abs() {
                _ if tick + self.step > self.high => value.short_money(currency),
                small if self.high >= 10_000.0 && (1000.0..10_000.0).contains(&small) => {
                    format!("{}k", Decimal { scale: 3, ..value }.rounded(0).grouped())
                }
                _ => value.short(),
            };
            let _ = write!(
                out,
                r#"<line class="{class}" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                self.size.width - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                HtmlEscape(&label)
            );
            tick += self.step;
        }
    }
}

/// Revenue by day as a line, the days before as a pale line behind it. The last day is dashed where it
/// is not over.
pub(super) fn trend(
    days: &[TrendDay],
    before: &[TrendDay],
    size: Size,
    currency: &str,
    unfinished: bool,
    label: &str,
) -> String {
    let revenue = |day: &TrendDay| day.figures.map(|figures| figures.revenue);
    let values: Vec<Option<f64>> = days.iter().map(|day| revenue(day).map(Decimal::to_drawing)).collect();
    let pale: Vec<Option<f64>> = before.iter().map(|day| revenue(day).map(Decimal::to_drawing)).collect();
    let scale = Scale::new(values.iter().chain(&pale).flatten().copied(), size);
    let step = (size.width - LEFT - RIGHT - 8.0) / (days.len().max(2) - 1) as f64;
    let x = |index: usize| LEFT + 4.0 + step * index as f64;
    let mut out = open(size, label);
    scale.grid(&mut out, currency);
    line(&mut out, "before", &pale, &x, &scale);
    let solid = if unfinished { values.len().saturating_sub(1) } else { values.len() };
    line(&mut out, "line", &values[..solid], &x, &scale);
    if let (true, [.., Some(from), Some(to)]) = (unfinished, values.as_slice()) {
        let (last, y1, y2) = (values.len() - 1, scale.y(*from), scale.y(*to));
        let (x1, x2) = (x(last - 1), x(last));
        let _ = write!(out, r#"<path class="line dashed" d="M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}"/>"#);
    }
    labels(&mut out, days, &values, &x, &scale, currency);
    for (index, day) in days.iter().enumerate() {
        let title = match &day.figures {
            Some(figures) => format!(
                "{}: {}, {}",
                words::long_date(day.date),
                figures.revenue.money(currency),
                words::counted(figures.transactions, "sale")
            ),
            None => format!("{}: nothing known", words::long_date(day.date)),
        };
        let _ = write!(
            out,
            r#"<rect class="hit" x="{:.1}" y="0" width="{step:.1}" height="{}"><title>{}</title></rect>"#,
            x(index) - step / 2.0,
            size.height,
            HtmlEscape(&title)
        );
    }
    out + "</svg>"
}

/// Names the first, a middle and the last day, the last value and the highest one.
fn labels(
    out: &mut String,
    days: &[TrendDay],
    values: &[Option<f64>],
    x: &impl Fn(usize) -> f64,
    scale: &Scale,
    currency: &str,
) {
    let last = days.len().saturating_sub(1);
    for (index, anchor) in [(0, "start"), (last / 2, "middle"), (last, "end")] {
        let Some(day) = days.get(index) else { continue };
        let date = words::short_date(day.date);
        let (x, y) = (x(index), scale.size.height - 6.0);
        let _ = write!(out, r#"<text class="tick" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{date}</text>"#);
    }
    let highest =
        (0..values.len()).max_by(|a, b| values[*a].unwrap_or(f64::MIN).total_cmp(&values[*b].unwrap_or(f64::MIN)));
    // Two labels that would stand in each other's way say less than one.
    let clear = (scale.size.width / 90.0).max(1.0) as usize;
    let highest = highest.filter(|index| last.abs_diff(*index) > days.len() / clear);
    for (index, class) in [(Some(last), "end"), (highest, "top")] {
        let Some((index, day)) = index.and_then(|index| Some((index, days.get(index)?))) else { continue };
        let (Some(value), Some(figures)) = (values[index], day.figures) else { continue };
        let (px, py) = (x(index), scale.y(value));
        let anchor = match px {
            near if near < LEFT + 24.0 => "start",
            far if far > scale.size.width - 60.0 => "end",
            _ => "middle",
        };
        let text = figures.revenue.short_money(currency);
        let _ = write!(
            out,
            r#"<circle class="dot {class}" cx="{px:.1}" cy="{py:.1}" r="3.5"/><text class="value" x="{px:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            py - 9.0,
            HtmlEscape(&text)
        );
    }
}

/// Joins the known values; a gap stays a gap, a value between gaps is a dot.
fn line(out: &mut String, class: &str, values: &[Option<f64>], x: &impl Fn(usize) -> f64, scale: &Scale) {
    let mut path = String::new();
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let (px, py) = (x(index), scale.y(*value));
        let joins = index > 0 && values[index - 1].is_some();
        let alone = !joins && !matches!(values.get(index + 1), Some(Some(_)));
        let _ = match (joins, alone) {
            (true, _) => write!(path, "L{px:.1} {py:.1}"),
            (_, true) => write!(path, "M{px:.1} {py:.1}h0.1"),
            _ => write!(path, "M{px:.1} {py:.1}"),
        };
    }
    let _ = write!(out, r#"<path class="{class}" d="{path}"/>"#);
}

/// Revenue by hour as columns.
pub(super) fn hours(hours: &[HourLine], size: Size, currency: &str, label: &str) -> String {
    let value = |line: &HourLine| line.revenue.to_drawing();
    let scale = Scale::new(hours.iter().map(value), size);
    let slot = (size.width - LEFT - RIGHT) / 24.0;
    let mut out = open(size, label);
    scale.grid(&mut out, currency);
    for line in hours {
        let (x, y, zero) = (LEFT + slot * f64::from(line.hour), scale.y(value(line)), scale.y(0.0));
        let (top, height) = (y.min(zero), (zero - y).abs());
        let title = format!(
            "{:02}:00 to {:02}:00: {}, {}",
            line.hour,
            (line.hour + 1) % 24,
            line.revenue.money(currency),
            words::counted(line.orders, "sale")
        );
        let _ = write!(
            out,
            r#"<rect class="bar" x="{:.1}" y="{top:.1}" width="{:.1}" height="{height:.1}"><title>{}</title></rect>"#,
            x + slot * 0.12,
            slot * 0.76,
            HtmlEscape(&title)
        );
        if line.hour % 6 == 0 || line.hour == 23 {
            let (x, y) = (x + slot / 2.0, size.height - 6.0);
            let _ =
                write!(out, r#"<text class="tick" x="{x:.1}" y="{y:.1}" text-anchor="middle">{:02}</text>"#, line.hour);
        }
    }
    out + "</svg>"
}

/// A key figure's history without axes; the last value as a dot.
pub(super) fn sparkline(history: &[Option<Decimal>]) -> String {
    let size = Size { width: 120.0, height: 28.0 };
    let values: Vec<Option<f64>> = history.iter().map(|value| value.map(Decimal::to_drawing)).collect();
    let known = || values.iter().flatten().copied();
    let (low, high) = known().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let spread = if high > low { high - low } else { 1.0 };
    let step = (size.width - 8.0) / (values.len().max(2) - 1) as f64;
    let point = |index: usize, value: f64| (4.0 + step * index as f64, 24.0 - 20.0 * (value - low) / spread);
    let mut path = String::new();
    let mut joined = false;
    for (index, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (x, y) = point(index, *value);
            let _ = write!(path, "{}{x:.1} {y:.1}", if joined { "L" } else { "M" });
        }
        joined = value.is_some();
    }
    let dot = match values.last() {
        Some(Some(value)) => {
            let (x, y) = point(values.len() - 1, *value);
            format!(r#"<circle class="dot end" cx="{x:.1}" cy="{y:.1}" r="2.5"/>"#)
        }
        _ => String::new(),
    };
    format!(
        r#"<svg class="spark" viewBox="0 0 {} {}" width="120" height="28" aria-hidden="true"><path class="line" d="{path}"/>{dot}</svg>"#,
        size.width, size.height
    )
}

/// A horizontal bar that fills `share` (0 to 1) of its cell. An image, since browsers do not print backgrounds.
pub(super) fn bar(share: f64) -> String {
    let width = (share.clamp(0.0, 1.0) * 100.0).max(0.3);
    format!(
        r#"<svg class="share" width="100%" height="6" aria-hidden="true"><rect class="bar" width="{width:.1}%" height="6" rx="1"/></svg>"#
    )
}

/// The days of the trend that have no sales and the ones that are not known.
pub(super) fn quiet_days(days: &[TrendDay]) -> (Vec<NaiveDate>, usize) {
    let quiet = days.iter().filter(|day| day.figures.is_some_and(|figures| figures.transactions == 0));
    (quiet.map(|day| day.date).collect(), days.iter().filter(|day| day.figures.is_none()).count())
}

fn open(size: Size, label: &str) -> String {
    let Size { width, height } = size;
    format!(
        r#"<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{}">"#,
        HtmlEscape(label)
    )
}
